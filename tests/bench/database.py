"""Measure the data layer against a plain pool of aiosqlite connections, in the same run.

    python -m tests.bench.database

The pool is what one writes by hand: four connections in a queue, WAL, synchronous=FULL, one commit
a write, on the same SQLite library. Both get the same calls in alternating rounds, so that whatever
else the machine does meets both. Takes about a minute; ends with 1 if a requirement is missed.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import aiosqlite  # noqa: TID251 - what qapp is compared with
import uvloop

from qapp.ext.database import Database, DatabaseError
from qapp.ext.database.driver import sqlite, version

ROWS = 20_000
CALLERS = 32
ROUNDS = 11
ROUND_S = 0.5
CROWD = 1000
CROWD_CALLS = 5
PROCESSES = 3
PROCESS_CALLERS = 16
PROCESSES_S = 10.0

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE);
CREATE TABLE entries (
  id INTEGER PRIMARY KEY, title TEXT NOT NULL, html TEXT NOT NULL,
  author_id INTEGER NOT NULL REFERENCES users (id), created_at INTEGER NOT NULL);
CREATE INDEX entries_author ON entries (author_id, id);
"""
COLUMNS = "entries.id, entries.title, entries.html, users.username AS author, entries.created_at"
TABLES = "entries JOIN users ON users.id = entries.author_id"
ONE = f"SELECT {COLUMNS} FROM {TABLES} WHERE entries.id = :id"  # noqa: S608 - constants
PAGE = f"SELECT {COLUMNS} FROM {TABLES} ORDER BY entries.id DESC LIMIT 20"  # noqa: S608 - the same
ADD = (
    "INSERT INTO entries (title, html, author_id, created_at)"
    " VALUES (:title, :html, :author_id, :created_at)"
)


class Contender(Protocol):
    """The two calls that are compared."""

    async def read(self, sql: str, values: dict[str, Any]) -> object: ...
    async def write(self, sql: str, values: dict[str, Any]) -> object: ...


class Pool:
    """Four aiosqlite connections in a queue."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connections: list[aiosqlite.Connection] = []
        self._free: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()

    async def __aenter__(self) -> Pool:
        for _ in range(4):
            connection = aiosqlite.Connection(lambda: sqlite.connect(self._path, timeout=5), 64)
            await connection
            self._connections.append(connection)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
                await connection.execute_fetchall(f"PRAGMA {pragma}")
            await connection.execute_fetchall("PRAGMA foreign_keys=ON")
            self._free.put_nowait(connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            await connection.close()

    async def read(self, sql: str, values: dict[str, Any]) -> object:
        connection = await self._free.get()
        try:
            return await connection.execute_fetchall(sql, values)
        finally:
            self._free.put_nowait(connection)

    async def write(self, sql: str, values: dict[str, Any]) -> object:
        connection = await self._free.get()
        try:
            cursor = await connection.execute(sql, values)
            await connection.commit()
            return cursor
        finally:
            self._free.put_nowait(connection)


class Layer:
    """The data layer, as the site uses it."""

    def __init__(self, path: Path) -> None:
        self._db = Database(url=f"sqlite:///{path}")

    async def __aenter__(self) -> Layer:
        await self._db.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._db.close()

    async def read(self, sql: str, values: dict[str, Any]) -> object:
        return await self._db.fetch_all(sql, values)

    async def write(self, sql: str, values: dict[str, Any]) -> object:
        return await self._db.execute(sql, values)


Call = Callable[[Contender], Awaitable[object]]


class Line(NamedTuple):
    """One row of the table."""

    what: str
    pool: str
    qapp: str
    ratio: str
    required: str
    is_met: bool


def entry() -> dict[str, Any]:
    """Return a blog entry of some two thousand characters."""
    words = random.choices(["event", "loop", "await", "a", "the", "of", "thread", "page"], k=340)
    return {
        "title": " ".join(words[:6]),
        "html": f"<p>{' '.join(words)}</p>",
        "author_id": random.randint(1, 50),
        "created_at": 1_760_000_000_000 + random.randint(0, 10**9),
    }


def fill(path: Path) -> None:
    connection = sqlite.connect(path)
    connection.executescript(SCHEMA)
    users = [(i, f"user{i}") for i in range(1, 51)]
    connection.executemany("INSERT INTO users VALUES (?, ?)", users)
    connection.executemany(ADD, (entry() for _ in range(ROWS)))
    connection.commit()
    connection.close()


async def read_one(contender: Contender) -> object:
    return await contender.read(ONE, {"id": random.randint(1, ROWS)})


async def read_page(contender: Contender) -> object:
    return await contender.read(PAGE, {})


async def write_one(contender: Contender) -> object:
    return await contender.write(ADD, entry())


async def calls_a_second(contender: Contender, call: Call) -> float:
    """Let all callers call for one round."""
    start = time.perf_counter()
    calls = 0

    async def caller() -> None:
        nonlocal calls
        while time.perf_counter() - start < ROUND_S:
            await call(contender)
            calls += 1

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return calls / (time.perf_counter() - start)


async def compare(what: str, call: Call, pool: Pool, layer: Layer, required: float) -> Line:
    """Compare in alternating rounds, of which the first is for warming up.

    The ratio is the median of the rounds' ratios: two halves of a round meet the same machine.
    """
    rounds = []
    for _ in range(ROUNDS + 1):
        rounds.append((await calls_a_second(pool, call), await calls_a_second(layer, call)))
    pools, layers = zip(*rounds[1:], strict=True)
    ratio = statistics.median(mine / its for its, mine in rounds[1:])
    return Line(
        what,
        f"{statistics.median(pools):,.0f} /s",
        f"{statistics.median(layers):,.0f} /s",
        f"{ratio:.2f} x",
        f"{required:g} x",
        ratio >= required,
    )


async def latencies(
    contender: Contender, call: Call, callers: int, go_on: Callable[[int], bool]
) -> tuple[list[float], list[str]]:
    """Return how long each call took, in milliseconds, and what failed."""
    taken: list[float] = []
    failed: list[str] = []

    async def caller() -> None:
        done = 0
        while go_on(done):
            start = time.perf_counter()
            try:
                await call(contender)
            except (DatabaseError, sqlite.Error) as error:
                failed.append(str(error))
            taken.append((time.perf_counter() - start) * 1000)
            done += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return taken, failed


async def crowd(pool: Pool, layer: Layer) -> list[Line]:
    """Let a thousand callers write, each a few times."""
    cells = []
    for contender in (pool, layer):
        taken, failed = await latencies(contender, write_one, CROWD, lambda n: n < CROWD_CALLS)
        cells.append((statistics.median(taken), max(taken), len(failed)))
    (pool_median, pool_most, pool_failed), (median, most, failed_count) = cells
    return [
        Line(
            f"{CROWD} writers, median and slowest",
            f"{pool_median:,.0f}, {pool_most:,.0f} ms",
            f"{median:,.0f}, {most:,.0f} ms",
            f"{most / median:.1f} x",
            "< 10 x",
            most < 10 * median,
        ),
        Line(
            f"{CROWD} writers, errors",
            str(pool_failed),
            str(failed_count),
            "",
            "0",
            not failed_count,
        ),
    ]


async def write_for_a_while(path: Path, start_at: float) -> None:
    """Be one of several processes that write; print what came of it."""
    async with Layer(path) as layer:
        await asyncio.sleep(max(0.0, start_at - time.time()))
        end = time.time() + PROCESSES_S
        taken, failed = await latencies(
            layer, write_one, PROCESS_CALLERS, lambda _: time.time() < end
        )
    print(json.dumps({"taken": taken, "failed": failed}))


def processes(path: Path) -> list[Line]:
    """Let several processes write to one file at once."""
    command = [sys.executable, "-m", "tests.bench.database", str(path), str(time.time() + 2)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    taken = sorted(one for answer in answers for one in answer["taken"])
    failed = [text for answer in answers for text in answer["failed"]]
    p99 = taken[int(len(taken) * 0.99)]
    shares = sorted(len(answer["taken"]) for answer in answers)
    what = f"{PROCESSES} processes x {PROCESS_CALLERS} writers"
    return [
        Line(f"{what}, p99", "", f"{p99:,.0f} ms", "", "< 250 ms", p99 < 250),
        Line(f"{what}, median", "", f"{statistics.median(taken):,.0f} ms", "", "", True),
        Line(f"{what}, slowest", "", f"{taken[-1]:,.0f} ms", "", "", True),
        Line(f"{what}, errors", "", str(len(failed)), "", "0", not failed),
        Line(f"{what}, least and most a process", "", f"{shares[0]}, {shares[-1]}", "", "", True),
    ]


def show(lines: list[Line]) -> None:
    rows = [("what", "plain pool", "qapp", "ratio", "required", "")]
    rows += [(*line[:5], "ok" if line.is_met else "MISSED") for line in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        first, *rest = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest[:-1])]
        print("  ".join([*cells, row[-1]]).rstrip())


async def compare_all(path: Path) -> list[Line]:
    async with Pool(path) as pool, Layer(path) as layer:
        return [
            await compare("reads of different rows", read_one, pool, layer, 1.6),
            await compare("equal reads (a page of 20)", read_page, pool, layer, 2),
            await compare("durable writes of one row", write_one, pool, layer, 3),
            *await crowd(pool, layer),
        ]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        fill(path)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lines = runner.run(compare_all(path))
        lines += processes(path)
    print(f"SQLite {version}, {ROWS} rows, {CALLERS} callers, medians of {ROUNDS} rounds")
    show(lines)
    return 0 if all(line.is_met for line in lines) else 1


if __name__ == "__main__":
    if len(sys.argv) == 3:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as own:
            own.run(write_for_a_while(Path(sys.argv[1]), float(sys.argv[2])))
    else:
        sys.exit(main())
