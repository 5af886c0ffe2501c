"""Deliver what is in the outbox, once each, whatever dies meanwhile.

    from quart import Quart
    from qapp.ext.database import Database
    from qapp.ext.mail import Mail, Message

    app = Quart(__name__)
    app.config.update(DATABASE_URL="sqlite:///tea.db", MAIL_DEFAULT_SENDER="tea@example.org")
    db = Database(app)
    mail = Mail(app, db=db)

    @app.post("/ready")
    async def ready():
        async with db.transaction() as tx:
            await mail.enqueue(Message("Tea", ["alice@example.org"], "It is ready."), tx)
        return "On its way"

What is rolled back is not sent; what is committed is, by this process at once, or by any other that
serves with the same table (`queue` has its CREATE TABLE) at its next look. A row is claimed by a
lease, one row at a time and only with a connection at hand, marked as handed over when all of its
message but the last dot is sent, and deleted when the server has said that it took it. When it
can't be reached, nothing is claimed and no try is spent.

**Once, but for one window.** What ends before the mark, however it ends, was surely not delivered,
and is sent again. What ends between the mark and the deletion may have been delivered, and nobody
can know (RFC 1047): no protocol of two parties closes this. There end

- a process that is killed: one message at most for each of its connections;
- a stop that waited `STOP_S` for the server's answer in vain;
- an answer that is lost, unclear, or later than `MAIL_TIMEOUT`;
- a deletion that the database does not take for `verdicts.SETTLE_S`.

With `MAIL_OUTBOX_RESEND` on, such a message is sent again, by the same Message-ID: none is lost,
and it may come twice. With it off it is given up, for a person to decide (`upkeep.retry`): none
comes twice unless he says so, and it may have to wait for him.

`MAIL_OUTBOX_POLL`: seconds between looks for what other processes enqueued: 5
`MAIL_OUTBOX_CONNECTIONS`: most connections to the server at a time: 4
`MAIL_OUTBOX_TRIES`: tries after which a message is given up, if it is not refused for good: 30
`MAIL_OUTBOX_WAIT`: seconds until the second try, doubled for each further: 30
`MAIL_OUTBOX_MAX_WAIT`: most seconds between two tries: 3600
`MAIL_OUTBOX_MOST`: how many may wait, and as many given up be kept; then `OutboxFull`: 100 000
`MAIL_OUTBOX_KEEP_DAYS`: days after which what was given up is removed: 30
`MAIL_OUTBOX_RESEND`: whether to send again what the server may have: True

`upkeep` has `list_entries`, `retry` and `preview`. `email_dispatched` is not sent for what is
enqueued, and where sending is suppressed it is delivered to nobody, and deleted.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from qapp.ext.database import Database, DatabaseError

from . import queue
from .backends import MailError
from .connection import Connection, State
from .sender import Sender
from .upkeep import remove_old
from .verdicts import insist

log = logging.getLogger(__name__)

# How often what was given up long ago is looked for.
UPKEEP_S = 3600.0
# How long to wait after a connection that could not be had, doubled each time up to the most.
FIRST_PAUSE_S = 1.0
MOST_PAUSE_S = 60.0
# How long a stop waits for the messages that are on their way.
STOP_S = 5.0


class Outbox:
    """The task of an app that delivers its outbox, between `start` and `stop`."""

    def __init__(self, state: State, db: Database) -> None:
        self._state = state
        self._db = db
        self._wake = asyncio.Event()
        self._looker: asyncio.Task[None] | None = None
        self._senders: set[asyncio.Task[None]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._stops = False
        self._failures = 0
        self._pause_ends = 0.0
        self._upkeep_due = 0.0

    def start(self) -> None:
        """Begin to deliver."""
        self._wake = asyncio.Event()
        self._stops = False
        self._failures, self._pause_ends = 0, 0.0
        self._looker = asyncio.create_task(self._look_on())
        self._looker.add_done_callback(_log_fault)

    def wake(self) -> None:
        """Look at once whether something is due, and not only at the next look."""
        self._wake.set()

    async def stop(self) -> None:
        """Let end what is on its way, at most `STOP_S` long; give back what was not handed over."""
        self._stops = True
        try:
            if self._looker is not None:
                self._looker.cancel()
                await asyncio.wait([self._looker])
            if self._senders:
                await asyncio.wait(self._senders, timeout=STOP_S)
        finally:
            await self._end(self._senders)
            await self._end(self._settling)

    async def _end(self, tasks: set[asyncio.Task[None]]) -> None:
        """Cancel senders, which give back what they may; let what is written down end."""
        if tasks is self._senders:
            for task in tasks:
                task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _look_on(self) -> None:
        async with self._state.app.app_context():
            while True:
                is_woken = self._wake.is_set()
                self._wake.clear()
                wait_s = await self._look(is_woken=is_woken)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()

    async def _look(self, *, is_woken: bool) -> float:
        """Start as many senders as there is work for; return the seconds until the next look."""
        settings = self._state.settings
        pause_s = self._pause_ends - asyncio.get_running_loop().time()
        if pause_s > 0:
            return pause_s
        # One alone tries whether the server is back.
        most = 1 if self._failures else settings.connections
        wait_s = settings.poll * random.uniform(0.8, 1.2)  # noqa: S311 - spreads the processes
        if len(self._senders) >= most:  # the first of them to end looks again
            return wait_s
        try:
            if is_woken:  # by one who may be in his transaction still
                await queue.pass_writes(self._db)
            now_ms = self._state.now_ms()
            await self._keep_up(now_ms)
            due = await queue.count_due(self._db, limit=most, now_ms=now_ms)
            next_ms = await queue.next_due_ms(self._db, now_ms=now_ms)
        except DatabaseError as error:
            self._pause(f"the outbox can't be read: {error}")
            return 0
        for _ in range(min(due, most - len(self._senders))):
            sender = asyncio.create_task(self._send_due())
            self._senders.add(sender)
            sender.add_done_callback(self._sender_ended)
        return wait_s if next_ms is None else min(wait_s, (next_ms - now_ms) / 1000)

    async def _keep_up(self, now_ms: int) -> None:
        now, kept = asyncio.get_running_loop().time(), self._state.settings
        if now >= self._upkeep_due:
            is_more = await remove_old(self._db, days=kept.keep_days, most=kept.most, now_ms=now_ms)
            self._upkeep_due = now if is_more else now + UPKEEP_S

    def _sender_ended(self, sender: asyncio.Task[None]) -> None:
        self._senders.discard(sender)
        if not sender.cancelled() and sender.exception() is not None:
            _log_fault(sender)
            self._pause("a message could not be sent")
        self._wake.set()

    def _pause(self, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._pause_ends:  # several senders lost the same server
            return
        longest_s = min(MOST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures, 30))
        self._failures += 1
        self._pause_ends = now + longest_s * random.uniform(0.5, 1)  # noqa: S311 - as above
        log.warning("Outbox: %s; next try in %.0f s", why, self._pause_ends - now)

    async def _send_due(self) -> None:
        connection = Connection(self._state)
        sender = Sender(self._state, self._db, connection, self._settle)
        try:
            while not self._stops:
                await connection.ready()
                if self._failures:
                    self._failures = 0
                    self._wake.set()
                if not await sender.send_next():
                    break
        except MailError as error:
            now_ms = self._state.now_ms()
            note = partial(queue.note, self._db, error=str(error), now_ms=now_ms)
            await asyncio.shield(self._settle(note))
            self._pause(str(error))
        except DatabaseError as error:
            self._pause(f"the outbox can't be read: {error}")
        except asyncio.CancelledError:
            connection.abort()
            raise
        finally:
            await connection.close()

    def _settle(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Begin what must be done, also where its caller is cancelled: `stop` waits for it."""
        task = asyncio.create_task(insist(work))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        task.add_done_callback(_log_fault)
        return task


def _log_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("Outbox: a task broke off", exc_info=fault)
