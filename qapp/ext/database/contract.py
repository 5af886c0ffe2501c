"""What every engine offers: the calls, the rows they return, and what an engine must implement."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import Any, NamedTuple, TypeVar, overload

from .commits import Commits
from .counts import Counts
from .errors import ParameterError
from .sql import parameters

T = TypeVar("T")
Values = Mapping[str, Any]
NO_VALUES: Values = {}


class Row(tuple[Any, ...]):
    """One row: a tuple whose columns are attributes too (`row.title`)."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        columns = ", ".join(getattr(type(self), "_fields", ()))
        raise AttributeError(f"the row has no column {name!r}, only {columns}")


class Fetch(Enum):
    """What a statement's caller wants back."""

    __hash__ = object.__hash__  # Enum's own is Python code, and each read is looked up by it

    ALL = "every row"
    ONE = "the first row or None"
    VALUE = "the first column of the first row or None"
    COUNT = "the number of rows changed"
    MANY = "the number of rows changed by all sets of values"


class Statement(NamedTuple):
    """One unit of work for an engine; `values` is a sequence of mappings for `Fetch.MANY`."""

    sql: str
    values: Values | Sequence[Values]
    fetch: Fetch
    into: type[Any] = Row


class Executor(ABC):
    """The calls that a database and a transaction share.

    SQL is whole text with `:name` parameters. Rows come back as `Row`, or as instances of `into`,
    a NamedTuple or dataclass whose fields are the columns in their order.

    All calls raise `ParameterError` (names or types of values), `SQLError` (the text),
    `ConstraintViolation`, `DiskFull`, `DatabaseFailure`, `StatementTimeout`, `DatabaseBusy` (queue
    full, or the file held by another process) and `DatabaseClosed`.
    """

    @abstractmethod
    def _run(self, statement: Statement) -> Awaitable[Any]:
        """Run one statement; what its `fetch` asks for is awaited."""

    @overload
    async def fetch_all(self, sql: str, values: Values = ...) -> list[Row]: ...
    @overload
    async def fetch_all(self, sql: str, values: Values = ..., *, into: type[T]) -> list[T]: ...
    async def fetch_all(
        self, sql: str, values: Values = NO_VALUES, *, into: type[Any] = Row
    ) -> list[Any]:
        """Return every row of the result."""
        rows: list[Any] = await self._run(Statement(sql, check(sql, values), Fetch.ALL, into))
        return rows

    @overload
    async def fetch_one(self, sql: str, values: Values = ...) -> Row | None: ...
    @overload
    async def fetch_one(self, sql: str, values: Values = ..., *, into: type[T]) -> T | None: ...
    async def fetch_one(
        self, sql: str, values: Values = NO_VALUES, *, into: type[Any] = Row
    ) -> Any:
        """Return the first row, or None when there is none."""
        return await self._run(Statement(sql, check(sql, values), Fetch.ONE, into))

    async def fetch_value(self, sql: str, values: Values = NO_VALUES) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        return await self._run(Statement(sql, check(sql, values), Fetch.VALUE))

    async def execute(self, sql: str, values: Values = NO_VALUES) -> int:
        """Run a statement; return how many rows it inserted, updated or deleted."""
        changed: int = await self._run(Statement(sql, check(sql, values), Fetch.COUNT))
        return changed

    async def execute_many(self, sql: str, values: Sequence[Values]) -> int:
        """Run a statement once for each mapping, all or nothing; return how many rows changed."""
        sets = [check(sql, one) for one in values]
        changed: int = await self._run(Statement(sql, sets, Fetch.MANY))
        return changed


def check(sql: str, values: Values) -> Values:
    """Return a copy of `values`, which wait for their turn, when the names are the statement's.

    :raises ParameterError: naming what is missing and what is not in the statement. SQLite itself
        would pass over a name too many, and so over a misspelt column of an UPDATE.
    """
    names = parameters(sql)
    if values.keys() != names:
        missing = sorted(names - values.keys())
        unknown = sorted(map(str, values.keys() - names))
        faults = [f"no value for :{name}" for name in missing]
        faults += [f"no parameter :{name} in the statement" for name in unknown]
        raise ParameterError("; ".join(faults))
    return dict(values)


class Engine(ABC):
    """What runs the statements of one database, for one event loop.

    :ivar commits: told of each commit before the one who wrote is answered.
    """

    commits: Commits

    @abstractmethod
    async def connect(self) -> None:
        """Open the connections; raise `DatabaseError` when that fails, leaving nothing open."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was accepted, then close every connection."""

    @abstractmethod
    def run(self, statement: Statement) -> Awaitable[Any]:
        """Run a statement in a transaction of its own; its result is awaited."""

    @abstractmethod
    def transaction(self, timeout_s: float) -> AbstractAsyncContextManager[Executor]:
        """Open a transaction; see `Database.transaction`."""

    @property
    @abstractmethod
    def counts(self) -> Counts:
        """What was done since `connect`, and what waits; zeros while not connected."""

    @abstractmethod
    def ask_version(self) -> asyncio.Future[int]:
        """Ask for a number that is another after every commit; see `Database.ask_version`."""
