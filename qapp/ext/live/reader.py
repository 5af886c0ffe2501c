"""One reader's stream. There may be thousands, so it is small: a place in what all share."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable

from . import wire
from .channel import Channel

if TYPE_CHECKING:
    from .hub import Hub

# Readers who lost their server all at once come back spread over so long.
RETRY_MS = (1000, 5000)
# How much longer something may be on its way when the server stops.
END_S = 1


class Place(NamedTuple):
    """Where a stream begins: after this event; `is_reset` if there may have been others before."""

    number: int
    is_reset: bool = False


class Reader:
    """A stream, from when its response has begun.

    Its task does nothing but wait for the reader to go; what is to be sent is sent by a task that
    lives as long as that takes. There is no queue: what the reader has not got yet is looked up in
    the channel when he can take it, so a slow one costs what a quick one does. What is forgotten
    by then, `reset` tells him.
    """

    __slots__ = (
        *("_channel", "_hub", "_is_late", "_name", "_number", "_opening", "_send", "_sender"),
        "_stay",
    )

    def __init__(self, hub: Hub, name: str, place: Place) -> None:
        # To be told the id at once is what makes a stream resume that breaks before any event.
        said = wire.reset if place.is_reset else wire.heartbeat
        wait_ms = random.randint(*RETRY_MS)  # noqa: S311 - spreads the readers
        self._opening = wire.retry(wait_ms) + said(place.number)
        self._number = place.number
        self._hub = hub
        self._name = name
        self._channel: Channel
        self._send: ASGISendCallable
        self._sender: asyncio.Task[None] | None = None
        self._stay: asyncio.Timeout
        self._is_late = False

    async def run(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Stream until the reader goes, is cut off, or the server stops."""
        self._send = send
        channel = self._hub.enter(self, self._name)
        if channel is None:
            await self._write(self._opening)
            await self._write(b"", is_last=True)
            return
        self._channel = channel
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as self._stay:
                    self._begin_to_send(self._opening)
                    self._opening = b""
                    while (await receive())["type"] != "http.disconnect":
                        pass
        finally:
            self._hub.leave(self, channel)
            if self._sender is not None:
                self._sender.cancel()

    def tell(self, heartbeat: bytes = b"") -> None:
        """Send what is new, or else the sign of life if it is time, unless something is on its way.

        After that, what is new by then is sent anyway.
        """
        if self._sender is None and self._is_here and (frame := self._look() or heartbeat):
            if frame is heartbeat:
                self._number = self._hub.newest  # there was nothing else for him up to it
            self._begin_to_send(frame)

    def end(self) -> None:
        """End the stream properly, after what is on its way, but within `END_S`."""
        if self._sender is None:
            self._begin_to_send(b"")
        else:
            asyncio.get_running_loop().call_later(END_S, self._leave)

    def cut_off_if_stuck(self) -> None:
        """Break the stream off if what was on its way at the last call still is."""
        if self._sender is not None:
            if self._is_late:
                self._leave()
            self._is_late = True

    def _begin_to_send(self, frame: bytes) -> None:
        self._is_late = False
        self._sender = asyncio.create_task(self._send_on(frame))

    async def _send_on(self, frame: bytes) -> None:
        while frame:
            await self._write(frame)
            self._is_late = False
            frame = self._look()
        if not self._hub.is_open:
            await self._write(b"", is_last=True)
            self._leave()
        self._sender = None

    def _look(self) -> bytes:
        if not self._hub.is_open:
            return b""
        if self._number < self._channel.floor:
            self._number = self._hub.newest
            return wire.reset(self._number)
        frame, self._number = self._channel.after(self._number)
        return frame

    async def _write(self, frame: bytes, *, is_last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": frame, "more_body": not is_last})

    def _leave(self) -> None:
        # Not every server says that the client is gone when it was the answer that ended.
        if self._is_here:
            self._stay.reschedule(asyncio.get_running_loop().time())

    @property
    def _is_here(self) -> bool:
        return self in self._channel.readers
