"""Opening and closing: what is accepted is finished, and nothing stays open."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from qapp.ext.database import (
    Database,
    DatabaseBusy,
    DatabaseClosed,
    DatabaseFailure,
    Limits,
    Options,
    sqlite_path,
)
from qapp.ext.database.driver import sqlite
from qapp.ext.database.sqlite import SQLiteEngine

from .conftest import Opener
from .tools import (
    ENDLESS,
    PATIENCE_S,
    Stepped,
    engine_of,
    gate_in,
    on_all,
    path_of,
    readers_of,
    ticks,
    writer_of,
)

ADD_AUTHOR = "INSERT INTO authors (id, name) VALUES (:id, :name)"
ADD_AT_GATE = "INSERT INTO authors (id, name) VALUES (:id, gate())"
COUNT = "SELECT count(*) FROM authors"
ANN = {"id": 1, "name": "Ann"}


def descriptors(path: Path) -> list[str]:
    """The file descriptors of this process that are open on the database's files."""
    names = []
    for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208 - entries go while one looks
        try:
            name = os.readlink(f"/proc/self/fd/{entry}")  # noqa: PTH115 - the same
        except FileNotFoundError:
            continue
        if name.startswith(str(path)):
            names.append(name)
    return names


def content(path: Path) -> list[Any]:
    connection = sqlite.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT id FROM authors ORDER BY id")]
    finally:
        connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


# Settings


async def test_every_connection_has_the_settings_of_the_security_page(db: Database) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
    }
    await db.execute(ADD_AUTHOR, ANN)
    await asyncio.gather(*(db.fetch_value(f"{COUNT} -- {i}") for i in range(5)))
    for connection in [writer_of(db), *readers_of(db)]:

        def setting(name: str, raw: Any = connection.raw) -> Any:
            return raw.execute(f"PRAGMA {name}").fetchone()[0]

        for name, value in expected.items():
            assert (name, await connection.run(setting, name)) == (name, value)
        assert await connection.run(setting, "busy_timeout") >= 5000
        reads_only = await connection.run(setting, "query_only")
        assert reads_only == (connection is not writer_of(db))
        if connection is writer_of(db):  # who commits is who checkpoints
            assert await connection.run(setting, "journal_size_limit") == 64 * 1024 * 1024
        assert connection.raw.isolation_level is None


async def test_the_files_are_the_owners_alone(db: Database) -> None:
    await db.execute(ADD_AUTHOR, ANN)
    path = path_of(db)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        assert stat.S_IMODE(path.with_name(name).stat().st_mode) == 0o600


async def test_a_file_that_was_there_keeps_its_mode(url: str, folder: Path) -> None:
    path = folder / "app.db"
    path.touch(0o640)
    path.chmod(0o640)
    async with Database(url=url) as db:
        await db.execute("CREATE TABLE t (a)")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["readers", "most_waiting_reads", "most_waiting_writes"])
def test_options_that_could_not_serve_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Options(**{name: 0})  # type: ignore[arg-type]  # which of them is the parameter's


async def test_the_number_of_readers_is_an_option(open_database: Opener) -> None:
    db = await open_database(Options(readers=4))
    assert len(readers_of(db)) == 4


# Closing


async def test_close_finishes_what_was_accepted(open_database: Opener, url: str) -> None:
    db = await open_database()
    path = path_of(db)
    writes = [
        asyncio.ensure_future(db.execute(ADD_AUTHOR, {"id": i, "name": str(i)})) for i in range(300)
    ]
    reads = [asyncio.ensure_future(db.fetch_value("SELECT :i", {"i": i})) for i in range(300)]
    await asyncio.sleep(0)
    await db.close()
    assert await asyncio.gather(*writes) == [1] * 300
    assert await asyncio.gather(*reads) == list(range(300))
    assert content(path) == list(range(300))


async def test_close_finishes_what_was_accepted_in_the_same_tick(open_database: Opener) -> None:
    db = await open_database()
    one, two, _ = await asyncio.gather(
        db.fetch_value("SELECT 1"), db.fetch_value("SELECT 2"), db.close()
    )
    assert (one, two) == (1, 2)
    await db.connect()
    _, changed, _ = await asyncio.gather(db.version(), db.execute(ADD_AUTHOR, ANN), db.close())
    assert changed == 1
    assert content(path_of(db)) == [1]


async def test_close_waits_for_an_open_transaction(open_database: Opener) -> None:
    db = await open_database()
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with db.transaction() as tx:
            entered.set()
            await go_on.wait()
            await tx.execute(ADD_AUTHOR, ANN)

    task = asyncio.create_task(work())
    await entered.wait()
    closing = asyncio.create_task(db.close())
    await ticks()
    with pytest.raises(DatabaseClosed):
        await db.fetch_value("SELECT 1")
    assert not closing.done()
    go_on.set()
    await asyncio.gather(task, closing)
    assert content(path_of(db)) == [1]


async def test_close_ends_within_its_limit_when_a_transaction_is_stuck(
    open_database: Opener,
) -> None:
    db = await open_database(Options(close_s=0.1))
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def stuck() -> None:
        async with db.transaction(timeout_s=PATIENCE_S) as tx:
            await tx.execute(ADD_AUTHOR, ANN)
            entered.set()
            await go_on.wait()
            with pytest.raises(DatabaseClosed):
                await tx.fetch_value("SELECT 1")

    async def waiting() -> None:
        async with db.transaction():
            pytest.fail("the block was entered")

    first = asyncio.create_task(stuck())
    await entered.wait()
    others = [
        asyncio.create_task(waiting()),
        asyncio.ensure_future(db.execute(ADD_AUTHOR, {"id": 2, "name": "Bea"})),
    ]
    await ticks()
    await db.close()
    for other in others:
        with pytest.raises(DatabaseClosed):
            await other
    go_on.set()
    with pytest.raises(DatabaseClosed):
        await first
    assert content(path_of(db)) == []
    assert descriptors(path_of(db)) == []


async def test_close_stops_statements_that_run_on(open_database: Opener) -> None:
    db = await open_database(Options(readers=1, close_s=0.1, limits=Limits(statement_s=1000)))
    works = [
        asyncio.ensure_future(db.fetch_value(ENDLESS)),
        asyncio.ensure_future(db.fetch_value(ENDLESS + " -- again")),
        asyncio.ensure_future(db.execute(f"INSERT INTO authors (name) {ENDLESS}")),
    ]
    await ticks()
    works.append(asyncio.ensure_future(db.fetch_value("SELECT 1")))
    works.append(asyncio.ensure_future(db.execute(ADD_AUTHOR, ANN)))
    await ticks()
    await db.close()
    for work in works:
        with pytest.raises((DatabaseClosed, DatabaseFailure)):
            await work
    assert content(path_of(db)) == []


async def test_close_does_not_wait_for_a_lock_held_elsewhere(open_database: Opener) -> None:
    db = await open_database(Options(close_s=0.1, limits=Limits(lock_s=1000)))
    other = sqlite.connect(path_of(db), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.ensure_future(db.execute(ADD_AUTHOR, ANN))
    await ticks()
    await db.close()
    with pytest.raises(DatabaseFailure, match="broken off"):
        await write
    other.close()
    assert content(path_of(db)) == []


async def test_close_goes_on_without_a_thread_that_does_not_come_back(
    open_database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function in SQL, or a disk, that no limit reaches: the others are closed all the same."""
    monkeypatch.setattr("qapp.ext.database.sqlite.LAST_S", 0.1)
    db = await open_database(Options(close_s=0.1))
    writer = writer_of(db)
    async with gate_in(db) as gate:
        read = asyncio.ensure_future(db.fetch_value("SELECT gate()"))
        await gate.reached()
        await db.close()
        with pytest.raises(DatabaseFailure):
            await read
        assert not writer._thread.is_alive()
        stuck = [thread for thread in threading.enumerate() if "worker_thread" in thread.name]
        assert len(stuck) == 1
        gate.open()
    await asyncio.to_thread(stuck[0].join, PATIENCE_S)
    assert not stuck[0].is_alive()
    gc.collect()
    assert descriptors(path_of(db)) == []


async def test_everything_after_close_says_that_it_is_closed(open_database: Opener) -> None:
    db = await open_database()
    entered_late = db.transaction()
    async with db.transaction() as ended:
        pass
    await db.close()
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: db.fetch_all("SELECT 1"),
        lambda: db.fetch_one("SELECT 1"),
        lambda: db.fetch_value("SELECT 1"),
        lambda: db.execute(ADD_AUTHOR, ANN),
        lambda: db.execute_many(ADD_AUTHOR, [ANN]),
        lambda: db.version(),
        lambda: ended.execute(ADD_AUTHOR, ANN),
        lambda: entered_late.__aenter__(),
        lambda: db.transaction().__aenter__(),
    ]
    for call in calls:
        with pytest.raises(DatabaseClosed):
            await call()
    await db.close()


async def test_before_connect_it_is_closed_too(url: str) -> None:
    db = Database(url=url)
    with pytest.raises(DatabaseClosed):
        await db.fetch_value("SELECT 1")
    with pytest.raises(DatabaseClosed):
        async with db.transaction():
            pass
    await db.close()


async def test_two_closes_at_once_both_wait_for_the_end(open_database: Opener) -> None:
    db = await open_database()
    async with gate_in(db) as gate:
        first = asyncio.ensure_future(db.execute(ADD_AT_GATE, {"id": 1}))
        await gate.reached()
        more = [
            asyncio.ensure_future(db.execute(ADD_AUTHOR, {"id": i, "name": f"author {i}"}))
            for i in range(2, 5)
        ]
        closing = [asyncio.create_task(db.close()) for _ in range(2)]
        await ticks()
        assert not any(task.done() for task in closing)
        gate.open()
        await asyncio.gather(*closing)
    assert await asyncio.gather(first, *more) == [1, 1, 1, 1]
    assert content(path_of(db)) == [1, 2, 3, 4]


async def test_a_close_cancelled_at_any_await_still_closes(open_database: Opener) -> None:
    for step in range(1, 100):
        db = await open_database()
        write = asyncio.ensure_future(
            db.execute("INSERT OR REPLACE INTO authors (id, name) VALUES (:id, :name)", ANN)
        )
        await asyncio.sleep(0)
        stepped = Stepped(db.close(), (step,))
        task = asyncio.create_task(awaited(stepped))
        await asyncio.wait([task])
        await db.close()
        assert await write == 1
        assert descriptors(path_of(db)) == []
        if not stepped.came:
            break
    assert step > 1


async def awaited(stepped: Stepped) -> Any:
    return await stepped


async def test_a_loop_that_ends_in_the_middle_leaves_no_thread(url: str) -> None:
    """`asyncio.run` cancels every task at its end, the closing one too."""
    before = set(threading.enumerate())

    def whole_loop() -> None:
        async def main() -> None:
            db = await Database(url=url).connect()
            await db.execute("CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT)")
            asyncio.ensure_future(db.fetch_value(ENDLESS))  # noqa: RUF006 - it is abandoned
            await asyncio.sleep(0)
            asyncio.ensure_future(db.close())  # noqa: RUF006 - the same
            await asyncio.sleep(0)

        asyncio.run(main())

    await asyncio.to_thread(whole_loop)
    for thread in set(threading.enumerate()) - before:
        if "worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, PATIENCE_S)
            assert not thread.is_alive()


async def test_nothing_is_open_after_close(open_database: Opener) -> None:
    before = set(threading.enumerate())
    db = await open_database()
    await db.execute(ADD_AUTHOR, ANN)
    assert await db.fetch_value(COUNT) == 1
    assert descriptors(path_of(db))
    await db.close()
    assert set(threading.enumerate()) == before
    assert descriptors(path_of(db)) == []
    assert [path.name for path in path_of(db).parent.iterdir()] == ["app.db"]  # the WAL is in


async def test_it_opens_again_after_close(open_database: Opener) -> None:
    db = await open_database()
    for i in range(1, 4):
        await db.execute(ADD_AUTHOR, {"id": i, "name": str(i)})
        await db.close()
        await db.connect()
        assert await db.fetch_value(COUNT) == i


async def test_no_version_comes_again_after_a_reconnect(open_database: Opener) -> None:
    db, other = await open_database(Options(readers=1)), await open_database()
    seen = set()
    for i in range(10):
        number = await db.version()
        assert number not in seen
        seen.add(number)
        await db.close()
        await other.execute(ADD_AUTHOR, {"id": i, "name": str(i)})
        await db.connect()


async def test_a_second_connect_is_refused(db: Database) -> None:
    with pytest.raises(RuntimeError, match="already"):
        await db.connect()
    assert await db.fetch_value("SELECT 1") == 1


# Two in one process


async def test_two_databases_do_not_hinder_each_other(folder: Path) -> None:
    async with (
        Database(url=f"sqlite:///{folder}/one.db") as one,
        Database(url=f"sqlite:///{folder}/two.db") as two,
    ):
        for number, db in enumerate((one, two)):
            await db.execute("CREATE TABLE t (a)")
            await db.execute("INSERT INTO t VALUES (:a)", {"a": number})
        async with one.transaction() as tx:
            await tx.execute("UPDATE t SET a = 5")
            await two.execute("UPDATE t SET a = 6")
            async with two.transaction() as inner:
                await inner.execute("INSERT INTO t VALUES (7)")
                with pytest.raises(RuntimeError, match="use the transaction's"):
                    await one.execute("UPDATE t SET a = 8")
        assert await one.fetch_all("SELECT a FROM t") == [(5,)]
        assert await two.fetch_all("SELECT a FROM t ORDER BY a") == [(6,), (7,)]


async def test_two_apps_have_a_database_each(folder: Path) -> None:
    db = Database()
    apps = [Quart("one", instance_path=str(folder)), Quart("two", instance_path=str(folder))]
    for app in apps:
        app.config["DATABASE_URL"] = f"sqlite:///{app.name}.db"
        db.init_app(app)
    async with apps[0].test_app(), apps[1].test_app():
        for app in apps:
            async with app.app_context():
                await db.execute("CREATE TABLE t (a)")
                await db.execute("INSERT INTO t VALUES (:a)", {"a": app.name})
        for app in apps:
            async with app.app_context():
                assert await db.fetch_value("SELECT a FROM t") == app.name
                assert await db.version() > 0
                async with db.transaction() as tx:
                    assert await tx.fetch_value("SELECT a FROM t") == app.name
    for app in apps:
        assert (folder / f"{app.name}.db").exists()
        assert descriptors(folder / f"{app.name}.db") == []
        async with app.app_context():
            with pytest.raises(DatabaseClosed):
                await db.fetch_value("SELECT 1")


async def test_an_app_may_be_given_at_once(folder: Path) -> None:
    app = Quart("one", instance_path=str(folder))
    app.config["DATABASE_URL"] = "sqlite:///one.db"
    db = Database(app)
    async with app.test_app(), app.app_context():
        assert await db.fetch_value("SELECT 1") == 1
    with pytest.raises(RuntimeError, match="app context"):
        await db.fetch_value("SELECT 1")


async def test_an_app_that_fails_is_closed(folder: Path) -> None:
    app = Quart("one", instance_path=str(folder))
    app.config["DATABASE_URL"] = "sqlite:///one.db"
    Database(app)
    with pytest.raises(LookupError):
        async with app.test_app():
            raise LookupError
    assert descriptors(folder / "one.db") == []


# Opening


@pytest.mark.parametrize(
    "name",
    ["missing/app.db", ".", "app.db/under", "a\0b"],
    ids=["missing", "folder", "file", "nul"],
)
async def test_a_path_that_cannot_be_opened_is_a_failure(folder: Path, name: str) -> None:
    (folder / "app.db").touch()
    before = set(threading.enumerate())
    db = Database(url=f"sqlite:///{folder}/{name}")
    with pytest.raises(DatabaseFailure, match="cannot open"):
        await db.connect()
    assert set(threading.enumerate()) == before
    with pytest.raises(DatabaseClosed):
        await db.fetch_value("SELECT 1")
    await db.close()


async def test_a_file_that_is_no_database_is_a_failure(url: str, folder: Path) -> None:
    before = set(threading.enumerate())
    (folder / "app.db").write_bytes(b"no database at all " * 100)
    with pytest.raises(DatabaseFailure, match="not a database"):
        await Database(url=url).connect()
    assert set(threading.enumerate()) == before
    assert descriptors(folder) == []


async def test_a_file_that_cannot_have_a_wal_is_a_failure() -> None:
    with pytest.raises(DatabaseFailure, match="WAL"):
        await SQLiteEngine(Path(":memory:"), Options()).connect()


async def test_a_damaged_file_is_a_failure_and_the_rest_is_read(
    open_database: Opener,
) -> None:
    db = await open_database()
    await db.execute("CREATE TABLE big (a)")
    await db.execute_many("INSERT INTO big VALUES (:a)", [{"a": "x" * 500} for _ in range(200)])
    await db.close()
    raw = bytearray(path_of(db).read_bytes())
    raw[-10 * 4096 :] = b"\xaa" * (10 * 4096)
    path_of(db).write_bytes(raw)
    await db.connect()
    with pytest.raises(DatabaseFailure):
        await db.fetch_all("SELECT a FROM big")
    assert await db.fetch_value(COUNT) == 0


async def test_a_locked_file_is_busy_when_it_is_opened(url: str, folder: Path) -> None:
    other = sqlite.connect(folder / "app.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    db = Database(url=url, options=Options(limits=Limits(lock_s=0.1)))
    with pytest.raises(DatabaseBusy):
        await db.connect()
    other.execute("ROLLBACK")
    other.close()
    async with db:
        assert await db.fetch_value("SELECT 1") == 1


async def test_a_connect_cancelled_at_any_await_leaves_nothing_open(url: str, folder: Path) -> None:
    before = set(threading.enumerate())
    for step in range(1, 100):
        db = Database(url=url)
        stepped = Stepped(db.connect(), (step,))
        task = asyncio.create_task(awaited(stepped))
        await asyncio.wait([task])
        if not stepped.came:
            await db.close()
            break
        assert task.cancelled()
        await ticks()
        gc.collect()  # the standard module's connections hold on to themselves
        assert set(threading.enumerate()) == before
        assert descriptors(folder) == []
    assert step > 3


async def test_engines_may_open_a_new_file_at_the_same_moment(folder: Path) -> None:
    databases = [Database(url=f"sqlite:///{folder}/new.db") for _ in range(6)]
    await asyncio.gather(*(db.connect() for db in databases))
    await asyncio.gather(
        *(db.execute("CREATE TABLE IF NOT EXISTS t (a)") for db in databases),
    )
    await asyncio.gather(*(db.execute("INSERT INTO t VALUES (1)") for db in databases))
    assert await databases[0].fetch_value("SELECT count(*) FROM t") == 6
    await asyncio.gather(*(db.close() for db in databases))


# URLs


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///app.db", "/base/app.db"),
        ("sqlite:///sub/app.db", "/base/sub/app.db"),
        ("sqlite:////var/app.db", "/var/app.db"),
        ("sqlite:////var/a b.db", "/var/a b.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    assert sqlite_path(url, Path("/base")) == Path(path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:app.db",
        "sqlite+aiosqlite:///app.db",
        "postgresql:///app",
        "SQLITE:///app.db",
        "sqlite:///app.db?mode=ro",
        "sqlite:///file:app.db",
    ],
)
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite:///name\.db"):
        sqlite_path(url, Path("/base"))
    with pytest.raises(ValueError, match=r"sqlite:///name\.db"):
        Database(url=url)


def test_an_app_without_a_good_url_is_refused() -> None:
    app = Quart("one")
    app.config["DATABASE_URL"] = "mysql:///x"
    with pytest.raises(ValueError, match=r"sqlite:///name\.db"):
        Database(app)


async def test_the_engine_is_found_where_the_tests_look_for_it(db: Database) -> None:
    assert isinstance(engine_of(db), SQLiteEngine)
    await on_all(db, lambda raw: raw.execute("SELECT 1"))
