"""Compare the tour's pages with a plain page of the site, asked in turn by one client.

python -m tests.bench.tour
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

PLAIN = "/about"
PAGES = ("/tour/", "/tour/application", "/tour/cookies")
WARM_UP = 100
MOST_RATIO = {"/tour/": 1.25}  # the chapters show what a page has room for


async def ask_in_turn(port: int, rounds: int) -> dict[str, float]:
    """Return the median time of a request for each page, in milliseconds."""
    client = Client(port)
    times_ms: dict[str, list[float]] = {path: [] for path in (PLAIN, *PAGES)}
    for number in range(WARM_UP + rounds):
        for path, times in times_ms.items():
            begun = time.perf_counter()
            answer = await client.request("GET", path)
            took = time.perf_counter() - begun
            assert answer.status == 200, answer
            if number >= WARM_UP:
                times.append(took * 1000)
    client.close()
    return {path: median(times) for path, times in times_ms.items()}


def main() -> int:
    """Serve the site and print what its pages cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(Path(folder), workers=1) as server,
    ):
        times_ms = asyncio.run(ask_in_turn(server.port, arguments.rounds))
    plain_ms = times_ms[PLAIN]
    lines = [
        Line(
            f"{path}: {times_ms[path]:.2f} ms, {PLAIN}: {plain_ms:.2f} ms, ratio",
            f"{times_ms[path] / plain_ms:.2f}",
            f"≤ {most}" if most < float("inf") else "no limit set",
            times_ms[path] / plain_ms <= most,
        )
        for path in PAGES
        for most in [MOST_RATIO.get(path, float("inf"))]
    ]
    return show("The tour's pages against a plain one", lines)


if __name__ == "__main__":
    sys.exit(main())
