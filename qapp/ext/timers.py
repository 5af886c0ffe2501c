"""Limits of time that cost next to nothing where they are kept, as most are: one timer for all.

A timer of the loop, started and given up, takes as long as a whole layer of an application: uvloop
makes one of libuv's, and ends that in a turn of its own. Here a loop has one, while anybody waits,
and looks at every tick whose time has come. So what is limited may last up to a tick longer.

    from qapp.ext import timers

    with timers.timeout(60):
        await send(message)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from types import TracebackType
from typing import Final, Self
from weakref import WeakKeyDictionary

TICK_S: Final = 0.05


class Timer:
    """A call that is to come, unless it is cancelled."""

    __slots__ = ("_callback", "_timers", "context", "when")

    def __init__(self, timers: _Timers, when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self.context = copy_context()
        self._timers = timers
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Let the call not come; one that has come stays."""
        self._callback = None
        self._timers.waiting.discard(self)

    def ring(self) -> None:
        """Call, unless that was cancelled."""
        if (callback := self._callback) is not None:
            self._callback = None
            callback()


class _Timers:
    """The timers of one loop."""

    def __init__(self) -> None:
        self.waiting: set[Timer] = set()
        self._ticks = False

    def add(self, loop: asyncio.AbstractEventLoop, timer: Timer) -> None:
        self.waiting.add(timer)
        if not self._ticks:
            self._ticks = True
            self._wait(loop)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        # In no request's context: that of the first would be kept as long as there are others.
        loop.call_later(TICK_S, self._tick, loop, context=Context())

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for timer in [timer for timer in self.waiting if timer.when <= now]:
            self.waiting.discard(timer)
            # By itself: what one raises is not to keep the others back.
            loop.call_soon(timer.ring, context=timer.context)
        self._ticks = bool(self.waiting)
        if self._ticks:
            self._wait(loop)


# None of them holds its loop, which would then never be forgotten.
_timers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Timers] = WeakKeyDictionary()


def call_later(delay_s: float, callback: Callable[[], object]) -> Timer:
    """Call a function in the running loop and this context after a time, or up to a tick later.

    :raises RuntimeError: if no loop runs.
    """
    loop = asyncio.get_running_loop()
    timers = _timers.get(loop)
    if timers is None:
        timers = _timers[loop] = _Timers()
    timer = Timer(timers, loop.time() + delay_s, callback)
    timers.add(loop, timer)
    return timer


class timeout:  # noqa: N801  # asyncio's own name for it
    """Break off what takes longer, by a TimeoutError, as `asyncio.timeout` does; by plain `with`.

    :param delay_s: the limit in seconds; None is none.
    """

    __slots__ = ("_before", "_delay_s", "_is_over", "_task", "_timer")

    def __init__(self, delay_s: float | None) -> None:
        self._delay_s = delay_s
        self._timer: Timer | None = None
        self._is_over = False

    def __enter__(self) -> Self:
        """Begin.

        :raises RuntimeError: if there is no task to break off.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a timeout is for what runs in a task")
        self._task = task
        self._before = task.cancelling()
        if self._delay_s is not None:
            self._timer = call_later(self._delay_s, self._break_off)
        return self

    def _break_off(self) -> None:
        self._is_over = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End; a cancellation that is this one's own becomes a TimeoutError."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_over:
            is_last = self._task.uncancel() <= self._before
            if is_last and kind is asyncio.CancelledError:
                raise TimeoutError from error
