"""The outbox's table: messages that wait, are being sent, or were given up.

It needs:

    CREATE TABLE outbox (
      id INTEGER PRIMARY KEY,
      message_id TEXT NOT NULL,
      subject TEXT NOT NULL,
      sender TEXT NOT NULL,
      recipients TEXT NOT NULL,
      options TEXT NOT NULL,
      content BLOB NOT NULL,
      created_ms BIGINT NOT NULL,
      due_ms BIGINT NOT NULL,
      lease TEXT,
      tries INTEGER NOT NULL,
      failed_ms BIGINT,
      last_error TEXT
    );
    CREATE INDEX outbox_due ON outbox (due_ms) WHERE failed_ms IS NULL;
    CREATE INDEX outbox_failed ON outbox (failed_ms) WHERE failed_ms IS NOT NULL;

`recipients` and `options` are JSON. A row that is claimed has a `lease`, which only its holder
knows, and is due again when the lease ends: what a killed process held, another takes then, and
sees by `last_error` whether the server may have it (`INTERRUPTED`). A message that was taken is
deleted, as it may hold what nobody should read later; one that was given up has `failed_ms`, and
stays until it is retried or removed (see `upkeep`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from qapp.ext.database import DatabaseBusy, Executor

from .backends import Envelope, printable

MOST_IN_SUBJECT = 200
# Of how many messages it is noted that the server can't be reached.
MOST_NOTED = 100
# The mark of a message that the server may have: a reason, if its sender writes down no other.
INTERRUPTED = "It was handed over, and the answer is not known: perhaps it was delivered."


class OutboxFull(DatabaseBusy):
    """As many messages as may wait are waiting: the server takes none, or more come than it can."""


class Claimed(NamedTuple):
    """A row that this process sends."""

    id: int
    sender: str
    recipients: str
    options: str
    content: bytes
    tries: int
    last_error: str | None

    @property
    def is_interrupted(self) -> bool:
        """Tell whether an earlier try ended after it was handed over: nobody knows its outcome."""
        return self.last_error == INTERRUPTED

    @property
    def envelope(self) -> Envelope:
        """What the server is told beside the message."""
        mail_options, rcpt_options = json.loads(self.options)
        return Envelope(self.sender, json.loads(self.recipients), mail_options, rcpt_options)


# To count takes 0.02 ms for each thousand that wait. Where all numbers lie so close together that
# there can't be too many, it is left out.
ADD = """
INSERT INTO outbox
  (message_id, subject, sender, recipients, options, content, created_ms, due_ms, tries)
SELECT
  :message_id, :subject, :sender, :recipients, :options, :content, :now_ms, :now_ms, 0
WHERE CASE
  WHEN (SELECT max(id) FROM outbox) - (SELECT min(id) FROM outbox) < :most - 1 THEN 1
  WHEN (SELECT count(*) FROM outbox WHERE failed_ms IS NULL) < :most THEN 1
END = 1
RETURNING id
"""

CLAIM = """
UPDATE outbox SET lease = :lease, due_ms = :until_ms, tries = tries + 1
WHERE id = (
  SELECT id FROM outbox WHERE failed_ms IS NULL AND due_ms <= :now_ms ORDER BY due_ms, id LIMIT 1)
RETURNING id, sender, recipients, options, content, tries, last_error
"""

HAND_OVER = "UPDATE outbox SET last_error = :interrupted WHERE id = :id AND lease = :lease"

# Where it is not known what was claimed, the mark can't have been set: it is left as it is.
RELEASE = """
UPDATE outbox SET lease = NULL, due_ms = :now_ms, tries = tries - 1,
  last_error = CASE WHEN :is_known = 1 THEN :last_error ELSE last_error END
WHERE failed_ms IS NULL AND due_ms = :until_ms AND lease = :lease
"""

# The recipients for whom it failed otherwise than for those of the row itself.
SPLIT = """
INSERT INTO outbox (message_id, subject, sender, recipients, options, content, created_ms,
  due_ms, tries, failed_ms, last_error)
SELECT message_id, subject, sender, :recipients, options, content, created_ms,
  :now_ms, tries, :now_ms, :error
FROM outbox WHERE id = :id AND lease = :lease
"""

GIVE_UP = """
UPDATE outbox SET lease = NULL, due_ms = :now_ms, failed_ms = :now_ms, recipients = :recipients,
  last_error = :error
WHERE id = :id AND lease = :lease
"""

NOTE = """
UPDATE outbox SET last_error = :error
WHERE id IN (
    SELECT id FROM outbox WHERE failed_ms IS NULL AND due_ms <= :now_ms
    ORDER BY due_ms, id LIMIT :most)
  AND last_error IS DISTINCT FROM :error AND last_error IS DISTINCT FROM :interrupted
"""

POSTPONE = """
UPDATE outbox SET lease = NULL, due_ms = :due_ms, recipients = :recipients, last_error = :error
WHERE id = :id AND lease = :lease
"""


async def add(
    db: Executor,
    *,
    content: bytes,
    envelope: Envelope,
    subject: str,
    message_id: str,
    now_ms: int,
    most: int,
) -> int:
    """Store a message, due at once; return the number of its row.

    :param most: how many may wait.
    :raises OutboxFull: if so many wait already.
    """
    number: int | None = await db.fetch_value(
        ADD,
        {
            "message_id": message_id,
            "subject": printable(subject[:MOST_IN_SUBJECT]),
            "sender": envelope.sender,
            "recipients": json.dumps(list(envelope.recipients)),
            "options": json.dumps([list(envelope.mail_options), list(envelope.rcpt_options)]),
            "content": content,
            "now_ms": now_ms,
            "most": most,
        },
    )
    if number is None:
        raise OutboxFull(f"the outbox has {most} messages that wait")
    return number


async def next_due_ms(db: Executor, *, now_ms: int) -> int | None:
    """Return when the first of those is due that are not due yet; None if there is none."""
    found: int | None = await db.fetch_value(
        "SELECT min(due_ms) FROM outbox WHERE failed_ms IS NULL AND due_ms > :now_ms",
        {"now_ms": now_ms},
    )
    return found


async def count_due(db: Executor, *, limit: int, now_ms: int) -> int:
    """Return how many messages are due, counting no further than `limit`."""
    found: int = await db.fetch_value(
        "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE failed_ms IS NULL AND due_ms <= :now_ms "
        "LIMIT :limit) AS due",
        {"limit": limit, "now_ms": now_ms},
    )
    return found


async def claim(db: Executor, *, lease: str, now_ms: int, until_ms: int) -> Claimed | None:
    """Take the message that is due longest, for nobody else until `until_ms`; None if none is."""
    values = {"lease": lease, "now_ms": now_ms, "until_ms": until_ms}
    return await db.fetch_one(CLAIM, values, into=Claimed)


async def hand_over(db: Executor, *, number: int, lease: str) -> bool:
    """Mark a message as one that the server may have; tell whether it was this lease's still."""
    values = {"id": number, "lease": lease, "interrupted": INTERRUPTED}
    return bool(await db.execute(HAND_OVER, values))


async def release(
    db: Executor, row: Claimed | None, *, lease: str, now_ms: int, until_ms: int
) -> None:
    """Give back what was claimed until `until_ms` and not handed over.

    :param row: as it was claimed; None if that is not known.
    """
    values = {"lease": lease, "now_ms": now_ms, "until_ms": until_ms}
    was = {"is_known": int(row is not None), "last_error": row.last_error if row else None}
    await db.execute(RELEASE, values | was)


async def remove_sent(db: Executor, *, number: int, lease: str) -> bool:
    """Forget a message that was taken; tell whether it was this lease's still."""
    return bool(
        await db.execute(
            "DELETE FROM outbox WHERE id = :id AND lease = :lease", {"id": number, "lease": lease}
        )
    )


async def give_up(
    db: Executor, *, number: int, lease: str, recipients: Sequence[str], error: str, now_ms: int
) -> None:
    """Keep a message as one that could not be delivered."""
    values = {"id": number, "lease": lease, "recipients": json.dumps(list(recipients))}
    await db.execute(GIVE_UP, {**values, "error": error, "now_ms": now_ms})


async def split_off(
    db: Executor, *, number: int, lease: str, recipients: Sequence[str], error: str, now_ms: int
) -> None:
    """Keep a copy of a message for recipients for whom it is given up, while others wait for it."""
    values = {"id": number, "lease": lease, "recipients": json.dumps(list(recipients))}
    await db.execute(SPLIT, {**values, "error": error, "now_ms": now_ms})


async def postpone(
    db: Executor, *, number: int, lease: str, recipients: Sequence[str], error: str, due_ms: int
) -> None:
    """Have a message tried again later."""
    values = {"id": number, "lease": lease, "recipients": json.dumps(list(recipients))}
    await db.execute(POSTPONE, {**values, "error": error, "due_ms": due_ms})


async def note(db: Executor, *, error: str, now_ms: int) -> None:
    """Write down why what is due is not tried, with the first of it: no server can be reached."""
    values = {"error": error, "now_ms": now_ms, "most": MOST_NOTED, "interrupted": INTERRUPTED}
    await db.execute(NOTE, values)


async def pass_writes(db: Executor) -> None:
    """Wait until what was written, or begun to be, before this call is committed or rolled back."""
    await db.execute("UPDATE outbox SET tries = tries WHERE id = -1")
