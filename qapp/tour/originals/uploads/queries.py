"""The queries of the files."""

from __future__ import annotations

from sqlite3 import Connection, Row

from werkzeug.exceptions import NotFound

from qapp.tour.originals.flaskr.db import get_db

TABLE = """
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    owner_id INTEGER REFERENCES users (id),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    thumbnail BLOB,
    created_at INTEGER NOT NULL
)
"""


class QuotaExceeded(Exception):
    """The owner of a file may not keep so much; nothing was stored."""


def create_table() -> None:
    """Make the table if it is missing."""
    get_db().execute(TABLE)


def list_files(db: Connection, *, before: int, limit: int) -> list[Row]:
    """Return files whose ids are smaller, newest first."""
    return db.execute(
        "SELECT files.id, name, media_type, size_bytes,"
        " thumbnail IS NOT NULL AS has_thumbnail,"
        " files.created_at, owner_id, username AS owner"
        " FROM files LEFT JOIN users ON users.id = owner_id"
        " WHERE files.id < ? ORDER BY files.id DESC LIMIT ?",
        (before, limit),
    ).fetchall()


def find_file(db: Connection, *, file_id: int) -> Row:
    """Return a file.

    :raises NotFound: if there is none of this id.
    """
    file: Row | None = db.execute(
        "SELECT id, key, name, media_type, thumbnail, created_at,"
        " owner_id FROM files WHERE id = ?",
        (file_id,),
    ).fetchone()
    if file is None:
        raise NotFound
    return file


def count_used_bytes(db: Connection, *, owner_id: int | None) -> int:
    """Return how much a user keeps, or all visitors together."""
    used: int = db.execute(
        "SELECT COALESCE(SUM(size_bytes), 0) FROM files"
        " WHERE owner_id IS ?",
        (owner_id,),
    ).fetchone()[0]
    return used


def add_file(
    db: Connection,
    *,
    key: str,
    owner_id: int | None,
    name: str,
    media_type: str,
    size_bytes: int,
    thumbnail: bytes | None,
    quota_bytes: int,
    now_ms: int,
) -> int:
    """Add a file and return its id; the caller commits.

    :raises QuotaExceeded: if its owner has too much then.
    """
    file_id: int = db.execute(
        "INSERT INTO files (key, owner_id, name, media_type,"
        " size_bytes, thumbnail, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            key,
            owner_id,
            name,
            media_type,
            size_bytes,
            thumbnail,
            now_ms,
        ),
    ).fetchone()[0]
    if count_used_bytes(db, owner_id=owner_id) > quota_bytes:
        raise QuotaExceeded
    return file_id


def list_expired(db: Connection, *, before_ms: int) -> list[Row]:
    """Return visitors' files from before a time."""
    return db.execute(
        "SELECT id, key FROM files"
        " WHERE owner_id IS NULL AND created_at < ?",
        (before_ms,),
    ).fetchall()


def remove_file(db: Connection, *, file_id: int) -> None:
    """Remove a file's row; the caller commits."""
    db.execute("DELETE FROM files WHERE id = ?", (file_id,))
