"""One file, many writers: sessions, the data layer, other processes; and what has a limit."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from qapp.ext.database import Database
from qapp.ext.database.driver import sqlite
from qapp.ext.orm import ORM, Expired, Limits, Locked, TookTooLong
from tests.ext.database.tools import ENDLESS, PATIENCE_S, Gate, engine_of, ticks

from .conftest import Site
from .models import Base, User, make_app
from .writers import ROWS_EACH, WRITERS, all_at_once

INSERT = "INSERT INTO user (username, age) VALUES (:name, 0)"
SHORT_S = 0.05


@pytest.fixture
async def db(site: Site, tmp_path: Path) -> AsyncIterator[Database]:
    """The data layer on the site's file."""
    async with Database(url=f"sqlite:///{tmp_path}/app.db") as db:
        yield db


def limited(folder: Path, **limits: float) -> Site:
    """Make another app on the file, with limits that pass soon."""
    orm = ORM(model_class=Base, limits=Limits(**limits))
    return Site(*make_app(folder, orm))


async def count(session: AsyncSession) -> int:
    number: int = (await session.execute(text("SELECT count(*) FROM user"))).scalar_one()
    return number


async def test_many_writers_of_two_processes_get_all_their_rows_in(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.ext.orm.writers", str(tmp_path)]
    other = await asyncio.create_subprocess_exec(*program, "theirs")
    await all_at_once(tmp_path, "ours")
    assert await asyncio.wait_for(other.wait(), PATIENCE_S) == 0
    async with Database(url=f"sqlite:///{tmp_path}/app.db") as db:
        for name in ("ours", "theirs"):
            for way in ("orm", "sql"):
                rows = await db.fetch_value(
                    "SELECT count(*) FROM user WHERE username LIKE :name",
                    {"name": f"{name} {way} %"},
                )
                assert rows == WRITERS * ROWS_EACH, (name, way)
        assert await db.fetch_value("SELECT count(*) FROM post") == 2 * WRITERS * ROWS_EACH
        assert await db.fetch_value("PRAGMA integrity_check") == "ok"


async def test_a_session_that_reads_sees_one_state_and_blocks_no_writer(
    site: Site, db: Database
) -> None:
    app, orm = site
    async with app.app_context():
        assert await count(orm.session) == 0
        await db.execute(INSERT, {"name": "alice"})
        assert await count(orm.session) == 0
        await orm.session.commit()
        assert await count(orm.session) == 1


async def test_who_read_before_others_wrote_can_write(site: Site, db: Database) -> None:
    app, orm = site
    async with app.app_context():
        assert await count(orm.session) == 0
        await db.execute(INSERT, {"name": "alice"})
        orm.session.add(User(username="bob"))
        await orm.session.flush()
        assert await count(orm.session) == 2
        await orm.session.commit()


async def test_the_data_layer_waits_for_a_session_that_writes(site: Site, db: Database) -> None:
    app, orm = site
    async with app.app_context():
        orm.session.add(User(username="alice"))
        await orm.session.flush()
        write = asyncio.create_task(db.execute(INSERT, {"name": "bob"}))
        await ticks()
        assert await db.fetch_value("SELECT count(*) FROM user") == 0
        await orm.session.commit()
        assert await write == 1


async def test_sessions_take_their_turns(site: Site) -> None:
    app, orm = site
    order: list[int] = []

    async def write(number: int) -> None:
        async with app.app_context():
            orm.session.add(User(username=str(number)))
            await orm.session.flush()
            order.append(number)
            await ticks()
            order.append(number)
            await orm.session.commit()

    await asyncio.gather(*(write(number) for number in range(12)))
    assert order[::2] == order[1::2], "one writes until it has committed, then the next"
    assert sorted(order[::2]) == list(range(12))


async def test_for_update_takes_the_lock_before_it_reads(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        orm.session.add(User(username="alice"))
        await orm.session.commit()

    async def birthday(how: int) -> None:
        async with app.app_context():
            await count(orm.session)
            if how == 0:
                user = await orm.get_or_404(User, 1, with_for_update=True)
            elif how == 1:
                user = await orm.one_or_404(orm.select(User).with_for_update())
            else:
                await orm.lock()
                user = await orm.get_or_404(User, 1)
            user.age += 1
            await orm.session.commit()

    await asyncio.gather(*(birthday(number % 3) for number in range(24)))
    async with app.app_context():
        assert (await orm.get_or_404(User, 1)).age == 24


async def test_who_waits_too_long_for_the_lock_is_told_so(
    site: Site, db: Database, tmp_path: Path
) -> None:
    app, orm = limited(tmp_path, lock_s=SHORT_S)
    async with app.app_context():
        async with db.transaction() as tx:
            await tx.execute(INSERT, {"name": "alice"})
            orm.session.add(User(username="bob"))
            with pytest.raises(OperationalError, match="database is locked") as caught:
                await orm.session.commit()
            assert isinstance(caught.value.orig, Locked)
        await orm.session.rollback()
        orm.session.add(User(username="bob"))
        await orm.session.commit()
        assert await count(orm.session) == 2

        async def hold() -> None:
            orm.session.add(User(username="carol"))
            await orm.session.flush()
            held.set()
            await told.wait()

        held, told = asyncio.Event(), asyncio.Event()
        holder = asyncio.create_task(hold())
        await held.wait()
        with pytest.raises(OperationalError, match="database is locked"):
            await orm.lock()
        told.set()
        await holder


async def test_who_keeps_the_lock_too_long_loses_it(
    site: Site, db: Database, tmp_path: Path
) -> None:
    app, orm = limited(tmp_path, write_s=SHORT_S)
    async with app.app_context():
        for end in (orm.session.commit, lambda: count(orm.session)):
            orm.session.add(User(username="alice"))
            await orm.session.flush()
            await db.execute(INSERT, {"name": f"bob {end}"})  # waits for it
            with pytest.raises(OperationalError, match="did not commit within") as caught:
                await end()
            assert isinstance(caught.value.orig, Expired)
            await orm.session.rollback()
        orm.session.add(User(username="alice"))
        await orm.session.commit()
        assert await count(orm.session) == 3


async def test_a_snapshot_ends_in_time(site: Site, db: Database, tmp_path: Path) -> None:
    app, orm = limited(tmp_path, snapshot_s=SHORT_S)
    async with app.app_context():
        assert await count(orm.session) == 0
        await db.execute(INSERT, {"name": "alice"})
        async with asyncio.timeout(PATIENCE_S):
            while await count(orm.session) == 0:
                await ticks()


async def test_an_endless_statement_is_stopped(site: Site, tmp_path: Path) -> None:
    app, orm = limited(tmp_path, statement_s=SHORT_S)
    async with app.app_context():
        with pytest.raises(OperationalError, match="took longer than") as caught:
            await orm.session.execute(text(ENDLESS))
        assert isinstance(caught.value.orig, TookTooLong)
        assert await count(orm.session) == 0


STOPPED = f"UPDATE user SET age = ({ENDLESS})"  # noqa: S608


@pytest.mark.parametrize("ending", [STOPPED, "COMMIT", "ROLLBACK"])
async def test_nothing_is_written_after_a_transaction_that_a_statement_ended(
    site: Site, tmp_path: Path, ending: str
) -> None:
    """SQLite rolls back all of it when a write is stopped, and would commit the rest piecemeal."""
    app, orm = limited(tmp_path, statement_s=SHORT_S)
    async with app.app_context():
        await orm.session.execute(text(INSERT), {"name": "alice"})
        with contextlib.suppress(OperationalError):
            await orm.session.execute(text(ending))
        with pytest.raises(OperationalError, match="the transaction ended with a statement before"):
            await orm.session.execute(text(INSERT), {"name": "bob"})
        with pytest.raises(OperationalError, match="the transaction ended with a statement before"):
            await orm.session.commit()
        await orm.session.rollback()
        names = (await orm.session.execute(text("SELECT username FROM user"))).scalars().all()
        assert "bob" not in names
        await orm.session.execute(text(INSERT), {"name": "carol"})
        await orm.session.commit()


async def test_a_full_disk_is_an_error_and_nothing_is_half_written(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        connection = await orm.session.connection()
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        orm.session.add(User(username="small"))
        orm.session.add(User(username="x" * 100_000))
        with pytest.raises(OperationalError, match="full"):
            await orm.session.commit()
        await orm.session.rollback()
        assert await count(orm.session) == 0


async def test_a_cancelled_statement_is_broken_off(site: Site, tmp_path: Path) -> None:
    app, orm = limited(tmp_path, statement_s=100 * PATIENCE_S)

    gate = Gate()
    gate.open()

    async def count_forever() -> None:
        async with app.app_context():
            connection = await (await orm.session.connection()).get_raw_connection()
            link = connection.driver_connection
            assert link is not None
            await link.run(lambda: link.raw.create_function("gate", -1, gate))
            await orm.session.execute(text(ENDLESS.replace("SELECT 1", "SELECT gate()")))

    task = asyncio.create_task(count_forever())
    await gate.reached()
    task.cancel()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([task])
    assert task.cancelled()


async def test_a_savepoint_takes_back_its_part_alone(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        orm.session.add(User(username="alice"))
        await orm.session.flush()
        with pytest.raises(DBAPIError):
            async with orm.session.begin_nested():
                orm.session.add(User(username="alice"))
        await orm.session.commit()
        assert await count(orm.session) == 1


async def test_a_stream_brings_all_rows_and_may_be_left(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        orm.session.add_all(User(username=str(number)) for number in range(1000))
        await orm.session.commit()
        query = orm.select(User.username).order_by(User.id)
        stream = await orm.session.stream_scalars(query)
        assert [name async for name in stream] == [str(number) for number in range(1000)]
        assert len(await (await orm.session.stream(query)).fetchall()) == 1000
        left = await orm.session.stream_scalars(query)
        assert await left.first() == "0"
        orm.session.add(User(username="after"))
        await orm.session.commit()


async def test_to_write_inside_a_stream_is_refused_at_once(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        orm.session.add_all(User(username=str(number)) for number in range(1000))
        await orm.session.commit()
        query = orm.select(User).execution_options(yield_per=10)
        stream = await orm.session.stream_scalars(query)
        async for _ in stream:
            orm.session.add(User(username="inside"))
            with pytest.raises(OperationalError, match="a stream is open in this session"):
                await orm.session.flush()
            break
        await stream.close()
        await orm.session.rollback()
        orm.session.add(User(username="after"))
        await orm.session.commit()


async def test_in_autocommit_each_statement_is_its_own(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        engine = orm.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.exec_driver_sql("VACUUM")
        async with orm.engine.connect() as connection:
            await connection.exec_driver_sql("INSERT INTO user (username, age) VALUES ('x', 0)")
        assert await count(orm.session) == 0


async def test_the_library_and_the_pragmas_are_the_data_layers(site: Site, db: Database) -> None:
    app, orm = site
    writer = engine_of(db)._connections[0]
    async with app.app_context(), orm.engine.connect() as connection:
        raw_connection = await connection.get_raw_connection()
        link = raw_connection.driver_connection
        assert link is not None
        assert type(link.raw) is type(writer.raw) is sqlite.Connection
        for pragma in (
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "trusted_schema",
            "busy_timeout",
            "journal_size_limit",
            "query_only",
        ):
            ours, theirs = [
                await each.run(
                    lambda raw, p=pragma: raw.execute(f"PRAGMA {p}").fetchone(), each.raw
                )
                for each in (link, writer)
            ]
            assert ours == theirs, pragma


async def test_workers_that_start_together_create_the_tables_once(tmp_path: Path) -> None:
    sites = [Site(*make_app(tmp_path)) for _ in range(8)]

    async def create(site: Site) -> None:
        async with site.app.app_context():
            await site.orm.create_all()

    await asyncio.gather(*(create(site) for site in sites))


async def test_a_regular_expression_and_a_parameter_list_work(site: Site) -> None:
    """SQLAlchemy gives SQLite functions of Python's, through the driver."""
    app, orm = site
    async with app.app_context():
        orm.session.add_all([User(username="alice"), User(username="bob")])
        await orm.session.commit()
        query = orm.select(User.username).where(User.username.regexp_match("^a"))
        assert (await orm.session.scalars(query)).all() == ["alice"]
        query = orm.select(User.username).where(User.username.in_(["bob", "carol"]))
        assert (await orm.session.scalars(query)).all() == ["bob"]
