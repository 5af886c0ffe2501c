"""Limit how often something may be tried, for all workers together.

The algorithm is GCRA, the generic cell rate algorithm (ITU-T I.371, annex A): for each key one
number, the time up to which its allowance is spent. A try moves it on by `seconds / tries`; it is
refused when that would reach further than `seconds` ahead. So many tries may come at once, and
after them one every `seconds / tries`. One statement decides, so workers can't race past it.

It needs a table:

    CREATE TABLE rate_limits (key TEXT PRIMARY KEY, spent_until_ms BIGINT NOT NULL)
"""

from __future__ import annotations

import ipaddress
import math
import random
from typing import NamedTuple

from .database import Executor

# One try in so many also removes what is long spent; the table stays as small as a window's tries.
TRIES_A_PURGE = 100


class Rate(NamedTuple):
    """So many tries in so many seconds."""

    tries: int
    seconds: int

    @property
    def interval_ms(self) -> int:
        """What one try costs: at least a millisecond, or tries would be free."""
        return math.ceil(self.seconds * 1000 / self.tries)


class RateLimited(Exception):
    """The allowance is spent; `retry_after_s` seconds on there is one try more."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"try again in {retry_after_s} seconds")
        self.retry_after_s = retry_after_s


TRY = """
INSERT INTO rate_limits (key, spent_until_ms) VALUES (:key, :now_ms + :interval_ms)
ON CONFLICT (key) DO UPDATE
SET spent_until_ms = CASE
    WHEN rate_limits.spent_until_ms > :now_ms THEN rate_limits.spent_until_ms
    ELSE :now_ms END + :interval_ms
WHERE rate_limits.spent_until_ms + :interval_ms <= :now_ms + :window_ms
RETURNING spent_until_ms
"""

GIVE_BACK = """
UPDATE rate_limits SET spent_until_ms = spent_until_ms - :interval_ms WHERE key = :key
"""


async def take(db: Executor, key: str, rate: Rate, *, now_ms: int) -> None:
    """Spend one try of a key.

    :raises RateLimited: if there is none; nothing is spent then.
    """
    if random.randrange(TRIES_A_PURGE) == 0:  # noqa: S311 - which try purges is no secret
        await db.execute(
            "DELETE FROM rate_limits WHERE spent_until_ms < :now_ms", {"now_ms": now_ms}
        )
    window_ms = rate.interval_ms * rate.tries
    values = {
        "key": key,
        "now_ms": now_ms,
        "interval_ms": rate.interval_ms,
        "window_ms": window_ms,
    }
    if await db.fetch_value(TRY, values) is not None:
        return
    spent_until_ms = await db.fetch_value(
        "SELECT spent_until_ms FROM rate_limits WHERE key = :key", {"key": key}
    )
    wait_ms = (spent_until_ms or now_ms) + rate.interval_ms - now_ms - window_ms
    raise RateLimited(max(1, math.ceil(wait_ms / 1000)))


async def give_back(db: Executor, key: str, rate: Rate) -> None:
    """Return the try that `take` spent, because it was not one that counts."""
    await db.execute(GIVE_BACK, {"key": key, "interval_ms": rate.interval_ms})


def network_of(address: str | None) -> str:
    """Return what stands for a client: its IPv4 address, or the /64 that one IPv6 user holds."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
