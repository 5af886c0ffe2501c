"""What may stand in a header: addresses and texts, checked before they come near the wire."""

from __future__ import annotations

import re
from email.errors import HeaderParseError, MessageDefect, ObsoleteHeaderDefect
from email.headerregistry import Address as HeaderAddress
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from functools import lru_cache
from typing import Any

from .folding import POLICY

Address = str | tuple[str, str]


# Also what `str.splitlines` takes for a line end (U+0085, U+2028, …), as the standard library
# folds headers with it. A tab is white space.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
HEADER_NAME = re.compile(r"[!-9;-~]{1,70}")  # RFC 5322, 3.6.8
TOKEN = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}")  # RFC 6838, 4.2
BLANK = re.compile(r"[\s()]")
NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<spec>[^<>]*)>")
NOT_FOLDED = re.compile(rb"[\r\n](?![ \t]|\n[ \t])")
# What Python's parser of headers raises where a text breaks it, beside what it means to raise.
BROKEN = (ValueError, IndexError, KeyError, AttributeError, TypeError, HeaderParseError)
# Folding takes longer the longer the text is; an address is 254 characters at most (RFC 5321).
MOST_CHARACTERS = 8192
MOST_IN_ADDRESS = 320


class BadHeaderError(Exception):
    """A header holds what would end it, or is no address; the text says which."""


def checked_text(value: object, field: str) -> str:
    """Return a text for a header.

    :raises BadHeaderError: if it is none, or holds a line end or another control character, what is
        no character, or too much.
    """
    if not isinstance(value, str):
        raise BadHeaderError(f"The {field} is no text: {value!r:.80}")
    if CONTROL.search(value):
        raise BadHeaderError(f"The {field} holds a line end or another control character.")
    if len(value) > MOST_CHARACTERS:
        raise BadHeaderError(f"The {field} is longer than {MOST_CHARACTERS} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadHeaderError(f"The {field} holds what is no character.") from None
    return value


def checked_name(name: object) -> str:
    """Return a header's name; raise `BadHeaderError` if it is none."""
    if not isinstance(name, str) or not HEADER_NAME.fullmatch(name):
        raise BadHeaderError(f"No header may be called {name!r:.80}.")
    return name


def parsed_address(address: Address, field: str) -> HeaderAddress:
    """Return an address for a header; the domain in ASCII, as servers know it (RFC 5891).

    :param address: `"a@b"`, `"Name <a@b>"` or `("Name", "a@b")`.
    :raises BadHeaderError: if it is none, or more than one, or the part before the @ is not ASCII:
        hardly a server takes that (RFC 6531).
    """
    name, spec = _split(address, field)
    checked_text(name, field)
    checked_text(spec, field)
    if len(spec) > MOST_IN_ADDRESS:
        raise BadHeaderError(f"The {field} has an address of {len(spec)} characters.")
    local = spec.rpartition("@")[0]
    if not local.isascii():
        raise BadHeaderError(f"The {field} has {spec!r}, whose part before the @ is not ASCII.")
    if not local.startswith('"') and BLANK.search(spec):
        raise BadHeaderError(f"The {field} has {spec!r}, with a blank or a comment in it.")
    made = _header_address(" ".join(name.split()), spec)
    if made is None:
        raise BadHeaderError(f"The {field} has {spec!r}, which is no address.")
    return made


@lru_cache(maxsize=256)  # a message asks for each of its addresses up to three times
def _header_address(name: str, spec: str) -> HeaderAddress | None:
    """Return an address as Python writes it; None if it is none."""
    local, at, domain = spec.rpartition("@")
    try:
        domain = domain.encode("idna").decode() if not domain.startswith("[") else domain
        made = HeaderAddress(name, addr_spec=f"{local}{at}{domain}")
    except (*BROKEN, MessageDefect):
        return None
    return made if made.username and made.domain else None


def _split(address: object, field: str) -> tuple[str, str]:
    # A list too: a pair in a configuration of JSON or TOML is one.
    if isinstance(address, tuple | list) and len(address) == 2:
        return checked_text(address[0] or "", field), checked_text(address[1], field).strip()
    if not isinstance(address, str):
        raise BadHeaderError(f"The {field} is neither an address nor a pair: {address!r:.80}")
    match = NAMED.fullmatch(address.strip())
    if match is None:
        return "", address.strip()
    name = match["name"].strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, match["spec"].strip()


def set_header(email: EmailMessage, name: str, value: object) -> None:
    """Set a header.

    :param value: a text; or one or more addresses that are parsed, if the header holds addresses.
    :raises BadHeaderError: if Python can't read it, or reads no addresses where there must be some,
        or a control character: an encoded word (RFC 2047) may hide a line end.
    """
    try:
        header = POLICY.header_factory(name, value)
        if isinstance(header, AddressHeader) and isinstance(value, str):
            header = POLICY.header_factory(name, _addresses_in(header, name))
        email[name] = header
    except BROKEN as error:
        raise BadHeaderError(f"The header {name} can't be written: {error}") from error
    if CONTROL.search(str(header)):
        raise BadHeaderError(f"The header {name} hides a control character.")


def _addresses_in(header: Any, name: str) -> list[HeaderAddress]:
    """Return the addresses of a text, each as good as if it was given alone."""
    is_bad = any(not isinstance(each, ObsoleteHeaderDefect) for each in header.defects)
    if is_bad or not header.groups or any(group.display_name for group in header.groups):
        raise BadHeaderError(f"The header {name} holds no list of addresses.")
    return [parsed_address((each.display_name, each.addr_spec), name) for each in header.addresses]


def check_folding(email: EmailMessage) -> None:
    """Look at every header of every part as it will be written.

    :raises BadHeaderError: if one would end before it ends, whoever is at fault.
    """
    for part in email.walk():
        for name, value in part.raw_items():
            try:
                written = POLICY.fold_binary(name, value)
            except BROKEN as error:
                raise BadHeaderError(f"The header {name} can't be written: {error}") from error
            if NOT_FOLDED.search(written.removesuffix(b"\r\n")):
                raise BadHeaderError(f"The header {name} would end before it ends.")
