"""What the parts of `tests.bench.mail` share: a slow mail server, clients, a look at the outbox."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, Envelope

from qapp.ext.database.driver import sqlite
from tests.client import TOKEN, Client
from tests.serving import free_port

PATIENCE_S = 300
HEADER = re.compile(rb"^(Message-ID|Subject): *(\S.*?)\r\n", re.MULTILINE | re.IGNORECASE)
FORM = {
    "gender": "F",
    "address": "14 MG Road\r\nBengaluru",
    "email": "asha@example.org",
    "age": "30",
    "language": "py",
}


class Received(NamedTuple):
    """A message that the server took."""

    subject: str
    message_id: str


class SlowServer:
    """A mail server; `takes_s` is how long each message takes it.

    :ivar answers_from_dot: whether it has a message as soon as all of it is there.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.takes_s = 0.0
        self.answers_from_dot = False
        self.received: list[Received] = []
        self.changed = asyncio.Event()
        self.open: set[SMTP] = set()
        self.most_open = 0

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _: object, __: object, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        found = {name.lower(): value.decode() for name, value in HEADER.findall(envelope.content)}
        message = Received(found[b"subject"], found[b"message-id"])
        if self.answers_from_dot:
            self.take(message)
        await asyncio.sleep(self.takes_s)
        if not self.answers_from_dot:
            self.take(message)
        return "250 OK"

    def take(self, message: Received) -> None:
        """Note a message."""
        self.received.append(message)
        self.changed.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Be there, always at the same port."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Counted(self, loop), "127.0.0.1", self.port)
        try:
            yield
        finally:
            listener.close()
            for each in list(self.open):
                if isinstance(each.transport, asyncio.WriteTransport):
                    each.transport.abort()

    async def has(self, subjects: set[str]) -> None:
        """Wait until it took a message of each subject."""
        async with asyncio.timeout(PATIENCE_S):
            while not subjects <= {each.subject for each in self.received}:
                self.changed.clear()
                await self.changed.wait()


class Counted(SMTP):
    """A connection that its server counts."""

    def __init__(self, server: SlowServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, hostname="bench", loop=loop)
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.server.open.add(self)
        self.server.most_open = max(self.server.most_open, len(self.server.open))
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.server.open.discard(self)
        super().connection_lost(error)


class Posted(NamedTuple):
    """What became of many posts at once.

    :ivar subjects: of those that were answered, with the seconds that each took.
    :ivar failed: what the others met: another status, or a broken connection.
    """

    subjects: set[str]
    seconds: list[float]
    failed: Counter[str]


async def post_at_once(port: int, prefix: str, count: int) -> Posted:
    """Post the form by so many clients at once, each with its own session, token and connection."""
    clients = [Client(port) for _ in range(count)]
    subjects: set[str] = set()
    seconds: list[float] = []
    failed: Counter[str] = Counter()

    async def open_form(client: Client) -> None:
        match = TOKEN.search((await client.request("GET", "/contact")).text)
        assert match is not None
        client.token = html.unescape(match[1])
        # The server ends a connection that is idle for five seconds, perhaps just when it is used.
        client.close()

    async def post(client: Client, name: str) -> None:
        started = time.perf_counter()
        try:
            answer = await client.request("POST", "/contact", {"name": name, **FORM})
        except (OSError, EOFError) as error:
            failed[type(error).__name__] += 1
            return
        if answer.status != 200:
            failed[str(answer.status)] += 1
            return
        seconds.append(time.perf_counter() - started)
        subjects.add(f"Contact: {name}")

    try:
        await asyncio.gather(*map(open_form, clients))
        await asyncio.gather(*(post(each, f"{prefix}-{n}") for n, each in enumerate(clients)))
    finally:
        for client in clients:
            client.close()
    return Posted(subjects, seconds, failed)


def in_outbox(path: Path, sql: str, *values: Any) -> int:
    """Return a number from the outbox, or how many rows a statement changed."""
    with closing(sqlite.connect(str(path), timeout=30)) as connection:
        cursor = connection.execute(sql, values)
        row = cursor.fetchone() if sql.startswith("SELECT") else None
        connection.commit()
        return int(row[0]) if row else int(cursor.rowcount)


async def until_none_waits(path: Path) -> None:
    """Wait until nothing waits in the outbox: what was sent is recorded too."""
    async with asyncio.timeout(PATIENCE_S):
        count = "SELECT count(*) FROM outbox WHERE failed_ms IS NULL"
        while await asyncio.to_thread(in_outbox, path, count):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.05)


def more_than_once(received: list[Received], key: Callable[[Received], str]) -> int:
    """Return how many messages too many came, by what they are known by."""
    return sum(count - 1 for count in Counter(map(key, received)).values())
