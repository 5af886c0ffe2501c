"""What a visitor sees when something went wrong, and what the log says of it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from contextlib import closing

import pytest
from quart import Quart, Response, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, abort

from qapp.accounts import queries as account_queries
from qapp.blog import queries
from qapp.ext.csrf import CSRFError
from qapp.ext.database import (
    DatabaseBusy,
    DatabaseClosed,
    DatabaseFailure,
    DiskFull,
    Limits,
    Options,
    StatementTimeout,
    TransactionTimeout,
)
from qapp.ext.database.driver import sqlite
from qapp.ext.limits import RateLimited
from qapp.ext.threads import PoolBusy
from qapp.extensions import db
from qapp.web.errors import WORDS, Forbidden, LoginNeeded, NotFound
from tests.conftest import Dump, Page, Serve, Visitor

ASKED = (400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 500, 503)


def raising(error: Exception) -> Callable[[Quart], None]:
    """Give a site a page, /fail, that raises."""

    async def fail() -> str:
        raise error

    return lambda app: app.add_url_rule("/fail", "fail", fail, methods=["GET", "POST"])


async def failed(serve: Serve, error: Exception, accept: str = "text/html") -> Response:
    visitor = Visitor(await serve(raising(error)))
    return await visitor.get("/fail", headers={"Accept": accept})


async def detail_of(response: Response) -> str:
    assert response.mimetype == "application/problem+json"
    return str((await response.get_json(force=True))["detail"])


# Pages and JSON


@pytest.fixture
async def aborting(serve: Serve) -> Visitor:
    """Somebody on a site whose page /failing/<code> fails with a code."""

    async def view(code: int) -> str:
        abort(code)

    return Visitor(await serve(lambda app: app.add_url_rule("/failing/<int:code>", None, view)))


async def test_every_error_has_a_page_in_the_sites_layout(
    aborting: Visitor, pages: list[Page]
) -> None:
    for code in ASKED:
        response = await aborting.get(f"/failing/{code}")
        assert response.status_code == code
        assert (pages[-1].template, pages[-1].context["code"]) == ("errors/error.html", code)
        html = await response.get_data(as_text=True)
        assert '<header class="site-header">' in html
        assert f'<p class="meta">{code} · ' in html
        assert len(re.findall("<h1", html)) == 1
        assert ('href="/login">Log in</a>\n' in html.replace("  ", "")) is (code == 401) or html
        assert pages[-1].context["sentence"] == WORDS[code].sentence


async def test_who_accepts_only_json_gets_a_problem(aborting: Visitor) -> None:
    for code in ASKED:
        for accept in ("application/json", "application/problem+json", "application/json, text/x"):
            response = await aborting.get(f"/failing/{code}", headers={"Accept": accept})
            assert (response.status_code, response.mimetype) == (code, "application/problem+json")
            problem = await response.get_json(force=True)
            assert problem["status"] == code
            assert problem["type"] == "about:blank"
            assert problem["title"]
            assert problem["detail"].startswith(WORDS[code].sentence)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/html",
        "text/html,application/json",
        "application/json,*/*;q=0.1",
        "\xff",
        ";",
    ],
)
async def test_everybody_else_gets_a_page(aborting: Visitor, accept: str) -> None:
    response = await aborting.get("/failing/404", headers={"Accept": accept})
    assert response.mimetype == "text/html"


@pytest.mark.parametrize("code", [409, 410, 414, 416, 418, 431, 451, 501, 502, 504])
async def test_a_code_without_words_of_its_own_is_named(
    aborting: Visitor, pages: list[Page], code: int
) -> None:
    assert (await aborting.get(f"/failing/{code}")).status_code == code
    assert pages[-1].context["sentence"].endswith(".")


async def test_the_page_that_is_missing_is_named(visitor: Visitor) -> None:
    response = await visitor.get("/no/such/page?q=x")
    assert response.status_code == 404
    assert "We looked for /no/such/page." in await response.get_data(as_text=True)
    response = await visitor.get("/users/nobody")
    assert "We looked for /users/nobody." in await response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/<script>alert(1)</script>", "/&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("/%22onerror=x", "/&#34;onerror=x"),
        ("/a%00b%0Ac%1Bd", "/a�b�c�d"),
        ("/%E2%80%AEtxt.exe", "/�txt.exe"),
        ("/%FF", "/�"),
        ("/{{7919*7907}}", "/{{7919*7907}}"),
        ("/é%20x", "/é x"),
    ],
)
async def test_its_name_is_shown_as_text(visitor: Visitor, path: str, shown: str) -> None:
    html = await visitor.text(path)
    assert f"We looked for {shown}." in html


async def test_a_description_replaces_the_sentence(serve: Serve, pages: list[Page]) -> None:
    await failed(serve, BadRequest("This is <b>why</b>."))
    assert pages[-1].context["sentence"] == "This is <b>why</b>."
    assert pages[-1].context["advice"] == WORDS[400].advice
    await failed(serve, RequestEntityTooLarge())
    assert pages[-1].context["sentence"] == WORDS[413].sentence


async def test_an_error_that_brings_its_answer_keeps_it(serve: Serve) -> None:
    response = await failed(serve, BadRequest(response=Response("my own", 418)))
    assert (response.status_code, await response.get_data()) == (418, b"my own")


async def test_a_missing_field_is_named(serve: Serve) -> None:
    async def view() -> str:
        return str((await request.form)["colour<b>"])

    app = await serve(lambda app: app.add_url_rule("/field", "field", view, methods=["POST"]))
    response = await Visitor(app).post("/field", {"shape": "round"})
    assert response.status_code == 400
    assert "The form lacks the field “colour&lt;b&gt;”." in await response.get_data(as_text=True)


# What the domain raises


async def test_the_domains_errors_have_their_status(serve: Serve) -> None:
    for error, status in ((NotFound(), 404), (Forbidden(), 403), (RateLimited(7), 429)):
        assert (await failed(serve, error)).status_code == status


@pytest.mark.parametrize(
    ("seconds", "when"),
    [(1, "Wait 1 seconds"), (60, "Wait 60 seconds"), (61, "Wait 2 minutes"), (900, "Wait 15 min")],
)
async def test_too_often_says_when_to_try_again(serve: Serve, seconds: int, when: str) -> None:
    response = await failed(serve, RateLimited(seconds), "application/json")
    assert response.headers["Retry-After"] == str(seconds)
    assert when in await detail_of(response)


async def test_a_page_for_users_leads_to_the_login_and_back(serve: Serve) -> None:
    response = await failed(serve, LoginNeeded())
    assert (response.status_code, response.location) == (302, "/login?next=/fail")
    assert (await failed(serve, LoginNeeded(), "application/json")).status_code == 401


@pytest.mark.parametrize(
    "error",
    [
        DatabaseBusy("queue"),
        DatabaseClosed("stop"),
        StatementTimeout("10 s"),
        TransactionTimeout("5 s"),
        PoolBusy("hashing"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_too_busy_says_that_nothing_was_stored(
    serve: Serve, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    response = await failed(serve, error, "application/json")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert "We are too busy right now. Nothing was stored." in await detail_of(response)
    assert f"Busy: GET /fail: {error}" in caplog.text


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DiskFull("disk I/O"), "We have no room left to store this."),
        (DatabaseFailure("disk I/O"), "We are too busy right now."),
    ],
)
async def test_a_failing_disk_is_said_and_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, error: Exception, sentence: str
) -> None:
    response = await failed(serve, error, "application/json")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert sentence in await detail_of(response)
    assert "Database: GET /fail: disk I/O" in caplog.text


@pytest.mark.parametrize(
    ("module", "name", "path"),
    [
        (queries, "add_entry", "/add"),
        (queries, "change_entry", "/post/{entry}/edit"),
        (queries, "remove_entry", "/post/{entry}/delete"),
        (queries, "list_entries_of", "/users/alice"),
        (account_queries, "add_user", "/register"),
        (account_queries, "add_login", "/login"),
        (account_queries, "remove_login", "/logout"),
        (account_queries, "remove_logins", "/account"),
        (account_queries, "get_user", "/about"),
    ],
)
@pytest.mark.parametrize("error", [DatabaseBusy("x"), DiskFull("x")], ids=repr)
async def test_a_database_that_can_not_leaves_nothing_half_done(
    alice: Visitor,
    dump: Callable[[], Dump],
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    path: str,
    error: Exception,
) -> None:
    entry = await alice.add()
    token = await alice.token()
    form = {
        "csrf_token": token,
        "title": "x",
        "text": "y",
        "version": "1",
        "username": "alice" if path == "/login" else "carol",
        "password": "correct horse battery",
        "confirm": "correct horse battery",
        "action": "logout_everywhere",
    }
    before = dump()

    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, name, fail)
    method = "GET" if path in ("/users/alice", "/about") else "POST"
    response = await alice.open(path.format(entry=entry), method, form=form)
    assert response.status_code == 503
    assert "Set-Cookie" not in response.headers
    monkeypatch.undo()
    assert dump() == before
    assert await alice.who() == "alice"


async def test_a_file_that_another_process_holds_is_busy_and_then_works_again(
    monkeypatch: pytest.MonkeyPatch, serve: Serve, dump: Callable[[], Dump]
) -> None:
    monkeypatch.setattr(db, "_options", Options(limits=Limits(lock_s=0.05)))
    app = await serve()
    alice = Visitor(app)
    await alice.register("alice")
    before = dump()
    path = f"{app.instance_path}/qapp.db"
    with closing(sqlite.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        response = await alice.post("/add", {"title": "x", "text": "y"})
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
        assert await alice.who() == "alice"
        other.execute("ROLLBACK")
    assert dump() == before
    assert (await alice.post("/add", {"title": "x", "text": "y"})).status_code == 302


# What nobody expected


async def test_a_bug_shows_an_id_that_the_log_has_with_the_traceback(
    serve: Serve, caplog: pytest.LogCaptureFixture, pages: list[Page]
) -> None:
    response = await failed(serve, ZeroDivisionError("secret detail"))
    assert response.status_code == 500
    identity = pages[-1].context["request_id"]
    html = await response.get_data(as_text=True)
    assert f"<code>{identity}</code>" in html
    assert "secret detail" not in html
    assert "Traceback" not in html
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.getMessage() == f"Error {identity}: GET /fail"
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_the_id_is_in_json_too_and_another_each_time(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Visitor(await serve(raising(ZeroDivisionError("x"))))
    seen = set()
    for _ in range(3):
        response = await visitor.get("/fail", headers={"Accept": "application/json"})
        problem = json.loads(await response.get_data())
        assert f"Error {problem['error_id']}" in caplog.text
        seen.add(problem["error_id"])
    assert len(seen) == 3


async def test_a_bug_with_somebody_logged_in_shows_the_page_to_them(serve: Serve) -> None:
    visitor = Visitor(await serve(raising(ZeroDivisionError("x"))))
    await visitor.register("carol")
    response = await visitor.get("/fail")
    assert response.status_code == 500
    assert "<span>carol</span>" in await response.get_data(as_text=True)


async def test_an_error_outside_requests_is_logged_too(
    app: Quart, caplog: pytest.LogCaptureFixture
) -> None:
    async with app.app_context():
        app.log_exception((None, None, None))
    assert "outside of a request" in caplog.text


async def test_a_csrf_error_raised_by_hand_offers_nothing_it_has_not(
    serve: Serve, pages: list[Page]
) -> None:
    response = await failed(serve, CSRFError("no"))
    assert response.status_code == 400
    assert pages[-1].context["sentence"] == "The form has expired."
