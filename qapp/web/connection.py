"""A request's way from the server to Quart, and its answer's way back.

Quart starts three tasks for every request: one receives, one is for the view, one sends. Together
they take as long as finding an entry does. Here all is done in the server's own task, and whether
the client is still there is looked for only when the answer takes its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from enum import Enum
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from quart import Quart
from quart.asgi import ASGIHTTPConnection
from quart.debug import traceback_response
from quart.typing import ResponseTypes
from quart.wrappers import Request, Response
from quart.wrappers.response import DataBody
from werkzeug.datastructures import Headers, ImmutableHeadersMixin
from werkzeug.wrappers import Response as WerkzeugResponse

from qapp.ext.timers import Timer, call_later, timeout

from .bodies import StreamedBody
from .headers import complete
from .turns import Turns

BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})
# What takes no longer is sent whether or not somebody is still there.
LISTEN_AFTER_S = 0.5
# Of answers that took so long many may come at once, which waited for the same: requests are read
# after so many of them.
LONG_S = 0.15
ANSWERS_A_TURN = 4
NOWHERE = " "  # the path of what is outside of the root's: there is nothing

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


class Arrival(Enum):
    """How much of a body is here."""

    WHOLE = "all"
    COMES = "not all yet"
    GONE = "no more will be: its client has gone"


class Connection(ASGIHTTPConnection):
    """One request to an app, as Quart's `asgi_http_class`."""

    def __init__(self, app: Quart, scope: HTTPScope) -> None:
        super().__init__(app, scope)
        self._task: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._is_answered = False  # all but the end, which is not to be broken off
        self._is_left = False

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer a request; when its client goes before that, what it set off is cancelled."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        request = request_of(self.app, self.scope)
        self._task = asyncio.current_task()
        listen = partial(self._listen, request, receive)
        timer: Timer | None = None
        try:
            match await self._receive(request, receive):
                case Arrival.GONE:
                    return
                case Arrival.WHOLE:
                    timer = call_later(LISTEN_AFTER_S, listen)
                case Arrival.COMES:
                    listen()
            response = await self._answer(request)
            if isinstance(response, Response) and not isinstance(response.response, DataBody):
                listen()  # a stream is made as it is sent
            if loop.time() - began > LONG_S:
                await next_turn(loop)
            await self._send(response, send)
        except asyncio.CancelledError:
            if not self._is_left or self._is_cancelled_by_others():
                raise
            if self._listener is not None and (error := self._listener.exception()) is not None:
                raise error from None
        finally:
            if timer is not None:
                timer.cancel()
            if (listener := self._listener) is not None:
                listener.remove_done_callback(self._leave)
                listener.cancel()
                await asyncio.wait([listener])
            # They know this object: in a circle, all of it would stay until Python looks for that.
            self._listener = self._task = None

    async def _receive(self, request: Request, receive: ASGIReceiveCallable) -> Arrival:
        """Receive the body, if all of it is here or comes before the next tick."""
        if isinstance(request.body, StreamedBody):
            return Arrival.COMES
        limit = timeout(0) if may_have_body(self.scope) else nullcontext()
        with suppress(TimeoutError), limit:
            while (message := await receive())["type"] == "http.request":
                request.body.append(message.get("body", b""))
                if not message.get("more_body", False):
                    request.body.set_complete()
                    return Arrival.WHOLE
            return Arrival.GONE
        return Arrival.COMES

    def _listen(self, request: Request, receive: ASGIReceiveCallable) -> None:
        if self._listener is None:
            self._listener = asyncio.ensure_future(self.handle_messages(request, receive))
            self._listener.add_done_callback(self._leave)

    def _leave(self, listener: asyncio.Task[None]) -> None:
        """Cancel the request, whose client has gone."""
        if self._task is not None and not self._is_answered:
            self._is_left = True
            self._task.cancel()

    def _is_cancelled_by_others(self) -> bool:
        return self._task is None or self._task.uncancel() > 0

    async def _answer(self, request: Request) -> ResponseTypes:
        try:
            return await self.app.handle_request(request)
        except Exception as error:
            if not self.app.debug and not self.app.testing:
                raise
            return await traceback_response(error)

    async def _send(self, response: ResponseTypes, send: ASGISendCallable) -> None:
        timeout_s = self.app.config["RESPONSE_TIMEOUT"]
        if isinstance(response, Response) and response.timeout is not Ellipsis:
            timeout_s = response.timeout
        with suppress(TimeoutError), timeout(timeout_s):  # who takes so long gets no more
            await self._send_parts(response, send)

    async def _send_parts(self, response: ResponseTypes, send: ASGISendCallable) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in response.headers]
        complete(headers, is_secure=self.scope["scheme"] == "https")
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": headers,
            }
        )
        last = b""
        if isinstance(response, WerkzeugResponse):
            last = response.get_data()
        elif isinstance(body := response.response, DataBody):
            last = body.data[body.begin : body.end]
        else:
            async with body as parts:
                async for part in parts:
                    data = part.encode() if isinstance(part, str) else part
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        self._is_answered = True
        await send({"type": "http.response.body", "body": last, "more_body": False})


class RequestHeaders(ImmutableHeadersMixin, Headers):  # type: ignore[misc]
    """The headers of a request, which can't be changed, as in Flask.

    Werkzeug goes through them all for each that is asked for, and makes an exception for each that
    is not there: of a dozen a request is asked for, most are not.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in pairs:
            Headers.add(self, name, value)
        self._first = {name.lower(): value for name, value in reversed(pairs)}

    def get(self, key: str, default: Any = None, type: Any = None) -> Any:  # type: ignore[override]
        """Return the first value of a name, as Werkzeug does."""
        if type is not None:
            return super().get(key, default, type)
        return self._first.get(key.lower(), default)

    def getlist(self, key: str, type: Any = None) -> Any:
        """Return all values of a name, as Werkzeug does."""
        return super().getlist(key, type) if key.lower() in self._first else []

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._first


def request_of(app: Quart, scope: HTTPScope) -> Request:
    """Return the request that a scope is about, as Quart makes it."""
    client = scope.get("client")
    pairs = [("Remote-Addr", client[0] if client else "<local>")]
    pairs += [
        (name.decode("latin-1").title(), value.decode("latin-1"))
        for name, value in scope["headers"]
    ]
    if scope["http_version"] < "1.1" and all(name != "Host" for name, _ in pairs):
        pairs.append(("Host", app.config["SERVER_NAME"] or ""))
    root_path, path = scope.get("root_path", ""), scope["path"]
    if root_path:
        is_below = path != root_path and path.startswith(root_path)
        path = path.removeprefix(root_path) if is_below else NOWHERE
    return app.request_class(
        scope["method"],
        scope["scheme"],
        path,
        scope["query_string"],
        RequestHeaders(pairs),
        root_path,
        scope["http_version"],
        max_content_length=app.config["MAX_CONTENT_LENGTH"],
        body_timeout=app.config["BODY_TIMEOUT"],
        send_push_promise=push_nothing,
        scope=scope,
    )


def may_have_body(scope: HTTPScope) -> bool:
    """Tell whether a body may follow the head: these methods have one only if they say so.

    After HTTP/1, one comes without being announced.
    """
    if scope["method"] not in BODILESS or not scope["http_version"].startswith("1"):
        return True
    return any(name in BODY_HEADERS for name, _ in scope["headers"])


async def next_turn(loop: asyncio.AbstractEventLoop) -> None:
    """Wait for a turn of the running loop in which there is room for an answer."""
    turns = _turns.get(loop)
    if turns is None:
        turns = _turns[loop] = Turns(ANSWERS_A_TURN)
    await turns.take()


async def push_nothing(path: str, headers: Headers) -> None:
    """Send nothing beside what was asked for: browsers have given that up."""
