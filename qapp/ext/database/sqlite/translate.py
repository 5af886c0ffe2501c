"""Turn the driver's exceptions into the data layer's own."""

from __future__ import annotations

import re

from qapp.ext.database.driver import sqlite
from qapp.ext.database.errors import (
    ConstraintViolation,
    DatabaseBusy,
    DatabaseError,
    DatabaseFailure,
    DiskFull,
    ParameterError,
    SQLError,
    StatementTimeout,
)

CONSTRAINT = re.compile(r"(UNIQUE|FOREIGN KEY|NOT NULL|CHECK) constraint failed(?:: (.*))?")

# By SQLite's primary codes, which is all that pysqlite3 gives; never by the text, which quotes the
# names of tables and columns ("no such column: locked").
BY_CODE: dict[int, type[DatabaseError]] = {
    sqlite.SQLITE_ERROR: SQLError,
    sqlite.SQLITE_READONLY: SQLError,  # a reader was given a write
    sqlite.SQLITE_BUSY: DatabaseBusy,
    sqlite.SQLITE_LOCKED: DatabaseBusy,
    sqlite.SQLITE_FULL: DiskFull,
    sqlite.SQLITE_INTERRUPT: StatementTimeout,
    sqlite.SQLITE_TOOBIG: ParameterError,
}


def translate(error: BaseException) -> DatabaseError:
    """Return the data layer's exception for one of the driver's, with the driver's words."""
    text = str(error)
    if isinstance(error, sqlite.IntegrityError):
        return _violation(text)
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return BY_CODE.get(code & 0xFF, DatabaseFailure)(text)
    if isinstance(error, MemoryError):
        return DatabaseFailure("out of memory")
    # The module's own findings have no code.
    if isinstance(error, sqlite.ProgrammingError) and "binding" in text:
        return ParameterError(text)
    if isinstance(error, (sqlite.ProgrammingError, sqlite.OperationalError, sqlite.Warning)):
        return SQLError(text)
    return ParameterError(f"a value has no place in the database: {text}")


def _violation(text: str) -> ConstraintViolation:
    match = CONSTRAINT.match(text)
    if match is None:
        return ConstraintViolation(text)
    kind, names = match[1].lower(), match[2] or ""
    # A CHECK names itself, and a unique index of expressions its own name, in quotes.
    names_columns = names and kind != "check" and "'" not in names
    return ConstraintViolation(text, kind, tuple(names.split(", ")) if names_columns else ())
