"""The load that `locustfile.py` makes, for a few seconds: everybody in it gets what they ask for.

Locust replaces Python's sockets by gevent's, so it runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.conftest import need
from tests.serving import ROOT, server_with_user

# One of each kind at least, by their weights.
USERS = 20
EVERY_S = 0.25
EXPECTED = {
    "/",
    "/static/…",
    "/post/…",
    "/search?q=…",
    "/register",
    "/account",
    "/add",
    "/users/… (own)",
    "/api/v1/entries?limit=20",
    "/live",
    "/live: an entry arrived",
}


@pytest.fixture(autouse=True)
def locust_is_there() -> None:
    need(importlib.util.find_spec("locust"), "Locust", "pip install -e '.[test]'")


async def start(url: str, seconds: int) -> asyncio.subprocess.Process:
    """Start the load without a web page; it prints its figures as JSON."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", "tests/load/locustfile.py", "--headless"),
        *("--host", url, "--users", str(USERS), "--spawn-rate", str(USERS)),
        *("--run-time", f"{seconds}s", "--json", "--skip-log-setup"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_all_of_them_are_served_without_a_failure(tmp_path: Path) -> None:
    with server_with_user(tmp_path, "alice") as server:
        alice = await Client(server.port).log_in("alice")
        await alice.request("POST", "/add", {"title": "Tea", "text": "A garden in the rain."})
        load = await start(server.url, 4)
        ending = asyncio.create_task(load.communicate())
        while not (await asyncio.wait([ending], timeout=EVERY_S))[0]:
            # So that there is something for the live readers, whenever they begin.
            await alice.request("POST", "/add", {"title": "Tea", "text": "Music and bread."})
        alice.close()
    out, err = ending.result()
    assert load.returncode == 0, out + err
    found = json.loads(out)
    assert {each["name"]: each["num_failures"] for each in found if each["num_failures"]} == {}
    assert {each["name"] for each in found} >= EXPECTED
    assert "Traceback" not in err.decode() + server.log


class Elsewhere(BaseHTTPRequestHandler):
    """Answers everything with the same few words, and with a good status."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def another_site() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_pages_that_hold_something_else_are_failures(another_site: str) -> None:
    load = await start(another_site, 2)
    out, _ = await load.communicate()
    assert load.returncode == 1
    pages = {each["name"]: each for each in json.loads(out)}
    for name in ("/search?q=…", "/register"):
        assert pages[name]["num_failures"] == pages[name]["num_requests"] > 0
