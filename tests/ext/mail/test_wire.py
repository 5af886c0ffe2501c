"""Messages on the wire: as they are, whole, over any loop, and none of another's in between."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from qapp.ext.mail import Envelope, Mail, MailError, Message
from qapp.ext.mail.connection import Connection

from .servers import GOOD, PATIENCE_S, Server, talking
from .sites import ALICE, app_with

mail = Mail()
ENVELOPE = Envelope("tea@example.org", [ALICE])
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"x", b"\r\n.\r\n", b"RSET"])))
def test_no_content_ends_before_its_end(parts: list[bytes]) -> None:
    content = b"Subject: Tea\r\n\r\n" + b"".join(parts)
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")

    async def send() -> None:
        async with Server.start() as server:
            connection = Connection(mail.init_app(app_with(mail, server.port)))
            await connection.ready()
            await connection.deliver(content, ENVELOPE)
            await connection.close()
            (received,) = server.received
        assert received.content == b"".join(line + b"\r\n" for line in lines)

    asyncio.run(send())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_large_message_arrives_over_any_loop(loop: Callable[[], Any]) -> None:
    async def send() -> None:
        async with Server.start(data_size_limit=None) as server:
            sent = Message("Tea", [ALICE], "x")
            sent.attach("large.bin", None, bytes(2_000_000))
            async with app_with(mail, server.port).app_context(), mail.connect() as connection:
                await connection.send(sent)
                await connection.send(Message("Tea", [ALICE], "x"))
            assert len(server.received) == 2
            assert server.connections == 1

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(send())


@pytest.mark.parametrize("kind", ["MAIL_USE_TLS", "MAIL_USE_SSL"])
async def test_a_large_message_arrives_over_tls(
    kind: str, serve: Callable[..., Any], server_tls: ssl.SSLContext, ca_file: str
) -> None:
    options = (
        {"implicit_tls": server_tls} if kind == "MAIL_USE_SSL" else {"tls_context": server_tls}
    )
    server = await serve(data_size_limit=None, **options)
    sent = Message("Tea", [ALICE], "x")
    sent.attach("large.bin", None, bytes(2_000_000))
    async with app_with(mail, server.port, MAIL_CA_FILE=ca_file, **{kind: True}).app_context():
        await mail.send(sent)
    (received,) = server.received
    assert received.over_tls
    assert len(received.content) > 2_000_000


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_reads_no_more_is_left_at_once_over_any_loop(loop: Callable[[], Any]) -> None:
    async def send() -> None:
        timed_out = asyncio.Event()
        arrived: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(GOOD[b""])
            for command in (b"EHLO", b"MAIL", b"RCPT", b"DATA"):
                await reader.readline()
                writer.write(GOOD[command])
            await timed_out.wait()
            arrived.set_result(len(await reader.read()))

        sent = Message("Tea", [ALICE], "x")
        sent.attach("large.bin", None, bytes(20_000_000))
        async with talking(talk) as port, app_with(mail, port, MAIL_TIMEOUT=2).app_context():
            with pytest.raises(MailError, match="too long"):
                await mail.send(sent)
            timed_out.set()
            # What the system holds, and not also what waited to be given to it.
            assert await asyncio.wait_for(arrived, PATIENCE_S) < 15_000_000

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(send())
