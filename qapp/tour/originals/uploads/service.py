"""What takes a file and its row: to keep both, to remove both."""

from __future__ import annotations

import secrets
from pathlib import Path
from sqlite3 import Row

from werkzeug.datastructures import FileStorage
from werkzeug.utils import secure_filename
from flask import current_app

from qapp.tour.originals.flaskr.auth import User
from qapp.tour.originals.flaskr.db import get_db

from . import queries
from .content import Content

# What visitors upload without logging in stays for a day.
VISITORS_KEPT_MS = 24 * 3600 * 1000


def keep_file(
    file: FileStorage,
    content: Content,
    *,
    owner: User | None,
    quota_bytes: int,
    now_ms: int,
) -> int:
    """Keep an uploaded file and return its id.

    A process that is killed before the commit leaves a file that has
    no row, and nothing here looks for one.

    :raises QuotaExceeded: if its owner has no room for it.
    """
    if owner is None:
        remove_expired(now_ms=now_ms)

    key = secrets.token_hex(16)
    path = place_of(key)
    try:
        # The validator has read it to its end: from there on there
        # is nothing to save.
        file.stream.seek(0)
        file.save(path)
        with get_db() as db:
            return queries.add_file(
                db,
                key=key,
                owner_id=owner["id"] if owner else None,
                name=secure_filename(file.filename or "") or "file",
                media_type=content.media_type,
                size_bytes=path.stat().st_size,
                thumbnail=content.thumbnail,
                quota_bytes=quota_bytes,
                now_ms=now_ms,
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def remove_file(file: Row) -> None:
    """Remove a file and its row."""
    with get_db() as db:
        queries.remove_file(db, file_id=file["id"])
    place_of(file["key"]).unlink(missing_ok=True)


def remove_expired(*, now_ms: int) -> None:
    """Remove what visitors have uploaded a day ago."""
    before_ms = now_ms - VISITORS_KEPT_MS
    for file in queries.list_expired(get_db(), before_ms=before_ms):
        remove_file(file)


def place_of(key: str) -> Path:
    """Return where a kept file is: no name of a visitor's is in it."""
    return Path(current_app.config["UPLOAD_FOLDER"], key)
