"""Registering: who may, under which name, with which password."""

from __future__ import annotations

import asyncio

import pytest
from quart import Quart

from qapp.accounts import queries
from qapp.ext.database import ConstraintViolation
from qapp.extensions import db
from tests.conftest import PASSWORD, Clock, Page, Serve, Visitor

TAKEN = "This name is taken. Choose another."


def form(**fields: str) -> dict[str, str]:
    return {"username": "carol", "password": PASSWORD, "confirm": PASSWORD, **fields}


async def test_who_registers_is_logged_in_and_welcome(visitor: Visitor) -> None:
    response = await visitor.post("/register", form())
    assert (response.status_code, response.location) == (302, "/")
    assert "Welcome, carol" in await visitor.text("/")
    assert await visitor.who() == "carol"


async def test_the_registered_password_logs_in_elsewhere(alice: Visitor, visitor: Visitor) -> None:
    assert (await visitor.log_in("alice")).status_code == 302
    assert await visitor.who() == "alice"


@pytest.mark.parametrize("username", ["abc", "A-b_9", "x" * 32])
async def test_a_name_of_3_to_32_plain_characters_is_good(visitor: Visitor, username: str) -> None:
    assert (await visitor.register(username)).status_code == 302
    assert await visitor.who() == username


@pytest.mark.parametrize(
    "username",
    [
        "",
        "ab",
        "x" * 33,
        "two words",
        " carol",
        "carol\n",
        "carol\0",
        "cärol",
        "caroĺ",
        "१२३",
        "<script>alert(1)</script>",
        "'; DROP TABLE users; --",
        "{{7919*7907}}",
        "x" * 1_000_000,
    ],
    ids=lambda name: repr(name[:12]),
)
async def test_any_other_name_is_refused_beside_its_field(
    visitor: Visitor, pages: list[Page], username: str
) -> None:
    response = await visitor.post("/register", form(username=username))
    assert response.status_code == 422
    assert list(pages[-1].context["form"].errors) == ["username"]
    assert pages[-1].context["form"].username.data == username
    assert await visitor.who() is None


@pytest.mark.parametrize("username", ["alice", "ALICE", "aLiCe"])
async def test_a_taken_name_is_refused_in_whatever_case(
    alice: Visitor, visitor: Visitor, pages: list[Page], username: str
) -> None:
    response = await visitor.post("/register", form(username=username))
    assert response.status_code == 422
    assert pages[-1].context["form"].errors == {"username": [TAKEN]}
    html = await response.get_data(as_text=True)
    assert f'<p class="field-error" id="username-error">{TAKEN}</p>' in html
    assert f'value="{username}"' in html
    assert await visitor.who() is None


@pytest.mark.parametrize(
    "password",
    [
        "12345678",
        "p" * 64,
        "p" * 128,
        "p" * 1024,
        "🙂" * 1024,
        "with\0a NUL",
        "  blanks around it  ",
        "\ttabs and\r\nlines\n",
        "emoji 🙂🙂🙂",
        "decomposed é",
        "{{7919*7907}}",
        "'; DROP TABLE users; --",
    ],
    ids=lambda password: repr(password[:12]),
)
async def test_a_password_is_kept_exactly_as_typed(
    visitor: Visitor, mallory: Visitor, password: str
) -> None:
    assert (await visitor.register("carol", password)).status_code == 302
    thief = mallory
    for wrong in (password[:-1] + "x", password.replace("\0", ""), password.strip()):
        if wrong != password:
            assert (await thief.log_in("carol", wrong)).status_code == 401
    assert (await thief.log_in("carol", password)).status_code == 302


async def test_passwords_that_differ_only_far_behind_are_different(
    visitor: Visitor, mallory: Visitor
) -> None:
    await visitor.register("carol", "p" * 99 + "a" + "p" * 28)
    assert (await mallory.log_in("carol", "p" * 99 + "b" + "p" * 28)).status_code == 401
    assert (await mallory.log_in("carol", "p" * 99)).status_code == 401
    assert (await mallory.log_in("carol", "p" * 99 + "a" + "p" * 28)).status_code == 302


@pytest.mark.parametrize("password", ["", "1234567", "p" * 1025, "p" * 100_000], ids=len)
async def test_too_short_or_too_long_a_password_is_refused_without_hashing_it(
    visitor: Visitor, pages: list[Page], monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    def hash_password(_: str) -> str:
        raise AssertionError("hashed")

    monkeypatch.setattr("qapp.accounts.service.hash_password", hash_password)
    response = await visitor.post("/register", form(password=password, confirm=password))
    assert response.status_code == 422
    assert "password" in pages[-1].context["form"].errors
    assert await visitor.who() is None


async def test_a_password_typed_otherwise_the_second_time_is_refused(
    visitor: Visitor, pages: list[Page]
) -> None:
    response = await visitor.post("/register", form(confirm="correct horse batterx"))
    assert response.status_code == 422
    assert pages[-1].context["form"].errors == {"confirm": ["The two passwords are not the same."]}
    html = await response.get_data(as_text=True)
    assert "batter" not in html, "a password was sent back"
    assert 'value="carol"' in html


async def test_registration_can_be_closed(serve: Serve) -> None:
    visitor = Visitor(await serve(REGISTRATION=False))
    assert (await visitor.get("/register")).status_code == 404
    assert (await visitor.post("/register", form())).status_code == 404
    assert 'href="/register"' not in await visitor.text("/login")
    assert (await visitor.log_in("carol")).status_code == 401


async def test_an_address_registers_so_often_and_no_more(serve: Serve, clock: Clock) -> None:
    app = await serve(RATE_LIMITS={"register": (2, 3600)})
    for name in ("carol", "dave"):
        assert (await Visitor(app).register(name)).status_code == 302
    response = await Visitor(app).register("erin")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1800")
    assert "Wait 30 minutes" in await response.get_data(as_text=True)
    elsewhere = Visitor(app, scope_base={"client": ("203.0.113.9", 1)})
    assert (await elsewhere.register("frank")).status_code == 302
    clock.pass_s(1800)
    assert (await Visitor(app).register("erin")).status_code == 302


async def test_only_a_taken_name_is_said_to_be_taken(app: Quart) -> None:
    async with app.app_context():
        with pytest.raises(ConstraintViolation, match="password_hash"):
            await queries.add_user(db, username="carol", password_hash=None, now_ms=1)  # type: ignore[arg-type]


async def test_a_name_tried_at_the_same_moment_goes_to_one(alice: Visitor) -> None:
    racers = [Visitor(alice.app) for _ in range(5)]
    answers = await asyncio.gather(*(racer.register("carol") for racer in racers))
    assert sorted(answer.status_code for answer in answers) == [302, 422, 422, 422, 422]
    assert sorted([await racer.who() or "" for racer in racers]) == ["", "", "", "", "carol"]
