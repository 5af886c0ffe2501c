"""What became of a message of the outbox, and how that is written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from qapp.ext.database import Database, DatabaseClosed, DatabaseError

from . import queue
from .backends import MailError, Refusals, printable
from .queue import Claimed

log = logging.getLogger(__name__)

# How long to try to write down what became of a message.
SETTLE_S = 30.0


class Verdict(NamedTuple):
    """What became of a claimed message: who refused it, and why nobody got it, if so."""

    row: Claimed
    lease: str
    refusals: Refusals
    fault: MailError | None

    def sorted(self, *, is_last: bool) -> tuple[list[str], list[str]]:
        """Return for whom to try again, and for whom not.

        :param is_last: that it was tried as often as it may be.
        """
        later: list[str] = []
        gone: list[str] = []
        for recipient in self.refusals or (self.row.envelope.recipients if self.fault else ()):
            refused = self.refusals.get(recipient, self.fault)
            is_gone = is_last or (refused is not None and refused.is_permanent)
            (gone if is_gone else later).append(recipient)
        return later, gone

    def reason(self, recipients: Sequence[str]) -> str:
        """Return why some did not get it, for the log and the table."""
        if not self.refusals:
            return printable(str(self.fault))
        return printable("; ".join(f"{each}: {self.refusals[each]}" for each in recipients))


async def write_down(
    db: Database, verdict: Verdict, *, is_last: bool, now_ms: int, due_ms: int
) -> None:
    """Delete a message that was taken, and keep it for those for whom it was not.

    :param due_ms: when to try again, if that is of use.
    """
    number, lease = verdict.row.id, verdict.lease
    later, gone = verdict.sorted(is_last=is_last)
    if not later and not gone:
        if not await queue.remove_sent(db, number=number, lease=lease):
            log.warning("Outbox: message %d was sent after its lease had ended", number)
        return
    async with db.transaction() as tx:
        if gone:
            log.warning("Outbox: message %d is given up: %s", number, verdict.reason(gone))
            keep = queue.split_off if later else queue.give_up
            reason = verdict.reason(gone)
            await keep(tx, number=number, lease=lease, recipients=gone, error=reason, now_ms=now_ms)
        if later:
            reason = verdict.reason(later)
            await queue.postpone(
                tx, number=number, lease=lease, recipients=later, error=reason, due_ms=due_ms
            )


async def insist(work: Callable[[], Awaitable[None]]) -> None:
    """Do a piece of work, again while the database is busy or failing, for `SETTLE_S` at most."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + SETTLE_S
    wait_s = 0.1
    while True:
        try:
            return await work()
        except DatabaseError as error:
            if isinstance(error, DatabaseClosed) or loop.time() + wait_s > ends:
                log.error("Outbox: what became of a message could not be written down: %s", error)
                return None
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, 2.0)
