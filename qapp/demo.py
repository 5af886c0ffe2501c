"""Fill a database with believable users and entries."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from .demo_texts import DemoEntry, entries, usernames
from .ext.database import Database

# As many rows a commit as take a quarter of a second, so that a running site goes on.
ROWS_A_COMMIT = 6000
STORED_WITHIN_S = 30
# No password has this hash: nobody logs in as a demo user.
NO_PASSWORD = "!"  # noqa: S105
# Entries follow one another by so much, the newest now; closer where others came before.
LONGEST_STEP_MS = 300_000

ADD_USER = """
INSERT INTO users (username, password_hash, created_at)
VALUES (:username, :password_hash, :created_at) ON CONFLICT (username) DO NOTHING
"""

# 32 MB of pages kept, 80 MB of log before it is written back: less goes to the disk and comes
# back, which saves a sixth of the time.
ROOMY = ("PRAGMA cache_size = -32768", "PRAGMA wal_autocheckpoint = 20000")

# Rows wait in a table of the connection's own and are moved by one statement: the full-text index
# writes to its tables at each statement's end, for a row at a time longer than all else together.
MAKE_WAITING = """
CREATE TEMP TABLE IF NOT EXISTS waiting_entries (author_id, title, text, html, plain, created_at)
"""

ADD_WAITING = """
INSERT INTO waiting_entries (author_id, title, text, html, plain, created_at)
VALUES (:author_id, :title, :text, :html, :plain, :created_at)
"""

MOVE_WAITING = """
INSERT INTO entries (author_id, title, text, html, plain, created_at)
SELECT author_id, title, text, html, plain, created_at FROM waiting_entries ORDER BY rowid
"""


async def fill(
    db: Database,
    *,
    entry_count: int,
    user_count: int,
    now_ms: int,
    advance: Callable[[int], None],
    seed: int = 1,
) -> None:
    """Add users and entries in bounded memory; `advance` is told of every so many entries stored.

    The same seed makes the same entries. Names that are taken are passed over. The entries come
    after those that are there.

    :raises ValueError: if there are entries to add, but no demo users for them.
    """
    newest_ms = await db.fetch_value("SELECT created_at FROM entries ORDER BY id DESC LIMIT 1")
    start_ms = max(now_ms - entry_count * LONGEST_STEP_MS, min(newest_ms or 0, now_ms))
    names = usernames(user_count)
    while users := [_user(name, start_ms) for name in islice(names, ROWS_A_COMMIT)]:
        await db.execute_many(ADD_USER, users)
    author_ids = [
        row.id
        for row in await db.fetch_all(
            "SELECT id FROM users WHERE password_hash = :none ORDER BY id LIMIT :count",
            {"none": NO_PASSWORD, "count": user_count},
        )
    ]
    if entry_count and not author_ids:
        raise ValueError("entries need users")
    made = _entries(
        entries(entry_count, seed=seed),
        author_ids,
        start_ms,
        (now_ms - start_ms) / max(entry_count, 1),
        random.Random(seed),  # noqa: S311 - the same each time on purpose
    )
    async with db.transaction() as tx:  # these are for the connection that writes
        for sql in (*ROOMY, MAKE_WAITING):
            await tx.execute(sql)
    rows = _next_rows(made)
    while rows:
        # The next rows are made while SQLite, in its own thread, stores these.
        stored, rows = await asyncio.gather(_store(db, rows), asyncio.to_thread(_next_rows, made))
        advance(stored)


async def _store(db: Database, rows: list[dict[str, Any]]) -> int:
    async with db.transaction(STORED_WITHIN_S) as tx:
        await tx.execute_many(ADD_WAITING, rows)
        await tx.execute(MOVE_WAITING)
        return await tx.execute("DELETE FROM waiting_entries")


def _next_rows(made: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(islice(made, ROWS_A_COMMIT))


def _user(name: str, created_at: int) -> dict[str, Any]:
    return {"username": name, "password_hash": NO_PASSWORD, "created_at": created_at}


def _entries(
    texts: Iterator[DemoEntry],
    author_ids: list[int],
    start_ms: int,
    step_ms: float,
    chance: random.Random,
) -> Iterator[dict[str, Any]]:
    for number, (title, text, html, plain) in enumerate(texts):
        yield {
            "author_id": author_ids[int(chance.random() * len(author_ids))],
            "title": title,
            "text": text,
            "html": html,
            "plain": plain,
            "created_at": start_ms + int((number + chance.random()) * step_ms),
        }
