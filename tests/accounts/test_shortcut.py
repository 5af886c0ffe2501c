"""The way past Quart to a user's shared page: nobody can tell by the answer that it was taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from quart import Quart, request, request_started

from qapp.accounts import queries
from qapp.ext.database import DatabaseBusy
from qapp.extensions import db
from tests.accounts.test_shared import TOKENS
from tests.conftest import Visitor


@pytest.fixture
def through_quart() -> Iterator[list[str]]:
    """The paths that Quart was asked for."""
    paths: list[str] = []

    async def note(app: Quart, **_: Any) -> None:
        paths.append(request.path)

    with request_started.connected_to(note):
        yield paths


@pytest.fixture
async def at_home(alice: Visitor) -> Visitor:
    """Alice, whose front page is kept."""
    await alice.get("/")
    return alice


async def test_a_page_that_is_kept_is_answered_without_quart(
    at_home: Visitor, bob: Visitor, through_quart: list[str]
) -> None:
    async def version() -> int:
        async with at_home.app.app_context():
            return await db.version()

    while True:  # until nothing that runs beside this has committed meanwhile
        before = await version()
        await at_home.get("/")
        through_quart.clear()
        for visitor in (at_home, bob):
            assert "Write something" in await visitor.text("/")
        if await version() == before:
            break
    assert through_quart == []


async def test_the_answer_is_quarts_but_for_the_way(at_home: Visitor) -> None:
    short = await at_home.get("/")
    via_quart = await at_home.get("/?before=9223372036854775807")
    assert short.status_code == via_quart.status_code == 200
    texts = [re.sub(TOKENS, "", await each.get_data(as_text=True)) for each in (short, via_quart)]
    assert texts[0] == texts[1]
    heads = [
        {name: value for name, value in each.headers.items() if name != "Content-Length"}
        for each in (short, via_quart)
    ]
    assert heads[0] == heads[1]
    assert short.headers["Content-Length"] == str(len(await short.get_data()))


async def test_what_was_written_meanwhile_is_on_it(at_home: Visitor, bob: Visitor) -> None:
    for number in range(3):
        await bob.post("/add", {"title": f"Tea {number}", "text": "green"})
        assert f"Tea {number}" in await at_home.text("/")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {}),
        ("POST", {}),
        ("GET", {"Authorization": "Bearer x"}),
        ("GET", {"Content-Length": "0"}),
        ("GET", {"Host": "elsewhere.example"}),
        ("GET", {"Cookie": ""}),
        ("GET", {"Cookie": "session="}),
        ("GET", {"Cookie": "session=e30.x.y"}),
        ("GET", {"Cookie": f"session={'x' * 5000}"}),
    ],
)
async def test_all_else_is_left_to_quart(
    at_home: Visitor, through_quart: list[str], method: str, headers: dict[str, str]
) -> None:
    client = at_home.app.test_client(use_cookies=False)
    given = {"Cookie": f"session={at_home.cookie}", **headers}
    send = {"GET": client.get, "HEAD": client.head, "POST": client.post}[method]
    response = await send("/", headers=given)
    assert through_quart == ["/"]
    if "Cookie" in headers:
        assert "Write something" not in await response.get_data(as_text=True)


async def test_a_login_that_is_over_opens_nothing(at_home: Visitor, clock: Any) -> None:
    clock.pass_s(400 * 86_400)
    assert "Log in</a> to write something" in await at_home.text("/")


async def test_a_cookie_is_good_only_so_long(at_home: Visitor) -> None:
    assert "Write something" in await at_home.text("/")
    at_home.app.permanent_session_lifetime = timedelta(seconds=-1)
    assert "Log in</a> to write something" in await at_home.text("/")


async def test_another_key_makes_cookies_void(at_home: Visitor) -> None:
    assert "Write something" in await at_home.text("/")
    at_home.app.secret_key = "another key, long enough to be one"
    assert "Log in</a> to write something" in await at_home.text("/")


async def test_a_busy_database_is_said(at_home: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def get_user(*_: object, **__: object) -> None:
        raise DatabaseBusy("x")

    monkeypatch.setattr(queries, "get_user", get_user)
    assert (await at_home.get("/")).status_code == 503


async def test_sessions_that_are_remembered_are_bounded(
    at_home: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qapp.web.sessions.MOST_REMEMBERED", 1)
    other = Visitor(at_home.app)
    await other.log_in("alice")
    await other.get("/")
    for visitor in (at_home, other, at_home):
        assert "Write something" in await visitor.text("/")
