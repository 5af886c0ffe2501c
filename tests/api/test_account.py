"""Users, one's own account and its tokens, for programs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qapp.accounts.tokens.service import MOST_TOKENS
from tests.conftest import Clock, Dump, Visitor

from .conftest import NewProgram, Program, Reply, token_of

ME, TOKENS = "/api/v1/me", "/api/v1/me/tokens"
NEW = {"name": "phone", "scope": "read"}


async def make(visitor: Visitor, json: object = NEW) -> Reply:
    """Make a token as a page of the site does: in a session."""
    response = await visitor.open(
        TOKENS, "POST", json=json, headers={"X-CSRFToken": await visitor.token()}
    )
    body = await response.get_data(as_text=False)
    return Reply(response.status_code, response.headers, body)


async def test_everybody_may_know_a_users_name_and_entries(
    alice_program: Program, nobody: Program
) -> None:
    await alice_program.added()
    user = await nobody.get("/api/v1/users/alice")
    assert user.json.keys() == {"username", "created_at", "entries"}
    assert user.json["username"] == "alice"
    assert len((await nobody.get(user.json["entries"])).json["items"]) == 1
    for name in ("bob", "al", "a" * 400, "%00", "%ED%A0%80", "%F0%9F%99%82", "a%2Fb"):
        (await nobody.get(f"/api/v1/users/{name}")).problem(404)


async def test_the_account_says_who_one_is_and_what_one_may(
    alice: Visitor, alice_program: Program, reader: Program, bob_program: Program, nobody: Program
) -> None:
    for program, name, scope in (
        (alice_program, "alice", "write"),
        (reader, "alice", "read"),
        (bob_program, "bob", "write"),
    ):
        account = (await program.get(ME)).json
        assert account.keys() == {"username", "created_at", "scope"}
        assert (account["username"], account["scope"]) == (name, scope)
    assert (await (await alice.get(ME)).get_json())["username"] == "alice"
    (await nobody.get(ME)).problem(401)
    (await nobody.get(TOKENS)).problem(401)


async def test_a_token_is_made_in_a_session_and_shown_once(alice: Visitor) -> None:
    made = await make(alice, {**NEW, "days": 90})
    assert made.status == 201
    assert made.location == TOKENS
    program = Program(alice.app, made.json["token"])
    assert (await program.get(ME)).json["scope"] == "read"
    listed = await program.get(TOKENS)
    assert made.json["token"].split("_", 2)[2] not in listed.body.decode()
    (token,) = listed.json["items"]
    assert token.keys() == {
        "id", "name", "begins", "scope", "created_at", "expires_at", "used_at",
    }  # fmt: skip
    assert (token["id"], token["name"], token["scope"]) == (made.json["id"], "phone", "read")
    assert made.json["token"].startswith(f"{token['begins']}_")
    assert token["expires_at"] > token["created_at"]


async def test_a_token_makes_no_tokens(alice_program: Program) -> None:
    refused = await alice_program.post(TOKENS, NEW)
    assert "makes no tokens" in refused.problem(403)["detail"]


async def test_a_name_is_taken_once_a_user(alice: Visitor, bob: Visitor) -> None:
    assert (await make(alice)).status == 201
    (await make(alice)).problem(409)
    assert (await make(bob)).status == 201


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": " "}, ["/name"]),
        ({"name": "x" * 61}, ["/name"]),
        ({"scope": "admin"}, ["/scope"]),
        ({"scope": None}, ["/scope"]),
        ({"days": 0}, ["/days"]),
        ({"days": 3651}, ["/days"]),
        ({"days": 10**400}, ["/days"]),
        ({"days": 1.5}, ["/days"]),
        ({"days": "90"}, ["/days"]),
        ({"days": True}, ["/days"]),
        ({"token": "x"}, ["/token"]),
    ],
)
async def test_a_token_that_can_not_be_made_is_refused(
    alice: Visitor, changes: dict[str, object], fields: list[str]
) -> None:
    assert (await make(alice, {**NEW, **changes})).fields == fields


async def test_days_may_be_written_as_any_json_has_them(alice: Visitor) -> None:
    for number, days in enumerate((90, 90.0, 9e1, None)):
        made = await make(alice, {**NEW, "name": f"{number}", "days": days})
        assert made.status == 201, days


async def test_there_is_an_end_to_tokens(alice: Visitor) -> None:
    for number in range(MOST_TOKENS):
        await token_of(alice.app, "alice", called=f"{number}")
    refused = await make(alice)
    assert refused.fields == ["/name"]
    assert "Revoke one" in refused.json["detail"]


async def test_a_revoked_token_is_none_from_then_on(
    alice_program: Program, new_program: NewProgram
) -> None:
    other = await new_program("alice", called="other")
    ids = {token["name"]: token["id"] for token in (await other.get(TOKENS)).json["items"]}
    removed = await alice_program.delete(f"{TOKENS}/{ids['other']}")
    assert (removed.status, removed.body) == (204, b"")
    (await other.get(ME)).problem(401)
    (await alice_program.delete(f"{TOKENS}/{ids['other']}")).problem(404)


async def test_tokens_are_their_owners(
    alice_program: Program, bob_program: Program, reader: Program, nobody: Program
) -> None:
    (mine,) = (await bob_program.get(TOKENS)).json["items"]
    path = f"{TOKENS}/{mine['id']}"
    assert mine["id"] not in [t["id"] for t in (await alice_program.get(TOKENS)).json["items"]]
    for program, status in ((alice_program, 404), (reader, 403), (nobody, 401)):
        (await program.delete(path)).problem(status)
    assert (await bob_program.get(ME)).status == 200


async def test_a_token_ends_when_it_was_said_to(
    alice: Visitor, new_program: NewProgram, clock: Clock
) -> None:
    program = await new_program("alice", days=1)
    clock.pass_s(24 * 3600 - 1)
    assert (await program.get(ME)).status == 200
    clock.pass_s(1)
    (await program.get(ME)).problem(401)


async def test_the_last_use_is_noted_once_a_minute(
    alice_program: Program, clock: Clock, dump: Callable[[], Dump]
) -> None:
    async def used_at() -> object:
        (token,) = (await alice_program.get(TOKENS)).json["items"]
        stored = dump()["api_tokens"]
        assert len(stored) == 1
        return token["used_at"], stored

    await alice_program.get(ME)
    first = await used_at()
    clock.pass_s(59)
    assert await used_at() == first
    clock.pass_s(2)
    await alice_program.get(ME)
    assert await used_at() != first


async def test_only_a_hash_of_a_token_is_stored(
    alice_program: Program, dump: Callable[[], Dump]
) -> None:
    await alice_program.get(ME)
    handle, secret = alice_program.token.split("_", 2)[1:]
    text = repr(dump())
    assert handle in text
    assert secret not in text
