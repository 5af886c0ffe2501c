"""Keyset paging: a page starts where the one before it ended, at any depth for the same price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from quart import request
from werkzeug.exceptions import BadRequest

PAGE_SIZE = 20
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


def page_of(rows: Sequence[T], size: int = PAGE_SIZE) -> Page[T]:
    """Make a page of `size` + 1 rows or fewer: the row too many says that there is a next page."""
    items = rows[:size]
    return Page(items, items[-1].id if len(rows) > size else None)


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
