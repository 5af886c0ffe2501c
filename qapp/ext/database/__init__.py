"""Speak SQL from an event loop without blocking it, losing a write or leaving half a transaction.

    db = Database(app)                                 # or Database(url=…), connect(), close()
    post = await db.fetch_one("SELECT title FROM posts WHERE id = :id", {"id": 1})
    print(post.title)

The engine is chosen by the URL, written as SQLAlchemy writes it: `sqlite:///name.db` beside the
instance's other files, `sqlite:////absolute/name.db` anywhere.

An app's setting `SLOW_QUERY_MS` has statements that take longer told to the log `….database.slow`,
without their values; 0 tells nothing. In debug mode `measured` tells what a request asked for.
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from quart import current_app

from qapp.ext.proxies import behind

from .contract import Engine, Executor, Row, Statement
from .counts import Counts
from .errors import (
    ConstraintViolation,
    DatabaseBusy,
    DatabaseClosed,
    DatabaseError,
    DatabaseFailure,
    DiskFull,
    ParameterError,
    SQLError,
    StatementTimeout,
    TransactionTimeout,
)
from .measure import MeasuredEngine, measured
from .sqlite import Limits, Options, SQLiteEngine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from quart import Quart

__all__ = [
    "ConstraintViolation",
    "Counts",
    "Database",
    "DatabaseBusy",
    "DatabaseClosed",
    "DatabaseError",
    "DatabaseFailure",
    "DiskFull",
    "Executor",
    "Limits",
    "Options",
    "ParameterError",
    "Row",
    "SQLError",
    "StatementTimeout",
    "TransactionTimeout",
    "measured",
    "sqlite_path",
]

EXTENSION = "database"


class Database(Executor):
    """A database for an app (`app.config["DATABASE_URL"]`), or by itself (`url`).

    One instance serves any number of apps: it looks up the engine of the current one, which is
    connected before the app serves and closed after it has served.
    """

    def __init__(
        self, app: Quart | None = None, *, url: str | None = None, options: Options | None = None
    ) -> None:
        self._options = options or Options()
        self._own = _engine_for(url, Path(), self._options) if url is not None else None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Open and close the database with the app.

        :raises ValueError: if `DATABASE_URL` names no database that is known here.
        """
        options = self._options
        if (slow_ms := app.config.get("SLOW_QUERY_MS")) is not None:
            limits = options.limits._replace(slow_s=slow_ms / 1000)
            options = dataclasses.replace(options, limits=limits)
        engine = _engine_for(app.config["DATABASE_URL"], Path(app.instance_path), options)
        if app.debug:
            engine = MeasuredEngine(engine)
        app.extensions[EXTENSION] = engine

        @app.while_serving
        async def connected() -> AsyncGenerator[None, None]:
            await engine.connect()
            try:
                yield
            finally:
                await engine.close()

    @property
    def _engine(self) -> Engine:
        if self._own is not None:
            return self._own
        engine: Engine = behind(current_app).extensions[EXTENSION]
        return engine

    async def connect(self) -> Self:
        """Open a database made with `url`; raise `DatabaseFailure` when that can't be done."""
        await self._engine.connect()
        return self

    async def close(self) -> None:
        """Finish what was accepted, at most `Options.close_s` long, and close the connections."""
        await self._engine.close()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _run(self, statement: Statement) -> Awaitable[Any]:
        return self._engine.run(statement)

    def transaction(self, timeout_s: float = 5.0) -> AbstractAsyncContextManager[Executor]:
        """Run several statements as one, all or nothing.

            async with db.transaction() as tx:
                await tx.execute(…)

        The block has the writer to itself: await nothing slow in it. It commits at the block's end;
        an error, a cancelled task or the time limit rolls it back.

        :raises TransactionTimeout: if the block takes longer than `timeout_s`.
        :raises DatabaseBusy: if too many writes wait or another process holds the file.
        :raises RuntimeError: if `db` itself is written to inside the block.
        """
        return self._engine.transaction(timeout_s)

    async def version(self) -> int:
        """Return a number that is another after each commit, by whichever process.

        What was made of the data at one version holds as long as the version is the same. The
        numbers are this process's own and say nothing about order.
        """
        return await self._engine.ask_version()

    def ask_version(self) -> asyncio.Future[int]:
        """Ask for the version at once, in one trip with the read that is asked for next.

        To be awaited later, or not at all.
        """
        version = self._engine.ask_version()
        version.add_done_callback(_heed)
        return version

    def on_commit(self, function: Callable[[], None]) -> AbstractContextManager[None]:
        """Call a function after each commit of this process, inside a `with` block.

        Before the one who wrote is answered, so what is dropped then was never seen as old. It runs
        in the loop and must not fail. Of other processes' commits `version` tells.
        """
        return self._engine.commits.telling(function)

    @property
    def counts(self) -> Counts:
        """What was done since the database was connected, and what waits, in this process."""
        return self._engine.counts


def _engine_for(url: str, folder: Path, options: Options) -> Engine:
    return SQLiteEngine(sqlite_path(url, folder), options)


def _heed(version: asyncio.Future[int]) -> None:
    """Look at how it ended, which asyncio would complain of where nobody else does."""
    if not version.cancelled():
        version.exception()


def sqlite_path(url: str, folder: Path) -> Path:
    """Return the file that a `sqlite:///…` URL names; a relative one lies in `folder`.

    :raises ValueError: if the URL is no such, or names a database in memory, which the several
        connections of an engine could not share, or options, which only SQLAlchemy would heed.
    """
    scheme, separator, name = url.partition(":///")
    if scheme != "sqlite" or not separator:
        raise ValueError("a database URL looks like sqlite:///name.db or sqlite:////path/name.db")
    if not name or name == ":memory:" or name.startswith("file:") or "?" in name:
        raise ValueError("a database is a file and nothing more: sqlite:///name.db")
    return folder / name
