"""How much a visitor has on a page."""

from __future__ import annotations

from flask import request

from qapp.web.paging import PAGE_SIZE, PAGE_SIZE_COOKIE, PAGE_SIZES


def page_size() -> int:
    """Return how many items the visitor has chosen to see on a page."""
    chosen = request.cookies.get(PAGE_SIZE_COOKIE, "")
    return PAGE_SIZES.get(chosen, PAGE_SIZE)
