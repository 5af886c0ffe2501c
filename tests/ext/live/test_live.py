"""Events reach every reader of every worker once, if and only if they were committed."""

from __future__ import annotations

import asyncio
import inspect
import json
import textwrap
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

import qapp.ext.live
from qapp.ext.database import DatabaseFailure
from qapp.ext.database.driver import sqlite
from qapp.ext.live import KEPT, LONGEST_DATA
from qapp.ext.live.reader import RETRY_MS
from tests.ext.live.tools import (
    TABLE,
    Heard,
    Listener,
    asked,
    make_app,
    notice,
    publish,
    readers_of,
    serving,
)
from tests.ext.sijax.tools import PATIENCE_S, Site


@pytest.fixture
def app(tmp_path: Path) -> Quart:
    return make_app(tmp_path)


async def listeners(site: Site, count: int, path: str = "/live") -> list[Listener]:
    return [await Listener(site, path).connect() for _ in range(count)]


async def test_the_example_of_the_docstring_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = inspect.getdoc(qapp.ext.live) or ""
    _, example, *_ = text.split("\n\n    ", 1)
    code, rest = example.split("\n\nA page listens")
    table = rest.split("\n\n    CREATE")[1].split("\n\n")[0]
    database = tmp_path / "tea.db"
    with closing(sqlite.connect(str(database))) as connection:
        connection.executescript(f"CREATE{table}")
    names: dict[str, Any] = {"__name__": "example"}
    code = textwrap.dedent("    " + code).replace("sqlite:///tea.db", f"sqlite:///{database}")
    exec(code, names)  # noqa: S102 - our own docstring
    app: Quart = names["app"]
    async with serving(app) as site:
        (reader,) = await listeners(site, 1)
        answer = await app.test_client().post("/ready")
        assert await answer.get_data(as_text=True) == "Told"
        heard = await reader.next()
        assert heard == Heard("1", "ready", '{"cups":2}')


async def test_a_stream_is_one_that_nobody_keeps_or_holds_back(app: Quart) -> None:
    async with serving(app) as site:
        (reader,) = await listeners(site, 1)
        await publish(app, 1)
        await reader.next()
        assert reader.head.startswith("HTTP/1.1 200 ")
        lines = reader.head.lower().split("\r\n")[1:-2]
        headers = dict(line.split(": ", 1) for line in lines)
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert headers["transfer-encoding"] == "chunked"
        assert RETRY_MS[0] <= (reader.retry_ms or 0) <= RETRY_MS[1]


async def test_head_tells_of_a_stream_without_opening_it(app: Quart) -> None:
    async with serving(app) as site:
        socket = await asked(site, "/live", method="HEAD")
        head = (await socket.head()).lower()
        assert head.startswith("http/1.1 200 ")
        assert "\r\ncontent-type: text/event-stream\r\n" in head
        assert "\r\ncontent-length:" not in head
        assert app.extensions["live"].readers == 0


async def test_every_reader_of_a_channel_is_told_and_no_other(app: Quart) -> None:
    async with serving(app) as site:
        readers, others = await listeners(site, 3), await listeners(site, 1, "/live/milk")
        await readers_of(app, 4)
        await publish(app, {"leaf": "Añjali\nand\r\nmore \U0001f375"})
        await publish(app, "for the others", "milk")
        for reader in readers:
            heard = await reader.next()
            assert heard is not None
            assert json.loads(heard.data) == {"leaf": "Añjali\nand\r\nmore \U0001f375"}
        assert await others[0].next() == Heard("2", "cup", '"for the others"')


async def test_what_others_wrote_into_the_table_is_data_and_nothing_else(app: Quart) -> None:
    async with serving(app) as site:
        (reader,) = await listeners(site, 1)
        await readers_of(app, 1)
        _, db = app.extensions["tea"]
        async with app.app_context():
            await db.execute(
                "INSERT INTO live_events (channel, kind, data) VALUES ('tea', 'cup', :data)",
                {"data": "1\nevent: reset\r\rid: 99"},
            )
        assert await reader.next() == Heard("1", "cup", "1\nevent: reset\n\nid: 99")


async def test_a_rollback_tells_nobody_and_a_commit_everybody(app: Quart) -> None:
    live, db = app.extensions["tea"]
    async with serving(app) as site:
        (reader,) = await listeners(site, 1)
        await readers_of(app, 1)
        async with app.app_context():
            with suppress(ZeroDivisionError):
                async with db.transaction() as tx:
                    await live.publish(tx, "tea", "cup", "spilt")
                    raise ZeroDivisionError
            async with db.transaction() as tx:
                await live.publish(tx, "tea", "cup", "drunk")
                await live.publish(tx, "tea", "cup", "empty")
        assert [await reader.next(), await reader.next()] == [
            Heard("1", "cup", '"drunk"'),
            Heard("2", "cup", '"empty"'),
        ]


async def test_an_own_event_is_not_waited_for(tmp_path: Path) -> None:
    app = make_app(tmp_path, LIVE_POLL_S=3600)
    live, db = app.extensions["tea"]
    async with serving(app) as site:
        (reader,) = await listeners(site, 1)
        await readers_of(app, 1)
        await publish(app, 1)
        assert await reader.next() == Heard("1", "cup", "1")
        # Also when it was looked for before its transaction was committed.
        async with app.app_context(), db.transaction() as tx:
            await live.publish(tx, "tea", "cup", 2)
            for _ in range(100):
                await asyncio.sleep(0)
        assert await reader.next() == Heard("2", "cup", "2")


async def test_two_workers_tell_each_others_readers(tmp_path: Path) -> None:
    one, other = make_app(tmp_path), make_app(tmp_path)
    loop = asyncio.get_running_loop()
    slowest_s = 0.0
    async with serving(one) as site, serving(other) as second:
        here, there = (await listeners(site, 1))[0], (await listeners(second, 1))[0]
        await readers_of(one, 1)
        await readers_of(other, 1)
        for number in range(1, 11):
            await publish(one if number % 2 else other, number)
            begun = loop.time()
            assert await here.next() == Heard(str(number), "cup", str(number))
            assert await there.next() == Heard(str(number), "cup", str(number))
            slowest_s = max(slowest_s, loop.time() - begun)
    assert slowest_s < 1  # 0.25 on a machine that has nothing else to do


async def test_nothing_is_read_while_nothing_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(tmp_path, LIVE_POLL_S=0)
    reads, looks, enough = 0, 0, asyncio.Event()
    _, db = app.extensions["tea"]
    list_newest, version = qapp.ext.live.queries.list_newest, db.version

    async def counted(*args: Any, **values: Any) -> Any:
        nonlocal reads
        reads += 1
        return await list_newest(*args, **values)

    async def looked() -> int:
        nonlocal looks
        looks += 1
        if looks == 50:
            enough.set()
        number: int = await version()
        return number

    monkeypatch.setattr(qapp.ext.live.queries, "list_newest", counted)
    monkeypatch.setattr(db, "version", looked)
    async with app.test_app(), asyncio.timeout(PATIENCE_S):
        await enough.wait()
    assert reads <= 3  # as it starts, and as each of two connections looks for the first time


@pytest.mark.parametrize("last_id", ["2", "3", "5"])
async def test_who_comes_back_gets_what_he_missed_and_only_that(app: Quart, last_id: str) -> None:
    async with serving(app) as site:
        for number in range(1, 6):
            await publish(app, number, "milk" if number == 3 else "tea")
        header = await Listener(site, last_id=last_id).connect()
        query = await Listener(site, f"/live?after={last_id}").connect()
        both = await Listener(site, "/live?after=0", last_id).connect()
        await readers_of(app, 3)
        await publish(app, 6)
        for reader in (header, query, both):
            for number in (4, 5, 6):
                if number > int(last_id):
                    assert await reader.next() == Heard(str(number), "cup", str(number))


async def test_an_interrupted_stream_resumes_without_any_event_having_come(app: Quart) -> None:
    async with serving(app) as site:
        await publish(app, 1)
        await notice(app)
        first = await Listener(site).connect()
        await first.beat()  # what each stream begins with
        await first.hang_up()
        await publish(app, 2)
        again = await Listener(site, last_id=first.last_id).connect()
        assert await again.next() == Heard("2", "cup", "2")


async def test_a_sign_of_life_moves_the_place_on(tmp_path: Path) -> None:
    # Else a quiet channel's readers would be told to load anew for a busy one's events.
    app = make_app(tmp_path, LIVE_HEARTBEAT_S=0.05)
    async with serving(app) as site:
        (reader,) = await listeners(site, 1)
        await publish(app, 1, "milk")
        while reader.last_id != "1":
            await reader.beat()


@pytest.mark.parametrize(
    "last_id",
    ["-1", "x", "1.0", "1e1", "0x1", "٣", "²", "+1", " ", "7", "9" * 18, "9" * 400, "null", "1, 2"],
)
async def test_an_id_that_is_none_of_ours_is_told_to_load_anew(app: Quart, last_id: str) -> None:
    async with serving(app) as site:
        await publish(app, 1)
        await notice(app)
        client = app.test_client()
        async with client.request(
            "/live", query_string={"after": last_id}
        ) as connection:  # any text fits into a query
            await connection.send_complete()
            text = (await connection.receive()).decode()
            await connection.disconnect()
        assert "event: reset\n" in text
        assert text.startswith("retry: ")
        if last_id.isascii() and last_id.strip():
            reader = await Listener(site, last_id=last_id).connect()
            assert await reader.next() == Heard("1", "reset", "{}")
            await publish(app, 2)
            assert await reader.next() == Heard("2", "cup", "2")


async def test_an_id_that_only_another_worker_knows_is_looked_up(tmp_path: Path) -> None:
    one, other = make_app(tmp_path), make_app(tmp_path, LIVE_POLL_S=3600)
    async with one.test_app(), serving(other) as site:
        await publish(one, 1)
        await publish(one, 2)
        assert other.extensions["live"].newest == 0
        reader = await Listener(site, last_id="1").connect()
        assert await reader.next() == Heard("2", "cup", "2")


async def test_what_is_too_long_ago_is_forgotten_here_and_in_the_table(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    live, db = app.extensions["tea"]
    async with serving(app) as site:
        steady, quiet = (await listeners(site, 1))[0], (await listeners(site, 1, "/live/milk"))[0]
        await readers_of(app, 2)
        await publish(app, 0, "milk")
        assert (await quiet.next() or Heard("", "", "")).data == "0"
        for _ in range(2 * KEPT // 50):
            async with app.app_context(), db.transaction() as tx:
                for _ in range(50):
                    await live.publish(tx, "tea", "cup", "x")
            for _ in range(50):
                assert (await steady.next() or Heard("", "", "")).kind == "cup"
        total = 2 * KEPT + 1
        async with app.app_context():
            assert KEPT <= await db.fetch_value("SELECT count(*) FROM live_events") <= KEPT + 100
        kept = await Listener(site, last_id=str(total - KEPT)).connect()
        assert (await kept.next() or Heard("", "", "")).id == str(total - KEPT + 1)
        lost = await Listener(site, last_id=str(total - KEPT - 1)).connect()
        assert await lost.next() == Heard(str(total), "reset", "{}")
        # Of the quiet channel nothing was lost but what its reader has seen.
        again = await Listener(site, "/live/milk", "1").connect()
        await publish(app, "more", "milk")
        assert await quiet.next() == await again.next() == Heard(str(total + 1), "cup", '"more"')


async def test_a_burst_larger_than_what_is_kept_is_told_by_a_reset(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    async with serving(app) as site:
        (reader,) = await listeners(site, 1)
        await readers_of(app, 1)
        with closing(sqlite.connect(str(tmp_path / "tea.db"))) as connection:
            connection.executemany(
                "INSERT INTO live_events (channel, kind, data) VALUES ('tea', 'cup', ?)",
                [(str(number),) for number in range(KEPT + 500)],
            )
            connection.commit()
        assert await reader.next() == Heard(str(KEPT + 500), "reset", "{}")
        await publish(app, "after")
        assert await reader.next() == Heard(str(KEPT + 501), "cup", '"after"')


async def test_a_start_knows_what_happened_before_it(tmp_path: Path) -> None:
    with closing(sqlite.connect(str(tmp_path / "tea.db"))) as connection:
        connection.executescript(TABLE)
        connection.executemany(
            "INSERT INTO live_events (channel, kind, data) VALUES (?, 'cup', ?)",
            [("milk" if number == 5 else "tea", str(number)) for number in range(1, KEPT + 201)],
        )
        connection.commit()
    app = make_app(tmp_path)
    async with serving(app) as site:
        first = await Listener(site, last_id="200").connect()
        assert (await first.next() or Heard("", "", "")).id == "201"
        lost = await Listener(site, last_id="199").connect()
        assert (await lost.next() or Heard("", "", "")).kind == "reset"


async def test_resumed_streams_miss_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    # Two workers publish at once; readers come and go between both of them all the while.
    apps = [make_app(tmp_path, LIVE_POLL_S=0.02) for _ in range(2)]
    total = 400

    async def write(app: Quart, first: int) -> None:
        for number in range(first, total, 2):
            await publish(app, number)

    async def read(sites: list[Site], seed: int) -> list[str]:
        heard: list[str] = []
        last_id, turn = "0", seed
        while len(heard) < total:
            listener = await Listener(sites[turn % 2], last_id=last_id).connect()
            for _ in range(turn % 37 + 1):
                event = await listener.next()
                assert event is not None
                assert event.kind == "cup"
                heard.append(event.data)
                last_id = event.id
                if len(heard) == total:
                    break
            await listener.hang_up()
            turn += 5
        return heard

    async with serving(apps[0]) as one, serving(apps[1]) as other:
        readers = [asyncio.ensure_future(read([one, other], seed)) for seed in range(6)]
        await asyncio.gather(write(apps[0], 0), write(apps[1], 1))
        all_heard = await asyncio.gather(*readers)
        for app in apps:
            await readers_of(app, 0)
    for heard in all_heard:
        assert len(heard) == total
        assert heard == all_heard[0]
        assert sorted(map(int, heard)) == list(range(total))


@pytest.mark.parametrize("kind", ["", "a b", "a\nb", "é", "reset", "x" * 65])
async def test_a_kind_is_a_word(app: Quart, kind: str) -> None:
    live, db = app.extensions["tea"]
    async with app.test_app(), app.app_context():
        with pytest.raises(ValueError, match="no event's type"):
            await live.publish(db, "tea", kind, 1)


async def test_data_is_bounded(app: Quart) -> None:
    live, db = app.extensions["tea"]
    async with app.test_app(), app.app_context():
        await live.publish(db, "tea", "cup", "x" * (LONGEST_DATA - 2))
        with pytest.raises(ValueError, match="at most 8192"):
            await live.publish(db, "tea", "cup", "x" * (LONGEST_DATA - 1))
        assert await db.fetch_value("SELECT count(*) FROM live_events") == 1


async def test_a_database_in_trouble_is_told_once_and_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(tmp_path, LIVE_POLL_S=0)
    _, db = app.extensions["tea"]
    fails, failed = 0, asyncio.Event()

    async def fail() -> int:
        nonlocal fails
        fails += 1
        if fails == 5:
            failed.set()
        raise DatabaseFailure("the disk is gone")

    async with serving(app) as site:
        (reader,) = await listeners(site, 1)
        with monkeypatch.context() as patch:
            patch.setattr(db, "version", fail)
            async with asyncio.timeout(PATIENCE_S):
                await failed.wait()
            await publish(app, 1)
        assert await reader.next() == Heard("1", "cup", "1")
    assert caplog.text.count("the disk is gone") == 1


async def test_a_fault_of_ours_is_not_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(tmp_path, LIVE_POLL_S=0)
    _, db = app.extensions["tea"]

    async def fail() -> int:
        raise ZeroDivisionError

    async with app.test_app():
        monkeypatch.setattr(db, "version", fail)
        async with asyncio.timeout(PATIENCE_S):
            while "no more events" not in caplog.text:  # noqa: ASYNC110 - a log calls nobody
                await asyncio.sleep(0)
    assert "ZeroDivisionError" in caplog.text
