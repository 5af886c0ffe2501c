"""The writer: writes that wait are committed together, a transaction has the writer to itself."""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from qapp.ext.database.commits import Commits
from qapp.ext.database.contract import Executor, Fetch, Statement
from qapp.ext.database.driver import Connection
from qapp.ext.database.errors import (
    DatabaseBusy,
    DatabaseClosed,
    DatabaseError,
    DatabaseFailure,
    TransactionTimeout,
)

from .handle import Handle, TransactionLost
from .jobs import Job, Options

WRITES_A_COMMIT = 128
WAL_LOOK_S = 1.0

BEGIN = Statement("BEGIN", {}, Fetch.COUNT)

_open_here: ContextVar[Transaction | None] = ContextVar("qapp_transaction", default=None)


class Transaction(Executor):
    """The writer connection, for one caller, until its block ends.

    :ivar outer: the transaction, of another database, in whose block this one was opened.
    :ivar granted: the caller's future: done when the writer is the caller's, or is refused.
    :ivar fault: why it can't be committed any more, once that is so.
    :ivar commit: how its block ended, once it has.
    :ivar ended: done when the writer is free for others again.
    """

    def __init__(self, writes: Writes, timeout_s: float, outer: Transaction | None) -> None:
        self.writes = writes
        self.timeout_s = timeout_s
        self.outer = outer
        self.fault: DatabaseError | None = None
        self.grant = Job(BEGIN, writes.loop)
        self.granted = self.grant.join()
        self.commit: asyncio.Future[bool] = writes.loop.create_future()
        self.ended: asyncio.Future[None] = writes.loop.create_future()

    async def _run(self, statement: Statement) -> Any:
        if self.fault is not None:
            raise copy.copy(self.fault)
        if self.commit.done():
            raise DatabaseClosed("the transaction has ended")
        try:
            outcome = await self.writes.connection.run(self.writes.handle.step, statement)
        except TransactionLost as lost:
            self.fail(lost.cause)
            raise copy.copy(lost.cause) from None
        if isinstance(outcome, DatabaseError):
            raise outcome
        return outcome

    def decide(self, *, commit: bool) -> None:
        """Say how the block ended; what is decided stays."""
        if not self.commit.done():
            self.commit.set_result(commit)

    def fail(self, fault: DatabaseError) -> None:
        """Say why it can't be committed; the first reason stays."""
        self.fault = self.fault or fault
        self.grant.answer(self.fault)

    def end(self) -> None:
        """Tell whoever waits for it that the writer is free again."""
        self.decide(commit=False)
        self.ended.set_result(None)


class Writes:
    """The queue of writes and transactions, and the task that works through it.

    :ivar sent: how many writes were sent to be committed, transactions aside.
    :ivar commits_sent: for how many commits.
    :ivar transactions: how many transactions were committed.
    """

    def __init__(
        self, connection: Connection, handle: Handle, options: Options, commits: Commits
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.connection = connection
        self.handle = handle
        self._options = options
        self._commits = commits
        self._waiting: deque[Job | Transaction] = deque()
        self._works = False
        self._closes = False
        self._next_wal_look = self.loop.time() + WAL_LOOK_S
        self.sent = self.commits_sent = self.transactions = 0
        self.trips: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many writes and transactions wait for the writer."""
        return len(self._waiting)

    def add(self, statement: Statement) -> asyncio.Future[Any]:
        """Queue a write; return the future of its outcome, set after the commit."""
        self._refuse_inside_a_transaction()
        job = Job(statement, self.loop)
        self._queue(job)
        return job.join()

    def _refuse_inside_a_transaction(self) -> None:
        transaction = _open_here.get()
        while transaction is not None:
            if transaction.writes is self and not transaction.commit.done():
                raise RuntimeError(
                    "this task has a transaction open and would wait for itself: "
                    "use the transaction's calls, not the database's"
                )
            transaction = transaction.outer

    def _queue(self, item: Job | Transaction) -> None:
        if self._closes:
            raise DatabaseClosed("the database was closed")
        if len(self._waiting) >= self._options.most_waiting_writes:
            raise DatabaseBusy("too many writes are waiting")
        self._waiting.append(item)
        if not self._works:
            self._start()

    def _start(self) -> None:
        self._works = True
        task = self.loop.create_task(self._work())
        self.trips.add(task)
        task.add_done_callback(self.trips.discard)

    @asynccontextmanager
    async def transaction(self, timeout_s: float) -> AsyncIterator[Executor]:
        """Give the writer to one caller until its block ends."""
        self._refuse_inside_a_transaction()
        transaction = Transaction(self, timeout_s, _open_here.get())
        self._queue(transaction)
        outer = _open_here.set(transaction)
        try:
            await transaction.granted
            yield transaction
        except BaseException:
            transaction.decide(commit=False)
            if transaction.granted.done() and not transaction.granted.cancelled():
                await asyncio.wait([transaction.ended])
            raise
        finally:
            _open_here.reset(outer)
        transaction.decide(commit=True)
        await asyncio.shield(transaction.ended)
        if transaction.fault is not None:
            raise copy.copy(transaction.fault)

    async def _work(self) -> None:
        try:
            while self._waiting:
                # Not by Transaction, an abstract class: of those, isinstance is Python code.
                if not isinstance(first := self._waiting[0], Job):
                    self._waiting.popleft()
                    await self._run_transaction(first)
                elif jobs := self._take():
                    await self._commit(jobs)
                if self.loop.time() > self._next_wal_look:
                    await self.connection.run(self.handle.tidy)
                    self._next_wal_look = self.loop.time() + WAL_LOOK_S
        finally:
            self._works = False
            if self._waiting:  # a bug broke this task off; the others are still to be served
                self._start()

    def _take(self) -> list[Job]:
        jobs: list[Job] = []
        while self._waiting and len(jobs) < WRITES_A_COMMIT:
            job = self._waiting[0]
            if not isinstance(job, Job):
                break
            self._waiting.popleft()
            if job.is_wanted(self._options.wait_s):
                jobs.append(job)
        return jobs

    async def _commit(self, jobs: list[Job]) -> None:
        self.sent += len(jobs)
        self.commits_sent += 1
        try:
            outcomes = await self.connection.run(self.handle.write, [job.statement for job in jobs])
            self._commits.tell()
            for job, outcome in zip(jobs, outcomes, strict=True):
                job.answer(outcome)
            if isinstance(outcomes[-1], DatabaseBusy):
                self._refuse_waiting(outcomes[-1])
        finally:
            for job in jobs:
                job.answer(DatabaseFailure("the write was broken off, perhaps after its commit"))

    async def _run_transaction(self, transaction: Transaction) -> None:
        try:
            if not transaction.grant.is_wanted(self._options.wait_s):
                return
            await self.connection.run(self.handle.begin)
            if transaction.granted.done():  # the caller went away meanwhile
                transaction.decide(commit=False)
            transaction.grant.answer(None)
            commit = await self._decision(transaction)
            await self.connection.run(self.handle.commit if commit else self.handle.roll_back)
            if commit:
                self.transactions += 1
                self._commits.tell()
        except DatabaseError as error:
            transaction.fail(error)
            if isinstance(error, DatabaseBusy):
                self._refuse_waiting(error)
        except BaseException:
            transaction.fail(
                DatabaseClosed("the transaction was broken off, perhaps at its commit")
            )
            raise
        finally:
            transaction.end()

    async def _decision(self, transaction: Transaction) -> bool:
        try:
            async with asyncio.timeout(transaction.timeout_s):
                commit = await asyncio.shield(transaction.commit)
        except TimeoutError:
            limit = f"{transaction.timeout_s:g} s"
            transaction.fail(TransactionTimeout(f"the transaction took longer than {limit}"))
        return transaction.fault is None and commit

    def refuse_new(self) -> None:
        """Take no more: from now on DatabaseClosed is the answer."""
        self._closes = True

    async def drain(self) -> None:
        """Wait until everything that was accepted is done and answered."""
        while self.trips:
            await asyncio.wait(self.trips)

    def break_off(self) -> None:
        """Answer everything at once: what waits with DatabaseClosed, what runs with a failure."""
        self._refuse_waiting(DatabaseClosed("the database was closed"))
        for trip in self.trips:
            trip.cancel()

    def _refuse_waiting(self, reason: DatabaseError) -> None:
        # Also when the file's lock could not be had: whoever waits has waited for it like those who
        # were first, and would not be answered in time if it waited for it once more.
        for item in self._waiting:
            if isinstance(item, Transaction):
                item.fail(reason)
                item.end()
            else:
                item.answer(reason)
        self._waiting.clear()
