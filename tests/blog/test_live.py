"""New entries are told as they come: to readers of all workers, and to pages where they stood."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from qapp.extensions import db, live
from tests.bench.freshness import connections_to_each_worker
from tests.blog.tools import fill
from tests.client import Client
from tests.conftest import Serve, Visitor
from tests.ext.live.tools import Heard, Listener, ask
from tests.ext.sijax.tools import Reader as Socket
from tests.ext.sijax.tools import Site
from tests.serving import Server, server_with_user

LINK = re.compile(r'data-live="/live" data-after="(\d+)"')


@pytest.fixture
async def author(tmp_path: Path) -> AsyncIterator[tuple[Server, Client]]:
    """A real server with two workers, and alice, who writes there."""
    with server_with_user(tmp_path, "alice") as server:
        client = await Client(server.port).log_in("alice")
        yield server, client
        client.close()


async def post(client: Client, title: str) -> None:
    answer = await client.request("POST", "/add", {"title": title, "text": "Tea"})
    assert answer.status == 302


async def a_reader_of_each_worker(
    server: Server, author: Client, last_id: str = ""
) -> list[Listener]:
    found = []
    for client in await connections_to_each_worker(server, author):
        assert client.reader is not None
        assert client.writer is not None
        socket = Socket(client.reader, client.writer)
        await ask(socket, "/live", last_id)
        found.append(await Listener(Site(server.port)).over(socket))
    assert len(found) == server.workers
    return found


def title(heard: Heard | None) -> str:
    assert heard is not None
    assert heard.kind == "entry"
    text: str = json.loads(heard.data)["title"]
    return text


async def test_an_entry_reaches_the_readers_of_all_workers_at_once(
    author: tuple[Server, Client],
) -> None:
    server, alice = author
    readers = await a_reader_of_each_worker(server, alice)
    slowest_s = 0.0
    for number in range(10):
        await post(alice, f"Tea {number}")
        begun = time.monotonic()
        for reader in readers:
            assert title(await reader.next()) == f"Tea {number}"
        slowest_s = max(slowest_s, time.monotonic() - begun)
    assert slowest_s < 1  # 0.25 on a machine that has nothing else to do
    for reader in readers:
        await reader.hang_up()


async def test_who_comes_back_to_another_worker_misses_and_repeats_nothing(
    author: tuple[Server, Client],
) -> None:
    server, alice = author
    readers = await a_reader_of_each_worker(server, alice)
    await post(alice, "Seen")
    for reader in readers:
        assert title(await reader.next()) == "Seen"
        await reader.hang_up()
    for number in range(3):
        await post(alice, f"Missed {number}")
    # Each worker may have been the one that did not take the posts.
    for reader in await a_reader_of_each_worker(server, alice, readers[0].last_id):
        for number in range(3):
            assert title(await reader.next()) == f"Missed {number}"
        await reader.hang_up()


async def test_a_stop_ends_the_streams_and_waits_for_none(author: tuple[Server, Client]) -> None:
    server, alice = author
    readers = await a_reader_of_each_worker(server, alice)
    for _ in range(50):
        readers.append(await Listener(Site(server.port)).connect())
    assert server.process is not None
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    for reader in readers:
        assert await reader.next() is None
        await reader.hang_up()
    assert await asyncio.to_thread(server.process.wait, 60) == 0
    assert time.monotonic() - begun < 10  # graceful_timeout is 20
    assert "Traceback" not in server.log


async def next_event(visitor: Visitor, after: int, kind: str = "entry") -> dict[str, object]:
    """Read the first event of a kind after one."""
    async with visitor.client.request("/live", query_string={"after": str(after)}) as connection:
        await connection.send_complete()
        text = ""
        while not (data := re.search(f"^event: {kind}\ndata: (.*)$", text, re.MULTILINE)):
            text += (await connection.receive()).decode()
        await connection.disconnect()
    event: dict[str, object] = json.loads(data[1])
    return event


async def test_the_event_says_what_a_list_shows(alice: Visitor, visitor: Visitor) -> None:
    title = 'Añjali\'s "tea" <b>&amp; \\ \u2028\U0001f375'
    number = await alice.add(title)
    event = await next_event(visitor, 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(event.pop("created_at")))
    assert event == {"id": number, "title": title, "author": "alice", "url": f"/post/{number}"}
    assert (await visitor.get(f"/post/{number}")).status_code == 200


async def test_what_is_changed_and_deleted_is_told(alice: Visitor, visitor: Visitor) -> None:
    number = await alice.add("Tea")
    version = await version_of(alice, number)
    form = {"title": "Green", "text": "tea", "version": version}
    assert (await alice.post(f"/post/{number}/edit", form)).status_code == 302
    event = await next_event(visitor, 0, "changed")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(event.pop("updated_at")))
    assert event == {"id": number, "title": "Green", "author": "alice", "url": f"/post/{number}"}
    await alice.post(f"/post/{number}/delete")
    assert await next_event(visitor, 0, "deleted") == {"id": number}


async def version_of(visitor: Visitor, entry_id: int) -> str:
    found = re.search(
        r'name="version"[^>]* value="(\d+)"', await visitor.text(f"/post/{entry_id}/edit")
    )
    assert found is not None
    return found[1]


async def test_of_what_is_rolled_back_or_refused_nobody_is_told(
    alice: Visitor, bob: Visitor, visitor: Visitor
) -> None:
    number = await alice.add("Tea")
    version = await version_of(alice, number)
    form = {"title": "Green", "text": "tea", "version": version}
    assert (await bob.post(f"/post/{number}/edit", form)).status_code == 403
    form["version"] = "1"
    assert (await alice.post(f"/post/{number}/edit", form)).status_code == 409
    assert (await bob.post(f"/post/{number}/delete")).status_code == 403
    async with alice.app.app_context():
        with suppress(ZeroDivisionError):
            async with db.transaction() as tx:
                await tx.execute("UPDATE entries SET title = 'Spilt'")
                await tx.execute("DELETE FROM entries")
                raise ZeroDivisionError
        kinds = await db.fetch_all("SELECT kind FROM live_events")
    assert [tuple(kind) for kind in kinds] == [("entry",)]


async def test_an_account_takes_its_entries_along(alice: Visitor, visitor: Visitor) -> None:
    number = await alice.add("Tea")
    async with alice.app.app_context():
        await db.execute("DELETE FROM users WHERE username = 'alice'")
    assert await next_event(visitor, 0, "deleted") == {"id": number}


async def test_an_entry_follows_its_changes_and_is_whole_without(
    alice: Visitor, bob: Visitor, visitor: Visitor
) -> None:
    number = await alice.add("Tea")
    for who in (alice, bob, visitor):
        page = await who.text(f"/post/{number}")
        assert LINK.search(page) is not None
        assert f'data-only="{number}"' in page
        assert re.search('<p [^>]*data-gone="show"[^>]* hidden>This entry was deleted', page)
        assert "stream.js" in page
        assert ("Yes, delete it" in page) is (who is alice)


async def test_an_entry_that_was_refused_is_not_told(alice: Visitor, visitor: Visitor) -> None:
    refused = await alice.post("/add", {"title": "", "text": "x"})
    assert refused.status_code == 422
    await alice.add("Told")
    assert (await next_event(visitor, 0))["title"] == "Told"


async def test_entries_that_come_by_another_way_are_told_too(alice: Visitor) -> None:
    await fill(alice.app, 3)
    assert (await next_event(alice, 2))["title"] == "Entry 3"


async def test_the_page_listens_from_where_it_was_made(alice: Visitor, visitor: Visitor) -> None:
    await fill(alice.app, 30)
    async with alice.app.app_context():
        await alice.app.extensions["live"].look()
        assert live.position == 30
    for who in (alice, visitor):
        page = await who.text("/")
        found = LINK.search(page)
        assert found is not None
        assert found[1] == "30"
        assert "arrivals.js" in page
    older = await visitor.text("/?before=20")
    assert "data-live" not in older
    assert "arrivals.js" not in older


async def test_a_stream_knows_nobody_and_asks_the_database_nothing(
    alice: Visitor, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    run = db._run

    def note(statement: object) -> object:
        asked.append(str(statement))
        return run(statement)  # type: ignore[arg-type]

    monkeypatch.setattr(db, "_run", note)
    response = await alice.get("/live")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers
    assert asked == []


async def test_readers_past_the_limit_are_told_in_words(serve: Serve) -> None:
    visitor = Visitor(await serve(LIVE_MOST_READERS=1))
    async with visitor.client.request("/live") as connection:
        await connection.send_complete()
        await connection.receive()
        refused = await visitor.get("/live")
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "30"
        assert "We are too busy right now." in await refused.get_data(as_text=True)
        await connection.disconnect()
