"""What the data layer's tests share: gates, counters, another process, a cancel at a step."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

from qapp.ext.database import Database
from qapp.ext.database.driver import Connection
from qapp.ext.database.sqlite import SQLiteEngine
from qapp.ext.database.sqlite.reads import Reads
from qapp.ext.database.sqlite.writes import Writes

PATIENCE_S = 30
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def engine_of(db: Database) -> SQLiteEngine:
    assert isinstance(db._own, SQLiteEngine)
    return db._own


def path_of(db: Database) -> Path:
    return engine_of(db)._path


def writer_of(db: Database) -> Connection:
    return engine_of(db)._connections[0]


def readers_of(db: Database) -> list[Connection]:
    return engine_of(db)._connections[1:]


def reads_of(db: Database) -> Reads:
    reads = engine_of(db)._reads
    assert reads is not None
    return reads


def writes_of(db: Database) -> Writes:
    writes = engine_of(db)._writes
    assert writes is not None
    return writes


async def on_all(db: Database, function: Callable[[Any], object]) -> None:
    """Call `function` with each raw connection of `db`, in that connection's thread."""
    for connection in engine_of(db)._connections:
        await connection.run(function, connection.raw)


async def idle(db: Database) -> None:
    """Wait until nothing of `db` runs any more."""
    while trips := reads_of(db).trips | writes_of(db).trips:
        await asyncio.wait(trips)


async def ticks(count: int = 5) -> None:
    """Let the event loop go round, so that what was asked for so far is under way."""
    for _ in range(count):
        await asyncio.sleep(0)


class Gate:
    """The SQL function `gate()`: a statement that calls it waits in its thread until `open()`.

    :ivar calls: how often it was called.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reached = asyncio.Semaphore(0)
        self._opened = threading.Event()
        self.calls = 0

    def __call__(self, *_: Any) -> int:
        self.calls += 1
        self._loop.call_soon_threadsafe(self._reached.release)
        assert self._opened.wait(PATIENCE_S), "the gate was never opened"
        return 1

    async def reached(self) -> None:
        """Wait until one more statement stands at the gate (or has passed it)."""
        async with asyncio.timeout(PATIENCE_S):
            await self._reached.acquire()

    def open(self) -> None:
        self._opened.set()

    def close(self) -> None:
        self._opened.clear()


@contextlib.asynccontextmanager
async def gate_in(db: Database) -> AsyncIterator[Gate]:
    """Give every connection of `db` the function `gate(…)`; at the end it is open for all."""
    gate = Gate()
    await on_all(db, lambda raw: raw.create_function("gate", -1, gate))
    try:
        yield gate
    finally:
        gate.open()


async def traced(db: Database) -> list[str]:
    """Return the list to which every statement that SQLite starts is appended from now on."""
    statements: list[str] = []
    await on_all(db, lambda raw: raw.set_trace_callback(statements.append))
    return statements


class Stepped:
    """Awaits `work` and cancels the task around it at chosen suspensions.

    :param steps: at which suspensions, counted from 1.
    :param resumed: cancel when what the work waits for has come, before the work is told.
    :ivar came: whether the last of them came before the work was over.
    """

    def __init__(
        self, work: Coroutine[Any, Any, Any], steps: tuple[int, ...], *, resumed: bool = False
    ) -> None:
        self._work = work
        self._steps = steps
        self._resumed = resumed
        self.came = False

    def __await__(self) -> Generator[Any, Any, Any]:
        work = self._work.__await__()
        suspensions = 0
        error: BaseException | None = None
        while True:
            try:
                waited_for = work.send(None) if error is None else work.throw(error)
            except StopIteration as end:
                return end.value
            error = None
            suspensions += 1
            if suspensions in self._steps:
                self.came = suspensions == max(self._steps)
                self._cancel(waited_for)
            try:
                yield waited_for
            except BaseException as thrown:
                error = thrown

    def _cancel(self, waited_for: asyncio.Future[Any] | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._resumed and waited_for is not None:
            waited_for.add_done_callback(lambda _: task.cancel())
        else:
            task.cancel()


class OtherProcess:
    """Another process with the file open; it runs the statements it is told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, sql: str) -> Any:
        """Return the statement's rows, or the driver's message when it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(sql).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self._process.stdout.readline())


@contextlib.asynccontextmanager
async def other_process(path: Path) -> AsyncIterator[OtherProcess]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from tests.ext.database.tools import serve; serve()",
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield OtherProcess(process)
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        await process.wait()


def serve() -> None:
    """Be the other process: read statements as JSON lines, answer each with one."""
    from qapp.ext.database.driver import sqlite

    connection = sqlite.connect(sys.argv[1], isolation_level=None, timeout=PATIENCE_S)
    for line in sys.stdin:
        try:
            answer: Any = connection.execute(json.loads(line)).fetchall()
        except sqlite.Error as error:
            answer = str(error)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    connection.close()
