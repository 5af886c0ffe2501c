"""One connection for several messages, and the signal that each of them sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from blinker import Namespace
from quart import Quart

from qapp.ext.threads import PoolBusy

from .backends import (
    Backend,
    ConsoleBackend,
    Envelope,
    FileBackend,
    HandOver,
    Kept,
    MemoryBackend,
    NoBackend,
    Refusals,
    unnoticed,
)
from .headers import Address, parsed_address
from .message import Message
from .settings import Settings
from .smtp import SMTPBackend

__all__ = ["Connection", "Refusals", "State", "email_dispatched"]

signals = Namespace()
# Sent by the app, with `message`, for each message that `send` sends, also a suppressed one.
email_dispatched = signals.signal("email-dispatched")

# How many messages may wait to be written out: two seconds of a processor.
MOST_PREPARED = 2000


class State:
    """An app's mail.

    :ivar outgoing: what the memory backend took, oldest first.
    """

    def __init__(self, app: Quart, settings: Settings, now_ms: Callable[[], int]) -> None:
        self.app = app
        self.settings = settings
        self.now_ms = now_ms
        self.outgoing: list[Kept] = []
        self._preparing = 0
        # A lock is of one loop only, and an app may serve in one after another.
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )

    def __getattr__(self, name: str) -> Any:  # Flask-Mail's state has the settings as attributes
        return getattr(self.__dict__["settings"], name)

    def __setattr__(self, name: str, value: Any) -> None:  # and tests switch `suppress` there
        settings = self.__dict__.get("settings")
        target = settings if hasattr(settings, name) else super()
        target.__setattr__(name, value)

    def backend(self) -> Backend:
        """Make the backend that the settings name."""
        settings = self.settings
        if settings.suppress:
            return NoBackend()
        if settings.backend == "file":
            return FileBackend(settings.folder)
        if settings.backend == "console":
            return ConsoleBackend()
        if settings.backend == "memory":
            return MemoryBackend(self.outgoing)
        return SMTPBackend(settings)

    async def prepared(
        self, message: Message, envelope_from: Address | None = None
    ) -> tuple[bytes, Envelope]:
        """Return a message as it is sent, and to whom.

        :raises ValueError: if it goes to nobody, or to too many.
        :raises BadHeaderError: if a header can't be sent, or there is no sender.
        :raises PoolBusy: if `MOST_PREPARED` others are being prepared.
        """
        if message.sender is None:
            message.sender = self.settings.default_sender
        if message.date is None:
            message.date = self.now_ms() / 1000
        if self._preparing >= MOST_PREPARED:
            raise PoolBusy(f"{self._preparing} messages are being written out")
        turns = self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        self._preparing += 1
        try:
            # Even a small one takes a millisecond; and two threads of Python code would only fight
            # the loop for the interpreter, and take all threads from those who read a file.
            async with turns:
                return await asyncio.to_thread(self._prepared, message, envelope_from)
        finally:
            self._preparing -= 1

    def _prepared(self, message: Message, envelope_from: Address | None) -> tuple[bytes, Envelope]:
        recipients = message.send_to
        if not recipients:
            raise ValueError("The message goes to nobody: it has no recipients.")
        sender = message.envelope_sender
        if envelope_from:
            sender = parsed_address(envelope_from, "envelope_from").addr_spec
        email = message.as_email(ascii_filenames=self.settings.ascii_attachments)
        envelope = Envelope(sender, recipients, message.mail_options, message.rcpt_options)
        return email.as_bytes(), envelope


class Connection:
    """Sends messages one after another, over one connection to the server.

    It connects again after `MAIL_MAX_EMAILS` messages, and where the connection was lost.

    :ivar num_emails: how many were sent over the connection as it is now.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._backend = state.backend()
        self._lock = asyncio.Lock()
        self.num_emails = 0

    async def ready(self) -> None:
        """Connect, where that is needed.

        :raises MailError: if the server can't be reached or does not let us in.
        """
        limit = self._state.settings.max_emails
        if limit and self.num_emails >= limit:
            await self.close()
        if not self._backend.is_open:
            await self.configure_host()

    async def configure_host(self) -> Backend:
        """Connect; return the backend, which stands in the place of Flask-Mail's smtplib host.

        :raises MailError: if the server can't be reached or does not let us in.
        """
        self.num_emails = 0
        await self._backend.open()
        return self._backend

    async def close(self) -> None:
        """Disconnect, where there is a connection."""
        self.num_emails = 0
        if self._backend.is_open:
            await self._backend.close()

    def abort(self) -> None:
        """Disconnect at once, without a word to the server."""
        self._backend.abort()

    async def deliver(
        self, content: bytes, envelope: Envelope, hand_over: HandOver = unnoticed
    ) -> Refusals:
        """Deliver a message as it is; to be called after `ready`.

        :param hand_over: awaited right before the server can take it, and with its last byte held
            back: what it raises is raised here, and the message is not taken.
        :raises MailError: if it was taken for nobody.
        """
        self.num_emails += 1
        return await self._backend.deliver(content, envelope, hand_over)

    async def send(self, message: Message, envelope_from: Address | None = None) -> Refusals:
        """Send a message; return the recipients that were refused, each with the reason.

        :param envelope_from: who gets what can't be delivered; by default the sender.
        :raises ValueError: if it goes to nobody, or to too many.
        :raises BadHeaderError: if a header can't be sent, or there is no sender.
        :raises MailError: if the server took it for nobody.
        """
        content, envelope = await self._state.prepared(message, envelope_from)
        async with self._lock:
            await self.ready()
            refusals = await self.deliver(content, envelope)
        app = self._state.app
        await email_dispatched.send_async(
            app,
            _sync_wrapper=app.ensure_async,  # type: ignore[arg-type]  # as Quart's own signals
            message=message,
        )
        return refusals

    async def send_message(self, *args: Any, **kwargs: Any) -> Refusals:
        """Make a `Message` of the arguments and send it."""
        return await self.send(Message(*args, **kwargs))
