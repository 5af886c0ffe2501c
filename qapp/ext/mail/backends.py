"""Where mail goes other than to a server: into files, to the log, into a list."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

log = logging.getLogger(__name__)

# What a server says goes into the log and into a table: no control characters, and not too much.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
MOST_SAID = 500


class Refusal(NamedTuple):
    """What a server said when it refused; `code` is 0 where it was not the server that refused."""

    code: int
    text: str

    @property
    def is_permanent(self) -> bool:
        """Tell whether to try again is of no use (RFC 5321, 4.2.1)."""
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.code else self.text


Refusals = Mapping[str, Refusal]


class MailError(Exception):
    """A message was taken for nobody, or no connection could be had; the text says why.

    :ivar is_permanent: that trying again is of no use.
    :ivar is_in_doubt: that it may have been taken all the same: its end was sent, and no answer
        came. To try again may double it.
    :ivar refusals: what was said to each recipient, where it was not the same to all.
    """

    def __init__(
        self,
        text: str,
        *,
        is_permanent: bool = False,
        is_in_doubt: bool = False,
        refusals: Refusals | None = None,
    ) -> None:
        super().__init__(text)
        self.is_permanent = is_permanent
        self.is_in_doubt = is_in_doubt
        self.refusals: Refusals = refusals or {}


class Envelope(NamedTuple):
    """What a server is told beside the message itself."""

    sender: str
    recipients: Sequence[str]
    mail_options: Sequence[str] = ()
    rcpt_options: Sequence[str] = ()


# Awaited right before the last byte of a message is sent, which is when it may be taken.
HandOver = Callable[[], Awaitable[None]]


async def unnoticed() -> None:
    """Hand over a message of which nothing is written down."""


class Backend(Protocol):
    """Takes messages, one after another, between `open` and `close`."""

    @property
    def is_open(self) -> bool:
        """Tell whether a message can be delivered."""

    async def open(self) -> None:
        """Make ready; raise MailError if that can't be done."""

    async def deliver(self, content: bytes, envelope: Envelope, hand_over: HandOver) -> Refusals:
        """Take a message; return the recipients that were refused.

        :param hand_over: what it raises is raised here, and the message is not taken.
        :raises MailError: if it was taken for nobody.
        """

    async def close(self) -> None:
        """End in good manners, but soon."""

    def abort(self) -> None:
        """End at once."""


class Local:
    """A backend of this machine, which needs no connection."""

    is_open = True

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


class NoBackend(Local):
    """Takes everything and keeps nothing: sending is suppressed."""

    async def deliver(self, content: bytes, envelope: Envelope, hand_over: HandOver) -> Refusals:
        return {}


class FileBackend(Local):
    """A folder: one `.eml` file a message, which any mail program opens; for development."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, content: bytes, envelope: Envelope, hand_over: HandOver) -> Refusals:
        await hand_over()
        try:
            path = await asyncio.to_thread(self._write, content, envelope)
        except OSError as error:
            raise MailError(f"{self._folder} can't be written: {error}") from error
        log.info("Mail is in %s", path)
        return {}

    def _write(self, content: bytes, envelope: Envelope) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        path = self._folder / f"{stamp}-{secrets.token_hex(4)}.eml"
        aside = path.with_suffix(".part")
        # What the message lacks that a server is told: who gets it, bcc too.
        recipients = ",\r\n ".join(envelope.recipients)
        head = f"X-Envelope-From: {envelope.sender}\r\nX-Envelope-To: {recipients}\r\n"
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
                to.write(head.encode() + content)
            aside.rename(path)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
        return path


class ConsoleBackend(Local):
    """The log: for a look while developing."""

    async def deliver(self, content: bytes, envelope: Envelope, hand_over: HandOver) -> Refusals:
        await hand_over()
        text = content.decode("ascii", "replace").replace("\r\n", "\n")
        log.info("Mail for %s:\n%s", ", ".join(envelope.recipients), text)
        return {}


class Kept(NamedTuple):
    """A message that was taken by the memory backend."""

    content: bytes
    envelope: Envelope


class MemoryBackend(Local):
    """A list, the newest thousand; for tests."""

    MOST = 1000

    def __init__(self, kept: list[Kept]) -> None:
        self._kept = kept

    async def deliver(self, content: bytes, envelope: Envelope, hand_over: HandOver) -> Refusals:
        await hand_over()
        self._kept.append(Kept(content, envelope))
        del self._kept[: -self.MOST]
        return {}


def printable(text: str) -> str:
    """Return what a server said on one line, without what a log or a table can't hold."""
    return UNSAFE.sub(" ", text)[:MOST_SAID].strip()
