"""How often a program may ask, and what it is told of that.

Who says who he is is counted when that is known. All others are counted above the cache of pages,
which may have the answer.
"""

from __future__ import annotations

from functools import partial

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)
from quart import Quart, current_app, g, request
from werkzeug.datastructures import Headers

from qapp.ext.database import DatabaseError
from qapp.ext.limits import Rate, RateLimited, Shares, Standing, network_of
from qapp.extensions import db
from qapp.web.requests import is_of_api
from qapp.web.sessions import SESSION
from qapp.web.site import path_of
from qapp.web.templating import now_ms

EXTENSION = "api_rates"
LIMIT = "api"  # its name in RATE_LIMITS
REFUSED = "qapp.refused"  # where a scope holds why


def init_app(app: Quart) -> None:
    """Count each app's requests by themselves."""
    app.extensions[EXTENSION] = Shares()
    if LIMIT in app.config["RATE_LIMITS"]:
        app.asgi_app = Layer(app)  # type: ignore[method-assign]  # as Quart's documentation does


class Layer:
    """An ASGI application around an app's: counts the requests of nobody in particular."""

    def __init__(self, app: Quart) -> None:
        self._quart = app
        self._app: ASGIFramework = app.asgi_app
        # Past all layers, as one of them may have an answer.
        self._refuse: ASGIFramework = partial(type(app).asgi_app, app)
        self._shares: Shares = app.extensions[EXTENSION]
        self._rate = Rate(*app.config["RATE_LIMITS"][LIMIT])

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer a request, if there are not too many of them."""
        if scope["type"] != "http" or not is_of_nobody(self._quart, scope):
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        error: Exception | None = None
        try:
            standing = await self._take(network_of(client[0] if client else None))
        except RateLimited as limited:
            error, standing = limited, Standing(self._rate.tries, 0, limited.retry_after_s)
        except DatabaseError as failure:
            error, standing = failure, None
        if error is not None:
            scope.setdefault("extensions", {})[REFUSED] = {"error": error}
        told = _Told(send, standing) if standing is not None else send
        await (self._app if error is None else self._refuse)(scope, receive, told)

    async def _take(self, who: str) -> Standing:
        key, now = f"{LIMIT}:{who}", now_ms()
        standing = self._shares.take_held(key, self._rate, now_ms=now)
        if standing is None:
            async with self._quart.app_context():
                standing = await self._shares.take(db, key, self._rate, now_ms=now)
        return standing


class _Told:
    """A `send` that adds what is left to an answer's headers."""

    def __init__(self, send: ASGISendCallable, standing: Standing) -> None:
        self._send = send
        self._standing = standing

    async def __call__(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower().encode(), value) for name, value in lines(self._standing)]
            message["headers"] = [*message["headers"], *headers]
        await self._send(message)


def is_of_nobody(app: Quart, scope: Scope) -> bool:
    """Tell whether a request is for the API and says nothing of who asks."""
    if scope["type"] != "http":
        return False
    if not is_of_api(path_of(scope["path"]).removeprefix(scope.get("root_path", ""))):
        return False
    session = (app.config["SESSION_COOKIE_NAME"] or SESSION).encode()
    return not any(
        name == b"authorization" or (name == b"cookie" and session in value)
        for name, value in scope["headers"]
    )


async def count_request(who: str | None) -> None:
    """Count a request of somebody, against what all workers let him have.

    :param who: None if he does not say who he is.
    :raises RateLimited: if there were too many already.
    """
    limit = current_app.config["RATE_LIMITS"].get(LIMIT)
    if limit is None:
        return
    if is_of_nobody(current_app, request.scope):  # counted, but for a page that is made to be kept
        if (error := request.scope.get("extensions", {}).get(REFUSED, {}).get("error")) is not None:
            raise error
        return
    shares: Shares = current_app.extensions[EXTENSION]
    key = f"{LIMIT}:{who or network_of(request.remote_addr)}"
    try:
        g.standing = await shares.take(db, key, Rate(*limit), now_ms=now_ms())
    except RateLimited as limited:
        g.standing = Standing(limit[0], 0, limited.retry_after_s)
        raise


def tell_standing(headers: Headers) -> None:
    """Tell the client what is left to it, if it was counted here."""
    standing: Standing | None = g.get("standing")
    if standing is not None:
        for name, value in lines(standing):
            headers.add(name, value.decode())


def lines(standing: Standing) -> list[tuple[str, bytes]]:
    """Return the headers that tell of a standing (draft-ietf-httpapi-ratelimit-headers-06)."""
    return [
        ("RateLimit-Limit", b"%d" % standing.limit),
        ("RateLimit-Remaining", b"%d" % standing.remaining),
        ("RateLimit-Reset", b"%d" % standing.reset_s),
    ]
