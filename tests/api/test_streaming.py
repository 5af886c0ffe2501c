"""The students as lines: read a part at a time, with nothing held while the client reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart

from qapp.extensions import db, orm
from qapp.students import queries
from qapp.students.queries import add_students

from .conftest import STUDENT, STUDENTS, Program

AT_ONCE = 10
COUNT = 5 * AT_ONCE


@pytest.fixture(autouse=True)
async def _students(app: Quart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "ROWS_AT_ONCE", AT_ONCE)
    async with app.app_context():
        students = [{**STUDENT, "name": f"Student {number}"} for number in range(COUNT)]
        await add_students(db, students=students)


class Reading:
    """A client behind a server: it is sent messages, and may hang up.

    :param reads: called with each part of the body.
    """

    def __init__(self, reads: Callable[[bytes], None] = lambda _: None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.hung_up = asyncio.Event()
        self._reads = reads
        self._has_asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._has_asked:
            self._has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message.get("body"):
            self.parts.append(message["body"])
            self._reads(message["body"])

    async def ask(self, app: Quart, method: str = "GET", query: str = "format=ndjson") -> None:
        """Send a request and wait until the app is done with it."""
        scope: Any = {
            "type": "http",
            "asgi": {"spec_version": "2.3", "version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": STUDENTS,
            "raw_path": STUDENTS.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "extensions": {},
            "state": {},
        }
        async with asyncio.timeout(30):
            await app(scope, self.receive, self.send)  # type: ignore[arg-type]


def lines(parts: list[bytes]) -> list[str]:
    """Return the names that the parts of a body hold."""
    return [json.loads(line)["name"] for line in b"".join(parts).splitlines()]


async def test_a_part_is_read_when_the_one_before_is_sent_and_nothing_held(app: Quart) -> None:
    async with app.app_context():
        pool: Any = orm.engine.pool
    held = []
    reading = Reading(lambda _: held.append(pool.checkedout()))
    await reading.ask(app, query="format=ndjson&sort=name")
    assert lines(reading.parts) == sorted(f"Student {number}" for number in range(COUNT))
    assert [part.count(b"\n") for part in reading.parts] == [AT_ONCE] * 5
    assert held == [0] * 5


async def test_no_more_than_a_part_is_in_memory(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, most = 0, 0
    find = queries.search_students_after

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal waiting, most
        found = await find(*args, **kwargs)
        waiting += len(found)
        most = max(most, waiting)
        return found

    def sent(part: bytes) -> None:
        nonlocal waiting
        waiting -= part.count(b"\n")

    monkeypatch.setattr(queries, "search_students_after", counted)
    reading = Reading(sent)
    await reading.ask(app)
    assert (len(lines(reading.parts)), most) == (COUNT, AT_ONCE)


async def test_who_hangs_up_is_read_no_more_for(app: Quart) -> None:
    async with app.app_context():
        pool: Any = orm.engine.pool
    reading = Reading(lambda _: reading.hung_up.set())
    await reading.ask(app)
    assert 0 < len(reading.parts) < 5
    assert pool.checkedout() == 0
    async with app.app_context():  # the writer is free, and the reader of the next as well
        await add_students(db, students=[STUDENT])
    after = Reading()
    await after.ask(app)
    assert len(lines(after.parts)) == COUNT + 1


async def test_who_is_added_meanwhile_is_there_at_the_end(app: Quart) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def add() -> None:
        async with app.app_context():
            await add_students(db, students=[{**STUDENT, "name": "Late"}])

    def first(_: bytes) -> None:
        if not tasks:
            tasks.append(asyncio.create_task(add()))

    reading = Reading(first)
    await reading.ask(app, query="format=ndjson&sort=id")
    await asyncio.gather(*tasks)
    found = lines(reading.parts)
    assert found[:COUNT] == [f"Student {number}" for number in range(COUNT)]
    assert found[COUNT:] in ([], ["Late"])


@pytest.mark.parametrize("query", ["format=ndjson", "format=json", "limit=1"])
async def test_a_head_tells_of_a_list_what_a_get_does(app: Quart, query: str) -> None:
    get, head = Reading(), Reading()
    await get.ask(app, query=query)
    await head.ask(app, "HEAD", query)
    assert head.status == 200
    assert head.headers == get.headers
    # Of a stream the length is not known, and 0 would be wrong (RFC 9110, 8.6).
    assert ("content-length" in head.headers) == ("ndjson" not in query)


async def test_a_stream_that_finds_nothing_is_empty(app: Quart, nobody: Program) -> None:
    reply = await nobody.get(f"{STUDENTS}?format=ndjson&q=nobody")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Content-Type"] == "application/x-ndjson"
