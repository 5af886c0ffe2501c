"""Real servers: what they take, refuse, and do to a connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from qapp.ext.mail import Mail, MailError, Message

from .servers import GOOD, PATIENCE_S, Received, Server, answers, talking
from .sites import app_with

mail = Mail()
ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"


def message(*recipients: str, **options: Any) -> Message:
    return Message("Tea", list(recipients or (ALICE,)), "It is ready.", **options)


async def send(port: int, sent: Message | None = None, /, **settings: Any) -> Any:
    """Send a message by an app of its own."""
    async with app_with(mail, port, **settings).app_context():
        return await mail.send(sent or message())


async def failure(port: int, sent: Message | None = None, /, **settings: Any) -> MailError:
    """Send a message that is not taken; return why."""
    with pytest.raises(MailError) as raised:
        await send(port, sent, **settings)
    return raised.value


def only(server: Server) -> Received:
    """Return the one message that a server took."""
    (received,) = server.received
    return received


async def test_a_message_arrives_with_its_envelope(server: Server) -> None:
    sent = Message("Tea", [("Alice Ü", ALICE)], "It is ready.", sender=("Tea", "tea@example.org"))
    sent.add_recipient(BOB)
    sent.cc, sent.bcc = [CAROL, ALICE], ["dave@bücher.example"]
    assert await send(server.port, sent) == {}
    received = only(server)
    assert received.sender == "tea@example.org"
    assert received.recipients == [ALICE, BOB, CAROL, "dave@xn--bcher-kva.example"]
    assert received.email["subject"] == "Tea"
    assert received.email["to"] == f"Alice Ü <{ALICE}>, {BOB}"
    assert received.email["message-id"] == sent.msgId
    assert received.email.get_content() == "It is ready.\r\n"
    assert b"dave" not in received.content


async def test_what_cannot_be_delivered_goes_to_envelope_from(server: Server) -> None:
    async with app_with(mail, server.port).app_context():
        await mail.send(message(), envelope_from="bounces@example.org")
    assert only(server).sender == "bounces@example.org"
    assert only(server).email["from"] == "tea@example.org"


async def test_lines_that_begin_with_a_dot_arrive_whole(server: Server) -> None:
    body = ".\n..\n.hidden\nend"
    await send(server.port, Message("Dots", [ALICE], body))
    assert only(server).email.get_content().splitlines() == body.splitlines()


@pytest.mark.parametrize("kind", ["MAIL_USE_TLS", "MAIL_USE_SSL"])
async def test_tls_protects_what_is_sent(
    kind: str, serve: Callable[..., Any], server_tls: ssl.SSLContext, ca_file: str
) -> None:
    if kind == "MAIL_USE_TLS":
        server = await serve(tls_context=server_tls, require_starttls=True)
    else:
        server = await serve(implicit_tls=server_tls)
    await send(server.port, MAIL_CA_FILE=ca_file, **{kind: True})
    assert only(server).over_tls


@pytest.mark.parametrize("kind", ["MAIL_USE_TLS", "MAIL_USE_SSL"])
async def test_a_certificate_that_nobody_trusts_is_refused(
    kind: str, serve: Callable[..., Any], server_tls: ssl.SSLContext
) -> None:
    by_command = kind == "MAIL_USE_TLS"
    server = await serve(**{"tls_context" if by_command else "implicit_tls": server_tls})
    error = await failure(server.port, **{kind: True})
    assert "certificate" in str(error).lower()
    assert not error.is_permanent
    assert server.received == []


async def test_a_server_without_starttls_gets_nothing(server: Server) -> None:
    error = await failure(server.port, MAIL_USE_TLS=True)
    assert "STARTTLS" in str(error)
    assert server.received == []


async def test_a_login_opens_the_server(
    serve: Callable[..., Any], server_tls: ssl.SSLContext, ca_file: str
) -> None:
    server = await serve(tls_context=server_tls, login=("tea", "secret"), auth_required=True)
    known = {"MAIL_USE_TLS": True, "MAIL_CA_FILE": ca_file, "MAIL_USERNAME": "tea"}
    await send(server.port, MAIL_PASSWORD="secret", **known)
    assert only(server).recipients == [ALICE]
    wrong = await failure(server.port, MAIL_PASSWORD="wrong", **known)
    assert "535" in str(wrong)
    assert "wrong" not in str(wrong)
    none = await failure(server.port, **known)
    assert "530" in str(none)
    assert len(server.received) == 1


async def test_a_refused_sender_is_told(server: Server) -> None:
    server.refuse["tea@example.org"] = "550 not you"
    error = await failure(server.port)
    assert "550 not you" in str(error)
    assert error.is_permanent


async def test_refused_recipients_are_returned_and_the_others_get_it(server: Server) -> None:
    server.refuse = {ALICE: "550 no such user", BOB: "451 later"}
    refused = await send(server.port, message(ALICE, BOB, CAROL))
    assert only(server).recipients == [CAROL]
    assert {to: (str(said), said.is_permanent) for to, said in refused.items()} == {
        ALICE: ("550 no such user", True),
        BOB: ("451 later", False),
    }


@pytest.mark.parametrize(("said", "is_permanent"), [("550 no", True), ("450 later", False)])
async def test_a_message_that_every_recipient_refuses_is_an_error(
    server: Server, said: str, is_permanent: bool
) -> None:
    server.refuse = {ALICE: "550 no", BOB: said}
    error = await failure(server.port, message(ALICE, BOB))
    assert error.is_permanent == is_permanent
    assert set(error.refusals) == {ALICE, BOB}


@pytest.mark.parametrize(("said", "is_permanent"), [("554 spam", True), ("451 later", False)])
async def test_refused_data_is_an_error(server: Server, said: str, is_permanent: bool) -> None:
    server.refuse["data"] = said
    error = await failure(server.port)
    assert said in str(error)
    assert error.is_permanent == is_permanent


async def test_the_next_message_goes_after_a_refused_one(server: Server) -> None:
    server.refuse = {ALICE: "550 no"}
    async with app_with(mail, server.port).app_context(), mail.connect() as connection:
        with pytest.raises(MailError):
            await connection.send(message(ALICE))
        await connection.send(message(BOB))
    assert only(server).recipients == [BOB]
    assert server.connections == 1


async def test_a_dead_server_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        error = await failure(taken.getsockname()[1])
    assert not error.is_permanent


async def never(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("silent_at", [b"", b"EHLO", b"MAIL", b"DATA", b"."])
async def test_a_server_that_hangs_is_left_after_the_limit(silent_at: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if silent_at:
            await answers(reader, writer, {**GOOD, silent_at: b""})
        await never(reader, writer)

    async with talking(talk) as port:
        error = await failure(port, MAIL_TIMEOUT=0.2)
    assert "took too long" in str(error)
    assert not error.is_permanent


async def test_a_server_that_reads_no_more_is_left_after_the_limit() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        for command in (b"EHLO", b"MAIL", b"RCPT", b"DATA"):
            await reader.readline()
            writer.write(GOOD[command])
        await never(reader, writer)

    sent = message()
    sent.attach("large.bin", None, bytes(8_000_000))
    async with talking(talk) as port:
        error = await failure(port, sent, MAIL_TIMEOUT=0.5)
    assert "took too long" in str(error)


@pytest.mark.parametrize("last", [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"."])
async def test_a_server_that_hangs_up_is_an_error(last: bytes) -> None:
    replies = {command: reply for command, reply in GOOD.items() if command != last}
    replies.pop(b"HELO", None)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers(reader, writer, replies)

    async with talking(talk) as port:
        error = await failure(port)
    assert not error.is_permanent


@pytest.mark.parametrize(
    "said", [b"\x00\xff\xfe\r\n", b"nonsense\r\n", b"9" * 100_000, b"250-\r\n" * 20_000, b"\r\n"]
)
async def test_a_server_that_talks_nonsense_is_an_error(said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers(reader, writer, {**GOOD, b"MAIL": said})

    async with talking(talk) as port:
        error = await failure(port, MAIL_TIMEOUT=0.5)
    assert not error.is_permanent
    assert len(str(error)) < 700


async def test_what_a_server_says_is_one_printable_line() -> None:
    said = b"550-no\r\n550 \x1b[2J\xff" + b"x" * 2000 + b"\r\n"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers(reader, writer, {**GOOD, b"RCPT": said})

    async with talking(talk) as port:
        error = await failure(port)
    assert error.is_permanent
    assert str(error).isprintable()
    assert len(str(error)) <= 500


async def test_a_lost_connection_is_made_again_for_the_next_message(server: Server) -> None:
    async with app_with(mail, server.port).app_context(), mail.connect() as connection:
        await connection.send(message(ALICE))
        connection.abort()
        await connection.send(message(BOB))
    assert [each.recipients for each in server.received] == [[ALICE], [BOB]]
    assert server.connections == 2


async def test_a_server_that_cannot_forget_a_message_is_left() -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refuses = {**GOOD, b"RCPT": b"550 no\r\n", b"RSET": b"500 what\r\n"}
        seen.append(b"connected")
        await answers(reader, writer, refuses if len(seen) == 1 else GOOD)

    async with talking(talk) as port, app_with(mail, port).app_context():  # noqa: SIM117
        async with mail.connect() as connection:
            with pytest.raises(MailError):
                await connection.send(message(ALICE))
            await connection.send(message(BOB))
    assert len(seen) == 2


async def test_a_cancelled_message_leaves_no_connection(server: Server) -> None:
    server.hold()
    sending = asyncio.create_task(send(server.port))
    await server.held()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await server.left()


@pytest.mark.parametrize("silent_at", [b"", b"EHLO", b"RSET"])
async def test_who_is_cancelled_while_the_server_is_silent_leaves_it(silent_at: bytes) -> None:
    reached, left = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = {**GOOD, b"RCPT": b"550 no\r\n"}
        if silent_at:
            writer.write(said[b""])
            while (line := await reader.readline()) and not line.startswith(silent_at):
                writer.write(said[line[:4].strip()])
        reached.set()
        try:
            await reader.read()
        finally:
            left.set()

    async with talking(talk) as port:
        sending = asyncio.create_task(send(port))
        await reached.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.wait_for(left.wait(), PATIENCE_S)


async def test_a_connection_outlives_a_cancelled_message(server: Server) -> None:
    async with app_with(mail, server.port).app_context(), mail.connect() as connection:
        server.hold()
        sending = asyncio.create_task(connection.send(message(ALICE)))
        await server.held()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.gate.set()
        await connection.send(message(BOB))
    assert [BOB] in [each.recipients for each in server.received]
    assert server.connections == 2


async def test_many_tasks_share_a_connection(server: Server) -> None:
    async with app_with(mail, server.port).app_context(), mail.connect() as connection:
        await asyncio.gather(*(connection.send(message(f"u{i}@example.org")) for i in range(20)))
    assert sorted(each.recipients for each in server.received) == sorted(
        [f"u{i}@example.org"] for i in range(20)
    )
    assert server.connections == 1


async def test_so_many_messages_go_over_a_connection(server: Server) -> None:
    app = app_with(mail, server.port, MAIL_MAX_EMAILS=2)
    async with app.app_context(), mail.connect() as connection:
        for _ in range(5):
            await connection.send(message())
        assert connection.num_emails == 1
    assert [each.connection for each in server.received] == [1, 1, 2, 2, 3]
    assert server.most_open == 1


async def test_debug_logs_what_the_server_says_and_no_text(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "qapp.ext.mail")
    await send(server.port)
    assert caplog.messages == []
    await send(server.port, MAIL_DEBUG=True)
    assert any("took a message" in line for line in caplog.messages)
    assert "It is ready" not in caplog.text


async def test_an_option_that_no_server_reads_is_refused_for_good(server: Server) -> None:
    error = await failure(server.port, message(mail_options=["ü=1"]))
    assert error.is_permanent
    assert server.received == []
