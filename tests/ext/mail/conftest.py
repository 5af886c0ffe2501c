"""Apps that mail, and a certificate for the servers that they mail to."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme
from quart import Quart

from qapp.ext.mail import Mail

from .servers import Server


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


def app_with(mail: Mail, port: int = 0, **settings: Any) -> Quart:
    """Make an app that mails to a port of this machine, with further settings."""
    app = Quart("testing")
    app.config.update(MAIL_DEFAULT_SENDER="tea@example.org", MAIL_TIMEOUT=30)
    if port:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=port)
    app.config.update(settings)
    mail.init_app(app)
    return app
