"""Flask-Mail's functions that write a text or an address as a header has it."""

from __future__ import annotations

from collections.abc import Iterable
from email.header import Header
from typing import Any

from .headers import Address, BadHeaderError, checked_text, parsed_address


class FlaskMailUnicodeDecodeError(UnicodeDecodeError):
    """Bytes are no text in the encoding they are said to have; the message shows them."""

    def __init__(self, obj: object, *args: Any) -> None:
        self.obj = obj
        super().__init__(*args)

    def __str__(self) -> str:
        return f"{super().__str__()}. You passed in {self.obj!r} ({type(self.obj)})"


def force_text(value: object, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Return a text: of bytes what they stand for, of a lazy translation what it is now.

    :raises FlaskMailUnicodeDecodeError: if bytes don't fit the encoding.
    """
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise FlaskMailUnicodeDecodeError(value, *error.args) from error


def sanitize_subject(subject: str, encoding: str = "utf-8") -> str:
    """Return a subject in ASCII, encoded (RFC 2047) where it needs that.

    :raises BadHeaderError: if it holds a line end or another control character.
    """
    checked_text(subject, "subject")
    return subject if subject.isascii() else _encoded(subject, encoding)


def sanitize_address(addr: Address, encoding: str = "utf-8") -> str:
    """Return an address in ASCII: the name encoded, the domain as servers know it.

    :raises BadHeaderError: if it is no address.
    """
    address = parsed_address(addr, "address")
    if address.display_name.isascii():
        return str(address)
    return f"{_encoded(address.display_name, encoding)} <{address.addr_spec}>"


def sanitize_addresses(addresses: Iterable[Address], encoding: str = "utf-8") -> list[str]:
    """Return addresses in ASCII, in their order; see `sanitize_address`."""
    return [sanitize_address(each, encoding) for each in addresses]


def _encoded(text: str, encoding: str) -> str:
    try:
        words = Header(text, encoding).encode()
    except UnicodeEncodeError:
        words = Header(text, "utf-8").encode()
    except LookupError:
        raise BadHeaderError(f"No encoding is called {encoding[:80]!r}.") from None
    return " ".join(words.split())  # on one line: who writes the header folds it
