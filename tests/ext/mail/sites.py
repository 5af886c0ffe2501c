"""Apps with an outbox, and the clock by which it works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from quart import Quart

from qapp.ext.database import Database, Executor
from qapp.ext.mail import Mail, Message, queue, upkeep
from qapp.ext.mail.upkeep import Entry

from .servers import PATIENCE_S

assert queue.__doc__
NEEDED = queue.__doc__.partition("It needs:")[2].partition("`recipients`")[0].split(";")[:-1]
ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"


def app_with(mail: Mail, port: int = 0, **settings: Any) -> Quart:
    """Make an app that mails to a port of this machine, with further settings."""
    app = Quart("testing")
    app.config.update(MAIL_DEFAULT_SENDER="tea@example.org", MAIL_TIMEOUT=30)
    if port:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=port)
    app.config.update(settings)
    mail.init_app(app)
    return app


class Clock:
    """A time that stands still until a test moves it."""

    now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


class Site:
    """An app with an outbox."""

    def __init__(self, folder: Path, port: int, clock: Clock, **settings: Any) -> None:
        # Not by the current app: who takes part in a test shares no context with the others.
        self.db = Database(url=f"sqlite:///{folder}/mail.db")
        self.mail = Mail(db=self.db, now_ms=clock)
        # What is not due at once is due when a test says so.
        self.app = app_with(self.mail, port, **{"MAIL_OUTBOX_POLL": 3600, **settings})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Site]:
        async with self.db, self.app.test_app():
            yield self

    async def store(self, message: Message, executor: Executor) -> int:
        async with self.app.app_context():
            return await self.mail.enqueue(message, executor)

    async def enqueue(self, *recipients: str, subject: str = "Tea") -> int:
        message = Message(subject, list(recipients or (ALICE,)), "It is ready.")
        return await self.store(message, self.db)

    def look(self) -> None:
        self.app.extensions["mail_outbox"].wake()

    async def until(self, condition: Callable[[list[Entry]], bool]) -> list[Entry]:
        """Wait until what is in the outbox is as a test wants it."""
        async with asyncio.timeout(PATIENCE_S):
            version = None
            while True:
                if (now := await self.db.version()) != version:
                    version = now
                    entries = await upkeep.list_entries(self.db, limit=1000)
                    if condition(entries):
                        return entries
                await asyncio.sleep(0.005)

    async def until_empty(self) -> None:
        await self.until(lambda entries: not entries)

    async def until_tried(self, tries: int = 1) -> Entry:
        """Wait until the only message was tried so often, and is claimed no more."""

        def is_so(entries: list[Entry]) -> bool:
            return len(entries) == 1 and entries[0].tries == tries and not entries[0].is_claimed

        (entry,) = await self.until(is_so)
        return entry


Start = Callable[..., Awaitable[Site]]
