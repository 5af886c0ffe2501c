"""One SQLite connection of the ORM: reads see one state, writes take the lock before they begin."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from qapp.ext.database.commits import Commits
from qapp.ext.database.driver import Connection, sqlite
from qapp.ext.database.errors import DatabaseClosed, DatabaseFailure
from qapp.ext.database.measure import asking
from qapp.ext.database.sql import is_pragma, is_write

from .worker import Answer, Job, Limits, Locked, Worker

T = TypeVar("T")

TAKE_LOCK = "BEGIN IMMEDIATE"


class _Open(Enum):
    NOTHING = "no transaction"
    READ = "a snapshot"
    WRITE = "the write lock"


class Link(Connection):
    """A connection whose transactions begin when they must and end in time.

    Nothing is begun before the first statement. A read begins a snapshot. The first write ends it
    and begins anew with the lock held: begun as a reader it would fail at once, whatever the
    timeout, if anybody wrote since (https://www.sqlite.org/isolation.html). So what was read before
    may have changed, as it may between two statements on PostgreSQL; who must know that it has not
    takes the lock first, by the statement `TAKE_LOCK`.

    The data layer's writer is not asked for its turn: holding it while this connection writes would
    have the two wait for each other. They meet at the file's lock alone, as two processes do.

    :param turn: held by the one session of the app that asks for the file's lock or has it. If
        all asked at once, the data layer's writer had one chance among many: 16 sessions beside 16
        of its callers, on two cores, got 400 and 5300 commits a second with it, 270 and 770
        without.
    :param commits: told of each commit that wrote, before its caller goes on.
    :ivar autocommit: whether each statement is a transaction of its own, for VACUUM and the like.
    """

    def __init__(self, path: Path, limits: Limits, turn: asyncio.Lock, commits: Commits) -> None:
        super().__init__(str(path))
        # A script that ends without its app's shutdown must end; the file takes no harm by it.
        self._thread.daemon = True
        self._limits = limits
        self._turn = turn
        self._commits = commits
        self._has_turn = False
        self._open = _Open.NOTHING
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._late: asyncio.Task[None] | None = None
        self.autocommit = False

    async def open(self) -> None:
        """Open the file and set it up.

        :raises sqlite.OperationalError: if that can't be done; no thread is left then.
        """
        try:
            await super().open()
        except DatabaseFailure as error:
            raise sqlite.OperationalError(str(error)) from error
        try:
            self._worker = await self.run(lambda: Worker(self.raw, self._limits))
        except BaseException:
            super().stop()
            raise

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call `function(*args)` in the connection's thread; see `Connection.run`.

        :raises sqlite.ProgrammingError: if the connection is closed, in the driver's words, by
            which SQLAlchemy knows.
        """
        try:
            return await super().run(function, *args)
        except DatabaseClosed as error:
            raise sqlite.ProgrammingError("Cannot operate on a closed database.") from error

    async def send(self, job: Job) -> Answer:
        """Run one statement, in one trip to the thread if it needs no lock.

        :raises Locked: if it writes and others do so for too long.
        :raises sqlite.Error: for whatever else is wrong with it.
        """
        with asking():
            return await self._send(job)

    async def _send(self, job: Job) -> Answer:
        if self.autocommit:
            return await self.run(self._worker.execute, job)
        if is_write(job.sql):
            await self._begin_write()
        elif self._open is _Open.NOTHING and not is_pragma(job.sql):
            self._number += 1
            self._open = _Open.READ
            self._watch(self._limits.snapshot_s)
            job = job._replace(begins=self._number)
        if job.sql == TAKE_LOCK:
            return Answer()
        return await self.run(self._worker.execute, job)

    async def fetch(self, cursor: Any, most: int) -> list[Any]:
        """Return up to so many further rows of a stream; none are left when it is empty."""
        return await self.run(self._worker.fetch, cursor, most)

    async def end_stream(self, cursor: Any) -> None:
        """End a stream, read to its end or not."""
        if not self._stopped:
            await self.run(self._worker.forget, cursor)

    async def _begin_write(self) -> None:
        if self._open is _Open.WRITE:
            return
        if self._worker.streams:
            raise sqlite.OperationalError(
                "a stream is open in this session: read it to its end before you write, or write "
                "in a session of its own"
            )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.lock_s
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError:
            raise self._locked() from None
        self._ends()
        self._has_turn = True
        self._number += 1
        try:
            while not await self.run(self._worker.try_write, self._number):
                if loop.time() > deadline:
                    raise self._locked()
                # SQLite's own waiting sleeps up to 100 ms at a time, and can't be cancelled.
                await asyncio.sleep(random.uniform(0.0003, 0.0015))  # noqa: S311 - spreads them
        except BaseException:
            self._ends()
            raise
        self._open = _Open.WRITE
        self._watch(self._limits.write_s)

    def _locked(self) -> Locked:
        return Locked(f"database is locked: others wrote for {self._limits.lock_s:g} s")

    async def commit(self) -> None:
        """Commit durably what is open; without a trip if nothing is.

        :raises sqlite.Error: if that can't be done, or it was rolled back before.
        """
        if self._open is not _Open.NOTHING:
            await self.run(self._worker.commit)
            if self._open is _Open.WRITE:
                self._commits.tell()
            self._ends()

    async def rollback(self) -> None:
        """End what is open with nothing changed; without a trip if nothing is."""
        if self._open is not _Open.NOTHING:
            try:
                await self.run(self._worker.roll_back)
            finally:
                self._ends()

    def _ends(self) -> None:
        self._open = _Open.NOTHING
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._has_turn:
            self._has_turn = False
            self._turn.release()

    def _watch(self, limit_s: float) -> None:
        loop = asyncio.get_running_loop()

        def end_late() -> None:
            self._late = loop.create_task(self._end_late(self._number, self._open))

        self._timer = loop.call_later(limit_s, end_late)

    async def _end_late(self, number: int, what: _Open) -> None:
        writes = what is _Open.WRITE
        try:
            await self.run(partial(self._worker.end_late, number, writes=writes))
        except sqlite.Error:
            return  # closed meanwhile; or broken, as the session's next statement will say
        if number == self._number and self._open is what:
            self._ends()
            if writes:  # not before the session is rolled back may it begin anew
                self._open = what

    def stop(self) -> asyncio.Future[Any] | None:
        """Break off what runs, close the file and end the thread; again it does nothing."""
        if self._stopped:
            return None
        if hasattr(self, "_worker"):
            self._worker.break_off()
        self._ends()
        return super().stop()

    async def close(self) -> None:
        """Stop, and wait until that is done."""
        if (stopped := self.stop()) is not None:
            await asyncio.shield(stopped)
            self.join()
