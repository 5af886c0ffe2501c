import asyncio
import gc
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest
from quart import Quart, g, request

from qapp.ext.sijax import ObjResponse, SijaxRequest, calls, end_streams
from qapp.ext.sijax.streams import Send, Stream
from qapp.ext.sijax.wire import Ndjson
from qapp.ext.stopping import MOST_LOOKS
from tests.ext.sijax.tools import PATIENCE_S, Reader, form_of, make_app, post, served


async def next_commands(reader: Reader) -> Any:
    return json.loads(await reader.chunk())


def open_streams(app: Quart) -> int:
    return len(app.extensions["sijax_streams"])


async def stands_still(steps: Callable[[], int]) -> None:
    """Wait until turn after turn of the loop brings no further step, after a first one."""
    unchanged, seen = 0, 0
    async with asyncio.timeout(PATIENCE_S):
        while unchanged < 1000:
            await asyncio.sleep(0)
            unchanged = unchanged + 1 if steps() == seen and seen else 0
            seen = steps()


def stream_of(app: Quart, produce: Callable[[Send], Awaitable[None]]) -> Stream:
    """Return a stream outside of any response; call it within a request."""
    sijax = SijaxRequest(app.extensions["sijax_streams"])
    return sijax.stream(produce, lambda: None, Ndjson)


async def forever(send: Send) -> None:
    """Send one frame, and no other."""
    await send(b"here")
    await asyncio.Event().wait()


async def within(event: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await event.wait()


async def test_each_step_is_sent_before_the_next_is_taken() -> None:
    goes_on = asyncio.Event()

    async def count(answer: ObjResponse, name: str) -> AsyncIterator[object]:
        yield answer.alert(name)
        await goes_on.wait()
        yield answer.alert("b").alert("c")
        answer.alert("after the last step")

    app = make_app(lambda: g.sijax.register_comet_callback("count", count))
    async with served(app) as site:
        reader = await site.call("count", ["a"])
        head = await reader.head()
        assert "\r\ncontent-type: application/x-ndjson\r\n" in head
        assert "\r\nx-accel-buffering: no\r\n" in head
        assert await next_commands(reader) == [{"type": "alert", "alert": "a"}]
        goes_on.set()
        assert [each["alert"] for each in await next_commands(reader)] == ["b", "c"]
        assert [each["alert"] for each in await next_commands(reader)] == ["after the last step"]
        assert await reader.chunk() == b""
        assert open_streams(app) == 0


async def test_a_sync_generator_is_a_stream_too_and_blocks_nobody() -> None:
    goes_on, closed = threading.Event(), threading.Event()

    def count(answer: ObjResponse) -> Iterator[object]:
        try:
            yield answer.alert("1")
            assert goes_on.wait(PATIENCE_S)
            yield answer.alert("2")
            yield answer.alert("3")
        finally:
            closed.set()

    app = make_app(lambda: g.sijax.register_comet_callback("count", count))
    async with served(app) as site:
        first = await site.call("count")
        await first.head()
        await first.chunk()
        # The loop answers others while the generator waits in its thread.
        assert (await post(app, "unknown")).status_code == 200
        goes_on.set()
        assert (await next_commands(first))[0]["alert"] == "2"
    assert await asyncio.to_thread(closed.wait, PATIENCE_S)


async def test_a_silent_stream_shows_that_it_lives() -> None:
    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        await asyncio.Event().wait()
        yield None

    app = make_app(lambda: g.sijax.register_comet_callback("wait", wait), SIJAX_HEARTBEAT_S=0.01)
    async with served(app) as site:
        reader = await site.call("wait")
        await reader.head()
        assert [await reader.chunk() for _ in range(3)] == [b"\n"] * 3


async def test_a_sign_of_life_lets_no_step_pass_unsent() -> None:
    # A step that begins while a sign of life is on its way waits for its own frame.
    steps: list[int] = []
    goes_on = asyncio.Event()

    async def produce(send: Any) -> None:
        await goes_on.wait()
        for step in range(3):
            steps.append(step)
            await send(b"%d" % step)

    app = make_app(lambda: None, SIJAX_HEARTBEAT_S=0)
    async with app.test_request_context("/"):
        stream = stream_of(app, produce)
    assert await anext(stream) == b"\n"
    goes_on.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert steps == [0]
    assert await anext(stream) == b"0"
    for _ in range(5):
        await asyncio.sleep(0)
    assert steps == [0]
    await stream.aclose()


async def test_a_reader_who_hangs_up_closes_the_generator_and_leaves_nothing() -> None:
    closed = asyncio.Event()

    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        try:
            yield answer.alert("here")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # what a close awaits is done too
            closed.set()

    app = make_app(lambda: g.sijax.register_comet_callback("wait", wait))
    async with served(app) as site:
        reader = await site.call("wait")
        await reader.head()
        await reader.chunk()
        assert open_streams(app) == 1
        await reader.hang_up()
        await within(closed)
    assert open_streams(app) == 0
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each) is Stream]


async def test_a_reader_who_hangs_up_during_a_stop_does_not_cut_the_generators_end_short() -> None:
    began, goes_on, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        try:
            yield answer.alert("here")
            await asyncio.Event().wait()
        finally:
            began.set()
            await goes_on.wait()
            closed.set()

    app = make_app(lambda: g.sijax.register_comet_callback("wait", wait))
    async with served(app) as site:
        reader = await site.call("wait")
        await reader.head()
        await reader.chunk()
        end_streams(app)
        await within(began)
        await reader.hang_up()
        # The server has seen it by the time that it answers somebody else.
        await (await site.call("nobody")).head()
        goes_on.set()
        await within(closed)


async def test_a_stop_ends_a_stream_at_once_and_properly() -> None:
    closed = asyncio.Event()

    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        try:
            yield answer.alert("here")
            await asyncio.Event().wait()
        finally:
            closed.set()

    app = make_app(lambda: g.sijax.register_comet_callback("wait", wait))
    # The stop would wait for an hour, the test does not.
    async with served(app, graceful_s=3600) as site:
        reader = await site.call("wait")
        await reader.head()
        await reader.chunk()
        site.stop.set()
        assert await reader.chunk() == b""
        await within(closed)
        await reader.hang_up()
        async with asyncio.timeout(PATIENCE_S):
            await site.task


async def test_who_stops_another_server_ends_the_streams_by_hand() -> None:
    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        yield answer.alert("here")
        await asyncio.Event().wait()

    app = make_app(lambda: g.sijax.register_comet_callback("wait", wait))
    async with served(app) as site:
        readers = [await site.call("wait") for _ in range(3)]
        for reader in readers:
            await reader.head()
            await reader.chunk()
        end_streams(app)
        assert [await reader.chunk() for reader in readers] == [b""] * 3


async def test_a_slow_reader_holds_the_generator_back() -> None:
    frame = "x" * 100_000
    steps = 0
    total = 400

    async def pour(answer: ObjResponse) -> AsyncIterator[object]:
        nonlocal steps
        for _ in range(total):
            steps += 1
            yield answer.alert(frame)

    app = make_app(
        lambda: g.sijax.register_comet_callback("pour", pour), SIJAX_HEARTBEAT_S=PATIENCE_S
    )
    async with served(app) as site:
        reader = await site.call("pour")
        await reader.head()
        await stands_still(lambda: steps)
        assert steps < total / 2
        for _ in range(total):
            assert (await next_commands(reader))[0]["alert"] == frame
        assert await reader.chunk() == b""


async def test_a_reader_who_takes_nothing_at_all_is_given_up() -> None:
    closed = asyncio.Event()

    async def pour(answer: ObjResponse) -> AsyncIterator[object]:
        try:
            while True:
                yield answer.alert("x" * 1_000_000)
        finally:
            closed.set()

    app = make_app(lambda: g.sijax.register_comet_callback("pour", pour), SIJAX_SEND_S=0.05)
    async with served(app) as site:
        reader = await site.call("pour")
        await reader.head()
        await within(closed)
        assert open_streams(app) == 0


async def test_a_stop_does_not_wait_for_a_reader_who_takes_nothing() -> None:
    closed = asyncio.Event()
    steps = 0

    async def pour(answer: ObjResponse) -> AsyncIterator[object]:
        nonlocal steps
        try:
            while True:
                steps += 1
                yield answer.alert("x" * 1_000_000)
        finally:
            closed.set()

    app = make_app(lambda: g.sijax.register_comet_callback("pour", pour), SIJAX_SEND_S=3600)
    async with served(app, graceful_s=3600) as site:
        await (await site.call("pour")).head()
        await stands_still(lambda: steps)
        site.stop.set()
        await within(closed)


async def test_no_stream_begins_while_the_server_stops() -> None:
    goes_on = asyncio.Event()

    async def slow(answer: ObjResponse) -> None:
        await goes_on.wait()

    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        yield answer.alert("here")
        await asyncio.Event().wait()

    def register() -> None:
        g.sijax.register_callback("slow", slow).register_comet_callback("wait", wait)

    app = make_app(register)
    async with served(app) as site:
        await site.call("slow")
        reader = await site.call("wait")
        await reader.head()
        await reader.chunk()
        site.stop.set()
        assert await reader.chunk() == b""  # so the stop has begun; the slow one holds it up
        late = await post(app, "wait")
        assert await late.get_data() == b""
        goes_on.set()


async def test_the_end_of_the_app_ends_its_streams_and_no_other_begins() -> None:
    app = make_app(lambda: None)
    async with app.test_app():
        async with app.test_request_context("/"):
            stream, never_read = stream_of(app, forever), stream_of(app, forever)
        assert await anext(stream) == b"here"
        reader = asyncio.ensure_future(anext(stream, None))
    assert await reader is None
    assert open_streams(app) == 0
    assert await anext(never_read, None) is None


async def test_streams_are_served_without_a_server_that_can_be_seen() -> None:
    app = make_app(lambda: None)
    async with app.test_request_context("/"):
        streams = [stream_of(app, forever) for _ in range(MOST_LOOKS + 2)]
    assert [await anext(stream) for stream in streams] == [b"here"] * len(streams)
    for stream in streams:
        await stream.aclose()


async def test_a_generator_that_does_not_end_is_logged_and_ended_with_the_app(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()

    async def stubborn(send: Send) -> None:
        try:
            await send(b"here")
        finally:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    app = make_app(lambda: None)
    async with app.test_app():
        async with app.test_request_context("/"):
            stream = stream_of(app, stubborn)
        assert await anext(stream) == b"here"
        with monkeypatch.context() as patch:
            patch.setattr("qapp.ext.sijax.streams.CLOSE_S", 0)
            await stream.aclose()
        assert "still runs" in caplog.text
        assert not ended.is_set()
    assert ended.is_set()


async def test_events_have_their_say_around_a_streams_steps() -> None:
    def steps(answer: ObjResponse) -> Iterator[object]:
        yield answer.alert("step")
        answer.alert("last")

    async def after(answer: ObjResponse) -> AsyncIterator[object]:
        yield answer.alert("after")
        yield answer.alert("and after")

    def register() -> None:
        g.sijax.register_comet_callback("steps", steps)
        g.sijax.register_event("before_processing", lambda answer: answer.alert("before"))
        g.sijax.register_event("after_processing", after)

    response = await post(make_app(register), "steps")
    lines = (await response.get_data(as_text=True)).splitlines()
    said = [json.loads(line)[0]["alert"] for line in lines]
    assert said == ["before", "step", "last", "after", "and after"]


@pytest.mark.parametrize("close_s", [PATIENCE_S, 0])
async def test_a_sync_generator_is_closed_when_its_step_is_done(
    monkeypatch: pytest.MonkeyPatch, close_s: float
) -> None:
    monkeypatch.setattr(calls, "CLOSE_S", close_s)
    began, goes_on, closed = threading.Event(), threading.Event(), threading.Event()

    def count() -> Generator[object, None, None]:
        try:
            yield 1
            began.set()
            assert goes_on.wait(PATIENCE_S)
            yield 2
        finally:
            closed.set()

    steps = calls.steps_of(count())
    await anext(steps)
    second = asyncio.ensure_future(anext(steps))
    assert await asyncio.to_thread(began.wait, PATIENCE_S)
    second.cancel()
    if close_s:
        await asyncio.sleep(0)
        assert not closed.is_set()
        goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await second
    goes_on.set()
    assert await asyncio.to_thread(closed.wait, PATIENCE_S)


async def test_steps_that_say_nothing_do_not_hold_up_the_loop() -> None:
    ends = asyncio.Event()

    async def spin(answer: ObjResponse) -> AsyncIterator[object]:
        while not ends.is_set():
            yield None
        answer.alert("done")

    app = make_app(lambda: g.sijax.register_comet_callback("spin", spin))
    async with served(app) as site:
        reader = await site.call("spin")
        await reader.head()
        ends.set()
        assert (await next_commands(reader))[0]["alert"] == "done"


async def test_a_generator_that_fails_breaks_the_stream_off() -> None:
    async def fail(answer: ObjResponse) -> AsyncIterator[object]:
        yield answer.alert("before")
        raise ValueError("in the middle")

    app = make_app(lambda: g.sijax.register_comet_callback("fail", fail))
    async with served(app) as site:
        reader = await site.call("fail")
        await reader.head()
        await reader.chunk()
        async with asyncio.timeout(PATIENCE_S):
            assert b"0\r\n\r\n" not in await reader.reader.read()
    assert open_streams(app) == 0


async def test_a_generator_that_fails_as_it_is_closed_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(answer: ObjResponse) -> AsyncIterator[object]:
        try:
            yield answer.alert("before")
            await asyncio.Event().wait()
        finally:
            raise ValueError("at the end")

    app = make_app(lambda: g.sijax.register_comet_callback("fail", fail))
    async with served(app) as site:
        reader = await site.call("fail")
        await reader.head()
        await reader.chunk()
        end_streams(app)
        assert await reader.chunk() == b""
    assert "failed while it was closed" in caplog.text


async def test_no_more_streams_than_the_app_allows() -> None:
    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        yield answer.alert("here")
        await asyncio.Event().wait()

    app = make_app(lambda: g.sijax.register_comet_callback("wait", wait), SIJAX_MAX_STREAMS=1)
    async with served(app) as site:
        first = await site.call("wait")
        await first.head()
        await first.chunk()
        assert (await (await site.call("wait")).head()).startswith("HTTP/1.1 503 ")


async def test_a_stream_has_the_request_and_what_is_left_in_g() -> None:
    async def tell(answer: ObjResponse) -> AsyncIterator[object]:
        yield answer.alert(f"{request.path} {g.user} {'database' in g}")
        yield answer.alert(g.user)

    app = make_app(lambda: g.sijax.register_comet_callback("tell", tell))

    @app.before_request
    async def log_in() -> None:
        g.user = request.headers["X-User"]
        g.database = "open"

    @app.teardown_appcontext
    async def close(_: BaseException | None) -> None:
        g.pop("database", None)

    async with served(app) as site:
        readers = [
            await site.call("tell", head=f"X-Sijax: 1\r\nX-User: {name}") for name in ("al", "bo")
        ]
        for reader in readers:
            await reader.head()
        for reader, name in zip(readers, ("al", "bo"), strict=True):
            assert (await next_commands(reader))[0]["alert"] == f"/ {name} False"
            assert (await next_commands(reader))[0]["alert"] == name


async def test_a_stream_of_one_app_is_not_ended_with_another() -> None:
    async def wait(answer: ObjResponse) -> AsyncIterator[object]:
        yield answer.alert("here")
        await asyncio.Event().wait()

    apps = [make_app(lambda: g.sijax.register_comet_callback("wait", wait)) for _ in range(2)]
    async with served(apps[0]) as one, served(apps[1]) as two:
        readers = [await site.call("wait") for site in (one, two)]
        for reader in readers:
            await reader.head()
            await reader.chunk()
        end_streams(apps[0])
        assert await readers[0].chunk() == b""
        assert [open_streams(app) for app in apps] == [0, 1]


async def test_the_old_client_gets_its_frames_with_nothing_that_ends_a_script() -> None:
    nasty = "</script><script>alert(1)</script>\u2028<!--&"

    async def tell(answer: ObjResponse) -> AsyncIterator[object]:
        yield answer.alert(nasty)
        yield answer.redirect("/next?a=%3C/script%3E")

    app = make_app(lambda: g.sijax.register_comet_callback("tell", tell))
    response = await app.test_client().post("/", form=form_of("tell"))
    assert response.content_type == "text/html; charset=utf-8"
    text = await response.get_data(as_text=True)
    preamble, *frames = text.split("<script>window.parent.Sijax.processCommands(")
    first, second = (frame.removesuffix(");</script>\n") for frame in frames)
    assert len(preamble) > 2000
    assert json.loads(first) == [{"type": "alert", "alert": nasty}]
    assert not set(first) & set("<>&\u2028")
    script = 'window.location = "/next?a=%3C/script%3E";'
    assert json.loads(second) == [{"type": "script", "script": script}]
