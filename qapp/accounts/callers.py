"""Who calls the API: by a token, or by the session of who is logged in.

A token says who it is by itself; the cookie of a session is then not looked at. The session counts
for requests of this site's own pages alone, and changes nothing without the token of the forms.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from quart import g, request, session
from quart_schema import security_scheme
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import BadRequest, Forbidden, Unauthorized

from qapp.extensions import csrf, db
from qapp.web.api import count_request
from qapp.web.templating import now_ms

from .queries import User
from .tokens import caller_of

P = ParamSpec("P")
T = TypeVar("T")

BEARER = re.compile(r"(?i:bearer) +(\S+) *")
# What others take a token by: one in an address is kept in logs and histories.
QUERY_NAMES = frozenset({"access_token", "token", "api_key", "bearer"})
CALLED_FROM_ELSEWHERE = "cross-site"


class Caller(NamedTuple):
    """Who calls the API.

    :ivar token_id: of the token; None where it is the session of who is logged in.
    :ivar scope: "read", or "write" too.
    """

    id: int
    username: str
    created_at: int
    token_id: int | None
    scope: str


async def load_caller(user_of_session: Callable[[], Awaitable[User | None]]) -> None:
    """Find out who calls, and count the call.

    :raises BadRequest: if there is a token in the address.
    :raises Unauthorized: if there is one that is not good.
    :raises RateLimited: if who calls has called too often.
    """
    if request.query_string and QUERY_NAMES.intersection(request.args):
        raise BadRequest(
            "A token does not belong in an address, where logs keep it. "
            "Revoke it, and send the next one as “Authorization: Bearer …”."
        )
    g.caller = caller = await _find_caller(user_of_session)
    if caller is None:
        who = None
    elif caller.token_id is None:
        who = f"user:{caller.id}"
    else:
        who = f"token:{caller.token_id}"
    await count_request(who)


async def _find_caller(user_of_session: Callable[[], Awaitable[User | None]]) -> Caller | None:
    headers = request.headers
    header = headers.get("Authorization")
    if header is not None:
        match = BEARER.fullmatch(header)
        found = await caller_of(db, match[1], now_ms=now_ms()) if match else None
        if found is None:
            raise refusal("invalid_token", "The token is none of this site's, or is over.")
        return Caller(found.id, found.username, found.created_at, found.token_id, found.scope)
    if not session or headers.get("Sec-Fetch-Site") == CALLED_FROM_ELSEWHERE:
        return None
    user = await user_of_session()
    return user and Caller(user.id, user.username, user.created_at, None, "write")


def refusal(error: str | None = None, text: str | None = None, **values: str) -> Unauthorized:
    """Return the error of who has no good token (RFC 6750, 3)."""
    challenge = WWWAuthenticate("bearer", {"realm": "qapp"})
    if error is not None:
        challenge.parameters.update({"error": error, **values})
    return Unauthorized(text, www_authenticate=challenge)


Called = Callable[Concatenate[Caller, P], Awaitable[T]]


def reader(view: Called[P, T]) -> Callable[P, Awaitable[T]]:
    """Call a view with who calls; answer 401 when that is not known."""
    return _guarded(view, "read")


def writer(view: Called[P, T]) -> Callable[P, Awaitable[T]]:
    """Call a view with who calls and may change things.

    Answers 401 when the caller is not known, 403 when the token is only for reading, 400 when it is
    a session without the token of the forms in a header.
    """
    return _guarded(view, "write")


def _guarded(view: Called[P, T], scope: str) -> Callable[P, Awaitable[T]]:
    @security_scheme([{"token": []}, {"session": []}])
    @wraps(view)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        caller: Caller | None = g.get("caller")
        if caller is None:
            raise refusal()
        if scope == "write":
            if caller.scope != "write":
                raise Forbidden("This token is only for reading.")
            if caller.token_id is None:
                await csrf.protect(only_headers=True)
        return await view(caller, *args, **kwargs)

    return guarded
