"""Apps that mail, and a certificate for the servers that they mail to."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from qapp.ext.database import Database
from qapp.ext.mail import outbox

from .servers import Server
from .sites import NEEDED, Clock, Site, Start


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signs the servers' certificates; nobody trusts it by himself."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A certificate for this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    """A file for `MAIL_CA_FILE`."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    """Start mail servers; they stop when the test ends."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Server:
            return await stack.enter_async_context(Server.start(**options))

        yield start


@pytest.fixture
async def server(serve: Callable[..., Any]) -> Server:
    """A mail server that takes everything, unless a test has it refuse."""
    started: Server = await serve()
    return started


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def outbox_table(tmp_path: Path) -> None:
    async with Database(url=f"sqlite:///{tmp_path}/mail.db") as db:
        for statement in NEEDED:
            await db.execute(statement)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(outbox, "MOST_PAUSE_S", 0.05)


@pytest.fixture
async def start(
    tmp_path: Path, clock: Clock, outbox_table: None, short_pauses: None
) -> AsyncIterator[Start]:
    """Start apps on one database file; they stop when the test ends."""
    async with AsyncExitStack() as stack:

        async def started(port: int, **settings: Any) -> Site:
            site = Site(tmp_path, port, clock, **settings)
            return await stack.enter_async_context(site.serving())

        yield started


@pytest.fixture
async def site(server: Server, start: Start) -> Site:
    return await start(server.port)
