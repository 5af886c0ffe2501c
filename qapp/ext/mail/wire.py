"""How a message is put on the wire: all of it, and then, held back until it is time, its end."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Any

import aiosmtplib
from aiosmtplib import SMTPDataError, SMTPResponse, SMTPServerDisconnected, SMTPStatus
from aiosmtplib.protocol import SMTPProtocol

from .backends import HandOver, unnoticed

LINE_END = re.compile(rb"\r\n|\r|\n")
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class Wire(aiosmtplib.SMTP):
    """The library's client, except that it stops before a message's last dot.

    A server may not take what it has not seen the end of (RFC 5321, 3.8). The library sends a
    message and its dot in one, so that of none that broke off it is known whether it was all there.

    :ivar hand_over: awaited when all but the dot is sent; what it raises keeps the dot back.
    :ivar is_in_doubt: whether the dot was sent and no answer came that tells whether the server
        took the message.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hand_over: HandOver = unnoticed
        self.is_in_doubt = False

    async def data(self, message: str | bytes, /, *, timeout: Any = None) -> SMTPResponse:
        """Send a message: in place of the library's method, which its `sendmail` calls."""
        protocol, transport = self.protocol, self.transport
        if protocol is None or transport is None or transport.is_closing():
            raise SMTPServerDisconnected("Connection lost")
        go_on = await protocol.execute_command(b"DATA")
        if go_on.code != SMTPStatus.start_input:
            raise SMTPDataError(go_on.code, go_on.message)
        # From now on, as a server may refuse before it has seen all, and hang up.
        answer = asyncio.create_task(protocol.read_response())
        answer.add_done_callback(_look_at)
        try:
            with suppress(ConnectionError):  # the answer says it too, or better: why
                await _send(protocol, transport, message)
            if not answer.done():
                await self.hand_over()
            if not answer.done():
                with suppress(ConnectionError):
                    protocol.write(b".\r\n")
                    self.is_in_doubt = True
            said = await answer
        finally:
            answer.cancel()
        if not self.is_in_doubt:  # the server may take a command for a line of the message
            self.abort()
            raise SMTPDataError(said.code, said.message)
        is_taken = said.code == SMTPStatus.completed
        self.is_in_doubt = not is_taken and not 400 <= said.code < 600
        if not is_taken:
            raise SMTPDataError(said.code, said.message)
        return said

    def abort(self) -> None:
        """End the connection at once."""
        # Not only `close`, which first waits until a server that reads no more has read all. And
        # what uvloop makes is none of asyncio's transports, though it has all that they have.
        transport: Any = self.transport
        self.close()
        if transport is not None:
            transport.abort()


async def _send(protocol: SMTPProtocol, transport: Any, message: str | bytes) -> None:
    """Send a message but for its end; return when it has gone."""
    content = message.encode("ascii") if isinstance(message, str) else message
    content = LINE_END.sub(b"\r\n", content)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    if not transport.is_closing():
        # Nothing is to be left, where by default little may. (1, as TLS waits for ever at 0.)
        transport.set_write_buffer_limits(high=1, low=0)
    protocol.write(LEADING_DOT.sub(b"..", content))
    await protocol._drain_helper()  # by this name asyncio's `StreamWriter` calls it


def _look_at(answer: asyncio.Task[SMTPResponse]) -> None:
    """Look at an answer that perhaps nobody waits for any more: else its error is logged."""
    if not answer.cancelled():
        answer.exception()
