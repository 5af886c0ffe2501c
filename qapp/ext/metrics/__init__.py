"""Measure an app while it serves, in all its processes, at the cost of a microsecond a request.

    from quart import Quart
    from qapp.ext.metrics import Metrics, counter

    app = Quart(__name__)
    metrics = Metrics("tea")
    cups = 0

    @app.get("/brew")
    async def brew():
        global cups
        cups += 1
        return "Ready"

    @app.get("/metrics")
    async def show():
        return await metrics.exposition(), {"Content-Type": metrics.CONTENT_TYPE}

    metrics.init_app(app, [counter("cups_total", "Cups of tea.", lambda: cups)])

Requests, how long they took, the event loop's lag, memory and processor are measured by themselves;
an app adds families of figures of its own. Initialize it after all else that puts an ASGI layer
above the app: what answers above the layer here is not seen by it.

Once a second each process writes a row of its figures into a file of the folder `metrics` in the
instance folder, which is never synced. Any process can tell what all of them did, second by second
for the last two minutes: `report`. The file goes with its process, however that ends.

In debug mode answers have a header `Server-Timing`: the time in all, and the database's part.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path
from typing import TypeVar

from quart import Quart, current_app

from qapp.ext.threads import OpenPool, PoolBusy

from . import process
from .figures import SECONDS, Family, Histogram, Layout, counter, gauge, percentile
from .layer import Layer, Requests, ServerTiming
from .prometheus import CONTENT_TYPE, exposition
from .report import Report
from .tracks import Track, TrackFile, read_all

__all__ = [
    "SECONDS",
    "Family",
    "Histogram",
    "Layout",
    "Metrics",
    "Report",
    "Track",
    "counter",
    "gauge",
    "percentile",
]

log = logging.getLogger(__name__)

T = TypeVar("T")

EXTENSION = "metrics"
FOLDER = "metrics"
# How often the loop's lag is measured, and, in the first look of each second, all else.
LOOK_S = 0.1


class _Recorder:
    """What measures one app in this process."""

    def __init__(self, app: Quart, families: Iterable[Family]) -> None:
        self.requests = Requests()
        self._lag = process.LoopLag()
        own = [*self.requests.families(), *self._lag.families(), *process.families()]
        self.layout = Layout([*own, *families])
        self.folder = Path(app.instance_path) / FOLDER
        self._app = app
        self.pool: OpenPool | None = None

    async def serving(self) -> AsyncGenerator[None, None]:
        """Measure as long as the app serves."""
        pool = self.pool = OpenPool(EXTENSION, threads=1, most_jobs=100)
        file = None
        try:
            try:
                file = await pool.run(TrackFile, self.folder, self.layout)
                async with self._app.app_context():
                    await pool.run(file.write, self.layout.row(time.monotonic()))
            except OSError as error:  # a full disk keeps nobody from reading
                log.warning("Metrics: nothing is measured, the figures can't be kept: %s", error)
                yield
                return
            watching = asyncio.create_task(self._watch(pool, file))
            watching.add_done_callback(_log_fault)
            try:
                yield
            finally:
                watching.cancel()
                await asyncio.wait([watching])
        finally:
            self.pool = None
            if file is not None:
                await pool.insist(file.close)
            await pool.close()

    async def _watch(self, pool: OpenPool, file: TrackFile) -> None:
        is_failing = False
        second = int(time.monotonic())
        async with self._app.app_context():
            while True:
                due = time.monotonic() + LOOK_S
                await asyncio.sleep(LOOK_S)
                now = time.monotonic()
                self._lag.add(max(0.0, now - due))
                if int(now) == second:
                    continue
                second = int(now)
                try:
                    # However many ask for reports: this is what these are made of.
                    await pool.insist(file.write, self.layout.row(now))
                    is_failing = False
                except OSError as error:
                    if not is_failing:  # it is tried again and again
                        log.warning("Metrics: the figures can't be kept: %s", error)
                    is_failing = True


class Metrics:
    """The figures of any number of apps.

    :param prefix: what the names of all figures begin with.
    """

    CONTENT_TYPE = CONTENT_TYPE

    def __init__(self, prefix: str = "app") -> None:
        self._prefix = prefix

    def init_app(self, app: Quart, families: Iterable[Family] = ()) -> None:
        """Measure an app from when it serves until it ends.

        :param families: what is measured beside what is measured of every app.
        :raises ValueError: if two families have one name.
        """
        recorder = app.extensions[EXTENSION] = _Recorder(app, families)
        inner = ServerTiming(app.asgi_app) if app.debug else app.asgi_app
        app.asgi_app = Layer(inner, recorder.requests)  # type: ignore[method-assign]
        app.while_serving(recorder.serving)

    async def exposition(self) -> str:
        """Return the figures of all processes as Prometheus reads them (`CONTENT_TYPE`).

        :raises PoolBusy: if too many ask at once, or the app does not serve.
        """
        recorder = _recorder()

        def write() -> str:
            tracks = read_all(recorder.folder, recorder.layout)
            return exposition(self._prefix, recorder.layout, tracks)

        return await _opened(recorder).run(write)

    async def report(self, tell: Callable[[Report], T]) -> T:
        """Return what `tell` makes, in a thread, of what all processes did in the last two minutes.

        :raises PoolBusy: if too many ask at once, or the app does not serve.
        """
        recorder = _recorder()

        def work() -> T:
            tracks = read_all(recorder.folder, recorder.layout)
            return tell(Report(recorder.layout, tracks, time.monotonic()))

        return await _opened(recorder).run(work)


def _recorder() -> _Recorder:
    recorder: _Recorder = current_app.extensions[EXTENSION]
    return recorder


def _opened(recorder: _Recorder) -> OpenPool:
    if recorder.pool is None:
        raise PoolBusy(f"{EXTENSION}: the pool is closed")
    return recorder.pool


def _log_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("Metrics: nothing is measured any more", exc_info=fault)
