"""What is told of the database's work: counts, slow statements, what a piece of work asked for."""

from __future__ import annotations

import asyncio
import logging

import pytest

from qapp.ext.database import Database, DatabaseError, Limits, Options, measured
from qapp.ext.database.slow import LONGEST_SHOWN, SlowLog

from .conftest import Opener

EVERYTHING = Options(limits=Limits(slow_s=1e-9))
ADD = "INSERT INTO authors (name)\n            VALUES (:name)"


async def test_reads_and_writes_are_counted_by_the_trips_they_share(db: Database) -> None:
    before = db.counts
    await asyncio.gather(*(db.fetch_value("SELECT :n", {"n": n}) for n in range(20)))
    await asyncio.gather(*(db.fetch_value("SELECT 'equal'") for _ in range(20)))
    await asyncio.gather(*(db.execute(ADD, {"name": f"a{n}"}) for n in range(50)))
    async with db.transaction() as tx:
        await tx.execute(ADD, {"name": "b"})
        await tx.execute(ADD, {"name": "c"})
    counts = db.counts
    assert counts.reads - before.reads == 21
    assert 2 <= counts.trips - before.trips <= 21
    assert counts.writes - before.writes == 50
    assert 1 <= counts.commits - before.commits <= 50
    assert counts.transactions - before.transactions == 1
    assert (counts.waiting_reads, counts.waiting_writes) == (0, 0)


async def test_what_waits_is_counted(db: Database) -> None:
    held, may_end = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with db.transaction():
            held.set()
            await may_end.wait()

    holding = asyncio.ensure_future(hold())
    await held.wait()
    writes = [asyncio.ensure_future(db.execute(ADD, {"name": name})) for name in "xyz"]
    await asyncio.sleep(0)
    assert db.counts.waiting_writes == 3
    may_end.set()
    await asyncio.gather(holding, *writes)
    assert db.counts.waiting_writes == 0


async def test_a_database_that_is_not_connected_has_done_nothing(url: str) -> None:
    assert set(Database(url=url).counts) == {0}


async def test_slow_statements_are_logged_with_their_text_and_without_values(
    open_database: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    db = await open_database(EVERYTHING)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "qapp.ext.database.slow"):
        await db.execute(ADD, {"name": "a secret"})
        await db.fetch_all("SELECT name FROM authors WHERE name = :name", {"name": "a secret"})
        with pytest.raises(DatabaseError):
            await db.execute(ADD, {"name": "a secret"})  # it is unique
        async with db.transaction() as tx:
            await tx.execute(ADD, {"name": "another secret"})
    texts = [record.getMessage().split(": ", 2)[2] for record in caplog.records]
    assert texts.count("INSERT INTO authors (name) VALUES (:name)") == 3
    assert "SELECT name FROM authors WHERE name = :name" in texts
    assert "COMMIT" in texts
    assert "secret" not in caplog.text


async def test_nothing_is_logged_where_it_is_off_or_quick(
    open_database: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    for limits in (Limits(), Limits(slow_s=60)):
        db = await open_database(Options(limits=limits))
        await db.fetch_all("SELECT name FROM authors")
    assert "Slow query" not in caplog.text


def test_a_long_statement_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    SlowLog(0.1).look("SELECT " + "x" * 10_000, 0.25)
    message = caplog.records[-1].getMessage()
    assert message.startswith("Slow query: 250 ms: SELECT xxx")
    assert len(message) < LONGEST_SHOWN + 50


async def test_without_debugging_nothing_is_measured(db: Database) -> None:
    with measured() as spent:
        await db.fetch_value("SELECT 1")
    assert spent.statements == 0
