"""A file and its row: both or neither, whatever happens between."""

from __future__ import annotations

import asyncio
import errno
import multiprocessing
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from quart import Quart

from qapp.ext import storage as module
from qapp.ext.locks import locked
from qapp.ext.storage import Part, Storage, StorageFull, StoredBody
from qapp.ext.storage import part as part_module
from qapp.ext.storage.folders import Folders
from qapp.ext.threads import PoolBusy


class World:
    """An app with a storage, whose rows are a set."""

    def __init__(self, folder: Path) -> None:
        self.rows: set[str] = set()
        self.app = Quart(__name__, instance_path=str(folder))
        self.storage = Storage(threads=2)

        @self.storage.is_known
        async def has_row(key: str) -> bool:
            return key in self.rows

        self.storage.init_app(self.app)
        self.folder = folder / "files"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Storage]:
        """Serve, with an app context as views have one."""
        async with self.app.test_app(), self.app.app_context():
            yield self.storage

    def kept(self) -> dict[str, bytes]:
        """Return the files that are kept, by their keys."""
        return {path.name: path.read_bytes() for path in self.folder.glob("??/*")}

    def left(self) -> list[Path]:
        """Return what lies in the folders where files arrive."""
        return [path for path in self.folder.glob("working/*/*") if path.is_file()]

    async def record(self, key: str) -> str:
        """Commit a row."""
        self.rows.add(key)
        return key


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def arrived(storage: Storage, data: bytes = b"some data") -> Part:
    part = await storage.begin()
    await part.write(data)
    return part


async def test_a_file_is_kept_with_its_row(world: World) -> None:
    async with world.serving() as storage:
        part = await storage.begin()
        await part.write(b"some ")
        await part.write(b"data")
        assert part.size_bytes == 9
        assert world.kept() == {}
        key = await storage.keep(part, world.record)
        assert world.kept() == {key: b"some data"}
        assert world.left() == []
    assert list((world.folder / "working").iterdir()) == []


async def test_it_can_be_read_before_it_is_kept(world: World) -> None:
    async with world.serving() as storage:
        part = await arrived(storage)
        await part.end()
        assert part.file.read() == b"some data"
        await storage.discard(part)
        assert world.left() == []
        assert part.file.closed


async def test_what_the_row_raises_undoes_the_move(world: World) -> None:
    async def refuse(key: str) -> None:
        raise LookupError(key)

    async with world.serving() as storage:
        part = await arrived(storage)
        with pytest.raises(LookupError):
            await storage.keep(part, refuse)
        await storage.discard(part)
        assert world.kept() == {}
        assert world.left() == []


async def test_a_row_that_was_committed_before_the_error_keeps_its_file(world: World) -> None:
    async def commit_and_fail(key: str) -> None:
        world.rows.add(key)
        raise LookupError

    async with world.serving() as storage:
        with pytest.raises(LookupError):
            await storage.keep(await arrived(storage), commit_and_fail)
        assert set(world.kept()) == world.rows
        assert len(world.rows) == 1
        assert world.left() == []


async def test_both_are_kept_although_the_caller_left(world: World) -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(key: str) -> None:
        begun.set()
        await goes_on.wait()
        world.rows.add(key)

    async with world.serving() as storage:
        part = await arrived(storage)
        keeping = asyncio.create_task(storage.keep(part, slow))
        await begun.wait()
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping
        await storage.discard(part)  # as the end of the request does
        goes_on.set()
    assert set(world.kept()) == world.rows
    assert len(world.rows) == 1


async def test_a_part_whose_caller_left_while_it_was_opened_is_removed(world: World) -> None:
    async with world.serving() as storage:
        beginning = asyncio.create_task(storage.begin())
        await asyncio.sleep(0)
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
    assert world.left() == []


async def test_removing_removes_both(world: World) -> None:
    async with world.serving() as storage:
        keys = [await storage.keep(await arrived(storage), world.record) for _ in range(3)]

        async def forget() -> None:
            world.rows.difference_update(keys[:2])

        await storage.remove(keys[:2], forget)
        assert set(world.kept()) == {keys[2]}
        assert world.left() == []


async def test_what_can_not_be_forgotten_stays(world: World) -> None:
    async with world.serving() as storage:
        keys = [await storage.keep(await arrived(storage), world.record) for _ in range(3)]

        async def refuse() -> None:
            world.rows.discard(keys[0])
            raise LookupError

        with pytest.raises(LookupError):
            await storage.remove(keys, refuse)
        assert set(world.kept()) == world.rows == {*keys[1:]}
        assert world.left() == []


@pytest.mark.parametrize("has_row", [True, False])
async def test_where_the_database_does_not_answer_the_next_start_decides(
    world: World, caplog: pytest.LogCaptureFixture, has_row: bool
) -> None:
    async def fail(key: str) -> None:
        if has_row:
            world.rows.add(key)
        raise LookupError

    async def answer(_: str) -> bool:
        raise ConnectionError("no database")

    async with world.serving() as storage:
        known = world.storage._known
        storage.is_known(answer)
        with pytest.raises(LookupError):
            await storage.keep(await arrived(storage), fail)
        assert len(world.kept()) == 1
        assert "is looked at again at the next start" in caplog.text
    assert known is not None
    again = World(world.folder.parent)
    again.rows = world.rows
    async with again.serving():
        assert set(again.kept()) == again.rows
        assert again.left() == []


# A process that is killed


def die_at(folder: Path, moment: str, connection: multiprocessing.connection.Connection) -> None:
    """Keep a file, and be killed at a moment; send the rows that were committed before."""
    world = World(folder)

    def kill() -> None:
        connection.send(sorted(world.rows))
        os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        async with world.serving() as storage:
            part = await arrived(storage)
            if moment == "arriving":
                kill()
            if moment == "placed":
                real = Folders.place

                def place(self: Folders, part: Part, key: str) -> None:
                    real(self, part, key)
                    kill()

                Folders.place = place  # type: ignore[method-assign]

            async def record(key: str) -> str:
                if moment == "before the row":
                    kill()
                await world.record(key)
                if moment == "after the row":
                    kill()
                return key

            key = await storage.keep(part, record)

            async def forget() -> None:
                if moment == "before it is forgotten":
                    kill()
                world.rows.discard(key)
                kill()

            await storage.remove([key], forget)

    asyncio.run(run())


@pytest.mark.parametrize(
    "moment",
    [
        "arriving",
        "placed",
        "before the row",
        "after the row",
        "before it is forgotten",
        "forgotten",
    ],
)
async def test_after_a_kill_there_are_both_or_neither(tmp_path: Path, moment: str) -> None:
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=die_at, args=(tmp_path, moment, sending))
    process.start()
    sending.close()
    rows = await asyncio.to_thread(receiving.recv)
    await asyncio.to_thread(process.join)
    assert process.exitcode == -signal.SIGKILL
    world = World(tmp_path)
    world.rows = set(rows)
    assert len(world.left()) == 1
    async with world.serving():
        assert set(world.kept()) == world.rows
        assert world.left() == []
        assert bool(world.rows) is (moment in ("after the row", "before it is forgotten"))
    assert list((world.folder / "working").iterdir()) == []


async def test_what_a_living_process_is_about_is_left_to_it(world: World) -> None:
    other = World(world.folder.parent)
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(key: str) -> str:
        begun.set()
        await goes_on.wait()
        return await world.record(key)

    async with world.serving() as storage:
        keeping = asyncio.create_task(storage.keep(await arrived(storage), slow))
        await begun.wait()
        async with other.serving():
            assert len(other.kept()) == 1
            assert len(other.left()) == 1
        goes_on.set()
        assert set(world.kept()) == {await keeping}


# The disk


async def test_a_disk_that_is_nearly_full_takes_nothing_new(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(world.folder.parent)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: usage._replace(free=part_module.SPARE_BYTES - 1)
    )
    async with world.serving() as storage:
        part = await storage.begin()
        with pytest.raises(StorageFull):
            await part.write(b"x")
        await storage.discard(part)


async def test_a_disk_that_fills_up_on_the_way_is_told(world: World) -> None:
    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            pass

    async with world.serving() as storage:
        part = await storage.begin()
        part.file.close()
        part.file = Full()  # type: ignore[assignment]
        with pytest.raises(StorageFull):
            await part.write(b"x")
        await storage.discard(part)
        assert world.left() == []


async def test_one_that_fills_up_while_it_is_placed_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with world.serving() as storage:
        part = await arrived(storage)
        monkeypatch.setattr(Folders, "place", full)
        with pytest.raises(StorageFull):
            await storage.keep(part, world.record)
        assert world.kept() == {}
        assert world.left() == []


async def test_too_many_at_once_are_turned_away(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.serving() as storage:
        part = await storage.begin()
        world.app.extensions["files_threads"].most_jobs = 0
        with pytest.raises(PoolBusy):
            await part.write(b"x")
        world.app.extensions["files_threads"].most_jobs = 9
        await storage.discard(part)


# Locks, sending, and what is missing


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    first = locked(path)
    assert first is not None
    assert locked(path) is None
    first.close()
    second = locked(path)
    assert second is not None
    second.close()


async def test_a_body_sends_a_range_and_closes(world: World) -> None:
    async with world.serving() as storage:
        key = await storage.keep(await arrived(storage, b"0123456789"), world.record)
        body = await storage.open(key)
        assert await body.make_conditional(-3, None) == 10

        async with body as sending:
            assert b"".join([data async for data in sending]) == b"789"
        assert isinstance(body, StoredBody)
        assert body._file is not None
        assert body._file.closed


async def test_a_missing_file_is_told_before_anything_is_sent(world: World) -> None:
    async with world.serving() as storage:
        with pytest.raises(FileNotFoundError):
            await storage.open("0" * 32)


async def test_outside_of_serving_there_is_no_storage(world: World) -> None:
    async with world.app.app_context():
        with pytest.raises(RuntimeError, match="only while the app serves"):
            await world.storage.begin()


async def test_without_a_way_to_ask_nothing_is_settled(tmp_path: Path) -> None:
    app = Quart(__name__, instance_path=str(tmp_path))
    storage = Storage()
    storage.init_app(app)

    async def refuse(_: str) -> None:
        raise LookupError

    async with app.test_app(), app.app_context():
        part = await arrived(storage)
        with pytest.raises(RuntimeError, match="is_known"):
            await storage.keep(part, refuse)


async def test_two_apps_have_folders_of_their_own(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = World(tmp_path / "other")
    async with world.serving() as first:
        key = await first.keep(await arrived(first, b"first"), world.record)
    async with other.serving() as second:
        await second.keep(await arrived(second, b"second"), other.record)
    assert world.kept() == {key: b"first"}
    assert list(other.kept().values()) == [b"second"]


async def test_the_example_keeps_and_sends_files(tmp_path: Path) -> None:
    assert module.__doc__
    _, start, rest = module.__doc__.partition("    from quart")
    names: dict[str, Any] = {"__name__": "example"}
    example = dedent(start + rest.partition("A file arrives")[0])
    here = f"Quart(__name__, instance_path={str(tmp_path)!r})"
    exec(example.replace("Quart(__name__)", here), names)  # noqa: S102
    app: Quart = names["app"]
    async with app.test_app() as serving:
        client = serving.test_client()
        for number, data in enumerate((b"first", b"second"), start=1):
            response = await client.put("/files", data=data)
            assert await response.get_json() == {"id": number}
            response = await client.get(f"/files/{number}")
            assert await response.get_data(as_text=False) == data
    assert len(list((tmp_path / "files").glob("??/*"))) == 2


async def test_what_is_committed_is_not_called_busy(world: World) -> None:
    async def record_when_all_is_full(key: str) -> str:
        world.app.extensions["files_threads"].most_jobs = 0
        return await world.record(key)

    async with world.serving() as storage:
        part = await arrived(storage)
        key = await storage.keep(part, record_when_all_is_full)
        assert set(world.kept()) == {key} == world.rows
        await storage.discard(part)
        assert world.left() == []


async def test_what_can_not_be_placed_for_want_of_threads_leaves_nothing(world: World) -> None:
    async with world.serving() as storage:
        part = await arrived(storage)
        world.app.extensions["files_threads"].most_jobs = 0
        with pytest.raises(PoolBusy):
            await storage.keep(part, world.record)
        assert world.left() == []
        assert part.file.closed


async def test_too_many_open_files_are_told_as_busy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async with world.serving() as storage:
        monkeypatch.setattr(module, "Part", fail)
        with pytest.raises(PoolBusy):
            await storage.begin()
