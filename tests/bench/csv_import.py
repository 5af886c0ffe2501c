"""Import 100,000 students through the real server, two workers; then kill it in the middle.

First: how many rows a second, how much memory for few rows and for many, how other pages answer
meanwhile and how long another write waits at most? Then: after each `kill -9` at another moment of
an import, are all of its students there or none?

    python -m tests.bench.csv_import --rows 100000 --many 300000 --rounds 6
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import string
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from qapp.ext.database.driver import sqlite
from tests.bench.table import Line, show
from tests.bench.uploads import forget_peak, memory_mb, page_times_ms
from tests.client import Client
from tests.serving import PASSWORD, Server

BOUNDARY = "the-boundary-of-the-benchmark"
LEAST_ROWS_A_S = 20_000
TIMES = 3
OTHERS = 2  # so many ask for pages meanwhile, so that both workers are asked
FEW_ROWS = 10_000
MOST_GROWTH_MB = 60


class Import(NamedTuple):
    """How long an import took, in seconds: in all, and from the last byte sent to the answer."""

    whole_s: float
    after_sent_s: float


def students(count: int) -> bytes:
    """Return a file of students as a country's might be, in no order."""
    draw = random.Random(1)

    def words(many: int, length: int) -> list[str]:
        letters = string.ascii_lowercase
        return ["".join(draw.choices(letters, k=length)).title() for _ in range(many)]

    first, last, cities, streets = words(300, 6), words(1000, 8), words(300, 8), words(2000, 9)
    rows = []
    for _ in range(count):
        city = draw.randrange(len(cities))
        name = f"{draw.choice(first)} {draw.choice(last)}"
        addr = f"{draw.randint(1, 299)} {draw.choice(streets)} Road"
        pin = 560_000 + 100 * city + draw.randrange(100)
        rows.append(f"{name},{cities[city]},{addr},{pin}\r\n")
    return ("name,city,addr,pin\r\n" + "".join(rows)).encode()


async def import_file(visitor: Client, content: bytes) -> Import | None:
    """Send a file as the form does; None if it was not stored, or nobody lived to say so."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n'
        f"{visitor.token}\r\n--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="file"; filename="students.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    ).encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
        with closing(writer):
            began = time.perf_counter()
            writer.write(
                (
                    f"POST /students.csv HTTP/1.1\r\nHost: 127.0.0.1:{visitor.port}\r\n"
                    f"Cookie: session={visitor.cookie}\r\nConnection: close\r\n"
                    f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
                    f"Content-Length: {len(head) + len(content) + len(tail)}\r\n\r\n"
                ).encode()
                + head
            )
            writer.write(content)
            writer.write(tail)
            await writer.drain()
            sent = time.perf_counter()
            answer = await reader.read()
            ended = time.perf_counter()
    except OSError:
        return None
    if not answer.startswith(b"HTTP/1.1 302"):
        return None
    return Import(ended - began, ended - sent)


async def write_times_ms(visitor: Client, until: asyncio.Event) -> tuple[list[float], int]:
    """Add a student again and again; return how long each took, and how many were refused."""
    form = {"name": "Other", "city": "Pune", "addr": "1 Road", "pin": "411001"}
    times: list[float] = []
    refused = 0
    while not until.is_set():
        began = time.perf_counter()
        answer = await visitor.request("POST", "/addrec", form)
        times.append((time.perf_counter() - began) * 1000)
        refused += answer.status != 200
        await asyncio.sleep(0.01)
    return times, refused


async def growth_mb(server: Server, visitor: Client, content: bytes) -> float:
    """Return by how much the memory of a worker grows at most during an import."""
    before = {}
    for pid in server.worker_pids():
        before[pid] = memory_mb(pid, "VmRSS")
        forget_peak(pid)
    if await import_file(visitor, content) is None:
        return float("nan")  # which is not small enough either
    return max(memory_mb(pid, "VmHWM") - mb for pid, mb in before.items())


async def load(server: Server, rows: int, many: int) -> list[Line]:
    """Import alone, then beside others, then few and many."""
    visitor = await Client(server.port).log_in("alice")
    content = students(rows)
    alone = [await import_file(visitor, content) for _ in range(TIMES)]
    taken = [each for each in alone if each is not None]
    in_all = rows / statistics.median(each.whole_s for each in taken)
    after = rows / statistics.median(each.after_sent_s for each in taken)

    idle = statistics.median(await page_times_ms(server.port, None))
    ended = asyncio.Event()
    asking = [asyncio.create_task(page_times_ms(server.port, ended)) for _ in range(OTHERS)]
    writer = Client(server.port, visitor.cookie, visitor.token)
    writing = asyncio.create_task(write_times_ms(writer, ended))
    beside = await import_file(visitor, content)
    ended.set()
    pages = [time_ms for times in await asyncio.gather(*asking) for time_ms in times]
    busy = statistics.median(pages)
    writes, refused = await writing

    few_mb = await growth_mb(server, visitor, students(FEW_ROWS))
    many_mb = await growth_mb(server, visitor, students(many))
    visitor.close()
    writer.close()
    rate = rows / beside.whole_s if beside else 0
    return [
        Line("rows a second, in all", f"{in_all:,.0f}", "≥ 20,000", in_all >= LEAST_ROWS_A_S),
        Line("from the last byte sent", f"{after:,.0f}", "≥ 20,000", after >= LEAST_ROWS_A_S),
        Line("in all, beside others", f"{rate:,.0f}", "> 0", rate > 0),
        Line(
            f"front page: {idle:.2f} ms idle, median meanwhile",
            f"{busy:.2f} ms = {busy / idle:.2f} x",
            "< 5 x",
            busy < 5 * idle,
        ),
        Line("its slowest", f"{max(pages):.0f} ms of {len(pages)}", "any", True),
        Line("longest wait of another write", f"{max(writes):.0f} ms", "any", True),
        Line("other writes refused", f"{refused} of {len(writes)}", "0", refused == 0),
        Line(f"memory for {FEW_ROWS:,} rows grows by", f"{few_mb:.1f} MB", "any", True),
        Line(
            f"for {many:,} rows by",
            f"{many_mb:.1f} MB",
            f"< {MOST_GROWTH_MB} MB",
            many_mb < MOST_GROWTH_MB,
        ),
    ]


def look(folder: Path) -> tuple[int, str, int]:
    """Return how many students there are, SQLite's verdict, and how many files were left."""
    with closing(sqlite.connect(str(folder / "qapp.db"))) as connection:
        (count,) = connection.execute("SELECT count(*) FROM students").fetchone()
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    return count, verdict, len(list((folder / "files").glob("*/*/*")))


async def import_and_kill(server: Server, content: bytes, moment_s: float) -> bool:
    """Import a file, kill all workers after a while; return whether the import was answered."""
    visitor = await Client(server.port).log_in("alice")
    importing = asyncio.create_task(import_file(visitor, content))
    await asyncio.sleep(moment_s)
    await asyncio.to_thread(server.kill)
    visitor.close()
    return await importing is not None


def kill_again_and_again(rows: int, rounds: int) -> list[Line]:
    """Kill the server at moments that are spread over an import and half as long again."""
    content = students(rows)
    whole = none = answered = 0
    wrong = []
    verdicts = set()
    left = 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.command("user", "add", "alice", stdin=f"{PASSWORD}\n")
        with server:
            visitor = asyncio.run(Client(server.port).log_in("alice"))
            took = asyncio.run(import_file(visitor, content))
            assert took is not None
            before, _, _ = look(Path(folder))
            for number in range(rounds):
                moment_s = 1.6 * took.whole_s * (number + 0.5) / rounds
                is_answered = asyncio.run(import_and_kill(server, content, moment_s))
                server.start()
                count, verdict, left_now = look(Path(folder))
                whole += count == before + rows
                none += count == before
                answered += is_answered
                if count - before not in (0, rows) or (is_answered and count == before):
                    wrong.append(count - before)
                verdicts.add(verdict)
                left = max(left, left_now)
                before = count
    return [
        Line("all students there", f"{whole} times", "any", True),
        Line("none", f"{none} times", "any", True),
        Line("some, or none after an answer", f"{wrong or 'never'}", "never", not wrong),
        Line("answered before the end", f"{answered} times", "any", True),
        Line("integrity_check", ", ".join(verdicts), "ok", verdicts == {"ok"}),
        Line("files left after a restart", f"{left}", "0", left == 0),
    ]


def main() -> int:
    """Run both parts and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--many", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.command("user", "add", "alice", stdin=f"{PASSWORD}\n")
        with server:
            loaded = asyncio.run(load(server, arguments.rows, arguments.many))
    status = show(f"{arguments.rows:,} students from one file, 2 workers", loaded)
    killed = kill_again_and_again(arguments.rows, arguments.rounds)
    return status | show(f"kill -9 at {arguments.rounds} moments of an import", killed)


if __name__ == "__main__":
    sys.exit(main())
