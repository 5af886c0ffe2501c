"""Streams that are held back by their reader and end with it, or with the server.

One task a stream runs the app's generator, in a context of its own from its first step to its
last, and stands still while a frame is on its way. Quart's `stream_with_context` does neither: it
has another `g`, and leaves the generator below it open when a reader hangs up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple

from qapp.ext.stopping import ServerStop

from .wire import Format

log = logging.getLogger(__name__)

# How long a closed stream waits for its generator's last words.
CLOSE_S: Final = 5
# How much longer a frame may be on its way when the server stops.
LAST_FRAME_S: Final = 1

Send = Callable[[bytes], Awaitable[None]]


class Limits(NamedTuple):
    """Seconds: the longest silence, and the longest that a reader may leave a frame unread."""

    heartbeat_s: float
    send_s: float


class Stream(AsyncIterator[bytes]):
    """The body of a streamed response.

    :param produce: does the work and awaits the function it is handed for each frame; that
        returns when the server has taken the frame.
    :param release: called once, when the stream is closed, even if it was never begun.
    """

    def __init__(
        self,
        produce: Callable[[Send], Awaitable[None]],
        release: Callable[[], None],
        form: Format,
        limits: Limits,
        streams: Streams,
    ) -> None:
        self._produce = produce
        self._release: Callable[[], None] | None = release
        self._form = form
        self._limits = limits
        self._streams = streams
        self._task: asyncio.Task[None] | None = None
        self._frame: bytes | None = None
        self._is_taken = False
        self._changed = asyncio.Event()
        self._sent = asyncio.Event()
        self._patience: asyncio.TimerHandle | None = None
        self._sender: asyncio.Task[object] | None = None
        self._ends = False
        self._is_closing = False

    async def __anext__(self) -> bytes:
        """Return the next frame, or a sign of life if there is none for a while."""
        self._stop_watching()
        if self._is_taken:  # and sent by now; what was sent otherwise is nobody's frame
            self._is_taken = False
            self._sent.set()
        if self._task is None:
            self._ends = not self._streams.add(self)
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(lambda _: self._changed.set())
            if self._form.preamble and not self._ends:
                return self._watched(self._form.preamble)
        while not self._ends:
            if self._frame is not None:
                frame, self._frame = self._frame, None
                self._is_taken = True
                return self._watched(frame)
            if self._task.done():
                break
            self._changed.clear()
            try:
                async with asyncio.timeout(self._limits.heartbeat_s):
                    await self._changed.wait()
            except TimeoutError:
                return self._watched(self._form.heartbeat)
        failed = self._task.done() and not self._task.cancelled() and self._task.exception()
        await self.aclose()
        if failed:
            raise failed
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the generator, wherever it is; called as often as one likes."""
        self._stop_watching()
        self._streams.discard(self)
        self._ends = True
        try:
            if self._task is not None and not self._task.done():
                # Once: when a close is itself cancelled, as by a reader who hangs up during a
                # stop, the next must not interrupt what the generator does at its end.
                if not self._is_closing:
                    self._is_closing = True
                    self._task.cancel()
                await asyncio.wait({self._task}, timeout=CLOSE_S)
                self._report(self._task)
        finally:
            if self._release is not None:
                release, self._release = self._release, None
                release()

    def end(self) -> None:
        """Let the stream end properly, as the server stops: soon, if its reader lets it."""
        self._ends = True
        self._changed.set()
        if self._patience is not None:
            self._patience.cancel()
            self._patience = self._give_up_in(LAST_FRAME_S)

    async def _run(self) -> None:
        await self._produce(self._send)

    async def _send(self, frame: bytes) -> None:
        self._frame = frame
        self._sent.clear()
        self._changed.set()
        await self._sent.wait()

    def _watched(self, frame: bytes) -> bytes:
        self._sender = asyncio.current_task()
        self._patience = self._give_up_in(self._limits.send_s)
        return frame

    def _give_up_in(self, seconds: float) -> asyncio.TimerHandle:
        def give_up() -> None:
            if self._sender is not None:
                self._sender.cancel()

        return asyncio.get_running_loop().call_later(seconds, give_up)

    def _stop_watching(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._sender = None

    def _report(self, task: asyncio.Task[None]) -> None:
        if not task.done():
            log.error("a Sijax generator still runs %d s after its end: %r", CLOSE_S, task)
            self._streams.keep(task)
        elif not task.cancelled() and (error := task.exception()):
            log.error("a Sijax generator failed while it was closed", exc_info=error)


class Streams:
    """The streams of one app that are open in this process."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()
        self._idle = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()
        # With a server other than Hypercorn, call `end_streams` when it stops.
        self._stop = ServerStop(self.end)
        self._ended = False

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def begin(self) -> None:
        """Accept streams, as the app begins to serve."""
        self._ended = False
        self._stop.begin()

    def add(self, stream: Stream) -> bool:
        """Count a stream in, unless the server stops: return whether it did."""
        if self._ended or not self._stop.server_runs():
            return False
        self._open.add(stream)
        self._idle.clear()
        return True

    def discard(self, stream: Stream) -> None:
        """Count a stream out."""
        self._open.discard(stream)
        if not self._open:
            self._idle.set()

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold on to a generator that does not end, so that it is waited for once more."""
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def end(self) -> None:
        """End all open streams; their readers see a proper end."""
        for stream in tuple(self._open):
            stream.end()

    async def close(self) -> None:
        """End all streams and wait for them, for `CLOSE_S` seconds at most."""
        self._ended = True
        self.end()
        if self._open:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._idle.wait()
        for task in self._late:
            task.cancel()
        if self._late:
            await asyncio.wait(self._late, timeout=CLOSE_S)
