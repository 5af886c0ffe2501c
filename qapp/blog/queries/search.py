"""The SQL of the search, which SQLite's FTS5 does."""

from __future__ import annotations

import re
from typing import NamedTuple

from markupsafe import Markup, escape

from qapp.ext.database import Executor
from qapp.web.paging import PAGE_SIZE

from .entries import Full


class Hit(NamedTuple):
    """An entry that was found; `title` and `excerpt` are HTML with the words found marked."""

    id: int
    title: Markup
    excerpt: Markup
    author: str
    created_at: int


# Only the newest matches are ranked, and words are marked only in those that are shown: a common
# word in a million entries stays a matter of milliseconds.
SEARCH = """
SELECT best.id, highlight(entries_search, 0, char(2), char(3)) AS title,
       snippet(entries_search, 1, char(2), char(3), ' … ', 32) AS excerpt,
       users.username AS author, entries.created_at
FROM (
    SELECT id, distance FROM (
        SELECT rowid AS id, bm25(entries_search, 4.0, 1.0) AS distance
        FROM entries_search WHERE entries_search MATCH :match
        ORDER BY rowid DESC LIMIT :most
    )
    ORDER BY distance, id DESC LIMIT :limit OFFSET :offset
) AS best
JOIN entries_search ON entries_search.rowid = best.id AND entries_search MATCH :match
JOIN entries ON entries.id = best.id
JOIN users ON users.id = entries.author_id
ORDER BY best.distance, best.id DESC
"""
RANKED = 1000
MOST_WORDS = 10
# The same, with all that programs get and nothing marked.
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
) -> list[Hit]:
    """Return the entries with all words of a query, best first, of the newest thousand there are.

    Whatever else is in the query separates words.
    """
    match = match_of(query)
    if not match:
        return []
    values = {"match": match, "most": RANKED, "limit": limit, "offset": offset}
    rows = await db.fetch_all(SEARCH, values, into=Hit)
    return [row._replace(title=mark(row.title), excerpt=mark(row.excerpt)) for row in rows]


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
    words = re.findall(r"\w+", query)[:MOST_WORDS]
    return " ".join(f'"{word}"' for word in words)


def mark(text: str) -> Markup:
    """Escape a text, and turn the two control characters around each word found into a mark."""
    escaped = str(escape(text))
    return Markup(escaped.replace("\x02", "<mark>").replace("\x03", "</mark>"))  # noqa: S704
