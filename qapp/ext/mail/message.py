"""What is mailed: Flask-Mail's `Message` and `Attachment`, built as the standard `EmailMessage`.

Every header is checked, also those that Flask-Mail leaves out (cc, bcc, extra headers, file names):
a line end in one would let its author add headers, or a message, of his own.
"""

from __future__ import annotations

import codecs
import re
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import TYPE_CHECKING

from quart import current_app

from .attachments import Attachment, attach
from .folding import POLICY
from .headers import (
    TOKEN,
    Address,
    BadHeaderError,
    check_folding,
    checked_name,
    checked_text,
    parsed_address,
    set_header,
)
from .texts import force_text

if TYPE_CHECKING:
    from .connection import Connection, Refusals

FOLD = re.compile(r"\r?\n(?=[ \t]+\S)")  # a subject may come folded, as Flask-Mail allows
# What a message is made of already, or what nobody but its sending may say.
RESERVED = frozenset(
    {"bcc", "cc", "date", "from", "message-id", "mime-version", "reply-to", "resent-bcc"}
    | {"subject", "to"}
)
# A server takes at least 100 for one message (RFC 5321, 4.5.3.1.8); to write out a thousand takes
# half a second of a thread on a busy machine.
MOST_RECIPIENTS = 1000


class Message:
    """A message, with Flask-Mail's parameters.

    :param subject: the subject.
    :param recipients: addresses, each `"a@b"` or `("Name", "a@b")`; so are `cc`, `bcc`, `sender`
        and `reply_to`, which may also be a list of them. By default the sender is the app's
        `MAIL_DEFAULT_SENDER`; a message made outside an app gets it when it is sent.
    :param body: the plain text; without it, an HTML message has no plain form.
    :param html: the same as HTML; further forms go into `alts`, by their subtype.
    :param date: when it was written, in seconds since 1970; by default when it is sent.
    :param charset: of the texts; UTF-8 by default, and where a text does not fit into another.
    :param extra_headers: headers of other names than those made here; those for addresses, such as
        Sender or Errors-To, may hold nothing else.
    :param mail_options: for the server's MAIL command, `rcpt_options` for its RCPT.
    """

    def __init__(
        self,
        subject: str | None = "",
        recipients: Iterable[Address] | None = None,
        body: str | None = None,
        html: str | None = None,
        alts: Mapping[str, str] | None = None,
        sender: Address | None = None,
        cc: Iterable[Address] | None = None,
        bcc: Iterable[Address] | None = None,
        attachments: Iterable[Attachment] | None = None,
        reply_to: Address | list[Address] | None = None,
        date: float | None = None,
        charset: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        mail_options: Sequence[str] | None = None,
        rcpt_options: Sequence[str] | None = None,
    ) -> None:
        if sender is None and current_app:
            sender = current_app.config.get("MAIL_DEFAULT_SENDER")
        self.subject = subject
        self.recipients = _addresses(recipients)
        self.body = body
        self.alts = dict(alts or {})
        if html is not None:
            self.html = html
        self.sender = sender
        self.cc = _addresses(cc)
        self.bcc = _addresses(bcc)
        self.attachments = list(attachments or ())
        self.reply_to = reply_to
        self.date = date
        self.charset = charset or "utf-8"
        self.extra_headers = dict(extra_headers or {})
        self.mail_options = list(mail_options or ())
        self.rcpt_options = list(rcpt_options or ())
        self._id: str | None = None

    @property
    def subject(self) -> str:
        """The subject; it may be set to None too, or to a lazy translation."""
        return self._subject

    @subject.setter
    def subject(self, value: object) -> None:
        self._subject = "" if value is None else force_text(value)

    @property
    def html(self) -> str | None:
        """The HTML form; one of `alts`."""
        return self.alts.get("html")

    @html.setter
    def html(self, value: str | None) -> None:
        if value is None:
            self.alts.pop("html", None)
        else:
            self.alts["html"] = value

    @property
    def msgId(self) -> str:  # noqa: N802  # Flask-Mail's name
        """The message's id, made once.

        :raises BadHeaderError: if there is no sender, or it is no address.
        """
        if self._id is None:
            # By the sender's domain: the standard's default asks the DNS for this machine's name.
            domain = self.envelope_sender.rpartition("@")[2].strip("[]")
            self._id = make_msgid(domain=domain)
        return self._id

    @property
    def envelope_sender(self) -> str:
        """The sender's address alone.

        :raises BadHeaderError: if there is none, or it is no address.
        """
        return parsed_address(self._sender(), "sender").addr_spec

    @property
    def send_to(self) -> list[str]:
        """Every address it goes to, once each, in their order.

        :raises BadHeaderError: if one is no address.
        :raises ValueError: if there are more than `MOST_RECIPIENTS`.
        """
        fields = {"recipients": self.recipients, "cc": self.cc, "bcc": self.bcc}
        count = sum(map(len, fields.values()))
        if count > MOST_RECIPIENTS:
            raise ValueError(f"The message goes to {count}, more than {MOST_RECIPIENTS} at once.")
        found = (
            parsed_address(address, field).addr_spec
            for field, addresses in fields.items()
            for address in addresses
        )
        return list(dict.fromkeys(found))

    def add_recipient(self, recipient: Address) -> None:
        """Add one to those it goes to."""
        self.recipients.append(recipient)

    def attach(
        self,
        filename: str | None = None,
        content_type: str | None = None,
        data: str | bytes | None = None,
        disposition: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Attach a file; its type is guessed by its name where it is not given.

        :raises ValueError: if there is no data.
        """
        if data is None:
            raise ValueError("An attachment needs data.")
        self.attachments.append(Attachment(filename, content_type, data, disposition, headers))

    async def send(self, connection: Connection) -> Refusals:
        """Send it over a connection; see `Connection.send`."""
        return await connection.send(self)

    def has_bad_headers(self) -> bool:
        """Tell whether a header could not be sent as it is."""
        try:
            self.as_email()
        except BadHeaderError:
            return True
        return False

    def is_bad_headers(self) -> bool:
        """Do as `has_bad_headers`, by the name that Flask-Mail gives up."""
        warnings.warn("Use has_bad_headers.", DeprecationWarning, stacklevel=2)
        return self.has_bad_headers()

    def as_email(self, *, ascii_filenames: bool = False) -> EmailMessage:
        """Build the message as it is sent; without bcc, which only the envelope knows.

        :param ascii_filenames: write the attachments' names in ASCII (`MAIL_ASCII_ATTACHMENTS`).
        :raises BadHeaderError: if a header is none, or holds a line end.
        :raises ValueError: if it goes to too many.
        :raises LookupError: if there is no such charset.
        """
        _ = self.send_to  # bcc is checked too, though it is not written
        for option in self.mail_options + self.rcpt_options:
            checked_text(option, "mail_options or rcpt_options")
        email = EmailMessage(policy=POLICY)
        self._set_headers(email)
        forms = [] if self.body is None and self.alts else [("plain", self.body or "")]
        for subtype, text in (*forms, *self.alts.items()):
            if not TOKEN.fullmatch(checked_text(subtype, "subtype")):
                raise BadHeaderError(f"There is no text/{subtype[:80]!r}.")
            content, charset = self._encodable(text)
            if email.get_content_maintype() == "text" and "content-type" not in email:
                email.set_content(content, subtype=subtype, charset=charset)
            else:
                email.add_alternative(content, subtype=subtype, charset=charset)
        for attachment in self.attachments:
            attach(email, attachment, self.charset, ascii_filenames=ascii_filenames)
        check_folding(email)
        return email

    def as_bytes(self) -> bytes:
        """Return the message as it is sent."""
        return self.as_email().as_bytes()

    def as_string(self) -> str:
        """Return the message as text, its lines ended as Python's are."""
        return self.as_email().as_string(policy=POLICY.clone(linesep="\n"))

    __str__ = as_string
    __bytes__ = as_bytes

    def _sender(self) -> Address:
        if not self.sender:
            raise BadHeaderError("The message has no sender: set one, or MAIL_DEFAULT_SENDER.")
        return self.sender

    def _encodable(self, text: str) -> tuple[str, str]:
        """Return a text and a charset that it can be written in."""
        try:
            codecs.encode(text, self.charset)
        except UnicodeEncodeError:
            return text.encode("utf-8", "replace").decode(), "utf-8"
        return text, self.charset

    def _set_headers(self, email: EmailMessage) -> None:
        set_header(email, "Subject", checked_text(FOLD.sub("", self.subject), "subject"))
        set_header(email, "From", parsed_address(self._sender(), "sender"))
        for name, field in (("To", self.recipients), ("Cc", self.cc)):
            if field:
                set_header(email, name, [parsed_address(each, name.lower()) for each in field])
        if self.reply_to:
            replies = self.reply_to if isinstance(self.reply_to, list) else [self.reply_to]
            set_header(email, "Reply-To", [parsed_address(each, "reply_to") for each in replies])
        date = self.date if self.date is not None else time.time()
        set_header(email, "Date", formatdate(date, localtime=False))
        set_header(email, "Message-ID", self.msgId)
        for name, value in self.extra_headers.items():
            key = checked_name(name).lower()
            if key in RESERVED or key.startswith("content-"):
                raise BadHeaderError(f"No extra header may be called {name!r}.")
            set_header(email, name, checked_text(value, name))


def _addresses(given: Iterable[Address] | None) -> list[Address]:
    """Return a list; of one text too, whose characters nobody means as addresses."""
    return [given] if isinstance(given, str) else list(given or ())
