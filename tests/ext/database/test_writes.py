"""Writes: commits in groups, one's failure is its own, and nothing half done remains."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from qapp.ext.database import (
    ConstraintViolation,
    Database,
    DatabaseBusy,
    DatabaseClosed,
    DatabaseError,
    DatabaseFailure,
    DiskFull,
    Executor,
    Limits,
    Options,
    SQLError,
    StatementTimeout,
    TransactionTimeout,
)
from qapp.ext.database.contract import Statement
from qapp.ext.database.driver import sqlite
from qapp.ext.database.sqlite import handle, writes
from qapp.ext.database.sqlite.writes import WRITES_A_COMMIT

from .conftest import Opener
from .tools import (
    ENDLESS,
    PATIENCE_S,
    Stepped,
    gate_in,
    idle,
    other_process,
    path_of,
    ticks,
    traced,
    writer_of,
    writes_of,
)

ADD_AUTHOR = "INSERT INTO authors (id, name) VALUES (:id, :name)"
ADD_AT_GATE = "INSERT INTO authors (id, name) VALUES (:id, gate())"
COUNT = "SELECT count(*) FROM authors"
SHORT = Options(limits=Limits(statement_s=0.2, lock_s=0.2))


def author(i: int) -> dict[str, Any]:
    return {"id": i, "name": f"author {i}"}


async def add(db: Database, i: int) -> int:
    return await db.execute(ADD_AUTHOR, author(i))


async def ids(db: Database) -> list[int]:
    return [row.id for row in await db.fetch_all("SELECT id FROM authors ORDER BY id")]


async def is_clean(db: Database) -> bool:
    """Tell whether the writer's connection has no transaction open."""
    writer = writer_of(db)
    return not await writer.run(lambda: writer.raw.in_transaction)


@asynccontextmanager
async def waiting_writes(
    db: Database, *works: Coroutine[Any, Any, Any]
) -> AsyncIterator[list[asyncio.Future[Any]]]:
    """Queue works behind a write that stands at a gate; at the block's end the gate opens."""
    async with gate_in(db) as gate:
        first = asyncio.ensure_future(db.execute(ADD_AT_GATE, {"id": 10_000}))
        await gate.reached()
        queued: list[asyncio.Future[Any]] = [asyncio.ensure_future(work) for work in works]
        await ticks()
        try:
            yield queued
        finally:
            gate.open()
            await asyncio.wait([first, *queued])
    first.result()
    await db.execute("DELETE FROM authors WHERE id = 10000")


# Groups


async def test_writes_that_wait_are_committed_together(db: Database) -> None:
    statements = await traced(db)
    async with waiting_writes(db, *(add(db, i) for i in range(50))) as works:
        pass
    assert [work.result() for work in works] == [1] * 50
    assert statements.count("COMMIT") == 3  # the one at the gate, the group, the one that tidies up
    assert await ids(db) == list(range(50))


async def test_a_group_has_a_limit(db: Database) -> None:
    statements = await traced(db)
    async with waiting_writes(db, *(add(db, i) for i in range(WRITES_A_COMMIT + 1))):
        pass
    assert statements.count("COMMIT") == 4


async def test_writes_of_a_group_run_in_their_order(db: Database) -> None:
    appends = [
        db.execute("UPDATE authors SET name = name || :c WHERE id = 1", {"c": c}) for c in "ello"
    ]
    async with waiting_writes(db, db.execute(ADD_AUTHOR, {"id": 1, "name": "h"}), *appends):
        pass
    assert await db.fetch_value("SELECT name FROM authors") == "hello"


async def test_nobody_is_answered_before_the_commit(db: Database) -> None:
    """What is answered is in the file: another connection sees it at once."""
    other = sqlite.connect(path_of(db))

    async def add_and_look(i: int) -> None:
        await add(db, i)
        assert other.execute("SELECT id FROM authors WHERE id = ?", (i,)).fetchall() == [(i,)]

    await asyncio.gather(*(add_and_look(i) for i in range(100)))
    other.close()


async def test_one_failing_write_of_a_group_fails_alone(db: Database) -> None:
    await add(db, 3)
    statements = await traced(db)
    async with waiting_writes(db, *(add(db, i) for i in range(7))) as works:
        pass
    assert isinstance(works[3].exception(), ConstraintViolation)
    assert [work.result() for i, work in enumerate(works) if i != 3] == [1] * 6
    assert await ids(db) == list(range(7))
    assert statements.count("COMMIT") == 3


async def test_execute_many_of_a_group_fails_whole_and_alone(db: Database) -> None:
    many = db.execute_many(ADD_AUTHOR, [author(i) for i in (1, 2, 3, 1)])
    async with waiting_writes(db, add(db, 5), many, add(db, 6)) as works:
        pass
    assert isinstance(works[1].exception(), ConstraintViolation)
    assert await ids(db) == [5, 6]


async def test_a_violation_found_at_the_commit_hits_only_the_guilty(db: Database) -> None:
    await db.execute(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, author_id INTEGER"
        " REFERENCES authors (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    bad = db.execute("INSERT INTO notes (author_id) VALUES (77)")
    async with waiting_writes(db, add(db, 1), bad, add(db, 2)) as works:
        pass
    error = works[1].exception()
    assert isinstance(error, ConstraintViolation)
    assert error.kind == "foreign key"
    assert [works[0].result(), works[2].result()] == [1, 1]
    assert await ids(db) == [1, 2]
    assert await db.fetch_value("SELECT count(*) FROM notes") == 0
    with pytest.raises(ConstraintViolation):
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO notes (author_id) VALUES (77)")
    assert await is_clean(db)


async def test_what_a_write_leaves_open_another_of_its_group_may_settle(db: Database) -> None:
    """The price of one commit for many; the data is whole all the same."""
    await db.execute(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, author_id INTEGER"
        " REFERENCES authors (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    note = "INSERT INTO notes (author_id) VALUES (1)"
    async with waiting_writes(db, db.execute(note), add(db, 1)) as works:
        pass
    assert [work.result() for work in works] == [1, 1]
    assert await db.fetch_all("PRAGMA foreign_key_check") == []


async def test_a_statement_stopped_in_a_group_hits_only_the_guilty(
    open_database: Opener,
) -> None:
    db = await open_database(SHORT)
    endless = db.execute(f"INSERT INTO authors (name) {ENDLESS}")
    statements = await traced(db)
    async with waiting_writes(db, add(db, 1), endless, add(db, 2)) as works:
        pass
    assert isinstance(works[1].exception(), StatementTimeout)
    assert [works[0].result(), works[2].result()] == [1, 1]
    assert await ids(db) == [1, 2]
    assert sum("RECURSIVE" in statement for statement in statements) == 1


async def test_a_type_that_fails_in_a_group_hits_only_the_guilty(db: Database) -> None:
    class Unfit:
        """No NamedTuple."""

    bad = db.fetch_one(f"{ADD_AUTHOR} RETURNING id", author(2), into=Unfit)
    async with waiting_writes(db, add(db, 1), bad, add(db, 3)) as works:
        pass
    assert isinstance(works[1].exception(), DatabaseError)
    assert await ids(db) == [1, 3]
    assert await is_clean(db)


async def test_a_fault_of_our_own_costs_its_trip_only(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that nobody foresaw leaves no transaction open, and nobody waiting."""
    seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
    run = handle.Handle._run

    def run_with_a_fault(self: handle.Handle, statement: Statement, now: float) -> Any:
        if "fault" in statement.sql:
            raise ZeroDivisionError
        return run(self, statement, now)

    monkeypatch.setattr(handle.Handle, "_run", run_with_a_fault)
    bad = db.execute(f"{ADD_AUTHOR} -- fault", author(2))
    async with waiting_writes(db, add(db, 1), bad, transact(db, 3), add(db, 4)) as works:
        pass
    for work in works[:2]:
        assert isinstance(work.exception(), DatabaseFailure)
        assert "broken off" in str(work.exception())
    for work in works[2:]:
        work.result()
    with pytest.raises(DatabaseFailure, match="broken off"):
        await db.fetch_value("SELECT 1 -- fault")
    assert await ids(db) == [3, 4]
    assert await is_clean(db)
    await idle(db)
    await ticks()
    gc.collect()
    assert [type(context["exception"]) for context in seen] == [ZeroDivisionError] * 2


async def test_a_fault_in_a_transaction_frees_the_writer(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
    with monkeypatch.context() as patched:
        patched.setattr(handle.Handle, "commit", lambda _: 1 / 0)
        with pytest.raises(DatabaseClosed, match="broken off"):
            await transact(db, 1)
    assert await add(db, 2) == 1
    assert await ids(db) == [2]
    await ticks()
    gc.collect()
    assert [type(context["exception"]) for context in seen] == [ZeroDivisionError]


async def test_a_savepoint_that_fails_loses_the_transaction(db: Database) -> None:
    writer = writer_of(db)

    def deny(action: int, *_: Any) -> int:
        denied = action == sqlite.SQLITE_SAVEPOINT
        return int(sqlite.SQLITE_DENY if denied else sqlite.SQLITE_OK)

    async def deny_then_write(tx: Executor) -> None:
        await writer.run(lambda: writer.raw.set_authorizer(deny))
        for _ in range(2):
            with pytest.raises(DatabaseFailure, match="not authorized"):
                await tx.execute(ADD_AUTHOR, author(2))

    with pytest.raises(DatabaseFailure, match="not authorized"):
        await block(db, deny_then_write)
    with pytest.raises(DatabaseFailure, match="not authorized"):
        await add(db, 3)
    assert await is_clean(db)
    await writer.run(lambda: writer.raw.set_authorizer(None))
    assert await add(db, 4) == 1
    assert await ids(db) == [4]


# The disk is full


async def block(db: Database, work: Callable[[Executor], Coroutine[Any, Any, Any]]) -> None:
    """Add an author in a transaction, in which `work` is done too."""
    async with db.transaction() as tx:
        await tx.execute(ADD_AUTHOR, author(77))
        await work(tx)


async def limit_pages(db: Database, more: int | None) -> None:
    """Let the file grow by so many pages, or without limit."""
    writer = writer_of(db)

    def limit() -> None:
        pages = writer.raw.execute("PRAGMA page_count").fetchone()[0]
        most = 2**31 if more is None else pages + more
        writer.raw.execute(f"PRAGMA max_page_count = {most}")

    await writer.run(limit)


async def test_a_full_disk_hits_the_guilty_and_recovers(db: Database) -> None:
    await db.execute("CREATE TABLE files (content BLOB)")
    await limit_pages(db, 2)
    big = db.execute("INSERT INTO files VALUES (zeroblob(100000))")
    async with waiting_writes(db, add(db, 1), big, add(db, 2)) as works:
        pass
    assert isinstance(works[1].exception(), DiskFull)
    assert [works[0].result(), works[2].result()] == [1, 1]
    assert await ids(db) == [1, 2]
    for _ in range(3):
        with pytest.raises(DiskFull):
            await db.execute("INSERT INTO files VALUES (zeroblob(100000))")
        with pytest.raises(DiskFull):
            await block(db, lambda tx: tx.execute("INSERT INTO files VALUES (zeroblob(100000))"))
        assert await ids(db) == [1, 2]
        assert await is_clean(db)
    await limit_pages(db, None)
    await db.execute("INSERT INTO files VALUES (zeroblob(100000))")
    assert await db.fetch_value("PRAGMA integrity_check") == "ok"


# The log


async def pages_of_wal(db: Database) -> int:
    """Count the pages that the log holds since it was last started anew."""
    writer = writer_of(db)
    _, pages, _ = await writer.run(
        lambda: writer.raw.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    )
    return int(pages)


async def test_the_log_starts_anew_although_readers_never_pause(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "MOST_WAL_PAGES", 20)
    monkeypatch.setattr(handle, "WAL_PAUSE_MS", 1)
    monkeypatch.setattr(writes, "WAL_LOOK_S", 0)
    writes_of(db)._next_wal_look = 0
    sql = "SELECT count(*) + 0 * gate() FROM authors"
    await add(db, 1)
    async with gate_in(db) as gate:
        reading = asyncio.ensure_future(db.fetch_value(sql))
        await gate.reached()
        for i in range(2, 40):
            await add(db, i)
        assert await pages_of_wal(db) > 20  # one that reads an older state is waited for, not long
        gate.open()
        await reading
    await add(db, 40)  # after this it may start anew, and does with the next
    for i in range(41, 200):
        await add(db, i)
        await idle(db)
        assert await pages_of_wal(db) <= 30
    assert await ids(db) == list(range(1, 200))


async def test_a_log_that_cannot_be_started_anew_hinders_no_write(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "WAL_LOOK_S", 0)
    writes_of(db)._next_wal_look = 0
    writer = writer_of(db)

    def deny(action: int, name: str | None, *_: Any) -> int:
        denied = action == sqlite.SQLITE_PRAGMA and name == "wal_checkpoint"
        return int(sqlite.SQLITE_DENY if denied else sqlite.SQLITE_OK)

    await writer.run(lambda: writer.raw.set_authorizer(deny))
    for i in range(5):
        assert await add(db, i) == 1
    await idle(db)
    await writer.run(lambda: writer.raw.set_authorizer(None))
    assert await ids(db) == list(range(5))


def resident_mb() -> float:
    """Return the memory that this process has."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the proc of Linux")
async def test_what_was_written_takes_no_memory(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "WAL_LOOK_S", 0)
    writes_of(db)._next_wal_look = 0
    await db.execute("CREATE TABLE files (content BLOB)")
    before = resident_mb()
    for _ in range(50):
        await db.execute("INSERT INTO files VALUES (randomblob(1000000))")
        await idle(db)
    assert resident_mb() < before + 25


# A transaction that SQLite gave up


async def test_a_transaction_lost_to_one_statement_takes_no_more(db: Database) -> None:
    await db.execute("CREATE TABLE files (content BLOB)")
    await limit_pages(db, 2)

    async def lose(tx: Executor) -> None:
        for _ in range(2):
            with pytest.raises(DiskFull):
                await tx.execute("INSERT INTO files VALUES (zeroblob(100000))")
        with pytest.raises(DiskFull):
            await tx.execute(ADD_AUTHOR, author(2))

    with pytest.raises(DiskFull):
        await block(db, lose)
    assert await ids(db) == []
    assert await is_clean(db)


async def test_statements_gathered_with_the_one_that_lost_it_are_not_kept(db: Database) -> None:
    await db.execute("CREATE TABLE files (content BLOB)")
    await limit_pages(db, 2)

    async def lose(tx: Executor) -> None:
        outcomes = await asyncio.gather(
            tx.execute(ADD_AUTHOR, author(2)),
            tx.execute("INSERT INTO files VALUES (zeroblob(100000))"),
            tx.execute(ADD_AUTHOR, author(3)),
            tx.fetch_value("SELECT 1"),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [int, DiskFull, DiskFull, DiskFull]

    with pytest.raises(DiskFull):
        await block(db, lose)
    assert await ids(db) == []
    assert await is_clean(db)


async def lose_unseen(tx: Executor) -> None:
    """Lose the transaction to a statement whose caller is gone."""
    lost = asyncio.ensure_future(tx.execute(f"INSERT INTO authors (name) {ENDLESS}"))
    await ticks()
    lost.cancel()


async def test_a_loss_that_the_caller_did_not_wait_for_is_not_overlooked(
    open_database: Opener,
) -> None:
    db = await open_database(SHORT)

    async def go_on(tx: Executor) -> None:
        await lose_unseen(tx)
        with pytest.raises(StatementTimeout):
            await tx.execute(ADD_AUTHOR, author(2))

    with pytest.raises(StatementTimeout):
        await block(db, go_on)
    assert await ids(db) == []
    assert await is_clean(db)


async def test_a_loss_that_nobody_noticed_is_told_at_the_end(open_database: Opener) -> None:
    db = await open_database(SHORT)
    with pytest.raises(StatementTimeout):
        await block(db, lose_unseen)
    assert await ids(db) == []
    assert await is_clean(db)


# The clock is looked at after so many steps of SQLite's machine, counted over all uses of a
# prepared statement: so any statement, BEGIN and COMMIT too, may be the one that is asked.


async def test_only_a_statements_own_time_counts(
    open_database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "STEPS_BETWEEN_LOOKS", 1)
    db = await open_database(Options(limits=Limits(statement_s=0.4)))
    await add(db, 1)
    with pytest.raises(StatementTimeout):
        await db.execute(f"INSERT INTO authors (name) {ENDLESS}")
    await asyncio.sleep(0.45)  # longer than a statement may take
    await add(db, 2)
    async with db.transaction() as tx:
        await tx.execute(ADD_AUTHOR, author(3))
        await asyncio.sleep(0.45)
        with pytest.raises(ConstraintViolation):
            await tx.execute(ADD_AUTHOR, author(3))
        with pytest.raises(StatementTimeout):
            await tx.fetch_value(ENDLESS)
        await asyncio.sleep(0.45)
        await tx.execute(ADD_AUTHOR, author(4))
        await asyncio.sleep(0.45)

    async def pause_and_fail(_: Executor) -> None:
        await asyncio.sleep(0.45)
        raise LookupError

    with pytest.raises(LookupError):
        await block(db, pause_and_fail)
    assert await ids(db) == [1, 2, 3, 4]
    assert await is_clean(db)


# Another process


async def test_a_lock_held_elsewhere_is_busy_after_the_limit_and_passes(
    open_database: Opener,
) -> None:
    db = await open_database(SHORT)
    async with other_process(path_of(db)) as other:
        assert await other.run("BEGIN EXCLUSIVE") == []
        with pytest.raises(DatabaseBusy):
            await add(db, 1)
        answers = await asyncio.gather(*(add(db, i) for i in range(5)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [DatabaseBusy] * 5
        with pytest.raises(DatabaseBusy):
            async with db.transaction():
                pytest.fail("the block was entered")
        assert await db.fetch_value(COUNT) == 0  # reads go on
        assert await other.run("COMMIT") == []
        assert await add(db, 1) == 1
    assert await is_clean(db)


async def test_a_lock_held_elsewhere_is_waited_for_once(open_database: Opener) -> None:
    """Who queues behind one who waits for the lock is answered with it."""
    db = await open_database(SHORT)
    other = sqlite.connect(path_of(db), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for first in (add(db, 1), transact(db, 1)):
        waiting = asyncio.ensure_future(first)
        await ticks()
        others = [
            asyncio.ensure_future(work)
            for work in (add(db, 2), transact(db, 3), add(db, 4), transact(db, 5))
        ]
        await ticks()
        await asyncio.wait([waiting])
        await ticks()
        assert all(work.done() for work in others)
        for work in (waiting, *others):
            assert isinstance(work.exception(), DatabaseBusy)
    other.execute("COMMIT")
    other.close()
    assert await add(db, 1) == 1
    assert await ids(db) == [1]


async def test_a_write_waits_for_a_lock_held_elsewhere(db: Database) -> None:
    async with other_process(path_of(db)) as other:
        assert await other.run("BEGIN IMMEDIATE") == []
        write = asyncio.ensure_future(add(db, 1))
        await ticks()
        assert await other.run("INSERT INTO authors VALUES (2, 'other')") == []
        assert not write.done()
        assert await other.run("COMMIT") == []
        assert await write == 1
    assert await ids(db) == [1, 2]


# Limits


async def test_a_full_queue_refuses_and_goes_on(open_database: Opener) -> None:
    db = await open_database(Options(most_waiting_writes=2))
    async with waiting_writes(db, add(db, 1), add(db, 2)):
        with pytest.raises(DatabaseBusy, match="too many writes are waiting"):
            await add(db, 3)
        with pytest.raises(DatabaseBusy, match="too many writes are waiting"):
            async with db.transaction():
                pytest.fail("the block was entered")
        assert await db.fetch_value(COUNT) == 0
    assert await add(db, 3) == 1
    assert await ids(db) == [1, 2, 3]


async def transact(db: Database, *numbers: int, error: Exception | None = None) -> None:
    async with db.transaction() as tx:
        for i in numbers:
            await tx.execute(ADD_AUTHOR, author(i))
        if error is not None:
            raise error


async def test_writes_and_transactions_that_waited_too_long_are_refused(
    open_database: Opener,
) -> None:
    db = await open_database(Options(wait_s=0.3))
    async with waiting_writes(db, add(db, 1), transact(db, 2), add(db, 3)) as works:
        await asyncio.sleep(0.4)  # the time itself is what is to pass
    for work in works:
        assert isinstance(work.exception(), DatabaseBusy)
        assert "waited longer than 0.3 s" in str(work.exception())
    assert await ids(db) == []


async def test_a_cancelled_write_that_waited_is_never_run(db: Database) -> None:
    works: list[asyncio.Future[Any]]
    async with waiting_writes(db, add(db, 1), add(db, 2), transact(db, 3), add(db, 4)) as works:
        works[0].cancel()
        works[2].cancel()
    assert await ids(db) == [2, 4]
    assert await is_clean(db)


async def test_a_write_cancelled_in_the_thread_is_whole(db: Database) -> None:
    async with gate_in(db) as gate:
        write = asyncio.ensure_future(db.execute(ADD_AT_GATE, {"id": 1}))
        await gate.reached()
        write.cancel()
        await ticks()
        assert write.cancelled()
        gate.open()
        assert await add(db, 2) == 1
    assert await ids(db) == [1, 2]


async def test_a_transaction_cancelled_in_the_thread_leaves_nothing(db: Database) -> None:
    async def work() -> None:
        async with db.transaction() as tx:
            await tx.execute(ADD_AUTHOR, author(5))
            await tx.execute(ADD_AT_GATE, {"id": 1})

    async with gate_in(db) as gate:
        task = asyncio.create_task(work())
        await gate.reached()
        task.cancel()
        await ticks()
        assert not task.done()  # it waits for its rollback
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        gate.open()
        assert await add(db, 2) == 1
    assert await ids(db) == [2]


async def test_a_time_limit_that_comes_in_a_statement_rolls_back_after_it(db: Database) -> None:
    async def work() -> None:
        async with db.transaction(timeout_s=0.5) as tx:
            await tx.execute(ADD_AUTHOR, author(5))
            await tx.execute(ADD_AT_GATE, {"id": 1})
            with pytest.raises(TransactionTimeout):
                await tx.execute(ADD_AUTHOR, author(6))
            raise LookupError

    async with gate_in(db) as gate:
        task = asyncio.create_task(work())
        await gate.reached()
        await asyncio.sleep(0.6)  # the time itself is what is to pass
        gate.open()
        with pytest.raises(LookupError):
            await task
    assert await ids(db) == []
    assert await add(db, 1) == 1


async def test_a_cancelled_transaction_lets_the_waiting_ones_pass(db: Database) -> None:
    entered = asyncio.Event()

    async def stay() -> None:
        async with db.transaction() as tx:
            await tx.execute(ADD_AUTHOR, author(1))
            entered.set()
            await asyncio.Event().wait()

    stuck = asyncio.create_task(stay())
    await entered.wait()
    others = [asyncio.ensure_future(transact(db, 2)), asyncio.ensure_future(add(db, 3))]
    await ticks()
    stuck.cancel()
    await asyncio.wait([stuck])
    await asyncio.gather(*others)
    assert await ids(db) == [2, 3]


# Cancelled at every await


async def fail_inside(db: Database) -> None:
    with pytest.raises(LookupError):
        await transact(db, 1, 2, error=LookupError())


async def fail_a_statement(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(ADD_AUTHOR, author(1))
        with pytest.raises(ConstraintViolation):
            await tx.execute(ADD_AUTHOR, author(1))
        await tx.execute(ADD_AUTHOR, author(2))


async def gather_in_one(db: Database) -> None:
    async with db.transaction() as tx:
        await asyncio.gather(*(tx.execute(ADD_AUTHOR, author(i)) for i in (1, 2)))


async def swallow_once(db: Database) -> None:
    """Go on after a cancel inside the block, as `asyncio.timeout` around one statement does."""
    async with db.transaction() as tx:
        try:
            await tx.fetch_value("SELECT 1")
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()  # type: ignore[union-attr]
        await tx.execute(ADD_AUTHOR, author(1))
        await tx.execute(ADD_AUTHOR, author(2))


async def behind_others(db: Database) -> None:
    """Queue behind a transaction and a write of others, which are to be done in any case."""
    others = [asyncio.ensure_future(transact(db, 7)), asyncio.ensure_future(add(db, 8))]
    await asyncio.sleep(0)
    try:
        await transact(db, 1, 2)
    finally:
        assert not any(other.cancelled() for other in others)


async def two_writes(db: Database) -> None:
    await db.execute_many(ADD_AUTHOR, [author(1), author(2)])


async def read_then_write(db: Database) -> None:
    assert await db.fetch_value(COUNT) == 0
    assert await db.version() > 0
    await db.fetch_all(
        "INSERT INTO authors (id, name) VALUES (1, 'a'), (2, 'b') RETURNING id",
    )


PATHS: dict[str, tuple[Callable[[Database], Coroutine[Any, Any, None]], list[int]]] = {
    "write": (two_writes, [1, 2]),
    "read then write": (read_then_write, [1, 2]),
    "transaction": (lambda db: transact(db, 1, 2), [1, 2]),
    "gathered": (gather_in_one, [1, 2]),
    "error inside": (fail_inside, []),
    "failed statement": (fail_a_statement, [1, 2]),
    "swallowed": (swallow_once, [1, 2]),
    "queued": (behind_others, [1, 2]),
}
CANCELS: dict[str, tuple[int, bool]] = {
    "once": (1, False),
    "twice": (2, False),
    "three times": (3, False),
    "once, when answered": (1, True),
    "twice, when answered": (2, True),
}


@pytest.mark.parametrize("cancel", CANCELS)
@pytest.mark.parametrize("path", PATHS)
async def test_a_cancel_at_any_await_leaves_all_or_nothing(
    open_database: Opener, path: str, cancel: str
) -> None:
    work, everything = PATHS[path]
    times, resumed = CANCELS[cancel]
    db = await open_database()
    mine = asyncio.all_tasks()
    for step in range(1, 100):
        stepped = Stepped(work(db), tuple(range(step, step + times)), resumed=resumed)
        task = asyncio.create_task(finish(stepped))
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([task])
        assert await add(db, 99) == 1
        await idle(db)
        assert await is_clean(db)
        assert asyncio.all_tasks() <= mine  # what opening the database began may end meanwhile
        assert not writes_of(db)._waiting
        found = [i for i in await ids(db) if i not in (7, 8, 99)]
        assert found in ([], everything)
        if not task.cancelled():
            task.result()
            assert found == everything
        await db.execute("DELETE FROM authors")
        if not stepped.came:
            return
    pytest.fail("it never finished")


async def finish(stepped: Stepped) -> Any:
    return await stepped


async def test_a_cancel_while_the_lock_is_waited_for_gives_it_back(db: Database) -> None:
    other = sqlite.connect(path_of(db), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(transact(db, 1))
    await ticks()
    task.cancel()
    await asyncio.wait([task])
    other.execute("COMMIT")
    other.close()
    assert await add(db, 2) == 1
    assert await ids(db) == [2]
    assert await is_clean(db)


async def test_two_processes_share_the_lock(db: Database, open_database: Opener) -> None:
    """Two engines that write without a pause: both get on, and nothing is lost."""
    other = await open_database()

    async def write(which: Database, first: int) -> None:
        for i in range(first, first + 40):
            await add(which, i)

    await asyncio.gather(
        *(write(which, n * 100 + k * 50) for n, which in ((0, db), (5, other)) for k in range(2))
    )
    assert len(await ids(db)) == 160


async def test_wrong_text_in_a_group_is_its_own(db: Database) -> None:
    async with waiting_writes(db, add(db, 1), db.execute("SELEC"), add(db, 2)) as works:
        pass
    assert isinstance(works[1].exception(), SQLError)
    assert await ids(db) == [1, 2]
