"""The readers: reads that wait go to a thread in one trip, equal ones that wait are one read."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from qapp.ext.database.contract import Statement
from qapp.ext.database.driver import Connection
from qapp.ext.database.errors import DatabaseBusy, DatabaseClosed, DatabaseFailure

from .handle import Handle
from .jobs import Job, Options
from .rows import is_mutable

# A trip's length is bounded, so that the first of a batch does not wait long for the last.
READS_A_TRIP = 64
# Values are compared only when of one of these types, and of the same: to Python 1 == 1.0 == True.
COMPARABLE = frozenset({int, str, bytes, bool, type(None)})
# While a trip has only just set off, those who come meanwhile wait for the next one: a trip costs
# more than a small read, and two threads at once stand in each other's way.
PATIENCE_S = 0.005
SLOW_STATEMENTS_KEPT = 1000


class Reader(NamedTuple):
    """A connection that reads, and what runs in its thread."""

    connection: Connection
    handle: Handle


class Reads:
    """The queue of reads and the trips that serve it.

    Slow statements, as they turned out to be, have a lane of their own and at most one trip at a
    time, so that with two readers or more the quick ones never wait for them.

    :ivar sent: how many reads were sent to a thread.
    :ivar trips_sent: in how many trips.
    """

    def __init__(self, readers: list[Reader], options: Options) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        self._idle = readers
        self._quick: OrderedDict[Hashable, Job] = OrderedDict()
        self._slow: OrderedDict[Hashable, Job] = OrderedDict()
        self._slow_sql: set[str] = set()
        self._slow_trip_runs = False
        self._slow_was_last = False
        self._patience: asyncio.TimerHandle | None = None
        self._dispatch_is_due = False
        self.sent = self.trips_sent = 0
        self.trips: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many reads wait for a connection."""
        return len(self._quick) + len(self._slow)

    def add(self, statement: Statement) -> asyncio.Future[Any]:
        """Queue a read, or join an equal one that waits; return the future of its outcome.

        A read that is on its way to a thread is never joined: it may be older than a commit that
        the caller has seen.
        """
        lane = self._lane(statement)
        key = sharing_key(statement)
        job = lane.get(key)
        if job is None:
            if self.waiting >= self._options.most_waiting_reads:
                raise DatabaseBusy("too many reads are waiting")
            job = lane[key] = Job(statement, self._loop)
        if self._idle and not self._dispatch_is_due:
            # At the end of this tick of the loop: all that the tick asks for goes in one trip.
            self._dispatch_is_due = True
            self._loop.call_soon(self._dispatch)
        return job.join()

    def _lane(self, statement: Statement) -> OrderedDict[Hashable, Job]:
        return self._slow if statement.sql in self._slow_sql else self._quick

    def _dispatch(self) -> None:
        self._dispatch_is_due = False
        while self._idle:
            slow_may = bool(self._slow) and not self._slow_trip_runs
            quick_may = bool(self._quick) and self._patience is None
            if not slow_may and not quick_may:
                break
            # By turns, so that with a single reader neither lane starves the other.
            slow = slow_may and not (self._slow_was_last and quick_may)
            jobs = self._take(self._slow, 1) if slow else self._take(self._quick, READS_A_TRIP)
            if not jobs:  # nobody waits for them any more
                continue
            self._slow_was_last = slow
            self._slow_trip_runs |= slow
            if not slow:
                self._patience = self._loop.call_later(PATIENCE_S, self._lose_patience)
            self.sent += len(jobs)
            self.trips_sent += 1
            task = self._loop.create_task(self._trip(self._idle.pop(), jobs, slow=slow))
            self.trips.add(task)
            task.add_done_callback(self.trips.discard)

    def _lose_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._dispatch()

    def _take(self, lane: OrderedDict[Hashable, Job], most: int) -> list[Job]:
        jobs: list[Job] = []
        while lane and len(jobs) < most:
            _, job = lane.popitem(last=False)
            if job.is_wanted(self._options.wait_s):
                jobs.append(job)
        return jobs

    async def _trip(self, reader: Reader, jobs: list[Job], *, slow: bool) -> None:
        try:
            outcomes, last_was_slow = await reader.connection.run(
                reader.handle.read, [job.statement for job in jobs]
            )
            for job, outcome in zip(jobs, outcomes, strict=False):
                job.answer(outcome)
            self._remember(jobs[: len(outcomes)], last_was_slow=last_was_slow)
            self._put_back(jobs[len(outcomes) :])
        except BaseException:
            for job in jobs:
                job.answer(DatabaseFailure("the read was broken off"))
            raise
        finally:
            self._idle.append(reader)
            self._slow_trip_runs &= not slow
            if slow:
                self._dispatch()
            else:
                self._lose_patience()

    def _remember(self, jobs: list[Job], *, last_was_slow: bool) -> None:
        if last_was_slow:
            if len(self._slow_sql) < SLOW_STATEMENTS_KEPT:
                self._slow_sql.add(jobs[-1].statement.sql)
            jobs = jobs[:-1]
        if self._slow_sql:
            self._slow_sql.difference_update(job.statement.sql for job in jobs)

    def _put_back(self, jobs: list[Job]) -> None:
        """Let jobs that were not run wait again, before those that came after them."""
        for job in reversed(jobs):
            lane, key = self._lane(job.statement), sharing_key(job.statement)
            if key in lane:
                job.waiters += lane[key].waiters
            lane[key] = job
            lane.move_to_end(key, last=False)

    async def drain(self) -> None:
        """Wait until everything that was accepted is answered."""
        self._dispatch()
        while self.trips:
            await asyncio.wait(self.trips)

    def break_off(self) -> None:
        """Answer everything at once: what waits with DatabaseClosed, what runs with a failure."""
        for lane in (self._quick, self._slow):
            for job in lane.values():
                job.answer(DatabaseClosed("the database was closed"))
            lane.clear()
        for trip in self.trips:
            trip.cancel()


def sharing_key(statement: Statement) -> Hashable:
    """Return what equal reads have in common; for one that is not comparable, itself alone."""
    sql, values, fetch, into = statement
    if not isinstance(values, dict) or is_mutable(into):
        return object()
    kinds = [type(value) for value in values.values()]
    if not COMPARABLE.issuperset(kinds):
        return object()
    return (sql, fetch, into, *values.items(), *kinds)
