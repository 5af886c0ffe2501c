"""The SQL of the blog. Times are milliseconds since 1970; lists are newest first."""

from __future__ import annotations

import re
from typing import NamedTuple

from markupsafe import Markup, escape

from qapp.ext.database import Executor
from qapp.web.errors import NotFound
from qapp.web.markup import Rendered
from qapp.web.paging import PAGE_SIZE, Page, page_of


class Entry(NamedTuple):
    """An entry as it is shown."""

    id: int
    title: str
    html: str
    author_id: int
    author: str
    created_at: int
    updated_at: int | None


class Source(NamedTuple):
    """An entry as its author wrote it. `version` is another after each change."""

    id: int
    title: str
    text: str
    author_id: int
    version: int


class Hit(NamedTuple):
    """An entry that was found; `title` and `excerpt` are HTML with the words found marked."""

    id: int
    title: Markup
    excerpt: Markup
    author: str
    created_at: int


class EntryChanged(Exception):
    """Somebody changed the entry since it was read."""


LIST = """
SELECT entries.id, entries.title, entries.html, entries.author_id, users.username AS author,
       entries.created_at, entries.updated_at
FROM entries JOIN users ON users.id = entries.author_id
WHERE entries.id < :before
ORDER BY entries.id DESC LIMIT :limit
"""

LIST_OF_AUTHOR = """
SELECT entries.id, entries.title, entries.html, entries.author_id, users.username AS author,
       entries.created_at, entries.updated_at
FROM entries JOIN users ON users.id = entries.author_id
WHERE entries.author_id = :author_id AND entries.id < :before
ORDER BY entries.id DESC LIMIT :limit
"""

FIND = """
SELECT entries.id, entries.title, entries.html, entries.author_id, users.username AS author,
       entries.created_at, entries.updated_at
FROM entries JOIN users ON users.id = entries.author_id
WHERE entries.id = :entry_id
"""

FIND_SOURCE = """
SELECT id, title, text, author_id, coalesce(updated_at, created_at) AS version
FROM entries WHERE id = :entry_id
"""

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


async def list_entries(db: Executor, *, before: int, limit: int = PAGE_SIZE) -> Page[Entry]:
    """Return the page of entries whose ids are smaller than `before`."""
    return page_of(
        await db.fetch_all(LIST, {"before": before, "limit": limit + 1}, into=Entry), limit
    )


async def list_entries_of(
    db: Executor, *, author_id: int, before: int, limit: int = PAGE_SIZE
) -> Page[Entry]:
    """Return the page of an author's entries whose ids are smaller than `before`."""
    values = {"author_id": author_id, "before": before, "limit": limit + 1}
    return page_of(await db.fetch_all(LIST_OF_AUTHOR, values, into=Entry), limit)


async def find_entry(db: Executor, *, entry_id: int) -> Entry:
    """Return an entry, or raise NotFound."""
    entry = await db.fetch_one(FIND, {"entry_id": entry_id}, into=Entry)
    if entry is None:
        raise NotFound
    return entry


async def find_source(db: Executor, *, entry_id: int) -> Source:
    """Return what an entry was made of, or raise NotFound."""
    source = await db.fetch_one(FIND_SOURCE, {"entry_id": entry_id}, into=Source)
    if source is None:
        raise NotFound
    return source


async def add_entry(
    db: Executor, *, author_id: int, title: str, text: str, rendered: Rendered, now_ms: int
) -> int:
    """Add an entry and return its id."""
    entry_id: int = await db.fetch_value(
        """
        INSERT INTO entries (author_id, title, text, html, plain, created_at)
        VALUES (:author_id, :title, :text, :html, :plain, :now_ms) RETURNING id
        """,
        {
            "author_id": author_id,
            "title": title,
            "text": text,
            "html": rendered.html,
            "plain": rendered.plain,
            "now_ms": now_ms,
        },
    )
    return entry_id


async def change_entry(
    db: Executor,
    *,
    entry_id: int,
    version: int,
    title: str,
    text: str,
    rendered: Rendered,
    now_ms: int,
) -> None:
    """Change an entry that is still the version that was read; raise EntryChanged if it is not."""
    changed = await db.execute(
        """
        UPDATE entries
        SET title = :title, text = :text, html = :html, plain = :plain,
            updated_at = max(:now_ms, :version + 1)
        WHERE id = :entry_id AND coalesce(updated_at, created_at) = :version
        """,
        {
            "entry_id": entry_id,
            "version": version,
            "title": title,
            "text": text,
            "html": rendered.html,
            "plain": rendered.plain,
            "now_ms": now_ms,
        },
    )
    if not changed:
        raise EntryChanged


async def remove_entry(db: Executor, *, entry_id: int) -> None:
    """Remove an entry."""
    await db.execute("DELETE FROM entries WHERE id = :entry_id", {"entry_id": entry_id})


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
