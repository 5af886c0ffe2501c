"""Compare the front page without a session with a bare ASGI function that sends the same.

Hypercorn serves both, as `hypercorn.toml` says, and `wrk` asks them in turn. What Hypercorn does
for each header is a good part of a request, so a bare function with two of them is shown as well.

    python -m tests.bench.pages
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.table import Line, show
from tests.processes import hypercorn, started
from tests.serving import ACCESS_LOG, Server

LEAST_RATIO = 0.90
CLIENTS = 64
BARE = """
BODY = b"x" * {size}
SAME = {headers}
FEW = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(BODY))]

async def app(scope, receive, send):
    if scope["type"] == "http":
        await receive()
        headers = FEW if scope["path"] == "/few" else SAME
        await send({{"type": "http.response.start", "status": 200, "headers": headers}})
        await send({{"type": "http.response.body", "body": BODY, "more_body": False}})
    else:
        while True:
            kind = (await receive())["type"]
            await send({{"type": f"{{kind}}.complete"}})
            if kind == "lifespan.shutdown":
                return
"""


class Run(NamedTuple):
    """What `wrk` found."""

    a_second: float
    p99_ms: float


def ask(port: int, path: str, seconds: int) -> Run:
    """Let 64 clients ask for a page as often as they can."""
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--latency"]
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    a_second, p99 = (
        re.search(r"Requests/sec: +([\d.]+)", out),
        re.search(r"99% +([\d.]+)(us|ms|s)", out),
    )
    if a_second is None or p99 is None:
        raise RuntimeError(out)
    return Run(float(a_second[1]), float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]])


class Page(NamedTuple):
    """The front page: how large, and with which headers, but for the server's own."""

    size: int
    headers: list[tuple[bytes, bytes]]


def front_page(port: int) -> Page:
    """Ask for the front page, and once more, so that it is one that is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(2):
        connection.request("GET", "/")
        answer = connection.getresponse()
        size = len(answer.read())
    connection.close()
    headers = [(name.encode(), value.encode()) for name, value in answer.getheaders()]
    return Page(size, [header for header in headers if header[0] != b"date"])


@contextmanager
def bare(folder: Path, page: Page, workers: int) -> Iterator[int]:
    """Serve a function that sends as much as the page is; yield its port."""
    (folder / "bare.py").write_text(BARE.format(size=page.size, headers=page.headers))
    command = [*hypercorn("--workers", str(workers))[:-1], *ACCESS_LOG, "bare:app"]
    with started(folder, command, dict(os.environ)) as server:
        yield int(server.url.rpartition(":")[2])


def main() -> int:
    """Serve both, ask them in turn, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print("This needs wrk: apt-get install wrk")
        return 0
    workers = arguments.workers
    rounds = []
    with tempfile.TemporaryDirectory() as site_folder, tempfile.TemporaryDirectory() as bare_folder:
        site = Server(Path(site_folder), workers=workers)
        site.command("demo", "--entries", "1000", "--users", "10")
        with site:
            page = front_page(site.port)
            with bare(Path(bare_folder), page, workers) as bare_port:
                ways = [(bare_port, "/same"), (site.port, "/"), (bare_port, "/few")]
                for _ in range(arguments.rounds + 1):
                    rounds.append([ask(port, path, arguments.seconds) for port, path in ways])
    same, kept, few = ([each[way] for each in rounds[1:]] for way in range(3))  # one warms up
    lines = [
        Line("bare function, the same headers: req/s, p99", measured(same), "", met=True),
        Line("front page: req/s, p99", measured(kept), "", met=True),
        Line("bare function, two headers: req/s, p99", measured(few), "", met=True),
    ]
    for what, others, least in (("the same headers", same, LEAST_RATIO), ("two headers", few, 0)):
        ratios = [run.a_second / other.a_second for run, other in zip(kept, others, strict=True)]
        ratio = median(ratios)
        required = f"≥ {least:.2f}" if least else "no limit set"
        what = f"front page to bare function, {what}: ratio"
        lines.append(Line(what, f"{ratio:.3f}", required, ratio >= least))
    title = f"A page of {page.size:,} bytes and {len(page.headers)} headers"
    return show(f"{title}, {CLIENTS} clients, {workers} workers", lines)


def measured(runs: list[Run]) -> str:
    """Write down the medians of some runs."""
    a_second, p99_ms = (median(values) for values in zip(*runs, strict=True))
    return f"{a_second:,.0f}, {p99_ms:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
