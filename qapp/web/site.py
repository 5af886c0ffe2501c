"""The site's application class: Quart, with the request, session and log that it needs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from inspect import CO_COROUTINE
from string import punctuation
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope
from quart import Quart, g, has_request_context, request
from quart.wrappers import BaseRequestWebsocket
from werkzeug.routing import MapAdapter

from qapp.ext.cli import AsyncGroup
from qapp.ext.proxies import behind

from .bodies import AT_A_TIME, Incoming, Lingering, StreamedBody, drain_aside
from .connection import Connection, may_have_body
from .requests import STREAMED, Request
from .routing import Known, RequestAdapter
from .sessions import SessionInterface
from .templating import Environment

REMEMBERED = frozenset({str, int})
URLS_REMEMBERED = 10_000
LONGEST_REMEMBERED = 200  # what visitors put into addresses is not to fill the memory


class Site(Quart):
    """The site's Quart."""

    asgi_http_class = Connection
    jinja_environment = Environment
    request_class = Request
    session_interface = SessionInterface()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cli = AsyncGroup(self.name)
        self._rules: Known = {}
        self._urls: dict[tuple[Any, ...], str] = {}
        self._turns: asyncio.Semaphore | None = None

    def url_for(self, endpoint: str, **values: Any) -> str:
        """Build an address, as Quart does; one that was built before is remembered.

        A page with twenty entries has sixty addresses, and building them takes a third of its time.
        What else they depend on is part of the key; `_external` ones name the request's host.
        """
        # Quart's own url_for hands on all its options, which are None where nobody asked for one.
        given = {
            name: value
            for name, value in values.items()
            if value is not None or not name.startswith("_")
        }
        if (
            self.debug
            or not has_request_context()
            or not REMEMBERED.issuperset(map(type, given.values()))
            or endpoint.startswith(".")
            or any(name.startswith("_") for name in given)
        ):
            return super().url_for(endpoint, **values)
        asked = behind(request)
        key = (endpoint, asked.root_path, asked.method, *given.items())
        url = self._urls.get(key)
        if url is None:
            url = super().url_for(endpoint, **values)
            if len(url) > LONGEST_REMEMBERED:
                return url
            if len(self._urls) >= URLS_REMEMBERED:
                self._urls.clear()
            self._urls[key] = url
        return url

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """Return what matches a request's address; for any host, as `check_host` sees to that.

        Quart looks for subdomains and encodes the name, whose letters are found to be ASCII here,
        once more for each request.
        """
        if self.config["SERVER_NAME"] is not None:
            return super().create_url_adapter(request)
        if request is None:
            return None
        return RequestAdapter(self.url_map, self._rules, request)

    def ensure_async(self, func: Any) -> Callable[..., Awaitable[Any]]:
        """Return a function to await; at once for what can be awaited, as a dozen a request are."""
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & CO_COROUTINE:
            return func  # type: ignore[no-any-return]
        return super().ensure_async(func)

    async def startup(self) -> None:
        """Start, in the loop that the turns are for from now on."""
        self._turns = asyncio.Semaphore(AT_A_TIME)
        await super().startup()

    async def asgi_app(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve a request; as https where the settings say that TLS ends before this server."""
        if scope["type"] == "websocket":  # the site has none
            await receive()
            await send({"type": "websocket.close", "code": 1000, "reason": None})
            return
        if scope["type"] == "http":
            scope["path"] = path_of(scope["path"])
            if self.config["PREFERRED_URL_SCHEME"] == "https":
                scope["scheme"] = "https"
            if may_have_body(scope):
                receive, send = self._received(scope, receive, send)
            # Quart decodes the query before any error handler could answer.
            if not scope["query_string"].isascii():
                scope["query_string"] = quote(scope["query_string"], safe=punctuation).encode()
        try:
            await super().asgi_app(scope, receive, send)
        except Exception:
            drain_aside(Incoming(receive))  # what fails before Quart receives
            raise

    @cached_property
    def large_bodies(self) -> frozenset[str]:
        """The paths whose views are marked by `large_body`."""
        return frozenset(
            rule.rule
            for rule in self.url_map.iter_rules()
            if hasattr(self.view_functions[rule.endpoint], "has_large_body")
        )

    def _received(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> tuple[ASGIReceiveCallable, ASGISendCallable]:
        """Let no body be left unreceived, and a large one be read as it is asked for."""
        incoming = Incoming(receive)
        lingering = Lingering(send, incoming)
        if scope["method"] != "POST" or scope["path"] not in self.large_bodies:
            return incoming.receive, lingering
        length = dict(scope["headers"]).get(b"content-length", b"")
        body = StreamedBody(
            incoming,
            declared_bytes=int(length) if length.isdigit() else None,
            most_bytes=self.config["UPLOAD_MAX_LENGTH"],
            most_awaited_bytes=self.config["MAX_CONTENT_LENGTH"],
            idle_s=self.config["BODY_TIMEOUT"],
            timeout_s=self.config["UPLOAD_TIMEOUT"],
            turns=self._turns or asyncio.Semaphore(AT_A_TIME),
        )
        scope.setdefault("extensions", {})[STREAMED] = {"body": body}
        return body.next_message, lingering

    def log_exception(
        self,
        exception_info: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> None:
        """Log an unexpected error, a request's under the id that the visitor is shown."""
        if has_request_context():
            what = f"Error {error_id()}: {request.method} {request.path}"
        else:
            what = "Error outside of a request"
        self.logger.error(what, exc_info=exception_info)


def path_of(target: str) -> str:
    """Return the path of a request's target: that may be a whole address (RFC 9112, 3.2.2)."""
    if not target.startswith("/"):
        with suppress(ValueError):
            target = urlsplit(target).path
    return "/" + target.lstrip("/")


def error_id() -> str:
    """Return the id of this request's error, for the page and for the log."""
    if "error_id" not in g:
        g.error_id = secrets.token_hex(6)
    identity: str = g.error_id
    return identity
