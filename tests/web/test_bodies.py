"""Bodies that are read as they are asked for, and answers that wait for the end of a sending."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, RequestTimeout

from qapp.web import bodies
from qapp.web.bodies import Incoming, Lingering, StreamedBody

LAST: Any = {"type": "http.response.body", "body": b"", "more_body": False}


class Sender:
    """A client, whose parts are received one by one."""

    def __init__(self, *parts: bytes, ends: bool = True) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        for part in parts:
            self.send(part)
        if ends:
            self.send(b"", more=False)

    def send(self, part: bytes, *, more: bool = True) -> None:
        self.queue.put_nowait({"type": "http.request", "body": part, "more_body": more})

    def leave(self) -> None:
        self.queue.put_nowait({"type": "http.disconnect"})


def body_of(sender: Sender, turns: asyncio.Semaphore | None = None, **changes: Any) -> StreamedBody:
    limits = {
        "declared_bytes": None,
        "most_bytes": 100,
        "most_awaited_bytes": 50,
        "idle_s": 60,
        "timeout_s": 60,
        **changes,
    }
    return StreamedBody(Incoming(sender.queue.get), turns=turns or asyncio.Semaphore(1), **limits)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SLOW_S", 0)


async def test_it_comes_in_the_parts_that_were_sent() -> None:
    body = body_of(Sender(b"one", b"", b"two"))
    assert [part async for part in body] == [b"one", b"two"]
    assert [part async for part in body] == []


async def test_nothing_is_received_before_it_is_asked_for() -> None:
    sender = Sender(b"one", b"two")
    body = body_of(sender)
    assert await anext(body) == b"one"
    assert sender.queue.qsize() == 2


async def test_it_can_be_awaited_whole_up_to_a_limit() -> None:
    assert await body_of(Sender(b"x" * 30, b"y" * 20)) == b"x" * 30 + b"y" * 20
    with pytest.raises(RequestEntityTooLarge):
        await body_of(Sender(b"x" * 30, b"y" * 21))


@pytest.mark.parametrize("changes", [{}, {"declared_bytes": 101}])
async def test_one_over_the_limit_is_refused(changes: dict[str, Any]) -> None:
    sender = Sender(b"x" * 60, b"y" * 41, ends=False)
    with pytest.raises(RequestEntityTooLarge):
        async for _ in body_of(sender, **changes):
            pass
    assert sender.queue.qsize() == (2 if changes else 0)


async def test_one_that_stops_coming_is_given_up() -> None:
    with pytest.raises(RequestTimeout):
        async for _ in body_of(Sender(b"x", ends=False), idle_s=0):
            pass


async def test_a_client_that_leaves_is_told_to_the_reader_and_to_the_server() -> None:
    sender = Sender(b"x", ends=False)
    body = body_of(sender)
    assert await anext(body) == b"x"
    sender.leave()
    with pytest.raises(ClientDisconnected):
        await anext(body)
    assert await body.next_message() == {"type": "http.disconnect"}


async def test_the_server_hears_of_the_end_and_then_of_the_connections() -> None:
    sender = Sender(b"x")
    body = body_of(sender)
    assert [part async for part in body] == [b"x"]
    assert (await body.next_message())["type"] == "http.request"
    sender.leave()
    assert await body.next_message() == {"type": "http.disconnect"}


async def test_what_is_left_unread_is_received_when_its_reader_leaves() -> None:
    sender = Sender(b"one", b"two", b"three")
    body = body_of(sender)
    assert await anext(body) == b"one"
    hearing = asyncio.create_task(body.next_message())
    await asyncio.sleep(0)
    assert sender.queue.qsize() == 3
    body.leave()
    assert (await hearing)["type"] == "http.request"
    assert sender.queue.empty()


# Turns


async def test_so_many_parts_are_dealt_with_at_a_time() -> None:
    turns = asyncio.Semaphore(2)
    readers = [body_of(Sender(b"x", b"y"), turns) for _ in range(3)]
    assert await anext(readers[0]) == await anext(readers[1]) == b"x"
    third = asyncio.ensure_future(anext(readers[2]))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not third.done()
    readers[0].leave()
    assert await third == b"x"


async def test_who_sends_slowly_keeps_nobody_waiting() -> None:
    turns = asyncio.Semaphore(1)
    slow_sender = Sender(ends=False)
    slow = asyncio.ensure_future(anext(body_of(slow_sender, turns)))
    quick = body_of(Sender(b"x", b"y"), turns)
    assert await anext(quick) == b"x"
    assert await anext(quick) == b"y"
    slow_sender.send(b"z")
    assert [part async for part in quick] == []
    assert await slow == b"z"


@pytest.mark.parametrize("ends", [True, False])
async def test_a_turn_ends_however_the_reading_does(ends: bool) -> None:
    turns = asyncio.Semaphore(1)
    sender = Sender(b"x", ends=ends)
    body = body_of(sender, turns, idle_s=0)
    assert await anext(body) == b"x"
    assert turns.locked()
    with pytest.raises((StopAsyncIteration, RequestTimeout)):
        await anext(body)
    assert not turns.locked()


async def test_a_reader_who_is_cancelled_leaves_his_turn() -> None:
    turns = asyncio.Semaphore(1)
    body = body_of(Sender(b"x"), turns)
    assert await anext(body) == b"x"
    body.leave()
    assert not turns.locked()
    body.leave()
    assert await turns.acquire()


# Lingering


class Client:
    """Where an answer arrives."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def __call__(self, message: Any) -> None:
        self.messages.append(message)


async def test_an_answer_is_over_when_the_sending_is() -> None:
    sender, client = Sender(b"x", ends=False), Client()
    incoming = Incoming(sender.queue.get)
    answering = asyncio.ensure_future(Lingering(client, incoming)(LAST))
    await incoming.receive()
    assert client.messages == []
    sender.send(b"", more=False)
    await incoming.receive()
    await answering
    assert client.messages == [LAST]


async def test_the_parts_before_the_last_wait_for_nothing() -> None:
    client = Client()
    lingering = Lingering(client, Incoming(Sender(ends=False).queue.get))
    part: Any = {"type": "http.response.body", "body": b"x", "more_body": True}
    await lingering(part)
    assert client.messages == [part]


async def test_a_client_that_sends_nothing_more_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "SENDING_S", 0.01)
    monkeypatch.setattr(bodies, "LINGER_S", 1)
    sender, client = Sender(ends=False), Client()
    await Lingering(client, Incoming(sender.queue.get))(LAST)
    assert client.messages == [LAST]
    sender.leave()  # as the server does then: somebody receives it
    while not sender.queue.empty():  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0)
