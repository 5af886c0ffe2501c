"""The outbox: what is committed is delivered, once, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import socket
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from qapp.ext.database import Database, DatabaseError, Options
from qapp.ext.mail import Mail, Message, outbox, queue, upkeep, verdicts
from tests.processes import ROOT

from .servers import GOOD, PATIENCE_S, Server, answers, talking
from .sites import ALICE, BOB, CAROL, Clock, Site, Start, app_with

pytestmark = pytest.mark.usefixtures("outbox_table", "short_pauses")
HOUR_MS = 3_600_000


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
    assert await upkeep.list_entries(site.db) == []


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
    assert await upkeep.list_entries(site.db, only_failed=True) == [entry]
    shown = await upkeep.preview(site.db, number)
    assert shown["subject"] == "Tea"
    assert shown.get_content().strip() == "It is ready."
    clock.now_ms += 1000 * HOUR_MS
    site.look()
    await site.enqueue(BOB)
    await server.has(1)
    assert await site.until_tried() == entry
    server.refuse.clear()
    assert await upkeep.retry(site.db, now_ms=clock.now_ms, number=number + 1) == 0
    assert await upkeep.retry(site.db, now_ms=clock.now_ms) == 1
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
    (entry,) = await upkeep.list_entries(site.db)
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
        (entry,) = await upkeep.list_entries(site.db)
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
        (entry,) = await upkeep.list_entries(site.db)
        assert entry.last_error == queue.INTERRUPTED  # the server may have it


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
    first = await upkeep.list_entries(site.db, limit=3)
    rest = await upkeep.list_entries(site.db, after=first[-1].id)
    assert [entry.subject for entry in first + rest] == ["0", "1", "2", "3", "4"]


async def test_there_is_no_preview_of_nothing(site: Site) -> None:
    with pytest.raises(LookupError):
        await upkeep.preview(site.db, 7)


async def test_a_killed_process_loses_nothing_and_doubles_what_was_on_its_way_at_most(
    tmp_path: Path, server: Server, clock: Clock, start: Start
) -> None:
    await kill_one_that_sends(tmp_path, server, clock)
    # When the leases have ended, another takes what the killed one held.
    clock.now_ms += HOUR_MS
    site = await start(server.port)
    await site.until_empty()
    subjects = Counter(each.email["subject"] for each in server.received)
    assert subjects.keys() == {f"{number}" for number in range(100)}
    assert sum(subjects.values()) <= 104  # the window, of one message for each connection
    assert len({each.email["message-id"] for each in server.received}) == 100


async def test_where_nothing_is_sent_again_a_person_decides_about_what_was_on_its_way(
    tmp_path: Path, server: Server, clock: Clock, start: Start
) -> None:
    await kill_one_that_sends(tmp_path, server, clock, "no")
    clock.now_ms += HOUR_MS
    site = await start(server.port, MAIL_OUTBOX_RESEND=False)
    entries = await site.until(lambda entries: all(entry.failed_ms for entry in entries))
    assert 0 < len(entries) <= 4
    assert {entry.last_error for entry in entries} == {queue.INTERRUPTED}
    subjects = Counter(each.email["subject"] for each in server.received)
    assert set(subjects.values()) == {1}
    assert subjects.keys() | {e.subject for e in entries} == {f"{n}" for n in range(100)}
    # Retried, they are sent like any other.
    assert await upkeep.retry(site.db, now_ms=clock.now_ms) == len(entries)
    site.look()
    await site.until_empty()
    assert len({each.email["message-id"] for each in server.received}) == 100


async def kill_one_that_sends(
    tmp_path: Path, server: Server, clock: Clock, resend: str = "yes"
) -> None:
    """Kill a process in the middle of its hundred messages, some held where the server has them."""
    database = str(tmp_path / "mail.db")
    command = [sys.executable, "-m", "tests.ext.mail.process", database, str(server.port), resend]
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
            await server.held()
        finally:
            process.kill()
            await process.wait()
        await server.left()
        server.gate.set()
        entries = await upkeep.list_entries(db)
        # Claimed may be twice as many: the next of a connection, beside one not written down yet.
        assert 0 < len([entry for entry in entries if entry.last_error == queue.INTERRUPTED]) <= 4


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
    (entry,) = await upkeep.list_entries(site.db)
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
