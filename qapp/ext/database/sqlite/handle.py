"""What runs in a SQLite connection's thread: batches of reads, groups of writes, transactions."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from qapp.ext.database.contract import Fetch, Row, Statement
from qapp.ext.database.driver import sqlite
from qapp.ext.database.errors import DatabaseBusy, DatabaseError, ParameterError

from .translate import translate

Build = Callable[[tuple[Any, ...]], Any]

# How often the virtual machine looks at the clock: some tens of thousands of its steps take about a
# millisecond, so a statement is stopped soon after its time and pays nothing measurable for it.
STEPS_BETWEEN_LOOKS = 50_000
# A read that takes longer is slow: it goes alone from then on, and no quick one waits behind it.
SLOW_S = 0.05
SHAPES_KEPT = 2048


# The read that asks for the data's version, told by its identity.
VERSION = Statement("PRAGMA data_version", {}, Fetch.VALUE)


class Limits(NamedTuple):
    """How long things may take in the thread, in seconds."""

    statement_s: float = 10.0
    lock_s: float = 5.0


class TransactionLost(Exception):
    """SQLite ended the whole transaction because of one statement (a full disk, a time limit)."""

    def __init__(self, cause: DatabaseError) -> None:
        self.cause = cause


class DataVersion:
    """One number for what the readers of a worker see, another after every commit.

    `PRAGMA data_version` counts for each connection by itself. Looks are made one at a time, so
    that a reader which sees no change since its own last look may take the newest number: nothing
    was committed between the two looks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._seen: dict[int, int] = {}

    def look(self, connection: Any) -> int:
        """Return the number for what `connection` sees now."""
        with self._lock:
            (seen,) = connection.execute("PRAGMA data_version").fetchone()
            if self._seen.get(id(connection)) != seen:
                self._seen[id(connection)] = seen
                self._number += 1
            return self._number


class Handle:
    """One SQLite connection, used in its thread only. Outcomes are values or DatabaseErrors."""

    def __init__(
        self, connection: Any, limits: Limits, versions: DataVersion, *, writer: bool
    ) -> None:
        self._connection = connection
        self._versions = versions
        self._limits = limits
        self._deadline = 0.0
        self._shapes: dict[tuple[str, type[Any]], Build] = {}
        lock_ms = int(limits.lock_s * 1000)
        connection.execute(f"PRAGMA busy_timeout={lock_ms}")
        if writer:
            self._wait_for_lock("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA journal_size_limit=67108864")
        else:
            connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def read(self, statements: Sequence[Statement]) -> list[tuple[Any, bool]]:
        """Run reads one after another; return each one's outcome and whether it was slow."""
        outcomes = []
        before = time.monotonic()
        for statement in statements:
            try:
                outcome = self._run(statement, before)
            except DatabaseError as error:
                outcome = error
            now = time.monotonic()
            outcomes.append((outcome, now - before > SLOW_S))
            before = now
        return outcomes

    def write(self, statements: Sequence[Statement]) -> list[Any]:
        """Run writes in one durable commit; return their outcomes.

        Each has a savepoint, so that one that fails takes nothing of the others with it. If SQLite
        gives up the transaction as a whole, each runs again in one of its own, and only the one
        whose fault it was fails.
        """
        try:
            self.begin()
        except DatabaseError as error:
            return [error] * len(statements)
        try:
            outcomes = [self.step(statement) for statement in statements]
            self.commit()
        except TransactionLost as lost:
            return [lost.cause] if len(statements) == 1 else self._write_singly(statements)
        except DatabaseError as error:
            return [error] if len(statements) == 1 else self._write_singly(statements)
        return outcomes

    def _write_singly(self, statements: Sequence[Statement]) -> list[Any]:
        return [outcome for statement in statements for outcome in self.write([statement])]

    def begin(self) -> None:
        """Start a transaction that holds the write lock.

        :raises DatabaseBusy: if another process keeps the lock longer than the limit.
        """
        try:
            self._connection.execute("PRAGMA busy_timeout=0")
            self._wait_for_lock("BEGIN IMMEDIATE")
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={int(self._limits.lock_s * 1000)}")

    def _wait_for_lock(self, sql: str) -> None:
        # SQLite's own waiting sleeps up to 100 ms at a time, which starves a worker beside another
        # that commits group after group; looking every millisecond or so shares the lock.
        deadline = time.monotonic() + self._limits.lock_s
        self._deadline = deadline + 1
        while True:
            try:
                self._connection.execute(sql)
            except sqlite.Error as error:
                translated = translate(error)
                if not isinstance(translated, DatabaseBusy) or time.monotonic() > deadline:
                    raise translated from error
                time.sleep(random.uniform(0.0003, 0.0015))  # noqa: S311 - spreads the lookers
            else:
                return

    def step(self, statement: Statement) -> Any:
        """Run one statement of a transaction, whole or not at all; return its outcome.

        :raises TransactionLost: if SQLite rolled back the transaction because of it.
        """
        self._control("SAVEPOINT step")
        try:
            outcome = self._run(statement, time.monotonic())
        except DatabaseError as error:
            if not self._connection.in_transaction:
                raise TransactionLost(error) from error
            self._control("ROLLBACK TO step")
            outcome = error
        self._control("RELEASE step")
        return outcome

    def commit(self) -> None:
        """Commit durably; on failure roll back and raise the DatabaseError that says why."""
        self._deadline = time.monotonic() + self._limits.statement_s
        self._control("COMMIT")

    def _control(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except sqlite.Error as error:
            self.roll_back()
            raise translate(error) from error

    def roll_back(self) -> None:
        """End the transaction, if one is open, with nothing changed."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _run(self, statement: Statement, now: float) -> Any:
        self._deadline = now + self._limits.statement_s
        sql, values, fetch, into = statement
        if statement is VERSION:
            return self._versions.look(self._connection)
        try:
            if fetch is Fetch.MANY:
                return self._connection.executemany(sql, values).rowcount
            cursor = self._connection.execute(sql, values)
            if fetch is Fetch.COUNT:
                cursor.fetchall()
                return max(cursor.rowcount, 0)
            rows = cursor.fetchall()
        except (sqlite.Error, sqlite.Warning, OverflowError, UnicodeError, ValueError) as error:
            raise translate(error) from error
        if fetch is Fetch.VALUE:
            return rows[0][0] if rows else None
        build = self._shapes.get((sql, into))
        if build is None:
            build = self._shape(sql, into, cursor.description or ())
        try:
            if fetch is Fetch.ONE:
                return build(rows[0]) if rows else None
            return [build(row) for row in rows]
        except (TypeError, ValueError) as error:
            raise ParameterError(f"{into.__name__} refuses a row: {error}") from error

    def _shape(self, sql: str, into: type[Any], description: Sequence[Any]) -> Build:
        build = shape(into, tuple(column[0] for column in description))
        if len(self._shapes) >= SHAPES_KEPT:
            self._shapes.clear()
        self._shapes[sql, into] = build
        return build


def shape(into: type[Any], columns: tuple[str, ...]) -> Build:
    """Return the function that makes an `into` of a row with these columns.

    :raises ParameterError: if the fields of `into` are not the columns, in their order.
    """
    if into is Row:
        base = namedtuple("Row", columns, rename=True)  # type: ignore[misc]  # known at run time only
        make: Build = type("Row", (base, Row), {"__slots__": ()})._make  # type: ignore[attr-defined]
        return make
    if dataclasses.is_dataclass(into):
        fields = tuple(field.name for field in dataclasses.fields(into))
        make = lambda row: into(*row)  # noqa: E731 - one name for both branches
    else:
        fields = into._fields
        make = into._make
    if fields != columns:
        raise ParameterError(
            f"{into.__name__} has the fields {', '.join(fields)}; "
            f"the statement returns {', '.join(columns) or 'nothing'}"
        )
    return make
