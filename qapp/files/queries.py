"""The queries of the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qapp.ext.database import Executor
from qapp.web.errors import NotFound
from qapp.web.paging import Page, page_of


class Listed(NamedTuple):
    """A file in a list; `owner` is None for a visitor's."""

    id: int
    name: str
    media_type: str
    size_bytes: int
    has_thumbnail: int
    created_at: int
    owner_id: int | None
    owner: str | None


class File(NamedTuple):
    """What is sent of a file, and whose it is."""

    id: int
    key: str
    name: str
    media_type: str
    created_at: int
    owner_id: int | None


class Stored(NamedTuple):
    """A file that is to go."""

    id: int
    key: str


class QuotaExceeded(Exception):
    """The owner of a file may not keep so much; nothing was stored."""


async def list_files(db: Executor, *, before: int, since_ms: int, limit: int) -> Page[Listed]:
    """Return the page of files whose ids are smaller than `before`, newest first.

    :param since_ms: visitors' files from before it are not there any more, as in all of these.
    """
    rows = await db.fetch_all(
        """
        SELECT files.id, files.name, files.media_type, files.size_bytes,
          files.thumbnail IS NOT NULL AS has_thumbnail, files.created_at, files.owner_id,
          users.username AS owner
        FROM files LEFT JOIN users ON users.id = files.owner_id
        WHERE files.id < :before AND (files.owner_id IS NOT NULL OR files.created_at >= :since_ms)
        ORDER BY files.id DESC LIMIT :limit
        """,
        {"before": before, "since_ms": since_ms, "limit": limit + 1},
        into=Listed,
    )
    return page_of(rows, limit)


async def find_listed(db: Executor, *, file_id: int, since_ms: int) -> Listed:
    """Return what a list has of a file.

    :raises NotFound: if there is none of this id.
    """
    file = await db.fetch_one(
        """
        SELECT files.id, files.name, files.media_type, files.size_bytes,
          files.thumbnail IS NOT NULL AS has_thumbnail, files.created_at, files.owner_id,
          users.username AS owner
        FROM files LEFT JOIN users ON users.id = files.owner_id
        WHERE files.id = :file_id
          AND (files.owner_id IS NOT NULL OR files.created_at >= :since_ms)
        """,
        {"file_id": file_id, "since_ms": since_ms},
        into=Listed,
    )
    if file is None:
        raise NotFound
    return file


async def find_file(db: Executor, *, file_id: int, since_ms: int) -> File:
    """Return a file.

    :raises NotFound: if there is none of this id.
    """
    file = await db.fetch_one(
        """
        SELECT id, key, name, media_type, created_at, owner_id FROM files
        WHERE id = :file_id AND (owner_id IS NOT NULL OR created_at >= :since_ms)
        """,
        {"file_id": file_id, "since_ms": since_ms},
        into=File,
    )
    if file is None:
        raise NotFound
    return file


async def find_thumbnail(db: Executor, *, file_id: int, since_ms: int) -> bytes:
    """Return a file's thumbnail, a WebP.

    :raises NotFound: if there is none.
    """
    thumbnail: bytes | None = await db.fetch_value(
        """
        SELECT thumbnail FROM files
        WHERE id = :file_id AND (owner_id IS NOT NULL OR created_at >= :since_ms)
        """,
        {"file_id": file_id, "since_ms": since_ms},
    )
    if thumbnail is None:
        raise NotFound
    return thumbnail


async def has_key(db: Executor, *, key: str) -> bool:
    """Tell whether a file of this key is committed."""
    found = await db.fetch_value("SELECT 1 FROM files WHERE key = :key", {"key": key})
    return found is not None


async def count_used_bytes(db: Executor, *, owner_id: int | None, since_ms: int) -> int:
    """Return how much a user keeps, or all visitors together."""
    used: int = await db.fetch_value(
        """
        SELECT COALESCE(SUM(size_bytes), 0) FROM files
        WHERE owner_id IS NOT DISTINCT FROM :owner_id
          AND (owner_id IS NOT NULL OR created_at >= :since_ms)
        """,
        {"owner_id": owner_id, "since_ms": since_ms},
    )
    return used


async def add_file(
    db: Executor,
    *,
    key: str,
    owner_id: int | None,
    name: str,
    media_type: str,
    size_bytes: int,
    thumbnail: bytes | None,
    quota_bytes: int,
    since_ms: int,
    now_ms: int,
) -> int:
    """Add a file and return its id.

    The quota is checked by the statement that adds, so that no two at once can both pass it.

    :raises QuotaExceeded: if its owner would have more than `quota_bytes` then.
    """
    file_id: int | None = await db.fetch_value(
        """
        INSERT INTO files (key, owner_id, name, media_type, size_bytes, thumbnail, created_at)
        SELECT :key, :owner_id, :name, :media_type, :size_bytes, :thumbnail, :now_ms
        WHERE :size_bytes + (
          SELECT COALESCE(SUM(size_bytes), 0) FROM files
          WHERE owner_id IS NOT DISTINCT FROM :owner_id
            AND (owner_id IS NOT NULL OR created_at >= :since_ms)) <= :quota_bytes
        RETURNING id
        """,
        {
            "key": key,
            "owner_id": owner_id,
            "name": name,
            "media_type": media_type,
            "size_bytes": size_bytes,
            "thumbnail": thumbnail,
            "quota_bytes": quota_bytes,
            "since_ms": since_ms,
            "now_ms": now_ms,
        },
    )
    if file_id is None:
        raise QuotaExceeded
    return file_id


async def list_expired(db: Executor, *, before_ms: int, limit: int = 20) -> list[Stored]:
    """Return visitors' files from before a time, the oldest first."""
    return await db.fetch_all(
        """
        SELECT id, key FROM files WHERE owner_id IS NULL AND created_at < :before_ms
        ORDER BY created_at LIMIT :limit
        """,
        {"before_ms": before_ms, "limit": limit},
        into=Stored,
    )


async def remove_files(db: Executor, *, file_ids: Sequence[int]) -> None:
    """Remove the rows of files."""
    await db.execute_many(
        "DELETE FROM files WHERE id = :file_id", [{"file_id": file_id} for file_id in file_ids]
    )
