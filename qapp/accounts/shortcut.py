"""The ASGI layer that gives users their shared pages without the way through Quart.

Quart takes three times as long over a request as there is to do for a page that is kept: read the
session, look up whose it is and whether the login still holds, and fill in name and token.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)
from itsdangerous import BadData
from quart import Quart
from werkzeug.http import parse_cookie

from qapp.ext.csrf_signing import sign_nonce
from qapp.ext.database import DatabaseError
from qapp.ext.timers import timeout
from qapp.extensions import db, fragments
from qapp.web.headers import Pairs, complete
from qapp.web.sessions import SessionInterface, cookie_name
from qapp.web.templating import now_ms

from .service import user_of
from .session import LOGIN_KEY, policy
from .shared import EXTENSION, FLASHES, Key, chosen, filled_in

# Who says who he is in another way, or sends a body, is answered by Quart.
ELSE = frozenset({b"authorization", b"content-length", b"transfer-encoding"})
LONGEST_COOKIE = 4096


def init_app(app: Quart) -> None:
    """Put the layer above an app; in debug mode, where nothing is kept, there is none."""
    app.extensions[EXTENSION] = set[str]()
    if not app.debug:
        app.asgi_app = Shortcut(app)  # type: ignore[method-assign]  # as Quart's documentation does


class Visit(NamedTuple):
    """What a session says that a page needs."""

    login_id: str
    nonce: str


class Shortcut:
    """An ASGI application around an app's: what it can't answer at once, that one answers."""

    def __init__(self, app: Quart) -> None:
        self._quart = app
        self._app: ASGIFramework = app.asgi_app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer a request, or have the app do it."""
        page = None
        if scope["type"] == "http" and scope["path"] in self._quart.extensions[EXTENSION]:
            page = await self._page(scope)
        if page is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await receive()  # the request's end: Hypercorn keeps what nobody receives
        body = page.encode()
        headers: Pairs = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        complete(headers, is_secure=self._scheme(scope) == "https")
        longest_s = self._quart.config["RESPONSE_TIMEOUT"]
        with suppress(TimeoutError), timeout(longest_s):  # as from Quart
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})

    def _scheme(self, scope: HTTPScope) -> str:
        return "https" if self._quart.config["PREFERRED_URL_SCHEME"] == "https" else scope["scheme"]

    async def _page(self, scope: HTTPScope) -> str | None:
        """Return the user's copy of the page that is asked for, if it is kept and he is known."""
        if scope["method"] != "GET" or scope["query_string"]:
            return None
        pairs = list(scope["headers"])
        headers = dict(pairs)
        if len(headers) < len(pairs) or not ELSE.isdisjoint(headers) or b"host" not in headers:
            return None  # what stands twice may be read in two ways
        if not scope["http_version"].startswith("1"):  # a body might follow that nobody announced
            return None
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        scheme = self._scheme(scope)
        visit = self._visit(cookies.get(cookie_name(self._quart, is_secure=scheme == "https"), ""))
        if visit is None:
            return None
        host = headers[b"host"].decode("latin-1")
        key = Key(scope["path"], chosen(self._quart, cookies), host, scope["root_path"], scheme)
        async with self._quart.app_context():
            try:
                version = db.ask_version()
                user = await user_of(db, policy(), login_id=visit.login_id, now_ms=now_ms())
                page = fragments.kept(key, await version)
            except DatabaseError:  # which the app tells of
                return None
            if user is None or page is None:
                return None
            return filled_in(page, user, sign_nonce(visit.nonce))

    def _visit(self, cookie: str) -> Visit | None:
        """Return what a session's cookie says; None if it is not good, or not for such a page."""
        interface = self._quart.session_interface
        if not isinstance(interface, SessionInterface) or not 0 < len(cookie) <= LONGEST_COOKIE:
            return None
        signer = interface.get_signing_serializer(self._quart)
        if signer is None:
            return None
        try:
            longest = self._quart.permanent_session_lifetime
            session = signer.loads(cookie, max_age=int(longest.total_seconds()))
        except (BadData, TypeError, ValueError):
            return None
        if not isinstance(session, dict) or FLASHES in session:  # the page tells messages
            return None
        login_id = session.get(LOGIN_KEY)
        nonce = session.get(self._quart.config["WTF_CSRF_FIELD_NAME"])
        if not isinstance(login_id, str) or not isinstance(nonce, str):
            return None
        return Visit(login_id, nonce)
