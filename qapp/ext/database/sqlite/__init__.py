"""The SQLite engine, on aiosqlite: one connection that writes, a few that read.

Every call to aiosqlite is a trip to another thread and back, and the trip costs more than a small
query. So the reads that wait travel together, and the writes that wait are committed together.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from qapp.ext.database.contract import Engine, Executor, Statement
from qapp.ext.database.driver import Connection, sqlite
from qapp.ext.database.errors import DatabaseClosed, DatabaseFailure
from qapp.ext.database.sql import is_write

from .handle import VERSION, DataVersion, Handle, Limits
from .jobs import Options
from .reads import Reader, Reads
from .writes import Writes

__all__ = ["Limits", "Options", "SQLiteEngine"]


class SQLiteEngine(Engine):
    """The connections to one database file; `connect` makes the file when it is not there."""

    def __init__(self, path: Path, options: Options) -> None:
        self._path = path
        self._options = options
        self._connections: list[Connection] = []
        self._versions = DataVersion()
        self._reads: Reads | None = None
        self._writes: Writes | None = None

    async def connect(self) -> None:
        try:
            writer = await self._open(writer=True)
            readers = [await self._open(writer=False) for _ in range(self._options.readers)]
        except BaseException:
            await self._close_connections()
            raise
        self._writes = Writes(*writer, self._options)
        self._reads = Reads(readers, self._options)

    async def _open(self, *, writer: bool) -> Reader:
        connection = Connection(str(self._path))
        try:
            await connection
            self._connections.append(connection)
            handle = await connection.run(
                lambda: Handle(connection.raw, self._options.limits, self._versions, writer=writer)
            )
        except sqlite.Error as error:
            raise DatabaseFailure(f"cannot open {self._path}: {error}") from error
        return Reader(connection, handle)

    async def close(self) -> None:
        reads, writes = self._reads, self._writes
        self._reads = self._writes = None
        if reads is not None and writes is not None:
            try:
                async with asyncio.timeout(self._options.close_s):
                    while trips := reads.trips | writes.trips:
                        await asyncio.wait(trips)
            except TimeoutError:
                reads.refuse_waiting()
                writes.refuse_waiting()
                for trip in (trips := reads.trips | writes.trips):
                    trip.cancel()
                await asyncio.gather(*trips, return_exceptions=True)
        await self._close_connections()

    async def _close_connections(self) -> None:
        while self._connections:
            await self._connections.pop().close()

    async def run(self, statement: Statement) -> Any:
        if self._reads is None or self._writes is None:
            raise DatabaseClosed("the database is not connected")
        if is_write(statement.sql):
            return await self._writes.add(statement)
        return await self._reads.add(statement)

    def transaction(self, timeout_s: float) -> AbstractAsyncContextManager[Executor]:
        if self._writes is None:
            raise DatabaseClosed("the database is not connected")
        return self._writes.transaction(timeout_s)

    async def version(self) -> int:
        number: int = await self.run(VERSION)
        return number
