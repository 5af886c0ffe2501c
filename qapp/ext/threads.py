"""Run work that blocks in threads of its own, so many at a time, and no more waiting than that.

`asyncio.to_thread` shares one pool with everything else in the process: twelve slow jobs in it and
a small file waits for seconds. A pool for each kind of work keeps one from starving the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

from quart import Quart, current_app

P = ParamSpec("P")
T = TypeVar("T")

# How long a stop waits for the jobs that run.
CLOSE_S = 5


class PoolBusy(Exception):
    """As many jobs as may wait are waiting, or the site stops: try again in a moment."""


class OpenPool:
    """The threads of an app that serves."""

    def __init__(self, name: str, threads: int, most_jobs: int) -> None:
        self.name = name
        self.most_jobs = most_jobs
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.is_open = True
        self.jobs = 0
        self.idle = asyncio.Event()
        self.idle.set()

    def begin(self) -> None:
        self.jobs += 1
        self.idle.clear()

    def end(self) -> None:
        self.jobs -= 1
        if not self.jobs:
            self.idle.set()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread, as `BoundedPool.run`."""
        if self.jobs >= self.most_jobs:
            raise PoolBusy(f"{self.name}: {self.jobs} jobs are waiting")
        return await self.insist(function, *args, **kwargs)

    async def insist(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread however many wait: to clean up after one that has run.

        :raises PoolBusy: if the app does not serve any more.
        """
        if not self.is_open:
            raise PoolBusy(f"{self.name}: the pool is closed")
        loop = asyncio.get_running_loop()
        job = self.executor.submit(function, *args, **kwargs)
        self.begin()

        def ended_in_thread(_: object) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody counts any more
                loop.call_soon_threadsafe(self.end)

        job.add_done_callback(ended_in_thread)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            # A job dropped at the stop looks like a caller who was cancelled, but nobody was.
            task = asyncio.current_task()
            if job.cancelled() and task is not None and not task.cancelling():
                raise PoolBusy(f"{self.name}: the pool was closed") from None
            raise

    async def close(self) -> None:
        self.is_open = False
        self.executor.shutdown(wait=False, cancel_futures=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.idle.wait()
                self.executor.shutdown()  # nothing runs: its threads end at once


class BoundedPool:
    """Threads for one kind of work, for each app; they start when they are first needed.

    :param name: what the pool is called in `app.extensions` and its threads in a debugger.
    :param threads: how many jobs run at a time.
    :param most_jobs: how many may run or wait; past it `run` raises `PoolBusy`.
    """

    def __init__(self, name: str, *, threads: int, most_jobs: int) -> None:
        self._name = name
        self._threads = threads
        self._most_jobs = most_jobs

    def init_app(self, app: Quart) -> None:
        """Open the pool while the app serves; then drop what waits and let end what runs."""

        @app.while_serving
        async def opened() -> AsyncGenerator[None, None]:
            state = app.extensions[self._name] = OpenPool(
                self._name, self._threads, self._most_jobs
            )
            try:
                yield
            finally:
                await state.close()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread; return its result or raise its exception.

        A job that has started runs to its end, whether or not its caller still waits, and counts
        until then.

        :raises PoolBusy: if `most_jobs` run or wait already, or the app does not serve.
        """
        return await self.opened().run(function, *args, **kwargs)

    def opened(self) -> OpenPool:
        """Return the current app's pool, for where there is no app context: in a stream, say.

        :raises PoolBusy: if the app does not serve.
        """
        state: OpenPool | None = current_app.extensions.get(self._name)
        if state is None:
            raise PoolBusy(f"{self._name}: the pool is closed")
        return state
