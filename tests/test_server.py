"""The real Hypercorn with two workers, over sockets."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.cancellation import hang_up
from tests.bench.crash import look, one_round
from tests.bench.freshness import connections_to_each_worker
from tests.bench.shutdown import graceful_timeout_s, stop_in_flight
from tests.client import Client
from tests.ext.test_unread import small_client
from tests.serving import Server, server_with_user


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh site on two workers, with the users alice and bob."""
    with server_with_user(tmp_path, "alice", "bob") as server:
        yield server


async def test_a_login_made_at_one_worker_holds_and_ends_at_the_other(server: Server) -> None:
    alice = await Client(server.port).log_in("alice")
    here, there = await connections_to_each_worker(server, alice)
    for client in (here, there):
        answer = await client.request("POST", "/add", {"title": "Tea", "text": "green"})
        assert answer.status == 302
    assert "Tea" in (await there.request("GET", "/users/alice")).text

    copied = Client(server.port, here.cookie)
    assert (await here.request("POST", "/logout", {})).status == 302
    there.cookie = copied.cookie
    assert (await there.request("GET", "/account")).status == 302
    for client in (alice, here, there, copied):
        client.close()


async def test_a_kept_page_is_dropped_for_a_post_at_either_worker(server: Server) -> None:
    alice = await Client(server.port).log_in("alice")
    readers = await connections_to_each_worker(server, alice)
    for reader in readers:
        reader.cookie = ""
    for number in range(10):
        for reader in readers:  # again and again on one connection
            kept = [await reader.request("GET", "/") for _ in range(5)]
            assert "etag" in kept[-1].headers
        title = f"Entry {number:03}"
        assert (await alice.request("POST", "/add", {"title": title, "text": "Tea"})).status == 302
        async with asyncio.timeout(60):
            for reader in readers:
                while title not in (await reader.request("GET", "/")).text:
                    continue
    for client in (alice, *readers):
        client.close()


async def test_posts_of_many_clients_are_each_stored_once(server: Server) -> None:
    alice = await Client(server.port).log_in("alice")

    async def post(number: int) -> None:
        client = Client(server.port, alice.cookie, alice.token)
        for turn in range(5):
            form = {"title": f"Entry {number}-{turn}", "text": "Tea"}
            assert (await client.request("POST", "/add", form)).status == 302
        client.close()

    await asyncio.gather(*(post(number) for number in range(50)))
    titles: list[str] = []
    page = "/users/alice"
    while True:
        text = (await alice.request("GET", page)).text
        titles += re.findall(r">(Entry \d+-\d)<", text)
        older = re.search(r'href="(/users/alice\?before=\d+)"', text)
        if older is None:
            break
        page = older[1]
    assert len(titles) == len(set(titles)) == 250
    alice.close()


async def test_clients_that_hang_up_leave_the_site_as_good_as_new(server: Server) -> None:
    alice = await Client(server.port).log_in("alice")

    async def leave(number: int) -> None:
        for turn in range(10):
            await hang_up(Client(server.port, alice.cookie, alice.token), number * 10 + turn)

    await asyncio.gather(*(leave(number) for number in range(20)))
    for number in range(40):
        form = {"title": f"Stayed {number}", "text": "Tea"}
        assert (await alice.request("POST", "/add", form)).status == 302
    assert "Stayed 39" in (await alice.request("GET", "/")).text
    alice.close()
    assert "Traceback" not in server.log


async def test_a_stop_answers_what_is_in_flight_and_ends_well(server: Server) -> None:
    alice = await Client(server.port).log_in("alice")
    alice.close()
    stop = await stop_in_flight(server, alice)
    assert stop.stored == stop.answered == 20
    assert stop.status == 0
    assert stop.seconds < graceful_timeout_s()
    assert not stop.has_traceback


async def test_a_stop_does_not_wait_for_who_reads_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path, UNREAD_TIMEOUT="1").start()
    sockets = []
    for path in ["/static/vendor/swagger-ui/swagger-ui-bundle.js"] * 20 + ["/live"]:
        client = small_client(server.port)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert await asyncio.to_thread(client.recv, 1) == b"H"
        sockets.append(client)
    begun = time.monotonic()
    assert await asyncio.to_thread(server.stop) == 0
    assert time.monotonic() - begun < graceful_timeout_s()
    assert "Traceback" not in server.log
    for client in sockets:
        client.close()


async def test_the_server_does_not_say_what_it_is(server: Server) -> None:
    client = Client(server.port)
    for path in ("/", "/nowhere", "/static/site.css"):
        assert "server" not in (await client.request("GET", path)).headers
    client.close()


async def test_a_worker_killed_loses_nothing_that_was_acknowledged(server: Server) -> None:
    acknowledged: list[str] = []
    _, failed = await one_round(server, 0, acknowledged)
    assert acknowledged
    assert failed == 0
    assert look(server.folder / "qapp.db", acknowledged) == (0, 0, "ok")
