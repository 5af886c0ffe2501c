"""Limit how often something may be tried, for all workers together.

The algorithm is GCRA, the generic cell rate algorithm (ITU-T I.371, annex A): for each key one
number, the time up to which its allowance is spent. A try moves it on by `seconds / tries`; it is
refused when that would reach further than `seconds` ahead. So many tries may come at once, and
after them one every `seconds / tries`. One statement decides, so workers can't race past it.

Where a write for each try would cost too much, `Shares` takes a few at a time for its process.

It needs a table:

    CREATE TABLE rate_limits (key TEXT PRIMARY KEY, spent_until_ms BIGINT NOT NULL)
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import random
from collections import OrderedDict
from functools import lru_cache
from typing import NamedTuple

from .database import Executor

# One try in so many also removes what is long spent; the table stays as small as a window's tries.
TRIES_A_PURGE = 100
# An allowance is taken in so many parts where a process takes its share of it.
PARTS = 20


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
INSERT INTO rate_limits (key, spent_until_ms) VALUES (:key, :now_ms + :cost_ms)
ON CONFLICT (key) DO UPDATE
SET spent_until_ms = CASE
    WHEN rate_limits.spent_until_ms > :now_ms THEN rate_limits.spent_until_ms
    ELSE :now_ms END + :cost_ms
WHERE rate_limits.spent_until_ms + :cost_ms <= :now_ms + :window_ms
RETURNING spent_until_ms
"""

GIVE_BACK = """
UPDATE rate_limits SET spent_until_ms = spent_until_ms - :interval_ms WHERE key = :key
"""


async def take(db: Executor, key: str, rate: Rate, *, now_ms: int, count: int = 1) -> int:
    """Spend `count` tries of a key, one by default; return how many are left.

    :raises RateLimited: if there are not so many; nothing is spent then.
    """
    if random.randrange(TRIES_A_PURGE) == 0:  # noqa: S311 - which try purges is no secret
        await db.execute(
            "DELETE FROM rate_limits WHERE spent_until_ms < :now_ms", {"now_ms": now_ms}
        )
    cost_ms = rate.interval_ms * count
    window_ms = rate.interval_ms * rate.tries
    values = {"key": key, "now_ms": now_ms, "cost_ms": cost_ms, "window_ms": window_ms}
    spent_until_ms: int | None = await db.fetch_value(TRY, values)
    if spent_until_ms is not None:
        return (now_ms + window_ms - spent_until_ms) // rate.interval_ms
    spent_until_ms = await db.fetch_value(
        "SELECT spent_until_ms FROM rate_limits WHERE key = :key", {"key": key}
    )
    wait_ms = (spent_until_ms or now_ms) + cost_ms - now_ms - window_ms
    raise RateLimited(max(1, math.ceil(wait_ms / 1000)))


async def give_back(db: Executor, key: str, rate: Rate) -> None:
    """Return the try that `take` spent, because it was not one that counts."""
    await db.execute(GIVE_BACK, {"key": key, "interval_ms": rate.interval_ms})


class Standing(NamedTuple):
    """What is left of an allowance: so many tries, and all of them again in so many seconds."""

    limit: int
    remaining: int
    reset_s: int


class _Share:
    """The tries of a key that this process has taken, until when they are its, and what is left."""

    def __init__(self) -> None:
        self.tries = 0
        self.until_ms = 0
        self.elsewhere = 0
        self.lock = asyncio.Lock()


class Shares:
    """Spend allowances that all processes share, without a write for each try.

    A twentieth of an allowance is taken at a time and spent from memory, while it would not have
    come back by itself. So a process lets pass a twentieth too much at most, and what it took and
    did not spend is back in a twentieth of the time.

    :param most_keys: how many are remembered; of the others a share is taken anew.
    """

    def __init__(self, most_keys: int = 10_000) -> None:
        self._most_keys = most_keys
        self._shares: OrderedDict[str, _Share] = OrderedDict()

    async def take(self, db: Executor, key: str, rate: Rate, *, now_ms: int) -> Standing:
        """Spend one try of a key.

        :raises RateLimited: if there is none.
        """
        if (standing := self.take_held(key, rate, now_ms=now_ms)) is not None:
            return standing
        share = self._shares.get(key)
        if share is None:
            share = self._shares[key] = _Share()
            if len(self._shares) > self._most_keys:
                self._shares.popitem(last=False)
        async with share.lock:  # those that come meanwhile spend what the first brings
            while not self._has_tries(share, now_ms):
                await self._fetch(db, share, key, rate, now_ms)
        return self._spend(share, rate)

    def take_held(self, key: str, rate: Rate, *, now_ms: int) -> Standing | None:
        """Spend a try that this process has taken already; None if it holds none."""
        share = self._shares.get(key)
        if share is None:
            return None
        self._shares.move_to_end(key)
        return self._spend(share, rate) if self._has_tries(share, now_ms) else None

    @staticmethod
    def _spend(share: _Share, rate: Rate) -> Standing:
        share.tries -= 1
        remaining = share.tries + share.elsewhere
        spent_ms = (rate.tries - remaining) * rate.interval_ms
        return Standing(rate.tries, remaining, math.ceil(spent_ms / 1000))

    @staticmethod
    def _has_tries(share: _Share, now_ms: int) -> bool:
        return share.tries > 0 and now_ms < share.until_ms

    @staticmethod
    async def _fetch(db: Executor, share: _Share, key: str, rate: Rate, now_ms: int) -> None:
        count = max(1, rate.tries // PARTS)
        try:
            share.elsewhere = await take(db, key, rate, now_ms=now_ms, count=count)
        except RateLimited:
            if count == 1:
                raise
            count = 1
            share.elsewhere = await take(db, key, rate, now_ms=now_ms)
        share.tries = count
        share.until_ms = now_ms + count * rate.interval_ms


@lru_cache(maxsize=10_000)
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
