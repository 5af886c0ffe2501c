"""Upload 100 files of 20 MB at once to one worker; then kill it in the middle, again and again.

First: does its memory stay small, do the files arrive as they were sent, and how do other pages
answer meanwhile? Then: after each `kill -9` and restart, has every file its row, every row its
file, and is what was acknowledged there?

    python -m tests.bench.uploads --files 100 --megabytes 20 --rounds 10
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from qapp.ext.database.driver import sqlite
from tests.bench.table import Line, show
from tests.client import Client
from tests.serving import PASSWORD, Server

MEGABYTE = 1_000_000
SENT_BYTES = 64 * 1024
BOUNDARY = "the-boundary-of-the-benchmark"
PAGES_IDLE = 200


class Sent(NamedTuple):
    """A file that the server has taken: its id and what was sent."""

    file_id: int
    digest: str


def parts_of(number: int, size_bytes: int) -> Iterator[bytes]:
    """Yield a file of its own for each number, in parts; a PDF by its head."""
    block = random.Random(number).randbytes(SENT_BYTES)
    yield b"%PDF-"
    left = size_bytes - 5
    while left:
        part = block[: min(left, SENT_BYTES)]
        yield part
        left -= len(part)


async def upload(port: int, visitor: Client, number: int, size_bytes: int) -> Sent | None:
    """Upload a file; None if the server did not live to say that it took it."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n'
        f"{visitor.token}\r\n--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{number}.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    ).encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    digest = hashlib.sha256()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(
                (
                    "POST /uploader HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    f"Cookie: session={visitor.cookie}\r\n"
                    f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
                    f"Content-Length: {len(head) + size_bytes + len(tail)}\r\n"
                    "Connection: close\r\n\r\n"
                ).encode()
                + head
            )
            for part in parts_of(number, size_bytes):
                digest.update(part)
                writer.write(part)
                await writer.drain()
            writer.write(tail)
            answer = (await reader.read()).decode()
        finally:
            writer.close()
    except OSError:
        return None
    found = re.search(r'href="/files/(\d+)"', answer)
    if not answer.startswith("HTTP/1.1 200") or found is None:
        return None
    return Sent(int(found[1]), digest.hexdigest())


async def digest_of(port: int, file_id: int) -> str:
    """Download a file and return its digest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /files/{file_id} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    digest = hashlib.sha256()
    while data := await reader.read(SENT_BYTES):
        digest.update(data)
    writer.close()
    return digest.hexdigest()


async def page_times_ms(port: int, until: asyncio.Event | None) -> list[float]:
    """Ask for the front page again and again; return how long each took."""
    client = Client(port)
    times: list[float] = []
    while len(times) < PAGES_IDLE if until is None else not until.is_set():
        began = time.perf_counter()
        answer = await client.request("GET", "/")
        times.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"the front page answered {answer.status}")
        await asyncio.sleep(0.01)
    client.close()
    return times


def memory_mb(pid: int, what: str) -> float:
    """Return a process's memory: VmRSS, now, or VmHWM, the most since `forget_peak`."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / MEGABYTE if found else 0.0


def forget_peak(pid: int) -> None:
    """Let the peak of a process's memory begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def load(server: Server, files: int, size_bytes: int) -> list[Line]:
    """Upload all at once and measure."""
    visitor = await Client(server.port).log_in("alice")
    # What is made once, threads above all, is there then.
    await asyncio.gather(*(upload(server.port, visitor, -n, MEGABYTE) for n in range(1, 9)))
    (pid,) = server.worker_pids()
    idle = statistics.median(await page_times_ms(server.port, None))
    before = memory_mb(pid, "VmRSS")
    forget_peak(pid)
    ended = asyncio.Event()
    asking = asyncio.create_task(page_times_ms(server.port, ended))
    began = time.perf_counter()
    sent = await asyncio.gather(
        *(upload(server.port, visitor, number, size_bytes) for number in range(files))
    )
    took_s = time.perf_counter() - began
    ended.set()
    busy = await asking
    growth = memory_mb(pid, "VmHWM") - before
    taken = [each for each in sent if each is not None]
    equal = 0
    for each in taken:
        equal += await digest_of(server.port, each.file_id) == each.digest
    ratio = statistics.median(busy) / idle
    visitor.close()
    return [
        Line("files taken", f"{len(taken)} of {files}", "all", len(taken) == files),
        Line("of them byte-equal", f"{equal}", "all", equal == files),
        Line("memory before", f"{before:.0f} MB", "any", True),
        Line("growth at its peak", f"{growth:.1f} MB", "< 60 MB", growth < 60),
        Line(
            f"front page: {idle:.2f} ms idle, median meanwhile",
            f"{statistics.median(busy):.2f} ms = {ratio:.2f} x",
            "< 5 x",
            ratio < 5,
        ),
        Line("its slowest", f"{max(busy):.0f} ms of {len(busy)}", "any", True),
        Line("rate", f"{files * size_bytes / MEGABYTE / took_s:.0f} MB/s", "any", True),
    ]


async def uploads_and_kill(server: Server, number: int, taken: list[Sent]) -> None:
    """Upload and delete small files, and kill all workers at a moment that nobody knows."""
    visitor = await Client(server.port).log_in("alice")
    moment_s = random.uniform(0.05, 1.0)

    async def one_after_another(worker: int) -> None:
        while True:
            sent = await upload(
                server.port, visitor, number * 1000 + worker, random.randrange(10, 3_000_000)
            )
            if sent is None:
                return
            if random.random() < 0.3:
                try:
                    client = Client(server.port, visitor.cookie, visitor.token)
                    await client.request("POST", f"/files/{sent.file_id}/delete", {})
                    client.close()
                except (OSError, EOFError):
                    return
            else:
                taken.append(sent)

    uploading = [asyncio.create_task(one_after_another(each)) for each in range(8)]
    await asyncio.sleep(moment_s)
    await asyncio.to_thread(server.kill)
    await asyncio.gather(*uploading)
    visitor.close()


def look(folder: Path) -> tuple[int, int, int]:
    """Return how many rows have no file, files no row, and what else is left in the folder."""
    connection = sqlite.connect(str(folder / "qapp.db"))
    try:
        rows = {key for (key,) in connection.execute("SELECT key FROM files")}
    finally:
        connection.close()
    root = folder / "files"
    found = {path.name for path in root.glob("??/*")}
    left = list((root / "working").glob("*/*"))
    return len(rows - found), len(found - rows), len(left)


async def all_equal(server: Server, taken: list[Sent]) -> int:
    """Return how many of the acknowledged files are not there as they were sent."""
    wrong = 0
    for each in taken:
        try:
            wrong += await digest_of(server.port, each.file_id) != each.digest
        except EOFError:
            wrong += 1
    return wrong


def main() -> int:
    """Run both parts and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), workers=1, UPLOAD_QUOTA=str(10**12))
        server.command("user", "add", "alice", stdin=f"{PASSWORD}\n")
        with server:
            loaded = asyncio.run(load(server, arguments.files, arguments.megabytes * MEGABYTE))
    status = show(f"{arguments.files} files of {arguments.megabytes} MB at once, 1 worker", loaded)
    taken: list[Sent] = []
    orphans = rows = left = 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), UPLOAD_QUOTA=str(10**12))
        server.command("user", "add", "alice", stdin=f"{PASSWORD}\n")
        server.start()
        for number in range(arguments.rounds):
            asyncio.run(uploads_and_kill(server, number, taken))
            server.start()
            without_file, without_row, other = look(Path(folder))
            rows, orphans, left = rows + without_file, orphans + without_row, left + other
        wrong = asyncio.run(all_equal(server, taken))
        server.kill()
    return status | show(
        f"{arguments.rounds} times kill -9 of all, 8 clients, 2 workers",
        [
            Line("uploads acknowledged", f"{len(taken)}", "> 0", bool(taken)),
            Line("of them not there, or changed", f"{wrong}", "0", wrong == 0),
            Line("rows without a file", f"{rows}", "0", rows == 0),
            Line("files without a row", f"{orphans}", "0", orphans == 0),
            Line("parts and markers left", f"{left}", "0", left == 0),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
