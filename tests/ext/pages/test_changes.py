"""How long a page holds: until a commit of this process, or of another, and not a moment longer."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from pathlib import Path

import pytest

from qapp.ext.database import DatabaseBusy
from qapp.ext.database.driver import sqlite

from .conftest import Clock
from .tools import ADD, PATIENCE_S, READER_PAUSE_S, Got, World, ask

WRITE = """
import sys
from qapp.ext.database.driver import sqlite
connection = sqlite.connect(sys.argv[1])
connection.execute("INSERT INTO teas (name) VALUES (?)", sys.argv[2:])
connection.commit()
"""


def path_of(world: World) -> str:
    return f"{world.app.instance_path}/teas.db"


def write_aside(world: World, name: str) -> None:
    """Commit as another process does: by a connection that the cache knows nothing of."""
    with closing(sqlite.connect(path_of(world))) as connection:
        connection.execute(ADD, {"name": name})
        connection.commit()


async def test_a_commit_of_this_process_is_seen_at_once(world: World) -> None:
    for number in range(50):
        await ask(world.app)
        await world.add(f"tea {number}")
        assert (await ask(world.app)).text.endswith(f", tea {number}")
    assert (await world.counts()).drops >= 50


async def test_so_is_a_transaction(world: World) -> None:
    await ask(world.app)
    async with world.app.app_context(), world.db.transaction() as tx:
        await tx.execute(ADD, {"name": "black"})
        assert "black" not in (await ask(world.app)).text
    assert "black" in (await ask(world.app)).text


async def test_what_is_rolled_back_drops_nothing(world: World) -> None:
    for _ in range(5):
        await ask(world.app)
    drops = (await world.counts()).drops

    async def fail() -> None:
        async with world.app.app_context(), world.db.transaction() as tx:
            await tx.execute(ADD, {"name": "black"})
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    await ask(world.app)
    assert (await world.counts()).drops == drops


async def test_a_commit_of_another_is_seen_when_a_look_is_due(world: World, clock: Clock) -> None:
    await ask(world.app)
    for number in range(20):
        write_aside(world, f"tea {number}")
        clock.now += 0.201
        assert (await ask(world.app)).text.endswith(f", tea {number}")


async def test_between_two_looks_a_page_costs_no_trip(world: World, clock: Clock) -> None:
    first = await ask(world.app)
    write_aside(world, "black")
    clock.now += 0.199
    assert await ask(world.app) == first


async def test_a_commit_of_another_process_is_seen_in_real_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    async with world.app.test_app():
        await world.create()
        await ask(world.app)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITE, path_of(world), "black"
        )
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0
            while "black" not in (await ask(world.app)).text:
                continue


async def test_a_page_that_was_begun_before_a_commit_is_not_kept(world: World) -> None:
    """It was read before, and done after."""
    early = asyncio.create_task(ask(world.app, "/early"))
    await world.arrived.acquire()
    await world.add("black")
    world.gate.set()
    assert (await early).text == "green"
    assert (await ask(world.app, "/early")).text == "green, black"


async def test_who_asks_after_a_commit_does_not_wait_for_a_page_of_before(world: World) -> None:
    early = asyncio.create_task(ask(world.app, "/early"))
    await world.arrived.acquire()
    await world.add("black")
    late = asyncio.create_task(ask(world.app, "/early"))
    await world.arrived.acquire()
    world.gate.set()
    assert [got.text for got in await asyncio.gather(early, late)] == ["green", "green, black"]
    assert (await ask(world.app, "/early")).text == "green, black"


async def test_nor_for_one_of_before_a_commit_of_another(world: World, clock: Clock) -> None:
    await ask(world.app)
    early = asyncio.create_task(ask(world.app, "/early"))
    await world.arrived.acquire()
    write_aside(world, "black")
    clock.now += 0.201
    late = asyncio.create_task(ask(world.app, "/early"))
    await world.arrived.acquire()
    world.gate.set()
    assert (await late).text == "green, black"
    await early
    assert (await ask(world.app, "/early")).text == "green, black"


async def test_a_visitor_with_a_session_always_sees_the_data_as_it_is(world: World) -> None:
    cookie = (await ask(world.app, "/login/ann")).headers["set-cookie"].partition(";")[0]
    await ask(world.app)
    for number in range(20):
        write_aside(world, f"tea {number}")  # no look is due
        got = await ask(world.app, headers={"Cookie": cookie})
        assert got.text.startswith("ann ")
        assert got.text.endswith(f", tea {number}")


async def test_while_the_version_is_not_known_the_app_answers(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(world.app)

    async def refuse() -> int:
        raise DatabaseBusy("too many reads are waiting")

    with monkeypatch.context() as patch:
        patch.setattr(world.db, "version", refuse)
        write_aside(world, "black")
        clock.now += 0.201
        for _ in range(2):
            assert "black" in (await ask(world.app)).text
    assert len(world.made) == 3
    assert "black" in (await ask(world.app)).text
    await ask(world.app)
    assert len(world.made) == 4


async def test_a_look_that_hangs_is_not_waited_for(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(world.app)

    async def hang() -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(world.db, "version", hang)
    monkeypatch.setattr("qapp.ext.pages.layer.MOST_LOOK_S", 0.01)
    clock.now += 0.201
    assert (await ask(world.app)).status == 200
    assert (await ask(world.app, "/own")).status == 200
    assert len(world.made) == 3


async def test_writers_and_readers_at_once_never_see_the_past(world: World) -> None:
    """What a writer has been told of, every reader sees who asks after that."""
    told = 0

    async def write() -> None:
        nonlocal told
        for number in range(1, 60):
            await world.add(f"tea {number}")
            told = number

    async def read() -> None:
        while told < 59:
            least = told
            got: Got = await ask(world.app)
            seen = int(got.text.rpartition(" ")[2]) if " tea " in got.text else 0
            assert seen >= least
            await asyncio.sleep(READER_PAUSE_S)

    await asyncio.gather(write(), *(read() for _ in range(8)))
