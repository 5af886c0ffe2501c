"""The SQL of the search, which SQLite's FTS5 does."""

from __future__ import annotations

import re
from typing import NamedTuple

from qapp.ext.database import Executor
from qapp.web.paging import PAGE_SIZE

from .entries import Full


class Found(NamedTuple):
    """An entry that was found; `plain` is its text without what formats it."""

    id: int
    title: str
    plain: str
    author: str
    created_at: int


# Only the newest matches are ranked: a common word in a million entries stays a matter of
# milliseconds.
SEARCH = """
SELECT entries.id, entries.title, entries.plain, users.username AS author, entries.created_at
FROM (
    SELECT id, distance FROM (
        SELECT rowid AS id, bm25(entries_search, 4.0, 1.0) AS distance
        FROM entries_search WHERE entries_search MATCH :match
        ORDER BY rowid DESC LIMIT :most
    )
    ORDER BY distance, id DESC LIMIT :limit OFFSET :offset
) AS best
JOIN entries ON entries.id = best.id
JOIN users ON users.id = entries.author_id
ORDER BY best.distance, best.id DESC
"""
RANKED = 1000
MOST_WORDS = 10
# The same, with all that programs get.
SEARCH_FULL = """
SELECT entries.id, entries.title, entries.text, entries.html, entries.author_id,
       users.username AS author, entries.created_at, entries.updated_at
FROM (
    SELECT id, distance FROM (
        SELECT rowid AS id, bm25(entries_search, 4.0, 1.0) AS distance
        FROM entries_search WHERE entries_search MATCH :match
        ORDER BY rowid DESC LIMIT :most
    )
    ORDER BY distance, id DESC LIMIT :limit OFFSET :offset
) AS best
JOIN entries ON entries.id = best.id
JOIN users ON users.id = entries.author_id
ORDER BY best.distance, best.id DESC
"""


async def search_entries(
    db: Executor, *, query: str, offset: int = 0, limit: int = PAGE_SIZE
) -> list[Found]:
    """Return the entries with all words of a query, best first, of the newest thousand there are.

    Whatever else is in the query separates words.
    """
    match = match_of(query)
    if not match:
        return []
    values = {"match": match, "most": RANKED, "limit": limit, "offset": offset}
    return await db.fetch_all(SEARCH, values, into=Found)


async def search_full(db: Executor, *, query: str, offset: int, limit: int) -> list[Full]:
    """Return the entries that `search_entries` does, whole."""
    match = match_of(query)
    if not match:
        return []
    values = {"match": match, "most": RANKED, "limit": limit, "offset": offset}
    return await db.fetch_all(SEARCH_FULL, values, into=Full)


def match_of(query: str) -> str:
    """Return an FTS5 expression for the words of a query, "" when it has none.

    Each word is quoted, so that nothing in it is FTS5's syntax.
    """
    return " ".join(f'"{word}"' for word in words_of(query))


def words_of(query: str) -> list[str]:
    """Return the words of a query that count."""
    return re.findall(r"\w+", query)[:MOST_WORDS]
