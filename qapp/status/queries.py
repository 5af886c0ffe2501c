"""The SQL of the operator's page."""

from __future__ import annotations

from typing import NamedTuple

from qapp.ext.database import Executor

# To count a thousand takes 0.02 ms.
MOST_COUNTED = 100_000


class Mail(NamedTuple):
    """How many messages wait to be mailed, and how many were given up; both up to a limit."""

    waiting: int
    failed: int


async def count_mail(db: Executor) -> Mail:
    """Count the outbox, no further than `MOST_COUNTED`."""
    found = await db.fetch_one(
        """
        SELECT (SELECT count(*) FROM
                 (SELECT 1 FROM outbox WHERE failed_ms IS NULL LIMIT :most) AS waiting) AS waiting,
               (SELECT count(*) FROM
                 (SELECT 1 FROM outbox WHERE failed_ms IS NOT NULL LIMIT :most) AS failed) AS failed
        """,
        {"most": MOST_COUNTED},
        into=Mail,
    )
    return found or Mail(0, 0)
