"""Whatever the tries and the clock: never more than the allowance, but for a share a process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qapp.ext.database import Database
from qapp.ext.limits import PARTS, Rate, RateLimited, Shares

from .test_limits_shares import NOW, TABLE

PROCESSES = 2
RATES = [Rate(1, 1), Rate(3, 7), Rate(20, 60), Rate(100, 60), Rate(299, 1)]
FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Who tries, how often at once, and how long after those before.
steps = st.lists(
    st.tuples(st.integers(0, PROCESSES - 1), st.integers(1, 40), st.integers(0, 20_000)),
    min_size=1,
    max_size=12,
)


@pytest.fixture
async def handles(tmp_path: Path) -> AsyncIterator[list[Database]]:
    """As many handles on one file as there are processes."""
    url = f"sqlite:///{tmp_path}/limits.db"
    async with Database(url=url) as one, Database(url=url) as other:
        await one.execute(TABLE)
        yield [one, other]


@FEW
@given(rate=st.sampled_from(RATES), steps=steps)
async def test_in_no_time_there_are_more_than_the_allowance_and_the_shares(
    handles: list[Database], rate: Rate, steps: list[tuple[int, int, int]]
) -> None:
    await handles[0].execute("DELETE FROM rate_limits")
    shares = [Shares() for _ in handles]
    passed: dict[int, int] = defaultdict(int)
    now_ms = NOW
    for who, tries, later_ms in steps:
        now_ms += later_ms
        outcomes = await asyncio.gather(
            *(shares[who].take(handles[who], "k", rate, now_ms=now_ms) for _ in range(tries)),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, RateLimited):
                assert 1 <= outcome.retry_after_s <= -(-rate.interval_ms * rate.tries // 1000)
            else:
                assert not isinstance(outcome, BaseException)
                assert outcome.limit == rate.tries
                assert 0 <= outcome.remaining < rate.tries
                assert 0 <= outcome.reset_s <= -(-rate.interval_ms * rate.tries // 1000)
                passed[now_ms] += 1
    share = max(1, rate.tries // PARTS)
    times = sorted(passed)
    for number, begin in enumerate(times):
        for end in times[number:]:
            back = (end - begin) // rate.interval_ms
            most = rate.tries + back + share * PROCESSES
            assert sum(passed[time] for time in times if begin <= time <= end) <= most


@FEW
@given(rate=st.sampled_from(RATES), spent=st.integers(0, 3), later_ms=st.integers(0, 5000))
async def test_who_waits_as_long_as_he_is_told_may_try(
    handles: list[Database], rate: Rate, spent: int, later_ms: int
) -> None:
    await handles[0].execute("DELETE FROM rate_limits")
    shares = [Shares() for _ in handles]
    for who in range(PROCESSES):
        await asyncio.gather(
            *(
                shares[who].take(handles[who], "k", rate, now_ms=NOW + spent)
                for _ in range(rate.tries + 1)
            ),
            return_exceptions=True,
        )
    now_ms = NOW + spent + later_ms
    for who in range(PROCESSES):
        try:
            await shares[who].take(handles[who], "k", rate, now_ms=now_ms)
        except RateLimited as refused:
            wait_ms = refused.retry_after_s * 1000
            await shares[who].take(handles[who], "k", rate, now_ms=now_ms + wait_ms)


async def test_keys_of_many_clients_fill_no_memory(handles: list[Database]) -> None:
    shares = Shares(most_keys=50)
    for number in range(500):
        await shares.take(handles[0], f"{number}", Rate(100, 60), now_ms=NOW)
    assert len(shares._shares) == 50


async def test_a_clock_set_back_gives_nothing_away(handles: list[Database]) -> None:
    rate, shares = Rate(20, 60), Shares()
    passed = 0
    for now_ms in (NOW, NOW - 30_000, NOW - 3_600_000, NOW + 1):
        for _ in range(30):
            try:
                await shares.take(handles[0], "k", rate, now_ms=now_ms)
            except RateLimited:
                continue
            passed += 1
    assert passed <= rate.tries + 1
