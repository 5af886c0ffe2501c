"""Nothing of the outbox grows without end: what waits, what was given up, what is written out."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from qapp.ext.database import Database
from qapp.ext.mail import Mail, Message, OutboxFull, connection, queue, upkeep
from qapp.ext.threads import PoolBusy

from .servers import PATIENCE_S, Server
from .sites import ALICE, BOB, Clock, Site, Start, app_with

DAY_MS = upkeep.DAY_MS


async def test_no_more_than_so_many_messages_wait(start: Start, server: Server) -> None:
    site = await start(server.port, MAIL_OUTBOX_MOST=3)
    server.hold()
    for _ in range(3):
        await site.enqueue()
    with pytest.raises(OutboxFull, match="3 messages"):
        await site.enqueue()
    server.gate.set()
    await site.until_empty()
    await site.enqueue(BOB)
    await site.until_empty()
    assert len(server.received) == 4


async def test_what_causes_a_message_that_finds_no_room_is_rolled_back(
    start: Start, server: Server
) -> None:
    site = await start(server.port, MAIL_OUTBOX_MOST=1)
    message = Message("Tea", [ALICE], "x")

    async def two() -> None:
        async with site.db.transaction() as tx:
            await site.store(message, tx)
            await site.store(message, tx)

    with pytest.raises(OutboxFull):
        await two()
    assert await upkeep.list_entries(site.db) == []


async def test_what_was_given_up_takes_no_room_from_what_waits(
    start: Start, server: Server
) -> None:
    site = await start(server.port, MAIL_OUTBOX_MOST=2)
    server.refuse[ALICE] = "550 no such user"
    for _ in range(3):
        await site.enqueue()
        await site.until(lambda entries: all(entry.failed_ms for entry in entries))
    # Numbers far apart: only a count tells that there is room.
    await site.db.execute("UPDATE outbox SET id = 1000000 WHERE id = (SELECT max(id) FROM outbox)")
    server.hold()
    await site.enqueue(BOB)
    await site.enqueue(BOB)
    with pytest.raises(OutboxFull):
        await site.enqueue(BOB)
    server.gate.set()
    await server.has(2)


async def test_what_was_given_up_is_removed_after_so_many_days(
    start: Start, server: Server, clock: Clock
) -> None:
    server.refuse[ALICE] = "550 no such user"
    site = await start(server.port)
    await site.enqueue(subject="old")
    await site.until_tried()
    clock.now_ms += 20 * DAY_MS
    await site.enqueue(subject="new")
    await site.until(lambda entries: all(entry.failed_ms for entry in entries))
    assert await remove(site, clock, days=30) == ["old", "new"]
    clock.now_ms += 10 * DAY_MS + 1
    # Every process looks for them, first when it starts.
    other = await start(server.port)
    (entry,) = await other.until(lambda entries: len(entries) == 1)
    assert entry.subject == "new"
    server.refuse[BOB] = "450 later"
    await site.enqueue(BOB, subject="waits")
    clock.now_ms += 1000 * DAY_MS
    assert await remove(site, clock, days=0) == ["waits"]


async def remove(site: Site, clock: Clock, *, days: float, most: int = 100) -> list[str]:
    """Remove what is old; return the subjects of what is left."""
    while await upkeep.remove_old(site.db, days=days, most=most, now_ms=clock.now_ms):
        pass
    return [entry.subject for entry in await upkeep.list_entries(site.db)]


async def test_of_what_was_given_up_the_newest_are_kept(
    start: Start, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "MOST_REMOVED", 2)  # they go in several commits
    server.refuse["tea@example.org"] = "550 not you"
    site = await start(server.port)
    for number in range(7):
        clock.now_ms += 1
        await site.enqueue(subject=f"{number}")
    await site.until(lambda entries: all(entry.failed_ms for entry in entries))
    await site.db.execute("UPDATE outbox SET failed_ms = id")
    assert await remove(site, clock, days=10**5, most=2) == ["5", "6"]


async def test_what_was_given_up_is_found_by_the_index_alone(start: Start, server: Server) -> None:
    site = await start(server.port)
    values = {"before_ms": 1, "most": 1, "limit": 1}
    plan = [row[3] for row in await site.db.fetch_all(f"EXPLAIN QUERY PLAN {upkeep.OLD}", values)]
    steps = [step for step in plan if "outbox" in step or "B-TREE" in step]
    assert len(steps) == 2
    assert all("COVERING INDEX outbox_failed" in step for step in steps)


async def test_why_nothing_is_sent_is_noted_with_the_first_messages_only(
    start: Start, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_NOTED", 2)
    site = await start(server.port)
    server.hold()
    async with site.db.transaction() as tx:
        for _ in range(10):
            await site.store(Message("Tea", [ALICE], "x"), tx)
    await server.held(4)
    await queue.note(site.db, error="no server", now_ms=clock.now_ms)
    entries = await upkeep.list_entries(site.db)
    noted = [entry.last_error for entry in entries if not entry.is_claimed]
    assert noted == ["no server", "no server", None, None, None, None]
    server.gate.set()
    await site.until_empty()


async def test_messages_are_written_out_one_at_a_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, most = 0, 0
    lock, gate = threading.Lock(), threading.Event()
    real = connection.State._prepared

    def prepared(*args: Any) -> Any:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        try:
            assert gate.wait(PATIENCE_S)
            return real(*args)
        finally:
            with lock:
                at_work -= 1

    monkeypatch.setattr(connection.State, "_prepared", prepared)
    enqueued = asyncio.gather(*(site.enqueue() for _ in range(50)))
    for _ in range(20):  # time enough for others to begin too
        await site.db.version()
    gate.set()
    await enqueued
    assert most == 1
    await site.until_empty()


async def test_no_more_than_so_many_messages_wait_to_be_written_out(
    site: Site, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_PREPARED", 5)
    outcomes = await asyncio.gather(*(site.enqueue() for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, PoolBusy) for each in outcomes) == 3
    await site.enqueue()
    await server.has(6)
    await site.until_empty()


def test_an_app_may_mail_in_one_loop_after_another() -> None:
    mail = Mail()
    app = app_with(mail, MAIL_BACKEND="memory")

    async def send_some() -> None:
        async with app.app_context():
            await asyncio.gather(*(mail.send(Message("Tea", [ALICE], "x")) for _ in range(5)))

    for _ in range(2):
        asyncio.run(send_some())
    assert len(app.extensions["mail"].outgoing) == 10


async def test_the_next_is_claimed_while_the_end_of_the_last_is_written_and_not_sent_before(
    start: Start, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, is_claimed, received = 0, asyncio.Event(), []
    real_claim, real_remove = queue.claim, queue.remove_sent

    async def claim(*args: Any, **kwargs: Any) -> Any:
        nonlocal claims
        claimed = await real_claim(*args, **kwargs)
        claims += 1
        if claims == 2:
            is_claimed.set()
        return claimed

    async def remove_sent(db: Database, **kwargs: Any) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            await is_claimed.wait()
        for _ in range(20):  # time enough to send it, for who does not wait
            await db.version()
        received.append(len(server.received))
        return await real_remove(db, **kwargs)

    monkeypatch.setattr(queue, "claim", claim)
    monkeypatch.setattr(queue, "remove_sent", remove_sent)
    site = await start(server.port, MAIL_OUTBOX_CONNECTIONS=1)
    async with site.db.transaction() as tx:
        for _ in range(3):
            await site.store(Message("Tea", [ALICE], "x"), tx)
    await site.until_empty()
    assert received == [1, 2, 3]
