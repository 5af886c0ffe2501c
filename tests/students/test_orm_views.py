"""The students by the ORM: looked for, sorted, added, changed, deleted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart

from qapp.extensions import db
from qapp.students import queries
from tests.conftest import Dump, Page, Visitor
from tests.students.test_views import FORM, fill
from tests.web.tools import dangers_in

PEOPLE = [
    ("Asha", "Bengaluru", "14 MG Road", "560001"),
    ("Ravi", "Pune", "2 Lake Road", "411001"),
    ("Léa", "København", "100% Street", "1165"),
    ("Zoe", "Asha Town", "5_Under Way", "01234"),
]


@pytest.fixture
async def people(app: Quart) -> list[tuple[str, str, str, str]]:
    """Four students."""
    async with app.app_context():
        await db.execute_many(
            "INSERT INTO students (name, city, addr, pin) VALUES (:name, :city, :addr, :pin)",
            [dict(zip(FORM, person, strict=True)) for person in PEOPLE],
        )
    return PEOPLE


def shown(pages: list[Page]) -> list[str]:
    assert pages[-1].template == "students/show_all.html"
    return [student.name for student in pages[-1].context["found"].items]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Zoe", "Léa", "Ravi", "Asha"]),
        ("?q=asha", ["Zoe", "Asha"]),
        ("?q=ASHA&in=name", ["Asha"]),
        ("?q=asha&in=city", ["Zoe"]),
        ("?q=asha&in=", ["Zoe", "Asha"]),
        ("?q=%25", ["Léa"]),
        ("?q=_", ["Zoe"]),
        ("?q=01", ["Zoe", "Ravi", "Asha"]),
        ("?q=nobody", []),
        ("?q=%27%20OR%201%3D1", []),
        ("?q=%00", ["Zoe", "Léa", "Ravi", "Asha"]),
        ("?q=asha%00x", []),
        ("?sort=name", ["Asha", "Léa", "Ravi", "Zoe"]),
        ("?sort=-name", ["Zoe", "Ravi", "Léa", "Asha"]),
        ("?sort=pin", ["Zoe", "Léa", "Ravi", "Asha"]),
        ("?sort=city&q=road", ["Asha", "Ravi"]),
    ],
)
async def test_students_are_looked_for_and_sorted(
    visitor: Visitor, pages: list[Page], query: str, names: list[str]
) -> None:
    response = await visitor.get(f"/students{query}")
    assert response.status_code == 200
    assert shown(pages) == names
    assert dangers_in(await response.get_data(as_text=True)) == []


@pytest.mark.parametrize(
    ("text", "words", "is_found"),
    [
        ("Jürgen Müller", "MÜLLER", True),
        ("JÜRGEN MÜLLER", "jürgen müll", True),
        ("Ωμέγα", "ωΜΈΓα", True),
        ("Жанна", "жАННА", True),
        ("Straße", "STRAß", True),
        ("Müller", "Mueller", False),
        ("Müller", "MÜLLEX", False),
        ("ü*?[a]^-x", "Ü*?[A]^-X", True),
        ("ü 50% _", "Ü 50% _", True),
        ("ü 500 x", "Ü 50%", False),
        ("üab", "Ü*b", False),
        ("üab", "Ü?b", False),
        ("üa", "Ü[a-z]", False),
        ("日本語", "本", True),
    ],
)
async def test_letters_are_found_in_whatever_case(
    app: Quart, visitor: Visitor, pages: list[Page], text: str, words: str, is_found: bool
) -> None:
    async with app.app_context():
        await queries.add_student(db, **{**FORM, "name": text})
    response = await visitor.get("/students", query_string={"q": words})
    assert response.status_code == 200
    assert shown(pages) == [text] * is_found


@pytest.mark.parametrize(
    "query", ["?sort=password", "?sort=--name", "?in=id", "?sort=__class__", "?in=metadata"]
)
async def test_a_column_that_is_none_is_refused(visitor: Visitor, query: str) -> None:
    response = await visitor.get(f"/students{query}")
    assert response.status_code == 400
    assert "no such column" in await response.get_data(as_text=True)


async def test_the_heads_sort_up_and_down_and_keep_what_is_looked_for(
    app: Quart, visitor: Visitor, pages: list[Page]
) -> None:
    await fill(app, 3)
    text = await visitor.text("/students?q=student&in=name")
    link = re.search(r'<a href="([^"]+)">Name</a>', text)
    assert link is not None
    text = await visitor.text(link[1].replace("&amp;", "&"))
    assert shown(pages) == ["Student 1", "Student 2", "Student 3"]
    assert 'aria-sort="ascending"' in text
    link = re.search(r'<a href="([^"]+)">Name ↑</a>', text)
    assert link is not None
    text = await visitor.text(link[1].replace("&amp;", "&"))
    assert shown(pages) == ["Student 3", "Student 2", "Student 1"]
    assert 'aria-sort="descending"' in text


@pytest.mark.parametrize(
    ("query", "status", "first"),
    [
        ("?page=1", 200, "Student 45"),
        ("?page=3", 200, "Student 5"),
        ("?page=2&per_page=10", 200, "Student 35"),
        ("?per_page=1000000", 200, "Student 45"),
        ("?page=4", 404, None),
        ("?page=0", 404, None),
        ("?page=-1", 404, None),
        ("?page=x", 404, None),
        ("?page=" + "9" * 400, 404, None),
    ],
)
async def test_pages(
    app: Quart, visitor: Visitor, pages: list[Page], query: str, status: int, first: str | None
) -> None:
    await fill(app, 45)
    assert (await visitor.get(f"/students{query}")).status_code == status
    if first:
        assert shown(pages)[0] == first
        assert len(shown(pages)) <= 100


async def test_a_student_is_added(
    visitor: Visitor, pages: list[Page], dump: Callable[[], Dump]
) -> None:
    response = await visitor.post("/new", FORM)
    assert (response.status_code, response.headers["Location"]) == (302, "/students")
    text = await visitor.text("/students")
    assert "Record was successfully added" in text
    assert shown(pages) == ["Asha"]
    assert dump()["students"] == [(1, *FORM.values(), 1)]


@pytest.mark.parametrize("empty", FORM)
async def test_an_empty_field_is_asked_for(
    visitor: Visitor, dump: Callable[[], Dump], empty: str
) -> None:
    response = await visitor.post("/new", {**FORM, empty: " "})
    assert response.status_code == 422
    text = await response.get_data(as_text=True)
    assert re.search(r"flash-error.*?>\s*Please enter all the fields", text, re.DOTALL)
    assert f'id="{empty}-error"' in text
    assert dump()["students"] == []


async def test_a_wrong_field_is_told_beside_it(visitor: Visitor) -> None:
    response = await visitor.post("/new", {**FORM, "pin": "?"})
    text = await response.get_data(as_text=True)
    assert response.status_code == 422
    assert 'id="pin-error"' in text
    assert "Please enter all the fields" not in text


async def test_who_is_logged_in_changes_and_deletes(
    alice: Visitor, dump: Callable[[], Dump]
) -> None:
    await alice.post("/new", FORM)
    assert 'href="/students/1/edit"' in await alice.text("/students")
    assert 'value="1 MG Road"' in await alice.text("/students/1/edit")
    changed = {**FORM, "name": "Asha Rao", "version": "1"}
    assert (await alice.post("/students/1/edit", changed)).status_code == 302
    assert dump()["students"] == [(1, "Asha Rao", *list(FORM.values())[1:], 2)]
    wrong = {**FORM, "name": "", "version": "2"}
    assert (await alice.post("/students/1/edit", wrong)).status_code == 422
    assert dump()["students"][0][1] == "Asha Rao"
    assert (await alice.post("/students/1/delete")).status_code == 302
    assert dump()["students"] == []


async def test_nobody_else_does(alice: Visitor, visitor: Visitor, dump: Callable[[], Dump]) -> None:
    await alice.post("/new", FORM)
    before = dump()
    assert "/students/1/edit" not in await visitor.text("/students")
    assert (await visitor.get("/students/1/edit")).status_code == 401
    assert (await visitor.post("/students/1/edit", FORM)).status_code == 401
    assert (await visitor.post("/students/1/delete")).status_code == 401
    assert dump() == before


@pytest.mark.parametrize("path", ["/students/1", "/students/99999999999999999999"])
async def test_a_student_who_is_not_there_is_not_found(alice: Visitor, path: str) -> None:
    assert (await alice.get(f"{path}/edit")).status_code == 404
    assert (await alice.post(f"{path}/edit", {**FORM, "version": "1"})).status_code == 404
    assert (await alice.post(f"{path}/delete")).status_code == 404


async def test_the_orm_and_the_data_layer_write_at_once(
    new_visitor: Callable[[], Visitor], dump: Callable[[], Dump]
) -> None:
    visitors = [new_visitor() for _ in range(8)]

    async def add(visitor: Visitor, path: str, number: int) -> Any:
        return await visitor.post(path, {**FORM, "name": f"{path} {number}"})

    answers = await asyncio.gather(
        *(
            add(visitor, path, number)
            for number, visitor in enumerate(visitors)
            for path in ("/new", "/addrec")
        )
    )
    assert {answer.status_code for answer in answers} == {200, 302}
    assert len(dump()["students"]) == 16
