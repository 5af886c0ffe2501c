"""Who may use the API: tokens, and the session of who is logged in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from quart import Quart

from qapp.accounts.queries import remove_user
from qapp.extensions import db
from tests.conftest import Clock, Dump, Serve, Visitor

from .conftest import ENTRIES, ENTRY, FILES, STUDENT, STUDENTS, NewProgram, Program, token_of

ME = "/api/v1/me"


async def test_what_is_anothers_is_not_changed(
    alice_program: Program, bob_program: Program, mallory_program: Program, nobody: Program
) -> None:
    entry = await alice_program.added()
    seen = {"If-Match": entry.etag}
    for who, status in ((bob_program, 403), (mallory_program, 403), (nobody, 401)):
        assert (await who.put(entry.location, ENTRY, seen)).status == status
        assert (await who.delete(entry.location, seen)).status == status
    assert (await alice_program.delete(entry.location, seen)).status == 204


@pytest.mark.parametrize(("path", "body"), [(ENTRIES, ENTRY), (STUDENTS, STUDENT)])
async def test_a_token_for_reading_changes_nothing(
    reader: Program, dump: Callable[[], Dump], path: str, body: dict[str, str]
) -> None:
    before = dump()
    assert "only for reading" in (await reader.post(path, body)).problem(403)["detail"]
    for method in ("PUT", "DELETE"):
        assert (await reader.open(method, f"{path}/1", {"If-Match": '"1"'})).status == 403
    assert (await reader.get(path)).status == 200
    after = dump()
    assert after.pop("api_tokens") != before.pop("api_tokens")  # its last use is noted
    assert after == before


async def test_a_token_is_good_until_it_is_over_revoked_or_its_user_gone(
    app: Quart, alice_program: Program, new_program: NewProgram, clock: Clock
) -> None:
    short = await new_program("alice", days=1, called="short")
    assert (await short.get(ME)).status == 200
    clock.pass_s(24 * 3600)
    refused = await short.get(ME)
    assert "Bearer" in refused.headers["WWW-Authenticate"]
    refused.problem(401)
    (kept,) = [
        token["id"]
        for token in (await alice_program.get(f"{ME}/tokens")).json["items"]
        if token["name"] == "test"
    ]
    assert (await alice_program.delete(f"{ME}/tokens/{kept}")).status == 204
    assert (await alice_program.get(ME)).status == 401
    another = await new_program("alice", called="another")
    assert (await another.get(ME)).status == 200
    async with app.app_context():
        await remove_user(db, username="alice")
    assert (await another.get(ME)).status == 401


async def test_nobody_revokes_anothers_token(alice_program: Program, bob_program: Program) -> None:
    (token,) = (await alice_program.get(f"{ME}/tokens")).json["items"]
    assert (await bob_program.delete(f"{ME}/tokens/{token['id']}")).status == 404
    assert (await alice_program.get(ME)).status == 200


async def test_a_token_is_stored_as_a_hash_and_its_use_noted_once_a_minute(
    app: Quart, alice: Visitor, dump: Callable[[], Dump], clock: Clock
) -> None:
    made = await token_of(app, "alice")
    program = Program(app, made.text)
    secret = made.text.split("_", 2)[2]  # which may hold more of them
    uses = []
    for seconds in (0, 30, 31):
        clock.pass_s(seconds)
        await program.get(ME)
        uses.append(dump()["api_tokens"][0][-1])
    assert uses[0] == uses[1] != uses[2] == clock.now_ms
    assert secret not in repr(dump())


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer a b", "bearer qapp_0_0"]
)
async def test_what_is_no_good_token_is_refused_whatever_the_session(
    alice: Visitor, header: str
) -> None:
    response = await alice.get(ENTRIES, headers={"Authorization": header})
    assert response.status_code == 401
    assert (await alice.get(ME)).status_code == 200


@pytest.mark.parametrize("name", ["access_token", "token", "api_key"])
async def test_a_token_in_an_address_is_refused(alice_program: Program, name: str) -> None:
    reply = await alice_program.get(f"{ENTRIES}?{name}={alice_program.token}")
    assert "Revoke it" in reply.problem(400)["detail"]


async def test_a_session_reads_here_and_writes_with_the_token_of_the_forms(
    alice: Visitor, dump: Callable[[], Dump]
) -> None:
    token = await alice.token()
    for headers, status in (
        ({}, 400),
        ({"X-CSRFToken": "x"}, 400),
        ({"X-CSRFToken": token, "Origin": "https://evil.example"}, 400),
        ({"X-CSRFToken": token, "Sec-Fetch-Site": "cross-site"}, 401),
        ({"X-CSRFToken": token, "Sec-Fetch-Site": "same-origin"}, 201),
    ):
        response = await alice.open(ENTRIES, "POST", json=ENTRY, headers=headers)
        assert response.status_code == status, headers
        assert len(dump()["entries"]) == (status == 201)
    # A field of a form is none.
    response = await alice.open(FILES, "POST", form={"csrf_token": token})
    assert response.status_code == 400
    assert (await alice.get(ME, headers={"Sec-Fetch-Site": "same-origin"})).status_code == 200
    assert (await alice.get(ME, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 401


async def test_a_token_has_so_many_requests_and_is_told(serve: Serve) -> None:
    app = await serve(RATE_LIMITS={"api": (5, 60)})
    await Visitor(app).register("alice")
    programs = [
        Program(app, (await token_of(app, "alice", called=name)).text) for name in ("one", "two")
    ]
    left = [(await programs[0].get(ME)).headers["RateLimit-Remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    refused = await programs[0].get(ME)
    assert refused.problem(429)["title"] == "Too Many Requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 12
    assert refused.headers["RateLimit-Limit"] == "5"
    assert (await programs[1].get(ME)).status == 200
    assert (await Visitor(app).get("/about")).status_code == 200


ORIGIN = "https://app.example.org"


async def test_pages_of_other_sites_may_use_it_only_if_they_are_named(serve: Serve) -> None:
    app = await serve(API_CORS_ORIGINS=(ORIGIN,))
    program = Program(app)
    for path in (ENTRIES, f"{ENTRIES}/9", "/api/v1/nothing", ME):
        allowed = await program.get(path, {"Origin": ORIGIN})
        assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "ETag" in allowed.headers["Access-Control-Expose-Headers"]
        assert "Origin" in allowed.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in allowed.headers
        other = await program.get(path, {"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    preflight = await program.open("OPTIONS", f"{ENTRIES}/1", asked)
    assert preflight.status == 200
    assert "If-Match" in preflight.headers["Access-Control-Allow-Headers"]
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    page = await Visitor(app).get("/about", headers={"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in page.headers
    off = await Program(await serve()).get(ENTRIES, {"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in off.headers
