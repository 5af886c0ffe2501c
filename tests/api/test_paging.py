"""Lists, page after page, and the students as lines."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from .conftest import ENTRIES, ENTRY, FILES, STUDENT, STUDENTS, Program

COLUMNS = ("name", "city", "addr", "pin")


async def followed(program: Program, path: str) -> list[dict[str, Any]]:
    """Return what all pages hold, from one on."""
    items: list[dict[str, Any]] = []
    address: str | None = path
    while address is not None:
        page = (await program.get(address)).json
        items += page["items"]
        address = page["next"]
        assert len(items) < 1000, "pages in a circle"
    return items


@pytest.fixture
async def students(alice_program: Program) -> list[dict[str, Any]]:
    """Students with many equal values, as they are stored."""
    added = [
        {"name": name, "city": city, "addr": f"{number % 3} Road", "pin": f"4110{number % 2}"}
        for number, (name, city) in enumerate(itertools.product("ABaéÉ", ("Pune", "Goa", "pune")))
    ]
    body = {"items": added}
    assert (await alice_program.post(f"{STUDENTS}/bulk", body)).status == 201
    return sorted(await followed(alice_program, STUDENTS), key=lambda student: student["id"])


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("sort", [*COLUMNS, "id", *(f"-{column}" for column in (*COLUMNS, "id"))])
async def test_pages_hold_each_student_once_in_order(
    alice_program: Program, students: list[dict[str, Any]], sort: str, limit: int
) -> None:
    column = sort.removeprefix("-")
    in_order = sorted(
        students, key=lambda student: (student[column], student["id"]), reverse=sort != column
    )
    address = f"{STUDENTS}?sort={sort}&limit={limit}"
    assert await followed(alice_program, address) == in_order
    lines = (await alice_program.get(f"{STUDENTS}?sort={sort}&format=ndjson")).body.splitlines()
    assert [json.loads(line) for line in lines] == in_order


async def test_pages_hold_those_that_are_looked_for(
    alice_program: Program, students: list[dict[str, Any]]
) -> None:
    found = await followed(alice_program, f"{STUDENTS}?q=PUNE&in=city&sort=name&limit=2")
    expected = [student for student in students if student["city"].lower() == "pune"]
    assert sorted(found, key=lambda student: student["id"]) == expected
    assert await followed(alice_program, f"{STUDENTS}?q=pune&in=name") == []
    assert await followed(alice_program, f"{STUDENTS}?q=%25") == []


async def test_what_comes_and_goes_meanwhile_moves_no_other(
    alice_program: Program, students: list[dict[str, Any]]
) -> None:
    first = (await alice_program.get(f"{STUDENTS}?sort=name&limit=5")).json
    await alice_program.added(STUDENTS, {**STUDENT, "name": "0 before all"})
    last = first["items"][-1]["id"]
    assert (await alice_program.delete(f"{STUDENTS}/{last}", {"If-Match": '"1"'})).status == 204
    found = first["items"] + await followed(alice_program, first["next"])
    assert len(found) == len(students)
    assert {student["id"] for student in found} == {student["id"] for student in students}


async def test_lines_begin_and_end_where_they_are_told(
    alice_program: Program, students: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qapp.students.queries.ROWS_AT_ONCE", 4)
    address = f"{STUDENTS}?format=ndjson&sort=id&after={students[1]['id']}"
    for limit, expected in ((None, students[2:]), (6, students[2:8]), (1, students[2:3])):
        reply = await alice_program.get(address + (f"&limit={limit}" if limit else ""))
        assert reply.headers["Content-Type"] == "application/x-ndjson"
        assert [json.loads(line) for line in reply.body.splitlines()] == expected
    assert (await alice_program.open("HEAD", f"{STUDENTS}?format=ndjson")).body == b""


async def test_pages_of_entries_and_hits_hold_each_once(
    alice_program: Program, bob_program: Program
) -> None:
    for number in range(7):
        who = bob_program if number == 3 else alice_program
        await who.added(json={**ENTRY, "title": f"Tea {number}"})
    titles = [entry["title"] for entry in await followed(alice_program, f"{ENTRIES}?limit=2")]
    assert titles == [f"Tea {number}" for number in reversed(range(7))]
    mine = await followed(alice_program, f"{ENTRIES}?author=alice&limit=2")
    assert {entry["author"] for entry in mine} == {"alice"}
    assert len(mine) == 6
    hits = await followed(alice_program, f"{ENTRIES}/search?q=tea&limit=3")
    assert sorted(entry["title"] for entry in hits) == sorted(titles)


@pytest.mark.parametrize("query", ["limit=100", "limit=100&author=alice"])
async def test_fewer_entries_are_on_a_page_when_they_are_long(
    alice_program: Program, query: str
) -> None:
    for title in ("Tea", "Coffee", "Milk"):
        await alice_program.added(json={"title": title, "text": "long " * 19_000})
    page = (await alice_program.get(f"{ENTRIES}?{query}")).json
    assert [entry["title"] for entry in page["items"]] == ["Milk", "Coffee"]
    rest = (await alice_program.get(page["next"])).json
    assert [entry["title"] for entry in rest["items"]] == ["Tea"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("query", "skipped"), [("limit=100", 0), ("limit=7", 0), ("limit=6&page=2", 6)]
)
async def test_fewer_hits_are_on_a_page_when_they_are_long(
    alice_program: Program, query: str, skipped: int
) -> None:
    for number in range(13):
        text = "tea " * (20_000 if number % 7 else 2)
        await alice_program.added(json={"title": f"Tea {number}", "text": text})
    search = f"{ENTRIES}/search?q=tea"
    hits = await followed(alice_program, f"{search}&limit=1")
    assert len({entry["id"] for entry in hits}) == 13
    assert len((await alice_program.get(f"{search}&{query}")).json["items"]) < 6
    assert await followed(alice_program, f"{search}&{query}") == hits[skipped:]


async def test_an_empty_list_has_no_next_page(nobody: Program) -> None:
    for path in (ENTRIES, STUDENTS, FILES, f"{ENTRIES}/search?q=tea"):
        assert (await nobody.get(path)).json == {"items": [], "next": None}
