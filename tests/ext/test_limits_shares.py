"""Allowances that several processes share, a part at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from qapp.ext.database import Database
from qapp.ext.limits import PARTS, Rate, RateLimited, Shares

TABLE = "CREATE TABLE rate_limits (key TEXT PRIMARY KEY, spent_until_ms BIGINT NOT NULL)"
NOW = 1_700_000_000_000
RATE = Rate(100, 60)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[list[Database]]:
    """Two handles on one file, as two workers have."""
    url = f"sqlite:///{tmp_path}/limits.db"
    async with Database(url=url) as one, Database(url=url) as other:
        await one.execute(TABLE)
        yield [one, other]


async def taken(shares: Shares, db: Database, count: int, now_ms: int = NOW) -> int:
    """Return how many of so many tries at once are let pass."""
    outcomes = await asyncio.gather(
        *(shares.take(db, "k", RATE, now_ms=now_ms) for _ in range(count)), return_exceptions=True
    )
    assert all(isinstance(each, RateLimited) for each in outcomes if not isinstance(each, tuple))
    return sum(isinstance(each, tuple) for each in outcomes)


async def test_all_workers_together_have_the_allowance(two: list[Database]) -> None:
    shares = [Shares(), Shares()]
    passed = await asyncio.gather(
        *(taken(share, db, 90) for share, db in zip(shares, two, strict=True))
    )
    assert sum(passed) == RATE.tries
    for share, db in zip(shares, two, strict=True):
        with pytest.raises(RateLimited) as refused:
            await share.take(db, "k", RATE, now_ms=NOW)
        assert refused.value.retry_after_s == 1


async def test_a_write_pays_for_a_part_of_the_tries(
    two: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qapp.ext.limits.TRIES_A_PURGE", 10**9)
    db, shares = two[0], Shares()
    before = await db.version()
    standings = [await shares.take(db, "k", RATE, now_ms=NOW) for _ in range(100 // PARTS)]
    after = await db.version()
    assert before != after
    assert await db.fetch_value("SELECT spent_until_ms FROM rate_limits") == NOW + 3000
    assert [standing.remaining for standing in standings] == [99, 98, 97, 96, 95]
    assert {standing.limit for standing in standings} == {100}
    assert standings[-1].reset_s == 3


async def test_what_was_not_spent_is_over_after_its_time(two: list[Database]) -> None:
    shares = Shares()
    assert await taken(shares, two[0], 1) == 1
    later = NOW + 3 * RATE.seconds * 1000
    assert await taken(shares, two[0], 200, later) == RATE.tries


async def test_few_keys_are_remembered(two: list[Database]) -> None:
    shares = Shares(most_keys=2)
    for key in "abcab":
        await shares.take(two[0], key, RATE, now_ms=NOW)
    # "a" was forgotten and begun anew: what was left of its part is lost, and no more.
    spent = await two[0].fetch_value("SELECT spent_until_ms FROM rate_limits WHERE key = 'a'")
    assert spent == NOW + 2 * 3000
