"""Hang up in the middle of thousands of requests, then see whether the site is as good as new.

The server runs in this process, on real sockets, so that what it leaves behind can be counted.

    python -m tests.bench.cancellation --requests 10000
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config

from qapp import create_app
from qapp.accounts import queries, service
from qapp.config import Settings
from qapp.extensions import db
from qapp.web.templating import now_ms
from tests.bench.table import Line, show
from tests.client import Client
from tests.serving import KEY, PASSWORD, free_port

AT_A_TIME = 50
NORMAL = 1000


async def hang_up(client: Client, number: int) -> None:
    """Send a request, whole or in part, and go at a random moment."""
    kind = number % 5
    form = {"title": f"Gone {number}", "text": "Tea *for* two"}
    if kind < 3:
        sent = client.encode("POST", "/add", form)
    else:
        sent = client.encode("GET", "/" if kind == 3 else f"/search?q=gone+{number}")
    if random.random() < 0.1:
        sent = sent[: random.randrange(len(sent))]
    await client.connect()
    assert client.writer is not None
    client.writer.write(sent)
    await asyncio.sleep(random.expovariate(1 / 0.005))
    if random.random() < 0.5:
        client.writer.transport.abort()
    client.close()


async def be_normal(client: Client, number: int) -> bool:
    """Post or read as one should; tell whether it worked."""
    if number % 2:
        form = {"title": f"Stayed {number}", "text": "Tea"}
        return (await client.request("POST", "/add", form)).status == 302
    return (await client.request("GET", "/")).status == 200


def pending_futures() -> int:
    """Count the futures and tasks that nothing has settled."""
    gc.collect()
    kinds = (asyncio.Future, asyncio.Task)
    return sum(isinstance(thing, kinds) and not thing.done() for thing in gc.get_objects())


async def in_turns(work: Any, count: int, clients: list[Client]) -> list[Any]:
    """Do `work(client, number)` `count` times, each client one thing at a time."""
    results: list[Any] = []
    numbers = iter(range(count))

    async def turns(client: Client) -> None:
        for number in numbers:
            results.append(await work(client, number))

    await asyncio.gather(*(turns(client) for client in clients))
    return results


async def measure(folder: Path, requests: int) -> list[Line]:
    """Serve, hang up, count what is left, behave, and count again."""
    settings = Settings(SECRET_KEY=KEY, INSTANCE_PATH=str(folder), RATE_LIMITS={})
    app = create_app(settings)
    config = Config()
    port = free_port()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = str(folder / "errors.log")
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    while True:
        try:
            await Client(port).request("GET", "/readyz")
            break
        except OSError:
            await asyncio.sleep(0.05)
    async with app.app_context():
        await queries.add_user(
            db, username="alice", password_hash=service.hash_password(PASSWORD), now_ms=now_ms()
        )
    author = await Client(port).log_in("alice")
    author.close()

    def clients() -> list[Client]:
        return [Client(port, author.cookie, author.token) for _ in range(AT_A_TIME)]

    normal = clients()
    await in_turns(be_normal, AT_A_TIME, normal)
    for client in normal:
        client.close()
    await settle()
    tasks_before, futures_before = len(asyncio.all_tasks()), pending_futures()

    await in_turns(hang_up, requests, clients())
    await settle()
    tasks_after, futures_after = len(asyncio.all_tasks()), pending_futures()
    engine = app.extensions["database"]
    open_transaction = await engine._writes.connection.run(
        lambda: engine._writes.connection.raw.in_transaction
    )

    normal = clients()
    worked = await in_turns(be_normal, NORMAL, normal)
    for client in normal:
        client.close()
    async with app.app_context():
        stored = await db.fetch_value("SELECT count(*) FROM entries WHERE title LIKE 'Gone %'")
    stop.set()
    await serving
    errors = (folder / "errors.log").read_text()
    return [
        Line("requests hung up on", f"{requests}", f"{requests}", True),
        Line("their posts that were stored nevertheless", f"{stored}", "any", True),
        Line("a transaction left open", str(open_transaction), "False", not open_transaction),
        Line("tasks left", f"{tasks_after - tasks_before}", "0", tasks_after <= tasks_before),
        Line(
            "futures left",
            f"{futures_after - futures_before}",
            "0",
            futures_after <= futures_before,
        ),
        Line("normal requests that failed", f"{worked.count(False)} of {NORMAL}", "0", all(worked)),
        Line(
            "tracebacks in the log", f"{errors.count('Traceback')}", "0", "Traceback" not in errors
        ),
    ]


async def settle() -> None:
    """Wait until the server has let go of everybody who has gone.

    Hypercorn's tasks for a connection may outlast it by the keep-alive time, five seconds.
    """
    before = -1
    while (now := len(asyncio.all_tasks())) != before:
        before = now
        await asyncio.sleep(6)


def main() -> int:
    """Run it and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    requests = parser.parse_args().requests
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        lines = runner.run(measure(Path(folder), requests))
    return show(f"Clients that hang up, {AT_A_TIME} at a time, then {NORMAL} that do not", lines)


if __name__ == "__main__":
    sys.exit(main())
