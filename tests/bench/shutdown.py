"""Stop the site while requests are in flight: are they answered, and does it end as it should?

A request is in flight once the server has asked for its body (100 Continue); its body comes after
the workers have begun to stop, which shows in their hanging up on an idle connection.

    python -m tests.bench.shutdown --rounds 10
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.bench.table import Line, show
from tests.client import Client
from tests.serving import ROOT, Server, server_with_user

IN_FLIGHT = 20


class Stop(NamedTuple):
    """How one stop went."""

    answered: int
    stored: int
    status: int
    seconds: float
    has_traceback: bool


def graceful_timeout_s() -> float:
    """Return what hypercorn.toml allows."""
    with (ROOT / "hypercorn.toml").open("rb") as file:
        timeout: float = tomllib.load(file)["graceful_timeout"]
        return timeout


async def stop_in_flight(server: Server, author: Client, requests: int = IN_FLIGHT) -> Stop:
    """Send SIGTERM while posts are half sent, send the rest, and see what comes back."""
    idle = await Client(server.port).connect()
    await idle.request("GET", "/healthz")
    clients, bodies = [], []
    for number in range(requests):
        client = await Client(server.port, author.cookie, author.token).connect()
        form = {"title": f"In flight {number}", "text": "Tea"}
        head, _, body = client.encode("POST", "/add", form, "Expect: 100-continue\r\n").partition(
            b"\r\n\r\n"
        )
        assert client.writer is not None
        assert client.reader is not None
        client.writer.write(head + b"\r\n\r\n")
        assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        clients.append(client)
        bodies.append(body)
    assert server.process is not None
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert idle.reader is not None
    await idle.reader.read()
    for client, body in zip(clients, bodies, strict=True):
        assert client.writer is not None
        client.writer.write(body)
    answers = await asyncio.gather(*(client.read() for client in clients), return_exceptions=True)
    status = await asyncio.to_thread(server.process.wait, 60)
    seconds = time.monotonic() - begun
    for client in (idle, *clients):
        client.close()
    good = [answer for answer in answers if not isinstance(answer, BaseException)]
    return Stop(
        answered=len(good),
        stored=sum(answer.status == 302 for answer in good),
        status=status,
        seconds=seconds,
        has_traceback="Traceback" in server.log,
    )


async def one_round() -> Stop:
    """Serve a fresh site and stop it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        server_with_user(Path(folder), "alice") as server,
    ):
        author = await Client(server.port).log_in("alice")
        author.close()
        return await stop_in_flight(server, author)


def main() -> int:
    """Run the rounds and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    stops = [asyncio.run(one_round()) for _ in range(rounds)]
    limit_s = graceful_timeout_s()
    sent = rounds * IN_FLIGHT
    answered = sum(stop.answered for stop in stops)
    stored = sum(stop.stored for stop in stops)
    slowest_s = max(stop.seconds for stop in stops)
    statuses = sorted({stop.status for stop in stops})
    tracebacks = sum(stop.has_traceback for stop in stops)
    return show(
        f"SIGTERM with {IN_FLIGHT} requests in flight on 2 workers, {rounds} rounds",
        [
            Line("requests answered", f"{answered} of {sent}", "all", answered == sent),
            Line("posts stored and redirected", f"{stored} of {sent}", "all", stored == sent),
            Line("slowest stop", f"{slowest_s:.2f} s", f"< {limit_s} s", slowest_s < limit_s),
            Line("exit status", f"{statuses}", "[0]", statuses == [0]),
            Line("stops with a traceback", f"{tracebacks}", "0", tracebacks == 0),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
