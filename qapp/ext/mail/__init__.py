"""Mail on the event loop, under Flask-Mail's names, and an outbox for what must not get lost.

    from quart import Quart
    from qapp.ext.mail import Mail, Message

    app = Quart(__name__)
    app.config["MAIL_DEFAULT_SENDER"] = ("Tea house", "tea@example.org")
    mail = Mail(app)

    @app.post("/ready")
    async def ready():
        message = Message("Tea", recipients=["alice@example.org"], body="It is ready.")
        await mail.send(message)
        return "Sent"

Every `MAIL_*` setting of Flask-Mail is kept, read once. TLS checks the server's certificate, which
Flask-Mail's does not; `MAIL_CA_FILE` names certificates to trust beside the system's. Others:

`MAIL_BACKEND`: "smtp", "file" (a folder of `.eml` files; the default where `DEBUG` is on and no
    `MAIL_SERVER` is named), "console" (the log) or "memory" (`mail.outgoing`)
`MAIL_FOLDER`: of the file backend, in the instance folder: "mail"
`MAIL_TIMEOUT`: seconds that connecting may take, and each message: 60. Of a message that a server
    takes later than that nobody knows (`MailError.is_in_doubt`).
`MAIL_DEBUG`: log connections and the server's last word on each message; never texts or passwords

Not as in Flask-Mail: `send` and `connect` are awaited; what can't be sent is refused by
`BadHeaderError`, `ValueError` or `MailError`, and not by an assertion; a message's `send_to` is a
list in the order given, and its `sender` stays the pair that it was; a name of plain letters is not
encoded; `configure_host` connects a `Backend` and no smtplib host; the settings are read from
`mail.state`, not from `mail`. There is no `__version__`.

See `outbox` for `mail.enqueue`, its table and its settings.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from blinker import ANY
from quart import Quart, current_app

from qapp.ext.database import Database, Executor

from . import queue, settings
from .attachments import Attachment
from .backends import Envelope, Kept, MailError, Refusal, Refusals
from .connection import Connection, State, email_dispatched
from .headers import Address, BadHeaderError
from .message import Message
from .outbox import Outbox
from .queue import OutboxFull
from .settings import Settings
from .texts import (
    FlaskMailUnicodeDecodeError,
    force_text,
    sanitize_address,
    sanitize_addresses,
    sanitize_subject,
)

__all__ = [
    "Address",
    "Attachment",
    "BadHeaderError",
    "Connection",
    "Envelope",
    "FlaskMailUnicodeDecodeError",
    "Kept",
    "Mail",
    "MailError",
    "Message",
    "OutboxFull",
    "Refusal",
    "Refusals",
    "email_dispatched",
    "force_text",
    "sanitize_address",
    "sanitize_addresses",
    "sanitize_subject",
]

EXTENSION = "mail"
OUTBOX = "mail_outbox"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Mail:
    """Mail for an app; one instance serves any number of apps.

    :param db: where the outbox is; with it the app delivers what is enqueued while it serves.
        Its `Database` is to be set up before, so that it is closed after the outbox.
    :param now_ms: the clock: milliseconds since 1970.
    """

    def __init__(
        self,
        app: Quart | None = None,
        *,
        db: Database | None = None,
        now_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self._db = db
        self._now_ms = now_ms
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> State:
        """Read the settings; deliver the outbox while the app serves, if there is one.

        :raises ValueError: naming the setting that is wrong.
        """
        found = self.init_mail(app.config, app.debug, app.testing)
        found.folder = Path(app.instance_path) / found.folder
        state = app.extensions[EXTENSION] = State(app, found, self._now_ms)
        if self._db is None:
            return state
        outbox = app.extensions[OUTBOX] = Outbox(state, self._db)

        @app.while_serving
        async def delivering() -> AsyncGenerator[None, None]:
            outbox.start()
            try:
                yield
            finally:
                await outbox.stop()

        return state

    def init_mail(
        self, config: MutableMapping[str, Any], debug: bool | int = False, testing: bool = False
    ) -> Settings:
        """Read the settings for `init_app`; to be overridden where they come from elsewhere.

        :raises ValueError: naming the setting that is wrong.
        """
        return settings.read(config, debug=bool(debug), testing=testing)

    @property
    def state(self) -> State:
        """The current app's mail.

        :raises RuntimeError: if there is no current app, or `init_app` was not called with it.
        """
        state: State | None = current_app.extensions.get(EXTENSION)
        if state is None:
            raise RuntimeError("The app has no mail: call Mail(app) or mail.init_app(app).")
        return state

    @property
    def outgoing(self) -> list[Kept]:
        """What the current app's memory backend took, oldest first."""
        return self.state.outgoing

    async def send(self, message: Message, envelope_from: Address | None = None) -> Refusals:
        """Send a message over a connection of its own; see `Connection.send`."""
        async with self.connect() as connection:
            return await connection.send(message, envelope_from)

    async def send_message(self, *args: Any, **kwargs: Any) -> Refusals:
        """Make a `Message` of the arguments and send it."""
        return await self.send(Message(*args, **kwargs))

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """Keep one connection for several messages.

        :raises MailError: if the server can't be reached.
        """
        connection = Connection(self.state)
        await connection.ready()
        try:
            yield connection
        except asyncio.CancelledError:
            connection.abort()  # who is cancelled does not wait for a server's goodbye
            raise
        finally:
            await connection.close()

    @contextmanager
    def record_messages(self) -> Iterator[list[Message]]:
        """Collect the messages that `send` sends meanwhile, by the current app or else by any."""
        messages: list[Message] = []

        async def record(_: Quart, *, message: Message, **__: Any) -> None:
            messages.append(message)

        sender = self.state.app if current_app else ANY
        with email_dispatched.connected_to(record, sender):
            yield messages

    async def enqueue(
        self,
        message: Message,
        executor: Executor,
        envelope_from: Address | None = None,
    ) -> int:
        """Store a message in the outbox, and have it delivered once that is committed.

        :param executor: the transaction of what causes the message, or the database.
        :return: the number of its row, for `upkeep.preview`.
        :raises ValueError: if it goes to nobody, or to too many.
        :raises BadHeaderError: if a header can't be sent, or there is no sender.
        :raises OutboxFull: if `MAIL_OUTBOX_MOST` messages wait already.
        :raises PoolBusy: if too many are being written out at once.
        :raises DatabaseError: if it can't be stored; nothing is sent then. `OutboxFull` is one too.
        """
        state = self.state
        content, envelope = await state.prepared(message, envelope_from)
        number = await queue.add(
            executor,
            content=content,
            envelope=envelope,
            subject=message.subject,
            message_id=message.msgId,
            now_ms=state.now_ms(),
            most=state.settings.most,
        )
        outbox: Outbox | None = current_app.extensions.get(OUTBOX)
        if outbox is not None:
            outbox.wake()
        return number
