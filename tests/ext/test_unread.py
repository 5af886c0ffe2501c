"""Connections whose clients take nothing: they are broken off, and no others are."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import select
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from quart import Quart, Response

from qapp.ext.unread import Unread, Watch, acked_of
from tests.ext.sijax.tools import PATIENCE_S, served

LARGE = 8_000_000  # more than any buffers on the way hold


class Pair:
    """Both ends of a connection; `accepted` has sent more than `client` has room for."""

    def __init__(self, listening: socket.socket) -> None:
        self.client = small_client(listening.getsockname()[1])
        self.accepted = listening.accept()[0]
        self.sent = fill(self.accepted)

    def is_broken(self) -> bool:
        return is_broken(self.accepted)


def small_client(port: int) -> socket.socket:
    """Connect with next to no room for what comes."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    client.connect(("127.0.0.1", port))
    return client


def fill(sender: socket.socket) -> int:
    """Send as much as there is room for; return how many bytes that were."""
    sender.setblocking(False)
    sent = 0
    try:
        while True:
            sent += sender.send(b"x" * 65536)
    except BlockingIOError:
        return sent


def is_broken(connection: socket.socket, timeout_s: float = 0) -> bool:
    """Tell whether a connection is at its end in both directions, without reading from it."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(timeout_s * 1000))


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening


@pytest.fixture
def pair(listening: socket.socket) -> Iterator[Pair]:
    pair = Pair(listening)
    with closing(pair.client), closing(pair.accepted):
        yield pair


async def test_who_takes_nothing_between_two_looks_is_broken_off(pair: Pair) -> None:
    watch = Watch(timeout_s=30)
    await watch.look(0)
    assert not pair.is_broken()
    async with asyncio.timeout(PATIENCE_S):
        while not pair.is_broken():  # what it had room for may be acknowledged only now
            await watch.look(0)
    with pytest.raises(BrokenPipeError):
        pair.accepted.send(b"more")


async def test_it_works_when_no_more_files_can_be_opened(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("qapp.ext.unread.os.scandir", refuse)
    monkeypatch.setattr("qapp.ext.unread.resource.getrlimit", lambda _: (1000, 1000))
    watch = Watch(timeout_s=30)
    async with asyncio.timeout(PATIENCE_S):
        while not pair.is_broken():
            await watch.look(0)


async def test_a_fault_is_told_once_and_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = asyncio.Semaphore(0)

    async def fail(_: Watch, limit_s: float) -> None:
        looks.release()
        raise RuntimeError("as it should")

    monkeypatch.setattr(Watch, "look", fail)
    async with make_app(UNREAD_TIMEOUT=0.01).test_app():
        for _ in range(3):
            await looks.acquire()
    assert caplog.messages == ["The connections can't be looked at"]


async def test_who_takes_a_little_stays(pair: Pair) -> None:
    watch = Watch(timeout_s=30)
    await watch.look(0)
    for _ in range(3):
        acked = acked_of(pair.accepted)
        while acked_of(pair.accepted) == acked:
            assert pair.client.recv(1)
        await watch.look(0)
        assert not pair.is_broken()


async def test_nobody_is_broken_off_before_the_limit(pair: Pair) -> None:
    watch = Watch(timeout_s=30)
    for _ in range(5):
        await watch.look(PATIENCE_S)
    assert not pair.is_broken()


async def test_who_has_taken_all_stays(listening: socket.socket) -> None:
    watch = Watch(timeout_s=30)
    with small_client(listening.getsockname()[1]) as client, listening.accept()[0] as accepted:
        accepted.send(b"all")
        assert client.recv(3) == b"all"
        for _ in range(3):
            await watch.look(0)
        assert not is_broken(client)


async def test_another_connection_under_the_same_number_is_another(
    listening: socket.socket, pair: Pair
) -> None:
    watch = Watch(timeout_s=30)
    await watch.look(0)
    other = Pair(listening)
    with closing(other.client), closing(other.accepted):
        os.dup2(other.accepted.fileno(), pair.accepted.fileno())
        other.accepted.close()
        await watch.look(0)
        assert not is_broken(pair.accepted)


async def test_what_this_process_has_called_is_left_alone(listening: socket.socket) -> None:
    with socket.create_connection(listening.getsockname()) as caller, listening.accept()[0]:
        fill(caller)
        watch = Watch(timeout_s=30)
        for _ in range(3):
            await watch.look(0)
        assert not is_broken(caller)


async def test_other_files_and_sockets_are_left_alone() -> None:
    ours, theirs = socket.socketpair()
    terminal, its_end = os.openpty()
    with ours, theirs:
        os.write(terminal, b"typed")
        fill(ours)
        watch = Watch(timeout_s=30)
        for _ in range(3):
            await watch.look(0)
        assert not is_broken(ours)
        assert os.write(terminal, b"more")
    os.close(terminal)
    os.close(its_end)


def make_app(**config: float) -> Quart:
    app = Quart("tea")
    app.config.update(config)
    Unread(app)

    @app.get("/large")
    async def large() -> Response:
        response = Response("x" * LARGE)
        response.timeout = None
        return response

    return app


async def ask(port: int) -> socket.socket:
    """Ask for the large answer; it has begun when this returns."""
    client = small_client(port)
    client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert await asyncio.to_thread(client.recv, 1) == b"H"
    return client


async def test_an_answer_that_nobody_reads_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "qapp")
    async with served(make_app(UNREAD_TIMEOUT=0.2)) as site:
        with await ask(site.port) as client:
            assert await asyncio.to_thread(is_broken, client, PATIENCE_S)
    assert caplog.messages == ["Broke off 1 connections whose clients took nothing for 0.2 s"]


async def test_a_stop_does_not_wait_for_who_reads_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("qapp.ext.unread.STOP_S", 0.2)
    monkeypatch.setattr("qapp.ext.unread.LOOK_S", 0.01)
    caplog.set_level(logging.INFO)
    looked = asyncio.Event()
    look = Watch.look

    async def tell(watch: Watch, limit_s: float) -> None:
        await look(watch, limit_s)
        looked.set()

    monkeypatch.setattr(Watch, "look", tell)
    # The stop would wait for an hour, the test does not.
    async with served(make_app(UNREAD_TIMEOUT=3600), graceful_s=3600) as site:
        with await ask(site.port):
            for _ in range(2):  # one may have begun before the server did
                looked.clear()
                await looked.wait()
            site.stop.set()
            async with asyncio.timeout(PATIENCE_S):
                await site.task
    assert [record.levelno for record in caplog.records if record.levelno > logging.INFO] == []


async def test_nothing_is_left_when_the_app_has_stopped() -> None:
    async with make_app().test_app():
        pass
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_the_limit_is_half_a_minute() -> None:
    assert make_app().config["UNREAD_TIMEOUT"] == 30
