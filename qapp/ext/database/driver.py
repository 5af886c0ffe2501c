"""Say which SQLite library this process uses; everything that opens a database takes it from here.

Two SQLite libraries must never open one file in the same process: closing a file in one drops the
POSIX locks of the other (https://www.sqlite.org/howtocorrupt.html, 2.2.1). So the data layer, the
ORM, Alembic, backups and tests all import `sqlite` from this module.

`pysqlite3` brings a SQLite without the WAL-reset bug (3.7.0 to 3.51.2: two connections that commit
and checkpoint at the same moment can lose a committed transaction). Where it has no wheel the
standard module serves, and `warning` says what that means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from .errors import DatabaseClosed, DatabaseFailure

try:
    from pysqlite3 import dbapi2 as sqlite
except ImportError:  # no wheel for this platform
    import sqlite3 as sqlite

T = TypeVar("T")

FIRST_FIXED = (3, 51, 3)
BACK_PORTED = frozenset({(3, 50, 7), (3, 44, 6)})

__all__ = ["Connection", "sqlite", "version", "warning"]

version: str = sqlite.sqlite_version


def warning(version_info: tuple[int, ...] = sqlite.sqlite_version_info) -> str | None:
    """Return why several workers should not write with this SQLite, or None when it is sound."""
    if version_info >= FIRST_FIXED or version_info in BACK_PORTED:
        return None
    return (
        f"SQLite {'.'.join(map(str, version_info))} has the WAL-reset bug, which can lose a "
        "committed write when several workers run: install pysqlite3, or run one worker."
    )


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs whole units of work in one trip to its thread."""

    def __init__(self, path: str, *, cached_statements: int = 512) -> None:
        def connector() -> Any:
            is_new = not Path(path).exists()
            # isolation_level=None: no BEGIN of the module's own; ours are IMMEDIATE.
            # timeout=0: waiting for another process's lock is the engine's, with its own limit.
            connection = sqlite.connect(
                path, timeout=0, isolation_level=None, cached_statements=cached_statements
            )
            if is_new and Path(path).exists():
                Path(path).chmod(0o600)  # SQLite gives the WAL's files the mode of this one
            return connection

        super().__init__(connector, 64)
        self._path = path
        self._stopped = False

    @property
    def raw(self) -> Any:
        """The library's own connection, for use in this connection's thread only."""
        return self._conn

    async def open(self) -> None:
        """Open the file, made for its owner alone when it is not there.

        :raises DatabaseFailure: if that can't be done. No thread is left by any exception.
        """
        try:
            await self
        except (sqlite.Error, ValueError) as error:
            raise DatabaseFailure(f"cannot open {self._path}: {error}") from error
        finally:
            if self._connection is None:
                self.join()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call `function(*args)` in the connection's thread and return its result.

        Once queued it runs to its end, whatever becomes of the caller.

        :raises DatabaseClosed: if the connection is stopped.
        """
        if self._stopped:
            raise DatabaseClosed("the connection is closed")
        result: T = await self._execute(function, *args)  # type: ignore[no-untyped-call]
        return result

    def stop(self) -> asyncio.Future[Any] | None:
        """Close the file and end the thread, after what is queued; return the future of that.

        Nothing has to be awaited for it to happen, so no cancel prevents it.
        """
        self._stopped = True
        return super().stop()

    def join(self) -> None:
        """Wait for a stopped thread: blocking, but it has nothing left to do."""
        self._thread.join(timeout=5)
