"""Keep two workers busy for ten minutes: whether their memory stays what it was after one.

Everybody of `tests/load` is there, live readers who come and go too; beside them `wrk` reads and
inserts as fast as it is answered, so that little of what each request leaves behind shows.

    python -m tests.bench.soak --minutes 10
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import wrk
from tests.bench.compare.sides import USER, Side
from tests.bench.compare.work import ENTRIES, QAPP, mixed
from tests.bench.table import Line, show
from tests.serving import PASSWORD, ROOT, Server

MINUTES = 10.0
# The first look, in parts of the whole: after one minute of ten.
FIRST = 0.1
LOAD_USERS = 200
CONNECTIONS = 16
SAMPLES = 10
MOST_GROWTH = 1.1


@contextmanager
def people(url: str, seconds: float, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the load test; it writes its figures into the file `load` of a folder."""
    with (folder / "load").open("wb") as out, (folder / "load-errors").open("wb") as errors:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "locust", "-f", "tests/load/locustfile.py", "--headless"),
                *("--host", url, "--users", str(LOAD_USERS), "--spawn-rate", "20"),
                *("--run-time", f"{seconds:.0f}s", "--json", "--skip-log-setup"),
            ],
            cwd=ROOT,
            stdout=out,
            stderr=errors,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def rss_mb(server: Server) -> list[float]:
    """Return the resident memory of each worker: the median of some looks, a second apart."""
    looks = []
    for _ in range(SAMPLES):
        time.sleep(1)
        looks.append([_rss_mb(pid) for pid in server.worker_pids()])
    return [median(of_worker) for of_worker in zip(*looks, strict=True)]


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def measure(minutes: float = MINUTES) -> list[Line]:
    """Serve a fresh site to all of them, and look at its workers' memory twice."""
    wrk.require()
    seconds = minutes * 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder, workers=2)
        server.command("demo", "--entries", str(ENTRIES), "--users", "10")
        server.command("user", "add", USER, stdin=f"{PASSWORD}\n")
        with server, people(server.url, seconds, folder) as load, ThreadPoolExecutor() as pool:
            asked = mixed(Side(QAPP, server.port, 0).log_in())
            begun = time.monotonic()
            drive = pool.submit(
                wrk.drive,
                server.port,
                asked,
                seconds=seconds,
                connections=CONNECTIONS,
                may_fail=True,
            )
            time.sleep(max(0, seconds * FIRST - SAMPLES))
            early_mb = rss_mb(server)
            time.sleep(max(0, begun + seconds - SAMPLES - time.monotonic()))
            late_mb = rss_mb(server)
            driven = drive.result()
            load.wait(60)
        found = json.loads((folder / "load").read_text())
        tracebacks = server.log.count("Traceback")
    return [*growth(early_mb, late_mb, minutes), *answers(driven, found, seconds, tracebacks)]


def growth(early_mb: list[float], late_mb: list[float], minutes: float) -> list[Line]:
    """Compare what each worker has with what it had."""
    lines = []
    for number, (early, late) in enumerate(zip(early_mb, late_mb, strict=True), 1):
        what = (
            f"memory of worker {number} after {minutes:g} min, {late:.0f} MB, "
            f"against after {minutes * FIRST:g} min, {early:.0f} MB"
        )
        met = late <= MOST_GROWTH * early
        lines.append(Line(what, f"{late / early:.2f} ×", f"≤ {MOST_GROWTH} ×", met))
    return lines


def answers(
    driven: wrk.Drive, found: list[dict[str, Any]], seconds: float, tracebacks: int
) -> list[Line]:
    """Say how much was answered, and what was not answered well."""
    arrived = sum(each["num_requests"] for each in found if each["method"] == "SSE")
    asked = sum(each["num_requests"] for each in found) - arrived
    failed = sum(each["num_failures"] for each in found)
    return [
        Line("answers to wrk", f"{driven.a_second * seconds:,.0f}", "", True),
        Line("errors among the answers to wrk", f"{driven.bad:,}", "0", driven.bad == 0),
        Line("requests of the people and programs", f"{asked:,}", "", True),
        Line("entries that came to live readers", f"{arrived:,}", "> 0", arrived > 0),
        Line("failures of the people and programs", f"{failed:,}", "0", failed == 0),
        Line("tracebacks in the log", f"{tracebacks:,}", "0", tracebacks == 0),
    ]


def title(minutes: float = MINUTES) -> str:
    """Say what was measured."""
    return f"{minutes:g} minutes of the mix on two workers"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long (10)")
    arguments = parser.parse_args()
    return show(title(arguments.minutes), measure(arguments.minutes))


if __name__ == "__main__":
    sys.exit(main())
