"""The engines of an app, and its sessions: one for each task of each app context."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from quart import Quart, g
from sqlalchemy import URL, NullPool, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from qapp.ext.database import sqlite_path
from qapp.ext.database.commits import Commits
from qapp.ext.proxies import behind

from .dbapi import DBAPI
from .worker import Limits

SESSIONS = "_orm_sessions"
URIS = ("SQLALCHEMY_DATABASE_URI", "DATABASE_URL")
NOT_OFFERED = ("SQLALCHEMY_BINDS", "SQLALCHEMY_RECORD_QUERIES", "SQLALCHEMY_TRACK_MODIFICATIONS")
# No connection beyond these is opened for a moment and closed again, each with a thread; who waits
# longer than so many seconds for one of them is told so.
POOL = {"pool_size": 16, "max_overflow": 0, "pool_timeout": 10.0, "pool_use_lifo": True}
# What sessions and threads may still take at the end, when all that they run is broken off.
LAST_S = 5.0


class Engine(NamedTuple):
    """An engine, and what makes its connections if that is ours."""

    engine: AsyncEngine
    dbapi: DBAPI | None


class Held(NamedTuple):
    """A session, and what ends it with its task."""

    session: AsyncSession
    at_end_of_task: Callable[[asyncio.Task[Any]], None]


class Engines:
    """What an ORM has for one app.

    While the app serves there is one engine, whose connections are kept and closed at the end.
    Otherwise, in a script or a command, there is one for the running loop, which keeps none, so
    that none is left when nobody shuts the app down.
    """

    def __init__(
        self,
        app: Quart,
        make_session: Callable[[AsyncEngine], AsyncSession],
        engine_options: dict[str, Any],
        limits: Limits,
    ) -> None:
        self._app = app
        self.commits = Commits()
        self._make_session = make_session
        slow_ms = app.config.get("SLOW_QUERY_MS")
        self._limits = limits if slow_ms is None else limits._replace(slow_s=slow_ms / 1000)
        echo = bool(app.config.get("SQLALCHEMY_ECHO", False))
        self._options = {
            "echo": echo,
            "echo_pool": echo,
            **engine_options,
            **app.config.get("SQLALCHEMY_ENGINE_OPTIONS", {}),
        }
        for name in NOT_OFFERED:
            if app.config.get(name):
                raise ValueError(f"{name} is not offered: leave it out")
        url = next((url for name in URIS if (url := app.config.get(name))), None)
        if url is None:
            raise RuntimeError("SQLALCHEMY_DATABASE_URI (or DATABASE_URL) must be set")
        self._url = make_url(url)
        self._path: Path | None = None
        if self._url.get_backend_name() == "sqlite":
            # As the text says: SQLAlchemy would take %41 for an A, and the data layer does not. The
            # driver's name goes, as there is one choice and it is not the URL's.
            text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
            location = text.partition("://")[2]
            self._path = sqlite_path(f"sqlite://{location}", Path(app.instance_path))
        self._serving: Engine | None = None
        self._outside: tuple[asyncio.AbstractEventLoop, Engine] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None

    def _make(self, **options: Any) -> Engine:
        options = {**options, **self._options}
        if options.get("poolclass") is NullPool:
            options = {name: value for name, value in options.items() if name[:5] != "pool_"}
            options.pop("max_overflow", None)
        if self._path is None:
            return Engine(create_async_engine(self._url, **options), None)
        folder = Path(self._app.instance_path)
        if self._path.is_relative_to(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        dbapi = DBAPI(self._path, self._limits, self.commits)
        url = URL.create("sqlite+aiosqlite", database=str(self._path))
        return Engine(create_async_engine(url, module=dbapi, **options), dbapi)

    @property
    def current(self) -> AsyncEngine:
        """Return the engine of the app that serves, or of the running loop."""
        if self._serving is not None:
            return self._serving.engine
        loop = asyncio.get_running_loop()
        if self._outside is None or self._outside[0] is not loop:
            self._outside = loop, self._make(poolclass=NullPool)
        return self._outside[1].engine

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Keep connections inside the block; none is left at its end."""
        made = self._serving = self._make(**POOL)
        try:
            yield
        finally:
            self._serving = None
            # In a task of its own: whoever asked for it may be cancelled.
            self._ending = asyncio.create_task(self._end(made))
            await asyncio.shield(self._ending)

    async def _end(self, made: Engine) -> None:
        if self._closing:
            await asyncio.wait(self._closing, timeout=LAST_S)
        try:
            await made.engine.dispose()
        finally:
            for link in list(made.dbapi.links if made.dbapi is not None else ()):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(link.close(), LAST_S)

    def session(self) -> AsyncSession:
        """Return the session of the current task in the current app context.

        :raises RuntimeError: if there is no context, or no task.
        """
        sessions: dict[asyncio.Task[Any], Held] = g.setdefault(SESSIONS, {})
        task = _current_task()
        if (held := sessions.get(task)) is None:
            held = Held(self._make_session(self.current), partial(self._end_with_task, sessions))
            sessions[task] = held
            task.add_done_callback(held.at_end_of_task)
        return held.session

    async def end_session(self, _: BaseException | None = None) -> None:
        """Close the current task's session, if it has one; what it did not commit is undone."""
        sessions: dict[asyncio.Task[Any], Held] | None = behind(g).get(SESSIONS)
        if sessions is None:
            return
        task = asyncio.current_task()
        if task is not None and (held := sessions.pop(task, None)) is not None:
            task.remove_done_callback(held.at_end_of_task)
            await asyncio.shield(self._close(held.session))

    def _end_with_task(
        self, sessions: dict[asyncio.Task[Any], Held], task: asyncio.Task[Any]
    ) -> None:
        self._close(sessions.pop(task).session)

    def _close(self, session: AsyncSession) -> asyncio.Task[None]:
        # In a task of its own: that of a request may be cancelled more than once.
        closing = asyncio.get_running_loop().create_task(session.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return closing


def _current_task() -> asyncio.Task[Any]:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None:
        raise RuntimeError("orm.session is for tasks of the event loop: make the view `async def`")
    return task
