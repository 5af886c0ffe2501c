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
lease, one row at a time and only with a connection at hand, and deleted right after the server
took the message. When it can't be reached, nothing is claimed and no try is spent.

**Once, but for one window**: a process killed between a message's last dot and the commit of that
deletion leaves a row of which nobody knows whether the server has it: one at most for each of its
connections. When the lease has ended another sends it again, by the same Message-ID. So it is when
the answer is lost, or comes later than `MAIL_TIMEOUT` (RFC 5321, 4.5.3.2.6, and RFC 1047). No
protocol of two parties closes it; with `MAIL_OUTBOX_RESEND` off, what a killed process held is
given up instead, for a person to decide: a kill then doubles nothing, and loses nothing either.

`MAIL_OUTBOX_POLL`: seconds between looks for what other processes enqueued: 5
`MAIL_OUTBOX_CONNECTIONS`: most connections to the server at a time: 4
`MAIL_OUTBOX_TRIES`: tries after which a message is given up, if it is not refused for good: 30
`MAIL_OUTBOX_WAIT`: seconds until the second try, doubled for each further: 30
`MAIL_OUTBOX_MAX_WAIT`: most seconds between two tries: 3600
`MAIL_OUTBOX_MOST`: how many may wait, and as many given up be kept; then `OutboxFull`: 100 000
`MAIL_OUTBOX_KEEP_DAYS`: days after which what was given up is removed: 30
`MAIL_OUTBOX_RESEND`: whether to send again what a killed process held: True

`upkeep` has `list_entries`, `retry` and `preview`. `email_dispatched` is not sent for what is
enqueued, and where sending is suppressed it is delivered to nobody, and deleted.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from qapp.ext.database import Database, DatabaseError

from . import queue
from .backends import MailError, Refusals
from .connection import Connection, State
from .queue import INTERRUPTED, Claimed
from .upkeep import remove_old
from .verdicts import Verdict, insist, write_down

log = logging.getLogger(__name__)

# How long a claim holds beyond the message's own time: twice `verdicts.SETTLE_S`, and some.
LEASE_SPARE_S = 75.0
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
        """Let end what is on its way, at most `STOP_S` long; give back what was not sent."""
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
        """Cancel senders, which then give back what they hold; let what is written down end."""
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
        before: asyncio.Task[None] | None = None
        try:
            while not self._stops:
                await connection.ready()
                if self._failures:
                    self._failures = 0
                    self._wake.set()
                before = await self._send_next(connection, before)
                if before is None:
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

    async def _send_next(
        self, connection: Connection, before: asyncio.Task[None] | None
    ) -> asyncio.Task[None] | None:
        """Claim a message and deliver it; return what writes down its end, None if none is due.

        :param before: what writes down the end of the one before: in one commit with this claim,
            where to wait for it first would cost one more.
        """
        lease = secrets.token_hex(16)
        now_ms = self._state.now_ms()
        until_ms = now_ms + int((self._state.settings.timeout + LEASE_SPARE_S) * 1000)
        try:
            row = await queue.claim(self._db, lease=lease, now_ms=now_ms, until_ms=until_ms)
            if row is None:
                return None
            if before is not None:  # of no more than one the end may be unwritten
                await asyncio.shield(before)
            refusals, fault = await self._deliver(connection, row)
        except asyncio.CancelledError:
            # Perhaps claimed: the answer may have been on its way.
            now_ms = self._state.now_ms()
            release = partial(
                queue.release, self._db, lease=lease, now_ms=now_ms, until_ms=until_ms
            )
            await asyncio.shield(self._settle(release))
            raise
        return self._settle(partial(self._write_down, Verdict(row, lease, refusals, fault)))

    async def _deliver(
        self, connection: Connection, row: Claimed
    ) -> tuple[Refusals, MailError | None]:
        """Hand over a message; return who refused it, and why nobody got it, if so."""
        settings = self._state.settings
        if row.tries > settings.tries:
            # Each of them ended with its process: perhaps it is the message that ends them.
            return {}, MailError("The process ended at every try.", is_permanent=True)
        if row.is_interrupted and not settings.resend:
            return {}, MailError(INTERRUPTED, is_permanent=True)
        try:
            return await connection.deliver(row.content, row.envelope), None
        except MailError as error:
            return error.refusals, error

    def _settle(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Begin what must be done, also where its caller is cancelled: `stop` waits for it."""
        task = asyncio.create_task(insist(work))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        task.add_done_callback(_log_fault)
        return task

    async def _write_down(self, verdict: Verdict) -> None:
        tries, now_ms = verdict.row.tries, self._state.now_ms()
        await write_down(
            self._db,
            verdict,
            is_last=tries >= self._state.settings.tries,
            now_ms=now_ms,
            due_ms=now_ms + int(self._wait_s(tries) * 1000),
        )

    def _wait_s(self, tries: int) -> float:
        settings = self._state.settings
        longest_s = min(settings.max_wait, settings.wait * 2.0 ** min(tries - 1, 30))
        return longest_s * random.uniform(0.75, 1)  # noqa: S311 - spreads the tries


def _log_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.error("Outbox: a task broke off", exc_info=fault)
