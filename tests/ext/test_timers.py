"""Limits of time that share one timer of the loop."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from qapp.ext import timers
from qapp.ext.timers import call_later, timeout

PATIENCE_S = 30
NEVER_S = 1000


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the timers of the loop were to take that were started."""
    delays: list[float] = []

    real = asyncio.BaseEventLoop.call_later

    def noted(self: Any, delay: float, callback: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        if callback.__module__ == timers.__name__:
            delays.append(delay)
        return real(self, delay, callback, *args, **kw)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_later", noted)
    return delays


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_call_comes_when_its_time_has() -> None:
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    began = loop.time()
    call_later(0.01, came.set)
    await asyncio.wait_for(came.wait(), PATIENCE_S)
    assert loop.time() - began >= 0.01


async def test_calls_come_by_their_time_and_not_by_their_order() -> None:
    calls: list[str] = []
    last = asyncio.Event()
    call_later(3 * timers.TICK_S, last.set)
    call_later(NEVER_S, lambda: calls.append("never"))
    call_later(0, lambda: calls.append("first"))
    await asyncio.wait_for(last.wait(), PATIENCE_S)
    assert calls == ["first"]


async def test_what_is_cancelled_does_not_come() -> None:
    calls: list[str] = []
    later = asyncio.Event()
    timer = call_later(0, lambda: calls.append("cancelled"))
    call_later(0, later.set)
    timer.cancel()
    await asyncio.wait_for(later.wait(), PATIENCE_S)
    assert calls == []


async def test_one_that_comes_may_cancel_another_whose_time_has_come_too() -> None:
    calls: list[str] = []
    later = asyncio.Event()

    def ring(name: str) -> None:
        calls.append(name)
        for timer in pair:
            timer.cancel()

    pair = [call_later(0, lambda: ring("one")), call_later(0, lambda: ring("other"))]
    call_later(2 * timers.TICK_S, later.set)
    await asyncio.wait_for(later.wait(), PATIENCE_S)
    assert len(calls) == 1


async def test_each_call_is_made_in_the_context_that_it_was_asked_for_in() -> None:
    name, calls, last = ContextVar[str]("name"), [], asyncio.Event()

    async def ask(asker: str) -> None:
        name.set(asker)
        call_later(0, lambda: calls.append(name.get()))

    await asyncio.gather(*map(ask, ("ann", "bob")))
    call_later(2 * timers.TICK_S, last.set)
    await asyncio.wait_for(last.wait(), PATIENCE_S)
    assert sorted(calls) == ["ann", "bob"]


async def test_what_is_cancelled_keeps_nothing_of_who_asked_for_it() -> None:
    """Not while others wait, either: the first one's context is not that of the loop's timer."""

    class Request:
        """What a context holds."""

    request = ContextVar[Request]("request")

    async def ask() -> weakref.ref[Request]:
        asked = Request()
        request.set(asked)
        with timeout(NEVER_S):
            await asyncio.sleep(0)
        return weakref.ref(asked)

    known = await asyncio.create_task(ask())
    ticked = asyncio.Event()
    call_later(NEVER_S, forever)
    call_later(2 * timers.TICK_S, ticked.set)
    await asyncio.wait_for(ticked.wait(), PATIENCE_S)
    assert known() is None


async def test_one_that_fails_keeps_no_other_back() -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(lambda _, context: told.set())
    came = asyncio.Event()

    def fail() -> None:
        raise ValueError("tea")

    call_later(0, fail)
    call_later(0, came.set)
    await asyncio.wait_for(came.wait(), PATIENCE_S)
    await asyncio.wait_for(told.wait(), PATIENCE_S)
    last = asyncio.Event()
    call_later(0, last.set)
    await asyncio.wait_for(last.wait(), PATIENCE_S)


async def test_a_thousand_take_one_timer_of_the_loop(started: list[float]) -> None:
    for _ in range(1000):
        call_later(NEVER_S, forever).cancel()
        with timeout(NEVER_S):
            pass
    assert started == [timers.TICK_S]


async def test_when_none_waits_the_loop_has_no_timer(started: list[float]) -> None:
    came = asyncio.Event()
    call_later(0, came.set)
    await asyncio.wait_for(came.wait(), PATIENCE_S)
    assert len(started) == 1
    came.clear()
    call_later(0, came.set)  # it begins anew
    await asyncio.wait_for(came.wait(), PATIENCE_S)
    assert len(started) == 2


def test_a_loop_is_forgotten_with_its_timers() -> None:
    async def wait() -> weakref.ref[Any]:
        call_later(NEVER_S, forever)
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.new_event_loop()
    known = loop.run_until_complete(wait())
    loop.close()
    del loop
    gc.collect()
    assert known() is None


def test_without_a_loop_there_are_none() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        call_later(0, forever)
    with pytest.raises(RuntimeError), timeout(1):
        pass


async def test_what_takes_too_long_is_broken_off() -> None:
    with pytest.raises(TimeoutError), timeout(0):
        await forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("limit_s", [NEVER_S, None])
async def test_what_ends_in_time_is_not(limit_s: float | None) -> None:
    with timeout(limit_s):
        await asyncio.sleep(0)
    with pytest.raises(ValueError, match="tea"), timeout(limit_s):
        raise ValueError("tea")


async def test_the_inner_limit_is_the_inner_ones() -> None:
    with timeout(NEVER_S):
        with pytest.raises(TimeoutError), timeout(0):
            await forever()
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), timeout(0), timeout(NEVER_S):
        await forever()


@pytest.mark.parametrize("limit_s", [NEVER_S, 0, None])
async def test_who_is_cancelled_by_others_is_cancelled(limit_s: float | None) -> None:
    began = asyncio.Event()

    async def wait() -> None:
        with timeout(limit_s):
            began.set()
            await forever()

    task = asyncio.create_task(wait())
    await asyncio.wait_for(began.wait(), PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE_S)


async def test_who_is_cancelled_as_the_time_ends_is_cancelled() -> None:
    async def wait() -> None:
        with timeout(0):
            call_later(0, task.cancel)
            await forever()

    task = asyncio.create_task(wait())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE_S)


async def test_who_does_not_heed_it_is_not_told_twice() -> None:
    with timeout(0), pytest.raises(asyncio.CancelledError):
        await forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
