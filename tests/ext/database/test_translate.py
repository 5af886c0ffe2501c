"""The driver's exceptions, those of both SQLite modules, in the data layer's words."""

from __future__ import annotations

import subprocess
import sys

import pytest

from qapp.ext.database import (
    ConstraintViolation,
    Database,
    DatabaseBusy,
    DatabaseError,
    DatabaseFailure,
    DiskFull,
    ParameterError,
    SQLError,
    StatementTimeout,
)
from qapp.ext.database.driver import sqlite
from qapp.ext.database.sqlite.translate import translate


def coded(code: int, text: str = "said by SQLite") -> BaseException:
    error: BaseException = sqlite.OperationalError(text)
    error.sqlite_errorcode = code  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (coded(1), SQLError),
        (coded(1, "no such column: database is locked"), SQLError),
        (coded(5), DatabaseBusy),
        (coded(5 | 2 << 8), DatabaseBusy),  # SQLITE_BUSY_SNAPSHOT, which the standard module tells
        (coded(6), DatabaseBusy),
        (coded(8), SQLError),
        (coded(9), StatementTimeout),
        (coded(10), DatabaseFailure),
        (coded(11), DatabaseFailure),
        (coded(13), DiskFull),
        (coded(18), ParameterError),
        (coded(26), DatabaseFailure),
        (MemoryError(), DatabaseFailure),
        (sqlite.ProgrammingError("Error binding parameter 1: type 'x'"), ParameterError),
        (sqlite.ProgrammingError("You can only execute one statement"), SQLError),
        (sqlite.OperationalError("Could not decode to UTF-8"), SQLError),
        (sqlite.Warning("You can only execute one statement"), SQLError),
        (sqlite.InterfaceError("probably unsupported type"), ParameterError),
        (OverflowError("Python int too large"), ParameterError),
        (ValueError("anything"), ParameterError),
    ],
    ids=str,
)
def test_each_exception_has_its_kind(error: BaseException, kind: type[DatabaseError]) -> None:
    assert type(translate(error)) is kind


@pytest.mark.parametrize(
    ("text", "kind", "columns"),
    [
        ("UNIQUE constraint failed: a.b, a.c d", "unique", ("a.b", "a.c d")),
        ("UNIQUE constraint failed: index 'by_name'", "unique", ()),
        ("NOT NULL constraint failed: a.b", "not null", ("a.b",)),
        ("CHECK constraint failed: a.b", "check", ()),
        ("FOREIGN KEY constraint failed", "foreign key", ()),
        ("datatype mismatch", "other", ()),
        ("whatever a trigger says", "other", ()),
    ],
)
def test_a_violation_is_read_from_its_text(text: str, kind: str, columns: tuple[str, ...]) -> None:
    error = translate(sqlite.IntegrityError(text))
    assert isinstance(error, ConstraintViolation)
    assert (error.kind, error.columns, str(error)) == (kind, columns, text)


async def test_a_unique_index_of_expressions_names_no_columns(db: Database) -> None:
    await db.execute("CREATE UNIQUE INDEX by_name ON authors (lower(name))")
    await db.execute("INSERT INTO authors (name) VALUES ('Ann')")
    with pytest.raises(ConstraintViolation) as caught:
        await db.execute("INSERT INTO authors (name) VALUES ('ANN')")
    assert (caught.value.kind, caught.value.columns) == ("unique", ())


async def test_what_a_trigger_refuses_is_a_violation(db: Database) -> None:
    await db.execute(
        "CREATE TRIGGER refuse BEFORE DELETE ON authors BEGIN"
        " SELECT RAISE(ABORT, 'the database is locked'); END"
    )
    await db.execute("INSERT INTO authors (name) VALUES ('Ann')")
    with pytest.raises(ConstraintViolation, match="the database is locked"):
        await db.execute("DELETE FROM authors")


async def test_a_result_that_is_too_large_is_the_callers_fault(db: Database) -> None:
    with pytest.raises(ParameterError, match="too big"):
        await db.fetch_value("SELECT zeroblob(:size)", {"size": 2**31 - 1})
    assert await db.fetch_value("SELECT 5") == 5


OUT_OF_MEMORY = """
import asyncio, sys
from qapp.ext.database import Database, DatabaseFailure
async def main():
    async with Database(url="sqlite:///" + sys.argv[1]) as db:
        await db.execute("CREATE TABLE t (a)")
        await db.fetch_value("PRAGMA hard_heap_limit = 20000000")  # of the whole process
        for call in (db.fetch_value, db.execute):
            try:
                await call("SELECT length(zeroblob(:n) || 'x')", {"n": 900_000_000})
            except DatabaseFailure as error:
                print(error)
        try:
            await db.execute("INSERT INTO t VALUES (zeroblob(:n) || 'x')", {"n": 900_000_000})
        except DatabaseFailure as error:
            print(error)
        await db.execute("INSERT INTO t VALUES (1)")
        print(await db.fetch_value("SELECT count(*) FROM t"))
asyncio.run(main())
"""


def test_no_memory_left_is_a_failure_and_passes(url: str) -> None:
    path = url.removeprefix("sqlite:///")
    run = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY, path], capture_output=True, text=True, timeout=60
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == ["out of memory"] * 3 + ["1"]
