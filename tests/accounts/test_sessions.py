"""The session cookie: how it is sent, what ends it, what can't be made of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from quart import Quart, Response

from qapp.accounts import queries, service
from qapp.accounts.session import policy
from qapp.ext.database import DatabaseBusy, DiskFull
from qapp.extensions import db
from qapp.web.sessions import SessionInterface
from tests.conftest import KEY, PASSWORD, Clock, Dump, Page, Serve, Visitor

HOUR_S = 3600
DAY_S = 24 * HOUR_S
HTTPS: dict[str, Any] = {"scheme": "https", "headers": {"Referer": "https://localhost/"}}


def session_cookie(response: Response, name: str = "session") -> Morsel[str]:
    return SimpleCookie(response.headers["Set-Cookie"])[name]


def flags(morsel: Morsel[str]) -> dict[str, object]:
    return {name: value for name, value in morsel.items() if value and name != "expires"}


# How it is sent


async def test_over_http_the_cookie_is_plain(visitor: Visitor) -> None:
    morsel = session_cookie(await visitor.register("carol"))
    assert flags(morsel) == {"path": "/", "httponly": True, "samesite": "Lax"}


async def test_over_https_it_is_secure_and_of_this_host_alone(app: Quart) -> None:
    visitor = Visitor(app, **HTTPS)
    morsel = session_cookie(await visitor.register("carol"), "__Host-session")
    assert flags(morsel) == {"path": "/", "httponly": True, "samesite": "Lax", "secure": True}
    assert await visitor.who() == "carol"


async def test_where_tls_ends_before_the_site_it_is_secure_too(serve: Serve) -> None:
    app = await serve(PREFERRED_URL_SCHEME="https")
    visitor = Visitor(app, headers={"Referer": "https://localhost/"})
    response = await visitor.register("carol")
    assert flags(session_cookie(response, "__Host-session"))["secure"] is True
    feed = await visitor.text("/feed.xml")
    assert "https://localhost/feed.xml" in feed


async def test_a_name_that_was_set_is_used_over_both(serve: Serve) -> None:
    app = await serve(SESSION_COOKIE_NAME="biscuit")
    for always in ({}, HTTPS):
        response = await Visitor(app, **always).get("/login")
        assert flags(session_cookie(response, "biscuit"))["path"] == "/"


async def test_a_plain_cookie_is_no_session_over_https(app: Quart, alice: Visitor) -> None:
    secure = Visitor(app, scheme="https", headers={"Cookie": f"session={alice.cookie}"})
    assert await secure.who() is None


async def test_a_visit_without_forms_sets_no_cookie(visitor: Visitor) -> None:
    for path in ("/", "/about", "/search?q=x", "/feed.xml", "/healthz"):
        assert "Set-Cookie" not in (await visitor.get(path)).headers


async def test_the_cookie_outlasts_the_browser_only_when_asked_to(
    alice: Visitor, visitor: Visitor
) -> None:
    assert not session_cookie(await visitor.log_in("alice"))["expires"]
    assert session_cookie(await visitor.log_in("alice", remember="y"))["expires"]


# What ends it


async def test_logging_in_makes_the_session_a_new_one(alice: Visitor, visitor: Visitor) -> None:
    token = await visitor.token()
    async with visitor.client.session_transaction() as session:
        session["planted"] = "by somebody else"
    before = visitor.thief()
    await visitor.log_in("alice")
    assert await before.who() is None
    async with visitor.client.session_transaction() as session:
        assert set(session) == {"login", "_permanent", "_flashes"}
    form = {"csrf_token": token, "title": "x", "text": "y"}
    assert (await visitor.open("/add", "POST", form=form)).status_code == 400


async def test_every_login_has_an_id_of_its_own(alice: Visitor, dump: Callable[[], Dump]) -> None:
    for _ in range(3):
        await Visitor(alice.app).log_in("alice")
    ids = [row[0] for row in dump()["logins"]]
    assert len(set(ids)) == len(ids) == 4
    assert all(len(login_id) == 43 for login_id in ids)


async def test_a_copied_cookie_is_dead_after_logging_out(alice: Visitor) -> None:
    copy = alice.thief()
    assert await copy.who() == "alice"
    await alice.post("/logout")
    assert await copy.who() is None
    assert (await copy.get("/account")).status_code == 302


async def test_logging_in_again_or_as_another_ends_the_login_before(
    alice: Visitor, bob: Visitor
) -> None:
    copies = [alice.thief()]
    await alice.log_in("alice")
    copies.append(alice.thief())
    await alice.register("carol")
    copies.append(alice.thief())
    await alice.log_in("bob")
    assert [await copy.who() for copy in copies] == [None, None, None]
    assert (await alice.who(), await bob.who()) == ("bob", "bob")


async def test_a_cookie_is_dead_after_its_user_is_deleted(alice: Visitor) -> None:
    async with alice.app.app_context():
        assert await queries.remove_user(db, username="ALICE")
        assert not await queries.remove_user(db, username="alice")
    assert await alice.who() is None
    assert (await alice.get("/account")).status_code == 302


@pytest.mark.parametrize(("idle_s", "alive"), [(12 * HOUR_S, True), (12 * HOUR_S + 1, False)])
async def test_a_login_ends_when_it_is_idle_too_long(
    clock: Clock, alice: Visitor, idle_s: int, alive: bool
) -> None:
    await alice.get("/")
    clock.pass_s(idle_s)
    assert (await alice.who() == "alice") is alive


async def test_a_login_in_use_does_not_end_before_its_time(clock: Clock, alice: Visitor) -> None:
    for _ in range(28):
        clock.pass_s(12 * HOUR_S - 1)
        assert await alice.who() == "alice"
    clock.pass_s(60)
    assert await alice.who() is None


@pytest.mark.parametrize(("age_s", "alive"), [(14 * DAY_S - 1, True), (14 * DAY_S, False)])
async def test_a_kept_login_lasts_unused_until_its_time(
    clock: Clock, alice: Visitor, visitor: Visitor, age_s: int, alive: bool
) -> None:
    await visitor.log_in("alice", remember="y")
    clock.pass_s(age_s)
    assert (await visitor.who() == "alice") is alive


async def test_expired_logins_are_removed_when_somebody_logs_in(
    clock: Clock, alice: Visitor, bob: Visitor, dump: Callable[[], Dump]
) -> None:
    clock.pass_s(15 * DAY_S)
    await Visitor(alice.app).log_in("alice")
    assert len(dump()["logins"]) == 1


async def test_a_clock_set_back_ends_nothing(clock: Clock, alice: Visitor) -> None:
    clock.pass_s(-HOUR_S)
    assert await alice.who() == "alice"


async def test_use_is_noted_now_and_then_not_at_every_request(
    clock: Clock, alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = []

    async def touch_login(*_: object, login_id: str, now_ms: int) -> None:
        noted.append(now_ms)

    monkeypatch.setattr(queries, "touch_login", touch_login)
    for seconds in (0, 1, 2000, 159):
        clock.pass_s(seconds)
        await alice.get("/")
    assert noted == []
    clock.pass_s(1)
    await alice.get("/")
    assert noted == [clock.now_ms]


@pytest.mark.parametrize("fault", [DatabaseBusy("busy"), DiskFull("full")])
async def test_pages_are_read_also_when_use_can_not_be_noted(
    clock: Clock, alice: Visitor, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def touch_login(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(queries, "touch_login", touch_login)
    clock.pass_s(HOUR_S)
    assert await alice.who() == "alice"


async def test_the_settings_say_how_long_logins_last(serve: Serve, clock: Clock) -> None:
    app = await serve(PERMANENT_SESSION_LIFETIME=600, SESSION_IDLE_LIFETIME=60)
    async with app.app_context():
        assert (policy().kept_s, policy().idle_s) == (600, 60)
    visitor, kept = Visitor(app), Visitor(app)
    await visitor.register("carol")
    await kept.log_in("carol", remember="y")
    clock.pass_s(61)
    assert (await visitor.who(), await kept.who()) == (None, "carol")
    clock.pass_s(539)
    assert await kept.who() is None


# What can't be made of it


async def test_a_cookie_of_an_earlier_key_opens_and_is_signed_with_the_new_one(
    serve: Serve,
) -> None:
    new = "a newer key for tests, long enough too"
    visitor = Visitor(await serve())
    await visitor.register("carol")
    assert visitor.cookie is not None
    rotated = Visitor(await serve(SECRET_KEY=new, SECRET_KEY_FALLBACKS=(KEY,)))
    rotated.client.set_cookie("localhost", "session", visitor.cookie)
    assert await rotated.who() == "carol"
    await rotated.add()
    assert rotated.cookie is not None
    after = Visitor(await serve(SECRET_KEY=new))
    after.client.set_cookie("localhost", "session", visitor.cookie)
    assert await after.who() is None, "the old key still opens"
    after.client.set_cookie("localhost", "session", rotated.cookie)
    assert await after.who() == "carol"


async def test_a_form_of_an_earlier_key_is_still_taken(serve: Serve) -> None:
    visitor = Visitor(await serve())
    await visitor.register("carol")
    token = await visitor.token()
    app = await serve(
        SECRET_KEY="a newer key for tests, long enough too", SECRET_KEY_FALLBACKS=(KEY,)
    )
    rotated = Visitor(app)
    rotated.client.set_cookie("localhost", "session", visitor.cookie or "")
    form = {"csrf_token": token, "title": "x", "text": "y"}
    assert (await rotated.open("/add", "POST", form=form)).status_code == 302


def tampered(good: str) -> Iterator[str]:
    """Make the junk that people put into cookies out of a good one."""
    payload, stamp, signature = good.split(".")[-3:]
    forged = base64.urlsafe_b64encode(json.dumps({"login": "x" * 43}).encode()).decode()
    yield from ("", "x", ".", "..", "...", "null", "{}", "a.b.c", "0" * 10_000, "." * 10_000)
    yield f"{forged}.{stamp}.{signature}"
    yield f"{payload}.{stamp}.{signature[::-1]}"
    yield f"{payload}.{stamp}."
    yield f"{payload}.{signature}"
    yield f"{payload}.AAAAAA.{signature}"
    yield f".{payload}.{stamp}.{signature}"
    yield good[:-2]
    yield f"{good}x"
    yield f"{good}.{good}"
    yield good.swapcase()
    yield good + "%00"
    yield "é" + good
    yield URLSafeTimedSerializer("another key", "cookie-session").dumps({"login": "x"})


async def test_a_tampered_cookie_is_nobody(alice: Visitor, app: Quart) -> None:
    assert alice.cookie is not None
    for junk in tampered(alice.cookie):
        visitor = Visitor(app, headers={"Cookie": f"session={junk}"})
        assert await visitor.who() is None, junk[:60]
        assert (await visitor.get("/login")).status_code == 200, junk[:60]


def signer(app: Quart) -> URLSafeTimedSerializer:
    serializer = SessionInterface().get_signing_serializer(app)
    assert serializer is not None
    return serializer


@pytest.mark.parametrize(
    "payload",
    [None, 5, 1.5, True, "text", [1], [[1, 2, 3]], {"login": 5}, {"login": None}, {"login": ["x"]}],
    ids=repr,
)
async def test_a_good_signature_under_something_else_is_nobody(app: Quart, payload: object) -> None:
    cookie = signer(app).dumps(payload)
    visitor = Visitor(app, headers={"Cookie": f"session={cookie}"})
    assert await visitor.who() is None
    assert (await visitor.get("/login")).status_code == 200


@pytest.mark.parametrize("raw", [b"not json", b".not zlib", b"!", b"eyIgZCI6ICJubyBkYXRlIn0", b""])
async def test_a_good_signature_under_bytes_is_nobody(app: Quart, raw: bytes) -> None:
    serializer = signer(app)
    cookie = serializer.make_signer(serializer.salt).sign(raw).decode()
    visitor = Visitor(app, headers={"Cookie": f"session={cookie}"})
    assert (await visitor.get("/login")).status_code == 200
    assert await visitor.who() is None


async def test_a_large_cookie_of_our_own_still_works(app: Quart, alice: Visitor) -> None:
    async with alice.client.session_transaction() as session:
        login = session["login"]
    cookie = signer(app).dumps({"login": login, "junk": [str(n) for n in range(4000)]})
    assert len(cookie) > 10_000
    assert await Visitor(app, headers={"Cookie": f"session={cookie}"}).who() == "alice"


async def test_an_expired_cookie_is_nobody(
    app: Quart, alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with alice.client.session_transaction() as session:
        content = dict(session)
    now = TimestampSigner("any").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now - 14 * DAY_S - 2)
    cookie = signer(app).dumps(content)
    monkeypatch.undo()
    assert await Visitor(app, headers={"Cookie": f"session={cookie}"}).who() is None


async def test_two_cookies_of_the_name_do_no_harm(app: Quart, alice: Visitor) -> None:
    for header in (f"session={alice.cookie}; session=x", f"session=x; session={alice.cookie}"):
        response = await Visitor(app, headers={"Cookie": header}).get("/about")
        assert response.status_code == 200


async def test_answers_that_are_the_same_for_all_ask_for_no_user(
    app: Quart, alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def user_of(*_: object, **__: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("qapp.accounts.session.user_of", user_of)
    for path in ("/healthz", "/readyz", "/feed.xml", "/static/site.css"):
        assert (await alice.get(path)).status_code == 200


async def test_an_error_that_comes_before_the_user_is_known_has_a_page(
    alice: Visitor, pages: list[Page]
) -> None:
    assert (await alice.get("/", headers={"Host": "evil.example"})).status_code == 400
    assert pages[-1].context["current_user"] is None


async def test_the_command_line_lists_users_by_name(alice: Visitor, bob: Visitor) -> None:
    async with alice.app.app_context():
        assert [user.username for user in await queries.list_users(db)] == ["alice", "bob"]


async def test_names_and_passwords_are_judged_the_same_everywhere() -> None:
    assert service.username_fault("carol") is None
    assert service.username_fault("carol\n") == service.USERNAME_RULE
    assert service.password_fault(PASSWORD) is None
    assert service.password_fault("short") == service.PASSWORD_RULE
