"""The account page: the password, how long a login lasts, ending all of them."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie

import pytest

from qapp.accounts import queries
from tests.conftest import PASSWORD, Clock, Page, Serve, Visitor

NEW = "a new battery staple"
KEPT = re.compile(r'<input [^>]*\bchecked [^>]*id="remember"')


def new_password(**fields: str) -> dict[str, str]:
    return {
        "action": "password",
        "current": PASSWORD,
        "password": NEW,
        "confirm": NEW,
        **fields,
    }


async def test_nobody_is_led_to_the_login_page_and_back(visitor: Visitor) -> None:
    response = await visitor.get("/account")
    assert (response.status_code, response.location) == (302, "/login?next=/account")
    response = await visitor.post("/account", {"action": "logout_everywhere"})
    assert (response.status_code, response.location) == (302, "/login?next=/account")
    response = await visitor.get("/account", headers={"Accept": "application/json"})
    assert (response.status_code, response.mimetype) == (401, "application/problem+json")


async def test_it_says_who_one_is_and_where_one_is_logged_in(
    alice: Visitor, bob: Visitor, pages: list[Page]
) -> None:
    await Visitor(alice.app).log_in("alice")
    html = await alice.text("/account")
    assert pages[-1].context["user"].username == "alice"
    assert "You are logged in in 2 places." in html


async def test_a_login_idle_too_long_or_expired_is_no_place_any_more(
    clock: Clock, alice: Visitor
) -> None:
    kept, left = Visitor(alice.app), Visitor(alice.app)
    await kept.log_in("alice", remember="y")
    await left.log_in("alice")
    clock.pass_s(12 * 3600)
    assert "You are logged in in 3 places." in await alice.text("/account")
    clock.pass_s(1)
    assert "You are logged in in 2 places." in await alice.text("/account")
    clock.pass_s(11 * 3600)
    assert "You are logged in in 2 places." in await alice.text("/account")


@pytest.mark.parametrize("action", [None, "", "nonsense", "'; DROP TABLE users; --"])
async def test_an_unknown_action_is_refused(alice: Visitor, action: str | None) -> None:
    response = await alice.post("/account", {} if action is None else {"action": action})
    assert response.status_code == 400
    assert "The account page has no such action." in await response.get_data(as_text=True)


async def test_a_new_password_takes_the_place_of_the_old(alice: Visitor) -> None:
    response = await alice.post("/account", new_password())
    assert (response.status_code, response.location) == (302, "/account")
    assert "Your password was changed" in await alice.text("/account")
    visitor = Visitor(alice.app)
    assert (await visitor.log_in("alice", PASSWORD)).status_code == 401
    assert (await visitor.log_in("alice", NEW)).status_code == 302


@pytest.mark.parametrize("kept", [False, True])
async def test_changing_the_password_keeps_this_login_and_ends_the_others(
    clock: Clock, alice: Visitor, kept: bool
) -> None:
    here, elsewhere = Visitor(alice.app), Visitor(alice.app)
    await here.log_in("alice", **({"remember": "y"} if kept else {}))
    await elsewhere.log_in("alice")
    old = here.thief()
    response = await here.post("/account", new_password())
    assert bool(SimpleCookie(response.headers["Set-Cookie"])["session"]["expires"]) is kept
    assert await here.who() == "alice"
    assert await old.who() is None
    assert await elsewhere.who() is None
    assert await alice.who() is None
    clock.pass_s(13 * 3600)
    assert (await here.who() == "alice") is kept


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"current": "wrong"}, {"current": ["This is not your current password."]}),
        ({"current": ""}, {"current": ["Type your current password."]}),
        ({"confirm": "another"}, {"confirm": ["The two passwords are not the same."]}),
        (
            {"password": "short", "confirm": "short"},
            {"password": ["A password has 8 to 1024 characters."]},
        ),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field_and_nothing_changes(
    alice: Visitor, pages: list[Page], fields: dict[str, str], errors: dict[str, list[str]]
) -> None:
    response = await alice.post("/account", new_password(**fields))
    assert response.status_code == 422
    assert pages[-1].context["password_form"].errors == errors
    html = await response.get_data(as_text=True)
    assert NEW not in html
    assert PASSWORD not in html
    assert await alice.who() == "alice"
    assert (await Visitor(alice.app).log_in("alice", PASSWORD)).status_code == 302


async def test_guessing_the_current_password_is_limited(serve: Serve, clock: Clock) -> None:
    alice = Visitor(await serve(RATE_LIMITS={"login": (2, 900)}))
    await alice.register("alice")
    for _ in range(2):
        assert (await alice.post("/account", new_password(current="wrong"))).status_code == 422
    response = await alice.post("/account", new_password())
    assert (response.status_code, response.headers["Retry-After"]) == (429, "450")
    clock.pass_s(450)
    for password, new in ((PASSWORD, NEW), (NEW, PASSWORD), (PASSWORD, NEW)):
        fields = new_password(current=password, password=new, confirm=new)
        assert (await alice.post("/account", fields)).status_code == 302, "a success counted"


async def test_a_user_deleted_meanwhile_changes_no_password(
    alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(queries, "get_credentials", nobody)
    assert (await alice.post("/account", new_password())).status_code == 422


async def test_keep_me_logged_in_is_session_permanent(clock: Clock, alice: Visitor) -> None:
    response = await alice.post("/account", {"action": "remember", "remember": "y"})
    assert (response.status_code, response.location) == (302, "/account")
    assert SimpleCookie(response.headers["Set-Cookie"])["session"]["expires"]
    async with alice.client.session_transaction() as session:
        assert session.permanent
    html = await alice.text("/account")
    assert "You stay logged in here" in html
    assert KEPT.search(html)
    clock.pass_s(13 * 24 * 3600)
    assert await alice.who() == "alice"


async def test_a_login_can_be_kept_no_longer(clock: Clock, alice: Visitor) -> None:
    await alice.post("/account", {"action": "remember", "remember": "y"})
    response = await alice.post("/account", {"action": "remember"})
    assert not SimpleCookie(response.headers["Set-Cookie"])["session"]["expires"]
    html = await alice.text("/account")
    assert "You are logged in until you leave" in html
    assert not KEPT.search(html)
    clock.pass_s(12 * 3600 + 1)
    assert await alice.who() is None


async def test_keeping_a_login_is_of_this_browser_only(clock: Clock, alice: Visitor) -> None:
    elsewhere = Visitor(alice.app)
    await elsewhere.log_in("alice")
    await alice.post("/account", {"action": "remember", "remember": "y"})
    clock.pass_s(12 * 3600 + 1)
    assert await alice.who() == "alice"
    assert await elsewhere.who() is None


async def test_log_out_everywhere_ends_every_login_of_this_user_only(
    alice: Visitor, bob: Visitor
) -> None:
    elsewhere = Visitor(alice.app)
    await elsewhere.log_in("alice")
    copy = alice.thief()
    response = await alice.post("/account", {"action": "logout_everywhere"})
    assert (response.status_code, response.location) == (302, "/login")
    assert "You were logged out everywhere" in await alice.text("/login")
    for browser in (alice, elsewhere, copy):
        assert await browser.who() is None
    assert await bob.who() == "bob"


async def test_the_other_form_is_untouched_by_ones_errors(
    alice: Visitor, pages: list[Page]
) -> None:
    await alice.post("/account", new_password(current="wrong", remember="y"))
    assert pages[-1].context["remember_form"].errors == {}
    assert pages[-1].context["remember_form"].remember.data is False
