"""One session for each task of each context: when it begins, what ends it, and how."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from quart import Quart, websocket
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from qapp.ext.orm import ORM
from tests.ext.database.tools import PATIENCE_S, Stepped, ticks

from .conftest import Site
from .models import Base, Post, User, make_app


async def names(site: Site) -> list[str]:
    """Return what is committed, seen by a session of its own."""
    async with site.app.app_context():
        query = site.orm.select(User.username).order_by(User.id)
        return list((await site.orm.session.scalars(query)).all())


async def write_something(site: Site) -> None:
    """Write and commit: that fails if anybody still has the lock."""
    async with site.app.app_context():
        site.orm.session.add(User(username="afterwards"))
        await site.orm.session.commit()


async def test_a_context_has_one_session_and_the_next_another(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        session = orm.session
        assert orm.session is session
        async with app.app_context():
            assert orm.session is not session
        assert orm.session is session
    async with app.app_context():
        assert orm.session is not session


async def test_each_commit_that_wrote_is_told_of_before_it_returns(site: Site) -> None:
    app, orm = site
    told = []
    async with app.app_context():
        with orm.on_commit(lambda: told.append(1)):
            orm.session.add(User(username="user"))
            await orm.session.flush()
            assert not told
            await orm.session.commit()
            assert told == [1]
            await orm.session.scalars(orm.select(User))
            await orm.session.commit()
            orm.session.add(User(username="another"))
            await orm.session.flush()
            await orm.session.rollback()
            assert told == [1]
        orm.session.add(User(username="the last"))
        await orm.session.commit()
    assert told == [1]


async def test_each_task_of_a_gather_has_its_own(site: Site) -> None:
    app, orm = site
    all_there = asyncio.Barrier(8)

    async def add(number: int) -> AsyncSession:
        session = orm.session
        assert orm.session is session
        await all_there.wait()
        session.add(User(username=f"user {number}"))
        await session.commit()
        return session

    async with app.app_context():
        sessions = await asyncio.gather(*(add(number) for number in range(8)))
        assert len({id(session) for session in [*sessions, orm.session]}) == 9
    assert len(await names(site)) == 8


async def test_a_tasks_session_ends_with_the_task(site: Site) -> None:
    """Else a gather of more tasks than there are connections would wait for itself."""
    app, orm = site

    async def leave_open(number: int) -> None:
        orm.session.add(User(username=f"user {number}"))
        await orm.session.flush()

    async with app.app_context(), asyncio.timeout(PATIENCE_S):
        await orm.session.scalars(orm.select(User))
        await asyncio.gather(*(leave_open(number) for number in range(40)))
        await write_something(site)
    assert await names(site) == ["afterwards"]


async def test_a_task_may_outlive_its_context(site: Site) -> None:
    app, orm = site
    go_on = asyncio.Event()

    async def outlive() -> None:
        session = orm.session
        session.add(User(username="late"))
        await session.flush()
        await go_on.wait()
        await session.commit()

    async with app.app_context():
        task = asyncio.create_task(outlive())
        await orm.session.scalars(orm.select(User))
    go_on.set()
    await task
    assert await names(site) == ["late"]


async def test_without_a_commit_nothing_is_kept(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        orm.session.add(User(username="alice"))
        await orm.session.flush()
    await write_something(site)
    assert await names(site) == ["afterwards"]


async def test_a_request_that_fails_is_rolled_back(site: Site) -> None:
    app, orm = site

    @app.get("/fail")
    async def fail() -> str:
        orm.session.add(User(username="alice"))
        await orm.session.flush()
        raise ZeroDivisionError

    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert (await app.test_client().get("/fail")).status_code == 500
    await write_something(site)
    assert await names(site) == ["afterwards"]


async def test_a_cancelled_request_is_rolled_back(site: Site) -> None:
    app, orm = site
    written = asyncio.Event()

    @app.get("/hang")
    async def hang() -> str:
        orm.session.add(User(username="alice"))
        await orm.session.flush()
        written.set()
        await asyncio.Event().wait()
        return "never"

    async with app.test_client().request("/hang") as connection:
        await connection.send_complete()
        await written.wait()
        await connection.disconnect()
    await write_something(site)
    assert await names(site) == ["afterwards"]


@pytest.mark.parametrize("resumed", [False, True])
async def test_a_cancel_at_any_step_leaves_all_or_nothing(site: Site, *, resumed: bool) -> None:
    app, orm = site

    async def work(name: str) -> None:
        async with app.app_context():
            await orm.session.scalars(orm.select(User).options(selectinload(User.posts)))
            user = User(username=name, posts=[Post(title="one"), Post(title="two")])
            orm.session.add(user)
            await orm.session.commit()

    for steps in ((step,) for step in range(1, 100)):
        stepped = Stepped(work(f"user {steps}"), steps, resumed=resumed)

        async def run(stepped: Stepped = stepped) -> None:
            await stepped

        await asyncio.wait([asyncio.create_task(run())])
        async with app.app_context(), asyncio.timeout(PATIENCE_S):
            await orm.lock()
            query = orm.select(User).options(selectinload(User.posts))
            for user in await orm.session.scalars(query):
                assert len(user.posts) == 2
        if not stepped.came:
            break
    else:
        raise AssertionError("the work never ends")
    assert steps[0] > 5


async def test_cancelled_twice_it_still_ends(site: Site) -> None:
    app, orm = site
    written = asyncio.Event()
    closing = app.extensions["sqlalchemy"]._closing

    async def work() -> None:
        async with app.app_context():
            orm.session.add(User(username="alice"))
            await orm.session.flush()
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await written.wait()
    task.cancel()
    while not closing:
        await ticks(1)
    task.cancel()
    await asyncio.wait([task])
    await write_something(site)
    assert await names(site) == ["afterwards"]


async def test_two_apps_keep_to_their_own(tmp_path: Path) -> None:
    orm = ORM(model_class=Base)
    sites = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        app, _ = make_app(tmp_path / name, orm)
        sites.append(Site(app, orm))
    one, two = sites
    async with one.app.test_app(), two.app.test_app():
        for site in sites:
            async with site.app.app_context():
                await orm.create_all()
        async with one.app.app_context():
            orm.session.add(User(username="of one"))
            async with two.app.app_context():
                orm.session.add(User(username="of two"))
                await orm.session.commit()
            await orm.session.commit()
        assert await names(one) == ["of one"]
        assert await names(two) == ["of two"]


async def test_outside_of_a_context_or_a_task_it_says_so(site: Site) -> None:
    app, orm = site
    with pytest.raises(RuntimeError, match="context"):
        _ = orm.session
    async with Quart("another").app_context():
        with pytest.raises(RuntimeError, match=r"call orm\.init_app"):
            _ = orm.session

    @app.get("/sync")
    def sync_view() -> str:
        with pytest.raises(RuntimeError, match="make the view `async def`"):
            _ = orm.session
        return "told"

    assert await (await app.test_client().get("/sync")).get_data() == b"told"


async def test_objects_outlive_their_session(site: Site) -> None:
    app, orm = site
    async with app.app_context():
        user = User(username="alice")
        orm.session.add(user)
        await orm.session.commit()
    assert (user.id, user.username) == (1, "alice")


async def test_a_script_without_a_server_leaves_no_thread(tmp_path: Path) -> None:
    app, orm = make_app(tmp_path)
    before = threading.active_count()
    async with app.app_context():
        await orm.create_all()
        orm.session.add(User(username="alice"))
        await orm.session.commit()
    assert threading.active_count() == before
    assert await names(Site(app, orm)) == ["alice"]


async def test_at_the_end_of_serving_every_connection_is_closed(tmp_path: Path) -> None:
    app, orm = make_app(tmp_path)
    before = threading.active_count()
    async with app.test_app(), app.app_context():
        await orm.create_all()
        late = await orm.engine.connect()
        await late.exec_driver_sql("SELECT 1")
        await orm.session.scalars(orm.select(User))
        assert threading.active_count() > before + 1
    assert threading.active_count() == before
    await late.close()


async def test_a_file_that_does_not_open_is_an_operational_error(tmp_path: Path) -> None:
    app, orm = make_app(tmp_path, SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/no/such.db")
    async with app.app_context():
        with pytest.raises(OperationalError, match="cannot open"):
            await orm.session.scalars(orm.select(User))
    (tmp_path / "text.db").write_text("this is no database, though it is long enough for one" * 9)
    app, orm = make_app(tmp_path, SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/text.db")
    async with app.app_context():
        with pytest.raises(Exception, match="not a database"):
            await orm.session.scalars(orm.select(User))


async def test_a_background_task_has_a_session(site: Site) -> None:
    app, orm = site

    async def later() -> None:
        orm.session.add(User(username="background"))
        await orm.session.commit()
        done.set()

    done = asyncio.Event()

    @app.get("/start")
    async def start() -> str:
        app.add_background_task(later)
        return "started"

    await app.test_client().get("/start")
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    assert await names(site) == ["background"]


async def test_a_websocket_has_a_session_that_ends_with_it(site: Site) -> None:
    app, orm = site

    @app.websocket("/names")
    async def listen() -> None:
        while True:
            name = await websocket.receive()
            orm.session.add(User(username=name))
            await orm.session.flush()
            await websocket.send(repr(orm.session.new))
            if name == "last":
                await orm.session.commit()

    async with app.test_client().websocket("/names") as socket:
        for name in ("alice", "last"):
            await socket.send(name)
            assert await socket.receive() == "IdentitySet([])"
        await socket.send("bob")
        await socket.receive()
    await write_something(site)
    assert await names(site) == ["alice", "last", "afterwards"]


async def test_a_sessions_end_is_waited_for_at_shutdown(tmp_path: Path) -> None:
    app, orm = make_app(tmp_path)
    before = threading.active_count()
    async with app.test_app():
        async with app.app_context():
            await orm.create_all()

            async def read() -> None:
                await orm.session.scalars(orm.select(User))

            await asyncio.create_task(read())
            await ticks(1)
        assert app.extensions["sqlalchemy"]._closing
    assert threading.active_count() == before


def test_an_app_has_one_orm() -> None:
    app = Quart("tests.ext.orm")
    app.config["DATABASE_URL"] = "sqlite:///app.db"
    ORM(app)
    with pytest.raises(RuntimeError, match="already"):
        ORM(app)
