"""One reader's stream. There may be thousands, so it is small: a place in what all share."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from quart.wrappers.response import ResponseBody

from . import wire
from .channel import Channel

if TYPE_CHECKING:
    from .hub import Hub

# Readers who lost their server all at once come back spread over so long.
RETRY_MS = (1000, 5000)


class Place(NamedTuple):
    """Where a stream begins: after this event; `is_reset` if there may have been others before."""

    number: int
    is_reset: bool = False


class Reader(ResponseBody, AsyncIterator[bytes]):
    """The body of a streamed response.

    It has no queue: what its reader has not got yet is looked up in the channel when he can take
    it, so a slow one costs what a quick one does. What is forgotten by then, `reset` tells him.

    :ivar waiter: is waited for while there is nothing new.
    """

    __slots__ = (
        "_channel",
        "_hub",
        "_is_late",
        "_name",
        "_number",
        "_opening",
        "_sender",
        "waiter",
    )

    def __init__(self, hub: Hub, name: str, place: Place) -> None:
        # To be told the id at once is what makes a stream resume that breaks before any event.
        said = wire.reset if place.is_reset else wire.heartbeat
        wait_ms = random.randint(*RETRY_MS)  # noqa: S311 - spreads the readers
        self._opening = wire.retry(wait_ms) + said(place.number)
        self._number = place.number
        self._hub = hub
        self._name = name
        self._channel: Channel | None = None
        self._sender: asyncio.Task[object] | None = None
        self._is_late = False
        self.waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to read, if the server does not stop."""
        self._channel = self._hub.enter(self, self._name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._sender = None
        if self._channel is not None:
            self._hub.leave(self, self._channel)

    async def __anext__(self) -> bytes:
        """Return what is new as soon as something is, or a sign of life."""
        self._sender = None  # what it had to send is sent
        self._is_late = False
        frame = self._opening or self._look()
        self._opening = b""
        if not frame:
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
            frame = self._look()
        if not frame:  # so it was woken to show that it lives
            self._number, frame = self._hub.heartbeat()
        self._sender = asyncio.current_task()
        return frame

    def _look(self) -> bytes:
        channel = self._channel
        if channel is None or not self._hub.is_open:
            raise StopAsyncIteration
        if self._number < channel.floor:
            self._number = self._hub.newest
            return wire.reset(self._number)
        frame, self._number = channel.after(self._number)
        return frame

    def give_up_if_stuck(self) -> None:
        """Break off if what was to be sent the last time that this was called still is."""
        if self._sender is not None:
            if self._is_late:
                self._sender.cancel()
            self._is_late = True
