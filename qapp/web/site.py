"""The site's application class: Quart, with the request, session and log that it needs."""

from __future__ import annotations

import re
import secrets
from functools import cached_property
from string import punctuation
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, quote

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from itsdangerous import BadData
from quart import Quart, g, has_request_context, request
from quart.formparser import FormDataParser
from quart.sessions import SecureCookieSession, SecureCookieSessionInterface
from quart.wrappers import BaseRequestWebsocket
from quart.wrappers import Request as QuartRequest
from quart.wrappers.request import Body
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from .multipart import StrictMultiPartParser

REMEMBERED = frozenset({str, int})
URLS_REMEMBERED = 10_000
LONGEST_REMEMBERED = 200  # what visitors put into addresses is not to fill the memory

Parsed = tuple[MultiDict[Any, Any], MultiDict[Any, Any]]

URLENCODED = frozenset({"application/x-www-form-urlencoded", "application/x-url-encoded"})
LABEL = "[a-z0-9-]{1,63}"
HOST = re.compile(rf"(?P<name>\[[0-9a-f:.]+\]|{LABEL}(\.{LABEL})*)(:[0-9]{{1,5}})?", re.IGNORECASE)


class CountingBody(Body):
    """A body whose limit counts every byte, also those already read (a chunked upload's)."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._received_bytes = 0

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


class StrictFormParser(FormDataParser):
    """A parser that refuses what it can't read, where Quart's hands out an empty form."""

    async def parse(
        self,
        body: Body,
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> Parsed:
        self.silent = False
        try:
            if mimetype in URLENCODED:
                return await self._urlencoded(body)
            if mimetype == "multipart/form-data":
                form, files = await self._multipart(body, content_length, options or {})
            else:
                form, files = await super().parse(body, mimetype, content_length, options)
            if None in form or None in files:
                for _, file in files.items(multi=True):
                    file.close()
                raise ValueError("a part has no name")
            return form, files
        except UnicodeError as error:
            raise BadRequest("The form is not encoded in UTF-8.") from error
        except ValueError as error:
            raise BadRequest(f"The form can't be read: {error}.") from error

    async def _multipart(
        self, body: Body, content_length: int | None, options: dict[str, str]
    ) -> Parsed:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("it has no boundary")
        parser = StrictMultiPartParser(
            cls=self.cls or MultiDict,
            max_content_length=self.max_content_length,
            max_form_memory_size=self.max_form_memory_size,
            max_form_parts=self.max_form_parts,
            stream_factory=self.stream_factory,
        )
        return await parser.parse(body, boundary, content_length)

    async def _urlencoded(self, body: Body) -> Parsed:
        text = (await body).decode()
        if self.max_form_parts is not None and text.count("&") >= self.max_form_parts:
            raise RequestEntityTooLarge("The form has too many fields.")
        storage = self.cls or MultiDict
        return storage(parse_qsl(text, keep_blank_values=True, errors="strict")), storage()


class Request(QuartRequest):
    """A request whose body and form are refused when they are too large or unreadable."""

    body_class: type[Body] = CountingBody
    form_data_parser_class = StrictFormParser

    @cached_property
    def host(self) -> str:
        """The host and port asked for; "" where that is no name, which `security` refuses.

        Werkzeug fails on some of these before any error handler could answer.
        """
        host: str = super().host
        return host if HOST.fullmatch(host) else ""


class SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie; over https it is Secure and, unless it was named, `__Host-`.

    The prefix makes the browser refuse a cookie of that name from a subdomain or over http.
    """

    async def open_session(
        self, app: Quart, request: BaseRequestWebsocket
    ) -> SecureCookieSession | None:
        """Open the cookie's session; a new one where something else was signed with the key."""
        try:
            return await super().open_session(app, request)
        except (BadData, TypeError, ValueError):
            return self.session_class()

    def get_cookie_name(self, app: Quart) -> str:
        if name := app.config["SESSION_COOKIE_NAME"]:
            return str(name)
        return "__Host-session" if request.is_secure else "session"

    def get_cookie_secure(self, app: Quart) -> bool:
        return request.is_secure


class Site(Quart):
    """The site's Quart."""

    request_class = Request
    session_interface = SessionInterface()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._urls: dict[tuple[Any, ...], str] = {}

    def url_for(self, endpoint: str, **values: Any) -> str:
        """Build an address, as Quart does; one that was built before is remembered.

        A page with twenty entries has sixty addresses, and building them takes a third of its time.
        What else they depend on is part of the key; `_external` ones name the request's host.
        """
        if (
            self.debug
            or not has_request_context()
            or not REMEMBERED.issuperset(map(type, values.values()))
        ):
            return super().url_for(endpoint, **values)
        if endpoint.startswith(".") or any(name.startswith("_") for name in values):
            return super().url_for(endpoint, **values)
        key = (endpoint, request.root_path, request.method, *values.items())
        url = self._urls.get(key)
        if url is None:
            url = super().url_for(endpoint, **values)
            if len(url) > LONGEST_REMEMBERED:
                return url
            if len(self._urls) >= URLS_REMEMBERED:
                self._urls.clear()
            self._urls[key] = url
        return url

    async def asgi_app(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve a request; as https where the settings say that TLS ends before this server."""
        if scope["type"] == "http":
            if self.config["PREFERRED_URL_SCHEME"] == "https":
                scope["scheme"] = "https"
            # Quart decodes the query before any error handler could answer.
            if not scope["query_string"].isascii():
                scope["query_string"] = quote(scope["query_string"], safe=punctuation).encode()
        await super().asgi_app(scope, receive, send)

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


def error_id() -> str:
    """Return the id of this request's error, for the page and for the log."""
    if "error_id" not in g:
        g.error_id = secrets.token_hex(6)
    identity: str = g.error_id
    return identity
