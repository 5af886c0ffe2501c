"""The outermost ASGI layer: counts requests, whichever layer below answers them."""

from __future__ import annotations

from collections.abc import Awaitable
from time import perf_counter

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)

from qapp.ext.database import measured

from .figures import COUNTER, Family, Histogram, gauge

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Requests:
    """What a process has answered.

    A request takes until the head of its answer is sent: a stream, or somebody's slow line, says
    nothing of how fast the app is.

    :ivar waiting: how many have no answer yet.
    :ivar answered: by the first digit of the status.
    :ivar dropped: how many ended without an answer, since whoever asked had gone, mostly.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self.answered = [0] * 10  # a view may make up a status
        self.dropped = 0
        self.took = Histogram()

    def families(self) -> list[Family]:
        """Return the figures of this."""
        return [
            Family(
                "http_requests_total",
                COUNTER,
                "Requests by the class of their answer; dropped: gone before there was one.",
                lambda: (*self.answered[1:6], self.dropped),
                "status",
                (*CLASSES, "dropped"),
            ),
            gauge(
                "http_requests_waiting", "Requests that have no answer yet.", lambda: self.waiting
            ),
            self.took.family(
                "http_request_duration_seconds",
                "How long requests took until the head of their answer was sent.",
            ),
        ]


class Exchange:
    """A request that is being answered; it is called as the server's `send`.

    An object, as a closure takes four times the memory, for each reader of a stream.
    """

    __slots__ = ("_began", "_requests", "_send", "_waits")

    def __init__(self, requests: Requests, send: ASGISendCallable) -> None:
        self._requests = requests
        self._send = send
        self._waits = True
        requests.waiting += 1
        self._began = perf_counter()

    def __call__(self, message: ASGISendEvent) -> Awaitable[None]:
        """Send something; not as a coroutine of its own, which would double the cost."""
        if self._waits and message["type"] == "http.response.start":
            requests = self._requests
            self._waits = False
            requests.waiting -= 1
            requests.answered[message["status"] // 100] += 1
            requests.took.add(perf_counter() - self._began)
        return self._send(message)

    def end(self) -> None:
        """Count a request that ended without an answer."""
        if self._waits:
            self._requests.waiting -= 1
            self._requests.dropped += 1


class Layer:
    """An ASGI application around all others of an app."""

    def __init__(self, app: ASGIFramework, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Have a request answered, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._requests, send)
        try:
            await self._app(scope, receive, exchange)
        finally:
            exchange.end()


class ServerTiming:
    """Tells the browser's developer tools what a request took: the header `Server-Timing`.

    For debugging alone: it tells strangers how the app works inside.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self._app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Have a request answered, with one more header."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        with measured() as spent:

            async def timed(message: ASGISendEvent) -> None:
                if message["type"] == "http.response.start":
                    total_ms = (perf_counter() - began) * 1000
                    unit = "statement" if spent.statements == 1 else "statements"
                    value = (
                        f"total;dur={total_ms:.2f}, db;dur={spent.seconds * 1000:.2f};"
                        f'desc="{spent.statements} {unit}"'
                    )
                    headers = [*message["headers"], (b"server-timing", value.encode())]
                    message["headers"] = headers
                await send(message)

            await self._app(scope, receive, timed)
