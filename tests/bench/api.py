"""What the API costs: beside an empty Quart view, for large bodies, and when it is killed.

One worker each, with hypercorn.toml as it is and a line in the log for each request, driven in turn
by 64 connections; the allowance of requests is counted as always, it is only large. Then two
workers and 64 clients, each of whom adds with keys of his own and sends everything twice, while the
server is killed again and again.

    python -m tests.bench.api --rounds 5
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from qapp.ext.database.driver import sqlite
from qapp.students.models import StudentsIn
from qapp.web import strict_json
from tests.bench.table import Line, show
from tests.bench.wrk import Drive, drive, require
from tests.serving import PASSWORD, Server

ENTRIES = 1000
SECONDS = 3.0
STUDENT = {"name": "Asha Rao", "city": "Pune", "addr": "1 Station Road", "pin": "411001"}
UNKNOWN = {"Cookie": "unknown=1"}
CLIENTS = 64
KEYS_A_CLIENT = 8
KILLS = 3


def token_of(server: Server) -> str:
    """Make a user with a token."""
    server.command("user", "add", "alice", stdin=f"{PASSWORD}\n")
    return server.command("token", "add", "alice", "--name", "bench", "--scope", "write").strip()


def speeds(rounds: int) -> list[Line]:
    """Compare with the empty view: one entry, kept and made, and lists."""
    require()
    one = [f"/api/v1/entries/{number}" for number in range(1, ENTRIES + 1)]
    pages = [f"/api/v1/entries?before={number}" for number in range(40, ENTRIES)]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        site = Server(Path(folder), workers=1, RATE_LIMITS="api=999999/1")
        empty = Server(Path(other), workers=1, app="tests.bench.yardsticks:app")
        with site, empty:
            site.command("demo", "--entries", str(ENTRIES))
            token = {"Authorization": f"Bearer {token_of(site)}"}
            runs: dict[str, Callable[[], Drive]] = {
                "empty": lambda: drive(empty.port, ["/"], seconds=SECONDS),
                "one": lambda: drive(site.port, one, seconds=SECONDS),
                "one, made": lambda: drive(site.port, one, seconds=SECONDS, headers=UNKNOWN),
                "one, token": lambda: drive(site.port, one, seconds=SECONDS, headers=token),
                "page": lambda: drive(site.port, ["/api/v1/entries"], seconds=SECONDS),
                "pages": lambda: drive(site.port, pages, seconds=SECONDS),
            }
            for run in runs.values():
                run()
            found: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(rounds):
                for name, run in runs.items():
                    found[name].append(run().a_second)
    lines = []
    for name, what, least in (
        ("one", "an entry by its id, kept", 0.75),
        ("one, made", "the same made for each, as for who sends a cookie", None),
        ("one, token", "the same with a token", None),
        ("page", "the newest 20, written once for each version of the data", 0.6),
        ("pages", "any 20 in turn, more than are kept", None),
    ):
        ratios = [a / b for a, b in zip(found[name], found["empty"], strict=True)]
        ratio, speed = statistics.median(ratios), statistics.median(found[name])
        required = f"≥ {least}" if least else "no limit set"
        measured = f"{ratio:.2f} × ({speed:,.0f} /s)"
        lines.append(
            Line(f"{what}, against an empty view", measured, required, ratio >= (least or 0))
        )
    return lines


def bulk() -> Line:
    """Measure what the loop spends on reading and checking a thousand students."""
    body = json.dumps({"items": [STUDENT] * 1000}).encode()
    times = []
    gc.collect()
    for _ in range(20):
        began = time.perf_counter()
        StudentsIn.model_validate(strict_json.loads(body))
        times.append((time.perf_counter() - began) * 1000)
    most = max(times)
    return Line(
        "1,000 students in a body: read and checked", f"{most:.1f} ms", "< 50 ms", most < 50
    )


async def add_twice(server: Server, token: str, client: int, answered: dict[str, set[int]]) -> None:
    """Add students by keys, each sent twice at once, until each is answered."""
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        for number in range(KEYS_A_CLIENT):
            key = f"{client}-{number}"
            while len(answered.setdefault(key, set())) == 0:
                sent = [
                    http.post(
                        "/api/v1/students",
                        json={**STUDENT, "name": key},
                        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
                    )
                    for _ in range(2)
                ]
                for answer in await asyncio.gather(*sent, return_exceptions=True):
                    if isinstance(answer, httpx.Response) and answer.status_code == 201:
                        answered[key].add(answer.json()["id"])
                if not answered[key]:
                    await asyncio.sleep(0.1)  # it starts anew


async def killed(server: Server, token: str) -> dict[str, set[int]]:
    """Add from all clients while a worker is killed, which ends Hypercorn, and start it again."""
    answered: dict[str, set[int]] = {}
    adding = [
        asyncio.create_task(add_twice(server, token, client, answered)) for client in range(CLIENTS)
    ]
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0.2, 0.5))
        if all(task.done() for task in adding):
            break
        os.kill(random.choice(server.worker_pids()), signal.SIGKILL)
        assert server.process is not None
        await asyncio.to_thread(server.process.wait, 60)
        server.kill()
        await asyncio.to_thread(server.start)
    await asyncio.gather(*adding)
    return answered


def repeats() -> list[Line]:
    """Look whether there is one row a key, whatever was killed."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        token = token_of(server)
        with server:
            answered = asyncio.run(killed(server, token))
        connection = sqlite.connect(f"{folder}/qapp.db")
        found = connection.execute("SELECT name, count(*) FROM students GROUP BY name").fetchall()
        connection.close()
    rows = dict(found)
    keys = CLIENTS * KEYS_A_CLIENT
    single = sum(rows.get(key) == 1 for key in answered)
    same = sum(len(ids) == 1 for ids in answered.values())
    return [
        Line(
            "keys with exactly one row", f"{single} of {keys}", "all", single == keys == len(rows)
        ),
        Line("keys whose answers named one row", f"{same} of {keys}", "all", same == keys),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    return show(
        f"1 worker each, {ENTRIES} entries, medians of {rounds} rounds",
        [*speeds(rounds), bulk(), *repeats()],
    )


if __name__ == "__main__":
    sys.exit(main())
