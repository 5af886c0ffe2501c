"""No visitor ever gets another's page: requests of all kinds, beside an app that keeps nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .tools import Got, World, ask


class Request(NamedTuple):
    """A request; of "ann" and "bob" in its cookies the session is put there."""

    path: str
    query: str
    method: str
    host: str
    scheme: str
    headers: list[tuple[str, str]]


def some(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


QUERIES = st.lists(
    st.tuples(
        some("before", "kind", "x", "session", "before[]", ""), some("5", "6", "", "x", "%26")
    ),
    max_size=3,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
COOKIES = st.lists(
    some(
        "theme=dark", "theme=light", "theme=x", "session=ann", "session=bob", "session=x", "other=1"
    ),
    max_size=3,
).map("; ".join)
HEADERS = st.lists(
    st.one_of(
        st.tuples(some("Cookie"), COOKIES),
        st.tuples(some("Authorization"), some("Basic YTpi", "Bearer x", "")),
        st.tuples(some("Accept-Language", "User-Agent", "Referer", "X-User"), some("a", "b")),
        st.tuples(some("X-Forwarded-Host", "X-Forwarded-For", "Forwarded"), some("evil.example")),
        st.tuples(some("Accept"), some("*/*", "text/html", "application/json")),
        st.tuples(some("Cache-Control", "Pragma"), some("no-cache")),
    ),
    max_size=3,
)
REQUESTS = st.builds(
    Request,
    some("/", "/tea/green", "/tea/black", "/tea/too-long-a-name", "/mirror", "//", "/nothing"),
    QUERIES,
    some("GET", "GET", "GET", "HEAD", "POST"),
    some("localhost", "localhost:8000", "LOCALHOST", "example.org"),
    some("http", "https"),
    HEADERS,
)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """One loop for all examples: to start apps for each of them would take most of the time."""
    with asyncio.Runner() as runner:
        yield runner


class Worlds(NamedTuple):
    """A shop whose pages are kept, one whose are not, and the cookies of who is known in both."""

    kept: World
    plain: World
    sessions: dict[str, str]


@pytest.fixture(scope="module")
def worlds(loop: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    kept = World(tmp_path_factory.mktemp("kept"))
    plain = World(tmp_path_factory.mktemp("plain"), debug=True)

    async def start() -> dict[str, str]:
        for world in (kept, plain):
            await world.app.startup()
            await world.create()
        answers = {name: await ask(plain.app, f"/login/{name}") for name in ("ann", "bob")}
        return {name: got.headers["set-cookie"].partition(";")[0] for name, got in answers.items()}

    async def stop() -> None:
        for world in (kept, plain):
            await world.app.shutdown()

    yield Worlds(kept, plain, loop.run(start()))
    loop.run(stop())


async def sent(world: World, request: Request, sessions: dict[str, str]) -> Got:
    headers = [
        (name, re.sub("session=(ann|bob)", lambda match: sessions[match[1]], value))
        for name, value in request.headers
    ]
    return await ask(
        world.app,
        request.path,
        request.query,
        method=request.method,
        headers=headers,
        host=request.host,
        scheme=request.scheme,
    )


@settings(deadline=None, max_examples=50)
@given(requests=st.lists(REQUESTS, min_size=10, max_size=25))
def test_everybody_gets_what_they_would_get_without_the_cache(
    worlds: Worlds, loop: asyncio.Runner, requests: list[Request]
) -> None:
    kept, plain, sessions = worlds

    async def compare() -> None:
        for request in [*requests, *requests]:
            if request.path == "/mirror":  # shows what no page may depend on
                continue
            got = await sent(kept, request, sessions)
            expected = await sent(plain, request, sessions)
            assert got.status == expected.status
            if request.method != "HEAD":  # Quart leaves it to the server to send no body
                assert got.text == expected.text
            for name in ("content-type", "content-length", "set-cookie", "location"):
                assert got.headers.get(name) == expected.headers.get(name)

    loop.run(compare())


def with_secret(request: Request, where: int, secret: str) -> Request:
    """Put a secret into one of the places where a request can hold one."""
    request = request._replace(path="/mirror", method="GET")
    if where == 0:
        return request._replace(query=f"{request.query}&secret={secret}")
    headers = [
        ("X-Any", secret),
        ("Cookie", f"session={secret}"),
        ("Cookie", f"theme={secret}"),
        ("Authorization", secret),
        ("Accept-Language", secret),
    ]
    return request._replace(headers=[*request.headers, headers[where - 1]])


@settings(deadline=None, max_examples=100)
@given(requests=st.lists(st.tuples(REQUESTS, st.integers(0, 5)), min_size=5, max_size=25))
def test_nothing_of_a_request_reaches_another(
    worlds: Worlds, loop: asyncio.Runner, requests: list[tuple[Request, int]]
) -> None:
    """Of a view that shows all that it sees, and secrets in all that a request can hold."""
    app = worlds.kept.app

    async def compare() -> None:
        async with app.app_context():
            worlds.kept.pages.drop()
        for number, (request, where) in enumerate(requests):
            secret = f"secret-{number}-"
            got = await sent(worlds.kept, with_secret(request, where, secret), worlds.sessions)
            found = set(re.findall("secret-[0-9]+-", got.text))
            assert found <= (set() if "etag" in got.headers else {secret})

    loop.run(compare())
