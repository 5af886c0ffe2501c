"""Keep files in a folder, each with its row in a database: always both, or neither.

    from quart import Quart, Response, request
    from qapp.ext.database import Database
    from qapp.ext.storage import Storage

    app = Quart(__name__)
    app.config["DATABASE_URL"] = "sqlite:///files.db"
    db, storage = Database(app), Storage()

    @app.while_serving
    async def with_table():
        await db.execute("CREATE TABLE IF NOT EXISTS files (id INTEGER PRIMARY KEY, key TEXT)")
        yield

    @storage.is_known
    async def has_row(key):
        return await db.fetch_value("SELECT 1 FROM files WHERE key = :key", {"key": key})

    storage.init_app(app)

    @app.put("/files")
    async def put():
        part = await storage.begin()
        try:
            async for data in request.body:
                await part.write(data)
            add = "INSERT INTO files (key) VALUES (:key) RETURNING id"
            return {"id": await storage.keep(part, lambda key: db.fetch_value(add, {"key": key}))}
        finally:
            await storage.discard(part)

    @app.get("/files/<int:file_id>")
    async def get(file_id):
        find = "SELECT key FROM files WHERE id = :id"
        body = await storage.open(await db.fetch_value(find, {"id": file_id}))
        return Response(body, mimetype="application/octet-stream")

A file arrives in a folder that belongs to this process alone, is synced and then renamed into its
place. Before that, a marker with its key is left in that folder, and removed when the row is
committed: who finds the marker of a process that is no more asks the database whether the file is
to stay. That is done at each start, for the folders that no living process holds the lock of.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from quart import Quart, current_app

from qapp.ext.locks import locked
from qapp.ext.threads import BoundedPool, PoolBusy

from .folders import MARKERS, Folders, remove_folder
from .part import FULL, Part, StorageFull
from .sending import StoredBody

__all__ = ["Part", "Storage", "StorageFull", "StoredBody"]

T = TypeVar("T")
Known = Callable[[str], Awaitable[object]]
log = logging.getLogger(__name__)

# How long a stop waits for what is being moved into place.
CLOSE_S = 10


class _State:
    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.tasks: set[asyncio.Task[Any]] = set()

    def own(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run what the stop is to wait for."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


class Storage:
    """A folder of files for each app, in its instance folder.

    :param name: what the folder and the threads are called.
    :param threads: how many write, read and move at a time.
    :param most_jobs: how many may wait for that; past it `PoolBusy` is raised.
    """

    def __init__(self, name: str = "files", *, threads: int = 4, most_jobs: int = 2000) -> None:
        self._name = name
        self._pool = BoundedPool(f"{name}_threads", threads=threads, most_jobs=most_jobs)
        self._known: Known | None = None

    def is_known(self, function: Known) -> Known:
        """Register, as a decorator, what tells whether the row of a key is committed."""
        self._known = function
        return function

    def init_app(self, app: Quart) -> None:
        """Open the folder while the app serves. Goes after the database, which it needs."""
        self._pool.init_app(app)

        @app.while_serving
        async def opened() -> AsyncGenerator[None, None]:
            folders = Folders(Path(app.instance_path) / self._name)
            left = await self._pool.run(folders.open)
            state = app.extensions[self._name] = _State(folders)
            try:
                for folder in left:
                    await self._settle_folder(folder)
                yield
            finally:
                if state.tasks:
                    await asyncio.wait(state.tasks, timeout=CLOSE_S)
                await self._pool.opened().insist(folders.close)

    async def begin(self) -> Part:
        """Return a new part.

        :raises StorageFull: if there is hardly any room left; PoolBusy, if too many write at once.
        """
        state = self._state()

        def begun() -> Part:
            try:
                return Part(state.folders.own / f"{secrets.token_hex(16)}.part", self._pool)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    raise PoolBusy("too many files are open") from error
                raise

        task = state.own(self._pool.run(begun))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            state.own(self._undo_begin(task))
            raise

    async def discard(self, *parts: Part) -> None:
        """Remove the parts that were not kept."""
        left = [part for part in parts if not part.is_taken]
        if left:
            await self._whole(self._removed(*left))

    async def keep(self, part: Part, record: Callable[[str], Awaitable[T]]) -> T:
        """Move a part into place and record it: both, or neither, whoever stops waiting.

        :param record: commits the row of the key it is given. What it raises, this raises.
        :raises StorageFull: if the disk has no room; PoolBusy, if too much waits.
        """
        part.is_taken = True
        return await self._whole(self._keep(part, record))

    async def remove(self, keys: list[str], forget: Callable[[], Awaitable[T]]) -> T:
        """Remove files and their rows: all, or none.

        :param forget: commits that the rows are gone. What it raises, this raises.
        """
        return await self._whole(self._remove(keys, forget))

    async def open(self, key: str) -> StoredBody:
        """Return a kept file as the body of a response, opened and closed when that is sent.

        :raises FileNotFoundError: if there is none.
        """
        place = self._state().folders.place_of(key)
        size_bytes = await self._pool.run(lambda: place.stat().st_size)
        return StoredBody(place, size_bytes, self._pool.opened())

    async def _keep(self, part: Part, record: Callable[[str], Awaitable[T]]) -> T:
        folders = self._state().folders
        key = secrets.token_hex(16)
        try:
            await self._pool.run(folders.place, part, key)
            result = await record(key)
        except BaseException as error:
            await self._removed(part)
            await self._settle(key, folders.marker_of(key))
            if isinstance(error, OSError) and error.errno in FULL:
                raise StorageFull("the disk is full") from error
            raise
        await self._pool.opened().insist(folders.unmark, key)
        return result

    async def _remove(self, keys: list[str], forget: Callable[[], Awaitable[T]]) -> T:
        folders = self._state().folders
        await self._pool.run(folders.mark, *keys)
        try:
            result = await forget()
        except BaseException:
            for key in keys:
                await self._settle(key, folders.marker_of(key))
            raise
        await self._pool.opened().insist(folders.remove, *keys)
        await self._pool.opened().insist(folders.unmark, *keys)
        return result

    async def _settle(self, key: str, marker: Path) -> None:
        """Remove a file that has no row; leave the marker where that can't be told now."""
        if self._known is None:
            raise RuntimeError("nothing tells what is to stay: register Storage.is_known")
        try:
            is_known = await self._known(key)
        except Exception:  # whatever the database raises: the marker says what is to be done
            log.exception("Storage: %s is looked at again at the next start", key)
            return
        if not is_known:
            await self._pool.opened().insist(self._state().folders.remove, key)
        await self._pool.opened().insist(partial(marker.unlink, missing_ok=True))

    async def _settle_folder(self, folder: Path) -> None:
        """Finish what a process that is no more had begun."""
        lock_path = folder.with_suffix(".lock")
        lock = await self._pool.run(locked, lock_path)
        if lock is None:  # another starts beside this one, and does it
            return
        with lock:
            for marker in await self._pool.run(lambda: list(folder.glob(MARKERS))):
                await self._settle(marker.stem, marker)
            is_empty = await self._pool.run(remove_folder, folder)
        if is_empty:  # a lock that is held can't be removed everywhere
            await self._pool.run(partial(lock_path.unlink, missing_ok=True))

    async def _removed(self, *parts: Part) -> None:
        def remove() -> None:
            for part in parts:
                part.remove()

        await self._pool.opened().insist(remove)

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end, also where its caller is cancelled."""
        task = self._state().own(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_fault)
            raise

    async def _undo_begin(self, task: asyncio.Task[Part]) -> None:
        with suppress(PoolBusy, StorageFull):
            await self._removed(await task)

    def _state(self) -> _State:
        state: _State | None = current_app.extensions.get(self._name)
        if state is None:
            raise RuntimeError("Storage is open only while the app serves")
        return state


def _log_fault(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("Storage: nobody waited any more for what failed", exc_info=fault)
