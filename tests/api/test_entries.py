"""The entries, for programs: each operation, and who may do it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Clock, Visitor

from .conftest import ENTRIES, ENTRY, Program


async def test_an_entry_is_added_and_found_where_the_answer_leads(
    alice_program: Program, nobody: Program
) -> None:
    added = await alice_program.added()
    assert added.location == f"{ENTRIES}/{added.json['id']}"
    assert added.headers["Content-Type"] == "application/json"
    found = await nobody.get(added.location)
    assert found.status == 200
    assert found.json == added.json
    assert found.etag == added.etag
    assert found.json.keys() == {
        "id", "title", "text", "html", "author", "created_at", "updated_at",
    }  # fmt: skip
    assert found.json["title"] == ENTRY["title"]
    assert found.json["text"] == ENTRY["text"]
    assert "<strong>80 °C</strong>" in found.json["html"]
    assert (found.json["author"], found.json["updated_at"]) == ("alice", None)


async def test_times_are_iso_8601_in_utc(alice_program: Program) -> None:
    text = (await alice_program.added()).json["created_at"]
    assert text.endswith("Z")
    created_at = datetime.fromisoformat(text)
    assert created_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - created_at) < timedelta(minutes=1)


async def test_blanks_around_a_title_go_and_those_around_a_text_stay(
    alice_program: Program,
) -> None:
    added = await alice_program.added(json={"title": "\u2003Tea \u00a0", "text": "  tea\n"})
    assert added.json["title"] == "Tea"
    assert added.json["text"] == "  tea\n"


async def test_an_entry_added_by_a_program_is_on_the_pages(
    alice_program: Program, visitor: Visitor
) -> None:
    await alice_program.added(json={"title": "<b>Tea", "text": "<script>alert(1)</script>x"})
    page = await visitor.text("/")
    assert "&lt;b&gt;Tea" in page
    assert "alert(1)" not in page


async def test_html_is_cleaned_for_programs_too(alice_program: Program) -> None:
    added = await alice_program.added(json={**ENTRY, "text": "<script>alert(1)</script>x"})
    assert "script" not in added.json["html"]


async def test_the_owner_changes_an_entry(alice_program: Program, clock: Clock) -> None:
    added = await alice_program.added()
    clock.pass_s(5)
    changed = await alice_program.put(
        added.location, {"title": "Coffee", "text": "Black."}, {"If-Match": added.etag}
    )
    assert changed.status == 200
    assert changed.etag != added.etag
    assert (changed.json["title"], changed.json["text"]) == ("Coffee", "Black.")
    assert changed.json["created_at"] == added.json["created_at"]
    assert changed.json["updated_at"] > added.json["created_at"]
    found = await alice_program.get(added.location)
    assert (found.json, found.etag) == (changed.json, changed.etag)


async def test_the_owner_removes_an_entry(alice_program: Program) -> None:
    added = await alice_program.added()
    removed = await alice_program.delete(added.location, {"If-Match": added.etag})
    assert (removed.status, removed.body) == (204, b"")
    assert "Content-Type" not in removed.headers
    (await alice_program.get(added.location)).problem(404)
    (await alice_program.delete(added.location, {"If-Match": added.etag})).problem(404)


async def test_an_entry_is_its_authors(
    alice_program: Program, bob_program: Program, nobody: Program, reader: Program
) -> None:
    added = await alice_program.added()
    match = {"If-Match": added.etag}
    for program, status in ((bob_program, 403), (reader, 403), (nobody, 401)):
        (await program.put(added.location, ENTRY, match)).problem(status)
        (await program.delete(added.location, match)).problem(status)
    assert (await nobody.get(added.location)).json == added.json


async def test_who_adds_needs_a_token_that_may_write(nobody: Program, reader: Program) -> None:
    challenge = await nobody.post(ENTRIES, ENTRY)
    challenge.problem(401)
    assert challenge.headers["WWW-Authenticate"].lower().startswith("bearer")
    (await reader.post(ENTRIES, ENTRY)).problem(403)
    assert (await nobody.get(ENTRIES)).json == {"items": [], "next": None}


async def test_a_list_is_newest_first_with_a_link_to_the_next_page(
    alice_program: Program, nobody: Program
) -> None:
    ids = [(await alice_program.added()).json["id"] for _ in range(5)]
    first = await nobody.get(f"{ENTRIES}?limit=2")
    assert [entry["id"] for entry in first.json["items"]] == [ids[4], ids[3]]
    second = await nobody.get(first.json["next"])
    assert [entry["id"] for entry in second.json["items"]] == [ids[2], ids[1]]
    last = await nobody.get(second.json["next"])
    assert [entry["id"] for entry in last.json["items"]] == [ids[0]]
    assert last.json["next"] is None


async def test_a_list_may_be_of_one_author(
    alice_program: Program, bob_program: Program, nobody: Program
) -> None:
    for program in (alice_program, bob_program, alice_program):
        await program.added()
    first = await nobody.get(f"{ENTRIES}?author=alice&limit=1")
    second = await nobody.get(first.json["next"])
    assert [e["author"] for e in (*first.json["items"], *second.json["items"])] == ["alice"] * 2
    assert second.json["next"] is None
    (await nobody.get(f"{ENTRIES}?author=nobody")).problem(404)


async def test_the_search_finds_words_best_first(alice_program: Program, nobody: Program) -> None:
    text = await alice_program.added(json={"title": "Drinks", "text": "Some like green tea."})
    title = await alice_program.added(json={"title": "Green tea", "text": "Hot."})
    await alice_program.added(json={"title": "Coffee", "text": "Black."})
    found = await nobody.get(f"{ENTRIES}/search?q=tea+green")
    assert found.json == {"items": [title.json, text.json], "next": None}
    first = await nobody.get(f"{ENTRIES}/search?q=tea&limit=1")
    second = await nobody.get(first.json["next"])
    assert [first.json["items"], second.json["items"]] == [[title.json], [text.json]]
    assert second.json["next"] is None


@pytest.mark.parametrize(
    "q", ["---", "%00", "%22%22", "coffee", "a%00b", "*", "NEAR(", "%F0%9F%99%82"]
)
async def test_a_search_without_a_hit_is_an_empty_list(nobody: Program, q: str) -> None:
    found = await nobody.get(f"{ENTRIES}/search?q={q}")
    assert (found.status, found.json) == (200, {"items": [], "next": None})


async def test_two_changes_in_a_millisecond_have_versions_of_their_own(
    alice_program: Program, clock: Clock
) -> None:
    added = await alice_program.added()
    seen = {added.etag}
    etag = added.etag
    for number in range(3):
        changed = await alice_program.put(
            added.location, {**ENTRY, "title": f"Tea {number}"}, {"If-Match": etag}
        )
        etag = changed.etag
        seen.add(etag)
    assert len(seen) == 4
