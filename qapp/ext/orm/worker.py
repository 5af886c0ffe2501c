"""What runs in the thread of one of the ORM's SQLite connections."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from qapp.ext.database.driver import sqlite
from qapp.ext.database.slow import SlowLog

T = TypeVar("T")

# Some tens of thousands of the virtual machine's steps take about a millisecond.
STEPS_BETWEEN_LOOKS = 50_000


class Locked(sqlite.OperationalError):  # type: ignore[misc]  # the driver ships no types
    """Others wrote for longer than the session may wait: try again in a moment."""


class Expired(sqlite.OperationalError):  # type: ignore[misc]
    """The session kept what it wrote open for too long, so it was rolled back."""


class TookTooLong(sqlite.OperationalError):  # type: ignore[misc]
    """A statement ran longer than it may and was stopped."""


class Limits(NamedTuple):
    """How long a session may take over things, in seconds.

    :ivar statement_s: one statement; it is stopped then.
    :ivar lock_s: waiting for those who write.
    :ivar write_s: from its first write to its commit; it is rolled back then. Shorter than what
        others wait for the lock, so that one session that hangs makes none of them fail.
    :ivar snapshot_s: showing its reads one state of the data; it sees a newer one after that, so
        that a session left open does not keep SQLite's log from being emptied.
    :ivar slow_s: a statement that takes longer is told to the log, without its values; 0: none.
    """

    statement_s: float = 10.0
    lock_s: float = 5.0
    write_s: float = 3.0
    snapshot_s: float = 5.0
    slow_s: float = 0.0


class Job(NamedTuple):
    """One statement.

    :ivar many: `values` are many sets of them.
    :ivar stream: leave the rows to be fetched by and by.
    :ivar begins: the number of the snapshot to begin with it; 0 begins none.
    """

    sql: str
    values: Any = ()
    many: bool = False
    stream: bool = False
    begins: int = 0


class Answer(NamedTuple):
    """What a statement brought; `cursor` is the driver's own, while rows are still to come."""

    description: Any = None
    rows: tuple[Any, ...] | list[Any] = ()
    rowcount: int = -1
    lastrowid: int | None = None
    cursor: Any = None


class Worker:
    """A connection as its thread sees it: everything here blocks, all but `break_off`.

    The pragmas are those of the data layer, whose connections it shares the file with.

    :ivar streams: the cursors that have rows to come.
    """

    def __init__(self, raw: Any, limits: Limits) -> None:
        self._raw = raw
        self._limits = limits
        self._slow = SlowLog(limits.slow_s)
        self._lock_ms = int(limits.lock_s * 1000)
        self._deadline = math.inf
        self._number = 0
        self._lost: tuple[type[sqlite.Error], str] | None = None
        self._broken_off = False
        self.streams: set[Any] = set()
        raw.execute(f"PRAGMA busy_timeout={self._lock_ms}")
        if (mode := self._wait_for_wal()) != "wal":
            raise sqlite.OperationalError(f"the file can't have a WAL, only journal_mode={mode}")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA journal_size_limit=67108864")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA trusted_schema=OFF")
        raw.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)

    def _wait_for_wal(self) -> str:
        # SQLite does not wait by itself here: two who change the mode could wait for each other.
        deadline = time.monotonic() + self._limits.lock_s
        while True:
            try:
                (mode,) = self._raw.execute("PRAGMA journal_mode=WAL").fetchone()
            except sqlite.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.001)
            else:
                return str(mode)

    def break_off(self) -> None:
        """Stop the statement that runs, at its next look at the clock; from any thread."""
        self._broken_off = True

    def _is_late(self) -> bool:
        # SQLite may ask in the middle of a COMMIT, which has no limit: its deadline is infinite.
        return time.monotonic() > self._deadline or (self._broken_off and self._deadline < math.inf)

    def execute(self, job: Job) -> Answer:
        """Run one statement and fetch its rows; on an error nothing of it stays open.

        :raises sqlite.Error: for whatever is wrong, values that no column can hold among it, and
            whatever follows in a transaction that is lost.
        """
        self._refuse_if_lost()
        if job.begins:
            self._raw.execute("BEGIN")
            self._number = job.begins
        cursor = self._raw.cursor()
        held = self._raw.in_transaction
        began = time.monotonic()
        try:
            answer = self._in_time(cursor, lambda: self._fetched(cursor, job))
        finally:
            self._slow.look(job.sql, time.monotonic() - began)
            if held and not self._raw.in_transaction:
                # A full disk or a write that is stopped takes the whole transaction with it. What
                # came after would be committed statement by statement, without the rest.
                reason = f"the transaction ended with a statement before: {job.sql[:80]}"
                self._lost = sqlite.OperationalError, reason
        if answer.cursor is None:
            cursor.close()
        return answer

    def _refuse_if_lost(self) -> None:
        if self._lost is not None:
            kind, reason = self._lost
            raise kind(reason)

    def _fetched(self, cursor: Any, job: Job) -> Answer:
        (cursor.executemany if job.many else cursor.execute)(job.sql, job.values)
        if job.stream and cursor.description:
            self.streams.add(cursor)
            return Answer(cursor.description, cursor=cursor)
        rows = cursor.fetchall() if cursor.description else []
        return Answer(cursor.description, rows, cursor.rowcount, cursor.lastrowid)

    def fetch(self, cursor: Any, most: int) -> list[Any]:
        """Return up to so many further rows of a stream; none are left when it is empty."""
        rows: list[Any] = self._in_time(cursor, lambda: cursor.fetchmany(most))
        return rows

    def _in_time(self, cursor: Any, function: Callable[[], T]) -> T:
        self._deadline = time.monotonic() + self._limits.statement_s
        try:
            return function()
        except BaseException as error:
            self.forget(cursor)
            if isinstance(error, OverflowError | UnicodeEncodeError):
                # A number above 64 bits, half a character: the driver has no error of its own.
                raise sqlite.DataError(str(error)) from error
            if isinstance(error, sqlite.OperationalError) and time.monotonic() > self._deadline:
                limit = f"{self._limits.statement_s:g} s"
                raise TookTooLong(f"the statement took longer than {limit}") from error
            raise
        finally:
            self._deadline = math.inf

    def forget(self, cursor: Any) -> None:
        """End a stream, read to its end or not."""
        self.streams.discard(cursor)
        cursor.close()

    def try_write(self, number: int) -> bool:
        """End a snapshot and begin with the write lock held; False if another has the lock."""
        if self._raw.in_transaction:
            self._raw.execute("COMMIT")
        try:
            self._raw.execute("PRAGMA busy_timeout=0")
            self._raw.execute("BEGIN IMMEDIATE")
        except sqlite.OperationalError as error:
            if "locked" in str(error):
                return False
            raise
        finally:
            self._raw.execute(f"PRAGMA busy_timeout={self._lock_ms}")
        self._number = number
        return True

    def commit(self) -> None:
        """Commit durably what is open.

        :raises sqlite.Error: if that can't be done, or the transaction was lost before: `Expired`
            if it took too long.
        """
        self._refuse_if_lost()
        if self._raw.in_transaction:
            self._raw.execute("COMMIT")

    def roll_back(self) -> None:
        """End what is open, with nothing changed."""
        self._lost = None
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    def end_late(self, number: int, *, writes: bool) -> None:
        """End the transaction of this number if it is still open; what it wrote is lost."""
        if self._number == number and self._raw.in_transaction:
            self._raw.execute("ROLLBACK" if writes else "COMMIT")
            if writes:
                limit = f"{self._limits.write_s:g} s"
                self._lost = (
                    Expired,
                    f"the session did not commit within {limit} of its first write, so that was "
                    "rolled back: await nothing slow between the two",
                )
