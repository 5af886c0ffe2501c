"""What an operator does with the outbox, and what is done for him: old rows are removed."""

from __future__ import annotations

import json
import logging
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import NamedTuple

from qapp.ext.database import Executor

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
# Most rows that are removed in one commit.
MOST_REMOVED = 1000


class Entry(NamedTuple):
    """A message in the outbox, without its content; times in milliseconds since 1970.

    :ivar recipients: who has not got it yet.
    :ivar due_ms: when it is tried next, or, while `is_claimed`, when another worker may take it.
    :ivar failed_ms: when it was given up; None as long as it was not.
    """

    id: int
    message_id: str
    subject: str
    sender: str
    recipients: tuple[str, ...]
    created_ms: int
    due_ms: int
    is_claimed: bool
    tries: int
    failed_ms: int | None
    last_error: str | None


LIST = """
SELECT id, message_id, subject, sender, recipients, created_ms, due_ms,
  lease IS NOT NULL AS is_claimed, tries, failed_ms, last_error
FROM outbox
WHERE id > :after AND (:all_of_them OR failed_ms IS NOT NULL)
ORDER BY id LIMIT :limit
"""

# What was given up long ago, and what is not among the newest that may be kept; perhaps twice. Both
# are found by the index alone: 1 ms at 100 000 messages, and 120 where the table has to be read.
OLD = """
SELECT id FROM outbox WHERE failed_ms < :before_ms
UNION ALL
SELECT id FROM (
  SELECT id FROM outbox WHERE failed_ms IS NOT NULL
  ORDER BY failed_ms DESC, id DESC LIMIT :limit OFFSET :most) AS too_many
LIMIT :limit
"""


async def list_entries(
    db: Executor, *, only_failed: bool = False, after: int = 0, limit: int = 100
) -> list[Entry]:
    """Return what is in the outbox, oldest first.

    :param after: only rows with a larger number, for the next page.
    :param limit: most rows.
    """
    rows = await db.fetch_all(
        LIST, {"after": after, "all_of_them": int(not only_failed), "limit": limit}
    )
    return [
        Entry(*row)._replace(
            recipients=tuple(json.loads(row.recipients)), is_claimed=bool(row.is_claimed)
        )
        for row in rows
    ]


async def retry(db: Executor, *, now_ms: int, number: int | None = None) -> int:
    """Have what was given up tried anew, one message or all of them; return how many.

    A process that serves takes them at its next look (`MAIL_OUTBOX_POLL`).
    """
    return await db.execute(
        "UPDATE outbox SET failed_ms = NULL, tries = 0, due_ms = :now_ms, last_error = NULL "
        "WHERE failed_ms IS NOT NULL AND (:all_of_them OR id = :id)",
        {"now_ms": now_ms, "all_of_them": int(number is None), "id": number or 0},
    )


async def preview(db: Executor, number: int) -> EmailMessage:
    """Return a message of the outbox, as it is sent.

    :raises LookupError: if there is none of this number.
    """
    content = await db.fetch_value("SELECT content FROM outbox WHERE id = :id", {"id": number})
    if content is None:
        raise LookupError(f"the outbox has no message {number}")
    return message_from_bytes(content, policy=policy.default)


async def remove_old(db: Executor, *, days: float, most: int, now_ms: int) -> bool:
    """Remove what was given up more than `days` ago, and what is not among the newest `most`.

    :return: whether there may be more: no more than `MOST_REMOVED` go at a time.
    """
    values = {"before_ms": now_ms - int(days * DAY_MS), "most": most, "limit": MOST_REMOVED}
    numbers = [{"id": row.id} for row in await db.fetch_all(OLD, values)]
    if numbers:
        removed = await db.execute_many(
            "DELETE FROM outbox WHERE id = :id AND failed_ms IS NOT NULL", numbers
        )
        log.warning(
            "Outbox: %d messages are removed that were given up long ago, or were too many", removed
        )
    return len(numbers) == MOST_REMOVED
