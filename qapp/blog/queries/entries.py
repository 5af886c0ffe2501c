"""The SQL of the blog. Times are milliseconds since 1970; lists are newest first."""

from __future__ import annotations

from typing import NamedTuple

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


class Full(NamedTuple):
    """An entry with all that programs get of it."""

    id: int
    title: str
    text: str
    html: str
    author_id: int
    author: str
    created_at: int
    updated_at: int | None

    @property
    def version(self) -> int:
        """Another after each change."""
        return self.updated_at or self.created_at


def bytes_of(entry: Entry | Full) -> int:
    """Return how long an entry is."""
    text = entry.text if isinstance(entry, Full) else ""
    return len(entry.html.encode()) + len(text.encode())


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

LIST_FULL = """
SELECT entries.id, entries.title, entries.text, entries.html, entries.author_id,
       users.username AS author, entries.created_at, entries.updated_at
FROM entries JOIN users ON users.id = entries.author_id
WHERE entries.id < :before
ORDER BY entries.id DESC LIMIT :limit
"""

LIST_FULL_OF_AUTHOR = """
SELECT entries.id, entries.title, entries.text, entries.html, entries.author_id,
       users.username AS author, entries.created_at, entries.updated_at
FROM entries JOIN users ON users.id = entries.author_id
WHERE entries.author_id = :author_id AND entries.id < :before
ORDER BY entries.id DESC LIMIT :limit
"""

FIND_FULL = """
SELECT entries.id, entries.title, entries.text, entries.html, entries.author_id,
       users.username AS author, entries.created_at, entries.updated_at
FROM entries JOIN users ON users.id = entries.author_id
WHERE entries.id = :entry_id
"""

FIND_SOURCE = """
SELECT id, title, text, author_id, coalesce(updated_at, created_at) AS version
FROM entries WHERE id = :entry_id
"""


async def list_entries(db: Executor, *, before: int, limit: int = PAGE_SIZE) -> Page[Entry]:
    """Return the page of entries whose ids are smaller than `before`."""
    values = {"before": before, "limit": limit + 1}
    return page_of(await db.fetch_all(LIST, values, into=Entry), limit, bytes_of)


async def list_entries_of(
    db: Executor, *, author_id: int, before: int, limit: int = PAGE_SIZE
) -> Page[Entry]:
    """Return the page of an author's entries whose ids are smaller than `before`."""
    values = {"author_id": author_id, "before": before, "limit": limit + 1}
    return page_of(await db.fetch_all(LIST_OF_AUTHOR, values, into=Entry), limit, bytes_of)


async def find_entry(db: Executor, *, entry_id: int) -> Entry:
    """Return an entry, or raise NotFound."""
    entry = await db.fetch_one(FIND, {"entry_id": entry_id}, into=Entry)
    if entry is None:
        raise NotFound
    return entry


async def list_full(db: Executor, *, author: str | None, before: int, limit: int) -> Page[Full]:
    """Return the page of entries whose ids are smaller than `before`, of an author if one is named.

    :raises NotFound: if there is no user of the name.
    """
    values: dict[str, object] = {"before": before, "limit": limit + 1}
    if author is None:
        return page_of(await db.fetch_all(LIST_FULL, values, into=Full), limit, bytes_of)
    found = {"username": author}
    user_id = await db.fetch_value("SELECT id FROM users WHERE username = :username", found)
    if user_id is None:
        raise NotFound
    values["author_id"] = user_id
    return page_of(await db.fetch_all(LIST_FULL_OF_AUTHOR, values, into=Full), limit, bytes_of)


async def find_full(db: Executor, *, entry_id: int) -> Full:
    """Return an entry with its text, or raise NotFound."""
    entry = await db.fetch_one(FIND_FULL, {"entry_id": entry_id}, into=Full)
    if entry is None:
        raise NotFound
    return entry


async def find_source(db: Executor, *, entry_id: int) -> Source:
    """Return what an entry was made of, or raise NotFound."""
    source = await db.fetch_one(FIND_SOURCE, {"entry_id": entry_id}, into=Source)
    if source is None:
        raise NotFound
    return source


async def find_version(db: Executor, *, entry_id: int) -> int | None:
    """Return what is another after each change of an entry; None if there is no such entry."""
    version: int | None = await db.fetch_value(
        "SELECT coalesce(updated_at, created_at) FROM entries WHERE id = :entry_id",
        {"entry_id": entry_id},
    )
    return version


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


async def remove_entry(db: Executor, *, entry_id: int, version: int | None = None) -> None:
    """Remove an entry; raise EntryChanged if it is not the version that is named, if one is."""
    removed = await db.execute(
        """
        DELETE FROM entries
        WHERE id = :entry_id
            AND (:version IS NULL OR coalesce(updated_at, created_at) = :version)
        """,
        {"entry_id": entry_id, "version": version},
    )
    if not removed and version is not None:
        raise EntryChanged
