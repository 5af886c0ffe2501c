"""Post through one worker, read through another: is any read older than the post before it?

Each writer has a user of its own and connections to both workers; post and read take turns at them.

    python -m tests.bench.freshness --pairs 10000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from qapp.web.paging import PAGE_SIZE
from tests.bench.table import Line, show
from tests.client import Client
from tests.serving import Server, server_with_user

# So few that a post is rarely pushed off the page by twenty of the others' before it is read: with
# eight, up to eighteen came between.
WRITERS = 4
MOST_CONNECTIONS = 200
SHOWN = re.compile(r'href="/post/(\d+)"')


async def connections_to_each_worker(server: Server, author: Client) -> list[Client]:
    """Return a connection to each worker; the access log tells who serves which port."""
    found: dict[str, Client] = {}
    for _ in range(MOST_CONNECTIONS):
        client = await Client(server.port, author.cookie, author.token).connect()
        await client.request("GET", "/healthz")
        pid = await asyncio.to_thread(worker_of, server, client.local_port)
        if pid in found:
            client.close()
        found.setdefault(pid, client)
        if len(found) == server.workers:
            return list(found.values())
    raise RuntimeError(f"{MOST_CONNECTIONS} connections all went to {list(found)}")


def worker_of(server: Server, port: int) -> str:
    """Return the id of the process that logged a request from a port."""
    pattern = re.compile(rf"\[(\d+)\] INFO 127\.0\.0\.1:{port} ")
    while not (match := pattern.search(server.log)):
        pass
    return match[1]


async def write_and_read(
    server: Server, name: str, label: str, pairs: int, ways: Counter[str]
) -> int:
    """Post and read the front page until `pairs` reads have told, and return how many were stale.

    A read does not tell where the page is full of newer entries; it is made again with another.

    :param label: what the titles begin with.
    """
    author = await Client(server.port).log_in(name)
    clients = await connections_to_each_worker(server, author)
    stale = told = number = 0
    while told < pairs:
        writer, reader = clients[number % 2], clients[number // 2 % 2]
        title = f"{label}-{number:06}"
        number += 1
        posted = await writer.request("POST", "/add", {"title": title, "text": "Tea"})
        assert posted.status == 302, posted
        page = await reader.request("GET", "/")
        assert page.status == 200, page
        if title not in page.text:
            if await was_pushed_off(reader, page.text, title):
                continue
            stale += 1
        told += 1
        ways["same worker" if writer is reader else "the other worker"] += 1
    for client in (author, *clients):
        client.close()
    return stale


async def was_pushed_off(reader: Client, page: str, title: str) -> bool:
    """Tell whether a page without an entry has only newer ones, as many as one page shows."""
    answer = await reader.request("GET", f"/api/v1/entries/search?q={title}")
    [entry_id] = [item["id"] for item in json.loads(answer.text)["items"] if item["title"] == title]
    shown = [int(shown_id) for shown_id in SHOWN.findall(page)]
    return len(shown) == PAGE_SIZE and min(shown) > entry_id


async def run(server: Server, names: list[str], pairs: int) -> tuple[int, Counter[str]]:
    """Let writers of these names work at once; return the stale reads and how the pairs went."""
    ways: Counter[str] = Counter()
    each = pairs // len(names)
    stale = await asyncio.gather(
        *(
            write_and_read(server, name, f"writer{number}", each, ways)
            for number, name in enumerate(names)
        )
    )
    return sum(stale), ways


def main() -> int:
    """Run the pairs and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    pairs = parser.parse_args().pairs
    names = [f"writer{number}" for number in range(WRITERS)]
    with tempfile.TemporaryDirectory() as folder, server_with_user(Path(folder), *names) as server:
        stale, ways = asyncio.run(run(server, names, pairs))
    return show(
        f"{pairs} pairs of a post and a read after it, {WRITERS} at a time, 2 workers",
        [
            Line("pairs", f"{ways.total()} ({dict(ways)})", f"{pairs}", ways.total() >= pairs),
            Line("reads older than the post", f"{stale}", "0", stale == 0),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
