"""Parts of pages that are rendered once for each version of the data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from markupsafe import Markup
from quart import Quart

from qapp.ext import fragments as module
from qapp.ext.database import Database
from qapp.ext.fragments import Fragments, Limits


class Maker:
    """Makes parts, and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, text: str = "part") -> Callable[[], Awaitable[str]]:
        async def make() -> str:
            self.made += 1
            await asyncio.sleep(0)
            return f"{text} {self.made}"

        return make


@pytest.fixture
def maker() -> Maker:
    return Maker()


def kept_by(limits: Limits | None = None) -> tuple[Quart, Fragments]:
    app = Quart(__name__)
    return app, Fragments(app, limits=limits)


async def test_a_part_is_made_once_for_a_version(maker: Maker) -> None:
    app, fragments = kept_by()
    async with app.app_context():
        assert await fragments.get("k", 1, maker()) == "part 1"
        assert await fragments.get("k", 1, maker()) == "part 1"
        assert await fragments.get("k", 2, maker()) == "part 2"
        assert await fragments.get("other", 2, maker()) == "part 3"
        # A version says nothing of order: one that was asked for before is another, too.
        assert await fragments.get("k", 1, maker()) == "part 4"


async def test_a_part_is_markup(maker: Maker) -> None:
    app, fragments = kept_by()
    async with app.app_context():
        part = await fragments.get("k", 1, maker("<b>"))
    assert isinstance(part, Markup)
    assert part == "<b> 1"


async def test_many_who_come_at_once_wait_for_one(maker: Maker) -> None:
    app, fragments = kept_by()
    async with app.app_context():
        parts = await asyncio.gather(*(fragments.get("k", 1, maker()) for _ in range(50)))
    assert set(parts) == {"part 1"}


async def test_who_leaves_leaves_it_to_the_next(maker: Maker) -> None:
    app, fragments = kept_by()
    may_go = asyncio.Event()

    async def endless() -> str:
        may_go.set()
        await asyncio.Event().wait()
        return ""

    async with app.app_context():
        first = asyncio.create_task(fragments.get("k", 1, endless))
        await may_go.wait()
        second = asyncio.create_task(fragments.get("k", 1, maker()))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "part 1"
    assert first.cancelled()


async def test_what_fails_is_raised_and_not_kept(maker: Maker) -> None:
    app, fragments = kept_by()

    async def broken() -> str:
        raise ZeroDivisionError

    async with app.app_context():
        with pytest.raises(ZeroDivisionError):
            await fragments.get("k", 1, broken)
        assert await fragments.get("k", 1, maker()) == "part 1"


async def test_an_old_part_is_made_anew(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    app, fragments = kept_by(Limits(max_age_s=30))
    async with app.app_context():
        await fragments.get("k", 1, maker())
        now += 29
        assert await fragments.get("k", 1, maker()) == "part 1"
        now += 1
        assert await fragments.get("k", 1, maker()) == "part 2"


@pytest.mark.parametrize("limits", [Limits(most=2), Limits(most_letters=30)])
async def test_what_was_not_asked_for_longest_goes_first(maker: Maker, limits: Limits) -> None:
    app, fragments = kept_by(limits)
    async with app.app_context():
        names = ["a", "b", "c", "d", "e"] if limits.most > 2 else ["a", "b"]
        for name in names:
            await fragments.get(name, 1, maker())
        await fragments.get("a", 1, maker())
        await fragments.get("last", 1, maker())
        assert maker.made == len(names) + 1
        assert await fragments.get("a", 1, maker()) == "part 1"
        assert await fragments.get("b", 1, maker()) == f"part {len(names) + 2}"


async def test_a_part_that_is_too_large_is_given_and_drives_out_no_other(maker: Maker) -> None:
    app, fragments = kept_by(Limits(most_letters=28))
    async with app.app_context():
        await fragments.get("k", 1, maker())
        await fragments.get("large", 1, maker())
        for number in (3, 4):
            part = await fragments.get("large", 2, maker("a large part"))
            assert part == f"a large part {number}"
        assert await fragments.get("k", 1, maker()) == "part 1"


async def test_each_app_has_its_own(maker: Maker) -> None:
    fragments = Fragments()
    for number in (1, 2):
        app = Quart(__name__)
        fragments.init_app(app)
        async with app.app_context():
            assert await fragments.get("k", 1, maker()) == f"part {number}"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(url=f"sqlite:///{tmp_path}/tea.db") as db:
        await db.execute("CREATE TABLE teas (name TEXT)")
        yield db


async def test_a_version_goes_in_one_trip_with_what_is_asked_for_next(db: Database) -> None:
    before = db.counts.trips
    version = db.ask_version()
    assert await db.fetch_all("SELECT name FROM teas") == []
    first = await version
    assert db.counts.trips == before + 1
    assert await db.ask_version() == first == await db.version()
    await db.execute("INSERT INTO teas VALUES ('Assam')")
    assert await db.ask_version() != first


async def test_a_version_need_not_be_awaited(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    versions = [db.ask_version() for _ in range(3)]
    await db.close()
    await asyncio.wait(versions)
    del versions
    assert caplog.text == ""
