"""An app with a cache of pages above it, and requests to it exactly as a server hands them on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from quart import Quart, Response, request, session

from qapp.ext.database import Database
from qapp.ext.pages import Counts, Limits, Pages

PATIENCE_S = 30
# What readers rest before they ask again: with some that never do, the loop has no turn in which it
# waits, and the thread that writes may not get the interpreter's lock for minutes.
READER_PAUSE_S = 0.001
COOKIES = {"theme": ["light", "dark"]}
NAME = "SELECT name FROM teas WHERE id = :id"
RENAME = "UPDATE teas SET name = :name WHERE id = :id"
ADD = "INSERT INTO teas (name) VALUES (:name)"


class Got(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


async def ask(
    app: Any,
    path: str = "/",
    query: str | bytes = b"",
    *,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] | dict[str, str] = (),
    host: str | None = "localhost",
    scheme: str = "http",
    http_version: str = "1.1",
    parts: Sequence[bytes] = (b"",),
) -> Got:
    """Send a request; the client waits for the answer and then stays.

    :param parts: the body's; without any the request does not end.
    """
    pairs = headers.items() if isinstance(headers, dict) else headers
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs]
    if host is not None:
        raw.insert(0, (b"host", host.encode("latin-1")))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": http_version,
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": b"",
        "query_string": query.encode() if isinstance(query, str) else query,
        "root_path": "",
        "headers": raw,
        "client": ("192.0.2.1", 50000),
        "server": None,
        "extensions": {},
    }
    messages: list[dict[str, Any]] = []
    unread = list(parts)

    async def receive() -> dict[str, Any]:
        if unread:
            part = unread.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(unread)}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body" and not message["more_body"]:
            # Hypercorn ends a connection only when its request was received.
            assert not unread
        messages.append(message)

    async with asyncio.timeout(PATIENCE_S):
        await app(scope, receive, send)
    start, *sent = messages
    assert start["type"] == "http.response.start"
    assert not sent[-1]["more_body"]
    return Got(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        b"".join(part["body"] for part in sent),
    )


class World:
    """A shop of teas.

    :ivar made: the paths of the pages that were made, with their parameters.
    :ivar checks: how often the version of a tea was asked for.
    :ivar gate: which `/slow` waits for, once it has said so by `arrived`.
    """

    def __init__(self, folder: Path, *, limits: Limits | None = None, debug: bool = False) -> None:
        self.app = app = Quart("teas", instance_path=str(folder))
        app.debug = debug
        app.secret_key = "a key for tests, long enough to be one"
        app.config["DATABASE_URL"] = f"sqlite:///{folder}/teas.db"
        self.db = Database(app)
        self.pages = Pages(self.db, limits=limits)
        self.pages.init_app(app, cookies=COOKIES)
        self.made: list[str] = []
        self.checks = 0
        self.gate = asyncio.Event()
        self.arrived = asyncio.Semaphore(0)
        self._add_views()

    def _add_views(self) -> None:
        app, pages = self.app, self.pages

        @app.before_request
        async def note() -> None:
            self.made.append(request.full_path.removesuffix("?"))

        @app.get("/")
        @pages.cache(query=["before", "kind"])
        async def index() -> tuple[str, int] | str:
            before = request.args.get("before", "9")
            if not before.isdigit():
                return "no number", 400
            teas = await self.db.fetch_all("SELECT name FROM teas ORDER BY id")
            who = session.get("name", "nobody")
            theme = request.cookies.get("theme")
            asked = f"{request.host_url} {theme} {before} {request.args.get('kind')}"
            return f"{who} {asked}: {', '.join(tea.name for tea in teas)}"

        @app.get("/tea/<name>")
        @pages.cache
        async def tea(name: str) -> str | tuple[str, int]:
            return f"tea {name}" if len(name) < 9 else (f"no {name}", 404)

        @app.get("/mirror")
        @pages.cache(query=["kind"])
        async def mirror() -> str:
            """Show all that a view can see."""
            seen = [*request.headers.items(), *request.args.items(multi=True)]
            return f"{seen} {dict(request.cookies)} {request.remote_addr} {request.query_string!r}"

        @app.get("/own")
        async def own() -> str:
            return "not opted in"

        @app.get("/slow")
        @pages.cache
        async def slow() -> str:
            self.arrived.release()
            await self.gate.wait()
            teas = await self.db.fetch_all("SELECT name FROM teas ORDER BY id")
            return ", ".join(tea.name for tea in teas)

        @app.get("/early")
        @pages.cache
        async def early() -> str:
            """Read first, then wait."""
            teas = await self.db.fetch_all("SELECT name FROM teas ORDER BY id")
            self.arrived.release()
            await self.gate.wait()
            return ", ".join(tea.name for tea in teas)

        @app.get("/fails")
        @pages.cache
        async def fails() -> str:
            self.arrived.release()
            await self.gate.wait()
            raise LookupError("as it should")

        @app.get("/big/<int:number>")
        @pages.cache(version=self.version_of)
        async def big(number: int) -> str | tuple[str, int]:
            """Show one tea, large."""
            name = await self.db.fetch_value(NAME, {"id": number})
            return f"BIG {name}" if name is not None else ("none", 404)

        @app.get("/late/<int:number>")
        @pages.cache(version=self.version_of)
        async def late(number: int) -> str:
            """Wait first, then read."""
            self.arrived.release()
            await self.gate.wait()
            return f"late {await self.db.fetch_value(NAME, {'id': number})}"

        @app.get("/strict")
        @pages.cache(query=["kind"], strict=True)
        async def strict() -> str:
            others = [name for name in request.args if name != "kind"]
            return f"{' '.join(request.args.getlist('kind'))} {others}"

        @app.get("/answer")
        @pages.cache(query=["headers", "size", "status"])
        async def answer() -> Response:
            """Answer with the headers, the size and the status that are asked for."""
            response = Response("x" * int(request.args.get("size", "9")))
            response.status_code = int(request.args.get("status", "200"))
            for pair in request.args.get("headers", "").split("|"):
                name, _, value = pair.partition("=")
                if name:
                    response.headers[name] = value
            return response

        @app.get("/stream")
        @pages.cache
        async def stream() -> Any:
            async def parts() -> Any:
                for _ in range(3):
                    yield b"part"

            return parts()

        @app.get("/login/<name>")
        async def login(name: str) -> str:
            session["name"] = name
            return name

    async def version_of(self, number: int) -> str | None:
        """Return what tells a tea from what it was before."""
        self.checks += 1
        return await self.asked_version(number)

    async def asked_version(self, number: int) -> str | None:
        """Read the version."""
        name: str | None = await self.db.fetch_value(NAME, {"id": number})
        return name

    async def create(self) -> None:
        """Make the table, with a tea."""
        async with self.app.app_context():
            await self.db.execute("CREATE TABLE teas (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
            await self.db.execute(ADD, {"name": "green"})

    async def add(self, name: str) -> None:
        """Add a tea, as this process."""
        async with self.app.app_context():
            await self.db.execute(ADD, {"name": name})

    async def rename(self, number: int, name: str) -> None:
        """Change a tea, as this process."""
        async with self.app.app_context():
            await self.db.execute(RENAME, {"id": number, "name": name})

    async def counts(self) -> Counts:
        """Return what the cache has done."""
        async with self.app.app_context():
            return self.pages.counts
