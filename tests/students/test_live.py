"""Who looks at the students is told when they change, however they are changed."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest
from quart import Quart

from qapp.ext.live import KEPT
from qapp.extensions import db
from tests.conftest import Visitor
from tests.students.test_import import send

STUDENT = {"name": "Asha", "city": "Pune", "addr": "12 Street", "pin": "411001"}
MANY = KEPT + 500


async def told(app: Quart) -> list[tuple[str, dict[str, int]]]:
    """Return what was told so far, by kind and data."""
    async with app.app_context():
        rows = await db.fetch_all(
            "SELECT kind, data FROM live_events WHERE channel = 'students' ORDER BY id"
        )
    return [(kind, json.loads(data)) for kind, data in map(tuple, rows)]


async def test_each_change_is_told(alice: Visitor) -> None:
    await alice.post("/addrec", STUDENT)  # in SQL
    await alice.post("/new", STUDENT)  # by the ORM, as the next two
    changed = await alice.post("/students/2/edit", {**STUDENT, "city": "Agra", "version": "1"})
    assert changed.status_code == 302
    await alice.post("/students/1/delete")
    ids = [1, 2, 2, 1]
    assert await told(alice.app) == [("changed", {"id": number}) for number in ids]


async def test_of_what_is_rolled_back_or_refused_nobody_is_told(alice: Visitor) -> None:
    await alice.post("/addrec", {**STUDENT, "name": ""})
    await alice.post("/new", STUDENT)
    late = await alice.post("/students/1/edit", {**STUDENT, "version": "0"})
    assert late.status_code == 409
    async with alice.app.app_context():
        with suppress(ZeroDivisionError):
            async with db.transaction() as tx:
                await tx.execute("DELETE FROM students")
                raise ZeroDivisionError
    assert await told(alice.app) == [("changed", {"id": 1})]


@pytest.mark.parametrize("is_faulty", [False, True])
async def test_many_at_once_are_told_once_and_only_if_they_are_stored(
    alice: Visitor, is_faulty: bool
) -> None:
    await alice.add("An event that is to be kept")
    row = "Asha,Pune,12 Street,411001\n"
    content = "name,city,addr,pin\n" + row * MANY + ("Asha,,,\n" if is_faulty else "")
    answer = await send(alice, content.encode())
    assert answer.status_code == (422 if is_faulty else 302)
    at_once: list[tuple[str, dict[str, int]]] = [("many", {}), ("changed", {})]
    assert await told(alice.app) == ([] if is_faulty else at_once)
    # The next is told again by itself.
    await alice.post("/addrec", STUDENT)
    assert (await told(alice.app))[-1] == ("changed", {"id": 1 if is_faulty else MANY + 1})
    async with alice.app.app_context():
        assert await db.fetch_value("SELECT min(id) FROM live_events") == 1


async def test_the_stream_tells_it(visitor: Visitor, alice: Visitor) -> None:
    await alice.post("/addrec", STUDENT)
    async with visitor.client.request("/students/live", query_string={"after": "0"}) as connection:
        await connection.send_complete()
        text = ""
        while "data: " not in text:
            text += (await connection.receive()).decode()
        await connection.disconnect()
    assert 'event: changed\ndata: {"id":1}\n' in text


async def test_the_list_follows_it_and_is_whole_without(alice: Visitor, visitor: Visitor) -> None:
    await alice.post("/addrec", STUDENT)
    for who in (alice, visitor):
        page = await who.text("/students?q=asha")
        assert re.search(r'<div data-part="list" data-live="/students/live" data-after="\d+"', page)
        assert '<tr role="row" id="student-1" data-version="1.1">' in page
        assert ("/students/1/edit" in page) is (who is alice)
        assert "stream.js" in page
