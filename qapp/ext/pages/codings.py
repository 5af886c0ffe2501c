"""Content codings: how a body is compressed, and what of it a client accepts."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from functools import lru_cache

import brotli

IDENTITY = "identity"
# An identity that is not mentioned is accepted (RFC 9110, 12.5.3), after what is.
LEAST = 0.0001
QUALITY = re.compile(rb"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def compress_gzip(body: bytes) -> bytes:
    """Compress for `gzip`; equal bodies become equal."""
    return gzip.compress(body, 6, mtime=0)


def compress_br(body: bytes) -> bytes:
    """Compress for `br`, as fast as the other and smaller."""
    compressed: bytes = brotli.compress(body, quality=5)
    return compressed


# The best first.
CODINGS: dict[str, Callable[[bytes], bytes]] = {"br": compress_br, "gzip": compress_gzip}


@lru_cache(maxsize=256)
def accepted(header: bytes) -> tuple[str, ...]:
    """Return the codings, of ours and `identity`, that an Accept-Encoding allows, the best first.

    What of it can't be read counts as not there.
    """
    qualities: dict[str, float] = {}
    for part in header.lower().split(b","):
        name, *parameters = part.split(b";")
        quality = b"1"
        for parameter in parameters:
            key, _, value = parameter.partition(b"=")
            if key.strip() == b"q":
                quality = value.strip()
        if QUALITY.fullmatch(quality):
            qualities[name.strip().decode("latin-1")] = float(quality)
    of_others = qualities.get("*", 0.0)
    found = {coding: qualities.get(coding, of_others) for coding in CODINGS}
    found[IDENTITY] = qualities.get(IDENTITY, min(qualities.get("*", LEAST), LEAST))
    return tuple(
        coding
        for coding, quality in sorted(found.items(), key=lambda item: -item[1])
        if quality > 0
    )
