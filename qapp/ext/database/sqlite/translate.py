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

BY_TEXT: tuple[tuple[str, type[DatabaseError]], ...] = (
    ("database or disk is full", DiskFull),
    ("locked", DatabaseBusy),
    ("interrupted", StatementTimeout),
    ("unsupported type", ParameterError),
    ("readonly database", SQLError),
)


def translate(error: BaseException) -> DatabaseError:
    """Return the data layer's exception for one of the driver's, with the driver's words.

    By the text where the code is not enough: pysqlite3 gives SQLite's primary codes only.
    """
    text = str(error)
    if isinstance(error, sqlite.IntegrityError):
        match = CONSTRAINT.match(text)
        if match is None:
            return ConstraintViolation(text)
        columns = tuple((match[2] or "").split(", ")) if match[2] else ()
        return ConstraintViolation(text, match[1].lower(), columns)
    if isinstance(error, sqlite.Warning):  # more than one statement
        return SQLError(text)
    if not isinstance(error, sqlite.Error) or isinstance(
        error, (sqlite.InterfaceError, sqlite.DataError)
    ):
        return ParameterError(f"a value has no place in the database: {text}")
    if isinstance(error, sqlite.ProgrammingError):
        kind = ParameterError if "binding" in text else SQLError
        return kind(text)
    for words, exception in BY_TEXT:
        if words in text:
            return exception(text)
    if getattr(error, "sqlite_errorcode", 1) & 0xFF == sqlite.SQLITE_ERROR:
        return SQLError(text)
    return DatabaseFailure(text)
