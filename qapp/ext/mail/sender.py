"""What the outbox does with one message after another: claim, deliver, write down the end."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from functools import partial

from qapp.ext.database import Database, DatabaseError

from . import queue
from .backends import MailError, Refusals
from .connection import Connection, State
from .queue import INTERRUPTED, Claimed
from .verdicts import Verdict, write_down

# How long a claim holds beyond the message's own time: twice `verdicts.SETTLE_S`, and some.
LEASE_SPARE_S = 75.0


class Sender:
    """Sends what is due, over one connection.

    :param settle: begins what must be done, also where its caller is cancelled.
    """

    def __init__(
        self,
        state: State,
        db: Database,
        connection: Connection,
        settle: Callable[[Callable[[], Awaitable[None]]], asyncio.Task[None]],
    ) -> None:
        self._state = state
        self._db = db
        self._connection = connection
        self._settle = settle
        # What writes down the end of the message before: in one commit with the next claim, where
        # to wait for it first would cost one more.
        self._before: asyncio.Task[None] | None = None
        self._is_handed_over = False

    async def send_next(self) -> bool:
        """Claim a message and deliver it; tell whether one was due.

        :raises DatabaseError: if it can't be claimed, or not be marked as handed over.
        """
        self._is_handed_over = False
        row: Claimed | None = None
        lease = secrets.token_hex(16)
        now_ms = self._state.now_ms()
        until_ms = now_ms + int((self._state.settings.timeout + LEASE_SPARE_S) * 1000)
        try:
            row = await queue.claim(self._db, lease=lease, now_ms=now_ms, until_ms=until_ms)
            if row is None:
                return False
            if self._before is not None:  # of no more than one the end may be unwritten
                await asyncio.shield(self._before)
            refusals, fault = await self._deliver(row, lease)
        except (asyncio.CancelledError, DatabaseError):
            # Perhaps claimed: the answer may have been on its way. But what was handed over stays
            # as it is marked.
            if not self._is_handed_over:
                now_ms = self._state.now_ms()
                release = partial(
                    queue.release, self._db, row, lease=lease, now_ms=now_ms, until_ms=until_ms
                )
                await asyncio.shield(self._settle(release))
            raise
        self._before = self._settle(partial(self._write_down, Verdict(row, lease, refusals, fault)))
        return True

    async def _deliver(self, row: Claimed, lease: str) -> tuple[Refusals, MailError | None]:
        """Deliver a message; return who refused it, and why nobody got it, if so."""
        settings = self._state.settings
        if row.tries > settings.tries:
            # Each of them ended with its process: perhaps it is the message that ends them.
            return {}, MailError("The process ended at every try.", is_permanent=True)
        if row.is_interrupted and not settings.resend:
            return {}, MailError(INTERRUPTED, is_permanent=True)
        hand_over = partial(self._hand_over, row.id, lease)
        try:
            return await self._connection.deliver(row.content, row.envelope, hand_over), None
        except MailError as error:
            if error.is_in_doubt and not settings.resend:
                return {}, MailError(str(error), is_permanent=True)
            return error.refusals, error

    async def _hand_over(self, number: int, lease: str) -> None:
        if not await queue.hand_over(self._db, number=number, lease=lease):
            raise MailError("its lease had ended before it was handed over")
        self._is_handed_over = True

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
