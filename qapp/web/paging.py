"""Paging: how much a visitor has on a page, and pages that start where the one before ended.

Such a page, found by a key, has the same price at any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, takewhile
from typing import Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import urlencode

from quart import request, url_for
from werkzeug.exceptions import BadRequest

PAGE_SIZE = 20
PAGE_SIZES = {str(size): size for size in (10, PAGE_SIZE, 50, 100)}
PAGE_SIZE_COOKIE = "page_size"
# What is made and sent at once keeps the loop from all else: with this much for about 10 ms.
MOST_BYTES = 500_000
LARGEST_ID = 2**63 - 1


class HasId(Protocol):
    """What a keyset page is made of."""

    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=HasId)


class Page(NamedTuple, Generic[T]):
    """A page of items, and the id that the next one is to start before, None at the end."""

    items: Sequence[T]
    before: int | None


def page_size() -> int:
    """Return how many items the visitor has chosen to see on a page, else `PAGE_SIZE`."""
    return PAGE_SIZES.get(request.cookies.get(PAGE_SIZE_COOKIE, ""), PAGE_SIZE)


def page_of(
    rows: Sequence[T], size: int = PAGE_SIZE, bytes_of: Callable[[T], int] | None = None
) -> Page[T]:
    """Make a page of `size` + 1 rows or fewer: the row too many says that there is a next page.

    :param bytes_of: how long an item is; a page ends before those that pass `MOST_BYTES` together.
    """
    items = rows[:size]
    if bytes_of is not None:
        items = items[: fitting(items, bytes_of)]
    return Page(items, items[-1].id if len(items) < len(rows) else None)


def fitting(items: Iterable[T], bytes_of: Callable[[T], int]) -> int:
    """Return how many of the first items make a page of `MOST_BYTES` at most; one at least."""
    totals = accumulate(map(bytes_of, items))
    return max(1, sum(1 for _ in takewhile(lambda total: total <= MOST_BYTES, totals)))


def size_that_fits(items: Sequence[T], size: int, offset: int, bytes_of: Callable[[T], int]) -> int:
    """Return the size of a page among counted ones that is not too long.

    :param items: those of the page that was asked for, of this `size` at most.
    :param offset: how many are on the pages before it. What is returned divides that without a
        rest: a page of the smaller size begins there, too.
    """
    fit = fitting(items, bytes_of)
    if fit >= len(items):
        return size
    return next(smaller for smaller in range(fit, 0, -1) if offset % smaller == 0)


def before_asked() -> int:
    """Return the request's `?before=`, or the largest id there can be.

    :raises BadRequest: if it is not the number of an entry.
    """
    text = request.args.get("before")
    if text is None:
        return LARGEST_ID
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and 0 < int(text) <= LARGEST_ID):
        raise BadRequest("“before” has to be the number of an entry. Leave it out for the newest.")
    return int(text)


def url_of_page(endpoint: str, **values: object) -> str:
    """Return the address of a page of a list; what is None is left out.

    No two pages have the same, and Werkzeug builds one in the time of some reads: only that of the
    list, which is remembered, is left to it.
    """
    query = {name: value for name, value in values.items() if value is not None}
    return f"{url_for(endpoint)}?{urlencode(query)}"
