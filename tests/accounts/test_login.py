"""Logging in: what it takes, what it costs, where it leads."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from argon2 import extract_parameters
from quart import Quart

from qapp.accounts import service
from qapp.ext.threads import BoundedPool
from qapp.extensions import hashing
from tests.conftest import (
    NOBODYS_PASSWORD,
    PASSWORD,
    REAL_HASHER,
    REAL_NOBODYS_HASH,
    TOKEN,
    Clock,
    Dump,
    Page,
    Serve,
    Visitor,
)

OFF_SITE = [
    "//evil.example",
    "///evil.example",
    "////evil.example/..",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/ /evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/\r\nLocation: https://evil.example",
    " //evil.example",
    " https://evil.example",
    "https://evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "evil.example",
    "@evil.example",
    "https://localhost@evil.example",
    "https://localhost:80@evil.example/",
    "//localhost@evil.example",
    "https://localhost.evil.example",
    "%2f%2fevil.example",
    "%68ttps://evil.example",
    "?next=//evil.example",
    "#//evil.example",
    "/\x00/evil.example",
    "/\x7f/evil.example",
    "//[::1",
    "",
]
ON_SITE = {
    "/": "/",
    "/account": "/account",
    "/post/1?x=1#y": "/post/1?x=1#y",
    "/search?q=a&page=2": "/search?q=a&page=2",
    "/%2f%2fevil.example": "/%2f%2fevil.example",
    "/users/é": "/users/%C3%A9",
}


async def test_the_form_asks_for_name_and_password(visitor: Visitor, pages: list[Page]) -> None:
    response = await visitor.get("/login")
    assert response.status_code == 200
    assert pages[-1].template == "accounts/login.html"
    html = await response.get_data(as_text=True)
    assert 'name="username"' in html
    assert 'name="password"' in html
    assert 'name="csrf_token"' in html


async def test_name_and_password_log_in(alice: Visitor, visitor: Visitor) -> None:
    response = await visitor.log_in("alice")
    assert (response.status_code, response.location) == (302, "/")
    assert "You were logged in" in await visitor.text("/")
    assert await visitor.who() == "alice"


async def test_the_name_may_be_written_in_another_case(alice: Visitor, visitor: Visitor) -> None:
    assert (await visitor.log_in("ALICE")).status_code == 302
    assert await visitor.who() == "alice"


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    answers = []
    for name in ("alice", "nobod"):
        response = await visitor.log_in(name, "not the password")
        assert response.status_code == 401
        assert pages[-1].context["form"].form_errors == ["Invalid username or password"]
        html = await response.get_data(as_text=True)
        answers.append(TOKEN.sub("", html).replace(name, "…"))
    assert answers[0] == answers[1]
    assert "not the password" not in answers[0]
    assert await visitor.who() is None


async def test_an_attempt_costs_the_same_whether_or_not_the_name_exists(
    monkeypatch: pytest.MonkeyPatch, visitor: Visitor
) -> None:
    monkeypatch.setattr(service, "HASHER", REAL_HASHER)
    monkeypatch.setattr(service, "NOBODYS_HASH", REAL_NOBODYS_HASH)
    await visitor.register("carol")
    costs: list[list[Any]] = []

    def verify(password_hash: str, password: str) -> bool:
        costs[-1].append((extract_parameters(password_hash), password))
        return False

    monkeypatch.setattr(service, "verify_password", verify)
    for name in ("carol", "nobody", "'; DROP TABLE users; --"):
        costs.append([])
        assert (await visitor.log_in(name, "wrong")).status_code == 401
    assert len(costs[0]) == 1
    assert costs[0] == costs[1] == costs[2]


async def test_the_hash_of_nobody_is_a_real_one_of_the_real_cost() -> None:
    real = extract_parameters(REAL_HASHER.hash(PASSWORD))
    assert extract_parameters(REAL_NOBODYS_HASH) == real
    assert (real.memory_cost, real.time_cost, real.parallelism) == (19_456, 2, 1)
    assert real.type.name == "ID"
    assert not service.verify_password(REAL_NOBODYS_HASH, PASSWORD)


async def test_nobodys_password_logs_nobody_in(visitor: Visitor) -> None:
    assert service.verify_password(service.NOBODYS_HASH, NOBODYS_PASSWORD)
    assert (await visitor.log_in("nobody", NOBODYS_PASSWORD)).status_code == 401


async def test_a_damaged_hash_lets_nobody_in() -> None:
    assert not service.verify_password("plain text", "plain text")


@pytest.mark.parametrize(
    ("name", "password", "fields"),
    [
        ("", PASSWORD, ["username"]),
        ("alice", "", ["password"]),
        ("", "", ["username", "password"]),
        ("al\0ice", PASSWORD, ["username"]),
        ("a" * 201, PASSWORD, ["username"]),
        ("alice", "p" * 1025, ["password"]),
        ("alice", "p" * 100_000, ["password"]),
    ],
    ids=lambda value: repr(value[:12]),
)
async def test_what_can_be_no_name_or_password_is_refused_before_hashing(
    visitor: Visitor,
    pages: list[Page],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    password: str,
    fields: list[str],
) -> None:
    def verify(*_: str) -> bool:
        raise AssertionError("hashed")

    monkeypatch.setattr(service, "verify_password", verify)
    assert (await visitor.log_in(name, password)).status_code == 422
    assert list(pages[-1].context["form"].errors) == fields


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(visitor: Visitor, method: str) -> None:
    response = await visitor.open("/login", method)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


async def led_to(visitor: Visitor, target: str) -> str | None:
    """Log in with a `next`; return where that leads."""
    page = await visitor.get("/login", query_string={"next": target})
    assert page.status_code == 200
    fields = {"csrf_token": await visitor.token(), "username": "alice", "password": PASSWORD}
    response = await visitor.open("/login", "POST", form=fields, query_string={"next": target})
    assert response.status_code == 302
    return response.location


async def test_next_never_leads_off_the_site(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    for target in OFF_SITE:
        assert await led_to(visitor, target) == "/", repr(target)
        assert all(page.context.get("next_url") is None for page in pages), repr(target)


async def test_next_leads_to_any_page_of_the_site(alice: Visitor, visitor: Visitor) -> None:
    for target, leads_to in ON_SITE.items():
        assert await led_to(visitor, target) == leads_to


async def test_a_next_given_twice_or_in_the_form_does_not_lead_away(
    alice: Visitor, visitor: Visitor
) -> None:
    response = await visitor.post(
        "/login?next=//evil.example&next=/account",
        {"username": "alice", "password": PASSWORD, "next": "//evil.example"},
    )
    assert response.location == "/"


async def test_a_failed_login_keeps_next_and_what_was_typed(
    alice: Visitor, visitor: Visitor
) -> None:
    response = await visitor.post(
        "/login?next=/account", {"username": "alice", "password": "wrong", "remember": "y"}
    )
    html = await response.get_data(as_text=True)
    assert 'action="/login?next=/account"' in html
    assert 'value="alice"' in html
    assert "checked" in html


async def test_guesses_are_limited_and_say_when_to_try_again(serve: Serve, clock: Clock) -> None:
    app = await serve(RATE_LIMITS={"login": (3, 900)})
    await Visitor(app).register("alice")
    visitor = Visitor(app)
    for _ in range(3):
        assert (await visitor.log_in("alice", "wrong")).status_code == 401
    for password in ("wrong", PASSWORD):
        response = await visitor.log_in("Alice", password)
        assert (response.status_code, response.headers["Retry-After"]) == (429, "300")
    assert (await visitor.log_in("bob", "wrong")).status_code == 401, "another name"
    clock.pass_s(300)
    assert (await visitor.log_in("alice")).status_code == 302


async def test_a_strangers_guesses_do_not_lock_the_owner_out(serve: Serve) -> None:
    app = await serve(RATE_LIMITS={"login": (3, 900)})
    await Visitor(app).register("alice")
    stranger = Visitor(app, scope_base={"client": ("203.0.113.9", 1)})
    for _ in range(3):
        await stranger.log_in("alice", "wrong")
    assert (await stranger.log_in("alice")).status_code == 429
    owner = Visitor(app, scope_base={"client": ("198.51.100.7", 1)})
    assert (await owner.log_in("alice")).status_code == 302


async def test_the_address_is_the_connections_own_whatever_headers_say(serve: Serve) -> None:
    app = await serve(RATE_LIMITS={"login": (1, 900)})
    visitor = Visitor(app, scope_base={"client": ("203.0.113.9", 1)})
    await visitor.log_in("alice", "wrong")
    forged = {"X-Forwarded-For": "198.51.100.7", "Remote-Addr": "198.51.100.7"}
    fields = {"csrf_token": await visitor.token(), "username": "alice", "password": "wrong"}
    response = await visitor.open("/login", "POST", form=fields, headers=forged)
    assert response.status_code == 429


async def test_one_address_tries_many_names_only_so_often(serve: Serve) -> None:
    app = await serve(RATE_LIMITS={"login_address": (3, 900)})
    visitor = Visitor(app)
    for name in ("carol", "dave", "erin"):
        assert (await visitor.log_in(name, "wrong")).status_code == 401
    assert (await visitor.log_in("frank", "wrong")).status_code == 429


async def test_the_limit_is_shared_by_all_workers(serve: Serve) -> None:
    workers = [await serve(RATE_LIMITS={"login": (3, 900)}) for _ in range(2)]
    answers = []
    for turn in range(4):
        response = await Visitor(workers[turn % 2]).log_in("alice", "wrong")
        answers.append(response.status_code)
    assert answers == [401, 401, 401, 429]


async def test_only_failures_count(serve: Serve, dump: Any) -> None:
    app = await serve(RATE_LIMITS={"login": (2, 900), "login_address": (2, 900)})
    await Visitor(app).register("alice")
    for _ in range(5):
        assert (await Visitor(app).log_in("alice")).status_code == 302
    before: Dump = dump()
    assert (await Visitor(app).log_in("alice", "wrong")).status_code == 401
    assert dump()["rate_limits"] != before["rate_limits"]
    assert dump()["logins"] == before["logins"]


async def test_a_flood_of_logins_is_turned_away_not_queued(
    app: Quart, alice: Visitor, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.extensions["hashing"], "most_jobs", 0)
    response = await visitor.log_in("alice")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    response = await visitor.register("carol")
    assert response.status_code == 503
    monkeypatch.undo()
    assert (await visitor.log_in("carol")).status_code == 401, "half registered"


async def test_passwords_are_hashed_in_threads_of_their_own(
    monkeypatch: pytest.MonkeyPatch, visitor: Visitor
) -> None:
    threads = []
    real_hash, real_verify = service.hash_password, service.verify_password

    def hash_password(password: str) -> str:
        threads.append(threading.current_thread().name)
        return real_hash(password)

    def verify_password(password_hash: str, password: str) -> bool:
        threads.append(threading.current_thread().name)
        return real_verify(password_hash, password)

    monkeypatch.setattr(service, "hash_password", hash_password)
    monkeypatch.setattr(service, "verify_password", verify_password)
    await visitor.register("carol")
    await visitor.log_in("carol")
    assert len(threads) == 2
    assert all(name.startswith("hashing") for name in threads)
    assert isinstance(hashing, BoundedPool)


async def test_what_is_stored_is_an_argon2id_hash_and_no_password(
    alice: Visitor, dump: Any
) -> None:
    content: Dump = dump()
    assert PASSWORD not in repr(content)
    (user,) = content["users"]
    assert str(user[2]).startswith("$argon2id$")
