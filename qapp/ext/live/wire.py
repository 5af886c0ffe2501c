"""What goes over the wire, as the HTML standard has it ("Server-sent events")."""

from __future__ import annotations

import re
from typing import Final

KIND = re.compile(r"[A-Za-z0-9_-]{1,64}")
LINE_END = re.compile(r"\r\n|\r|\n")
RESET: Final = "reset"


def check_kind(kind: str) -> str:
    """Return a word that may be an event's type; raise ValueError for another."""
    if not KIND.fullmatch(kind) or kind == RESET:
        raise ValueError(f"{kind!r} is no event's type: a word but {RESET!r}")
    return kind


def event(number: int, kind: str, data: str) -> bytes:
    """Encode an event; whatever stands in `data` is data."""
    lines = "".join(f"data: {line}\n" for line in LINE_END.split(data))
    return f"id: {number}\nevent: {kind}\n{lines}\n".encode()


def heartbeat(number: int) -> bytes:
    """Encode a sign of life which says that nothing up to `number` is missing."""
    return f":\nid: {number}\n\n".encode()


def retry(milliseconds: int) -> bytes:
    """Tell a reader how long to wait before he comes back."""
    return f"retry: {milliseconds}\n\n".encode()


def reset(number: int) -> bytes:
    """Encode what is said instead of events that are not known any more."""
    return event(number, RESET, "{}")
