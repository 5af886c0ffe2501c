"""A POST that is sent again is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from quart import Quart
from quart.datastructures import FileStorage

from qapp.blog import queries
from qapp.config import Settings
from qapp.ext.database import DatabaseBusy
from qapp.extensions import db
from qapp.files import queries as file_queries
from qapp.web.api import idempotency
from tests.conftest import Clock, Dump
from tests.serving import Server, server_with_user

from .conftest import ENTRIES, ENTRY, FILES, STUDENT, STUDENTS, Program
from .tools import stored

KEY = {"Idempotency-Key": "a-1"}


def file(content: bytes = b"tea") -> dict[str, FileStorage]:
    return {"file": FileStorage(BytesIO(content), "tea.txt")}


@pytest.mark.parametrize(("path", "body"), [(ENTRIES, ENTRY), (STUDENTS, STUDENT)])
async def test_the_first_answer_is_given_again_whatever_came_after(
    alice_program: Program, path: str, body: dict[str, str]
) -> None:
    first = await alice_program.post(path, body, KEY)
    gone = await alice_program.delete(first.location, {"If-Match": first.etag})
    assert (first.status, gone.status) == (201, 204)
    again = await alice_program.post(path, body, KEY)
    assert (again.status, again.body) == (201, first.body)
    assert (again.etag, again.location) == (first.etag, first.location)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await alice_program.get(path)).json["items"] == []


async def test_many_at_once_are_done_once(alice_program: Program) -> None:
    replies = await asyncio.gather(*(alice_program.post(STUDENTS, STUDENT, KEY) for _ in range(20)))
    assert {(reply.status, reply.body) for reply in replies} == {(201, replies[0].body)}
    assert len((await alice_program.get(STUDENTS)).json["items"]) == 1


async def test_bulk_students_are_added_once(alice_program: Program) -> None:
    body = {"items": [STUDENT, STUDENT]}
    for _ in range(2):
        assert (await alice_program.post(f"{STUDENTS}/bulk", body, KEY)).json == {"added": 2}
    assert len((await alice_program.get(STUDENTS)).json["items"]) == 2


async def test_a_key_is_of_one_request(alice_program: Program) -> None:
    await alice_program.post(STUDENTS, STUDENT, KEY)
    other = await alice_program.post(STUDENTS, {**STUDENT, "name": "Other"}, KEY)
    assert other.fields == ["Idempotency-Key"]
    assert (await alice_program.post(ENTRIES, ENTRY, KEY)).fields == ["Idempotency-Key"]


async def test_each_has_keys_of_his_own(alice_program: Program, bob_program: Program) -> None:
    first, other = [await who.post(ENTRIES, ENTRY, KEY) for who in (alice_program, bob_program)]
    assert (first.status, other.status) == (201, 201)
    assert first.location != other.location


async def test_what_was_refused_has_used_no_key(alice_program: Program) -> None:
    assert (await alice_program.post(ENTRIES, {"title": "x"}, KEY)).status == 422
    assert (await alice_program.post(ENTRIES, ENTRY, KEY)).status == 201


@pytest.mark.parametrize("headers", [{}, KEY], ids=["without a key", "with a key"])
@pytest.mark.parametrize(
    ("error", "status"), [(DatabaseBusy("busy"), 503), (ZeroDivisionError(), 500)]
)
async def test_what_can_not_be_answered_is_not_done(
    alice_program: Program,
    dump: Callable[[], Dump],
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    headers: dict[str, str],
    error: Exception,
    status: int,
) -> None:
    added = await alice_program.added()
    before = dump()

    async def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(queries, "find_full", fail)
        (await alice_program.post(ENTRIES, ENTRY, headers)).problem(status)
        changing = {"If-Match": added.etag}
        other = {**ENTRY, "title": "Other"}
        (await alice_program.put(added.location, other, changing)).problem(status)
        patch.setattr(file_queries, "find_listed", fail)
        (await alice_program.post(FILES, headers=headers, files=file())).problem(status)
    assert dump() == before
    assert stored(settings) == []
    assert (await alice_program.post(ENTRIES, ENTRY, headers)).status == 201


async def test_uploads_at_once_are_kept_once(alice_program: Program, settings: Settings) -> None:
    replies = await asyncio.gather(
        *(alice_program.post(FILES, headers=KEY, files=file()) for _ in range(8))
    )
    assert {(reply.status, reply.body) for reply in replies} == {(201, replies[0].body)}
    assert len((await alice_program.get(FILES)).json["items"]) == 1
    assert len(stored(settings)) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "a\tb", "é", "\x7f", "x" * 256])
async def test_what_can_be_no_key_is_told(
    alice_program: Program, dump: Callable[[], Dump], key: str
) -> None:
    reply = await alice_program.post(ENTRIES, ENTRY, {"Idempotency-Key": key})
    assert "Idempotency-Key" in reply.problem(400)["detail"]
    assert dump()["entries"] == []


async def test_an_upload_is_kept_once_and_leaves_no_other_file(
    app: Quart, alice_program: Program, settings: Settings
) -> None:
    first = await alice_program.post(FILES, headers=KEY, files=file())
    again = await alice_program.post(FILES, headers=KEY, files=file())
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    other = await alice_program.post(FILES, headers=KEY, files=file(b"coffee"))
    assert other.fields == ["Idempotency-Key"]
    async with app.app_context():
        keys = await db.fetch_all("SELECT key FROM files")
    assert [path.name for path in stored(settings)] == [row.key for row in keys]


async def test_a_key_is_forgotten_after_a_day(
    alice_program: Program, clock: Clock, monkeypatch: pytest.MonkeyPatch, dump: Callable[[], Dump]
) -> None:
    monkeypatch.setattr(idempotency, "KEYS_A_PURGE", 1)
    await alice_program.post(ENTRIES, ENTRY, {"Idempotency-Key": "old"})
    await alice_program.post(ENTRIES, ENTRY, KEY)
    clock.pass_s(24 * 3600 + 1)
    assert (await alice_program.post(ENTRIES, {**ENTRY, "title": "New"}, KEY)).status == 201
    assert [row[1] for row in dump()["idempotency_keys"]] == ["a-1"]


async def test_two_workers_asked_at_once_do_it_once(tmp_path: Path) -> None:
    with server_with_user(tmp_path, "alice") as server:
        arguments = ("token", "add", "alice", "--name", "test", "--scope", "write")
        token = server.command(*arguments).strip()
        async with httpx.AsyncClient(
            base_url=server.url,
            headers={"Authorization": f"Bearer {token}"},
            limits=httpx.Limits(max_keepalive_connections=0),  # each may meet another worker
            timeout=60,
        ) as client:
            answers = await asyncio.gather(
                *(
                    client.post(STUDENTS, json=STUDENT, headers={"Idempotency-Key": f"{number}"})
                    for number in range(8)
                    for _ in range(6)
                )
            )
            assert {answer.status_code for answer in answers} == {201}
            assert len({answer.content for answer in answers}) == 8
            listed = (await client.get(STUDENTS)).json()["items"]
    assert len(listed) == 8


async def test_other_workers_and_a_new_start_give_the_first_answer(tmp_path: Path) -> None:
    def post(server: Server) -> httpx.Response:
        # A connection each: so the workers take turns.
        return httpx.post(
            server.url + STUDENTS,
            json=STUDENT,
            headers={"Authorization": f"Bearer {token}", **KEY},
            timeout=30,
        )

    with server_with_user(tmp_path, "alice") as server:
        arguments = ("token", "add", "alice", "--name", "test", "--scope", "write")
        token = server.command(*arguments).strip()
        answers = [await asyncio.to_thread(post, server) for _ in range(12)]
        assert server.stop() == 0
        server.start()
        answers.append(await asyncio.to_thread(post, server))
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (201, answers[0].content)
    }
