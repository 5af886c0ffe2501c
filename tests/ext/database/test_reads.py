"""Reads: which share a trip or a statement, which never do, and the limits."""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Awaitable
from typing import Any

import pytest

from qapp.ext.database import (
    Database,
    DatabaseBusy,
    Limits,
    Options,
    ParameterError,
    SQLError,
    StatementTimeout,
)
from qapp.ext.database.driver import sqlite
from qapp.ext.database.sqlite import handle, reads, rows
from qapp.ext.database.sqlite.reads import READS_A_TRIP, SLOW_STATEMENTS_KEPT

from .conftest import Opener
from .tools import (
    ENDLESS,
    Gate,
    gate_in,
    idle,
    on_all,
    other_process,
    path_of,
    readers_of,
    reads_of,
    ticks,
    traced,
)

ADD_AUTHOR = "INSERT INTO authors (id, name) VALUES (:id, :name)"
COUNT = "SELECT count(*) FROM authors"
ONE_READER = Options(readers=1)
SLOW_S = 0.3


class Size(enum.IntEnum):
    ONE = 1


def soon(work: Awaitable[Any]) -> asyncio.Future[Any]:
    return asyncio.ensure_future(work)


async def blocked(gate: Gate, db: Database, readers: int = 1) -> list[asyncio.Future[Any]]:
    """Keep this many readers at the gate, each with a statement of its own."""
    reads = []
    for i in range(readers):
        reads.append(soon(db.fetch_value("SELECT gate() + :i", {"i": i})))
        await gate.reached()
    return reads


def selects(statements: list[str]) -> list[str]:
    """Leave out what begins and ends a trip's transaction."""
    return [statement for statement in statements if statement.startswith("SELECT")]


# Sharing


async def test_equal_reads_that_wait_are_one_statement(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    async with gate_in(db) as gate:
        reads = [soon(db.fetch_value("SELECT gate(:a)", {"a": 1})) for _ in range(30)]
        await gate.reached()
        gate.open()
        assert await asyncio.gather(*reads) == [1] * 30
        assert gate.calls == 1


async def test_a_read_that_is_in_a_thread_is_never_joined(db: Database) -> None:
    async with gate_in(db) as gate:
        first = soon(db.fetch_value("SELECT gate()"))
        await gate.reached()
        second = soon(db.fetch_value("SELECT gate()"))
        await gate.reached()
        gate.open()
        await asyncio.gather(first, second)
        assert gate.calls == 2


async def test_a_read_sees_what_was_committed_while_an_equal_one_ran(
    open_database: Opener,
) -> None:
    db = await open_database(ONE_READER)
    sql = "SELECT count(*), gate() FROM (SELECT count(*) FROM authors) JOIN authors"
    await db.execute(ADD_AUTHOR, {"id": 1, "name": "Ann"})
    async with gate_in(db) as gate:
        older = soon(db.fetch_value(sql))
        await gate.reached()
        await db.execute(ADD_AUTHOR, {"id": 2, "name": "Bea"})
        newer = soon(db.fetch_value(sql))
        gate.open()
        assert [await older, await newer] == [1, 2]


@pytest.mark.parametrize(
    "values",
    [
        [1, 1.0, True, Size.ONE],
        [0, False, 0.0],
        ["1", 1, b"1"],
        [None, 0, ""],
        [1.5, 1.5],
        [bytearray(b"a"), bytearray(b"a")],
    ],
    ids=repr,
)
async def test_values_that_python_confuses_are_not_shared(
    open_database: Opener, values: list[Any]
) -> None:
    db = await open_database(ONE_READER)
    sql = "SELECT typeof(:value) || coalesce(:value, 'NULL')"
    expected = [await db.fetch_value(sql, {"value": value}) for value in values]
    statements = await traced(db)
    reads = [db.fetch_value(sql, {"value": value}) for value in values]
    assert await asyncio.gather(*reads) == expected
    assert len(selects(statements)) == len(values)


async def test_what_is_asked_for_differently_is_not_shared(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    statements = await traced(db)
    sql = "SELECT 1 AS a"
    rows, row, value, changed = await asyncio.gather(
        db.fetch_all(sql), db.fetch_one(sql), db.fetch_value(sql), db.execute(sql)
    )
    assert rows == [(1,)]
    assert row == (1,)
    assert (value, changed) == (1, 0)
    assert len(selects(statements)) == 4


async def test_a_cancelled_sharer_does_not_cancel_the_others(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        first, second, third = (soon(db.fetch_value("SELECT 5")) for _ in range(3))
        await ticks()
        first.cancel()
        await ticks()
        gate.open()
        assert (await second, await third) == (5, 5)
        await asyncio.gather(*held)
    assert first.cancelled()


async def test_a_read_cancelled_in_the_thread_leaves_the_others_of_its_trip(
    open_database: Opener,
) -> None:
    db = await open_database(ONE_READER)
    async with gate_in(db) as gate:
        first, second, third = (
            soon(db.fetch_value("SELECT gate()")),
            soon(db.fetch_value("SELECT gate()")),
            soon(db.fetch_value("SELECT 5")),
        )
        await gate.reached()
        first.cancel()
        await ticks()
        gate.open()
        assert (await second, await third) == (1, 5)


async def test_a_read_that_nobody_waits_for_is_never_run(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        unwanted = [soon(db.fetch_value("SELECT gate(7)")) for _ in range(3)]
        await ticks()
        for read in unwanted:
            read.cancel()
        gate.open()
        await asyncio.gather(*held, *unwanted, return_exceptions=True)
        await idle(db)
        assert gate.calls == 1


async def test_a_read_cancelled_while_it_waits_may_be_joined_again(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        first = soon(db.fetch_value("SELECT 5"))
        await ticks()
        first.cancel()
        await ticks()
        second = soon(db.fetch_value("SELECT 5"))
        await ticks()
        gate.open()
        assert await second == 5
        await asyncio.gather(*held)


# Trips


async def test_reads_of_one_tick_go_in_one_trip(
    open_database: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    db = await open_database(ONE_READER)
    await idle(db)
    with caplog.at_level("DEBUG", logger="aiosqlite"):
        reads = [db.fetch_value("SELECT :i", {"i": i}) for i in range(READS_A_TRIP)]
        assert await asyncio.gather(*reads) == list(range(READS_A_TRIP))
    assert sum("executing" in record.message for record in caplog.records) == 1


async def test_reads_that_wait_go_in_full_trips(
    open_database: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    db = await open_database(ONE_READER)
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        with caplog.at_level("DEBUG", logger="aiosqlite"):
            reads = [soon(db.fetch_value("SELECT :i", {"i": i})) for i in range(READS_A_TRIP + 1)]
            await ticks()
            gate.open()
            await asyncio.gather(*held)
            assert await asyncio.gather(*reads) == list(range(READS_A_TRIP + 1))
        assert sum("executing" in record.message for record in caplog.records) == 2


async def test_an_idle_reader_takes_what_comes_while_another_is_busy(db: Database) -> None:
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        assert await db.fetch_value("SELECT 5") == 5
        gate.open()
        await asyncio.gather(*held)


async def test_who_comes_when_a_trip_has_just_begun_waits_for_the_next(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await idle(db)
    monkeypatch.setattr(reads, "PATIENCE_S", 3600)
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        trips = db.counts.trips
        others = [soon(db.fetch_value("SELECT :i", {"i": i})) for i in range(3)]
        await ticks()
        assert db.counts.trips == trips  # though there is an idle reader
        gate.open()
        await asyncio.gather(*held)
        assert await asyncio.gather(*others) == [0, 1, 2]
        assert db.counts.trips == trips + 1


async def test_one_failing_read_takes_nothing_from_its_trip(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    answers = await asyncio.gather(
        db.fetch_value("SELECT 1"),
        db.fetch_value("SELECT nothing"),
        db.fetch_value("SELECT :a", {"a": object()}),
        db.fetch_value("SELECT 4"),
        return_exceptions=True,
    )
    assert (answers[0], answers[3]) == (1, 4)
    assert isinstance(answers[1], SQLError)
    assert isinstance(answers[2], ParameterError)


async def test_reads_of_one_trip_see_one_state(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "SLOW_S", 1000)
    async with gate_in(db) as gate:
        first = soon(db.fetch_value("SELECT count(*) + 0 * gate() FROM authors"))
        second = soon(db.fetch_value(COUNT))
        await gate.reached()
        await db.execute(ADD_AUTHOR, {"id": 1, "name": "Ann"})
        later = soon(db.fetch_value(COUNT))
        assert await later == 1
        gate.open()
        assert [await first, await second] == [0, 0]
    assert await db.fetch_value(COUNT) == 1


async def test_a_version_is_never_that_of_a_state_seen_before_the_look(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look takes the newest number if its reader sees no change, so it must see what is so now.

    In the state that the other reads of its trip share it would give an old state a new number.
    """
    monkeypatch.setattr(handle, "SLOW_S", 1000)
    async with gate_in(db) as gate:  # both readers look at what is so now
        held, look = soon(db.fetch_value("SELECT gate()")), soon(db.version())
        await gate.reached()
        await db.version()
        gate.open()
        await asyncio.gather(held, look)
        gate.close()

        held = soon(db.fetch_value("SELECT count(*) + 0 * gate() FROM authors"))
        look, count = soon(db.version()), soon(db.fetch_value(COUNT))
        await gate.reached()
        await db.execute(ADD_AUTHOR, {"id": 1, "name": "Ann"})
        newest = await db.version()
        assert await db.fetch_value(f"{COUNT} -- of the other reader") == 1
        gate.open()
        assert await held == 0
        assert await look != newest or await count == 1
        await count


async def test_a_failed_read_leaves_the_others_of_its_trip_their_state(
    open_database: Opener,
) -> None:
    db = await open_database(Options(readers=1, limits=Limits(statement_s=0.3)))
    for i in range(1, 4):
        await db.execute(ADD_AUTHOR, {"id": i, "name": str(i)})
        answers = await asyncio.gather(
            db.fetch_value(COUNT),
            db.fetch_value("SELECT nothing"),
            db.fetch_value("PRAGMA unknown"),
            db.fetch_value("SELECT :a", {"a": object()}),
            db.fetch_value(f"{COUNT} -- again"),
            return_exceptions=True,
        )
        assert [answers[0], answers[2], answers[4]] == [i, None, i]
        assert isinstance(answers[1], SQLError)
        reader = readers_of(db)[0]
        assert not await reader.run(lambda raw=reader.raw: raw.in_transaction)


# The slow lane


@pytest.fixture
def _slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call slow only what is so on a busy machine too."""
    monkeypatch.setattr(handle, "SLOW_S", SLOW_S)


async def nap_in(db: Database) -> None:
    def nap(_: int) -> int:
        time.sleep(SLOW_S + 0.05)
        return 1

    await on_all(db, lambda raw: raw.create_function("nap", 1, nap))


@pytest.mark.usefixtures("_slower")
async def test_slow_reads_do_not_hold_back_quick_ones(db: Database) -> None:
    await nap_in(db)
    slow = "SELECT nap(:i) + gate() + :i"
    async with gate_in(db) as gate:
        gate.open()
        await db.fetch_value(slow, {"i": 0})  # from now on it is known to be slow
        gate.close()
        await gate.reached()
        waiting = [soon(db.fetch_value(slow, {"i": i})) for i in range(4)]
        await gate.reached()
        for i in range(2 * READS_A_TRIP):
            assert await db.fetch_value("SELECT :i", {"i": i}) == i
        assert gate.calls == 2  # at most one slow trip, of one statement, at a time
        gate.open()
        assert await asyncio.gather(*waiting) == [2, 3, 4, 5]


@pytest.mark.usefixtures("_slower")
async def test_quick_reads_that_set_off_with_slow_ones_wait_for_one_of_them(db: Database) -> None:
    await nap_in(db)
    sql = "SELECT CASE :i WHEN 0 THEN nap(1) ELSE gate() END"
    async with gate_in(db) as gate:
        slow = [soon(db.fetch_value(sql, {"i": i})) for i in range(4)]
        quick = [soon(db.fetch_value("SELECT :i", {"i": i})) for i in range(4)]
        assert await asyncio.gather(*quick) == [0, 1, 2, 3]
        await gate.reached()
        assert gate.calls == 1
        gate.open()
        assert await asyncio.gather(*slow) == [1, 1, 1, 1]


@pytest.mark.usefixtures("_slower")
async def test_reads_put_back_are_shared_and_keep_their_turn(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    async with gate_in(db) as gate:
        first = soon(db.fetch_value("SELECT gate()"))
        second = soon(db.fetch_value("SELECT :i", {"i": 5}))
        await gate.reached()
        third = soon(db.fetch_value("SELECT 6"))
        joined = soon(db.fetch_value("SELECT :i", {"i": 5}))
        await asyncio.sleep(SLOW_S + 0.05)  # the time itself: the first read is slow
        statements = await traced_in_turn(db)
        gate.open()
        assert [await read for read in (first, second, third, joined)] == [1, 5, 6, 5]
        assert selects(statements) == ["SELECT 5", "SELECT 6"]


@pytest.mark.usefixtures("_slower")
async def test_one_reader_serves_slow_and_quick_by_turns(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    reads_of(db)._slow_sql.update(slow := [f"SELECT {i}" for i in range(3)])
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        unwanted = soon(db.fetch_value("SELECT 7"))
        works = [soon(db.fetch_value(sql)) for sql in (*slow, "SELECT 8")]
        await ticks()
        unwanted.cancel()
        statements = await traced_in_turn(db)
        gate.open()
        assert await asyncio.gather(*works) == [0, 1, 2, 8]
        await asyncio.gather(*held)
    assert selects(statements) == ["SELECT 0", "SELECT 8", "SELECT 1", "SELECT 2"]


async def traced_in_turn(db: Database) -> list[str]:
    """Trace the reader from its next trip on; it is busy with one."""
    statements: list[str] = []
    reader = readers_of(db)[0]
    tracing = soon(reader.run(reader.raw.set_trace_callback, statements.append))
    tracing.add_done_callback(lambda done: done.result())
    await ticks()
    return statements


async def test_only_slow_reads_or_only_unwanted_quick_ones(open_database: Opener) -> None:
    db = await open_database(ONE_READER)
    reads_of(db)._slow_sql.update(slow := [f"SELECT {i}" for i in range(3)])
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        works = [soon(db.fetch_value(sql)) for sql in ("SELECT 7", *slow)]
        await ticks()
        works[0].cancel()
        gate.open()
        assert await asyncio.gather(*works[1:]) == [0, 1, 2]
        await asyncio.gather(*held)


@pytest.mark.usefixtures("_slower")
async def test_a_statement_that_is_quick_again_leaves_the_slow_lane(db: Database) -> None:
    await nap_in(db)
    sql = "SELECT CASE WHEN :slow THEN nap(1) END"
    await db.fetch_value(sql, {"slow": 1})
    assert sql in reads_of(db)._slow_sql
    await db.fetch_value(sql, {"slow": 0})
    assert sql not in reads_of(db)._slow_sql


@pytest.mark.usefixtures("_slower")
async def test_so_many_slow_statements_are_remembered(db: Database) -> None:
    await nap_in(db)
    slow = reads_of(db)._slow_sql
    slow.update(str(i) for i in range(SLOW_STATEMENTS_KEPT))
    await db.fetch_value("SELECT nap(1)")
    assert len(slow) == SLOW_STATEMENTS_KEPT


@pytest.mark.usefixtures("_slower")
async def test_a_slow_statement_stays_remembered_when_the_list_is_full(db: Database) -> None:
    await nap_in(db)
    slow = reads_of(db)._slow_sql
    await db.fetch_value("SELECT nap(1)")
    slow.update(str(i) for i in range(SLOW_STATEMENTS_KEPT - 1))
    await db.fetch_value("SELECT nap(1)")
    assert "SELECT nap(1)" in slow


# The kinds of rows


async def test_so_many_kinds_of_rows_are_kept(
    open_database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "SHAPES_KEPT", 2)
    db = await open_database(ONE_READER)
    for name in "abcdabcd":
        row = await db.fetch_one(f"SELECT 1 AS {name}")
        assert getattr(row, name) == 1


# Limits


async def test_a_full_queue_refuses_and_goes_on(open_database: Opener) -> None:
    db = await open_database(Options(readers=1, most_waiting_reads=2))
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        waiting = [soon(db.fetch_value("SELECT :i", {"i": i})) for i in range(2)]
        await ticks()
        with pytest.raises(DatabaseBusy, match="too many reads are waiting"):
            await db.fetch_value("SELECT 3")
        joined = soon(db.fetch_value("SELECT :i", {"i": 1}))  # takes no further place
        await ticks()
        gate.open()
        assert await asyncio.gather(*waiting, joined) == [0, 1, 1]
        await asyncio.gather(*held)
    assert await db.fetch_value("SELECT 3") == 3


async def test_a_read_that_waited_too_long_is_refused(open_database: Opener) -> None:
    db = await open_database(Options(readers=1, wait_s=0.3))
    async with gate_in(db) as gate:
        held = await blocked(gate, db)
        late = soon(db.fetch_value("SELECT gate(2)"))
        await asyncio.sleep(0.4)  # the time itself is what is to pass
        gate.open()
        with pytest.raises(DatabaseBusy, match=r"waited longer than 0\.3 s"):
            await late
        await asyncio.gather(*held)
        assert gate.calls == 1


async def test_a_statement_is_stopped_at_its_time_limit(open_database: Opener) -> None:
    db = await open_database(Options(readers=1, limits=Limits(statement_s=0.1)))
    for _ in range(3):
        with pytest.raises(StatementTimeout):
            await db.fetch_value(ENDLESS)
    assert await db.fetch_value("SELECT 5") == 5


async def test_each_statement_of_a_trip_has_its_own_time(open_database: Opener) -> None:
    db = await open_database(Options(readers=1, limits=Limits(statement_s=0.3)))
    answers = await asyncio.gather(
        db.fetch_value(ENDLESS),
        db.fetch_value("SELECT 1"),
        db.fetch_value(ENDLESS + " -- again"),
        db.fetch_value("SELECT 2"),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [StatementTimeout, int, StatementTimeout, int]


# What reads may do, and what they see


@pytest.mark.parametrize("sql", ["PRAGMA user_version = 7", "PRAGMA application_id = 7"])
async def test_readers_refuse_to_write(db: Database, sql: str) -> None:
    for _ in range(3):
        with pytest.raises(SQLError, match="readonly"):
            await db.execute(sql)
    assert await db.fetch_value(sql.split(" =")[0]) == 0


async def test_a_read_may_look_at_the_schema(db: Database) -> None:
    columns = await db.fetch_all("PRAGMA table_info(authors)")
    assert [column.name for column in columns] == ["id", "name"]
    assert await db.fetch_all("EXPLAIN QUERY PLAN SELECT * FROM authors")
    assert await db.fetch_all("VALUES (1), (2)") == [(1,), (2,)]


async def test_every_reader_sees_what_another_engine_committed(open_database: Opener) -> None:
    db, other = await open_database(), await open_database()
    for i in range(1, 50):
        await other.execute(ADD_AUTHOR, {"id": i, "name": str(i)})
        counts = await asyncio.gather(*(db.fetch_value(f"{COUNT} -- {n}") for n in range(3)))
        assert counts == [i] * 3


async def test_every_reader_sees_what_another_process_committed(db: Database) -> None:
    async with other_process(path_of(db)) as other:
        versions = set()
        for i in range(1, 20):
            answer = await other.run(f"INSERT INTO authors VALUES ({i}, {i})")  # noqa: S608
            assert answer == []
            counts = await asyncio.gather(*(db.fetch_value(f"{COUNT} -- {n}") for n in range(3)))
            assert counts == [i] * 3
            versions.add(await db.version())
        assert len(versions) == 19


@pytest.mark.parametrize("readers", [1, 2])
async def test_a_row_that_cannot_be_read_does_not_keep_the_reader_in_the_past(
    open_database: Opener, readers: int
) -> None:
    """The statement is reset although its rows were not fetched to the end."""
    db = await open_database(Options(readers=readers))
    await db.execute("CREATE TABLE broken (text TEXT)")
    await db.execute("INSERT INTO broken VALUES ('a'), (CAST(x'ff' AS TEXT)), ('c'), ('d')")
    for i in range(1, 5):
        with pytest.raises(SQLError, match="UTF-8"):
            await db.fetch_all("SELECT text FROM broken")
        async with db.transaction() as tx:
            with pytest.raises(SQLError, match="UTF-8"):
                await tx.fetch_all("SELECT text FROM broken")
        other = sqlite.connect(path_of(db), isolation_level=None)
        other.execute("INSERT INTO authors VALUES (?, ?)", (i, str(i)))
        other.close()
        assert await db.fetch_value(COUNT) == i
        await db.execute("INSERT INTO broken VALUES ('e')")


async def test_the_version_is_subject_to_the_limits_like_any_read(open_database: Opener) -> None:
    db = await open_database(Options(readers=1, limits=Limits(statement_s=-1)))

    def look_always(raw: Any) -> None:
        raw.set_progress_handler(lambda: True, 1)

    await on_all(db, look_always)
    with pytest.raises(StatementTimeout):
        await db.version()
    await on_all(db, lambda raw: raw.set_progress_handler(None, 1))
    assert await db.version() > 0
