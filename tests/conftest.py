"""A fresh site and its standing visitors: alice owns, bob is signed in, mallory must be refused."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import html
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from jinja2 import FileSystemBytecodeCache, Template
from quart import Quart, Response, template_rendered
from quart.testing import TestApp
from quart.typing import TestClientProtocol
from werkzeug.routing import Rule

from qapp import create_app, migrations
from qapp.accounts import service
from qapp.config import Settings
from qapp.ext.database.driver import sqlite
from qapp.web import static, templating

KEY = "a key for tests, long enough to be one"
PASSWORD = "correct horse battery"
NOBODYS_PASSWORD = "the password of no user"
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')
ACCOUNT_LINK = re.compile(r'title="Your account"><span>([^<]+)<')
STREAMS = ("/live", "/students/live")  # without end
REAL_HASHER, REAL_NOBODYS_HASH = service.HASHER, service.NOBODYS_HASH

# What a script starts in the background ignores interrupts, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def need(condition: object, what: str, how: str) -> None:
    """Skip a test that lacks something; where everything is required, fail it."""
    if condition:
        return
    if os.environ.get("QAPP_TEST_REQUIRE") == "all":
        pytest.fail(f"{what} is required here: {how}")
    pytest.skip(f"needs {what}: {how}")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of this version, for copies."""
    path = tmp_path_factory.mktemp("migrated") / "qapp.db"
    migrations.upgrade(path)
    return path


@pytest.fixture
def settings(tmp_path: Path, migrated: Path) -> Settings:
    """Settings of a site with a database of its own; rate limits are off."""
    shutil.copy(migrated, tmp_path / "qapp.db")
    return Settings(
        SECRET_KEY=KEY,
        INSTANCE_PATH=str(tmp_path),
        TRUSTED_HOSTS=("localhost",),
        RATE_LIMITS={},
    )


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """The templates' code, compiled once for all sites of the tests."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


class Serve(Protocol):
    """Start a site; `prepare` gets it before it serves, the rest are changed settings."""

    async def __call__(
        self, prepare: Callable[[Quart], object] | None = None, **changes: Any
    ) -> Quart: ...


# Each site of the tests has the same static files, schema and rules, which take a while.
asset_of = functools.cache(static.asset_of)
head = functools.cache(migrations.head)
compile_builder = Rule._compile_builder
builders: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}


def builder_of(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """Return what builds the addresses of a rule; Werkzeug compiles it for each app anew."""
    kinds = tuple(type(converter) for converter in rule._converters.values())
    text = (rule.rule, rule.subdomain, rule.host, repr(rule.defaults))
    key = (append_unknown, *text, tuple(rule._trace), kinds)
    if key not in builders:
        builders[key] = compile_builder(rule, append_unknown)
    return builders[key]


@pytest.fixture
async def serve(
    settings: Settings, compiled: FileSystemBytecodeCache, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Serve]:
    """Start sites on the test's database; they stop when the test ends."""
    real_upgrade = migrations.upgrade

    def upgrade(path: Path) -> None:
        if path != Path(f"{settings.INSTANCE_PATH}/qapp.db"):  # that one is of this version
            real_upgrade(path)

    monkeypatch.setattr(static, "asset_of", asset_of)
    monkeypatch.setattr(Rule, "_compile_builder", builder_of)
    monkeypatch.setattr(migrations, "head", head)
    monkeypatch.setattr(migrations, "upgrade", upgrade)
    async with AsyncExitStack() as stack:

        async def start(prepare: Callable[[Quart], object] | None = None, **changes: Any) -> Quart:
            app = create_app(dataclasses.replace(settings, **changes))
            app.jinja_env.bytecode_cache = compiled
            if prepare is not None:
                prepare(app)
            # Quart's own limit, 6 s, is too short for a machine that is busy with other things.
            serving = TestApp(app, startup_timeout=60, shutdown_timeout=60)
            await serving.startup()
            stack.push_async_callback(serving.shutdown)
            return app

        yield start


@pytest.fixture
async def app(serve: Serve) -> Quart:
    """The site, serving."""
    return await serve()


class Visitor:
    """A person with a browser: sends the token of the last form seen, keeps cookies.

    :param always: what every request is made with, such as `scheme`, if it does not say otherwise.
    """

    def __init__(self, app: Quart, **always: Any) -> None:
        self.app = app
        self.always = always
        self.client: TestClientProtocol = app.test_client()

    async def open(self, path: str, method: str, **kwargs: Any) -> Response:
        """Send a request as it is; redirects are not followed. Of a stream, read the beginning."""
        if method == "GET" and path in STREAMS:
            return await self._begin(path, **{**self.always, **kwargs})
        return await self.client.open(path, method=method, **{**self.always, **kwargs})

    async def _begin(self, path: str, **kwargs: Any) -> Response:
        async with self.client.request(path, **kwargs) as connection:
            await connection.send_complete()
            beginning = await connection.receive()
            await connection.disconnect()
        response = await connection.as_response()
        response.set_data(beginning)
        return response

    async def get(self, path: str, **kwargs: Any) -> Response:
        """Open a page."""
        return await self.open(path, "GET", **kwargs)

    async def text(self, path: str) -> str:
        """Open a page and return its HTML."""
        return await (await self.get(path)).get_data(as_text=True)

    async def token(self) -> str:
        """Return a good CSRF token of this visitor's session."""
        match = TOKEN.search(await self.text("/login"))
        assert match is not None
        return html.unescape(match[1])

    async def post(self, path: str, form: dict[str, Any] | None = None, **kwargs: Any) -> Response:
        """Send a form with a good token."""
        fields = {"csrf_token": await self.token(), **(form or {})}
        return await self.open(path, "POST", form=fields, **kwargs)

    async def register(self, username: str, password: str = PASSWORD) -> Response:
        """Register, which logs in."""
        form = {"username": username, "password": password, "confirm": password}
        return await self.post("/register", form)

    async def log_in(self, username: str, password: str = PASSWORD, **fields: str) -> Response:
        """Log in."""
        return await self.post("/login", {"username": username, "password": password, **fields})

    async def add(self, title: str = "A title", text: str = "Some text") -> int:
        """Add an entry and return its id."""
        response = await self.post("/add", {"title": title, "text": text})
        assert response.status_code == 302
        match = re.search(r'href="/post/(\d+)"', await self.text("/"))
        assert match is not None
        return int(match[1])

    async def who(self) -> str | None:
        """Return as whom the site knows this visitor."""
        match = ACCOUNT_LINK.search(await self.text("/about"))
        return match and match[1]

    def thief(self) -> Visitor:
        """Make another browser with a copy of this one's cookies, as they are now."""
        thief = Visitor(self.app, **self.always)
        assert self.client.cookie_jar is not None
        assert thief.client.cookie_jar is not None
        for cookie in self.client.cookie_jar:
            thief.client.cookie_jar.set_cookie(cookie)
        return thief

    @property
    def cookie(self) -> str | None:
        """The session cookie's value."""
        assert self.client.cookie_jar is not None
        values = [c.value for c in self.client.cookie_jar if c.name.endswith("session")]
        return values[0] if values else None


@pytest.fixture
def visitor(app: Quart) -> Visitor:
    """Somebody who is not logged in."""
    return Visitor(app)


@pytest.fixture
def new_visitor(app: Quart) -> Callable[[], Visitor]:
    """Make one more browser."""
    return lambda: Visitor(app)


async def _registered(app: Quart, name: str) -> Visitor:
    visitor = Visitor(app)
    response = await visitor.register(name)
    assert response.status_code == 302
    await visitor.get("/")  # the welcome is seen
    return visitor


@pytest.fixture
async def alice(app: Quart) -> Visitor:
    """Who owns what a test is about."""
    return await _registered(app, "alice")


@pytest.fixture
async def bob(app: Quart) -> Visitor:
    """Somebody else who is logged in."""
    return await _registered(app, "bob")


@pytest.fixture
async def mallory(app: Quart) -> Visitor:
    """Who must be refused."""
    return await _registered(app, "mallory")


class Clock:
    """The time that views are told: it stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_ms = templating.now_ms()

    def __call__(self) -> int:
        return self.now_ms

    def pass_s(self, seconds: int) -> None:
        """Let some time pass."""
        self.now_ms += seconds * 1000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Hand every view a time that the test decides."""
    clock = Clock()
    real = templating.now_ms
    for name, module in list(sys.modules.items()):
        if name.startswith("qapp.") and getattr(module, "now_ms", None) is real:
            monkeypatch.setattr(module, "now_ms", clock)
    return clock


class Page(NamedTuple):
    """A template that was rendered, and with what."""

    template: str
    context: dict[str, Any]


@pytest.fixture
def pages() -> Iterator[list[Page]]:
    """The pages rendered so far, those of all sites."""
    seen: list[Page] = []

    async def record(_: Quart, template: Template, context: dict[str, Any], **__: Any) -> None:
        seen.append(Page(template.name or "", context))

    with template_rendered.connected_to(record):
        yield seen


Dump = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def dump(settings: Settings) -> Callable[[], Dump]:
    """Read the whole database, the times when logins were last seen aside."""

    def read() -> Dump:
        with closing(sqlite.connect(f"{settings.INSTANCE_PATH}/qapp.db")) as connection:
            connection.row_factory = None
            tables = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
            names = [name for (name,) in tables]
            content: Dump = {}
            for name in names:
                rows = connection.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608
                content[name] = sorted(rows, key=repr)
            content["logins"] = [row[:3] + row[4:] for row in content["logins"]]
        return content

    return read


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test after which a thread runs on that was not there before."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        # The default executor's threads belong to the loop, which pytest-asyncio closes later.
        if not thread.name.startswith("asyncio_"):
            thread.join(timeout=5)
            assert not thread.is_alive(), f"{thread} runs on"


@pytest.fixture(autouse=True)
async def no_task_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task pending."""
    before = asyncio.all_tasks()
    yield
    here = asyncio.current_task()
    left = {task for task in asyncio.all_tasks() - before if task is not here}
    if left:
        _, left = await asyncio.wait(left, timeout=5)
    assert not left


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Hash with as little memory and time as argon2 allows: the tests hash a great deal."""
    service.HASHER = type(REAL_HASHER)(time_cost=1, memory_cost=8, parallelism=1)
    service.NOBODYS_HASH = service.HASHER.hash(NOBODYS_PASSWORD)
    yield
    service.HASHER, service.NOBODYS_HASH = REAL_HASHER, REAL_NOBODYS_HASH
