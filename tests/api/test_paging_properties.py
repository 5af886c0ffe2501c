"""Whatever is stored, and whatever comes and goes meanwhile: pages have each row once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quart import Quart

from qapp.extensions import db
from qapp.students.queries import COLUMNS, add_students

from .conftest import ENTRIES, ENTRY, FILES, STUDENT, STUDENTS, Program
from .tools import upload

# Few texts, so that many are equal: what is in an address is escaped, and compared by its bytes.
TEXTS = ["a", "A", "b b", "é", "e\u0301", "&=#?%20+", "🙂", "\uffff", "a" * 100]
SORTS = ["id", *COLUMNS]
FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
student = st.fixed_dictionaries(
    {column: st.sampled_from(TEXTS) for column in COLUMNS if column != "pin"}
    | {"pin": st.sampled_from(["411001", "a-1", "411 001"])}
)
row = st.integers(0, 40)


async def stored(app: Quart, students: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Put students in the place of those that are there; return them as programs get them."""
    async with app.app_context():
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM students")
            await add_students(tx, students=students)
        rows = await db.fetch_all("SELECT id, name, city, addr, pin FROM students ORDER BY id")
    return [dict(zip(("id", *COLUMNS), each, strict=True)) for each in rows]


@FEW
@given(
    students=st.lists(student, max_size=20),
    column=st.sampled_from(SORTS),
    is_descending=st.booleans(),
    limit=st.integers(1, 7),
    words=st.sampled_from(["", "a", "%", "&=", "🙂"]),
    looked_at=st.sampled_from([None, *COLUMNS]),
)
async def test_pages_of_students_have_each_that_is_looked_for_once(
    app: Quart,
    nobody: Program,
    students: list[dict[str, str]],
    column: str,
    is_descending: bool,
    limit: int,
    words: str,
    looked_at: str | None,
) -> None:
    there = await stored(app, students)
    query: dict[str, Any] = {"sort": "-" * is_descending + column, "limit": limit, "q": words}
    if looked_at:
        query["in"] = looked_at
    page = (await nobody.get(STUDENTS, query_string=query)).json
    found = list(page["items"])
    while page["next"]:
        page = (await nobody.get(page["next"])).json
        assert page["items"], "an empty page after one that has a next"
        assert len(page["items"]) <= limit
        found += page["items"]
    expected = [
        each
        for each in there
        if any(
            words.lower() in each[name].lower() for name in ([looked_at] if looked_at else COLUMNS)
        )
    ]
    expected.sort(key=lambda each: (each[column], each["id"]), reverse=is_descending)
    assert found == expected


@FEW
@given(
    students=st.lists(student, min_size=1, max_size=20),
    column=st.sampled_from(SORTS),
    is_descending=st.booleans(),
    limit=st.integers(1, 4),
    meanwhile=st.lists(st.one_of(student, row), max_size=8),
)
async def test_who_stays_is_on_one_page_whoever_comes_and_goes(
    app: Quart,
    nobody: Program,
    students: list[dict[str, str]],
    column: str,
    is_descending: bool,
    limit: int,
    meanwhile: list[dict[str, str] | int],
) -> None:
    there = await stored(app, students)
    stays = {each["id"] for each in there}
    query = {"sort": "-" * is_descending + column, "limit": limit}
    page = (await nobody.get(STUDENTS, query_string=query)).json
    found = list(page["items"])
    changes = iter(meanwhile)
    while page["next"]:
        change = next(changes, None)
        async with app.app_context():
            if isinstance(change, dict):
                await add_students(db, students=[change])
            elif change is not None:
                gone = there[change % len(there)]["id"]
                stays.discard(gone)
                await db.execute("DELETE FROM students WHERE id = :id", {"id": gone})
        page = (await nobody.get(page["next"])).json
        found += page["items"]
        assert len(found) <= len(students) + len(meanwhile)
    ids = [each["id"] for each in found]
    assert len(set(ids)) == len(ids)
    assert stays <= set(ids)
    keys = [(each[column], each["id"]) for each in found]
    assert keys == sorted(keys, reverse=is_descending)


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_of_files_have_each_once_whichever_go(
    alice_program: Program, limit: int
) -> None:
    added = [await upload(alice_program) for _ in range(7)]
    page = (await alice_program.get(f"{FILES}?limit={limit}")).json
    found = [each["id"] for each in page["items"]]
    # The one that the next page is behind, and one that is to come.
    for gone in (next(file for file in added if file.json["id"] == found[-1]), added[1]):
        await alice_program.delete(gone.location, {"If-Match": gone.etag})
    await upload(alice_program)
    while page["next"]:
        page = (await alice_program.get(page["next"])).json
        found += [each["id"] for each in page["items"]]
    ids = [file.json["id"] for file in reversed(added)]
    assert found == [each for each in ids if limit > len(ids) or each != added[1].json["id"]]


@pytest.mark.parametrize("query", ["?", "?author=alice&"])
async def test_pages_of_entries_have_each_once_whichever_come_and_go(
    alice_program: Program, query: str
) -> None:
    added = [await alice_program.added() for _ in range(7)]
    page = (await alice_program.get(f"{ENTRIES}{query}limit=2")).json
    found = [each["id"] for each in page["items"]]
    for gone in (added[5], added[2]):  # the last of the first page, and one that is to come
        assert (await alice_program.delete(gone.location, {"If-Match": gone.etag})).status == 204
    await alice_program.added(json={**ENTRY, "title": "Late"})
    while page["next"]:
        page = (await alice_program.get(page["next"])).json
        found += [each["id"] for each in page["items"]]
    assert found == [added[number].json["id"] for number in (6, 5, 4, 3, 1, 0)]


async def test_a_place_whose_student_changed_is_still_one(
    alice_program: Program, nobody: Program
) -> None:
    for name in "abcd":
        await alice_program.added(STUDENTS, {**STUDENT, "name": name})
    page = (await nobody.get(f"{STUDENTS}?sort=name&limit=2")).json
    last = page["items"][-1]
    moved = await alice_program.put(
        f"{STUDENTS}/{last['id']}", {**STUDENT, "name": "z"}, {"If-Match": '"1"'}
    )
    assert moved.status == 200
    rest = (await nobody.get(page["next"])).json
    assert [each["name"] for each in rest["items"]] == ["c", "d"]
