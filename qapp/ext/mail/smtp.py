"""A mail server, by SMTP (RFC 5321), on aiosmtplib."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import aiosmtplib

from .backends import Envelope, HandOver, MailError, Refusal, Refusals, printable
from .settings import Settings
from .wire import Wire

log = logging.getLogger(__name__)

# How long a server may take to say goodbye.
QUIT_S = 2.0
ERRORS = (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError)


class SMTPBackend:
    """One connection to the server; the certificate is checked where TLS is used.

    To connect may take `MAIL_TIMEOUT`, and so may each message, from its first command to the
    server's last answer.
    """

    def __init__(self, settings: Settings) -> None:
        has_login = settings.username is not None and settings.password is not None
        self._where = f"{settings.server}:{settings.port}"
        self._timeout_s = settings.timeout
        self._debug = settings.debug
        self._smtp = Wire(
            hostname=settings.server,
            port=settings.port,
            username=settings.username if has_login else None,
            password=settings.password if has_login else None,
            use_tls=settings.use_ssl,
            start_tls=settings.use_tls,
            cert_bundle=settings.ca_file,
            # The limits are set here: with one of its own the library calls `wait_for`, which on
            # Python 3.11 may swallow a cancel (https://github.com/python/cpython/issues/81839).
            timeout=None,
            local_hostname="localhost",  # the default asks the DNS
        )

    @property
    def is_open(self) -> bool:
        return self._smtp.is_connected

    async def open(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._smtp.connect()
        except ERRORS as error:
            self.abort()
            raise _wrapped(error, self._where) from error
        except BaseException:
            self.abort()
            raise
        if self._debug:
            log.info("Connected to %s", self._where)

    async def deliver(self, content: bytes, envelope: Envelope, hand_over: HandOver) -> Refusals:
        self._smtp.hand_over, self._smtp.is_in_doubt = hand_over, False
        try:
            async with asyncio.timeout(self._timeout_s):
                refused, said = await self._smtp.sendmail(
                    envelope.sender,
                    list(envelope.recipients),
                    content,
                    mail_options=list(envelope.mail_options),
                    rcpt_options=list(envelope.rcpt_options),
                )
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as error:
            await self._reset()
            raise _wrapped(error, self._where, is_in_doubt=self._smtp.is_in_doubt) from error
        except ERRORS as error:
            self.abort()
            raise _wrapped(error, self._where, is_in_doubt=self._smtp.is_in_doubt) from error
        except BaseException:
            # Cancelled in the middle: whatever the server says next is no answer to what is asked.
            self.abort()
            raise
        if self._debug:
            log.info("%s took a message: %s", self._where, printable(said))
        return {to: Refusal(code, printable(text)) for to, (code, text) in refused.items()}

    async def _reset(self) -> None:
        # The library does so too, but tells nobody when that fails; then the next message would
        # be refused, for ever, because this one's transaction is open still.
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._smtp.rset()
        except ERRORS:
            self.abort()
        except BaseException:
            self.abort()
            raise

    async def close(self) -> None:
        try:
            with suppress(*ERRORS):
                async with asyncio.timeout(QUIT_S):
                    await self._smtp.quit()
        finally:
            self.abort()

    def abort(self) -> None:
        self._smtp.abort()


def _wrapped(error: Exception, where: str, *, is_in_doubt: bool = False) -> MailError:
    """Return an error of the library as one of ours."""
    wrapped = _in_our_words(error, where)
    if is_in_doubt:
        return MailError(f"{wrapped}; perhaps it has the message", is_in_doubt=True)
    return wrapped


def _in_our_words(error: Exception, where: str) -> MailError:
    """Return what happened; a server's own words are kept."""
    if isinstance(error, TimeoutError):
        return MailError(f"{where} took too long")
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refusals = {
            each.recipient: Refusal(each.code, printable(each.message)) for each in error.recipients
        }
        said = "; ".join(f"{to}: {refusal}" for to, refusal in refusals.items())
        return MailError(
            printable(f"{where} refused every recipient: {said}"),
            is_permanent=all(refusal.is_permanent for refusal in refusals.values()),
            refusals=refusals,
        )
    if isinstance(error, aiosmtplib.SMTPResponseException):
        refusal = Refusal(error.code, printable(error.message))
        return MailError(f"{where} answered {refusal}", is_permanent=refusal.is_permanent)
    # What the library itself won't send, such as options that are not ASCII, it never will.
    is_permanent = isinstance(error, aiosmtplib.SMTPNotSupported) or not isinstance(
        error, aiosmtplib.SMTPException | OSError
    )
    text = printable(f"{where}: {error or type(error).__name__}")
    return MailError(text, is_permanent=is_permanent)
