"""The pages of the tour, for a browser."""

from __future__ import annotations

from playwright.async_api import Response

from qapp.tour.chapters import CHAPTERS
from tests.browser.conftest import Watched

PATIENCE_MS = 10_000
PAGES = ["/tour/", "/tour/api", *(f"/tour/{chapter.slug}" for chapter in CHAPTERS)]


async def open_page(watched: Watched, path: str) -> Response:
    """Open a page of the tour, which must be there."""
    watched.page.set_default_timeout(PATIENCE_MS)
    response = await watched.page.goto(path)
    assert response is not None
    assert response.status == 200, path
    return response
