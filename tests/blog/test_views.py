"""The blog as its visitors use it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from quart import Quart

from qapp.accounts import queries as account_queries
from qapp.blog import queries
from qapp.ext.database.contract import Statement
from qapp.ext.database.sqlite.version import VERSION
from qapp.extensions import db
from tests.conftest import Clock, Dump, Page, Visitor


async def test_an_empty_blog_says_so(visitor: Visitor) -> None:
    page = await visitor.text("/")
    assert "Unbelievable. No entries here so far" in page
    assert 'href="/login"' in page


async def test_who_is_logged_in_posts_an_entry_and_sees_it(alice: Visitor) -> None:
    response = await alice.post(
        "/add", {"title": "<Hello>", "text": "<strong>HTML</strong> allowed here"}
    )
    assert (response.status_code, response.location) == (302, "/")
    page = await alice.text("/")
    assert "New entry was successfully posted" in page
    assert "&lt;Hello&gt;" in page
    assert "<strong>HTML</strong> allowed here" in page
    assert "New entry was successfully posted" not in await alice.text("/")


async def test_the_form_to_add_is_for_who_is_logged_in(
    alice: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await alice.get("/")
    assert pages[-1].context["form"] is not None
    await visitor.get("/")
    assert pages[-1].context["form"] is None


async def test_nobody_adds_nothing(visitor: Visitor, dump: Callable[[], Dump]) -> None:
    before = dump()
    response = await visitor.post("/add", {"title": "x", "text": "y"})
    assert response.status_code == 401
    assert 'href="/login"' in await response.get_data(as_text=True)
    assert dump() == before


# Adding


@pytest.mark.parametrize(
    ("title", "text", "field"),
    [
        ("", "text", "title"),
        ("   \t ", "text", "title"),
        ("x" * 201, "text", "title"),
        ("x" * 1_000_000, "text", "title"),
        ("with\0NUL", "text", "title"),
        ("two\nlines", "text", "title"),
        ("title", "", "text"),
        ("title", " \r\n\t ", "text"),
        ("title", "with\0NUL", "text"),
        ("title", "bell\a", "text"),
        ("title", "x" * 100_001, "text"),
        ("title", "🙂" * 100_001, "text"),
    ],
    ids=lambda value: f"{value[:8]!r}({len(value)})",
)
async def test_a_bad_entry_comes_back_as_typed_with_what_is_wrong_beside_it(
    alice: Visitor,
    pages: list[Page],
    dump: Callable[[], Dump],
    title: str,
    text: str,
    field: str,
) -> None:
    before = dump()
    response = await alice.post("/add", {"title": title, "text": text})
    assert response.status_code == 422
    form = pages[-1].context["form"]
    assert list(form.errors) == [field]
    assert form.title.data == title.strip()
    assert form.text.data == text.replace("\r\n", "\n")
    html = await response.get_data(as_text=True)
    assert f'id="{field}-error"' in html
    assert '<details class="composer" open>' in html
    assert dump() == before


@pytest.mark.parametrize("text", ["x" * 100_000, "🙂" * 100_000, "line\r\n" * 20_000], ids=len)
async def test_a_text_of_100_000_characters_is_kept(alice: Visitor, text: str) -> None:
    entry = await alice.add("long", text)
    async with alice.app.app_context():
        source = await queries.find_source(db, entry_id=entry)
    assert source.text == text.replace("\r\n", "\n")


async def test_a_title_of_200_characters_is_kept_without_the_blanks_around(
    alice: Visitor,
) -> None:
    entry = await alice.add("  " + "é" * 200 + " ", "text")
    async with alice.app.app_context():
        assert (await queries.find_entry(db, entry_id=entry)).title == "é" * 200


async def test_what_is_shown_is_cleaned_when_it_is_written_and_the_source_is_kept(
    alice: Visitor,
) -> None:
    text = "# *Hi* <script>alert(1)</script>\n\n<b onclick=x>b</b> [x](javascript:alert(1))"
    entry = await alice.add("t", text)
    async with alice.app.app_context():
        shown = await queries.find_entry(db, entry_id=entry)
        source = await queries.find_source(db, entry_id=entry)
    assert "<em>Hi</em>" in shown.html
    assert not re.search("script|onclick|javascript:", shown.html.replace("(javascript:", ""))
    assert source.text == text


async def test_rendering_too_busy_stores_nothing(
    app: Quart, alice: Visitor, monkeypatch: pytest.MonkeyPatch, dump: Callable[[], Dump]
) -> None:
    entry = await alice.add()
    before = dump()
    monkeypatch.setattr(app.extensions["rendering"], "most_jobs", 0)
    for path in ("/add", f"/post/{entry}/edit"):
        response = await alice.post(path, {"title": "x", "text": "- y", "version": "1"})
        assert response.status_code == 503
    assert dump() == before


# One entry


async def test_an_entry_has_a_page_with_author_and_date(
    clock: Clock, alice: Visitor, visitor: Visitor
) -> None:
    entry = await alice.add("A title", "Some *text*")
    clock.pass_s(3 * 3600)
    page = await visitor.text(f"/post/{entry}")
    assert "<title>A title · qapp</title>" in page
    assert "<p>Some <em>text</em></p>" in page
    assert '<a href="/users/alice">alice</a>' in page
    assert ">3 hours ago</time>" in page


async def test_only_its_author_is_offered_to_change_an_entry(
    alice: Visitor, bob: Visitor, visitor: Visitor
) -> None:
    entry = await alice.add()
    assert f'href="/post/{entry}/edit"' in await alice.text(f"/post/{entry}")
    for other in (bob, visitor):
        assert f"/post/{entry}/" not in await other.text(f"/post/{entry}")


@pytest.mark.parametrize("number", ["99", "0", "9" * 19, "9" * 400, "9" * 5000, str(2**63)])
async def test_an_entry_that_is_not_there_is_not_found(alice: Visitor, number: str) -> None:
    assert (await alice.get(f"/post/{number}")).status_code == 404
    for action in ("edit", "delete"):
        response = await alice.post(f"/post/{number}/{action}", {"title": "x", "text": "y"})
        assert response.status_code == 404
    assert (await alice.get(f"/post/{number}/edit")).status_code == 404


@pytest.mark.parametrize("number", ["x", "-1", "1.0", "1e3", "0x1", "%00", "'", " 1", "null"])
async def test_what_is_no_number_is_no_entry(alice: Visitor, number: str) -> None:
    await alice.add()
    assert (await alice.get(f"/post/{number}")).status_code == 404


# Changing it


async def version_of(visitor: Visitor, entry: int) -> str:
    match = re.search(
        r'name="version"[^>]* value="(\d+)"', await visitor.text(f"/post/{entry}/edit")
    )
    assert match is not None
    return match[1]


async def test_the_author_changes_an_entry(clock: Clock, alice: Visitor) -> None:
    entry = await alice.add("Old", "Old *text*")
    page = await alice.text(f"/post/{entry}/edit")
    assert 'value="Old"' in page
    assert "Old *text*</textarea>" in page
    version = await version_of(alice, entry)
    clock.pass_s(60)
    form = {"title": "New", "text": "New *text*", "version": version}
    response = await alice.post(f"/post/{entry}/edit", form)
    assert (response.status_code, response.location) == (302, f"/post/{entry}")
    page = await alice.text(f"/post/{entry}")
    assert "The entry was changed" in page
    assert "<p>New <em>text</em></p>" in page
    assert ">edited</span>" in page
    assert "Old" not in page


async def test_a_change_of_something_older_is_a_conflict_and_overwrites_nothing(
    alice: Visitor, pages: list[Page]
) -> None:
    entry = await alice.add("Old", "Old")
    version = await version_of(alice, entry)
    form = {"title": "First", "text": "First", "version": version}
    assert (await alice.post(f"/post/{entry}/edit", form)).status_code == 302
    form = {"title": "Second", "text": "Second", "version": version}
    response = await alice.post(f"/post/{entry}/edit", form)
    assert response.status_code == 409
    assert "You changed this entry somewhere else" in pages[-1].context["form"].form_errors[0]
    html = await response.get_data(as_text=True)
    assert 'value="Second"' in html
    async with alice.app.app_context():
        assert (await queries.find_source(db, entry_id=entry)).title == "First"
    # What the page says is so: sent again, it replaces.
    again = re.search(r'name="version"[^>]* value="(\d+)"', html)
    assert again is not None
    response = await alice.post(f"/post/{entry}/edit", {**form, "version": again[1]})
    assert response.status_code == 302
    async with alice.app.app_context():
        assert (await queries.find_source(db, entry_id=entry)).title == "Second"


async def test_of_two_changes_at_the_same_moment_one_is_a_conflict(
    clock: Clock, alice: Visitor
) -> None:
    entry = await alice.add()
    version = await version_of(alice, entry)
    browsers = [alice.thief() for _ in range(4)]
    answers = await asyncio.gather(
        *(
            browser.post(
                f"/post/{entry}/edit", {"title": str(number), "text": "x", "version": version}
            )
            for number, browser in enumerate(browsers)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [302, 409, 409, 409]
    (winner,) = (n for n, answer in enumerate(answers) if answer.status_code == 302)
    async with alice.app.app_context():
        assert (await queries.find_source(db, entry_id=entry)).title == str(winner)


async def test_a_bad_change_comes_back_as_typed(
    alice: Visitor, pages: list[Page], dump: Callable[[], Dump]
) -> None:
    entry = await alice.add("Old", "Old")
    before = dump()
    form = {"title": "", "text": "half a thought", "version": await version_of(alice, entry)}
    response = await alice.post(f"/post/{entry}/edit", form)
    assert response.status_code == 422
    assert list(pages[-1].context["form"].errors) == ["title"]
    assert "half a thought</textarea>" in await response.get_data(as_text=True)
    assert dump() == before


@pytest.mark.parametrize(
    "version", ["", "x", "-1", "1 OR 1=1", "१", "9" * 19, "9" * 5000, "1\0", "1\n", "1.5"]
)
async def test_a_version_that_is_none_changes_nothing(
    alice: Visitor, dump: Callable[[], Dump], version: str
) -> None:
    entry = await alice.add()
    before = dump()
    form = {"title": "x", "text": "y", "version": version}
    response = await alice.post(f"/post/{entry}/edit", form)
    assert response.status_code == 422
    assert "Open the entry again to edit it." in await response.get_data(as_text=True)
    assert dump() == before


async def test_a_change_without_the_version_seen_is_refused(
    alice: Visitor, dump: Callable[[], Dump]
) -> None:
    entry = await alice.add()
    before = dump()
    form = {"title": "x", "text": "y"}
    response = await alice.post(f"/post/{entry}/edit", form)
    assert response.status_code == 400
    assert "The form lacks the field “version”." in await response.get_data(as_text=True)
    headers = {"X-CSRFToken": await alice.token()}
    response = await alice.open(f"/post/{entry}/edit", "POST", json=form, headers=headers)
    assert response.status_code == 400
    assert dump() == before


async def test_the_author_deletes_an_entry(alice: Visitor, visitor: Visitor) -> None:
    entry = await alice.add("Findable", "text")
    response = await alice.post(f"/post/{entry}/delete")
    assert (response.status_code, response.location) == (302, "/")
    assert "The entry was deleted" in await alice.text("/")
    assert (await visitor.get(f"/post/{entry}")).status_code == 404
    assert "Nothing found" in await visitor.text("/search?q=findable")


async def test_a_deleted_entrys_number_is_not_used_again(alice: Visitor) -> None:
    entry = await alice.add()
    await alice.post(f"/post/{entry}/delete")
    assert await alice.add() > entry


@pytest.mark.parametrize("action", ["edit", "delete"])
async def test_nobody_and_others_change_nothing(
    alice: Visitor,
    mallory: Visitor,
    visitor: Visitor,
    dump: Callable[[], Dump],
    action: str,
) -> None:
    entry = await alice.add()
    form = {"title": "x", "text": "y", "version": await version_of(alice, entry)}
    before = dump()
    for who, status in ((visitor, 401), (mallory, 403)):
        assert (await who.post(f"/post/{entry}/{action}", form)).status_code == status
    if action == "edit":
        assert (await visitor.get(f"/post/{entry}/edit")).status_code == 401
        assert (await mallory.get(f"/post/{entry}/edit")).status_code == 403
    assert dump() == before


async def test_nobody_is_not_told_which_entries_there_are(visitor: Visitor) -> None:
    assert (await visitor.get("/post/99/edit")).status_code == 401
    assert (await visitor.post("/post/99/delete")).status_code == 401


# A user's page


async def test_a_user_has_a_page_with_the_own_entries_only(
    alice: Visitor, bob: Visitor, visitor: Visitor, pages: list[Page]
) -> None:
    await alice.add("Of Alice")
    await bob.add("Of Bob")
    page = await visitor.text("/users/ALICE")
    assert [entry.title for entry in pages[-1].context["entries"]] == ["Of Alice"]
    assert "<h1>alice</h1>" in page
    await visitor.get("/users/bob")
    assert [entry.title for entry in pages[-1].context["entries"]] == ["Of Bob"]


async def test_a_user_who_wrote_nothing_has_a_page_that_says_so(
    alice: Visitor, visitor: Visitor
) -> None:
    assert "alice has not written anything yet." in await visitor.text("/users/alice")


@pytest.mark.parametrize("name", ["nobody", "%00", "'; DROP TABLE users; --", "x" * 5000, "%ff"])
async def test_a_name_nobody_has_is_not_found(visitor: Visitor, name: str) -> None:
    assert (await visitor.get(f"/users/{name}")).status_code == 404


async def test_deleting_a_user_takes_entries_logins_and_what_is_found_of_them(
    alice: Visitor, bob: Visitor, visitor: Visitor, dump: Callable[[], Dump]
) -> None:
    await alice.add("Findable", "words")
    await bob.add("Staying", "words")
    async with alice.app.app_context():
        assert await account_queries.remove_user(db, username="alice")
        hits = await queries.search_entries(db, query="words")
        await db.execute("INSERT INTO entries_search(entries_search) VALUES ('integrity-check')")
    assert [hit.title for hit in hits] == ["Staying"]
    content = dump()
    assert [row[1] for row in content["users"]] == ["bob"]
    assert [row[2] for row in content["entries"]] == ["Staying"]
    assert len(content["logins"]) == 1
    assert (await visitor.get("/users/alice")).status_code == 404
    assert (await alice.post("/add", {"title": "x", "text": "y"})).status_code == 401


# What it costs


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 2),
        ("/post/{entry}", 2),
        ("/post/{entry}/edit", 2),
        ("/users/alice", 3),
        ("/search?q=text", 2),
        ("/feed.xml", 1),
        ("/account", 3),
        ("/about", 1),
        ("/login", 1),
    ],
)
async def test_a_page_asks_the_database_only_so_often(
    alice: Visitor, monkeypatch: pytest.MonkeyPatch, path: str, most: int
) -> None:
    entries = [await alice.add() for _ in range(3)]
    engine = alice.app.extensions["database"]
    asked: list[str] = []
    real_run = engine.run

    def run(statement: Statement) -> Awaitable[object]:
        # The version goes along with the user's row, and live events are looked for beside it.
        if statement is not VERSION and "live_events" not in statement.sql:
            asked.append(statement.sql)
        answer: Awaitable[object] = real_run(statement)
        return answer

    monkeypatch.setattr(engine, "run", run)
    assert (await alice.get(path.format(entry=entries[0]))).status_code == 200
    assert len(asked) <= most, asked
