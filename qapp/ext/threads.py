"""Run CPU-bound work in threads of its own, so many at a time, and no more waiting than that.

`asyncio.to_thread` shares one pool with everything else in the process: twelve slow jobs in it and
a small file waits for seconds. A pool for each kind of work keeps one from starving the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from quart import Quart, current_app

P = ParamSpec("P")
T = TypeVar("T")


class PoolBusy(Exception):
    """As many jobs as may wait are waiting: try again in a moment."""


class _State:
    def __init__(self, name: str, threads: int) -> None:
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.jobs = 0


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
        """Open the pool while the app serves."""

        @app.while_serving
        async def opened() -> AsyncGenerator[None, None]:
            state = app.extensions[self._name] = _State(self._name, self._threads)
            try:
                yield
            finally:
                state.executor.shutdown(wait=False, cancel_futures=True)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread; return its result or raise its exception.

        A job that has started runs to its end, whether or not its caller still waits, and counts
        until then.

        :raises PoolBusy: if `most_jobs` run or wait already.
        """
        state: _State = current_app.extensions[self._name]
        if state.jobs >= self._most_jobs:
            raise PoolBusy(f"{self._name}: {state.jobs} jobs are waiting")
        state.jobs += 1
        loop = asyncio.get_running_loop()
        job = state.executor.submit(function, *args, **kwargs)

        def done() -> None:
            state.jobs -= 1

        def done_in_thread(_: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(done)

        job.add_done_callback(done_in_thread)
        return await asyncio.wrap_future(job)
