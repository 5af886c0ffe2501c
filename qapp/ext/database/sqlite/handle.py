"""What runs in a SQLite connection's thread: batches of reads, groups of writes, transactions."""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Sequence
from typing import Any

from qapp.ext.database.contract import Fetch, Statement
from qapp.ext.database.driver import sqlite
from qapp.ext.database.errors import (
    DatabaseBusy,
    DatabaseClosed,
    DatabaseError,
    DatabaseFailure,
    ParameterError,
    StatementTimeout,
)
from qapp.ext.database.slow import SlowLog
from qapp.ext.database.sql import is_pragma

from .jobs import Limits
from .rows import Shapes
from .translate import translate
from .version import VERSION, DataVersion

# How often the virtual machine looks at the clock: some tens of thousands of its steps take about a
# millisecond, so a statement is stopped soon after its time and pays nothing measurable for it.
STEPS_BETWEEN_LOOKS = 50_000
# A read that takes longer is slow: it goes alone from then on, and no quick one waits behind it.
SLOW_S = 0.05
# Up to so many pages (16 MiB) SQLite's own checkpoints are left to start the log anew, then it is
# insisted on, at the cost of a pause of at most so long for the writers.
MOST_WAL_PAGES = 4096
WAL_PAUSE_MS = 250


class TransactionLost(Exception):
    """The whole transaction is rolled back, for one statement (a full disk, a time limit)."""

    def __init__(self, cause: DatabaseError) -> None:
        self.cause = cause


class Handle:
    """One SQLite connection, used in its thread only. Outcomes are values or DatabaseErrors."""

    def __init__(
        self, connection: Any, limits: Limits, versions: DataVersion, *, writer: bool
    ) -> None:
        self._connection = connection
        self._versions = versions
        self._version_seen: int | None = None
        self._limits = limits
        self._slow = SlowLog(limits.slow_s)
        self._deadline = math.inf
        self._stopped = False
        self._no_transaction: DatabaseError = DatabaseClosed("no transaction is open")
        self._shapes = Shapes()
        self._lock_ms = int(limits.lock_s * 1000)
        connection.execute(f"PRAGMA busy_timeout={self._lock_ms}")
        if writer:
            (mode,) = self._wait_for_lock("PRAGMA journal_mode=WAL")
            if mode != "wal":
                raise DatabaseFailure(f"the file can't have a WAL, only journal_mode={mode}")
            connection.execute("PRAGMA synchronous=FULL")
            # In KiB. A large transaction whose indexes do not fit, as a hundred thousand students'
            # in the default of 2 MB, takes twice as long.
            connection.execute("PRAGMA cache_size=-65536")
            connection.execute("PRAGMA journal_size_limit=67108864")
        else:
            connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)

    def stop(self) -> None:
        """Break off what runs, at its next look at the clock; from any thread."""
        self._stopped = True

    def _is_late(self) -> bool:
        # SQLite counts the steps of a prepared statement over all its uses, so it may ask in the
        # middle of a COMMIT: what has no limit of its own has an infinite one here.
        return time.monotonic() > self._deadline or (self._stopped and self._deadline < math.inf)

    def read(self, statements: Sequence[Statement]) -> tuple[list[Any], bool]:
        """Run reads one after another up to the first slow one.

        Return their outcomes, and whether the last of them was slow. The rest is not run: quick
        statements need not wait here while the slow ones that they set off with run in turn.
        """
        outcomes: list[Any] = []
        now = time.monotonic()
        share = len(statements) > 1
        try:
            for statement in statements:
                before = now
                if share:
                    self._share_snapshot(statement)
                try:
                    outcomes.append(self._run(statement, before))
                except DatabaseError as error:
                    outcomes.append(error)
                now = time.monotonic()
                self._slow.look(statement.sql, now - before)
                if now - before > SLOW_S:
                    return outcomes, True
            return outcomes, False
        finally:
            self.roll_back()

    def _share_snapshot(self, statement: Statement) -> None:
        # All reads of a trip were asked for before it set off, so one state of the data, that at
        # its first read, is new enough for all; to look for a newer one costs a third of a small
        # read. A PRAGMA, the data's version among them, is to tell what is so at its moment.
        self._deadline = math.inf
        if is_pragma(statement.sql):
            self.roll_back()
        elif not self._connection.in_transaction:
            self._connection.execute("BEGIN")

    def write(self, statements: Sequence[Statement]) -> list[Any]:
        """Run writes in one durable commit; return their outcomes.

        Each has a savepoint, so that one that fails takes nothing of the others with it. If the
        transaction as a whole fails, the statements run again, so that only the guilty one fails:
        all but that one when it is known, else each in a transaction of its own. A deferred
        constraint is looked at when the group commits: what one write of it leaves open, another
        may settle.
        """
        try:
            self.begin()
        except DatabaseError as error:
            return [error] * len(statements)
        outcomes: list[Any] = []
        try:
            for statement in statements:
                outcomes.append(self.step(statement))
            self.commit()
        except TransactionLost as lost:
            fault = lost.cause
        except DatabaseError as error:
            fault = error
        else:
            return outcomes
        finally:
            self.roll_back()
        if len(statements) == 1:
            return [fault]
        if isinstance(fault, StatementTimeout):
            at = len(outcomes)
            others = self.write([*statements[:at], *statements[at + 1 :]])
            return [*others[:at], fault, *others[at:]]
        return [outcome for statement in statements for outcome in self.write([statement])]

    def begin(self) -> None:
        """Start a transaction that holds the write lock.

        :raises DatabaseBusy: if another process keeps the lock longer than the limit.
        """
        self.roll_back()
        self._deadline = math.inf
        try:
            self._connection.execute("PRAGMA busy_timeout=0")
            self._wait_for_lock("BEGIN IMMEDIATE")
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={self._lock_ms}")

    def _wait_for_lock(self, sql: str) -> Any:
        # SQLite's own waiting sleeps up to 100 ms at a time, which starves a worker beside another
        # that commits group after group; looking every millisecond or so shares the lock.
        deadline = time.monotonic() + self._limits.lock_s
        while True:
            try:
                return self._connection.execute(sql).fetchone()
            except sqlite.Error as error:
                translated = translate(error)
                is_over = self._stopped or time.monotonic() > deadline
                if is_over or not isinstance(translated, DatabaseBusy):
                    raise translated from error
                time.sleep(random.uniform(0.0003, 0.0015))  # noqa: S311 - spreads the lookers

    def step(self, statement: Statement) -> Any:
        """Run one statement of a transaction, whole or not at all; return its outcome.

        :raises TransactionLost: if the transaction is rolled back because of it, or was before.
        """
        if not self._connection.in_transaction:  # a SAVEPOINT would begin one of its own
            raise TransactionLost(self._no_transaction)
        try:
            self._control("SAVEPOINT step")
            try:
                outcome = self._run(statement, began := time.monotonic())
            except DatabaseError as error:
                if not self._connection.in_transaction:
                    raise
                self._control("ROLLBACK TO step")
                outcome = error
            finally:
                self._slow.look(statement.sql, time.monotonic() - began)
            self._control("RELEASE step")
        except DatabaseError as error:
            self._no_transaction = error
            raise TransactionLost(error) from error
        return outcome

    def commit(self) -> None:
        """Commit durably; on failure roll back and raise the DatabaseError that says why."""
        if not self._connection.in_transaction:
            raise self._no_transaction
        began = time.monotonic()
        self._control("COMMIT")
        self._slow.look("COMMIT", time.monotonic() - began)

    def tidy(self) -> None:
        """Start the log anew if it is long, and give back the memory of what was written.

        SQLite does the one only when no reader needs the log at a commit, and the other never.
        """
        self._deadline = math.inf
        with contextlib.suppress(sqlite.Error):  # what is wrong with the disk, the next write says
            self._connection.execute("PRAGMA shrink_memory")
            _, pages, _ = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > MOST_WAL_PAGES:
                self._connection.execute(f"PRAGMA busy_timeout={WAL_PAUSE_MS}")
                self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        self._connection.execute(f"PRAGMA busy_timeout={self._lock_ms}")

    def _control(self, sql: str) -> None:
        self._deadline = math.inf
        try:
            self._connection.execute(sql)
        except sqlite.Error as error:
            self.roll_back()
            raise translate(error) from error

    def roll_back(self) -> None:
        """End the transaction, if one is open, with nothing changed."""
        self._deadline = math.inf
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _run(self, statement: Statement, now: float) -> Any:
        connection = self._connection
        cursor = connection.cursor()
        sql, values, fetch, into = statement
        self._deadline = now + self._limits.statement_s
        try:
            if statement is VERSION:
                self._version_seen, number = self._versions.look(connection, self._version_seen)
                return number
            before = connection.total_changes
            if fetch is Fetch.MANY:
                count = cursor.executemany(sql, values).rowcount
                return count if count >= 0 else connection.total_changes - before
            rows = cursor.execute(sql, values).fetchall()
            if fetch is Fetch.COUNT:
                return self._count(cursor) if connection.total_changes != before else 0
        except (sqlite.Error, sqlite.Warning, MemoryError, OverflowError, ValueError) as error:
            cursor.close()  # a statement left in the middle of its rows would see no later commit
            raise translate(error) from error
        if fetch is Fetch.VALUE:
            return rows[0][0] if rows else None
        build = self._shapes.find(sql, into, cursor.description)
        try:
            if fetch is Fetch.ONE:
                return build(rows[0]) if rows else None
            return [build(row) for row in rows]
        except Exception as error:  # `into` is the caller's code, so what it raises is the caller's
            raise ParameterError(f"{into.__name__} refuses a row: {error!r}") from error

    def _count(self, cursor: Any) -> int:
        # The driver's count stops at the first row returned, and the standard module's knows no
        # WITH; SQLite's own leaves out what triggers and cascades change, as the driver's does.
        if cursor.description is None and cursor.rowcount >= 0:
            return int(cursor.rowcount)
        return int(self._connection.execute("SELECT changes()").fetchone()[0])
