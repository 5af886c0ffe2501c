"""Let 500 readers of Comet streams come and half of them hang up: what is left of each?

Server and readers share a process, so its memory and tasks are those of both.

    python -m tests.bench.sijax --readers 500 --rounds 5
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from quart import g

from qapp.ext.sijax import ObjResponse, end_streams
from qapp.ext.sijax.streams import Stream
from tests.bench.table import Line, show
from tests.ext.sijax.tools import Reader, Site, make_app, served

PATIENCE_S = 120


def rss_mb() -> float:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no event tells."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is counted belongs to the server
            await asyncio.sleep(0.01)


async def come(site: Site) -> Reader:
    """Open a stream and read its first frame."""
    reader = await site.call("wait")
    await reader.head()
    await reader.chunk()
    return reader


async def measure(readers: int, rounds: int) -> list[Line]:
    """Print a line for each round; return what was left by them all."""
    closed = 0

    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        nonlocal closed
        try:
            yield answer.alert("here")
            await asyncio.Event().wait()
        finally:
            closed += 1

    app = make_app(lambda: g.sijax.register_comet_callback("wait", wait))
    left, first_mb = 0, 0.0
    async with served(app) as site:
        await (await come(site)).hang_up()
        streams = app.extensions["sijax_streams"]
        await until(lambda: not len(streams))
        tasks = len(asyncio.all_tasks())
        for number in range(1, rounds + 1):
            here = [await come(site) for _ in range(readers)]
            full = rss_mb(), len(asyncio.all_tasks()) - tasks
            for reader in here[::2]:
                await reader.hang_up()
            await until(lambda: len(streams) == readers // 2)
            half = len(asyncio.all_tasks()) - tasks
            end_streams(app)
            for reader in here[1::2]:
                assert await reader.chunk() == b""
                await reader.hang_up()
            site.readers.clear()
            del here, reader
            await until(lambda: not len(streams) and len(asyncio.all_tasks()) <= tasks)
            gc.collect()
            objects = sum(isinstance(each, Stream) for each in gc.get_objects())
            left += objects
            first_mb = first_mb or rss_mb()
            print(
                f"round {number}: {readers} open: {full[0]:.0f} MB, {full[1]} tasks; "
                f"half hung up: {half} tasks; all gone: {rss_mb():.0f} MB, "
                f"{len(asyncio.all_tasks()) - tasks} tasks, {objects} streams, "
                f"{closed - 1} generators closed"
            )
    unclosed = 1 + readers * rounds - closed
    growth_mb = rss_mb() - first_mb
    return [
        Line("streams left in memory", str(left), "0", left == 0),
        Line("generators not closed", str(unclosed), "0", unclosed == 0),
        Line("growth after the first round", f"{growth_mb:.1f} MB", "under 5 MB", growth_mb < 5),
    ]


def main() -> None:
    """Run the rounds; exit 1 if anything is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=500, help="an even number")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    lines = asyncio.run(measure(arguments.readers, arguments.rounds))
    sys.exit(show("Comet readers, half of whom hang up", lines))


if __name__ == "__main__":
    main()
