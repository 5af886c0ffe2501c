"""Paging by itself."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from quart import Quart
from werkzeug.exceptions import BadRequest

from qapp.web.paging import (
    LARGEST_ID,
    MOST_BYTES,
    Page,
    before_asked,
    page_of,
    page_size,
    size_that_fits,
)


class Item(NamedTuple):
    id: int


def items(count: int) -> list[Item]:
    return [Item(number) for number in range(count, 0, -1)]


@pytest.mark.parametrize(
    ("count", "shown", "before"), [(0, 0, None), (1, 1, None), (3, 3, None), (4, 3, 2)]
)
def test_the_row_too_many_says_that_there_is_a_next_page(
    count: int, shown: int, before: int | None
) -> None:
    assert page_of(items(count), 3) == Page(items(count)[:shown], before)


@pytest.mark.parametrize(
    ("sizes", "shown", "before"),
    [
        ([MOST_BYTES // 2, MOST_BYTES // 2, 1], 2, 2),  # all that fits
        ([MOST_BYTES, 1, 0], 1, 3),
        ([MOST_BYTES + 1, 0, 0], 1, 3),  # one, however long
        ([0, 0, MOST_BYTES, 1], 3, 2),  # no more than asked for
        ([0, 0, MOST_BYTES], 3, None),
        ([], 0, None),
    ],
)
def test_a_page_ends_before_it_is_too_long(
    sizes: list[int], shown: int, before: int | None
) -> None:
    rows = items(len(sizes))
    lengths = dict(zip(rows, sizes, strict=True))
    assert page_of(rows, 3, lengths.__getitem__) == Page(rows[:shown], before)


@pytest.mark.parametrize(
    ("sizes", "offset", "fits"),
    [
        ([1] * 7, 24, 12),  # fewer than there could be
        ([1] * 12, 24, 12),
        ([MOST_BYTES // 5] * 12, 0, 5),
        ([MOST_BYTES // 5] * 12, 12, 4),  # a page of 5 would not begin there
        ([MOST_BYTES // 5] * 12, 35, 5),
        ([MOST_BYTES // 5] * 12, 97, 1),
        ([MOST_BYTES + 1] * 12, 24, 1),
        ([], 24, 12),
    ],
)
def test_a_counted_page_that_is_too_long_gets_a_smaller_size(
    sizes: list[int], offset: int, fits: int
) -> None:
    rows = items(len(sizes))
    lengths = dict(zip(rows, sizes, strict=True))
    assert size_that_fits(rows, 12, offset, lengths.__getitem__) == fits


def test_a_page_holds_20_items() -> None:
    assert len(page_of(items(21)).items) == 20


@pytest.mark.parametrize(
    ("query", "before"),
    [("", LARGEST_ID), ("before=1", 1), ("before=0042", 42), (f"before={LARGEST_ID}", LARGEST_ID)],
)
async def test_the_place_to_start_is_asked_for_by_id(query: str, before: int) -> None:
    async with Quart(__name__).test_request_context(f"/?{query}"):
        assert before_asked() == before


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "%C2%B2", "9" * 19, "9" * 20, "%201"])
async def test_what_is_no_id_is_refused(text: str) -> None:
    async with Quart(__name__).test_request_context(f"/?before={text}"):
        with pytest.raises(BadRequest, match="has to be the number of an entry"):
            before_asked()


@pytest.mark.parametrize(
    ("cookie", "size"),
    [
        (None, 20),
        ("page_size=10", 10),
        ("theme=dark; page_size=100", 100),
        ("page_size=50; page_size=10", 50),
        ("page_size=7", 20),
        ("page_size=", 20),
        ("page_size", 20),
        ("=;;page_size==10", 20),
        ("PAGE_SIZE=50", 20),
    ],
)
async def test_the_size_of_a_page_is_the_cookies(cookie: str | None, size: int) -> None:
    headers = {"Cookie": cookie} if cookie else {}
    async with Quart(__name__).test_request_context("/", headers=headers):
        assert page_size() == size
