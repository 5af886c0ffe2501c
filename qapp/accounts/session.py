"""The login in the session: a signed cookie holds its id, the database can end it.

So a copied cookie is dead once its login is: after logging out, after a change of password.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from quart import current_app, g, request, session
from werkzeug.exceptions import Unauthorized

from qapp.ext.proxies import behind
from qapp.extensions import db
from qapp.web.errors import Forbidden, LoginNeeded, Words, is_api
from qapp.web.templating import now_ms

from .callers import load_caller
from .queries import User, remove_login
from .service import Policy, user_of

P = ParamSpec("P")
T = TypeVar("T")

LOGIN_KEY = "login"
FOR_OPERATORS = Words(
    "This page is for the site's operators.", "Who runs the site names them in QAPP_OPERATORS."
)
# Answers that are the same for everybody.
IMPERSONAL = frozenset(
    {
        "static",
        "status.healthz",
        "status.readyz",
        "status.metrics",
        "blog.feed",
        "blog.live",
        "api.openapi",
    }
)


def policy() -> Policy:
    """Return the settings that the service needs."""
    app = behind(current_app)
    config = app.config
    return Policy(
        kept_s=int(app.permanent_session_lifetime.total_seconds()),
        idle_s=config["SESSION_IDLE_LIFETIME"],
        rates=config["RATE_LIMITS"],
    )


async def load_user() -> None:
    """Find out who asks, before each request but those that are the same for all."""
    known = behind(g)
    known.user = None
    if behind(request).endpoint in IMPERSONAL:
        return
    if is_api():
        await load_caller(_user_of_session)
    else:
        known.user = await _user_of_session()


async def data_version() -> int:
    """Return the version of the data, read with the user's row or now: no older than the request.

    What was made of the data at this version is still good (see `qapp.ext.fragments`).
    """
    known = behind(g)
    asked = known.get("data_version")
    if asked is None:
        asked = known.data_version = db.ask_version()
    return int(await asked)


async def _user_of_session() -> User | None:
    login_id = behind(session).get(LOGIN_KEY)
    if not isinstance(login_id, str):
        return None
    behind(g).data_version = db.ask_version()
    return await user_of(db, policy(), login_id=login_id, now_ms=now_ms())


def current_user() -> User | None:
    """Return who is logged in, or None."""
    user: User | None = behind(g).get("user")
    return user


async def start_session(login_id: str, *, is_kept: bool) -> None:
    """Make the session a new one, of this login; the login that was in it ends."""
    if (user := current_user()) is not None:
        await remove_login(db, login_id=user.login_id)
    session.clear()
    session[LOGIN_KEY] = login_id
    session.permanent = is_kept


def login_required(view: Callable[Concatenate[User, P], Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Call a view with the user who is logged in; answer 401 when nobody is."""
    return _guarded(view, Unauthorized)


def login_first(view: Callable[Concatenate[User, P], Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Call a view with the user who is logged in; lead to the login page when nobody is."""
    return _guarded(view, LoginNeeded)


def is_operator_name(username: str) -> bool:
    """Tell whether a user of this name, in whatever case, is one of the site's operators."""
    operators: tuple[str, ...] = current_app.config["OPERATORS"]
    return username.lower() in map(str.lower, operators)


def operator_first(view: Callable[Concatenate[User, P], Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Call a view with the operator who is logged in; lead to the login page when nobody is.

    Answers 403 to a user who is no operator.
    """

    async def for_operators(user: User, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not is_operator_name(user.username):
            raise Forbidden(FOR_OPERATORS)
        return await view(user, *args, **kwargs)

    return wraps(view)(login_first(for_operators))


def _guarded(
    view: Callable[Concatenate[User, P], Awaitable[T]], refusal: type[Exception]
) -> Callable[P, Awaitable[T]]:
    @wraps(view)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        user = current_user()
        if user is None:
            raise refusal
        return await view(user, *args, **kwargs)

    return guarded


async def template_context() -> dict[str, Any]:
    """Give templates `current_user`, and whether that is an operator: `is_operator`."""
    user = current_user()
    return {
        "current_user": user,
        "is_operator": user is not None and is_operator_name(user.username),
    }
