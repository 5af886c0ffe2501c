"""Mail servers for tests: a real one, which can be told to refuse, and some that misbehave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, NamedTuple, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PATIENCE_S = 60
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Received(NamedTuple):
    """A message that a server took."""

    sender: str
    recipients: list[str]
    content: bytes
    over_tls: bool
    connection: int

    @property
    def email(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


class Server:
    """An SMTP server (aiosmtpd) in the test's own loop.

    :ivar received: what it took.
    :ivar refuse: what it says to a sender, a recipient or "data" instead of taking it.
    :ivar gate: where each message waits, after it came, before the server says that it has it.
    """

    def __init__(self) -> None:
        self.port = 0
        self.received: list[Received] = []
        self.refuse: dict[str, str] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_gate = asyncio.Semaphore(0)
        self.changed = asyncio.Event()
        self.connections = 0
        self.open_connections = 0
        self.most_open = 0

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        port: int = 0,
        implicit_tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        **options: Any,
    ) -> AsyncIterator[Self]:
        server = cls()
        loop = asyncio.get_running_loop()
        if login is not None:
            options["authenticator"] = server._authenticator(login)
        made: list[SMTP] = []

        def protocol() -> SMTP:
            made.append(Counted(server, hostname="testing", loop=loop, **options))
            return made[-1]

        listening = await loop.create_server(protocol, "127.0.0.1", port, ssl=implicit_tls)
        server.port = listening.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            listening.close()
            server.gate.set()
            for each in made:
                if isinstance(each.transport, asyncio.WriteTransport):
                    each.transport.abort()

    @staticmethod
    def _authenticator(login: tuple[str, str]) -> Callable[..., AuthResult]:
        def check(_: Any, __: Any, ___: Any, ____: Any, data: Any) -> AuthResult:
            assert isinstance(data, LoginPassword)
            good = (data.login.decode(), data.password.decode()) == login
            return AuthResult(success=good, handled=good)

        return check

    async def has(self, count: int) -> list[Received]:
        """Wait until it took so many messages."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.received) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.received

    async def left(self) -> None:
        """Wait until no connection is open."""
        async with asyncio.timeout(PATIENCE_S):
            while self.open_connections:
                self.changed.clear()
                await self.changed.wait()

    def hold(self) -> None:
        """Let every message wait that comes from now on, until `gate` is set."""
        self.gate.clear()
        self.at_gate = asyncio.Semaphore(0)

    async def held(self, count: int = 1) -> None:
        """Wait until so many messages more wait at the gate."""
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(count):
                await self.at_gate.acquire()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, protocol: Any, _: Session, envelope: Envelope
    ) -> str:
        self.at_gate.release()
        await self.gate.wait()
        if "data" in self.refuse:
            return self.refuse["data"]
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        self.received.append(
            Received(
                envelope.mail_from,
                list(envelope.rcpt_tos),
                envelope.content,
                protocol.transport.get_extra_info("sslcontext") is not None,
                protocol.number,
            )
        )
        self.changed.set()
        return "250 OK"


class Counted(SMTP):
    """A connection that its server counts."""

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self.server = server
        self.number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not self.number:  # else it is made anew, for TLS
            self.server.connections += 1
            self.server.open_connections += 1
            self.server.most_open = max(self.server.most_open, self.server.open_connections)
            self.number = self.server.connections
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.server.open_connections -= 1
        self.server.changed.set()
        super().connection_lost(error)


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    """Start a server that says what a function says; yield its port."""
    talks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            writer.transport.abort()
            talks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(talks):
            task.cancel()
        if talks:
            await asyncio.wait(list(talks))


async def answers(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    replies: Mapping[bytes, bytes | None],
    seen: list[bytes] | None = None,
) -> None:
    """Answer each command by its line or its first four letters; hang up without a reply.

    :param seen: gets every command; a message's end is `b"."`.
    """
    writer.write(replies[b""] or b"")
    in_data = False
    while line := await reader.readline():
        if in_data and line != b".\r\n":
            continue
        command = b"." if in_data else line[:4].upper().strip()
        if seen is not None:
            seen.append(command)
        reply = replies.get(line.strip(), replies.get(command))
        if reply is None:
            return
        in_data = command == b"DATA" and reply.startswith(b"354")
        writer.write(reply)


GOOD = {
    b"": b"220 hello\r\n",
    b"EHLO": b"250 hello\r\n",
    b"MAIL": b"250 OK\r\n",
    b"RCPT": b"250 OK\r\n",
    b"DATA": b"354 go on\r\n",
    b".": b"250 OK\r\n",
    b"RSET": b"250 OK\r\n",
    b"QUIT": b"221 bye\r\n",
}
