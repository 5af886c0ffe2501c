"""What takes a file and its row: to keep both, to remove both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from werkzeug.datastructures import FileStorage

from qapp.ext.database import Executor
from qapp.extensions import db, storage
from qapp.web.multipart import part_of

from . import queries
from .content import Content, clean_name

# What visitors upload without logging in is there for a day.
VISITORS_KEPT_MS = 24 * 3600 * 1000

T = TypeVar("T")
Add = Callable[[Executor], Awaitable[int]]


def since_ms(now_ms: int) -> int:
    """Return from when on visitors' files are there."""
    return now_ms - VISITORS_KEPT_MS


@storage.is_known
async def has_row(key: str) -> bool:
    """Tell whether a file is to stay."""
    return await queries.has_key(db, key=key)


async def keep_file(
    file: FileStorage,
    content: Content,
    *,
    owner_id: int | None,
    quota_bytes: int,
    now_ms: int,
    commit: Callable[[Add], Awaitable[T]],
) -> T:
    """Keep an uploaded file; return what `commit` does.

    :param commit: is handed what adds the row and returns its id; when it returns, that is
        committed.
    :raises QuotaExceeded: if its owner has no room for it.
    :raises StorageFull: if the disk has none.
    """
    if owner_id is None:
        await remove_expired(now_ms=now_ms)

    part = part_of(file)

    async def record(key: str) -> T:
        async def add(executor: Executor) -> int:
            return await queries.add_file(
                executor,
                key=key,
                owner_id=owner_id,
                name=clean_name(file.filename or ""),
                media_type=content.media_type,
                size_bytes=part.size_bytes,
                thumbnail=content.thumbnail,
                quota_bytes=quota_bytes,
                since_ms=since_ms(now_ms),
                now_ms=now_ms,
            )

        return await commit(add)

    return await storage.keep(part, record)


async def remove_files(files: Sequence[queries.File | queries.Stored]) -> None:
    """Remove files and their rows."""
    file_ids = [file.id for file in files]
    await storage.remove(
        [file.key for file in files], lambda: queries.remove_files(db, file_ids=file_ids)
    )


async def remove_expired(*, now_ms: int) -> None:
    """Make room: remove some of what visitors uploaded more than a day ago."""
    if expired := await queries.list_expired(db, before_ms=since_ms(now_ms)):
        await remove_files(expired)
