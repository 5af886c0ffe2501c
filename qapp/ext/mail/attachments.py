"""Files in a message."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, NamedTuple

from .headers import (
    BROKEN,
    TOKEN,
    BadHeaderError,
    checked_name,
    checked_text,
    set_header,
)

BYTES = ("application", "octet-stream")
# What says how the part is to be read, which is decided here.
RESERVED = frozenset(
    {"content-disposition", "content-transfer-encoding", "content-type", "mime-version"}
)


# A line that servers don't take (RFC 5321, 4.5.3.1.6).
TOO_LONG = re.compile(rb"[^\r\n]{999}")


class Attachment(NamedTuple):
    """A file in a message.

    :ivar content_type: such as "image/png"; by default guessed by the name, else plain text or
        bytes by what the data are. One that is no type, as a browser may send, stands for bytes.
    :ivar disposition: "attachment" or "inline".
    :ivar headers: of the part, such as Content-ID.
    """

    filename: str | None = None
    content_type: str | None = None
    data: str | bytes = b""
    disposition: str | None = "attachment"
    headers: Mapping[str, str] | None = None


def attach(
    email: EmailMessage, attachment: Attachment, charset: str, *, ascii_filenames: bool
) -> None:
    """Add a file to a message.

    :raises BadHeaderError: if a header of it is none, or holds a line end.
    :raises LookupError: if there is no such charset.
    """
    filename, data = attachment.filename, attachment.data
    if filename is not None:
        filename = checked_text(filename, "file name")
        if ascii_filenames:
            plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
            filename = " ".join(plain.split()) or None
    disposition = attachment.disposition or "attachment"
    if not TOKEN.fullmatch(checked_text(disposition, "disposition")):
        raise BadHeaderError(f"No disposition is called {disposition[:80]!r}.")
    main, sub = _type_of(attachment)
    placed: dict[str, Any] = {"disposition": disposition, "filename": filename}
    try:
        if isinstance(data, str):
            _attach_text(email, data, (main, sub), charset, placed)
        elif (main, sub) == ("message", "rfc822"):
            email.add_attachment(message_from_bytes(data, policy=policy.SMTP), **placed)
        else:
            email.add_attachment(data, maintype=main, subtype=sub, **placed)
    except BROKEN as error:
        raise BadHeaderError(f"The file {filename!r} can't be attached: {error}") from error
    part = list(email.iter_attachments())[-1]
    for name, value in (attachment.headers or {}).items():
        if checked_name(name).lower() in RESERVED:
            raise BadHeaderError(f"No header of a file may be called {name!r}.")
        set_header(part, name, checked_text(value, name))


def _attach_text(
    email: EmailMessage,
    text: str,
    kind: tuple[str, str],
    charset: str,
    placed: dict[str, Any],
) -> None:
    try:
        data = text.encode(charset)
    except UnicodeEncodeError:
        charset = "utf-8"
        data = text.encode(charset, "replace")
    params = {"charset": charset} if kind[0] == "text" else None
    email.add_attachment(data, maintype=kind[0], subtype=kind[1], params=params, **placed)


def _type_of(attachment: Attachment) -> tuple[str, str]:
    given = attachment.content_type
    if given is None and attachment.filename is not None:
        given = mimetypes.guess_type(attachment.filename)[0]
    if given is None:
        return ("text", "plain") if isinstance(attachment.data, str) else BYTES
    kind, _, _ = checked_text(given, "content type").partition(";")
    main, _, sub = kind.strip().lower().partition("/")
    if not TOKEN.fullmatch(main) or not TOKEN.fullmatch(sub):
        return BYTES
    # Parts of these have a form of their own, which a file of unknown content need not have; and a
    # message is sent as it is: it may not be encoded (RFC 2046, 5.2.1).
    is_message = (
        (main, sub) == ("message", "rfc822")
        and isinstance(attachment.data, bytes)
        and not TOO_LONG.search(attachment.data)
    )
    if main in ("multipart", "message") and not is_message:
        return BYTES
    return main, sub
