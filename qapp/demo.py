"""Fill a database with believable users and entries."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from .demo_texts import DemoEntry, entries, usernames
from .ext.database import Database

# As many rows a commit as keep it under a tenth of a second, so that a running site goes on.
ROWS_A_COMMIT = 1000
# No password has this hash: nobody logs in as a demo user.
NO_PASSWORD = "!"  # noqa: S105
# Entries follow one another by so many seconds on average, the newest now.
SECONDS_BETWEEN = 300

ADD_USER = """
INSERT INTO users (username, password_hash, created_at)
VALUES (:username, :password_hash, :created_at) ON CONFLICT (username) DO NOTHING
"""

ADD_ENTRY = """
INSERT INTO entries (author_id, title, text, html, plain, created_at)
VALUES (:author_id, :title, :text, :html, :plain, :created_at)
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

    The same seed makes the same entries. Names that are taken are passed over.
    """
    start_ms = now_ms - entry_count * SECONDS_BETWEEN * 1000
    names = usernames(user_count)
    while rows := [_user(name, start_ms) for name in islice(names, ROWS_A_COMMIT)]:
        await db.execute_many(ADD_USER, rows)
    author_ids = [
        row.id
        for row in await db.fetch_all(
            "SELECT id FROM users WHERE password_hash = :none ORDER BY id LIMIT :count",
            {"none": NO_PASSWORD, "count": user_count},
        )
    ]
    made = _entries(entries(entry_count, seed=seed), author_ids, start_ms, random.Random(seed))  # noqa: S311
    while rows := list(islice(made, ROWS_A_COMMIT)):
        await db.execute_many(ADD_ENTRY, rows)
        advance(len(rows))


def _user(name: str, created_at: int) -> dict[str, Any]:
    return {"username": name, "password_hash": NO_PASSWORD, "created_at": created_at}


def _entries(
    texts: Iterator[DemoEntry], author_ids: list[int], start_ms: int, chance: random.Random
) -> Iterator[dict[str, Any]]:
    created_at = start_ms
    for text in texts:
        created_at += chance.randrange(2 * SECONDS_BETWEEN * 1000)
        yield {**text._asdict(), "author_id": chance.choice(author_ids), "created_at": created_at}
