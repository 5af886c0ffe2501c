"""Limits: so many tries at once, then one an interval, for all who share the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from qapp.ext.database import Database
from qapp.ext.limits import Rate, RateLimited, give_back, network_of, take

NOW = 1_700_000_000_000
FIVE_A_MINUTE = Rate(5, 60)  # one comes back every 12 s
TABLE = "CREATE TABLE rate_limits (key TEXT PRIMARY KEY, spent_until_ms BIGINT NOT NULL)"


@pytest.fixture(autouse=True)
def _no_purge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.randrange", lambda _: 1)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(url=f"sqlite:///{tmp_path}/limits.db") as db:
        await db.execute(TABLE)
        yield db


async def refused_for(db: Database, key: str, rate: Rate, now_ms: int) -> int:
    """Return after how many seconds a try that is refused may be made again."""
    with pytest.raises(RateLimited) as refused:
        await take(db, key, rate, now_ms=now_ms)
    return refused.value.retry_after_s


async def taken(db: Database, key: str, rate: Rate, now_ms: int) -> int:
    """Take as many tries as there are at a moment; return how many there were."""
    count = 0
    while count <= 2 * rate.tries:
        try:
            await take(db, key, rate, now_ms=now_ms)
        except RateLimited:
            return count
        count += 1
    return count


async def test_as_many_tries_as_the_rate_says_may_come_at_once(db: Database) -> None:
    assert await taken(db, "k", FIVE_A_MINUTE, NOW) == 5


async def test_after_them_one_comes_back_every_interval(db: Database) -> None:
    await taken(db, "k", FIVE_A_MINUTE, NOW)
    for interval in range(1, 8):
        at = NOW + interval * 12_000
        assert await taken(db, "k", FIVE_A_MINUTE, at - 1) == 0
        assert await taken(db, "k", FIVE_A_MINUTE, at) == 1


@pytest.mark.parametrize(("waited_s", "tries"), [(11, 0), (12, 1), (47, 3), (60, 5), (10_000, 5)])
async def test_what_comes_back_adds_up_to_the_rate_at_most(
    db: Database, waited_s: int, tries: int
) -> None:
    await taken(db, "k", FIVE_A_MINUTE, NOW)
    assert await taken(db, "k", FIVE_A_MINUTE, NOW + waited_s * 1000) == tries


async def test_a_refused_try_spends_nothing(db: Database) -> None:
    await taken(db, "k", FIVE_A_MINUTE, NOW)
    for _ in range(50):
        assert await refused_for(db, "k", FIVE_A_MINUTE, NOW) == 12
    assert await taken(db, "k", FIVE_A_MINUTE, NOW + 12_000) == 1


@pytest.mark.parametrize(
    ("later_ms", "retry_after_s"), [(0, 12), (1, 12), (1000, 11), (11_000, 1), (11_999, 1)]
)
async def test_retry_after_is_when_a_try_succeeds_again(
    db: Database, later_ms: int, retry_after_s: int
) -> None:
    await taken(db, "k", FIVE_A_MINUTE, NOW)
    now = NOW + later_ms
    assert await refused_for(db, "k", FIVE_A_MINUTE, now) == retry_after_s
    await take(db, "k", FIVE_A_MINUTE, now_ms=now + retry_after_s * 1000)


async def test_keys_do_not_share_their_tries(db: Database) -> None:
    await taken(db, "k", FIVE_A_MINUTE, NOW)
    assert await taken(db, "K", FIVE_A_MINUTE, NOW) == 5


async def test_a_try_given_back_may_be_taken_again(db: Database) -> None:
    await taken(db, "k", FIVE_A_MINUTE, NOW)
    await give_back(db, "k", FIVE_A_MINUTE)
    assert await taken(db, "k", FIVE_A_MINUTE, NOW) == 1


async def test_giving_back_gains_nothing_beyond_the_rate(db: Database) -> None:
    for _ in range(20):
        await take(db, "k", FIVE_A_MINUTE, now_ms=NOW)
        await give_back(db, "k", FIVE_A_MINUTE)
        await give_back(db, "k", FIVE_A_MINUTE)
    await give_back(db, "nobody's", FIVE_A_MINUTE)
    assert await taken(db, "k", FIVE_A_MINUTE, NOW) == 5
    assert await taken(db, "nobody's", FIVE_A_MINUTE, NOW) == 5


async def test_tries_at_the_same_time_never_exceed_the_rate(db: Database, tmp_path: Path) -> None:
    async with Database(url=f"sqlite:///{tmp_path}/limits.db") as other_worker:
        outcomes = await asyncio.gather(
            *(
                take(worker, "k", FIVE_A_MINUTE, now_ms=NOW + number % 7)
                for number in range(100)
                for worker in (db, other_worker)
            ),
            return_exceptions=True,
        )
    left = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert sorted(left) == [0, 1, 2, 3, 4]
    assert {type(outcome) for outcome in outcomes} == {int, RateLimited}


async def test_a_try_in_a_transaction_that_fails_was_not_made(db: Database) -> None:
    async def fail() -> None:
        async with db.transaction() as tx:
            await take(tx, "k", FIVE_A_MINUTE, now_ms=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await taken(db, "k", FIVE_A_MINUTE, NOW) == 5


@pytest.mark.parametrize("rate", [Rate(999_999, 1), Rate(3000, 1), Rate(7, 1), Rate(1, 999_999)])
async def test_every_rate_has_an_end(db: Database, rate: Rate) -> None:
    await db.execute(
        "INSERT INTO rate_limits VALUES ('k', :all)", {"all": NOW + rate.interval_ms * rate.tries}
    )
    assert await refused_for(db, "k", rate, NOW) == -(-rate.interval_ms // 1000)
    await take(db, "k", rate, now_ms=NOW + rate.interval_ms)


async def test_a_clock_set_back_still_refuses_and_says_until_when(db: Database) -> None:
    await taken(db, "k", FIVE_A_MINUTE, NOW)
    assert await refused_for(db, "k", FIVE_A_MINUTE, NOW - 3_600_000) == 3612


async def test_what_is_long_spent_is_removed_now_and_then(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("old", "older", "spent"):
        await take(db, key, FIVE_A_MINUTE, now_ms=NOW)
    await taken(db, "spent", FIVE_A_MINUTE, NOW)
    monkeypatch.setattr("random.randrange", lambda _: 0)
    await take(db, "new", FIVE_A_MINUTE, now_ms=NOW + 12_001)
    rows = await db.fetch_all("SELECT key FROM rate_limits ORDER BY key")
    assert [row.key for row in rows] == ["new", "spent"]
    assert await taken(db, "spent", FIVE_A_MINUTE, NOW + 12_001) == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:3::9", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "address",
    [None, "", "unix:", "<local>", "192.0.2.7:80", "192.0.2.07", "192.0.2.7\n", "::ffff:999.1.1.1"],
)
def test_what_is_no_address_is_one_client(address: str | None) -> None:
    assert network_of(address) == "unknown"
