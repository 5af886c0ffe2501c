"""Apps with one page that calls functions, and what a page sends and gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode

from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart, Response, g
from quart.typing import ResponseReturnValue

from qapp.ext.sijax import Sijax, route

PATIENCE_S = 30
OURS = {"X-Sijax": "1"}
Register = Callable[[], object]


def make_app(register: Register, **config: Any) -> Quart:
    """Return an app whose page answers what `register` registers; no tokens are asked for."""
    app = Quart("site")
    app.config.update({"SECRET_KEY": "the secret of the tests", "SIJAX_CSRF": False, **config})
    Sijax(app)

    @route(app, "/")
    async def index() -> ResponseReturnValue:
        if g.sijax.is_sijax_request:
            register()
            response: Response = await g.sijax.process_request()
            return response
        return "a page"

    return app


def form_of(name: str, args: object = (), **fields: str) -> dict[str, str]:
    """Return the fields that call a function; `args` as text are sent as they are."""
    text = args if isinstance(args, str) else json.dumps(args)
    return {"sijax_rq": name, "sijax_args": text, **fields}


async def post(app: Quart, name: str, args: object = (), **options: Any) -> Response:
    """Call a function as our client does, unless the headers are others."""
    options = {"headers": OURS, **options}
    return await app.test_client().post("/", form=form_of(name, args), **options)


async def commands(app: Quart, name: str, args: object = (), **options: Any) -> Any:
    """Call a function and return its commands."""
    response = await post(app, name, args, **options)
    assert response.status_code == 200
    assert response.content_type == "application/json"
    return json.loads(await response.get_data(as_text=True))


class Reader:
    """A client on a real socket that reads a stream as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> str:
        """Return the status line and the headers."""
        async with asyncio.timeout(PATIENCE_S):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def chunk(self) -> bytes:
        """Return the next chunk; an empty one is the proper end."""
        async with asyncio.timeout(PATIENCE_S):
            size = int(await self.reader.readline(), 16)
            data = await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            return data

    async def hang_up(self) -> None:
        """Close the connection."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Site:
    """An app on a real Hypercorn, and the readers of its streams."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.stop = asyncio.Event()
        self.readers: list[Reader] = []
        self.task: asyncio.Task[None]

    async def call(self, name: str, args: object = (), *, head: str = "X-Sijax: 1") -> Reader:
        """Send a call, and return its reader before any answer."""
        reader = Reader(*await asyncio.open_connection("127.0.0.1", self.port))
        self.readers.append(reader)
        body = urlencode(form_of(name, args))
        reader.writer.write(
            f"POST / HTTP/1.1\r\nHost: localhost\r\n{head}\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}".encode()
        )
        await reader.writer.drain()
        return reader


@asynccontextmanager
async def served(app: Quart, *, graceful_s: float = PATIENCE_S) -> AsyncIterator[Site]:
    """Serve an app in this very loop, on a free port of loopback."""
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.graceful_timeout = graceful_s
    config.errorlog = None
    sockets = config.create_sockets()
    (listening,) = sockets.insecure_sockets
    listening.listen()  # a call may come before Hypercorn is at work
    config.create_sockets = lambda: sockets  # type: ignore[method-assign]
    site = Site(listening.getsockname()[1])
    site.task = asyncio.ensure_future(serve(app, config, shutdown_trigger=site.stop.wait))
    try:
        yield site
    finally:
        site.stop.set()
        for reader in site.readers:
            await reader.hang_up()
        async with asyncio.timeout(PATIENCE_S):
            await site.task
