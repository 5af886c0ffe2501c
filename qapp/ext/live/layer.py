"""The layer above Quart in which a stream goes on when its request is over.

Quart keeps a request, its response and two tasks for as long as a body is sent: a third of what a
reader takes in memory, and of what it costs to tell him something.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)
from quart import request
from quart.wrappers.response import ResponseBody

from .reader import Reader

if TYPE_CHECKING:
    from .hub import Hub

LINK: Final = "qapp.live"  # where a scope holds it


class Link:
    """What connects a request in Quart with the layer above it.

    :ivar reader: who takes over the response, once that has begun.
    :ivar promising: the hub that keeps a place for him until then.
    """

    def __init__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self.reader: Reader | None = None
        self.promising: Hub | None = None
        self.is_gone = False
        self._receive = receive
        self._send = send

    async def receive(self) -> ASGIReceiveEvent:
        """Receive, as the server's own function does; the client's going is told only once."""
        message = await self._receive()
        self.is_gone = message["type"] == "http.disconnect"
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Send, but for the end of a response that is taken over."""
        if self.reader is None:
            await self._send(message)


class Layer:
    """An ASGI application around Quart's."""

    def __init__(self, app: ASGIFramework) -> None:
        self._app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Let Quart answer; then stream, if the answer is to be continued."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        link = Link(receive, send)
        extensions = scope.setdefault("extensions", {})
        extensions[LINK] = {"link": link}
        try:
            await self._app(scope, link.receive, link.send)
        finally:
            # The server holds the scope, and the link leads back to the server: in this circle all
            # that answered a request would wait to be found as garbage.
            extensions.pop(LINK, None)
            if link.promising is not None:  # he takes his place now, or never
                link.promising.promised -= 1
        if (reader := link.reader) is not None and not link.is_gone:
            del link
            await reader.run(receive, send)


class Continued(ResponseBody):
    """The body of a response that is continued by a reader; itself it is empty."""

    def __init__(self, hub: Hub, reader: Reader) -> None:
        self._reader = reader
        self._link: Link = request.scope["extensions"][LINK]["link"]
        if self._link.promising is None:
            self._link.promising = hub
            hub.promised += 1

    async def __aenter__(self) -> Self:
        """Hand over: the head of the response has been sent."""
        self._link.reader = self._reader
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave all else to the reader."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration
