"""The SQLite engine, on aiosqlite: one connection that writes, a few that read.

Every call to aiosqlite is a trip to another thread and back, and the trip costs more than a small
query. So the reads that wait travel together, and the writes that wait are committed together.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from qapp.ext.database.commits import Commits
from qapp.ext.database.contract import Engine, Executor, Statement
from qapp.ext.database.counts import Counts
from qapp.ext.database.driver import Connection, sqlite
from qapp.ext.database.errors import DatabaseBusy, DatabaseClosed, DatabaseError, DatabaseFailure
from qapp.ext.database.sql import is_write

from .handle import Handle
from .jobs import Limits, Options
from .reads import Reader, Reads
from .version import VERSION, DataVersion
from .writes import Writes

__all__ = ["Limits", "Options", "SQLiteEngine"]

# What a thread may still take at the end, when all that it should run is broken off.
LAST_S = 5.0


class SQLiteEngine(Engine):
    """The connections to one database file; `connect` makes the file when it is not there."""

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        self._options = options
        self.commits = Commits()
        self._connections: list[Connection] = []
        self._handles: list[Handle] = []
        self._versions = DataVersion()
        self._reads: Reads | None = None
        self._writes: Writes | None = None
        self._closing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        if self._connections:
            raise RuntimeError("the database is connected already")
        try:
            writer = await self._open(writer=True)
            readers = [await self._open(writer=False) for _ in range(self._options.readers)]
        except BaseException:
            await self._end_threads()
            raise
        self._writes = Writes(*writer, self._options, self.commits)
        self._reads = Reads(readers, self._options)

    async def _open(self, *, writer: bool) -> Reader:
        connection = Connection(str(self._path))
        await connection.open()
        self._connections.append(connection)
        try:
            handle = await connection.run(
                lambda: Handle(connection.raw, self._options.limits, self._versions, writer=writer)
            )
        except DatabaseBusy:
            raise
        except (sqlite.Error, DatabaseError) as error:
            raise DatabaseFailure(f"cannot open {self._path}: {error}") from error
        self._handles.append(handle)
        return Reader(connection, handle)

    async def close(self) -> None:
        # In a task of its own: whoever asked for it may be cancelled, and may ask again.
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        reads, writes = self._reads, self._writes
        self._reads = self._writes = None
        try:
            if reads is not None and writes is not None:
                writes.refuse_new()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._options.close_s):
                        await reads.drain()
                        await writes.drain()
        finally:
            # No await before every thread is told to end: a cancel must not leave one running.
            for queue in (reads, writes):
                if queue is not None:
                    queue.break_off()
            await self._end_threads()
            self._closing = None

    async def _end_threads(self) -> None:
        connections, handles = self._connections, self._handles
        self._connections, self._handles = [], []
        for handle in handles:
            handle.stop()
        ends = {stopped: each for each in connections if (stopped := each.stop()) is not None}
        if ends:
            ended, _ = await asyncio.wait(ends, timeout=LAST_S)
            for stopped in ended:
                ends[stopped].join()

    def run(self, statement: Statement) -> asyncio.Future[Any]:
        if self._reads is None or self._writes is None:
            raise DatabaseClosed("the database is not connected")
        if is_write(statement.sql):
            return self._writes.add(statement)
        return self._reads.add(statement)

    def transaction(self, timeout_s: float) -> AbstractAsyncContextManager[Executor]:
        if self._writes is None:
            raise DatabaseClosed("the database is not connected")
        return self._writes.transaction(timeout_s)

    @property
    def counts(self) -> Counts:
        reads, writes = self._reads, self._writes
        if reads is None or writes is None:
            return Counts()
        return Counts(
            reads.sent,
            reads.trips_sent,
            writes.sent,
            writes.commits_sent,
            writes.transactions,
            reads.waiting,
            writes.waiting,
        )

    def ask_version(self) -> asyncio.Future[int]:
        return self.run(VERSION)
