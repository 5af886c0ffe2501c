"""The ORM's connections in the shape that SQLAlchemy calls a DBAPI.

SQLAlchemy brings one for aiosqlite, but it takes Python's own SQLite library, which must not open
the data layer's file as well, and makes four trips to the thread where this one makes one.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.util.concurrency import in_greenlet

from qapp.ext.database.commits import Commits
from qapp.ext.database.driver import sqlite

from .link import Link
from .worker import Answer, Job, Limits

# Rows of a stream that come in one trip when SQLAlchemy asks for them one by one.
ROWS_A_TRIP = 100


class Cursor:
    """Runs statements; their rows are all there when `execute` returns."""

    server_side = False

    def __init__(self, connection: LinkConnection) -> None:
        self._connection = connection
        self._rows: deque[Any] = deque()
        self._answer = Answer()
        self.arraysize = 1

    @property
    def description(self) -> Any:
        """Return the columns, or None if there are none."""
        return self._answer.description

    @property
    def rowcount(self) -> int:
        """Return how many rows the statement changed; -1 if it changes none."""
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int | None:
        """Return the key of the row inserted last."""
        return self._answer.lastrowid

    def execute(self, sql: str, values: Any = ()) -> None:
        """Run a statement."""
        self._send(Job(sql, values or (), stream=self.server_side))

    def executemany(self, sql: str, values: Sequence[Any]) -> None:
        """Run a statement once for each set of values."""
        self._send(Job(sql, values, many=True))

    def _send(self, job: Job) -> None:
        self._answer = self._connection.run_async(lambda link: link.send(job))
        self._rows = deque(self._answer.rows)

    def _fill(self, most: int) -> None:
        """Have that many rows at hand, if there are so many."""

    def fetchone(self) -> Any:
        """Return the next row, or None after the last."""
        self._fill(1)
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return up to `size` further rows."""
        size = size or self.arraysize
        self._fill(size)
        return [self._rows.popleft() for _ in range(min(size, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """Return all further rows."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def close(self) -> None:
        """Forget the rows."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Do nothing: the driver's cursor is closed already."""


class StreamCursor(Cursor):
    """Leaves the rows with SQLite and fetches them by and by."""

    server_side = True

    def _fill(self, most: int) -> None:
        missing = most - len(self._rows)
        if missing > 0 and (cursor := self._answer.cursor) is not None:
            size = max(missing, ROWS_A_TRIP)
            rows = self._connection.run_async(lambda link: link.fetch(cursor, size))
            self._rows.extend(rows)
            if len(rows) < size:
                self._end()

    def fetchall(self) -> list[Any]:
        """Return all further rows."""
        rows = []
        while some := self.fetchmany(ROWS_A_TRIP):
            rows += some
        return rows

    def _end(self) -> None:
        cursor, self._answer = self._answer.cursor, self._answer._replace(cursor=None)
        if cursor is not None:
            self._connection.run_async(lambda link: link.end_stream(cursor))

    def close(self) -> None:
        """End the stream."""
        super().close()
        self._end()


class LinkConnection(AdaptedConnection):
    """A link, called as if it blocked, from a greenlet of SQLAlchemy."""

    __slots__ = ("__weakref__",)

    def __init__(self, link: Link) -> None:
        self._connection: Any = link

    @property
    def isolation_level(self) -> str | None:
        """Return None if each statement is a transaction of its own."""
        return None if self._connection.autocommit else ""

    @isolation_level.setter
    def isolation_level(self, level: str | None) -> None:
        self._connection.autocommit = level is None

    def cursor(self, server_side: bool = False) -> Cursor:
        """Make a cursor."""
        return StreamCursor(self) if server_side else Cursor(self)

    def create_function(self, *args: Any, **options: Any) -> None:
        """Give SQL a function."""
        self.run_async(
            lambda link: link.run(lambda: link.raw.create_function(*args, **options)),
        )

    def commit(self) -> None:
        """Commit what is open."""
        self.run_async(lambda link: link.commit())

    def rollback(self) -> None:
        """Roll back what is open."""
        self.run_async(lambda link: link.rollback())

    def close(self) -> None:
        """Close the connection and end its thread."""
        self.run_async(lambda link: link.close())

    def terminate(self) -> None:
        """Close the connection whatever it does; outside of a greenlet without waiting for it."""
        if in_greenlet():
            self.close()
        else:
            self._connection.stop()


class DBAPI(SimpleNamespace):
    """What SQLAlchemy takes for the driver's module, for one file.

    :ivar links: the connections that it made, closed or not.
    """

    has_stop = True
    paramstyle = "qmark"

    def __init__(self, path: Path, limits: Limits, commits: Commits) -> None:
        names = "Error DatabaseError DataError IntegrityError InterfaceError InternalError "
        names += "NotSupportedError OperationalError ProgrammingError "
        names += "Binary PARSE_COLNAMES PARSE_DECLTYPES sqlite_version sqlite_version_info"
        super().__init__(**{name: getattr(sqlite, name) for name in names.split()})
        self._path = path
        self._limits = limits
        self._turn = asyncio.Lock()
        self._commits = commits
        self.links: weakref.WeakSet[Link] = weakref.WeakSet()

    def connect(self, *_: Any, **__: Any) -> LinkConnection:
        """Open a connection to the file.

        :raises sqlite.OperationalError: if that can't be done.
        """
        link = Link(self._path, self._limits, self._turn, self._commits)
        self.links.add(link)
        connection = LinkConnection(link)
        connection.run_async(lambda link: link.open())
        return connection
