"""The demo: believable entries of many authors, the same ones for a seed, found by the search."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from qapp import demo
from qapp.accounts.service import verify_password
from qapp.blog.queries import search_entries
from qapp.demo import LONGEST_STEP_MS, ROWS_A_COMMIT, fill
from qapp.demo_texts import DemoEntry, entries, usernames
from qapp.ext.database import ConstraintViolation, Database, Row
from qapp.web.markup import render

NOW = 1_700_000_000_000
COUNT = 2 * ROWS_A_COMMIT + 500


@pytest.fixture
async def db(tmp_path: Path, migrated: Path) -> AsyncIterator[Database]:
    shutil.copy(migrated, tmp_path / "demo.db")
    async with Database(url=f"sqlite:///{tmp_path}/demo.db") as db:
        yield db


async def add(
    db: Database, entry_count: int, user_count: int = 10, *, now_ms: int = NOW, seed: int = 1
) -> list[int]:
    """Fill the database; return what the progress was told."""
    told: list[int] = []
    await fill(
        db,
        entry_count=entry_count,
        user_count=user_count,
        now_ms=now_ms,
        advance=told.append,
        seed=seed,
    )
    return told


async def rows_of(db: Database) -> list[Row]:
    return await db.fetch_all("SELECT * FROM entries ORDER BY id")


async def test_the_progress_is_told_of_all_that_is_stored(db: Database) -> None:
    assert await add(db, COUNT) == [ROWS_A_COMMIT, ROWS_A_COMMIT, 500]
    assert await db.fetch_value("SELECT count(*) FROM entries") == COUNT
    assert await db.fetch_value("SELECT count(*) FROM users") == 10


async def test_every_author_writes_about_as_much_as_another(db: Database) -> None:
    await add(db, COUNT)
    counts = Counter(row.author_id for row in await rows_of(db))
    assert len(counts) == 10
    assert max(counts.values()) < 2 * min(counts.values())


async def test_entries_hold_what_the_site_would_make_of_their_text(db: Database) -> None:
    await add(db, 50)
    for row in await rows_of(db):
        rendered = render(row.text)
        assert row.title
        assert row.html == rendered.html
        assert row.plain.split() == rendered.plain.split()


async def test_few_entries_are_like_another(db: Database) -> None:
    await add(db, 200)
    rows = await rows_of(db)
    assert len({row.title for row in rows}) > 150
    assert len({row.text for row in rows}) > 150


async def test_a_seed_makes_the_same_entries_each_time(
    db: Database, tmp_path: Path, migrated: Path
) -> None:
    await add(db, 300)
    shutil.copy(migrated, tmp_path / "again.db")
    async with Database(url=f"sqlite:///{tmp_path}/again.db") as again:
        await add(again, 300)
        assert await rows_of(again) == await rows_of(db)
    assert list(entries(20, seed=1)) != list(entries(20, seed=2))


async def test_the_search_finds_what_was_added(db: Database) -> None:
    await add(db, 300)
    row = (await rows_of(db))[-1]
    hits = await search_entries(db, query=row.title)
    assert row.title in {hit.title for hit in hits}
    # It fails when the index lacks anything of the entries.
    await db.execute(
        "INSERT INTO entries_search (entries_search, rank) VALUES ('integrity-check', 1)"
    )


@pytest.mark.parametrize("count", [1, 7, COUNT])
async def test_entries_follow_one_another_up_to_now(db: Database, count: int) -> None:
    await add(db, count)
    times = [row.created_at for row in await rows_of(db)]
    assert times == sorted(times)
    assert NOW - count * LONGEST_STEP_MS <= times[0]
    assert NOW - LONGEST_STEP_MS <= times[-1] <= NOW
    assert await db.fetch_value("SELECT max(created_at) FROM users") <= times[0]


async def test_it_works_twice_and_goes_on_in_time(db: Database) -> None:
    await add(db, 500)
    await add(db, 500, now_ms=NOW + 1_000_000)
    await add(db, 5, now_ms=NOW - 1_000_000)  # the clock was set back
    rows = await rows_of(db)
    assert len(rows) == 1005
    times = [row.created_at for row in rows[:1000]]
    assert times == sorted(times)
    assert {row.created_at for row in rows[1000:]} == {NOW - 1_000_000}
    assert await db.fetch_value("SELECT count(*) FROM users") == 10


async def test_only_as_many_demo_users_write_as_asked_for(db: Database) -> None:
    await add(db, 0, 10)
    await add(db, 200, 3)
    assert len({row.author_id for row in await rows_of(db)}) == 3


async def test_real_users_are_left_alone(db: Database) -> None:
    taken, _ = usernames(2)
    await db.execute(
        "INSERT INTO users VALUES (1, :name, 'a hash', 0), (2, 'alice', 'a hash', 0)",
        {"name": taken.upper()},
    )
    await add(db, 100, 2)
    authors = {row.author_id for row in await rows_of(db)}
    assert authors.isdisjoint({1, 2})
    assert len(authors) == 1


async def test_nobody_logs_in_as_a_demo_user(db: Database) -> None:
    await add(db, 0, 1)
    password_hash = await db.fetch_value("SELECT password_hash FROM users")
    assert not verify_password(password_hash, password_hash)


@pytest.mark.parametrize("user_count", [0, 1])
async def test_there_are_no_entries_without_users(db: Database, user_count: int) -> None:
    (taken,) = usernames(1)
    await db.execute("INSERT INTO users VALUES (1, :name, 'a hash', 0)", {"name": taken})
    with pytest.raises(ValueError, match="entries need users"):
        await add(db, 5, user_count)
    assert await rows_of(db) == []


async def test_nothing_asked_for_is_nothing_done(db: Database) -> None:
    assert await add(db, 0, 0) == []


async def test_more_users_than_there_are_names_are_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="usernames"):
        await add(db, 0, 100_000_000)
    assert await db.fetch_value("SELECT count(*) FROM users") == 0


async def test_a_commit_holds_a_bounded_number_of_rows(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "ROWS_A_COMMIT", 7)
    assert await add(db, 50, 20) == [7] * 7 + [1]
    assert await db.fetch_value("SELECT count(*) FROM users") == 20


async def test_few_rows_are_made_before_they_are_stored(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, stored, ahead = 0, 0, []

    def counted(count: int, *, seed: int) -> Iterator[DemoEntry]:
        nonlocal made
        for entry in entries(count, seed=seed):
            made += 1
            yield entry

    def advance(count: int) -> None:
        nonlocal stored
        stored += count
        ahead.append(made - stored)

    monkeypatch.setattr(demo, "entries", counted)
    monkeypatch.setattr(demo, "ROWS_A_COMMIT", 10)
    await fill(db, entry_count=300, user_count=1, now_ms=NOW, advance=advance)
    assert made == stored == 300
    assert max(ahead) <= 10


async def test_what_was_stored_before_a_fault_stays_whole(db: Database) -> None:
    await db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON entries"  # noqa: S608 - a number of ours
        f" WHEN (SELECT count(*) FROM entries) > {ROWS_A_COMMIT}"
        " BEGIN SELECT RAISE (ABORT, 'no more'); END"
    )
    with pytest.raises(ConstraintViolation, match="no more"):
        await add(db, COUNT)
    assert await db.fetch_value("SELECT count(*) FROM entries") == ROWS_A_COMMIT
