"""Walking through more entries than one page holds."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.blog.tools import fill
from tests.conftest import Page, Visitor


async def walk(visitor: Visitor, pages: list[Page], path: str) -> list[list[str]]:
    """Follow "Older entries" from a page to the last one; return the titles of each."""
    found = []
    older: str | None = path
    while older:
        await visitor.get(older)
        context = shown(pages)
        found.append([entry.title for entry in context["entries"]])
        older = context["older_url"]
    return found


def shown(pages: list[Page]) -> dict[str, Any]:
    """Return with what the entries were rendered last: on the front page they are a part of it."""
    return next(page.context for page in reversed(pages) if "entries" in page.context)


def titles(first: int, last: int) -> list[str]:
    return [f"Entry {number}" for number in range(first, last - 1, -1)]


@pytest.mark.parametrize("path", ["/", "/users/alice"])
async def test_every_entry_is_on_one_page_and_the_newest_on_the_first(
    alice: Visitor, bob: Visitor, pages: list[Page], path: str
) -> None:
    await fill(alice.app, 55)
    assert await walk(bob, pages, path) == [titles(55, 36), titles(35, 16), titles(15, 1)]


@pytest.mark.parametrize("path", ["/", "/users/alice"])
@pytest.mark.parametrize("text", ["long " * 20_000, "茶" * 40_000], ids=["letters", "bytes"])
async def test_fewer_are_on_a_page_when_they_are_long(
    alice: Visitor, bob: Visitor, pages: list[Page], path: str, text: str
) -> None:
    await fill(alice.app, 10, text=text)
    assert await walk(bob, pages, path) == [titles(10, 7), titles(6, 3), titles(2, 1)]


async def test_an_entry_written_meanwhile_shifts_nothing(alice: Visitor, pages: list[Page]) -> None:
    await fill(alice.app, 55)
    await alice.get("/")
    older = shown(pages)["older_url"]
    await fill(alice.app, 1, first=56)
    assert await walk(alice, pages, older) == [titles(35, 16), titles(15, 1)]


async def test_an_entry_deleted_meanwhile_hides_no_other(alice: Visitor, pages: list[Page]) -> None:
    await fill(alice.app, 41)
    await alice.get("/")
    last, older = shown(pages)["entries"][-1], shown(pages)["older_url"]
    await alice.post(f"/post/{last.id}/delete")
    assert await walk(alice, pages, older) == [titles(21, 2), titles(1, 1)]


@pytest.mark.parametrize(("count", "has_next"), [(20, False), (21, True)])
async def test_there_is_a_next_page_only_when_there_is_something_on_it(
    alice: Visitor, pages: list[Page], count: int, has_next: bool
) -> None:
    await fill(alice.app, count)
    await alice.get("/")
    assert len(shown(pages)["entries"]) == 20
    assert (shown(pages)["older_url"] is not None) is has_next


async def test_a_later_page_leads_back_to_the_newest(alice: Visitor, pages: list[Page]) -> None:
    await fill(alice.app, 21)
    await alice.get("/users/Alice")
    html = await alice.text(pages[-1].context["older_url"])
    assert [page.context["newest_url"] for page in pages[-2:]] == [None, "/users/alice"]
    assert re.search(r'<a href="/users/alice" rel="prev">← Newest entries</a>', html)


@pytest.mark.parametrize("before", ["1", "9223372036854775807", "007"])
async def test_any_number_of_an_entry_is_a_place_to_start(alice: Visitor, before: str) -> None:
    await fill(alice.app, 3)
    assert (await alice.get(f"/?before={before}")).status_code == 200


async def test_before_the_first_there_is_nothing(alice: Visitor, pages: list[Page]) -> None:
    await fill(alice.app, 3)
    await alice.get("/?before=1")
    assert list(shown(pages)["entries"]) == []


@pytest.mark.parametrize("path", ["/", "/users/alice"])
async def test_what_is_no_number_of_an_entry_is_refused(alice: Visitor, path: str) -> None:
    for before in (
        "abc", "-1", "0", "", "%201", "1%20", "%E0%A5%A7", "%C2%B2", "1.0", "1e3", "%00", "+1",
        "1_0", "9223372036854775808", str(10**30), "9" * 5000, "1;DROP", "%FF", "1&before=x",
    ):  # fmt: skip
        response = await alice.get(f"{path}?before={before}")
        expected = 200 if before == "1&before=x" else 400
        assert response.status_code == expected, before
        if expected == 400:
            assert "“before” has to be" in await response.get_data(as_text=True)
