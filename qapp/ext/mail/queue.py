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

`recipients` and `options` are JSON. A row that is claimed has a `lease`, which only its holder
knows, and is due again when the lease ends: what a killed process held, another takes then. A
message that was taken is deleted, as it may hold what nobody should read later; one that was given
up has `failed_ms`, and stays until it is retried or removed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import NamedTuple

from qapp.ext.database import Executor

from .backends import Envelope, printable

MOST_IN_SUBJECT = 200


class Claimed(NamedTuple):
    """A row that this process sends."""

    id: int
    sender: str
    recipients: str
    options: str
    content: bytes
    tries: int

    @property
    def envelope(self) -> Envelope:
        """What the server is told beside the message."""
        mail_options, rcpt_options = json.loads(self.options)
        return Envelope(self.sender, json.loads(self.recipients), mail_options, rcpt_options)


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


ADD = """
INSERT INTO outbox
  (message_id, subject, sender, recipients, options, content, created_ms, due_ms, tries)
VALUES
  (:message_id, :subject, :sender, :recipients, :options, :content, :now_ms, :now_ms, 0)
RETURNING id
"""

CLAIM = """
UPDATE outbox SET lease = :lease, due_ms = :until_ms, tries = tries + 1
WHERE id = (
  SELECT id FROM outbox WHERE failed_ms IS NULL AND due_ms <= :now_ms ORDER BY due_ms, id LIMIT 1)
RETURNING id, sender, recipients, options, content, tries
"""

LIST = """
SELECT id, message_id, subject, sender, recipients, created_ms, due_ms,
  lease IS NOT NULL AS is_claimed, tries, failed_ms, last_error
FROM outbox
WHERE id > :after AND (:all_of_them OR failed_ms IS NOT NULL)
ORDER BY id LIMIT :limit
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
) -> int:
    """Store a message, due at once; return the number of its row."""
    number: int = await db.fetch_value(
        ADD,
        {
            "message_id": message_id,
            "subject": printable(subject[:MOST_IN_SUBJECT]),
            "sender": envelope.sender,
            "recipients": json.dumps(list(envelope.recipients)),
            "options": json.dumps([list(envelope.mail_options), list(envelope.rcpt_options)]),
            "content": content,
            "now_ms": now_ms,
        },
    )
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
    return await db.fetch_one(
        CLAIM, {"lease": lease, "now_ms": now_ms, "until_ms": until_ms}, into=Claimed
    )


async def release(db: Executor, *, lease: str, now_ms: int) -> None:
    """Give back what was claimed and not tried."""
    await db.execute(
        "UPDATE outbox SET lease = NULL, due_ms = :now_ms, tries = tries - 1 WHERE lease = :lease",
        {"lease": lease, "now_ms": now_ms},
    )


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
    """Write down why what is due is not tried: the server can't be reached."""
    await db.execute(
        "UPDATE outbox SET last_error = :error WHERE failed_ms IS NULL AND due_ms <= :now_ms "
        "AND last_error IS DISTINCT FROM :error",
        {"error": error, "now_ms": now_ms},
    )


async def pass_writes(db: Executor) -> None:
    """Wait until what was written, or begun to be, before this call is committed or rolled back."""
    await db.execute("UPDATE outbox SET tries = tries WHERE id = -1")


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
        "UPDATE outbox SET failed_ms = NULL, tries = 0, due_ms = :now_ms "
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
