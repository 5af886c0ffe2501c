"""Measure what a piece of work asks of the database: for debugging, request by request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .contract import Engine, Executor, Statement
from .counts import Counts


@dataclass
class Spent:
    """So many statements, and the seconds that their callers waited for them, added up."""

    statements: int = 0
    seconds: float = 0.0


_spent: ContextVar[Spent | None] = ContextVar("qapp_database_spent", default=None)


@contextmanager
def measured() -> Iterator[Spent]:
    """Measure what is asked inside the block, in tasks that begin in it too."""
    spent = Spent()
    token = _spent.set(spent)
    try:
        yield spent
    finally:
        _spent.reset(token)


@contextmanager
def asking() -> Iterator[None]:
    """Count one statement, if anybody measures."""
    spent = _spent.get()
    if spent is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        spent.statements += 1
        spent.seconds += time.perf_counter() - began


class _MeasuredTransaction(Executor):
    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    async def _run(self, statement: Statement) -> Any:
        with asking():
            return await self._inner._run(statement)


class MeasuredEngine(Engine):
    """An engine whose statements are counted; the detour costs more than a small read."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self.commits = inner.commits

    async def connect(self) -> None:
        await self._inner.connect()

    async def close(self) -> None:
        await self._inner.close()

    async def run(self, statement: Statement) -> Any:
        with asking():
            return await self._inner.run(statement)

    @asynccontextmanager
    async def transaction(self, timeout_s: float) -> AsyncIterator[Executor]:
        async with self._inner.transaction(timeout_s) as inner:
            yield _MeasuredTransaction(inner)

    def ask_version(self) -> asyncio.Future[int]:
        return self._inner.ask_version()  # in a trip that is made anyway

    @property
    def counts(self) -> Counts:
        return self._inner.counts
