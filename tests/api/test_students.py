"""The students, for programs: each operation, and who may do it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from qapp.students.models import MOST_AT_ONCE
from tests.conftest import Dump, Visitor

from .conftest import STUDENT, STUDENTS, Program


async def test_a_student_is_added_and_found_where_the_answer_leads(
    alice_program: Program, nobody: Program
) -> None:
    added = await alice_program.added(STUDENTS, STUDENT)
    assert added.location == f"{STUDENTS}/{added.json['id']}"
    assert added.json == {"id": added.json["id"], **STUDENT}
    found = await nobody.get(added.location)
    assert (found.status, found.json, found.etag) == (200, added.json, added.etag)


async def test_anybody_with_a_token_that_may_write_changes_a_student(
    alice_program: Program, bob_program: Program
) -> None:
    added = await alice_program.added(STUDENTS, STUDENT)
    changed = await bob_program.put(
        added.location, {**STUDENT, "city": " Mumbai "}, {"If-Match": added.etag}
    )
    assert (changed.status, changed.json["city"]) == (200, "Mumbai")
    assert changed.etag != added.etag
    found = await alice_program.get(added.location)
    assert (found.json, found.etag) == (changed.json, changed.etag)
    removed = await alice_program.delete(added.location, {"If-Match": found.etag})
    assert (removed.status, removed.body) == (204, b"")
    (await alice_program.get(added.location)).problem(404)


async def test_who_changes_needs_a_token_that_may_write(
    alice_program: Program, nobody: Program, reader: Program
) -> None:
    added = await alice_program.added(STUDENTS, STUDENT)
    match = {"If-Match": added.etag}
    for program, status in ((nobody, 401), (reader, 403)):
        (await program.post(STUDENTS, STUDENT)).problem(status)
        (await program.post(f"{STUDENTS}/bulk", {"items": [STUDENT]})).problem(status)
        (await program.put(added.location, STUDENT, match)).problem(status)
        (await program.delete(added.location, match)).problem(status)
    assert (await nobody.get(STUDENTS)).json["items"] == [added.json]


async def test_a_student_changed_in_the_browser_is_not_overwritten(
    alice: Visitor, alice_program: Program
) -> None:
    added = await alice_program.added(STUDENTS, STUDENT)
    number = added.json["id"]
    form = {**STUDENT, "city": "Delhi", "version": "1"}
    assert (await alice.post(f"/students/{number}/edit", form)).status_code == 302
    (await alice_program.put(added.location, STUDENT, {"If-Match": added.etag})).problem(412)
    (await alice_program.delete(added.location, {"If-Match": added.etag})).problem(412)
    assert (await alice_program.get(added.location)).json["city"] == "Delhi"


async def test_an_id_is_never_another_students(alice_program: Program) -> None:
    added = await alice_program.added(STUDENTS, STUDENT)
    await alice_program.delete(added.location, {"If-Match": added.etag})
    assert (await alice_program.added(STUDENTS, STUDENT)).json["id"] > added.json["id"]


async def test_many_are_added_at_once(alice_program: Program, nobody: Program) -> None:
    items = [{**STUDENT, "name": f"Student {number}"} for number in range(MOST_AT_ONCE)]
    added = await alice_program.added(f"{STUDENTS}/bulk", {"items": items})
    assert added.json == {"added": MOST_AT_ONCE}
    listed = await nobody.get(added.location)
    assert [student["name"] for student in listed.json["items"]][:2] == [
        f"Student {MOST_AT_ONCE - 1}",
        f"Student {MOST_AT_ONCE - 2}",
    ]


async def test_of_many_none_is_added_if_one_is_wrong(
    alice_program: Program, dump: Callable[[], Dump]
) -> None:
    wrong = [STUDENT, {**STUDENT, "pin": "?"}, {"name": " "}]
    reply = await alice_program.post(f"{STUDENTS}/bulk", {"items": wrong})
    assert reply.fields == [
        "/items/1/pin", "/items/2/name", "/items/2/city", "/items/2/addr", "/items/2/pin",
    ]  # fmt: skip
    for count in (0, MOST_AT_ONCE + 1):
        reply = await alice_program.post(f"{STUDENTS}/bulk", {"items": [STUDENT] * count})
        assert reply.fields == ["/items"]
    assert dump()["students"] == []


async def test_of_very_many_faults_some_are_named(alice_program: Program) -> None:
    reply = await alice_program.post(f"{STUDENTS}/bulk", {"items": [{}] * MOST_AT_ONCE})
    assert 1 < len(reply.fields) <= 20
    assert "4000 faults" in reply.json["detail"]
    assert len(reply.body) < 10_000


async def some(program: Program) -> None:
    for name, city in (("Ana", "Pune"), ("Bo", "Delhi"), ("ana", "Agra"), ("Cy", "Pune")):
        await program.added(STUDENTS, {**STUDENT, "name": name, "city": city})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Cy", "ana", "Bo", "Ana"]),
        ("?sort=id", ["Ana", "Bo", "ana", "Cy"]),
        ("?sort=name", ["Ana", "Bo", "Cy", "ana"]),
        ("?sort=-name", ["ana", "Cy", "Bo", "Ana"]),
        ("?sort=city", ["ana", "Bo", "Ana", "Cy"]),
        ("?sort=-city", ["Cy", "Ana", "Bo", "ana"]),
        ("?q=ANA", ["ana", "Ana"]),
        ("?q=pun", ["Cy", "Ana"]),
        ("?q=pun&in=name", []),
        ("?q=n&in=name", ["ana", "Ana"]),
        ("?q=%25", []),
        ("?q=_", []),
        ("?q=%20%20", ["Cy", "ana", "Bo", "Ana"]),
        ("?q=%00", ["Cy", "ana", "Bo", "Ana"]),
        ("?q=an%00", ["ana", "Ana"]),
        ("?sort=id&after=2", ["ana", "Cy"]),
        ("?sort=name&after=1&value=Ana", ["Bo", "Cy", "ana"]),
        ("?sort=name&after=999&value=Bo%00", ["Cy", "ana"]),
        ("?limit=1", ["Cy"]),
    ],
)
async def test_a_list_is_looked_through_and_sorted(
    alice_program: Program, nobody: Program, query: str, names: list[str]
) -> None:
    await some(alice_program)
    found = await nobody.get(f"{STUDENTS}{query}")
    assert [student["name"] for student in found.json["items"]] == names
    asked = f"{query or '?'}&format=ndjson"
    lines = (await nobody.get(f"{STUDENTS}{asked}")).body.splitlines()
    assert [json.loads(line)["name"] for line in lines] == names
