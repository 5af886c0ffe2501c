"""A page as it is kept: its headers made once, its body in each coding that was asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple

from .codings import IDENTITY
from .render import Answer, Headers, Key

# What a page is told apart by, so that an answer which varies by these varies by nothing else.
VARY = (b"Accept-Encoding", b"Cookie", b"Authorization", b"Origin")
VARYING = frozenset({b"", *(name.lower() for name in VARY)})
# What is made anew for a page, and its type, which a 304 lacks.
OWN_HEADERS = frozenset({b"cache-control", b"content-length", b"content-type", b"etag", b"vary"})
ANYTHING = b"*/*"
# A weight of nothing: of what, the app finds out.
REFUSED = re.compile(rb"q=0(?!\.0*[1-9])")
# What a page takes besides its body: its headers, its key and Python's objects.
OVERHEAD_BYTES = 4096


Ask = Callable[[], Awaitable[Hashable]]


class Form(NamedTuple):
    """A page in one coding."""

    headers: Headers
    body: bytes


class Check(NamedTuple):
    """The version of what a page was made of, read before that, and what tells it as it is now."""

    version: Hashable
    ask: Ask


class Page:
    """A page that is kept.

    :ivar generation: of the store, in which the page was last known to hold.
    :ivar check: how to find out whether it still holds; None: only as long as nothing changes.
    :ivar headers: those of every answer with it, 304 included.
    :ivar forms: it in the codings that were asked for so far.
    :ivar is_exact: whether the app said which bytes these are, by an ETag: they are not compressed.
    :ivar making: the codings that are being made.
    :ivar size: what it takes in memory, in bytes.
    """

    __slots__ = (
        *("_types", "check", "expires_at", "forms", "generation", "headers", "is_exact", "key"),
        *("making", "size", "tag"),
    )

    def __init__(
        self,
        key: Key,
        answer: Answer,
        expires_at: float,
        generation: int,
        check: Check | None = None,
    ) -> None:
        self.key = key
        self.generation = generation
        self.check = check
        self.expires_at = expires_at
        own = dict(answer.headers).get(b"etag")
        self.is_exact = own is not None
        # Ours is weak, as it is the same for all forms: a client may have any of them.
        etag = own or b'W/"%s"' % hashlib.sha256(answer.body).hexdigest()[:24].encode()
        self.tag = etag.removeprefix(b"W/")
        self._types = [header for header in answer.headers if header[0] == b"content-type"]
        self.headers = [
            *(header for header in answer.headers if header[0] not in OWN_HEADERS),
            (b"etag", etag),
            (b"cache-control", cache_control(answer.headers)),
            (b"vary", vary(answer.headers)),
        ]
        self.forms: dict[str, Form] = {}
        self.making: set[str] = set()
        self.size = OVERHEAD_BYTES
        self.add_form(IDENTITY, answer.body)

    def add_form(self, coding: str, body: bytes) -> Form:
        """Keep the page in one more coding."""
        headers = [*self.headers, *self._types]
        if coding != IDENTITY:
            headers.append((b"content-encoding", coding.encode()))
        headers.append((b"content-length", b"%d" % len(body)))
        form = self.forms[coding] = Form(headers, body)
        self.size += len(body)
        return form

    def is_accepted_by(self, accept: bytes) -> bool:
        """Tell whether an Accept header surely lets a client have a page of this type."""
        kinds = {ANYTHING, *(value.partition(b";")[0] for _, value in self._types)}
        return REFUSED.search(accept) is None and any(kind in accept for kind in kinds)

    def is_known_by(self, if_none_match: bytes) -> bool:
        """Tell whether an If-None-Match names this page, weak or not, alone or among others."""
        return self.tag in if_none_match or if_none_match.strip() == b"*"


def values(headers: Headers, name: bytes) -> set[bytes]:
    """Return the words of a header that is a list, in lower case."""
    text = b",".join(value for each, value in headers if each == name)
    return {word.strip().lower() for word in text.split(b",")}


def vary(headers: Headers) -> bytes:
    """Return what a kept page varies by: our own two, and what it says itself."""
    own = values(headers, b"vary")
    return b", ".join([*VARY[:2], *(name for name in VARY[2:] if name.lower() in own)])


def cache_control(headers: Headers) -> bytes:
    """Return what a kept page says to other caches: its own word, or to ask here each time.

    It may say `private`, as an app does by default for whatever it answers: made for nobody, it is.
    """
    words = values(headers, b"cache-control") - {b""}
    if not words or any(word.partition(b"=")[0] == b"private" for word in words):
        return b"no-cache"
    return b", ".join(sorted(words))


def is_for_one(answer: Answer) -> bool:
    """Tell whether an answer is not to be kept, nor to be sent to another: an error, a cookie."""
    return (
        answer.status != 200
        or any(name == b"set-cookie" for name, _ in answer.headers)
        or b"no-store" in values(answer.headers, b"cache-control")
    )


def is_for_nobody(answer: Answer) -> bool:
    """Tell whether an answer depends on more of the request than the app was told of it."""
    return not values(answer.headers, b"vary") <= VARYING or any(
        name == b"content-encoding" for name, _ in answer.headers
    )
