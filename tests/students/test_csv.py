"""The students as CSV: whole, in parts, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from quart import Quart

from qapp.extensions import db
from qapp.students import service
from tests.conftest import Visitor
from tests.students.test_views import FORM, fill


async def rows_of(visitor: Visitor) -> list[list[str]]:
    """Download the table."""
    response = await visitor.get("/students.csv")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == "attachment; filename=students.csv"
    text = await response.get_data(as_text=True)
    assert text.endswith("\r\n")
    return list(csv.reader(StringIO(text, newline="")))


async def test_without_students_there_is_the_head(visitor: Visitor) -> None:
    assert await rows_of(visitor) == [["name", "city", "addr", "pin"]]


async def test_what_was_typed_comes_back(visitor: Visitor) -> None:
    odd = {**FORM, "name": 'Asha "Ash" Rao', "addr": "1, MG Road; 2nd floor", "city": "København"}
    await visitor.post("/addrec", odd)
    assert await rows_of(visitor) == [list(FORM), list(odd.values())]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "'=1", "''=1"]
)
async def test_a_cell_is_no_formula(visitor: Visitor, cell: str) -> None:
    await visitor.post("/addrec", {**FORM, "name": cell})
    assert (await rows_of(visitor))[1][0] == f"'{cell}"


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2500])
async def test_all_students_are_in_it_oldest_first(
    app: Quart, visitor: Visitor, count: int
) -> None:
    await fill(app, count)
    names = [row[0] for row in (await rows_of(visitor))[1:]]
    assert names == [f"Student {number}" for number in range(1, count + 1)]


async def test_a_part_is_read_when_the_one_before_was_taken(app: Quart) -> None:
    await fill(app, 1500)
    async with app.app_context():
        parts = service.rows_as_csv(db)
        head, first = await anext(parts), await anext(parts)
        assert (head.count("\n"), first.count("\n")) == (1, 1000)
        await db.execute("DELETE FROM students WHERE id > 1200")
        assert (await anext(parts)).count("\n") == 200
        assert [part async for part in parts] == []


async def test_the_head_alone_reads_nothing(
    app: Quart, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(service, "list_students_after")
    response = await visitor.open("/students.csv", "HEAD")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert await response.get_data() == b""
