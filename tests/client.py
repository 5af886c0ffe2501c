"""A small HTTP/1.1 client: one connection, nothing hidden, little cost beside the server's."""

from __future__ import annotations

import asyncio
import html
import re
from typing import NamedTuple, Self
from urllib.parse import urlencode

from tests.serving import PASSWORD

TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


class Answer(NamedTuple):
    """A response, whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Client:
    """One visitor on one connection, which is opened again when the server has closed it."""

    def __init__(self, port: int, cookie: str = "", token: str = "") -> None:
        self.port = port
        self.cookie = cookie
        self.token = token
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def connect(self) -> Self:
        """Open the connection."""
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, limit=2**22
        )
        return self

    @property
    def local_port(self) -> int:
        """The port of this end, by which the server's log names the connection."""
        assert self.writer is not None
        port: int = self.writer.get_extra_info("sockname")[1]
        return port

    def close(self) -> None:
        """Hang up."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    def encode(
        self, method: str, path: str, form: dict[str, str] | None = None, headers: str = ""
    ) -> bytes:
        """Return a request as it is sent; a form gets this visitor's token."""
        body = urlencode({"csrf_token": self.token, **form}).encode() if form is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{headers}"
        if self.cookie:
            head += f"Cookie: session={self.cookie}\r\n"
        if form is not None:
            head += "Content-Type: application/x-www-form-urlencoded\r\n"
            head += f"Content-Length: {len(body)}\r\n"
        return f"{head}\r\n".encode() + body

    async def request(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        """Send a request and return the answer.

        :raises OSError: if the connection can't be made or breaks, `EOFError` if it ends early.
        """
        if self.writer is None or self.reader is None or self.reader.at_eof():
            self.close()
            await self.connect()
        assert self.writer is not None
        self.writer.write(self.encode(method, path, form))
        await self.writer.drain()
        return await self.read()

    async def read(self) -> Answer:
        """Read one answer; take over the session cookie that it sets."""
        assert self.reader is not None
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")
        headers = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        if match := re.match(r"session=([^;]*)", headers.get("set-cookie", "")):
            self.cookie = match[1]
        if headers.get("connection") == "close":
            self.close()
        return Answer(int(lines[0].split()[1]), headers, body)

    async def log_in(self, username: str) -> Self:
        """Log in, and keep a token for the forms to come."""
        await self._take_token()
        answer = await self.request("POST", "/login", {"username": username, "password": PASSWORD})
        assert answer.status == 302, answer
        await self._take_token()
        return self

    async def _take_token(self) -> None:
        match = TOKEN.search((await self.request("GET", "/login")).text)
        assert match is not None
        self.token = html.unescape(match[1])
