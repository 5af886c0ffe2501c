"""A request's way to Quart and back: the same as by Quart's own, with nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quart import Quart, Response, request
from werkzeug.datastructures import Headers

from qapp.web import connection
from qapp.web.connection import Connection, RequestHeaders
from tests.conftest import Visitor

PATIENCE_S = 30
HOST = [(b"host", b"localhost")]


class Client:
    """Somebody who asks an app, as a server hands it on."""

    def __init__(self, app: Quart, **scope: Any) -> None:
        self.app = app
        self.scope = {
            "type": "http",
            "asgi": {},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": "",
            "headers": HOST,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
            "extensions": {},
            **scope,
        }
        self.sent: list[Any] = []
        self.coming: asyncio.Queue[Any] = asyncio.Queue()
        self.asks = asyncio.Semaphore(0)

    def say(self, body: bytes = b"", *, more: bool = False) -> None:
        self.coming.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        self.coming.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> Any:
        self.asks.release()
        return await self.coming.get()

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(Connection(self.app, self.scope)(self.receive, self.send))  # type: ignore[arg-type]

    async def ask(self) -> Any:
        self.say()
        await asyncio.wait_for(self.start(), PATIENCE_S)
        return self.sent


@pytest.fixture
def plain() -> Quart:
    """An app with nothing of the site."""
    app = Quart(__name__)
    app.asgi_http_class = Connection
    return app


async def test_an_answer_that_is_there_is_sent_in_two_messages(plain: Quart) -> None:
    @plain.get("/")
    async def view() -> str:
        return "tea"

    head, body = await Client(plain).ask()
    assert (head["status"], body["body"], body["more_body"]) == (200, b"tea", False)
    assert dict(head["headers"])[b"content-length"] == b"3"


async def test_a_stream_is_sent_as_it_comes(plain: Quart) -> None:
    async def parts() -> AsyncIterator[str]:
        yield "green"
        yield "tea"

    @plain.get("/")
    async def view() -> Response:
        return Response(parts())

    _, *bodies = await Client(plain).ask()
    assert [(each["body"], each["more_body"]) for each in bodies] == [
        (b"green", True),
        (b"tea", True),
        (b"", False),
    ]


async def test_who_leaves_is_answered_no_more(
    plain: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LISTEN_AFTER_S", 0)
    ended = asyncio.Event()

    @plain.get("/")
    async def view() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    client = Client(plain)
    client.say()
    task = client.start()
    for _ in range(2):  # for the request, and for what comes after it
        await asyncio.wait_for(client.asks.acquire(), PATIENCE_S)
    client.leave()
    await asyncio.wait_for(task, PATIENCE_S)
    assert ended.is_set()
    assert client.sent == []
    assert not task.cancelled()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("parts", [[], [b"tea"]])
async def test_who_has_left_before_is_not_asked_for(
    plain: Quart, method: str, parts: list[bytes]
) -> None:
    @plain.route("/", methods=[method])
    async def view() -> str:
        raise AssertionError("it is asked for")

    client = Client(plain, method=method)
    for part in parts:
        client.say(part, more=True)
    client.leave()
    await asyncio.wait_for(client.start(), PATIENCE_S)
    assert client.sent == []


async def test_a_server_may_cancel_a_request(plain: Quart) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    @plain.post("/")
    async def view() -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    client = Client(plain, method="POST")
    task = client.start()
    await asyncio.wait_for(began.wait(), PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE_S)
    assert ended.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_body_is_read_as_it_comes(plain: Quart) -> None:
    @plain.post("/")
    async def view() -> bytes:
        data = await request.get_data()
        assert isinstance(data, bytes)
        return data.upper()

    client = Client(plain, method="POST", headers=[*HOST, (b"content-length", b"6")])
    client.say(b"gre", more=True)
    client.say(b"en ", more=True)
    assert (await client.ask())[-1]["body"] == b"GREEN "


async def test_for_a_body_that_is_here_no_task_is_started(plain: Quart) -> None:
    @plain.post("/")
    async def view() -> str:
        data = await request.get_data()
        return f"{len(data)} bytes, {len(asyncio.all_tasks())} tasks"

    client = Client(plain, method="POST")
    client.say(b"green ", more=True)
    client.say(b"tea", more=True)
    here = len(asyncio.all_tasks())
    assert (await client.ask())[-1]["body"] == f"9 bytes, {here + 1} tasks".encode()


async def test_a_view_begins_before_a_slow_body_ends(plain: Quart) -> None:
    began = asyncio.Event()

    @plain.post("/")
    async def view() -> bytes:
        began.set()
        data = await request.get_data()
        assert isinstance(data, bytes)
        return data

    client = Client(plain, method="POST")
    client.say(b"green ", more=True)
    task = client.start()
    await asyncio.wait_for(began.wait(), PATIENCE_S)
    client.say(b"tea")
    await asyncio.wait_for(task, PATIENCE_S)
    assert client.sent[-1]["body"] == b"green tea"


async def test_a_body_that_nobody_announced_is_read_too(plain: Quart) -> None:
    @plain.get("/")
    async def view() -> bytes:
        data = await request.get_data()
        assert isinstance(data, bytes)
        return data

    client = Client(plain)
    client.say(b"gre", more=True)
    assert (await client.ask())[-1]["body"] == b"gre"
    client = Client(plain)
    client.say(b"tea")
    await asyncio.wait_for(client.start(), PATIENCE_S)
    assert client.sent[-1]["body"] == b"tea"


async def test_what_fails_in_receiving_is_told(plain: Quart) -> None:
    @plain.post("/")
    async def view() -> str:
        await asyncio.Event().wait()
        return ""

    client = Client(plain, method="POST")

    async def receive() -> Any:
        raise OSError("the line is cut")

    served = Connection(plain, client.scope)(receive, client.send)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="the line is cut"):
        await asyncio.wait_for(served, PATIENCE_S)


async def test_who_takes_too_long_gets_no_more(plain: Quart) -> None:
    plain.config["RESPONSE_TIMEOUT"] = 0

    @plain.get("/")
    async def view() -> str:
        return "tea"

    client = Client(plain)
    client.say()

    async def send(message: Any) -> None:
        await asyncio.Event().wait()

    served = Connection(plain, client.scope)(client.receive, send)  # type: ignore[arg-type]
    await asyncio.wait_for(served, PATIENCE_S)


@pytest.mark.parametrize(
    ("root_path", "path", "status"),
    [("/tea", "/tea/", 200), ("/tea", "/tea", 404), ("/tea", "/", 404), ("", "/", 200)],
)
async def test_an_app_below_a_path(plain: Quart, root_path: str, path: str, status: int) -> None:
    @plain.get("/")
    async def view() -> str:
        return request.root_path

    sent = await Client(plain, root_path=root_path, path=path).ask()
    assert sent[0]["status"] == status


async def test_an_old_client_names_no_host(plain: Quart) -> None:
    @plain.get("/")
    async def view() -> str:
        return request.host + request.headers["Remote-Addr"]

    assert (await Client(plain, http_version="1.0", headers=[]).ask())[-1]["body"] == b"127.0.0.1"


NAMES = st.sampled_from(["Host", "host", "ACCEPT", "Accept", "Cookie", "X-Tea"])


@given(st.lists(st.tuples(NAMES, st.text("abc,", max_size=5))), NAMES)
def test_headers_answer_as_werkzeugs(pairs: list[tuple[str, str]], name: str) -> None:
    ours, theirs = RequestHeaders(pairs), Headers(pairs)
    assert ours.get(name) == theirs.get(name)
    assert ours.get(name, "none") == theirs.get(name, "none")
    assert ours.get(name, type=len) == theirs.get(name, type=len)
    assert (name in ours) == (name in theirs)
    assert ours.getlist(name) == theirs.getlist(name)
    assert list(ours) == list(theirs)


def test_headers_cannot_be_changed() -> None:
    headers = RequestHeaders([("Host", "localhost")])
    with pytest.raises(TypeError, match="immutable"):
        headers["Host"] = "elsewhere"
    with pytest.raises(TypeError, match="immutable"):
        headers.add("Accept", "*/*")


async def test_a_request_is_forgotten_without_a_search(app: Quart, visitor: Visitor) -> None:
    """What refers to itself stays until Python looks for garbage, which then takes its time."""
    requests = weakref.WeakSet[Any]()

    @app.before_request
    async def remember() -> None:
        requests.add(request._get_current_object())  # type: ignore[attr-defined]

    await visitor.get("/about")  # what is made once is made now
    gc.disable()
    try:
        requests.clear()
        for path in ("/about", "/", "/tour/", "/api/v1/entries"):
            assert (await visitor.get(path)).status_code == 200
        assert [each.path for each in requests] == []
    finally:
        gc.enable()


async def test_what_a_server_holds_of_a_request_is_forgotten_without_a_search(app: Quart) -> None:
    """It holds the scope, and what the layers keep in that is not to lead back to it."""
    clients = weakref.WeakSet[Client]()

    async def ask(path: str) -> int:
        client = Client(app, path=path)
        clients.add(client)
        client.say()
        await app(client.scope, client.receive, client.send)  # type: ignore[arg-type]
        status: int = client.sent[0]["status"]
        return status

    gc.disable()
    try:
        for path in ("/about", "/", "/tour/", "/api/v1/entries"):
            assert await asyncio.create_task(ask(path)) == 200
        assert len(clients) == 0
    finally:
        gc.enable()


async def test_requests_are_read_between_answers_that_waited_for_the_same(
    plain: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LONG_S", -1)
    opened, turn, answered = asyncio.Event(), 0, []

    def tick() -> None:
        nonlocal turn
        turn += 1
        asyncio.get_running_loop().call_soon(tick)

    @plain.get("/")
    async def view() -> str:
        await opened.wait()
        return "tea"

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.append(turn)

    clients = [Client(plain) for _ in range(5 * connection.ANSWERS_A_TURN)]
    for client in clients:
        client.say()
        client.send = send  # type: ignore[method-assign]
    tasks = [client.start() for client in clients]
    for client in clients:
        await asyncio.wait_for(client.asks.acquire(), PATIENCE_S)
    tick()
    opened.set()
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
    assert len(answered) == len(clients)
    assert max(answered.count(each) for each in answered) <= connection.ANSWERS_A_TURN
