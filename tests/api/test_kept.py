"""An entry for nobody in particular is kept as bytes, and nobody can tell but by the time."""

from __future__ import annotations

import pytest
from quart import Quart

from qapp.ext.pages import Counts
from qapp.extensions import pages
from tests.conftest import Serve, Visitor

from .conftest import ENTRIES, ENTRY, Program, token_of

# What a kept answer says in another way: it was made for nobody.
OF_ITS_OWN = {"cache-control", "vary", "ratelimit-remaining", "ratelimit-reset"}
ORIGIN = "https://app.example.org"


async def counts(app: Quart) -> Counts:
    async with app.app_context():
        return pages.counts


async def test_a_kept_entry_is_the_entry(alice_program: Program, nobody: Program) -> None:
    path = (await alice_program.added()).location
    # With a cookie, whatever it says, the app answers.
    made = await nobody.get(path, {"Cookie": "other=1"})
    assert (await counts(nobody.app)).misses == 0
    for hits in range(3):
        kept = await nobody.get(path)
        assert (kept.status, kept.body, kept.etag) == (200, made.body, made.etag)
        expected, found = (
            {name: value for name, value in reply.headers.items() if name not in OF_ITS_OWN}
            for reply in (made, kept)
        )
        assert found == expected
        assert set(kept.headers["Vary"].split(", ")) >= {"Authorization", "Cookie"}
        assert (await counts(nobody.app)).hits == hits


async def test_a_change_is_seen_at_once_and_its_tag_is_good(
    alice_program: Program, nobody: Program
) -> None:
    path = (await alice_program.added()).location
    for number in range(5):
        seen = await nobody.get(path)
        changed = await alice_program.put(
            path, {**ENTRY, "title": f"Tea {number}"}, {"If-Match": seen.etag}
        )
        assert changed.status == 200
        (await alice_program.put(path, ENTRY, {"If-Match": seen.etag})).problem(412)
        assert (await nobody.get(path)).json["title"] == f"Tea {number}"
    misses = (await counts(nobody.app)).misses
    await alice_program.added()
    assert (await nobody.get(path)).json["title"] == "Tea 4"
    assert (await counts(nobody.app)).misses == misses
    await alice_program.delete(path, {"If-Match": (await nobody.get(path)).etag})
    (await nobody.get(path)).problem(404)


async def test_who_has_it_is_not_sent_it_again(alice_program: Program, nobody: Program) -> None:
    path = (await alice_program.added()).location
    for _ in range(2):
        seen = await nobody.get(path)
        same = await nobody.get(path, {"If-None-Match": seen.etag})
        assert (same.status, same.body, same.etag) == (304, b"", seen.etag)
        assert "Content-Length" not in same.headers
        assert (await nobody.get(path, {"If-None-Match": '"1"'})).status == 200


async def test_its_bytes_are_those_that_the_tag_names(
    alice_program: Program, nobody: Program
) -> None:
    path = (await alice_program.added()).location
    for _ in range(2):
        reply = await nobody.get(path, {"Accept-Encoding": "br, gzip"})
        assert "Content-Encoding" not in reply.headers
        assert reply.json["title"] == ENTRY["title"]


async def test_what_is_wrong_is_told_as_ever(alice_program: Program, nobody: Program) -> None:
    path = (await alice_program.added()).location
    for _ in range(2):
        assert (await nobody.get(path)).status == 200
        assert (await nobody.get(f"{path}?x=1")).fields == ["x"]
        (await nobody.get(f"{path}?access_token=x")).problem(400)
        (await nobody.get(path, {"Accept": "text/html"})).problem(406)
        (await nobody.get(path, {"Accept": "application/json;q=0"})).problem(406)
        assert (await nobody.get(path, {"Accept": "application/json"})).status == 200
        (await nobody.get(path, {"Authorization": "Bearer x"})).problem(401)


async def test_who_accepts_no_json_gets_none_that_is_kept_for_others(
    alice_program: Program, nobody: Program
) -> None:
    path = (await alice_program.added()).location
    for accept in ("text/html", "text/html,*/*;q=0"):
        (await nobody.get(path, {"Accept": accept})).problem(406)


@pytest.mark.parametrize("path", [f"{ENTRIES}/1", "/api/v1/nothing"])
async def test_each_answer_is_counted_and_the_last_is_a_refusal(serve: Serve, path: str) -> None:
    app = await serve(RATE_LIMITS={"api": (5, 60)})
    await Visitor(app).register("alice")
    await Program(app, (await token_of(app, "alice")).text).added()
    nobody = Program(app)
    for left in (4, 3, 2, 1, 0):
        reply = await nobody.get(path)
        assert reply.status in (200, 404)
        assert reply.headers.getlist("RateLimit-Remaining") == [str(left)]
    (await nobody.get(path, {"Cookie": "theme=dark"})).problem(429)
    assert (await nobody.get(path, {"If-None-Match": "*"})).status == 429
    for method in ("GET", "HEAD", "POST"):
        refused = await nobody.open(method, path)
        assert refused.status == 429
        assert refused.headers.getlist("RateLimit-Remaining") == ["0"]
        assert 0 < int(refused.headers["Retry-After"]) <= 12
    # A target that is a whole address is no way round it, nor is a session that is none.
    whole = await nobody.open("GET", path, scope_base={"path": f"http://localhost{path}"})
    assert whole.status == 429
    assert (await nobody.get(path, {"Cookie": "session=none"})).status == 429
    another = Program(app, (await token_of(app, "alice", called="other")).text)
    assert (await another.get(path)).status in (200, 404)


async def test_pages_of_other_sites_get_it_with_what_they_need(serve: Serve) -> None:
    app = await serve(API_CORS_ORIGINS=(ORIGIN,))
    await Visitor(app).register("alice")
    path = (await Program(app, (await token_of(app, "alice")).text).added()).location
    nobody = Program(app)
    for _ in range(2):
        assert "Origin" in (await nobody.get(path)).headers["Vary"]
        allowed = await nobody.get(path, {"Origin": ORIGIN})
        assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
        other = await nobody.get(path, {"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
    assert (await counts(app)).hits == 1
