"""Call what an app registered: plain functions and generators, async or not.

What is not async may block, so it runs in a thread of the loop's default pool.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing
from contextvars import copy_context
from functools import partial
from typing import Any, Final, TypeGuard

# How long the end of a stream waits for a step that runs in a thread and can't be interrupted.
CLOSE_S: Final = 5
_END: Final = object()

Steps = AsyncGenerator[Any, None] | Generator[Any, Any, Any]


def fits(function: Callable[..., Any], args: Sequence[Any]) -> bool:
    """Tell whether a function can be called with these arguments, without calling it."""
    try:
        inspect.signature(function).bind(*args)
    except TypeError:
        return False
    return True


def has_steps(result: object) -> TypeGuard[Steps]:
    """Tell whether a call's result is a generator of either kind."""
    return inspect.isasyncgen(result) or inspect.isgenerator(result)


async def call(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Return a call's result, awaited if need be; a generator is returned before its first step."""
    result = function(*args) if _is_quick(function) else await _in_thread(function, *args)
    return await result if inspect.isawaitable(result) else result


async def steps_of(generator: Steps) -> AsyncGenerator[None, None]:
    """Go through a generator, one step for each of ours; close this one to close that."""
    if inspect.isasyncgen(generator):
        async with aclosing(generator):
            async for _ in generator:
                yield
        return
    step: asyncio.Future[Any] | None = None
    try:
        while True:
            step = _in_thread(next, generator, _END)
            if await asyncio.shield(step) is _END:
                return
            yield
    finally:
        await _close(generator, step)


async def close(generator: Steps) -> None:
    """Close a generator that nobody goes through."""
    if isinstance(generator, AsyncGenerator):
        await generator.aclose()
    else:
        generator.close()


async def _close(generator: Any, step: asyncio.Future[Any] | None) -> None:
    """Close a generator as soon as no thread is in it: a running one cannot be closed."""
    if step is not None and not step.done():
        await asyncio.wait({step}, timeout=CLOSE_S)
    if step is None or step.done():
        await _in_thread(generator.close)
    else:
        step.add_done_callback(lambda _: _in_thread(generator.close))


def _is_quick(function: Callable[..., Any]) -> bool:
    """Tell whether a call returns at once, with something to await or to go through."""
    kinds = (
        inspect.iscoroutinefunction,
        inspect.isasyncgenfunction,
        inspect.isgeneratorfunction,
    )
    called = getattr(function, "__call__", None)  # noqa: B004 - an object's own async __call__
    return any(kind(function) or kind(called) for kind in kinds)


def _in_thread(function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
    loop = asyncio.get_running_loop()
    return loop.run_in_executor(None, copy_context().run, partial(_guarded, function, *args))


def _guarded(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except StopIteration as error:
        # A future can't hold it (PEP 479 says why): who awaits it would wait for ever.
        raise RuntimeError("a function raised StopIteration") from error
