"""What the server may have is told from what it surely has not, and not sent again unasked."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from qapp.ext.database import Database, DatabaseError
from qapp.ext.mail import Mail, MailError, Message, outbox, queue, upkeep
from tests.processes import ROOT

from .servers import GOOD, PATIENCE_S, Server, answers, talking
from .sites import ALICE, Clock, Site, Start, app_with

HOUR_MS = 3_600_000
# Where a server falls silent, or hangs up, and surely has no message.
EARLY = [b"MAIL", b"RCPT", b"DATA"]


class Moody:
    """A server that falls silent, hangs up or talks nonsense at a command, and counts messages."""

    def __init__(self) -> None:
        self.replies: dict[bytes, bytes | None] = dict(GOOD)
        self.seen: list[bytes] = []
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await answers(reader, writer, self.replies, self.seen)

        async with talking(talk) as self.port:
            yield

    async def reached(self, command: bytes) -> None:
        """Wait until it saw a command."""
        async with asyncio.timeout(PATIENCE_S):
            while command not in self.seen:  # noqa: ASYNC110 - what sees it is a plain loop
                await asyncio.sleep(0.005)

    @property
    def messages(self) -> int:
        """How many messages came to their end."""
        return self.seen.count(b".")


@pytest.fixture
async def moody() -> AsyncIterator[Moody]:
    server = Moody()
    async with server.listening():
        yield server


@pytest.fixture
def short_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "STOP_S", 0.1)


async def stopped_at(command: bytes, moody: Moody, folder: Path, clock: Clock) -> None:
    """Stop an app while the server is silent about its only message."""
    moody.replies[command] = b""
    site = Site(folder, moody.port, clock, MAIL_OUTBOX_RESEND=False)
    async with site.serving():
        await site.enqueue()
        await moody.reached(command)
    moody.replies[command] = GOOD[command]


@pytest.mark.usefixtures("short_stop")
@pytest.mark.parametrize("command", EARLY)
async def test_a_stop_gives_back_what_was_not_handed_over(
    command: bytes, moody: Moody, tmp_path: Path, clock: Clock, start: Start
) -> None:
    await stopped_at(command, moody, tmp_path, clock)
    site = await start(moody.port, MAIL_OUTBOX_RESEND=False)
    await site.until_empty()
    assert moody.messages == 1


@pytest.mark.usefixtures("short_stop")
async def test_a_stop_leaves_what_was_handed_over_for_a_person(
    moody: Moody, tmp_path: Path, clock: Clock, start: Start
) -> None:
    await stopped_at(b".", moody, tmp_path, clock)
    site = await start(moody.port, MAIL_OUTBOX_RESEND=False)
    clock.now_ms += HOUR_MS
    site.look()
    (entry,) = await site.until(lambda entries: entries[0].failed_ms is not None)
    assert entry.last_error == queue.INTERRUPTED
    assert moody.messages == 1
    await upkeep.retry(site.db, now_ms=clock.now_ms)
    site.look()
    await site.until_empty()
    assert moody.messages == 2


@pytest.mark.usefixtures("short_stop")
async def test_a_stop_leaves_what_was_handed_over_to_be_sent_again_where_that_is_wanted(
    moody: Moody, tmp_path: Path, clock: Clock, start: Start
) -> None:
    await stopped_at(b".", moody, tmp_path, clock)
    site = await start(moody.port)
    clock.now_ms += HOUR_MS
    site.look()
    await site.until_empty()
    assert moody.messages == 2


async def killed_at(command: bytes, moody: Moody, folder: Path, clock: Clock) -> None:
    """Kill a process while the server is silent about its only message."""
    moody.replies[command] = b""
    database = folder / "mail.db"
    async with Database(url=f"sqlite:///{database}") as db:
        mail = Mail(now_ms=clock)
        async with app_with(mail).app_context():
            await mail.enqueue(Message("Tea", [ALICE], "x"), db)
    module = (sys.executable, "-m", "tests.ext.mail.process", str(database), str(moody.port), "no")
    process = await asyncio.create_subprocess_exec(*module, cwd=ROOT)
    try:
        await moody.reached(command)
    finally:
        process.kill()
        await process.wait()
    moody.replies[command] = GOOD[command]
    clock.now_ms = 2**42  # past the lease of a process that has the real time


@pytest.mark.parametrize("command", EARLY)
async def test_what_a_killed_process_had_not_handed_over_is_sent_again(
    command: bytes, moody: Moody, tmp_path: Path, clock: Clock, start: Start
) -> None:
    await killed_at(command, moody, tmp_path, clock)
    site = await start(moody.port, MAIL_OUTBOX_RESEND=False)
    await site.until_empty()
    assert moody.messages == 1


async def test_what_a_killed_process_had_handed_over_is_left_for_a_person(
    moody: Moody, tmp_path: Path, clock: Clock, start: Start
) -> None:
    await killed_at(b".", moody, tmp_path, clock)
    site = await start(moody.port, MAIL_OUTBOX_RESEND=False)
    (entry,) = await site.until(lambda entries: entries[0].failed_ms is not None)
    assert entry.last_error == queue.INTERRUPTED
    assert moody.messages == 1


@pytest.mark.parametrize("reply", [b"", None, b"nonsense\r\n", b"354 go on\r\n"])
@pytest.mark.parametrize("resend", [True, False])
async def test_after_a_message_without_a_clear_answer_a_person_decides_or_it_is_sent_again(
    reply: bytes | None, resend: bool, moody: Moody, start: Start
) -> None:
    moody.replies[b"."] = reply
    site = await start(moody.port, MAIL_TIMEOUT=0.5, MAIL_OUTBOX_RESEND=resend)
    await site.enqueue()
    entry = await site.until_tried()
    assert (entry.failed_ms is None) == resend
    assert "perhaps it has the message" in str(entry.last_error)


@pytest.mark.parametrize("command", EARLY)
@pytest.mark.parametrize("reply", [b"", None, b"nonsense\r\n", b"451 later\r\n"])
async def test_a_message_whose_end_was_not_sent_is_tried_again(
    command: bytes, reply: bytes | None, moody: Moody, start: Start
) -> None:
    moody.replies[command] = reply
    site = await start(moody.port, MAIL_TIMEOUT=0.5, MAIL_OUTBOX_RESEND=False)
    await site.enqueue()
    assert (await site.until_tried()).failed_ms is None
    assert moody.messages == 0


async def test_a_refusal_is_no_doubt(moody: Moody, start: Start) -> None:
    moody.replies[b"."] = b"451 later\r\n"
    site = await start(moody.port, MAIL_OUTBOX_RESEND=False)
    await site.enqueue()
    entry = await site.until_tried()
    assert entry.failed_ms is None
    assert str(entry.last_error).endswith("451 later")


async def test_a_server_that_reads_no_more_leaves_no_doubt(start: Start) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD[b""] or b"")
        for command in (b"EHLO", b"MAIL", b"RCPT", b"DATA"):
            await reader.readline()
            writer.write(GOOD[command])
        await asyncio.Event().wait()

    sent = Message("Tea", [ALICE], "x")
    sent.attach("large.bin", None, bytes(8_000_000))
    async with talking(talk) as port:
        site = await start(port, MAIL_TIMEOUT=1, MAIL_OUTBOX_RESEND=False)
        await site.store(sent, site.db)
        entry = await site.until_tried()
    assert entry.failed_ms is None
    assert "perhaps" not in str(entry.last_error)


async def test_a_refusal_in_the_middle_of_a_message_is_heard(start: Start) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD[b""])
        for command in (b"EHLO", b"MAIL", b"RCPT", b"DATA"):
            await reader.readline()
            writer.write(GOOD[command])
        await reader.readline()
        writer.write(b"552 too much\r\n")
        while await reader.read(65536):
            pass

    sent = Message("Tea", [ALICE], "x")
    sent.attach("large.bin", None, bytes(8_000_000))
    async with talking(talk) as port:
        site = await start(port)
        await site.store(sent, site.db)
        entry = await site.until_tried()
    assert entry.failed_ms is not None
    assert str(entry.last_error).endswith("552 too much")


async def test_a_server_that_hangs_up_when_it_has_asked_for_the_message_is_an_error(
    start: Start,
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD[b""])
        for command in (b"EHLO", b"MAIL", b"RCPT", b"DATA"):
            await reader.readline()
            writer.write(GOOD[command])
        writer.close()

    async with talking(talk) as port:
        site = await start(port, MAIL_OUTBOX_RESEND=False)
        await site.enqueue()
        entry = await site.until_tried()
    # Whether the dot was sent before the end was seen is a matter of time.
    assert (entry.failed_ms is None) != ("perhaps it has the message" in str(entry.last_error))


async def test_who_sends_at_once_is_told_that_the_server_may_have_it(moody: Moody) -> None:
    mail = Mail()
    for command, is_in_doubt in ((b".", True), (b"DATA", False)):
        moody.replies = {**GOOD, command: None}
        async with app_with(mail, moody.port).app_context():
            with pytest.raises(MailError) as raised:
                await mail.send(Message("Tea", [ALICE], "x"))
        assert raised.value.is_in_doubt == is_in_doubt


async def test_what_cannot_be_marked_is_not_sent_before_it_can(
    start: Start, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True])
    real = queue.hand_over

    async def hand_over(*args: Any, **kwargs: Any) -> bool:
        if next(failures, False):
            raise DatabaseError("the disk is full")
        return await real(*args, **kwargs)

    monkeypatch.setattr(queue, "hand_over", hand_over)
    site = await start(server.port, MAIL_OUTBOX_RESEND=False)
    await site.enqueue()
    await site.until_empty()
    assert len(server.received) == 1


@pytest.mark.usefixtures("short_stop")
async def test_a_stop_takes_back_a_mark_that_came_too_late(
    tmp_path: Path, server: Server, clock: Clock, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = asyncio.Event()
    real = queue.hand_over

    async def hand_over(*args: Any, **kwargs: Any) -> bool:
        await real(*args, **kwargs)
        marked.set()
        return await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(queue, "hand_over", hand_over)
        site = Site(tmp_path, server.port, clock)
        async with site.serving():
            await site.enqueue()
            await asyncio.wait_for(marked.wait(), PATIENCE_S)
    site = await start(server.port, MAIL_OUTBOX_RESEND=False)
    await site.until_empty()
    assert len(server.received) == 1


async def test_whose_lease_has_ended_does_not_send(
    start: Start, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, goes_on = asyncio.Event(), asyncio.Event()
    real = queue.hand_over

    async def hand_over(*args: Any, **kwargs: Any) -> bool:
        if not waits.is_set():
            waits.set()
            await goes_on.wait()  # as if the machine slept
        return await real(*args, **kwargs)

    monkeypatch.setattr(queue, "hand_over", hand_over)
    one, other = await start(server.port), await start(server.port)
    await one.enqueue()
    await asyncio.wait_for(waits.wait(), PATIENCE_S)
    clock.now_ms += HOUR_MS
    server.hold()
    other.look()
    await server.held()
    goes_on.set()
    await other.db.version()
    server.gate.set()
    await one.until_empty()
    await server.left()
    assert len(server.received) == 1


@pytest.mark.parametrize("backend", ["file", "console", "memory"])
async def test_every_backend_asks_before_it_takes(
    backend: str, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, asked = queue.hand_over, 0

    async def hand_over(*args: Any, **kwargs: Any) -> bool:
        nonlocal asked
        asked += 1
        return await real(*args, **kwargs)

    monkeypatch.setattr(queue, "hand_over", hand_over)
    site = await start(0, MAIL_BACKEND=backend, MAIL_FOLDER=str(tmp_path / "mail"))
    await site.enqueue()
    await site.until_empty()
    assert asked == 1
