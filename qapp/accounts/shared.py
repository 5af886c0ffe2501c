"""Pages that are another for each user only by his name and his tokens: rendered once for all.

Such a page is rendered for a stand-in, in a request of the stand-in's own: it can hold nothing of
the visitor who happened to come first but what is declared.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from markupsafe import escape
from quart import current_app, g, request, session

from qapp.ext.csrf import generate_csrf
from qapp.extensions import fragments

from .queries import User
from .session import data_version

# What stands for a name and a token until they are filled in: nobody can guess it, nor ever see it.
NAME = f"user-{secrets.token_hex(16)}"
TOKEN = f"token-{secrets.token_hex(16)}"
STAND_IN = User(0, NAME, 0, "", 0, 0, 0)
FLASHES = "_flashes"  # where Flask keeps messages in the session


async def shared_page(user: User, path: str, render: Callable[[], Awaitable[str]]) -> str:
    """Return a page for a user, rendered once for each version of the data.

    :param path: the page's own, with the parameters of the query that it depends on. Of the cookies
        it may depend on those of `PREFERENCE_COOKIES` alone.
    :param render: makes the whole page, for whoever `current_user` is then.
    """
    if FLASHES in session:  # the page tells messages, once and to nobody else
        return await render()
    host, root_path, scheme = request.host, request.root_path, request.scheme
    cookies = "; ".join(
        f"{name}={value}"
        for name, values in current_app.config["PREFERENCE_COOKIES"].items()
        if (value := request.cookies.get(name)) in values
    )

    async def for_stand_in() -> str:
        headers = {"Host": host, "Cookie": cookies}
        async with current_app.test_request_context(
            path, headers=headers, root_path=root_path, scheme=scheme
        ):
            g.user = STAND_IN
            return (await render()).replace(generate_csrf(), TOKEN)

    key = (path, cookies, host, root_path, scheme)
    page = str(await fragments.get(key, await data_version(), for_stand_in))
    return page.replace(NAME, escape(user.username)).replace(TOKEN, generate_csrf())
