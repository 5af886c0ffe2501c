"""Log lines that hold what they say and nothing more: one line each, no control characters."""

from __future__ import annotations

import logging
import re
import textwrap
import time
from collections.abc import Awaitable
from time import perf_counter
from typing import Any

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)
from quart import Quart

ACCESS = logging.getLogger("qapp.access")
ACCESS.propagate = False  # to the log of what happens, whose handlers would write each line again
# Address, request without its query string (it may hold what people searched for), status, length,
# duration in seconds.
ACCESS_LINE = '%s "%s %s %s" %s %s %.6f'

# Also what turns the direction of a text round, and what UTF-8 can't encode.
CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class OneLineFormatter(logging.Formatter):
    """Format a record with its control characters escaped.

    A request's path and headers are in the access log as the client wants them: unescaped, they
    could forge lines or drive a terminal. A traceback keeps its lines, indented, so that none of
    them looks like a record's first.
    """

    _written = -1, ""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return CONTROL.sub(_escape, super().formatMessage(record))

    def formatTime(  # noqa: N802
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        if datefmt:
            return super().formatTime(record, datefmt)
        # Written once a second, as that takes a third of what a line does; with its milliseconds.
        second, text = self._written
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime(self.default_time_format, self.converter(second))
            self._written = second, text
        return f"{text},{int(record.msecs):03d}"

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _block(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _block(super().formatStack(stack_info))


def init_app(app: Quart) -> None:
    """Write a line for each request to an app, if the logger `qapp.access` has a handler."""
    app.asgi_app = AccessLog(app.asgi_app)  # type: ignore[method-assign]  # as Quart documents it


class AccessLog:
    """An ASGI application around all others of an app: writes a line for each request.

    Hypercorn, to write the same, copies the whole environment and every header each time, which
    takes as long as Quart does over an empty view.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self._app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Have a request answered, and tell of it when that is over."""
        if scope["type"] != "http" or not ACCESS.handlers:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(send)
        try:
            await self._app(scope, receive, exchange)
        finally:
            exchange.tell(scope)


class _Exchange:
    """A request that is being answered; it is called as the server's `send`.

    An object, as a closure takes four times the memory, for each reader of a stream.
    """

    __slots__ = ("_began", "_length", "_send", "_status")

    def __init__(self, send: ASGISendCallable) -> None:
        self._send = send
        self._status: int | str = "-"
        self._length = "-"
        self._began = perf_counter()

    def __call__(self, message: ASGISendEvent) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            for name, value in message["headers"]:
                if name == b"content-length":
                    self._length = value.decode("latin-1")
        return self._send(message)

    def tell(self, scope: HTTPScope) -> None:
        client = scope.get("client")
        ACCESS.info(
            ACCESS_LINE,
            f"{client[0]}:{client[1]}" if client else "-",
            scope["method"],
            scope["path"],
            scope["http_version"],
            self._status,
            self._length,
            perf_counter() - self._began,
        )


def _block(text: str) -> str:
    lines = [CONTROL.sub(_escape, line) for line in text.split("\n")]
    return textwrap.indent("\n".join(lines), "    ")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
