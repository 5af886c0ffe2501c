"""Call an app for a page that is for everybody: with what the page is kept under and no more.

No cookie, header or part of the query but these reaches the view, so that no page can hold anything
of the visitor for whom it happens to be made.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import quote

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveEvent,
    ASGISendEvent,
    ConnectionState,
    HTTPScope,
)

Headers = list[tuple[bytes, bytes]]


class Key(NamedTuple):
    """What a page is kept under.

    :ivar query: the parameters that its view declares, encoded, in the order of their declaration.
    :ivar cookies: those that the app declares, likewise.
    """

    scheme: str
    host: bytes
    root_path: str
    path: str
    query: bytes
    cookies: bytes


class Answer(NamedTuple):
    """What an app answered."""

    status: int
    headers: Headers
    body: bytes


class Visit:
    """A request that comes from nobody, and the answer to it.

    :param most_bytes: the largest body; of a larger one, and of one whose length is not said before
        it, nothing is held, as it may be endless.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._is_asked = False
        self._left = asyncio.Event()
        self._status = 0
        self._headers: Headers = []
        self._body = bytearray()
        self._length: int | None = None
        self._is_whole = False

    def leave(self) -> None:
        """Tell the app that the client has gone.

        That ends it. Cancelling it would not: Quart's view runs in a task of its own.
        """
        self._left.set()

    async def receive(self) -> ASGIReceiveEvent:
        """Give the app a request without a body; a second time, tell it when to stop."""
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: ASGISendEvent) -> None:
        """Take a part of the answer."""
        if self._left.is_set():
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [(name.lower(), value) for name, value in message["headers"]]
            length = dict(self._headers).get(b"content-length", b"")
            self._length = int(length) if length.isdigit() and len(length) < 20 else None
            if self._length is None or self._length > self._most_bytes:
                self.leave()
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if len(self._body) > self._most_bytes:
                self.leave()
            self._is_whole = not message.get("more_body", False)

    @property
    def answer(self) -> Answer | None:
        """The answer, if all of it is here."""
        if self._left.is_set() or not self._is_whole or len(self._body) != self._length:
            return None
        return Answer(self._status, self._headers, bytes(self._body))


def scope_of(key: Key, original: HTTPScope) -> HTTPScope:
    """Return the scope of a request that says what `key` says."""
    headers = [(b"host", key.host)]
    if key.cookies:
        headers.append((b"cookie", key.cookies))
    return {
        "type": "http",
        "asgi": original["asgi"],
        "http_version": "1.1",
        "method": "GET",
        "scheme": key.scheme,
        "path": key.path,
        "raw_path": quote(key.path).encode(),
        "query_string": key.query,
        "root_path": key.root_path,
        "headers": headers,
        "client": None,
        "server": None,
        "state": ConnectionState({}),  # what layers above put there is of one request
        "extensions": {},
    }


async def render(
    app: ASGIFramework, key: Key, original: HTTPScope, visit: Visit, *, timeout_s: float
) -> Answer | None:
    """Return what an app answers to a visit that says what `key` says; None if nothing is held.

    :param timeout_s: how long the visitor stays.
    """
    timer = asyncio.get_running_loop().call_later(timeout_s, visit.leave)
    try:
        await app(scope_of(key, original), visit.receive, visit.send)
    finally:
        timer.cancel()
    return visit.answer
