"""No user ever gets another's front page: requests of all kinds, in any order."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quart import Quart

from qapp import create_app
from qapp.accounts.shared import NAME, TOKEN
from qapp.config import Settings
from tests.accounts.test_shared import TOKENS
from tests.conftest import KEY, Visitor

USERS = ("first_user", "second_user")


class Asked(NamedTuple):
    """A request for the front page; of a user's name in its cookies the session is put there."""

    user: str | None
    query: str
    cookies: list[str]
    headers: list[tuple[str, str]]
    posts: bool


def some(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


ASKED = st.builds(
    Asked,
    st.sampled_from([*USERS, None]),
    some("", "", "before=9", "x=1", "session=first_user", "before=0"),
    st.lists(
        some("theme=dark", "theme=x", "page_size=10", "other=1", "session2=x", "__Host-session=x"),
        max_size=3,
    ),
    st.lists(
        st.tuples(
            some("X-Forwarded-Host", "X-Forwarded-User", "Accept", "Cookie", "If-None-Match"),
            some("*/*", "theme=light", "text/html", '"x"'),
        ),
        max_size=2,
    ),
    st.booleans(),
)


class Site(NamedTuple):
    """A site, and who is logged in there."""

    app: Quart
    visitors: dict[str, Visitor]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """One loop for all examples: to start a site for each would take most of the time."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def site(
    loop: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory, migrated: Path
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("shared")
    shutil.copy(migrated, folder / "qapp.db")
    app = create_app(
        Settings(
            SECRET_KEY=KEY,
            INSTANCE_PATH=str(folder),
            TRUSTED_HOSTS=("localhost",),
            RATE_LIMITS={},
        )
    )

    async def start() -> dict[str, Visitor]:
        await app.startup()
        visitors = {name: Visitor(app) for name in USERS}
        for name, visitor in visitors.items():
            assert (await visitor.register(name)).status_code == 302
            await visitor.add()  # which starts the threads that a test may not start
        return visitors

    yield Site(app, loop.run(start()))
    loop.run(app.shutdown())


@settings(deadline=None, max_examples=40)
@given(requests=st.lists(ASKED, min_size=5, max_size=15))
def test_everybody_gets_his_own_page(
    site: Site, loop: asyncio.Runner, requests: list[Asked]
) -> None:
    async def ask(request: Asked) -> None:
        visitor = site.visitors.get(request.user or "")
        if request.posts and visitor is not None:
            await visitor.post("/add", {"title": "Tea", "text": "green"})
            await visitor.get("/")
        cookies = list(request.cookies)
        if visitor is not None:
            cookies.append(f"session={visitor.cookie}")
        headers = [("Cookie", "; ".join(cookies)), *request.headers]
        client = site.app.test_client(use_cookies=False)
        answer = await client.get(f"/?{request.query}", headers=headers)
        text = await answer.get_data(as_text=True)
        assert answer.status_code == (400 if request.query == "before=0" else 200)
        # The authors of entries are named on every page.
        body = re.sub(r"<article.*?</article>", "", text, flags=re.S)
        for name in USERS:
            assert (name in body) is (name == request.user), request
        assert NAME not in text
        assert TOKEN not in text
        for token in set(TOKENS.findall(text)):
            await is_good_for_nobody_else(request.user, token)

    async def is_good_for_nobody_else(user: str | None, token: str) -> None:
        for name, visitor in site.visitors.items():
            form = {"csrf_token": token, "title": "", "text": ""}
            answer = await visitor.open("/add", "POST", form=form)
            assert answer.status_code == (422 if name == user else 400)

    async def ask_all() -> None:
        for request in requests:
            await ask(request)

    loop.run(ask_all())
