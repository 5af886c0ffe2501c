"""The students' pages: adding, listing, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

import pytest
from quart import Quart

from qapp.config import Settings
from qapp.ext.database.driver import sqlite
from qapp.extensions import db
from tests.conftest import Dump, Page, Visitor
from tests.web.tools import dangers_in
from tests.web.xss_payloads import PAYLOADS

FORM = {"name": "Asha", "city": "Bengaluru", "addr": "1 MG Road", "pin": "560001"}


async def fill(app: Quart, count: int) -> None:
    """Add students "Student 1", "Student 2", …"""
    async with app.app_context():
        await db.execute_many(
            """
            INSERT INTO students (name, city, addr, pin)
            VALUES (:name, 'Pune', '2 Lake Road', '411001')
            """,
            [{"name": f"Student {number}"} for number in range(1, count + 1)],
        )


@pytest.mark.parametrize("path", ["/enternew", "/addnew"])
async def test_the_form_posts_to_addrec(visitor: Visitor, path: str) -> None:
    text = await visitor.text(path)
    assert 'action="/addrec"' in text
    for name in FORM:
        assert f'name="{name}"' in text


async def test_a_student_is_added_and_listed(
    visitor: Visitor, pages: list[Page], dump: Callable[[], Dump]
) -> None:
    response = await visitor.post("/addrec", {**FORM, "name": "  Asha "})
    assert response.status_code == 200
    assert "Record successfully added" in await response.get_data(as_text=True)
    assert dump()["students"] == [(1, "Asha", "Bengaluru", "1 MG Road", "560001", 1)]
    await visitor.get("/list")
    assert pages[-1].template == "students/list.html"
    assert [student.name for student in pages[-1].context["students"]] == ["Asha"]


async def test_nobody_is_listed_at_first(visitor: Visitor) -> None:
    text = await visitor.text("/list")
    assert "There are no students yet." in text
    assert 'href="/enternew"' in text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "Give the student&#39;s name."),
        ("name", "x" * 101, "at most 100 characters"),
        ("name", "a\0b", "NUL"),
        ("city", " ", "Give the city."),
        ("city", "x" * 101, "at most 100 characters"),
        ("addr", "", "Give the address."),
        ("addr", "x" * 201, "at most 200 characters"),
        ("addr", "a\nb", "line break"),
        ("pin", "", "Give the PIN code."),
        ("pin", "12", "3 to 10 letters and digits"),
        ("pin", "12345678901", "3 to 10 letters and digits"),
        ("pin", "560001\n", None),
        ("pin", "५६०००१", "3 to 10 letters and digits"),
        ("pin", "=1+1", "3 to 10 letters and digits"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field(
    visitor: Visitor, dump: Callable[[], Dump], field: str, value: str, message: str | None
) -> None:
    response = await visitor.post("/addrec", {**FORM, field: value})
    text = await response.get_data(as_text=True)
    if message is None:  # a line end around it is stripped
        assert response.status_code == 200
        return
    assert response.status_code == 422
    assert re.search(rf'id="{field}-error">[^<]*{message}', text)
    for other in FORM.keys() - {field}:
        assert f'value="{FORM[other]}"' in text
    assert dump()["students"] == []


@pytest.mark.parametrize("missing", FORM)
async def test_a_missing_field_is_named(
    visitor: Visitor, dump: Callable[[], Dump], missing: str
) -> None:
    form = {name: value for name, value in FORM.items() if name != missing}
    response = await visitor.post("/addrec", form)
    assert response.status_code == 400
    assert f"“{missing}”" in await response.get_data(as_text=True)
    assert dump()["students"] == []


async def test_an_insert_that_fails_is_told_and_stores_nothing(
    visitor: Visitor, settings: Settings, dump: Callable[[], Dump]
) -> None:
    with closing(sqlite.connect(f"{settings.INSTANCE_PATH}/qapp.db")) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON students"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        connection.commit()
    response = await visitor.post("/addrec", FORM)
    assert response.status_code == 500
    text = await response.get_data(as_text=True)
    assert "error in insert operation" in text
    assert "refused" not in text
    assert dump()["students"] == []


async def test_more_than_a_page_is_paged(app: Quart, visitor: Visitor, pages: list[Page]) -> None:
    await fill(app, 45)
    seen: list[str] = []
    path: str | None = "/list"
    while path:
        text = await visitor.text(path)
        seen += [student.name for student in pages[-1].context["students"]]
        older = re.search(r'href="([^"]+)" rel="next"', text)
        path = older and older[1]
    assert seen == [f"Student {number}" for number in range(45, 0, -1)]
    assert 'href="/list" rel="prev"' in text


@pytest.mark.parametrize("payload", PAYLOADS[:20])
async def test_what_was_typed_is_escaped(visitor: Visitor, payload: str) -> None:
    form = {**FORM, "name": payload[:100].replace("\n", " ") or "x", "addr": "{{7919*7907}}"}
    await visitor.post("/addrec", form)
    text = await visitor.text("/list")
    assert dangers_in(text) == []
    assert "62615533" not in text
