"""Request bodies: large ones are read as they are asked for, and none is left behind unreceived.

Quart takes in a body as fast as the client sends it, whether or not it is being read. Here, for the
views that are for large bodies, nothing is received before the one before is dealt with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import Any, Self, TypeVar

from hypercorn.typing import ASGIReceiveCallable, ASGIReceiveEvent, ASGISendCallable, ASGISendEvent
from quart.wrappers.request import Body
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, RequestTimeout

# After an answer the client gets so long to end its sending, as long as it does send: cut off,
# browsers don't show the answer. (What nginx calls a lingering close.)
LINGER_S = 10
SENDING_S = 1
# How long the server may take to end a connection, once the answer is over.
END_S = 3
# So many parts of large bodies are dealt with at a time, however many arrive: what else the loop
# has to do waits for these only.
AT_A_TIME = 2
# Who needs longer for the next part sends slowly.
SLOW_S = 0.005

View = TypeVar("View", bound=Callable[..., Any])


def large_body(view: View) -> View:
    """Mark a view, as a decorator, as one whose posts may be as large as uploads are.

    Its path must be without variables: a body begins before anything is matched.
    """
    view.has_large_body = True  # type: ignore[attr-defined]
    return view


class Incoming:
    """What still comes of a request.

    :ivar ended: set when its body is there, or its client is gone.
    :ivar received: how many messages have come.
    """

    def __init__(self, receive: ASGIReceiveCallable) -> None:
        self.ended = asyncio.Event()
        self.is_gone = False
        self.received = 0
        self._receive = receive

    async def receive(self) -> ASGIReceiveEvent:
        """Receive, as the server's own function does."""
        message = await self._receive()
        self.received += 1
        if message["type"] != "http.request":
            self.is_gone = True
            self.ended.set()
        elif not message.get("more_body", False):
            self.ended.set()
        return message

    async def drain(self) -> None:
        """Receive to the end and forget it."""
        while not self.ended.is_set():
            await self.receive()


class CountingBody(Body):
    """A body whose limit counts every byte, also those already read (a chunked upload's).

    :ivar is_whole: whether all of it is here: nothing is waited for any more.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.is_whole = False
        self._received_bytes = 0

    def set_complete(self) -> None:
        self.is_whole = True
        super().set_complete()

    def append(self, data: bytes) -> None:
        self._received_bytes += len(data)
        limit = self._max_content_length
        if limit is not None and self._received_bytes > limit and self._must_raise is None:
            self._must_raise = RequestEntityTooLarge()
            self.set_complete()
        super().append(data)

    async def __anext__(self) -> bytes:
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            # The limit was passed while this waited: the end is not the sender's.
            if self._must_raise is not None:
                raise self._must_raise from None
            raise


class StreamedBody(Body):
    """A body of which only what was read last is in memory.

    Reading raises `RequestEntityTooLarge`, `RequestTimeout` if nothing comes for a while, and
    `ClientDisconnected`.

    :param declared_bytes: what the client says that it sends; None if it does not.
    :param most_bytes: the largest body.
    :param most_awaited_bytes: the largest that may be awaited whole.
    :param idle_s: how long to wait for more.
    :param timeout_s: how long all of it may take; the request's parser minds it.
    :param turns: bounds how many such bodies' parts are dealt with at a time.
    """

    def __init__(
        self,
        incoming: Incoming,
        *,
        declared_bytes: int | None,
        most_bytes: int,
        most_awaited_bytes: int,
        idle_s: float,
        timeout_s: int,
        turns: asyncio.Semaphore,
    ) -> None:
        super().__init__(None, None)
        self.most_bytes = most_bytes
        self.timeout_s = timeout_s
        self._incoming = incoming
        self._is_too_large = declared_bytes is not None and declared_bytes > most_bytes
        self._most_awaited_bytes = most_awaited_bytes
        self._idle_s = idle_s
        self._turns = turns
        self._has_turn = False
        self._received_bytes = 0
        self._is_end_told = False
        self._left = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._end_turn()
        while not self._incoming.ended.is_set():
            if self._is_too_large:
                raise RequestEntityTooLarge
            message = await self._next_part()
            data = message.get("body", b"") if message["type"] == "http.request" else b""
            self._received_bytes += len(data)
            self._is_too_large = self._received_bytes > self.most_bytes
            if data and not self._is_too_large:
                return data
            self._end_turn()
        self._left.set()
        if self._is_too_large:
            raise RequestEntityTooLarge
        if self._incoming.is_gone:
            raise ClientDisconnected
        raise StopAsyncIteration

    def __await__(self) -> Generator[Any, None, bytes]:
        return self._whole().__await__()

    def leave(self) -> None:
        """Read no further: what still comes is forgotten."""
        self._end_turn()
        self._left.set()

    async def next_message(self) -> ASGIReceiveEvent:
        """Return, in the place of `receive`, what is no part of the body."""
        await self._left.wait()
        await self._incoming.drain()
        if not self._is_end_told and not self._incoming.is_gone:
            self._is_end_told = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if self._incoming.is_gone:
            return {"type": "http.disconnect"}
        return await self._incoming.receive()

    async def _next_part(self) -> ASGIReceiveEvent:
        """Receive a part, and have a turn then.

        A part is taken out of the server's hands in a turn: waiting for one, it would be one more
        in memory. Only who sends slowly does not keep a turn for that.
        """
        await self._take_turn()
        with suppress(TimeoutError):
            async with asyncio.timeout(SLOW_S):
                return await self._incoming.receive()
        self._end_turn()
        try:
            async with asyncio.timeout(self._idle_s):
                message = await self._incoming.receive()
        except TimeoutError:
            raise RequestTimeout from None
        await self._take_turn()
        return message

    async def _take_turn(self) -> None:
        await self._turns.acquire()
        self._has_turn = True

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turns.release()

    async def _whole(self) -> bytes:
        whole = bytearray()
        async for data in self:
            whole += data
            if len(whole) > self._most_awaited_bytes:
                raise RequestEntityTooLarge
        return bytes(whole)


class Lingering:
    """A `send` that lets the client end its sending before the answer is over."""

    def __init__(self, send: ASGISendCallable, incoming: Incoming) -> None:
        self._send = send
        self._incoming = incoming

    def __call__(self, message: ASGISendEvent) -> Awaitable[None]:
        """Send something; not as a coroutine of its own, unless there is something to wait for."""
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_last and not self._incoming.ended.is_set():
            return self._linger(message)
        return self._send(message)

    async def _linger(self, message: ASGISendEvent) -> None:
        if not await self._has_ended():
            drain_aside(self._incoming)
        await self._send(message)

    async def _has_ended(self) -> bool:
        """Wait for the end as long as something comes; Quart receives it meanwhile."""
        incoming = self._incoming
        for _ in range(int(LINGER_S / SENDING_S)):
            if incoming.ended.is_set():
                break
            received = incoming.received
            with suppress(TimeoutError):
                async with asyncio.timeout(SENDING_S):
                    await incoming.ended.wait()
            if incoming.received == received:
                break
        return incoming.ended.is_set()


_DRAINING: set[asyncio.Task[None]] = set()


def drain_aside(incoming: Incoming) -> None:
    """Receive what nobody reads, until it or the connection ends.

    Hypercorn can't end a connection while there is no room for what nobody receives, and would
    keep it for good.
    """

    async def drain() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await incoming.drain()

    task = asyncio.create_task(drain())
    _DRAINING.add(task)
    task.add_done_callback(_DRAINING.discard)
