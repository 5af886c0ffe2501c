"""Kill the site while it is written to, and look for what it had acknowledged.

Two workers, clients that post; `kill -9` of a worker or of all processes at a random moment; a
restart; then every post that was answered with its redirect has to be there, once.

    python -m tests.bench.crash --rounds 20
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from qapp.ext.database.driver import sqlite
from tests.bench.table import Line, show
from tests.client import Client
from tests.serving import Server

CLIENTS = 32
REQUESTS_AFTER = 100


async def post_until_it_breaks(client: Client, prefix: str, acknowledged: list[str]) -> None:
    """Post entry after entry; note each that was answered with its redirect."""
    number = 0
    try:
        while True:
            title = f"{prefix}-{number}"
            answer = await client.request("POST", "/add", {"title": title, "text": "*Tea*"})
            if answer.status != 302:
                return
            acknowledged.append(title)
            number += 1
    except (OSError, EOFError):
        return
    finally:
        client.close()


def kill(server: Server, *, everything: bool) -> None:
    """Kill one worker and wait for Hypercorn to give up, or kill all at once."""
    if everything:
        server.kill()
        return
    os.kill(random.choice(server.worker_pids()), signal.SIGKILL)
    assert server.process is not None
    server.process.wait(60)
    server.kill()


async def one_round(server: Server, number: int, acknowledged: list[str]) -> tuple[str, int]:
    """Post, kill, restart, ask; return what was killed and how many requests failed after."""
    author = await Client(server.port).log_in("alice")
    posting = [
        asyncio.create_task(
            post_until_it_breaks(
                Client(server.port, author.cookie, author.token), f"r{number}-c{n}", acknowledged
            )
        )
        for n in range(CLIENTS)
    ]
    await asyncio.sleep(random.uniform(0.3, 2.0))
    everything = random.random() < 0.5
    await asyncio.to_thread(kill, server, everything=everything)
    await asyncio.gather(*posting)
    author.close()
    await asyncio.to_thread(server.start)
    failed = 0
    for _ in range(REQUESTS_AFTER):
        client = Client(server.port, author.cookie, author.token)
        try:
            failed += (await client.request("GET", "/")).status != 200
        except (OSError, EOFError):
            failed += 1
        client.close()
    return "all" if everything else "a worker", failed


def look(path: Path, acknowledged: list[str]) -> tuple[int, int, str]:
    """Return how many acknowledged titles are missing or double, and SQLite's own verdict."""
    connection = sqlite.connect(str(path))
    try:
        found = Counter(title for (title,) in connection.execute("SELECT title FROM entries"))
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        connection.execute("INSERT INTO entries_search (entries_search) VALUES ('integrity-check')")
    finally:
        connection.close()
    missing = sum(found[title] == 0 for title in acknowledged)
    double = sum(found[title] > 1 for title in acknowledged)
    return missing, double, verdict


def main() -> int:
    """Run the rounds and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    acknowledged: list[str] = []
    killed: Counter[str] = Counter()
    failed = missing = double = 0
    verdicts = set()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.command("user", "add", "alice", stdin="correct horse battery\n")
        with server:
            for number in range(rounds):
                what, failed_now = asyncio.run(one_round(server, number, acknowledged))
                killed[what] += 1
                failed += failed_now
                missing, double, verdict = look(Path(folder) / "qapp.db", acknowledged)
                verdicts.add(verdict)
            clean = server.stop() == 0
    title = f"{rounds} rounds ({dict(killed)}), {CLIENTS} clients, 2 workers"
    return show(
        title,
        [
            Line("posts acknowledged", f"{len(acknowledged)}", "> 0", bool(acknowledged)),
            Line("of them missing", f"{missing}", "0", missing == 0),
            Line("of them double", f"{double}", "0", double == 0),
            Line("integrity_check", ", ".join(verdicts), "ok", verdicts == {"ok"}),
            Line("requests after a restart that failed", f"{failed}", "0", failed == 0),
            Line("exit status 0 at the end", str(clean), "True", clean),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
