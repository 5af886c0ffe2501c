"""Pages: as Flask-SQLAlchemy has them, run beside ours, but for its faults; and hostile numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from flask import Flask  # noqa: TID251 - Flask-SQLAlchemy runs beside ours
from flask_sqlalchemy import SQLAlchemy
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.schema import CreateTable
from werkzeug.exceptions import NotFound

from qapp.ext.database.driver import sqlite
from qapp.ext.orm import ORM, Pagination

from .conftest import Site
from .models import Base, Post, User, make_app

ROWS = 45
ATTRIBUTES = (
    "page",
    "per_page",
    "max_per_page",
    "total",
    "pages",
    "first",
    "last",
    "has_prev",
    "has_next",
    "prev_num",
    "next_num",
)
EDGES = ("left_edge", "left_current", "right_current", "right_edge")

Described = dict[str, Any]


class Originals(NamedTuple):
    app: Flask
    db: SQLAlchemy
    model: Any


@pytest.fixture(scope="module")
def flask_site() -> Iterator[Originals]:
    """The same rows in Flask-SQLAlchemy, in memory."""
    app = Flask("tests.ext.orm")
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)

    class Item(db.Model):  # type: ignore[misc, name-defined]
        id = db.Column(db.Integer, primary_key=True)

    with app.app_context():
        db.create_all()
        db.session.add_all(Item(id=number) for number in range(1, ROWS + 1))
        db.session.commit()
    yield Originals(app, db, Item)
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def quart_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The same rows for ours; the app does not serve, so it serves any number of loops."""
    folder = tmp_path_factory.mktemp("orm")
    with contextlib.closing(sqlite.connect(folder / "app.db")) as connection:
        table = CreateTable(Base.metadata.tables["user"])
        connection.execute(str(table.compile(dialect=SQLiteDialect())))
        rows = [(each, str(each)) for each in range(1, ROWS + 1)]
        connection.executemany("INSERT INTO user (id, username, age) VALUES (?, ?, 0)", rows)
        connection.commit()
    return Site(*make_app(folder, ORM(model_class=Base)))


def describe(pagination: Any, edges: dict[str, int]) -> Described:
    described = {name: getattr(pagination, name) for name in ATTRIBUTES}
    described["items"] = [item.id for item in pagination.items]
    described["iterated"] = [item.id for item in pagination]
    described["iter_pages"] = list(pagination.iter_pages(**edges))
    return described


def with_gaps(shown: list[int | None], pages: int) -> list[int | None]:
    """Return each page that is shown once, in order, and None where, and only where, some are not.

    Theirs shows some twice, or a gap where there is none, if the pages around the current one end
    before those of the left edge do.
    """
    whole: list[int | None] = []
    last = 0
    for number in sorted({number for number in shown if number is not None}):
        whole += [None, number] if number > last + 1 else [number]
        last = number
    return [*whole, None] if last < pages else whole


def original_pages(
    site: Originals, url: str, rows: int, edges: dict[str, int], options: dict[str, Any]
) -> list[Described | None]:
    with site.app.test_request_context(url):
        query = site.db.select(site.model).where(site.model.id <= rows).order_by(site.model.id)
        try:
            page = site.db.paginate(query, **options)
        except NotFound:
            return [None]
        found: list[Described | None] = [describe(page, edges)]
        for other in (page.prev, page.next):
            try:
                found.append(describe(other(error_out=True), edges))
            except NotFound:
                found.append(None)
        return found


async def our_pages(
    site: Site, url: str, rows: int, edges: dict[str, int], options: dict[str, Any]
) -> list[Described | None]:
    async with site.app.test_request_context(url):
        query = site.orm.select(User).where(User.id <= rows).order_by(User.id)
        try:
            page: Pagination[Any] = await site.orm.paginate(query, **options)
        except NotFound:
            return [None]
        found: list[Described | None] = [describe(page, edges)]
        for other in (page.prev, page.next):
            try:
                found.append(describe(await other(error_out=True), edges))
            except NotFound:
                found.append(None)
        return found


numbers = st.none() | st.integers(-2, 12)
arguments = st.integers(-2, 60).map(str) | st.sampled_from(["", "x", "1.5", " 3 "])


@settings(max_examples=100, deadline=None)
@given(
    url=st.fixed_dictionaries({}, optional={"page": arguments, "per_page": arguments}),
    options=st.fixed_dictionaries(
        {
            "page": numbers,
            "per_page": numbers,
            "max_per_page": st.none() | st.integers(1, 15),
            "error_out": st.booleans(),
            "count": st.booleans(),
        }
    ),
    rows=st.integers(0, ROWS),
    edges=st.fixed_dictionaries({name: st.integers(0, 5) for name in EDGES}),
)
async def test_every_page_is_flask_sqlalchemys(
    flask_site: Originals,
    quart_site: Site,
    url: dict[str, str],
    options: dict[str, Any],
    rows: int,
    edges: dict[str, int],
) -> None:
    path = f"/?{urlencode(url)}"
    theirs = original_pages(flask_site, path, rows, edges, options)
    ours = await our_pages(quart_site, path, rows, edges, options)
    for their in theirs:
        if their is not None:
            their["iter_pages"] = with_gaps(their["iter_pages"], their["pages"])
    limit = options["max_per_page"]
    if theirs[0] is not None and limit is not None and theirs[0]["per_page"] > limit:
        # The default in place of a number below 1 passes their limit.
        assert ours[0] is not None
        assert ours[0]["per_page"] == limit
        return
    if len(theirs) > 1 and theirs[1] is not None:
        theirs[1]["max_per_page"] = limit  # theirs forgets it in prev(), as the next test shows
    assert ours == theirs


def test_each_page_is_shown_once() -> None:
    page: Pagination[User] = Pagination(
        User.metadata.tables["user"].select(), AsyncSession, 1, 1, 1
    )
    page.total = 6
    edges = {"left_edge": 3, "left_current": 0, "right_current": 0, "right_edge": 4}
    assert list(page.iter_pages(**edges)) == [1, 2, 3, 4, 5, 6]
    page.total = 9
    assert list(page.iter_pages(**edges)) == [1, 2, 3, None, 6, 7, 8, 9]


async def add_users(site: Site, count: int = ROWS) -> None:
    async with site.app.app_context():
        site.orm.session.add_all(
            User(username=str(each), posts=[Post(title="a"), Post(title="b")])
            for each in range(count)
        )
        await site.orm.session.commit()


async def test_the_page_before_keeps_the_limit(site: Site, flask_site: Originals) -> None:
    await add_users(site)
    async with site.app.app_context():
        page = await site.orm.paginate(
            site.orm.select(User).order_by(User.id), page=3, per_page=5, max_per_page=7
        )
        before = await page.prev()
        assert (before.page, before.max_per_page, before.total) == (2, 7, ROWS)
        after = await page.next()
        assert (after.page, after.max_per_page, after.total) == (4, 7, ROWS)
    with flask_site.app.app_context():
        query = flask_site.db.select(flask_site.model)
        theirs = flask_site.db.paginate(query, page=3, per_page=5, max_per_page=7)
        assert theirs.prev().max_per_page == 100, "mended: the difference need not be told any more"


async def test_a_visitor_gets_at_most_a_hundred(site: Site) -> None:
    await add_users(site, 120)
    async with site.app.test_request_context("/?per_page=1000000"):
        assert len((await site.orm.paginate(site.orm.select(User))).items) == 100
        page = await site.orm.paginate(site.orm.select(User), max_per_page=None)
        assert len(page.items) == 120


@pytest.mark.parametrize(
    "arguments",
    [
        "page=0",
        "page=-1",
        "page=9999999999999999999",
        "page=" + "9" * 5000,
        "page=x",
        "page=1e3",
        "page=NaN",
        "page=%00",
        "page=9223372036854775807&per_page=2",
        "page=2",
        "per_page=0",
        "per_page=-5",
        "per_page=x",
        "page=",
    ],
)
async def test_a_hostile_page_is_not_found_or_the_default(site: Site, arguments: str) -> None:
    await add_users(site, 3)
    async with site.app.test_request_context(f"/?{arguments}"):
        with pytest.raises(NotFound):
            await site.orm.paginate(site.orm.select(User))
        page = await site.orm.paginate(site.orm.select(User), error_out=False, max_per_page=None)
        assert len(page.items) in {0, 3}
        assert len(list(page.iter_pages())) < 10


async def test_a_huge_page_size_without_a_limit_is_all_there_is(site: Site) -> None:
    await add_users(site, 3)
    async with site.app.test_request_context("/?per_page=99999999999999999999"):
        page = await site.orm.paginate(site.orm.select(User), max_per_page=None)
        assert len(page.items) == 3


async def test_loads_spelled_out_change_no_count(site: Site) -> None:
    await add_users(site, 7)
    async with site.app.app_context():
        for load in (joinedload(User.posts), selectinload(User.posts)):
            query = site.orm.select(User).options(load).order_by(User.id)
            page = await site.orm.paginate(query, page=2, per_page=3)
            assert [user.id for user in page] == [4, 5, 6]
            assert (page.total, page.pages) == (7, 3)
            assert all(len(user.posts) == 2 for user in page)


async def test_what_is_not_there_is_404_with_its_description(site: Site) -> None:
    await add_users(site, 2)
    app, orm = site
    nobody = orm.select(User).where(User.id > 5)
    async with app.app_context():
        assert (await orm.get_or_404(User, 1)).id == 1
        assert (await orm.first_or_404(orm.select(User).order_by(User.id.desc()))).id == 2
        assert (await orm.one_or_404(orm.select(User).filter_by(username="1"))).id == 2
        query = orm.select(User).where(User.id == 1).options(joinedload(User.posts))
        assert len((await orm.one_or_404(query)).posts) == 2
        assert len((await orm.first_or_404(query)).posts) == 2
        for wanted in (
            orm.get_or_404(User, 9, description="No such user."),
            orm.get_or_404(User, 2**70, description="No such user."),
            orm.get_or_404(User, "half a \ud800", description="No such user."),
            orm.first_or_404(nobody, description="No such user."),
            orm.first_or_404(orm.select(User).filter_by(age=2**70), description="No such user."),
            orm.one_or_404(nobody, description="No such user."),
            orm.one_or_404(orm.select(User), description="No such user."),
            orm.one_or_404(orm.select(User).filter_by(age=2**70), description="No such user."),
        ):
            with pytest.raises(NotFound, match=r"No such user\."):
                await wanted
        with pytest.raises(NotFound) as caught:
            await orm.get_or_404(User, 9)
        assert caught.value.description == NotFound.description


async def test_a_fault_of_what_is_written_is_not_called_not_found(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        orm.session.add(User(username="alice", age=2**70))
        with pytest.raises(Exception, match="too large"):
            await orm.get_or_404(User, 1)
