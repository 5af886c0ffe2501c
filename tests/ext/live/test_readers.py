"""What becomes of readers: many, slow, gone, past the limit, and there when the server stops."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from quart.typing import ResponseReturnValue

from qapp.ext.live import KEPT, LEAST_SPREAD_MS, PAGES_A_SECOND
from qapp.ext.live import hub as hub_module
from qapp.ext.live import reader as reader_module
from qapp.ext.live.channel import BYTES_A_PIECE, Channel
from qapp.ext.live.reader import Place, Reader
from tests.ext.live.tools import Heard, Listener, asked, make_app, publish, readers_of, serving
from tests.ext.sijax.tools import PATIENCE_S


class Remote:
    """The other side of a reader, without a server between.

    :ivar over: done when the stream is.
    """

    def __init__(self, app: Quart, *, takes: bool = True) -> None:
        self.frames: list[bytes] = []
        self._takes = takes
        self._sent, self._goes = asyncio.Event(), asyncio.Event()
        reader = Reader(app.extensions["live"], "tea", Place(0))
        self.over = asyncio.ensure_future(reader.run(self._receive, self._send))

    def go(self) -> None:
        """Hang up."""
        self._goes.set()

    async def sent_count(self, count: int) -> None:
        """Wait until so many frames have been sent."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.frames) < count:
                self._sent.clear()
                await self._sent.wait()

    async def _receive(self) -> Any:
        await self._goes.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if not self._takes:
            await asyncio.Event().wait()
        self.frames.append(message["body"])
        self._sent.set()


@pytest.fixture
def app(tmp_path: Path) -> Quart:
    return make_app(tmp_path)


async def test_a_reader_who_hangs_up_leaves_nothing(app: Quart) -> None:
    async with serving(app) as site:
        before = len(asyncio.all_tasks())
        readers = [await Listener(site).connect() for _ in range(20)]
        await readers_of(app, 20)
        for reader in readers[::2]:
            await reader.hang_up()
        await readers_of(app, 10)
        await publish(app, 1)
        for reader in readers[1::2]:
            assert await reader.next() == Heard("1", "cup", "1")
            await reader.hang_up()
        await readers_of(app, 0)
        async with asyncio.timeout(PATIENCE_S):
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - they are the server's
                await asyncio.sleep(0)
        gc.collect()
        assert not [each for each in gc.get_objects() if type(each) is Reader]


async def test_a_channel_that_nobody_reads_or_writes_is_not_kept(app: Quart) -> None:
    async with serving(app) as site:
        readers = [await Listener(site, f"/live/{number}").connect() for number in range(10)]
        await readers_of(app, 10)
        for reader in readers:
            await reader.hang_up()
        await readers_of(app, 0)
        assert not app.extensions["live"]._channels


async def test_many_readers_are_asked_to_spread_what_they_ask_for(app: Quart) -> None:
    live, _ = app.extensions["tea"]
    async with serving(app), app.app_context():
        assert live.spread_ms == LEAST_SPREAD_MS
        app.extensions["live"].readers = 8 * PAGES_A_SECOND
        assert live.spread_ms == 8000
        app.extensions["live"].readers = 0


async def test_one_past_the_limit_is_told_to_come_back_later(tmp_path: Path) -> None:
    app = make_app(tmp_path, LIVE_MOST_READERS=2)
    async with serving(app) as site:
        readers = [await Listener(site).connect() for _ in range(2)]
        await readers_of(app, 2)
        refused = (await (await asked(site, "/live")).head()).lower()
        assert refused.startswith("http/1.1 503 ")
        assert "\r\nretry-after: 30\r\n" in refused
        await readers[0].hang_up()
        await readers_of(app, 1)
        assert (await Listener(site).connect()).head.startswith("HTTP/1.1 200 ")


async def test_those_who_come_at_the_same_moment_are_counted_too(tmp_path: Path) -> None:
    app = make_app(tmp_path, LIVE_MOST_READERS=3)
    async with serving(app) as site:
        sockets = [await asked(site, "/live", "1") for _ in range(30)]
        heads = [(await socket.head()).lower() for socket in sockets]
        assert sum(head.startswith("http/1.1 200 ") for head in heads) == 3
        assert sum("\r\nretry-after: 30\r\n" in head for head in heads) == 27
        await readers_of(app, 3)


async def test_a_place_is_kept_for_nobody_whose_stream_does_not_begin(tmp_path: Path) -> None:
    app = make_app(tmp_path, LIVE_MOST_READERS=1)
    live, _ = app.extensions["tea"]

    @app.get("/fails")
    async def fails() -> ResponseReturnValue:
        await live.stream("tea")
        return "something else"

    async with serving(app) as site:
        for _ in range(3):
            answer = await app.test_client().get("/fails")
            assert await answer.get_data(as_text=True) == "something else"
            head = await (await asked(site, "/live", method="HEAD")).head()
            assert head.startswith("HTTP/1.1 200 ")
        await Listener(site).connect()
        await readers_of(app, 1)


async def test_readers_hear_that_a_silent_stream_lives(tmp_path: Path) -> None:
    app = make_app(tmp_path, LIVE_HEARTBEAT_S=0.01)
    async with serving(app) as site:
        readers = [await Listener(site).connect() for _ in range(3)]
        for _ in range(4):
            for reader in readers:
                await reader.beat()


@pytest.mark.parametrize("count", [1, 4, 20])
async def test_each_reader_hears_so_once_in_the_time_that_is_set(
    app: Quart, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    told: list[Reader] = []
    monkeypatch.setattr(Reader, "tell", lambda reader, _: told.append(reader))
    async with app.test_app():
        hub = app.extensions["live"]
        remotes = [Remote(app) for _ in range(count)]
        for remote in remotes:
            await remote.sent_count(1)
        for _ in range(16):
            hub._beat(1 / 8)
        assert sorted(Counter(told).values()) == [2] * count
        for remote in remotes:
            remote.go()
            await remote.over


async def test_who_would_hear_so_too_late_hears_it_now(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Reader] = []
    monkeypatch.setattr(Reader, "tell", lambda reader, _: told.append(reader))
    async with app.test_app():
        hub = app.extensions["live"]
        remotes = [Remote(app) for _ in range(4)]
        for remote in remotes:
            await remote.sent_count(1)
        hub._beat(1 / 1000)
        assert told == []  # it is nobody's turn: others may have left since it was
        app.config["LIVE_HEARTBEAT_S"] = 1e-6
        hub._beat(1 / 1000)
        assert len(set(told)) == len(told) == 4
        for remote in remotes:
            remote.go()
            await remote.over


async def test_a_slow_reader_holds_up_nobody_and_grows_no_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(tmp_path)
    live, db = app.extensions["tea"]
    async with serving(app) as site:
        slow, quick = await Listener(site).connect(), await Listener(site).connect()
        await readers_of(app, 2)
        total, a_time = 4 * KEPT, 100  # of 8 kB: more than any buffer between them takes
        for first in range(0, total, a_time):
            async with app.app_context(), db.transaction(timeout_s=PATIENCE_S) as tx:
                for _ in range(a_time):
                    await live.publish(tx, "tea", "cup", "x" * 8000)
            for number in range(first, first + a_time):
                assert (await quick.next() or Heard("", "", "")).id == str(number + 1)
        kinds, last = set(), "0"
        while last != str(total):
            heard = await slow.next()
            assert heard is not None
            assert int(heard.id) > int(last)
            kinds.add(heard.kind)
            last = heard.id
        assert kinds == {"cup", "reset"}


@pytest.mark.parametrize(("size", "pieces"), [(10, 2), (8000, 13), (BYTES_A_PIECE + 1, 100)])
def test_what_was_missed_comes_in_small_pieces(size: int, pieces: int) -> None:
    channel = Channel("tea", 0)
    for number in range(1, 101):
        channel.add(number, b"x" * size)
    number, got = 0, []
    while True:
        piece, number = channel.after(number)
        if not piece:
            break
        got.append(piece)
    assert b"".join(got) == b"x" * size * 100
    assert len(got) == pieces
    assert number == 100


async def test_a_reader_who_takes_nothing_at_all_is_cut_off(tmp_path: Path) -> None:
    app = make_app(tmp_path, LIVE_HEARTBEAT_S=0.05)
    live, db = app.extensions["tea"]
    async with serving(app) as site:
        await (await asked(site, "/live")).head()
        await readers_of(app, 1)
        for _ in range(20):
            async with app.app_context(), db.transaction(timeout_s=PATIENCE_S) as tx:
                for _ in range(100):
                    await live.publish(tx, "tea", "cup", "x" * 8000)
            for _ in range(100):
                await asyncio.sleep(0)
        await readers_of(app, 0)


async def test_a_stop_ends_streams_at_once_and_properly(app: Quart) -> None:
    # The stop would wait for an hour, the test does not.
    async with serving(app, graceful_s=3600) as site:
        readers = [await Listener(site).connect() for _ in range(120)]
        await readers_of(app, 120)
        site.stop.set()
        for reader in readers:
            assert await reader.next() is None
            await reader.hang_up()
        async with asyncio.timeout(PATIENCE_S):
            await site.task


async def test_no_stream_begins_while_the_server_stops(app: Quart) -> None:
    goes_on, waits = asyncio.Event(), asyncio.Event()

    @app.get("/slow")
    async def slow() -> str:
        waits.set()
        await goes_on.wait()
        return "done"

    async with serving(app) as site:
        await asked(site, "/slow")
        await waits.wait()
        reader = await Listener(site).connect()
        await readers_of(app, 1)
        site.stop.set()
        assert await reader.next() is None  # so the stop has begun; the slow one holds it up
        response = await app.test_client().get("/live")
        assert (await response.get_data(as_text=True)).startswith("retry: ")
        goes_on.set()


async def test_who_stops_another_server_ends_the_streams_by_hand(app: Quart) -> None:
    live, _ = app.extensions["tea"]
    async with serving(app) as site:
        readers = [await Listener(site).connect() for _ in range(3)]
        await readers_of(app, 3)
        live.end_streams(app)
        assert [await reader.next() for reader in readers] == [None] * 3


async def test_the_end_of_the_app_ends_its_streams(app: Quart) -> None:
    async with app.test_app():
        remote = Remote(app)
        await remote.sent_count(1)
    await remote.over
    assert len(remote.frames) == 2
    assert remote.frames[1] == b""


async def test_the_end_of_the_app_waits_for_no_reader_for_ever(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "CLOSE_S", 0)
    monkeypatch.setattr(reader_module, "END_S", 0)
    async with app.test_app():
        remote = Remote(app, takes=False)
        await readers_of(app, 1)
    await remote.over  # though it never took what was on its way
    assert app.extensions["live"].readers == 0


async def test_a_client_who_goes_before_the_stream_begins_leaves_nothing(app: Quart) -> None:
    goes = asyncio.Event()
    heads: list[object] = []

    async def receive() -> Any:
        await goes.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        heads.append(message)
        goes.set()
        await asyncio.Event().wait()

    async with app.test_app(), asyncio.timeout(PATIENCE_S):
        async with app.test_request_context("/live") as context:
            scope = context.request.scope
        await app(scope, receive, send)
        assert len(heads) == 1
        assert app.extensions["live"].readers == 0


async def test_the_loop_serves_others_between_readers(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "READERS_A_TURN", 10)
    async with app.test_app():
        remotes = [Remote(app) for _ in range(30)]
        for remote in remotes:
            await remote.sent_count(1)
        await publish(app, 1)
        seen: set[int] = set()
        while len(seen) < 4 and 30 not in seen:
            await asyncio.sleep(0)
            seen.add(sum(len(remote.frames) == 2 for remote in remotes))
        assert seen >= {10, 20}
        for remote in remotes:
            remote.go()
            await remote.over
