"""The data layer's own exceptions: one for each thing a caller can do something about."""

from __future__ import annotations


class DatabaseError(Exception):
    """Anything the data layer raises; the connection stays usable."""


class DatabaseBusy(DatabaseError):
    """Too much is waiting, or another process holds the file: try again in a moment."""


class DatabaseClosed(DatabaseError):
    """The database is not connected, or is shutting down."""


class DatabaseFailure(DatabaseError):
    """The file or its disk failed: an input/output error, a damaged or foreign file."""


class DiskFull(DatabaseFailure):
    """No space is left; what was being written is rolled back, reads go on."""


class SQLError(DatabaseError):
    """The statement is wrong: its syntax, or a table or column that does not exist."""


class ParameterError(DatabaseError):
    """The values do not fit the statement's parameters: a wrong name or a type SQL has not."""


class StatementTimeout(DatabaseError):
    """The statement ran longer than it may and was stopped; nothing of it remains."""


class TransactionTimeout(DatabaseError):
    """The transaction took longer than it may and was rolled back."""


class ConstraintViolation(DatabaseError):
    """The data refuses the change.

    :ivar kind: "unique", "foreign key", "not null", "check" or "other".
    :ivar columns: the columns concerned as "table.column", where the database names them.
    """

    def __init__(self, message: str, kind: str = "other", columns: tuple[str, ...] = ()) -> None:
        super().__init__(message, kind, columns)
        self.kind = kind
        self.columns = columns

    def __str__(self) -> str:
        return str(self.args[0])
