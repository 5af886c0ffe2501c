"""Pages with a version: kept over commits, checked after each, and made anew when it is another."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from qapp.ext.database import DatabaseBusy
from qapp.ext.database.driver import sqlite
from qapp.ext.pages import Limits
from qapp.ext.pages.page import Page
from qapp.ext.pages.render import Answer, Key
from qapp.ext.pages.store import Store

from .conftest import Clock
from .tools import READER_PAUSE_S, RENAME, World, ask

TEA = "/big/1"


def rename_aside(world: World, name: str) -> None:
    """Commit as another process does."""
    with closing(sqlite.connect(f"{world.app.instance_path}/teas.db")) as connection:
        connection.execute(RENAME, {"id": 1, "name": name})
        connection.commit()


async def test_a_commit_of_something_else_leaves_a_page(world: World) -> None:
    first = await ask(world.app, TEA)
    for number in range(20):
        await world.add(f"tea {number}")
        assert await ask(world.app, TEA) == first
    assert world.made == [TEA]
    counts = await world.counts()
    assert (counts.hits, counts.misses, counts.drops, counts.pages) == (20, 1, 0, 1)


async def test_it_is_checked_once_after_a_commit_and_not_without_one(world: World) -> None:
    await ask(world.app, TEA)
    for _ in range(3):
        await world.add("black")
        checks = world.checks
        for _ in range(5):
            await ask(world.app, TEA)
        assert world.checks == checks + 1


async def test_a_change_of_what_it_is_made_of_is_seen_at_once(world: World) -> None:
    await ask(world.app, TEA)
    for number in range(20):
        await world.rename(1, f"tea {number}")
        assert (await ask(world.app, TEA)).text == f"BIG tea {number}"
    counts = await world.counts()
    assert (counts.misses, counts.drops, counts.pages) == (21, 20, 1)


async def test_a_change_by_another_process_is_seen_when_a_look_is_due(
    world: World, clock: Clock
) -> None:
    await ask(world.app, TEA)
    for number in range(5):
        rename_aside(world, f"tea {number}")
        clock.now += 0.201
        assert (await ask(world.app, TEA)).text == f"BIG tea {number}"


async def test_what_is_gone_is_not_found(world: World) -> None:
    await ask(world.app, TEA)
    async with world.app.app_context():
        await world.db.execute("DELETE FROM teas")
    assert (await ask(world.app, TEA)).status == 404
    assert (await world.counts()).pages == 0


async def test_each_page_has_a_version_of_its_own(world: World) -> None:
    await world.add("black")
    assert (await ask(world.app, "/big/2")).text == "BIG black"
    await ask(world.app, TEA)
    await world.rename(2, "oolong")
    assert (await ask(world.app, TEA)).text == "BIG green"
    assert (await ask(world.app, "/big/2")).text == "BIG oolong"
    assert world.made == ["/big/2", TEA, "/big/2"]


async def test_a_page_becomes_too_old_whatever_its_version(world: World, clock: Clock) -> None:
    await ask(world.app, TEA)
    for _ in range(3):
        await world.add("black")
        clock.now += Limits().max_age_s / 3 - 0.001
        await ask(world.app, TEA)
    assert len(world.made) == 1
    clock.now += 1
    await ask(world.app, TEA)
    assert len(world.made) == 2


async def test_while_it_is_made_what_is_read_may_change(world: World) -> None:
    """What is read after the version may be newer: then the page is made once more."""
    early = asyncio.create_task(ask(world.app, "/late/1"))
    await world.arrived.acquire()
    await world.rename(1, "black")
    world.gate.set()
    assert (await early).text == "late black"
    for _ in range(2):
        assert (await ask(world.app, "/late/1")).text == "late black"
    assert len(world.made) == 2


async def test_one_that_was_made_beside_a_commit_of_something_else_is_kept(world: World) -> None:
    early = asyncio.create_task(ask(world.app, "/late/1"))
    await world.arrived.acquire()
    await world.add("black")
    world.gate.set()
    first = await early
    assert await ask(world.app, "/late/1") == first
    assert len(world.made) == 1


async def test_while_the_version_is_not_known_the_app_answers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await ask(world.app, TEA)
    await world.add("black")

    async def refuse(number: int) -> str:
        raise DatabaseBusy("too many reads are waiting")

    async def hang(number: int) -> str:
        await asyncio.Event().wait()
        return ""

    with monkeypatch.context() as patch:
        patch.setattr("qapp.ext.pages.layer.MOST_LOOK_S", 0.01)
        for ask_version in (refuse, hang):
            patch.setattr(world, "asked_version", ask_version)
            assert (await ask(world.app, TEA)).text == first.text
    assert world.made == [TEA] * 3
    assert await ask(world.app, TEA) == first
    assert world.made == [TEA] * 3


async def test_a_fault_of_the_version_is_logged_and_the_app_answers(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = await ask(world.app, TEA)
    await world.add("black")

    async def fail(number: int) -> str:
        raise LookupError("no such tea")

    with monkeypatch.context() as patch:
        patch.setattr(world, "asked_version", fail)
        for path in (TEA, "/big/2"):  # one that is kept, and one that would be
            assert (await ask(world.app, path)).status == 200
            assert "LookupError: no such tea" in caplog.text
            caplog.clear()
    assert await ask(world.app, TEA) == first
    assert world.made == [TEA, TEA, "/big/2"]


async def test_writers_and_readers_at_once_never_see_the_past(world: World) -> None:
    """What a writer has been told of, every reader sees who asks after that."""
    told = 0
    await world.rename(1, "0")

    async def write() -> None:
        nonlocal told
        for number in range(1, 80):
            await (world.rename(1, str(number)) if number % 2 else world.add("other"))
            told = number if number % 2 else told

    async def read() -> None:
        while told < 79:
            least = told
            assert int((await ask(world.app, TEA)).text.removeprefix("BIG ")) >= least
            await asyncio.sleep(READER_PAUSE_S)

    await asyncio.gather(write(), *(read() for _ in range(8)))


async def test_pages_that_nobody_asks_for_any_more_are_forgotten(
    world: World, clock: Clock
) -> None:
    for name in ("green", "black", "white"):
        await ask(world.app, f"/tea/{name}")
    await ask(world.app, TEA)
    clock.now += Limits().max_age_s / 2
    await ask(world.app, "/tea/black")
    await ask(world.app, "/")
    assert (await world.counts()).pages == 5
    clock.now += Limits().max_age_s / 2 + 1
    await ask(world.app, "/tea/oolong")
    assert (await world.counts()).pages == 2
    await ask(world.app, "/tea/black")
    assert world.made.count("/tea/black") == 2


def test_a_page_that_was_made_twice_is_dropped_too() -> None:
    """Two may be made at once: the second takes the place of the first."""
    store, key = Store(1_000_000), Key("http", b"localhost", "", "/", b"", b"")
    for _ in range(2):
        store.put(Page(key, Answer(200, [], b"green"), 30.0, store.generation), 0.0)
    assert store.counts.pages == 1
    store.drop()
    assert store.get(key, 0.0) is None
    assert store.counts[5:] == (0, 0)


def test_a_page_that_was_too_old_when_it_was_made_is_not_kept() -> None:
    store, key = Store(1_000_000), Key("http", b"localhost", "", "/", b"", b"")
    store.put(Page(key, Answer(200, [], b"green"), 30.0, store.generation), 30.0)
    assert store.counts[5:] == (0, 0)
