"""A fresh database for each test; what none may leave behind is in tests/conftest.py too."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from qapp.ext.database import Database, Options

SCHEMA = """
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE books (
  id INTEGER PRIMARY KEY,
  author_id INTEGER NOT NULL REFERENCES authors (id),
  title TEXT NOT NULL CHECK (length(title) < 40),
  year INTEGER,
  UNIQUE (author_id, title));
"""

Opener = Callable[..., Awaitable[Database]]


class Complaints(logging.Handler):
    """Keeps what asyncio logs: tasks and futures whose exception nobody fetched."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@pytest.fixture(scope="session", autouse=True)
def _frozen_heap() -> Iterator[None]:
    """Keep what was imported out of the collections below, which it makes ten times slower."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _no_complaints() -> Iterator[None]:
    """Fail a test that leaves a task or a future with an exception that nobody fetched."""
    complaints = Complaints()
    logging.getLogger("asyncio").addHandler(complaints)
    try:
        yield
        gc.collect()  # they say so when they go
    finally:
        logging.getLogger("asyncio").removeHandler(complaints)
    assert complaints.heard == []


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/app.db"


@pytest.fixture
async def open_database(url: str) -> AsyncIterator[Opener]:
    """A function that opens the test's database, made with its tables, once more."""
    opened: list[Database] = []
    async with AsyncExitStack() as stack:

        async def open_one(options: Options | None = None) -> Database:
            db = await stack.enter_async_context(Database(url=url, options=options))
            if not opened:
                async with db.transaction() as tx:
                    for statement in SCHEMA.split(";")[:-1]:
                        await tx.execute(statement)
            opened.append(db)
            return db

        yield open_one


@pytest.fixture
async def db(open_database: Opener) -> Database:
    return await open_database()
