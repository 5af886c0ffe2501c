"""The API tokens on the account page: made, shown once, listed, revoked."""

from __future__ import annotations

import re

import pytest
from quart import Quart, Response

from qapp.accounts import tokens
from tests.conftest import Clock, Page, Visitor

SHOWN = re.compile(r'value="(qapp_[0-9a-f]{12}_[A-Za-z0-9_-]{43})" readonly')
DAY_S = 24 * 3600


def new_token(**fields: str) -> dict[str, str]:
    return {"action": "add_token", "name": "phone", "scope": "read", "days": "30", **fields}


async def make(visitor: Visitor, **fields: str) -> str:
    """Make a token on the page and return it."""
    response = await visitor.post("/account", new_token(**fields))
    assert response.status_code == 200
    match = SHOWN.search(await response.get_data(as_text=True))
    assert match is not None
    return match[1]


async def revoke(visitor: Visitor, page_of: Visitor, name: str = "phone") -> Response:
    """Revoke, as one visitor, the token that another's page names."""
    (number,) = re.findall(
        rf">{name}</h3>.*?/account/tokens/(\d+)/revoke", await page_of.text("/account"), re.DOTALL
    )
    return await visitor.post(f"/account/tokens/{number}/revoke")


async def status(app: Quart, token: str, method: str = "GET") -> int:
    """Return how the API answers to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    path, body = ("/api/v1/me", None) if method == "GET" else ("/api/v1/entries", {"title": "x"})
    response = await Visitor(app).open(path, method, headers=headers, json=body)
    return response.status_code


async def test_a_new_token_is_shown_once_and_opens_the_api(app: Quart, alice: Visitor) -> None:
    response = await alice.post("/account", new_token())
    assert response.headers["Cache-Control"] == "no-store"
    html = await response.get_data(as_text=True)
    assert "it is shown only here, and never again" in html
    match = SHOWN.search(html)
    assert match is not None
    assert await status(app, match[1]) == 200
    html = await alice.text("/account")
    assert match[1] not in html
    assert f"{match[1][:17]}…" in html


@pytest.mark.parametrize(("scope", "expected"), [("read", 403), ("write", 422)])
async def test_it_may_do_what_was_chosen(
    app: Quart, alice: Visitor, scope: str, expected: int
) -> None:
    token = await make(alice, scope=scope)
    assert await status(app, token, "POST") == expected, "422 is for the title alone"


@pytest.mark.parametrize("days", [30, 90, 365, 0])
async def test_it_lasts_as_long_as_was_chosen(
    app: Quart, clock: Clock, alice: Visitor, days: int
) -> None:
    token = await make(alice, days=str(days))
    assert ("until you revoke it" in await alice.text("/account")) is (days == 0)
    clock.pass_s((days or 4000) * DAY_S - 1)
    assert await status(app, token) == 200
    clock.pass_s(1)
    assert await status(app, token) == (401 if days else 200)


async def test_the_list_says_what_is_known_of_each(
    app: Quart, clock: Clock, alice: Visitor, pages: list[Page]
) -> None:
    await make(alice, name="<b>tablet</b>", scope="write", days="0")
    phone = await make(alice)
    clock.pass_s(3 * 3600)
    await status(app, phone)
    clock.pass_s(29 * DAY_S - 3600)
    await alice.log_in("alice")
    html = re.sub(r"<[^>]+>|\s+", " ", await alice.text("/account"))
    html = re.sub(" +", " ", html)
    assert [token.name for token in pages[-1].context["tokens"]] == ["<b>tablet</b>", "phone"]
    assert "&lt;b&gt;tablet&lt;/b&gt; qapp_" in html
    assert "reads and changes · made 29 days ago · never used · until you revoke it" in html
    assert "only reads · made 29 days ago · last used 28 days ago · until 20" in html
    clock.pass_s(2 * DAY_S)
    await alice.log_in("alice")
    assert "<strong>expired</strong>" in await alice.text("/account")


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"name": ""}, {"name": ["Give the token a name."]}),
        ({"name": "  "}, {"name": ["Give the token a name."]}),
        ({"name": "x" * 61}, {"name": ["A name has at most 60 characters."]}),
        ({"name": "a\tb"}, {"name": ["This field must not contain a tab."]}),
        ({"scope": "all"}, {"scope": ["Not a valid choice."]}),
        ({"days": "31"}, {"days": ["Not a valid choice."]}),
        ({"days": "x"}, {"days": ["Invalid Choice: could not coerce."]}),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_made(
    alice: Visitor, pages: list[Page], fields: dict[str, str], errors: dict[str, list[str]]
) -> None:
    response = await alice.post("/account", new_token(**fields))
    assert response.status_code == 422
    context = pages[-1].context
    assert context["token_form"].errors == errors
    assert context["password_form"].errors == {}
    assert (context["tokens"], context["new_token"]) == ([], None)


async def test_a_taken_name_is_refused_and_the_rest_is_kept(
    alice: Visitor, bob: Visitor, pages: list[Page]
) -> None:
    await make(alice)
    response = await alice.post("/account", new_token(name=" phone ", scope="write", days="365"))
    assert response.status_code == 422
    form = pages[-1].context["token_form"]
    assert form.errors == {"name": ["You have a token of this name. Choose another."]}
    assert (form.name.data, form.scope.data, form.days.data) == ("phone", "write", 365)
    assert len(pages[-1].context["tokens"]) == 1
    await make(bob)  # another's names are his


async def test_there_are_not_too_many(
    alice: Visitor, pages: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens.service, "MOST_TOKENS", 1)
    await make(alice)
    response = await alice.post("/account", new_token(name="tablet"))
    assert response.status_code == 422
    assert "tokens. Revoke one first." in await response.get_data(as_text=True)
    assert len(pages[-1].context["tokens"]) == 1


async def test_a_revoked_token_is_none(app: Quart, alice: Visitor) -> None:
    phone, tablet = await make(alice), await make(alice, name="tablet")
    response = await revoke(alice, alice)
    assert (response.status_code, response.location) == (302, "/account#tokens-title")
    html = await alice.text("/account")
    assert "The token was revoked" in html
    assert phone[:17] not in html
    assert await status(app, phone) == 401
    assert await status(app, tablet) == 200


async def test_only_its_owner_revokes_a_token(
    app: Quart, alice: Visitor, mallory: Visitor, visitor: Visitor
) -> None:
    token = await make(alice)
    assert (await revoke(mallory, alice)).status_code == 404
    assert (await revoke(visitor, alice)).status_code == 401
    assert (await alice.post(f"/account/tokens/{10**40}/revoke")).status_code == 404
    assert await status(app, token) == 200


async def test_nobody_sees_anothers_tokens(alice: Visitor, bob: Visitor) -> None:
    token = await make(alice)
    assert token[:17] not in await bob.text("/account")


async def test_a_new_password_and_logging_out_everywhere_leave_the_tokens(
    app: Quart, alice: Visitor
) -> None:
    token = await make(alice)
    assert "Neither a new password nor logging out everywhere ends it" in re.sub(
        r"\s+", " ", await alice.text("/account")
    )
    await alice.post("/account", {"action": "logout_everywhere"})
    assert await status(app, token) == 200


async def test_a_program_can_not_use_the_page(app: Quart, alice: Visitor) -> None:
    headers = {"Authorization": f"Bearer {await make(alice, scope='write')}"}
    response = await Visitor(app).get("/account", headers=headers)
    assert (response.status_code, response.location) == (302, "/login?next=/account")
