"""Pages that are another for each user only by his name and his tokens: rendered once for all.

Such a page is rendered for a stand-in, in a request of the stand-in's own: it can hold nothing of
the visitor who happened to come first but what is declared.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from markupsafe import escape
from quart import Quart, current_app, g, request, session

from qapp.ext.csrf import generate_csrf
from qapp.extensions import fragments

from .queries import User
from .session import data_version

# What stands for a name and a token until they are filled in: nobody can guess it, nor ever see it.
NAME = f"user-{secrets.token_hex(16)}"
TOKEN = f"token-{secrets.token_hex(16)}"
STAND_IN = User(0, NAME, 0, "", 0, 0, 0)
FLASHES = "_flashes"  # where Flask keeps messages in the session
EXTENSION = "shared_pages"  # the paths of those that were rendered


class Key(NamedTuple):
    """What a page is kept under: its address, and the visitor's preferences."""

    path: str
    cookies: str
    host: str
    root_path: str
    scheme: str


async def shared_page(user: User, path: str, render: Callable[[], Awaitable[str]]) -> str:
    """Return a page for a user, rendered once for each version of the data.

    :param path: the page's own, with the parameters of the query that it depends on. Of the cookies
        it may depend on those of `PREFERENCE_COOKIES` alone.
    :param render: makes the whole page, for whoever `current_user` is then.
    """
    # Messages are told once and to nobody else; where templates change, nothing is kept.
    if FLASHES in session or current_app.debug:
        return await render()
    host, root_path, scheme = request.host, request.root_path, request.scheme
    cookies = chosen(current_app, request.cookies)

    async def for_stand_in() -> str:
        headers = {"Host": host, "Cookie": cookies}
        async with current_app.test_request_context(
            path, headers=headers, root_path=root_path, scheme=scheme
        ):
            g.user = STAND_IN
            return (await render()).replace(generate_csrf(), TOKEN)

    if "?" not in path:
        current_app.extensions[EXTENSION].add(path)
    key = Key(path, cookies, host, root_path, scheme)
    page = await fragments.get(key, await data_version(), for_stand_in)
    return filled_in(page, user, generate_csrf())


def chosen(app: Quart, cookies: Mapping[str, str]) -> str:
    """Return the preferences among a visitor's cookies, as a header has them."""
    return "; ".join(
        f"{name}={value}"
        for name, values in app.config["PREFERENCE_COOKIES"].items()
        if (value := cookies.get(name)) in values
    )


def filled_in(page: str, user: User, token: str) -> str:
    """Return a user's own copy of a page."""
    return str(page).replace(NAME, escape(user.username)).replace(TOKEN, token)
