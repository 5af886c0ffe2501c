"""Compare the front page of a blog with a million entries with that of one with a thousand.

Two servers of one worker each, asked in turn, request by request, by one client.

    python -m tests.bench.front_page
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.table import Line, show
from tests.client import Client
from tests.serving import Server

WARM_UP = 200
MOST_RATIO = 1.1


async def ask_in_turn(ports: tuple[int, int], path: str, rounds: int) -> tuple[float, float]:
    """Return the median time of a request to each server, in milliseconds."""
    clients = [Client(port) for port in ports]
    times_ms: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UP + rounds):
        for client, times in zip(clients, times_ms, strict=True):
            begun = time.perf_counter()
            answer = await client.request("GET", path)
            took = time.perf_counter() - begun
            assert answer.status == 200, answer
            if number >= WARM_UP:
                times.append(took * 1000)
    for client in clients:
        client.close()
    return median(times_ms[0]), median(times_ms[1])


def main() -> int:
    """Fill two blogs, serve both, and print what their pages cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2000)
    arguments = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        servers = Server(Path(small), workers=1), Server(Path(large), workers=1)
        begun = time.perf_counter()
        for server, entries in zip(servers, (1000, arguments.entries), strict=True):
            server.command("demo", "--entries", str(entries), "--users", "100")
        rate = (arguments.entries + 1000) / (time.perf_counter() - begun)
        lines.append(Line("demo entries a second", f"{rate:,.0f}", "≥ 20,000", rate >= 20_000))
        with servers[0], servers[1]:
            ports = servers[0].port, servers[1].port
            for path, most in (("/", MOST_RATIO), ("/search?q=the", float("inf"))):
                few_ms, many_ms = asyncio.run(ask_in_turn(ports, path, arguments.rounds))
                ratio = many_ms / few_ms
                required = f"≤ {most}" if most < float("inf") else "no limit set"
                what = f"{path}: {few_ms:.2f} ms with 1,000, {many_ms:.2f} ms with many, ratio"
                lines.append(Line(what, f"{ratio:.3f}", required, ratio <= most))
    return show(f"Pages of a blog with 1,000 and with {arguments.entries:,} entries", lines)


if __name__ == "__main__":
    sys.exit(main())
