"""The outbox: what is committed is delivered, once, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import socket
import sys
import textwrap
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from qapp.ext.database import Database, DatabaseError, Executor, Options
from qapp.ext.mail import Mail, Message, outbox, queue, verdicts
from qapp.ext.mail.queue import Entry
from tests.processes import ROOT

from .conftest import app_with
from .servers import GOOD, PATIENCE_S, Server, answers, talking

assert queue.__doc__
TABLE, INDEX = queue.__doc__.partition("It needs:")[2].partition("`recipients`")[0].split(";")[:2]
ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
HOUR_MS = 3_600_000


class Clock:
    """A time that stands still until a test moves it."""

    now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


class Site:
    """An app with an outbox."""

    def __init__(self, folder: Path, port: int, clock: Clock, **settings: Any) -> None:
        # Not by the current app: who takes part in a test shares no context with the others.
        self.db = Database(url=f"sqlite:///{folder}/mail.db")
        self.mail = Mail(db=self.db, now_ms=clock)
        # What is not due at once is due when a test says so.
        self.app = app_with(self.mail, port, **{"MAIL_OUTBOX_POLL": 3600, **settings})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Site]:
        async with self.db, self.app.test_app():
            yield self

    async def store(self, message: Message, executor: Executor) -> int:
        async with self.app.app_context():
            return await self.mail.enqueue(message, executor)

    async def enqueue(self, *recipients: str, subject: str = "Tea") -> int:
        message = Message(subject, list(recipients or (ALICE,)), "It is ready.")
        return await self.store(message, self.db)

    def look(self) -> None:
        self.app.extensions["mail_outbox"].wake()

    async def until(self, condition: Callable[[list[Entry]], bool]) -> list[Entry]:
        """Wait until what is in the outbox is as a test wants it."""
        async with asyncio.timeout(PATIENCE_S):
            version = None
            while True:
                if (now := await self.db.version()) != version:
                    version = now
                    entries = await queue.list_entries(self.db, limit=1000)
                    if condition(entries):
                        return entries
                await asyncio.sleep(0.005)

    async def until_empty(self) -> None:
        await self.until(lambda entries: not entries)

    async def until_tried(self, tries: int = 1) -> Entry:
        """Wait until the only message was tried so often, and is claimed no more."""

        def is_so(entries: list[Entry]) -> bool:
            return len(entries) == 1 and entries[0].tries == tries and not entries[0].is_claimed

        (entry,) = await self.until(is_so)
        return entry


Start = Callable[..., Awaitable[Site]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
async def _table(tmp_path: Path) -> None:
    async with Database(url=f"sqlite:///{tmp_path}/mail.db") as db:
        await db.execute(TABLE)
        await db.execute(INDEX)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(outbox, "MOST_PAUSE_S", 0.05)


@pytest.fixture
async def start(tmp_path: Path, clock: Clock) -> AsyncIterator[Start]:
    """Start apps on one database file; they stop when the test ends."""
    async with AsyncExitStack() as stack:

        async def started(port: int, **settings: Any) -> Site:
            site = Site(tmp_path, port, clock, **settings)
            return await stack.enter_async_context(site.serving())

        yield started


@pytest.fixture
async def site(server: Server, start: Start) -> Site:
    return await start(server.port)


async def test_what_is_enqueued_is_sent_at_once_and_forgotten(site: Site, server: Server) -> None:
    sent = Message("Tea", [ALICE], "It is ready.", bcc=[BOB])
    await site.store(sent, site.db)
    (received,) = await server.has(1)
    assert received.recipients == [ALICE, BOB]
    assert received.email["message-id"] == sent.msgId
    await site.until_empty()


async def test_what_is_committed_is_sent_once_and_not_before(site: Site, server: Server) -> None:
    async with site.db.transaction() as tx:
        await site.store(Message("Tea", [ALICE], "x"), tx)
        await site.store(Message("Tea", [BOB], "x"), tx)
        assert server.received == []
    await site.until_empty()
    assert sorted(each.recipients for each in server.received) == [[ALICE], [BOB]]


async def test_what_is_rolled_back_is_not_sent(site: Site, server: Server) -> None:
    async def fail() -> None:
        async with site.db.transaction() as tx:
            await site.store(Message("Tea", [ALICE], "x"), tx)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await site.enqueue(BOB)
    await site.until_empty()
    assert [each.recipients for each in server.received] == [[BOB]]


async def test_a_bad_message_is_refused_and_stores_nothing(site: Site) -> None:
    for bad in (Message("Tea\nX: y", [ALICE]), Message("Tea"), Message("Tea", ["no address"])):
        with pytest.raises(Exception, match=r"header|control|nobody|address"):
            await site.store(bad, site.db)
    assert await queue.list_entries(site.db) == []


async def test_two_workers_send_each_message_once(start: Start, server: Server) -> None:
    sites = [await start(server.port), await start(server.port)]
    for number in range(100):
        for site in sites:
            await site.enqueue(subject=f"{number}")
            site.look()
    await sites[0].until_empty()
    ids = Counter(each.email["message-id"] for each in server.received)
    assert len(ids) == 200
    assert set(ids.values()) == {1}


async def test_connections_are_few_and_carry_many_messages(start: Start, server: Server) -> None:
    site = await start(server.port, MAIL_OUTBOX_CONNECTIONS=3)
    server.hold()
    async with site.db.transaction() as tx:
        for _ in range(30):
            await site.store(Message("Tea", [ALICE], "x"), tx)
    await server.held(3)
    server.gate.set()
    await site.until_empty()
    await server.left()
    assert len(server.received) == 30
    assert server.most_open == 3
    assert server.connections < 10


async def test_a_server_that_comes_back_gets_everything(serve: Any, start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    site = await start(port)
    for number in range(20):
        await site.enqueue(subject=f"{number}")
    entries = await site.until(lambda entries: any(entry.last_error for entry in entries))
    # No try is spent, and nothing is held.
    assert {(entry.tries, entry.is_claimed) for entry in entries} == {(0, False)}
    server = await serve(port=port)
    await site.until_empty()
    subjects = Counter(each.email["subject"] for each in server.received)
    assert subjects == Counter(f"{number}" for number in range(20))


async def test_a_temporary_refusal_is_tried_again_after_growing_waits(
    site: Site, server: Server, clock: Clock
) -> None:
    server.refuse["data"] = "451 later"
    await site.enqueue()
    waits = []
    for tries in range(1, 12):
        entry = await site.until_tried(tries)
        assert entry.last_error is not None
        assert "451 later" in entry.last_error
        waits.append(entry.due_ms - clock.now_ms)
        site.look()  # not due yet: nothing happens
        clock.now_ms = entry.due_ms
        site.look()
    for wait_ms, tries in zip(waits, range(11), strict=True):
        longest_ms = min(30_000 * 2**tries, HOUR_MS)
        assert longest_ms * 0.75 - 1 <= wait_ms <= longest_ms
    await site.until_tried(12)
    server.refuse.clear()
    clock.now_ms += HOUR_MS
    site.look()
    await site.until_empty()
    assert len(server.received) == 1


async def test_a_permanent_refusal_is_kept_until_it_is_retried(
    site: Site, server: Server, clock: Clock
) -> None:
    server.refuse[ALICE] = "550 no such user"
    number = await site.enqueue()
    entry = await site.until_tried()
    assert entry.failed_ms == clock.now_ms
    assert entry.last_error == f"{ALICE}: 550 no such user"
    assert await queue.list_entries(site.db, only_failed=True) == [entry]
    shown = await queue.preview(site.db, number)
    assert shown["subject"] == "Tea"
    assert shown.get_content().strip() == "It is ready."
    clock.now_ms += 1000 * HOUR_MS
    site.look()
    await site.enqueue(BOB)
    await server.has(1)
    assert await site.until_tried() == entry
    server.refuse.clear()
    assert await queue.retry(site.db, now_ms=clock.now_ms, number=number + 1) == 0
    assert await queue.retry(site.db, now_ms=clock.now_ms) == 1
    site.look()
    await site.until_empty()
    assert [each.recipients for each in server.received] == [[BOB], [ALICE]]


async def test_after_so_many_tries_a_message_is_given_up(
    start: Start, server: Server, clock: Clock
) -> None:
    site = await start(server.port, MAIL_OUTBOX_TRIES=2)
    server.refuse["data"] = "451 later"
    await site.enqueue()
    assert (await site.until_tried(1)).failed_ms is None
    clock.now_ms += HOUR_MS
    site.look()
    assert (await site.until_tried(2)).failed_ms == clock.now_ms


async def test_each_recipient_gets_it_once_though_others_refuse(
    site: Site, server: Server, clock: Clock
) -> None:
    server.refuse = {ALICE: "550 no such user", BOB: "451 later"}
    await site.enqueue(ALICE, BOB, CAROL)
    later, gone = await site.until(lambda entries: len(entries) == 2)
    assert (later.recipients, later.failed_ms) == ((BOB,), None)
    assert (gone.recipients, gone.failed_ms) == ((ALICE,), clock.now_ms)
    assert gone.message_id == later.message_id
    server.refuse.clear()
    clock.now_ms += HOUR_MS
    site.look()
    await site.until(lambda entries: entries == [gone])
    assert [each.recipients for each in server.received] == [[CAROL], [BOB]]


async def test_a_message_that_hangs_up_the_server_stops_no_other(start: Start) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers(reader, writer, {**GOOD, b"RCPT TO:<alice@example.org>": None})

    async with talking(talk) as port:
        site = await start(port, MAIL_OUTBOX_CONNECTIONS=1)
        async with site.db.transaction() as tx:
            await site.store(Message("Tea", [ALICE], "x"), tx)
            await site.store(Message("Tea", [BOB], "x"), tx)
        entry = await site.until_tried()
        assert entry.recipients == (ALICE,)
        assert entry.failed_ms is None


async def test_a_server_that_never_answers_is_tried_later(start: Start) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers(reader, writer, {**GOOD, b".": b""})
        await asyncio.Event().wait()

    async with talking(talk) as port:
        site = await start(port, MAIL_TIMEOUT=0.3)
        await site.enqueue()
        entry = await site.until_tried()
    assert "took too long" in str(entry.last_error)


async def test_a_claim_that_has_ended_is_anothers(site: Site, server: Server, clock: Clock) -> None:
    server.hold()
    await site.enqueue()
    await server.held()
    (entry,) = await queue.list_entries(site.db)
    assert entry.is_claimed
    assert entry.due_ms > clock.now_ms
    site.look()
    await site.enqueue(BOB)
    await server.held()  # while it holds, only the other is sent
    clock.now_ms = entry.due_ms
    site.look()
    await server.held()  # as if who claimed it were dead
    server.gate.set()
    await site.until_empty()
    ids = [each.email["message-id"] for each in server.received]
    assert ids.count(entry.message_id) == 2  # by the same id a reader's program knows them


async def test_a_stop_lets_end_what_is_on_its_way(
    tmp_path: Path, server: Server, clock: Clock
) -> None:
    server.hold()
    site = Site(tmp_path, server.port, clock, MAIL_OUTBOX_CONNECTIONS=1)
    async with site.serving():
        await site.enqueue(ALICE)
        await server.held()
        await site.enqueue(BOB)
        stop = asyncio.create_task(site.app.extensions["mail_outbox"].stop())
        await asyncio.sleep(0)
        server.gate.set()
        await stop
        (entry,) = await queue.list_entries(site.db)
    assert [each.recipients for each in server.received] == [[ALICE]]
    assert (entry.recipients, entry.tries, entry.is_claimed) == ((BOB,), 0, False)


async def test_a_stop_gives_back_what_was_not_sent(
    tmp_path: Path, server: Server, clock: Clock, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STOP_S", 0.1)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers(reader, writer, {**GOOD, b"RCPT": b""})

    async with talking(talk) as port:
        site = Site(tmp_path, port, clock)
        async with site.serving():
            await site.enqueue()
            await site.until(lambda entries: entries[0].is_claimed)
    site = await start(server.port)
    await site.until_empty()
    assert len(server.received) == 1


async def test_a_cancelled_stop_leaves_no_task(
    tmp_path: Path, server: Server, clock: Clock
) -> None:
    server.hold()
    site = Site(tmp_path, server.port, clock)
    async with site.serving():
        await site.enqueue()
        await server.held()
        stop = asyncio.create_task(site.app.extensions["mail_outbox"].stop())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stop
        (entry,) = await queue.list_entries(site.db)
        assert not entry.is_claimed


async def test_a_cancelled_enqueue_is_all_or_nothing(site: Site, server: Server) -> None:
    for _ in range(20):
        request = asyncio.create_task(site.enqueue(ALICE))
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    await site.enqueue(BOB)
    await site.until_empty()
    assert Counter(len(each.recipients) for each in server.received).keys() == {1}


async def test_a_database_that_fails_for_a_while_loses_and_doubles_nothing(
    site: Site, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True, False])
    real = queue.remove_sent

    async def remove_sent(*args: Any, **kwargs: Any) -> bool:
        if next(failures, False):
            raise DatabaseError("the disk is full")
        return await real(*args, **kwargs)

    monkeypatch.setattr(queue, "remove_sent", remove_sent)
    await site.enqueue()
    await site.until_empty()
    assert len(server.received) == 1


async def test_a_message_that_kills_its_process_is_given_up(
    start: Start, server: Server, clock: Clock, tmp_path: Path
) -> None:
    async with Database(url=f"sqlite:///{tmp_path}/mail.db") as db:
        mail = Mail(now_ms=clock)
        async with app_with(mail).app_context():
            await mail.enqueue(Message("Tea", [ALICE], "x"), db)
        for tries in range(3):
            now_ms = clock.now_ms + tries * HOUR_MS
            claimed = await queue.claim(
                db, lease=f"dead {tries}", now_ms=now_ms, until_ms=now_ms + HOUR_MS
            )
            assert claimed is not None
    clock.now_ms += 4 * HOUR_MS
    site = await start(server.port, MAIL_OUTBOX_TRIES=3)
    entry = await site.until_tried(4)
    assert entry.failed_ms is not None
    assert server.received == []


async def test_suppressed_mail_goes_to_nobody(start: Start, server: Server) -> None:
    site = await start(server.port, MAIL_SUPPRESS_SEND=True)
    await site.enqueue()
    await site.until_empty()
    assert server.connections == 0


async def test_lists_come_in_pages(start: Start, server: Server) -> None:
    server.refuse["tea@example.org"] = "450 later"
    site = await start(server.port)
    for number in range(5):
        await site.enqueue(subject=f"{number}\t")
    first = await queue.list_entries(site.db, limit=3)
    rest = await queue.list_entries(site.db, after=first[-1].id)
    assert [entry.subject for entry in first + rest] == ["0", "1", "2", "3", "4"]


async def test_there_is_no_preview_of_nothing(site: Site) -> None:
    with pytest.raises(LookupError):
        await queue.preview(site.db, 7)


async def test_a_killed_process_loses_nothing_and_doubles_what_was_on_its_way_at_most(
    tmp_path: Path, server: Server, clock: Clock, start: Start
) -> None:
    database = str(tmp_path / "mail.db")
    command = [sys.executable, "-m", "tests.ext.mail.process", database, str(server.port)]
    clock.now_ms = time.time_ns() // 1_000_000
    mail = Mail(now_ms=clock)
    async with Database(url=f"sqlite:///{database}") as db:
        async with app_with(mail).app_context(), db.transaction() as tx:
            for number in range(100):
                await mail.enqueue(Message(f"{number}", [ALICE], "x"), tx)
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        try:
            await server.has(20)
            server.hold()
            # Some are held where the server has them and has not said so.
            await server.held()
        finally:
            process.kill()
            await process.wait()
        await server.left()
        server.gate.set()
        entries = await queue.list_entries(db)
        assert 0 < len([entry for entry in entries if entry.is_claimed]) <= 4
    # When the leases have ended, another takes what the killed one held.
    clock.now_ms += HOUR_MS
    site = await start(server.port)
    await site.until_empty()
    subjects = Counter(each.email["subject"] for each in server.received)
    assert subjects.keys() == {f"{number}" for number in range(100)}
    assert sum(subjects.values()) <= 104  # the window, of one message for each connection


async def test_the_app_of_the_docstring_works_as_it_stands(server: Server, tmp_path: Path) -> None:
    assert outbox.__doc__
    _, _, rest = outbox.__doc__.partition("    from quart")
    example, _, _ = rest.partition("\n\nWhat is rolled back")
    source = textwrap.dedent(f"    from quart{example}")
    source = source.replace("sqlite:///tea.db", f"sqlite:///{tmp_path}/mail.db")
    source = source.replace("mail = Mail", f"app.config['MAIL_PORT'] = {server.port}\nmail = Mail")
    names: dict[str, Any] = {"__name__": "tea"}
    exec(source, names)  # noqa: S102 - the docstring's
    async with names["app"].test_app() as serving:
        response = await serving.test_client().post("/ready")
        assert await response.get_data(as_text=True) == "On its way"
        (received,) = await server.has(1)
    assert received.recipients == [ALICE]


async def test_a_look_that_fails_is_made_again(
    site: Site, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True])
    real = queue.count_due

    async def count_due(*args: Any, **kwargs: Any) -> int:
        if next(failures, False):
            raise DatabaseError("the disk failed")
        return await real(*args, **kwargs)

    monkeypatch.setattr(queue, "count_due", count_due)
    await site.enqueue()
    await site.until_empty()
    assert len(server.received) == 1


@pytest.mark.parametrize("error", [DatabaseError("the disk failed"), ZeroDivisionError("a bug")])
async def test_a_claim_that_fails_is_made_again(
    site: Site,
    server: Server,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = iter([True, True])
    real = queue.claim

    async def claim(*args: Any, **kwargs: Any) -> Any:
        if next(failures, False):
            raise error
        return await real(*args, **kwargs)

    monkeypatch.setattr(queue, "claim", claim)
    await site.enqueue()
    await site.until_empty()
    assert len(server.received) == 1
    assert "next try" in caplog.text


async def test_a_row_that_nobody_can_read_stops_no_other(site: Site, server: Server) -> None:
    server.hold()
    await site.enqueue(ALICE)
    await server.held()
    async with site.db.transaction() as tx:
        number = await site.store(Message("Tea", [BOB], "x"), tx)
        await tx.execute("UPDATE outbox SET recipients = '[' WHERE id = :id", {"id": number})
        await site.store(Message("Tea", [CAROL], "x"), tx)
    server.gate.set()
    await server.has(2)
    assert sorted(each.recipients for each in server.received) == [[ALICE], [CAROL]]


async def test_what_can_never_be_written_down_is_logged_and_left_to_the_lease(
    site: Site, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(verdicts, "SETTLE_S", 0.0)
    tried = asyncio.Event()

    async def remove_sent(*_: Any, **__: Any) -> bool:
        tried.set()
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(queue, "remove_sent", remove_sent)
    await site.enqueue()
    await asyncio.wait_for(tried.wait(), PATIENCE_S)
    await server.left()
    (entry,) = await queue.list_entries(site.db)
    assert entry.is_claimed
    assert "could not be written down" in caplog.text


async def test_a_stop_waits_not_for_ever_for_what_is_written_down(
    tmp_path: Path, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STOP_S", 0.05)
    tried = asyncio.Event()

    async def remove_sent(*_: Any, **__: Any) -> bool:
        tried.set()
        return await asyncio.Event().wait()

    monkeypatch.setattr(queue, "remove_sent", remove_sent)
    site = Site(tmp_path, server.port, clock)
    async with site.serving():
        await site.enqueue()
        await asyncio.wait_for(tried.wait(), PATIENCE_S)


async def test_a_look_is_no_change_to_those_who_watch_the_data(tmp_path: Path) -> None:
    # One reader: each of several counts changes for itself.
    options = Options(readers=1)
    async with Database(url=f"sqlite:///{tmp_path}/mail.db", options=options) as db:
        before = await db.version()
        await queue.pass_writes(db)
        assert await queue.claim(db, lease="x", now_ms=1, until_ms=2) is None
        assert await db.version() == before
        await queue.note(db, error="x", now_ms=1)
        assert await db.version() == before
