"""Let thousands read the live stream of one worker: what each costs, and when an entry is there.

Entries are posted while `wrk` (which has to be installed) asks for the front page as fast as it is
answered; before that, with nobody else there.

    python -m tests.bench.live --readers 8000 --posts 10
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import uvloop

from tests.bench.table import Line, show
from tests.client import Client
from tests.serving import Server, server_with_user

READERS = 8000
POSTS = 10
EVERY_S = 2.0
PATIENCE_S = 120
AT_ONCE = 200  # connections, while they are made
OTHER_FILES = 500
BROWSERS = 16
SETTLE_S = 2
MOST_KIB = 24
MOST_MS = 500
LEAST_RATE = 0.5
REQUEST = b"GET /live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class Readers:
    """All who read, and when what came to them."""

    def __init__(self) -> None:
        self.transports: list[asyncio.BaseTransport] = []
        self.open = 0
        self.refused = 0
        self.times: list[float] = []
        self.changed = asyncio.Event()

    async def connect(self, port: int, count: int) -> None:
        """Open the streams, and wait until each has begun."""
        while (asked := len(self.transports)) < count:
            await asyncio.gather(*(self._ask(port) for _ in range(min(AT_ONCE, count - asked))))
            await self.until(lambda: self.open + self.refused >= len(self.transports))

    async def _ask(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: Reader(self), "127.0.0.1", port)
        transport.write(REQUEST)
        self.transports.append(transport)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what the readers notice."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def hang_up(self) -> None:
        """Close all connections."""
        for transport in self.transports:
            transport.close()


class Reader(asyncio.Protocol):
    """One of them."""

    __slots__ = ("has_begun", "readers")

    def __init__(self, readers: Readers) -> None:
        self.readers = readers
        self.has_begun = False

    def data_received(self, data: bytes) -> None:
        """Note the beginning and each entry."""
        readers = self.readers
        if not self.has_begun and b"retry: " in data:
            self.has_begun = True
            readers.open += 1
        elif data.startswith(b"HTTP/1.1 503"):
            readers.refused += 1
        if b"event: entry" in data:
            readers.times.append(time.perf_counter())
        readers.changed.set()


def rss_kib(server: Server) -> int:
    """Return the resident memory of the one worker."""
    (pid,) = server.worker_pids()
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def cpu_ms(server: Server) -> float:
    """Return what the one worker has used of the processors."""
    (pid,) = server.worker_pids()
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK")


async def pages_a_second(server: Server, seconds: float) -> float:
    """Let `wrk` ask for the front page, and return how many it got."""
    process = await asyncio.create_subprocess_exec(
        *("wrk", "-t1", f"-c{BROWSERS}", f"-d{seconds:.0f}", f"{server.url}/"),
        stdout=asyncio.subprocess.PIPE,
    )
    text = (await process.communicate())[0].decode()
    assert "Non-2xx" not in text, text
    return float(text.split("Requests/sec:")[1].split()[0])


class Told(NamedTuple):
    """How many ms after its posting each reader had an entry, and its author the answer."""

    reader_ms: list[float]
    author_ms: list[float]

    def __str__(self) -> str:
        return f"{spread(self.reader_ms)} (answered: {spread(self.author_ms)})"

    @property
    def p99_ms(self) -> float:
        return self.reader_ms[len(self.reader_ms) * 99 // 100]


async def post(readers: Readers, author: Client, posts: int, every_s: float) -> Told:
    """Post entries, and wait until each reader has each."""
    took_ms: list[float] = []
    answered_ms: list[float] = []
    for number in range(posts):
        readers.times.clear()
        begun = time.perf_counter()
        answer = await author.request("POST", "/add", {"title": f"Tea {number}", "text": "Green"})
        assert answer.status == 302, answer
        answered_ms.append((time.perf_counter() - begun) * 1000)
        await readers.until(lambda: len(readers.times) >= readers.open)
        took_ms += [(moment - begun) * 1000 for moment in readers.times]
        await asyncio.sleep(max(0, begun + every_s - time.perf_counter()))
    return Told(sorted(took_ms), sorted(answered_ms))


def spread(times_ms: list[float]) -> str:
    """Write the middle, the worst of a hundred, and the worst."""
    middle, worst = times_ms[len(times_ms) // 2], times_ms[len(times_ms) * 99 // 100]
    return f"p50 {middle:.0f} ms, p99 {worst:.0f} ms, all {times_ms[-1]:.0f} ms"


async def measure(server: Server, count: int, posts: int, every_s: float) -> list[Line]:
    """Measure alone, with readers, and with readers who are told something."""
    author = await Client(server.port).log_in("alice")
    await pages_a_second(server, SETTLE_S)
    idle = await pages_a_second(server, posts * every_s)
    before_kib = rss_kib(server)
    readers = Readers()
    await readers.connect(server.port, count)
    await asyncio.sleep(SETTLE_S)
    each_kib = (rss_kib(server) - before_kib) / count
    cpu_before_ms = cpu_ms(server)
    alone = await post(readers, author, posts, every_s)
    told_ms = (cpu_ms(server) - cpu_before_ms) / posts
    told_kib = (rss_kib(server) - before_kib) / count
    busy, beside = await asyncio.gather(
        pages_a_second(server, posts * every_s), post(readers, author, posts, every_s)
    )
    refused = await one_more(server.port)
    readers.hang_up()
    author.close()
    return [
        Line("readers", f"{readers.open:,}", f"{count:,}", readers.open == count),
        Line("memory a reader", f"{each_kib:.1f} KiB", f"≤ {MOST_KIB} KiB", each_kib <= MOST_KIB),
        Line("memory a reader, after entries", f"{told_kib:.1f} KiB", "", True),
        Line("processor time to tell all of an entry", f"{told_ms:.0f} ms", "", True),
        Line("an entry reaches all, alone", str(alone), "", True),
        Line(
            "an entry reaches all, beside wrk",
            str(beside),
            f"p99 ≤ {MOST_MS} ms",
            beside.p99_ms <= MOST_MS,
        ),
        Line(
            f"front pages a second, {idle:,.0f} before, {busy:,.0f} beside it",
            f"{busy / idle:.2f}",
            f"≥ {LEAST_RATE}",
            busy / idle >= LEAST_RATE,
        ),
        Line("one reader more", refused, "503", refused.startswith("503")),
    ]


async def one_more(port: int) -> str:
    """Ask for one stream past the limit; return the answer's status and `Retry-After`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    writer.close()
    retry = re.search(r"(?i)retry-after: (\d+)", head)
    return f"{head.split()[1]}, Retry-After {retry[1] if retry else 'missing'}"


def allow_connections(count: int) -> None:
    """Let this process and the server it starts have so many, and what else they open."""
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most_files < count + OTHER_FILES:
        sys.exit(f"{most_files} open files are allowed (ulimit -Hn): too few")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))


def serve(count: int = READERS, posts: int = POSTS, every_s: float = EVERY_S) -> list[Line]:
    """Serve a fresh site to the readers, and measure."""
    allow_connections(count)
    with (
        tempfile.TemporaryDirectory() as folder,
        server_with_user(Path(folder), "alice", workers=1, LIVE_MOST_READERS=str(count)) as server,
    ):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lines = runner.run(measure(server, count, posts, every_s))
        tracebacks = server.log.count("Traceback")
    lines.append(Line("tracebacks in the log", str(tracebacks), "0", tracebacks == 0))
    return lines


def title(count: int = READERS) -> str:
    """Say what was measured."""
    return f"{count:,} live readers on one worker"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--posts", type=int, default=POSTS)
    parser.add_argument("--every", type=float, default=EVERY_S, help="seconds from post to post")
    arguments = parser.parse_args()
    lines = serve(arguments.readers, arguments.posts, arguments.every)
    return show(title(arguments.readers), lines)


if __name__ == "__main__":
    sys.exit(main())
