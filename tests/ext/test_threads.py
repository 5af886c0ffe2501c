"""Pools of threads: bounded, closed with the app, and a job runs to its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from quart import Quart

from qapp.ext import threads
from qapp.ext.threads import BoundedPool, PoolBusy

PATIENCE_S = 60
pool = BoundedPool("testing", threads=2, most_jobs=4)


class Gate:
    """A job that waits in its thread until it is let through."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.opened = threading.Event()
        self.ended = 0

    def __call__(self, result: Any = None) -> Any:
        self.started.release()
        assert self.opened.wait(PATIENCE_S)
        self.ended += 1
        return result

    async def has_started(self, times: int = 1) -> None:
        """Wait until so many jobs more stand at the gate."""
        for _ in range(times):
            assert await asyncio.to_thread(self.started.acquire, timeout=PATIENCE_S)


def new_app() -> Quart:
    app = Quart("testing")
    pool.init_app(app)
    return app


@pytest.fixture
async def app() -> AsyncIterator[Quart]:
    app = new_app()
    async with app.test_app():
        yield app


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


async def call(app: Quart, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    async with app.app_context():
        return await pool.run(function, *args, **kwargs)


def start(app: Quart, function: Callable[..., Any], *args: Any) -> asyncio.Task[Any]:
    return asyncio.create_task(call(app, function, *args))


async def started(app: Quart, gate: Gate, count: int) -> list[asyncio.Task[Any]]:
    """Start jobs at the gate, more than which can't run at a time; wait until all are queued."""
    tasks = [start(app, gate, number) for number in range(count)]
    await gate.has_started(min(count, 2))
    return tasks


async def until_no_job_counts(app: Quart) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await app.extensions["testing"].idle.wait()


def threads_of_the_pool() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("testing")]


async def test_a_result_comes_back_from_another_thread(app: Quart) -> None:
    assert await call(app, divmod, 7, 3) == (2, 1)
    assert await call(app, int, "ff", base=16) == 255
    name = await call(app, lambda: threading.current_thread().name)
    assert name.startswith("testing")


@pytest.mark.parametrize("error", [ValueError("why"), KeyError(1), SystemExit(3)])
async def test_an_exception_reaches_the_caller(app: Quart, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await call(app, fail)
    assert raised.value is error
    assert await call(app, len, "abc") == 3


async def test_so_many_jobs_run_at_a_time(app: Quart, gate: Gate) -> None:
    tasks = await started(app, gate, 4)
    assert not gate.started.acquire(blocking=False)
    assert len(threads_of_the_pool()) == 2
    gate.opened.set()
    assert await asyncio.gather(*tasks) == [0, 1, 2, 3]


async def test_one_job_too_many_is_refused_until_another_ends(app: Quart, gate: Gate) -> None:
    tasks = await started(app, gate, 4)
    with pytest.raises(PoolBusy, match="testing: 4 jobs"):
        await call(app, len, "abc")
    gate.opened.set()
    await asyncio.gather(*tasks)
    assert await call(app, len, "abc") == 3


async def test_the_job_of_a_cancelled_caller_runs_to_its_end_and_counts(
    app: Quart, gate: Gate
) -> None:
    tasks = await started(app, gate, 4)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    with pytest.raises(PoolBusy):
        await call(app, len, "abc")
    gate.opened.set()
    assert await asyncio.gather(*tasks[1:]) == [1, 2, 3]
    await until_no_job_counts(app)
    assert gate.ended == 4


async def test_a_job_that_waits_goes_with_its_caller(app: Quart, gate: Gate) -> None:
    tasks = await started(app, gate, 4)
    tasks[3].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[3]
    tasks[3] = start(app, gate, "instead")
    gate.opened.set()
    assert await asyncio.gather(*tasks) == [0, 1, 2, "instead"]
    assert gate.ended == 4


async def test_a_pool_that_is_not_open_is_busy() -> None:
    app = new_app()
    with pytest.raises(PoolBusy):
        await call(app, len, "abc")
    async with app.test_app():
        assert await call(app, len, "abc") == 3
    with pytest.raises(PoolBusy):
        await call(app, len, "abc")


async def test_a_stop_lets_end_what_runs_and_drops_what_waits(gate: Gate) -> None:
    app = new_app()
    await app.startup()
    tasks = await started(app, gate, 4)
    stop = asyncio.create_task(app.shutdown())
    # The stop has come as far as the pool when those who wait for a thread are told.
    for task in tasks[2:]:
        with pytest.raises(PoolBusy, match="closed"):
            await task
    assert not stop.done()
    gate.opened.set()
    assert await asyncio.gather(*tasks[:2]) == [0, 1]
    await stop
    assert threads_of_the_pool() == []


async def test_a_stop_does_not_wait_for_ever(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "CLOSE_S", 0.01)
    app = new_app()
    await app.startup()
    (task,) = await started(app, gate, 1)
    await app.shutdown()
    assert not task.done()
    gate.opened.set()
    assert await task == 0


async def test_a_caller_cancelled_during_the_stop_is_cancelled(gate: Gate) -> None:
    app = new_app()
    await app.startup()
    tasks = await started(app, gate, 3)
    stop = asyncio.create_task(app.shutdown())
    tasks[2].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[2]
    gate.opened.set()
    await stop
    await asyncio.gather(*tasks[:2])


def test_a_job_may_outlive_its_loop(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "CLOSE_S", 0.01)

    async def abandon() -> None:
        app = new_app()
        await app.startup()
        await started(app, gate, 1)
        await app.shutdown()

    asyncio.run(abandon())
    (thread,) = threads_of_the_pool()
    gate.opened.set()
    thread.join(PATIENCE_S)
    assert gate.ended == 1


async def test_each_app_has_a_pool_of_its_own(app: Quart, gate: Gate) -> None:
    other = new_app()
    async with other.test_app():
        tasks = await started(app, gate, 4)
        assert await call(other, len, "abc") == 3
        gate.opened.set()
        await asyncio.gather(*tasks)
    assert await call(app, len, "abc") == 3
