"""What a program is told when its request can't be answered, for every path of the API."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from quart import Quart

from qapp.blog import queries
from qapp.ext.database import (
    DatabaseBusy,
    DatabaseClosed,
    DatabaseFailure,
    DiskFull,
    StatementTimeout,
    TransactionTimeout,
)
from qapp.ext.storage import StorageFull
from qapp.ext.threads import PoolBusy
from tests.conftest import Dump, Serve, Visitor

from .conftest import ENTRIES, ENTRY, STUDENT, STUDENTS, Program, token_of
from .tools import upload

UNKNOWN = [
    "/api",
    "/api/",
    "/api/v1",
    "/api/v2/entries",
    "/api/v1/",
    "/api/v1/entries/",
    "/api/v1/entries/x",
    "/api/v1/entries/-1",
    "/api/v1/entries/1/2",
    "/api/v1/%00",
    "/api/v1/%ED%A0%80",
]


@pytest.mark.parametrize("path", UNKNOWN)
async def test_an_unknown_path_is_a_problem(nobody: Program, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        reply = await nobody.open(method, path, {"Accept": "text/html"})
        assert reply.problem(404)["detail"].startswith("There is nothing here.")


@pytest.mark.parametrize("path", ["/apis", "/apiv1", "/api.html"])
async def test_what_only_begins_like_the_api_is_a_page(nobody: Program, path: str) -> None:
    reply = await nobody.get(path, {"Accept": "text/html"})
    assert (reply.status, reply.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize("number", ["0", "9" * 19, "9" * 20, "9" * 400])
@pytest.mark.parametrize("path", [ENTRIES, STUDENTS, "/api/v1/files"])
async def test_an_id_of_nothing_is_not_found(
    alice_program: Program, path: str, number: str
) -> None:
    body = ENTRY if path == ENTRIES else STUDENT
    match = {"If-Match": '"1"'}
    (await alice_program.get(f"{path}/{number}")).problem(404)
    (await alice_program.delete(f"{path}/{number}", match)).problem(404)
    if path != "/api/v1/files":
        (await alice_program.put(f"{path}/{number}", body, match)).problem(404)


async def test_a_number_that_python_reads_no_more_is_no_id(alice_program: Program) -> None:
    path = f"{ENTRIES}/{'9' * 5000}"
    (await alice_program.get(path)).problem(404)
    (await alice_program.delete(path)).problem(405)  # no rule of the path takes the number


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (ENTRIES, {"GET", "HEAD", "OPTIONS", "POST"}),
        (f"{ENTRIES}/1", {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}),
        (f"{ENTRIES}/search", {"GET", "HEAD", "OPTIONS"}),
        (f"{STUDENTS}/bulk", {"OPTIONS", "POST"}),
        ("/api/v1/me", {"GET", "HEAD", "OPTIONS"}),
        ("/api/v1/me/tokens/1", {"OPTIONS", "DELETE"}),
    ],
)
async def test_a_method_that_is_not_there_is_told_which_are(
    alice_program: Program, path: str, allowed: set[str]
) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"} - allowed:
        reply = await alice_program.open(method, path)
        reply.problem(405)
        assert set(reply.headers["Allow"].split(", ")) == allowed
    options = await alice_program.open("OPTIONS", path)
    assert options.status == 200
    assert set(options.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("text/html, */*;q=0.1", 200),
        ("application/json;q=0.001", 200),
        ("application/json; charset=utf-8", 200),
        ("", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/json;q=0, */*", 406),
        ("application/xml, text/*", 406),
        ("x", 406),
        ("application/json;q=nan", 406),
        (";;;,,=/", 406),
    ],
)
async def test_who_accepts_no_json_gets_none(nobody: Program, accept: str, status: int) -> None:
    reply = await nobody.get(ENTRIES, {"Accept": accept})
    if status == 406:
        assert "application/json" in reply.problem(406)["detail"]
    assert reply.status == status


async def test_a_list_of_students_is_of_the_kind_that_is_accepted(nobody: Program) -> None:
    lines, json = {"Accept": "application/x-ndjson"}, {"Accept": "application/json"}
    assert (await nobody.get(STUDENTS, json)).headers["Content-Type"] == "application/json"
    assert (await nobody.get(f"{STUDENTS}?format=ndjson", lines)).status == 200
    (await nobody.get(STUDENTS, lines)).problem(406)
    (await nobody.get(f"{STUDENTS}?format=ndjson", json)).problem(406)


async def test_what_is_refused_before_it_is_done_changes_nothing(
    alice_program: Program, dump: Callable[[], Dump]
) -> None:
    (await alice_program.post(ENTRIES, ENTRY, {"Accept": "text/html"})).problem(406)
    assert dump()["entries"] == []


async def test_a_host_that_is_not_ours_is_a_problem(nobody: Program) -> None:
    for host in ("evil.example", "", "a b", "localhost:x", "\x7f"):
        for path in (ENTRIES, "/api/v1/nothing", "/api"):
            (await nobody.get(path, {"Host": host})).problem(400)


BUSY = [DatabaseBusy("busy"), DatabaseClosed("closed"), StatementTimeout("long"),
        TransactionTimeout("long"), PoolBusy("busy")]  # fmt: skip


@pytest.mark.parametrize("error", [*BUSY, DatabaseFailure("broken"), DiskFull("full")])
async def test_a_database_that_can_not_answer_is_a_problem_for_now(
    nobody: Program, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(queries, "list_full", fail)
    reply = await nobody.get(ENTRIES)
    reply.problem(503)
    assert int(reply.headers["Retry-After"]) > 0


async def test_a_full_disk_is_a_problem(
    alice_program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise StorageFull("full")

    monkeypatch.setattr("qapp.extensions.storage.keep", full)
    (await upload(alice_program)).problem(507)


async def test_what_breaks_is_told_with_the_id_that_the_log_has(
    nobody: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret of the database")

    monkeypatch.setattr(queries, "list_full", fail)
    with caplog.at_level(logging.ERROR):
        reply = await nobody.get(ENTRIES)
    problem = reply.problem(500)
    assert problem["error_id"] in caplog.text
    assert "secret" not in reply.body.decode()


async def test_too_many_requests_are_told_until_when(serve: Serve) -> None:
    app = await serve(RATE_LIMITS={"api": (3, 60)})
    nobody = Program(app)
    for left in (2, 1, 0):
        reply = await nobody.get(ENTRIES)
        assert reply.status == 200
        assert reply.headers["RateLimit-Limit"] == "3"
        assert reply.headers["RateLimit-Remaining"] == str(left)
        assert 0 < int(reply.headers["RateLimit-Reset"]) <= 60
    for path in (ENTRIES, "/api/v1/nothing"):
        refused = await nobody.get(path)
        refused.problem(429)
        assert 0 < int(refused.headers["Retry-After"]) <= 20
        assert refused.headers["RateLimit-Remaining"] == "0"


async def test_each_token_has_an_allowance_of_its_own(serve: Serve) -> None:
    app = await serve(RATE_LIMITS={"api": (2, 60)})
    alice = Visitor(app)
    await alice.register("alice")
    first = Program(app, (await token_of(app, "alice")).text)
    second = Program(app, (await token_of(app, "alice", called="other")).text)
    for program in (first, second, Program(app)):
        assert [(await program.get(ENTRIES)).status for _ in range(3)] == [200, 200, 429]
    statuses = [(await alice.get(ENTRIES)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


async def test_without_a_limit_there_is_none_to_tell(nobody: Program, app: Quart) -> None:
    reply = await nobody.get(ENTRIES)
    assert not [name for name, _ in reply.headers if name.startswith("ratelimit")]
