"""The tour in a browser: every page read, in each look; a file of its own, as it takes its time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from tests.browser.conftest import each_look, watched_page
from tests.browser.tour import PAGES, open_page
from tests.serving import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One site for all chapters: nothing here depends on what another left."""
    with Server(tmp_path_factory.mktemp("tour"), workers=1) as server:
        yield server


@each_look
async def test_the_pages_are_good_to_read(
    browser: Browser, server: Server, tmp_path: Path, theme: str, width: int
) -> None:
    size = {"width": width, "height": 800}
    watched = await watched_page(browser, server, color_scheme=theme, viewport=size)
    page = watched.page
    found = []
    for path in PAGES:
        await open_page(watched, path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        name = path.strip("/").replace("/", "-")
        picture = tmp_path / f"{name}-{width}-{theme}.png"
        await page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 10_000, path  # an empty page compresses to less
        results = await Axe().run(page)
        found += [
            f"{path}: {fault['id']}: {json.dumps([node['html'] for node in fault['nodes']])}"
            for fault in results.response["violations"]
        ]
    assert found == []
    assert watched.errors == []
