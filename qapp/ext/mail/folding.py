"""How a header is written: so that who reads it finds what was put in, and nobody else.

Python parses a header again to write it, and what it writes may say something else. Python 3.11.7,
like all before 2025, drops the quotes of a name in a line that is folded (python/cpython#80222,
#121284): `("all@example.net, " + "n" * 60, "asha@example.org")` goes out as two addresses. It loses
blanks at folds (#92081, #120930), and encodes a long word even where that breaks the header, as in
References or List-Unsubscribe. So addresses and texts are written here, word by word. What is
attached as a message is left as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email import policy
from email.header import Header
from email.headerregistry import (
    Address,
    AddressHeader,
    BaseHeader,
    HeaderRegistry,
    UnstructuredHeader,
)
from email.policy import Policy
from typing import Any

# RFC 5322, 2.1.1, and for lines with encoded words RFC 2047, 2; without the line end.
LINE = 78
ENCODED_LINE = 76
# Beside a header's name, of 70 characters at most: a line has 998 at most (RFC 5322, 2.1.1).
LONGEST_WORD = 900
# What holds addresses, beside those that Python knows: RFC 8098, and what is used without one.
ADDRESS_HEADERS = (
    "disposition-notification-to",
    "errors-to",
    "mail-followup-to",
    "mail-reply-to",
    "return-receipt-to",
)
# A name of these needs no quotes (RFC 5322, 3.2.3).
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
# What a reader could take for an encoded word, however broken.
DECODABLE = re.compile(r"=\?.*\?=")
WORD = re.compile(r"[ \t]*[^ \t]+")


class Written(BaseHeader):
    """A header that writes its own addresses or text."""

    def fold(self, *, policy: Policy) -> str:
        """Return it as it is sent, in lines of 78 characters where it can be folded."""
        header: Any = self  # and what the registry mixes in
        words: Iterable[str]
        if isinstance(header, AddressHeader):
            words = _words_of_addresses(self.name, header.addresses)
        elif isinstance(header, UnstructuredHeader):
            words = _words_of_text(self.name, str(self))
        else:
            return super().fold(policy=policy)
        return policy.linesep.join(_lines(self.name, words)) + policy.linesep


class Headers(HeaderRegistry):
    """Python's registry, which makes a class for each header, and leaves it to be collected.

    Here there is one for each kind: a tenth of the time that a message takes, and no garbage.
    """

    def __init__(self) -> None:
        super().__init__(base_class=Written)
        self.registry.update(dict.fromkeys(ADDRESS_HEADERS, AddressHeader))
        self._made: dict[type[Any], Any] = {}

    def __getitem__(self, name: str) -> Any:
        kind = self.registry.get(name.lower(), self.default_class)
        if kind not in self._made:
            self._made[kind] = super().__getitem__(name)
        return self._made[kind]


# Seven bits everywhere: not every server takes more.
POLICY = policy.SMTP.clone(cte_type="7bit", header_factory=Headers(), refold_source="none")


def _lines(name: str, words: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a header; each word comes with the blanks before it."""
    line, is_first = f"{name}:", True
    for word in words:
        # Never before the first word: Python 3.11 then reads a blank that was not given.
        if not is_first and len(line) + len(word) > LINE:
            yield line
            line = ""
        line += word
        is_first = False
    yield line


def _words_of_addresses(header: str, addresses: Iterable[Address]) -> list[str]:
    mailboxes = [_mailbox(header, address) for address in addresses]
    for mailbox in mailboxes[:-1]:
        mailbox[-1] += ","
    return [word for mailbox in mailboxes for word in mailbox]


def _mailbox(header: str, address: Address) -> list[str]:
    """Return an address in words between which a line may be folded."""
    name = address.display_name
    if not name:
        return [f" {address.addr_spec}"]
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    shown = name if ATOMS.fullmatch(name) else f'"{escaped}"'
    # Not every reader takes out a fold between quotes, so a name that needs one is encoded.
    fits = len(header) + len(": ") + len(shown) <= LINE
    is_plain = fits and name.isascii() and not DECODABLE.search(name)
    words = [f" {shown}"] if is_plain else _encoded(header, f" {name}")
    return [*words, f" <{address.addr_spec}>"]


def _words_of_text(header: str, text: str) -> Iterator[str]:
    """Yield the words of a text; encoded are those that can't be sent, or read, as they are."""
    is_decodable = DECODABLE.search(text) is not None
    run = ""
    for word in WORD.findall(" " + text.strip(" \t")):
        if word.isascii() and len(word) <= LONGEST_WORD and not (is_decodable and "=?" in word):
            yield from _encoded(header, run)
            yield word
            run = ""
        else:
            run += word
    yield from _encoded(header, run)


def _encoded(header: str, run: str) -> Iterator[str]:
    """Yield encoded words for a text that begins with a blank; nothing for none."""
    # What came as raw bytes, in a message that is attached, is most likely UTF-8.
    text = run[1:].encode(errors="surrogateescape").decode(errors="replace")
    if text:
        # Each as short as the first must be, which stands beside the header's name.
        words = Header(text, "utf-8", maxlinelen=ENCODED_LINE, header_name=header).encode().split()
        yield run[0] + words[0]
        yield from (f" {word}" for word in words[1:])
