"""The pages that the site keeps for visitors without a session, and that nobody can tell."""

from __future__ import annotations

import pytest
from quart import Quart

from qapp.blog import queries
from qapp.ext.pages import Counts
from qapp.ext.pages.question import MARK
from qapp.extensions import db, pages
from tests.blog.tools import fill
from tests.conftest import Clock, Serve, Visitor

KEPT = {
    "blog.index": "/",
    "blog.show": "/post/1",
    "blog.author": "/users/alice",
    "blog.feed": "/feed.xml",
    "students.list": "/list",
    "students.show_all": "/students",
}
# What a kept page says of itself; it has no other header that the page of the app has not.
OF_ITS_OWN = {"cache-control", "etag", "vary"}


async def counts(app: Quart) -> Counts:
    async with app.app_context():
        return pages.counts


def headers_of(headers: object) -> dict[str, str]:
    assert hasattr(headers, "items")
    return {
        name.lower(): value for name, value in headers.items() if name.lower() not in OF_ITS_OWN
    }


def test_these_are_kept(app: Quart) -> None:
    views = app.view_functions.items()
    kept = {endpoint for endpoint, view in views if hasattr(view, MARK)}
    assert kept == {*KEPT, "api.entries.get_entry"}


@pytest.mark.parametrize("path", KEPT.values())
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_kept_page_is_the_page(
    clock: Clock, alice: Visitor, path: str, scheme: str
) -> None:
    await fill(alice.app, 30)
    async with alice.app.app_context():  # pages say after which event they were made
        await alice.app.extensions["live"].look()
    visitor, other = Visitor(alice.app, scheme=scheme), Visitor(alice.app, scheme=scheme)
    made = await other.get(path, headers={"Cookie": "unknown=1"})
    assert "ETag" not in made.headers
    for _ in range(2):
        kept = await visitor.get(path)
        assert kept.headers["ETag"]
        assert kept.headers["Cache-Control"] == "no-cache"
        assert headers_of(kept.headers) == headers_of(made.headers)
        assert await kept.get_data() == await made.get_data()
    assert ("Strict-Transport-Security" in kept.headers) is (scheme == "https")


async def test_what_is_posted_is_there_at_once(alice: Visitor, visitor: Visitor) -> None:
    for number in range(5):
        for path in ("/", "/users/alice", "/feed.xml"):
            await visitor.get(path)
        entry = await alice.add(f"Title {number}")
        for path in ("/", "/users/alice", "/feed.xml", f"/post/{entry}"):
            assert f"Title {number}" in await visitor.text(path)
    await alice.post(f"/post/{entry}/delete")
    assert (await visitor.get(f"/post/{entry}")).status_code == 404
    assert "Title 4" not in await visitor.text("/")


async def test_an_entry_s_page_outlives_what_is_posted_beside_it(
    alice: Visitor, visitor: Visitor
) -> None:
    entry = await alice.add("First")
    first = await visitor.get(f"/post/{entry}")
    misses = (await counts(visitor.app)).misses
    for number in range(5):
        await alice.add(f"Other {number}")
        assert (await visitor.get(f"/post/{entry}")).headers["ETag"] == first.headers["ETag"]
    assert (await counts(visitor.app)).misses == misses
    for number in range(5):
        async with alice.app.app_context():
            version = await queries.find_version(db, entry_id=entry)
        form = {"title": f"Changed {number}", "text": "Other words.", "version": str(version)}
        answer = await alice.post(f"/post/{entry}/edit", form)
        assert answer.status_code == 302
        assert f"Changed {number}" in await visitor.text(f"/post/{entry}")


async def test_what_the_orm_writes_is_there_at_once(alice: Visitor, visitor: Visitor) -> None:
    for number in range(5):
        await visitor.get("/list")
        form = {"name": f"Asha {number}", "city": "Pune", "addr": "12 Street", "pin": "411001"}
        assert (await alice.post("/new", form)).status_code == 302
        assert f"Asha {number}" in await visitor.text("/list")


async def test_who_is_logged_in_has_a_page_of_their_own(
    alice: Visitor, bob: Visitor, visitor: Visitor
) -> None:
    await alice.add()
    for _ in range(2):
        for path in KEPT.values():
            if path == "/feed.xml":
                continue
            texts = [await who.text(path) for who in (visitor, alice, bob)]
            assert 'title="Your account"' not in texts[0]
            assert "csrf_token" not in texts[0]
            assert "<span>alice</span>" in texts[1]
            assert "<span>bob</span>" in texts[2]


async def test_preferences_have_pages_of_their_own(alice: Visitor) -> None:
    await fill(alice.app, 30)
    visitor = Visitor(alice.app)
    for _ in range(2):
        for cookie, entries, theme in (
            ("", 20, False),
            ("page_size=10", 10, False),
            ("theme=dark", 20, True),
            ("theme=dark; page_size=10", 10, True),
            ("page_size=11", 20, False),
            ("page_size=10; session=x", 10, False),
        ):
            response = await visitor.get("/", headers={"Cookie": cookie})
            text = await response.get_data(as_text=True)
            assert text.count("<article") == entries, cookie
            assert ('data-bs-theme="dark"' in text) is theme, cookie
            assert ("ETag" in response.headers) is (
                cookie not in ("page_size=11", "page_size=10; session=x")
            )


async def test_a_form_is_kept_from_nobody_but_its_visitor(visitor: Visitor) -> None:
    for path in ("/login", "/register", "/contact"):
        assert "ETag" not in (await visitor.get(path)).headers


async def test_wrong_and_hostile_requests_keep_nothing(visitor: Visitor) -> None:
    for before in ("abc", "-1", "0", "", "9" * 20, "%00", "%ff", "1&before=2"):
        status = 200 if "&" in before else 400
        assert (await visitor.get(f"/?before={before}")).status_code == status
    for host in ("evil.example", "localhost.evil", "a b", "", "\xff", "x" * 300):
        sent = {"headers": [(b"host", host.encode("latin-1"))]}
        assert (await visitor.get("/", scope_base=sent)).status_code == 400
    for path in ("//", "///", "/post/999", "/post/0", "/users/nobody", f"/users/{'a' * 500}"):
        await visitor.get(path)
    assert (await counts(visitor.app)).pages == 0


async def test_a_flood_of_parameters_makes_one_page(visitor: Visitor) -> None:
    for number in range(300):
        assert (await visitor.get(f"/?x={number}&y={number}")).status_code == 200
    counted = await counts(visitor.app)
    assert counted.pages == 1
    assert counted.misses < 10  # a reader's first look at the version may count as a change


async def test_an_error_has_the_form_that_was_asked_for(visitor: Visitor) -> None:
    for accept, mimetype in (
        ("application/json", "application/problem+json"),
        ("text/html", "text/html"),
        ("*/*", "text/html"),
    ):
        response = await visitor.get("/post/999", headers={"Accept": accept})
        assert (response.status_code, response.mimetype) == (404, mimetype)


async def test_debug_mode_keeps_nothing(serve: Serve) -> None:
    visitor = Visitor(await serve(DEBUG=True))
    assert "ETag" not in (await visitor.get("/")).headers
