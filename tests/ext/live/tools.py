"""Apps that stream their events, and readers of them on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

from quart import Quart
from quart.typing import ResponseReturnValue

from qapp.ext.database import Database
from qapp.ext.database.driver import sqlite
from qapp.ext.live import Live
from tests.ext.sijax.tools import PATIENCE_S, Site, served
from tests.ext.sijax.tools import Reader as Socket

TABLE = """
CREATE TABLE IF NOT EXISTS live_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS live_events_trim AFTER INSERT ON live_events
WHEN new.id % 100 = 0 BEGIN
    DELETE FROM live_events WHERE id <= new.id - 1000;
END
"""


class Heard(NamedTuple):
    """An event as a browser would dispatch it."""

    id: str
    kind: str
    data: str


class Listener:
    """A client of a stream that does what the HTML standard says, on a connection of its own.

    :ivar last_id: the id that it would come back with.
    """

    def __init__(self, site: Site, path: str = "/live", last_id: str = "") -> None:
        self.site = site
        self.path = path
        self.last_id = last_id
        self.head = ""
        self.retry_ms: int | None = None
        self.comments = 0
        self._text = ""
        self.socket: Socket

    async def connect(self) -> Listener:
        """Connect, and read up to the stream's first words."""
        return await self.over(await asked(self.site, self.path, self.last_id))

    async def over(self, socket: Socket) -> Listener:
        """Take over a connection on which the stream was asked for."""
        self.socket = socket
        self.head = await socket.head()
        return self

    async def next(self) -> Heard | None:
        """Return the next event, None at the proper end."""
        while True:
            while "\n\n" not in self._text:
                chunk = await self.socket.chunk()
                if not chunk:
                    return None
                self._text += chunk.decode()
            block, _, self._text = self._text.partition("\n\n")
            if (heard := self._heed(block)) is not None:
                return heard

    def _heed(self, block: str) -> Heard | None:
        kind, data = "message", []
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif name == "retry":
                self.retry_ms = int(value)
            elif name == "":
                self.comments += 1
        return Heard(self.last_id, kind, "\n".join(data)) if data else None

    async def beat(self) -> None:
        """Read up to the next comment; the events before it are passed over."""
        before = self.comments
        while self.comments == before:
            while "\n\n" not in self._text:
                self._text += (await self.socket.chunk()).decode()
            block, _, self._text = self._text.partition("\n\n")
            self._heed(block)

    async def hang_up(self) -> None:
        """Close the connection."""
        await self.socket.hang_up()


async def asked(site: Site, path: str, last_id: str = "", *, method: str = "GET") -> Socket:
    """Ask for a stream; return the connection before any answer."""
    socket = Socket(*await asyncio.open_connection("127.0.0.1", site.port))
    site.readers.append(socket)
    await ask(socket, path, last_id, method=method)
    return socket


async def ask(socket: Socket, path: str, last_id: str = "", *, method: str = "GET") -> None:
    """Send a request."""
    head = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
    socket.writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
    await socket.writer.drain()


def make_app(folder: Path, **config: Any) -> Quart:
    """Return an app with the streams of any channel; apps of one folder share their events.

    Its `extensions` hold the `Live` and the `Database` under "tea".
    """
    with closing(sqlite.connect(str(folder / "tea.db"))) as connection:
        connection.executescript(TABLE)
    app = Quart("tea")
    app.config.update({"DATABASE_URL": f"sqlite:///{folder}/tea.db", **config})
    db = Database(app)
    live = Live(app, db=db)
    app.extensions["tea"] = live, db

    @app.get("/live")
    async def stream() -> ResponseReturnValue:
        return await live.stream("tea")

    @app.get("/live/<channel>")
    async def stream_of(channel: str) -> ResponseReturnValue:
        return await live.stream(channel)

    return app


async def publish(app: Quart, data: Any, channel: str = "tea") -> None:
    """Publish one event of the kind "cup"."""
    live, db = app.extensions["tea"]
    async with app.app_context():
        await live.publish(db, channel, "cup", data)


async def notice(app: Quart) -> None:
    """Let a worker without readers look at once for what was published."""
    async with app.app_context():
        await app.extensions["live"].look()


async def readers_of(app: Quart, count: int) -> None:
    """Wait until an app has so many streams open."""
    hub = app.extensions["live"]
    async with asyncio.timeout(PATIENCE_S):
        while hub.readers != count:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)


@asynccontextmanager
async def serving(app: Quart, *, graceful_s: float = PATIENCE_S) -> AsyncIterator[Site]:
    """Serve an app on a real Hypercorn, from when it answers."""
    async with served(app, graceful_s=graceful_s) as site:
        await (await asked(site, "/nothing")).head()
        yield site
