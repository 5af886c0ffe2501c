"""What goes over the wire: Sijax 0.3's requests and answers, and one more form for streams.

Sources: Sijax 0.3.2 (`sijax/core.py`, `sijax/response/`, `js/sijax.js`) for the fields, the
commands and the iframes; NDJSON 1.0 (github.com/ndjson/ndjson-spec) for the frames of a stream.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

PARAM_REQUEST: Final = "sijax_rq"
PARAM_ARGS: Final = "sijax_args"
# Sent by our client alone. Who does not send it gets what Sijax 0.3's client understands.
CLIENT_HEADER: Final = "X-Sijax"

Command = dict[str, Any]


class Style(NamedTuple):
    """How commands are written as JSON; `indent` is for answers that are not streamed."""

    as_ascii: bool = False
    separators: tuple[str, str] = (",", ":")
    indent: int | None = None
    sort_keys: bool = False


def dumps(commands: Sequence[Command], style: Style) -> str:
    """Return the commands as a JSON array that can be sent as UTF-8.

    :raises TypeError: if a value has no JSON form.
    :raises ValueError: for NaN and infinities, which are no JSON.
    """

    def dump(*, as_ascii: bool) -> str:
        return json.dumps(
            commands,
            ensure_ascii=as_ascii,
            separators=style.separators,
            indent=style.indent,
            sort_keys=style.sort_keys,
            allow_nan=False,
        )

    text = dump(as_ascii=style.as_ascii)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as any browser can send one
        return dump(as_ascii=True)
    return text


def for_script(text: str) -> str:
    """Escape JSON for a `<script>`: nothing in it ends the element or, in old browsers, a line."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def for_old_client(commands: Sequence[Command]) -> list[Command]:
    """Return the commands as Sijax 0.3's client knows them: it redirects by a script."""
    return [
        {"type": "script", "script": f"window.location = {for_script(json.dumps(c['redirect']))};"}
        if c["type"] == "redirect"
        else c
        for c in commands
    ]


class Ndjson:
    """A stream for our client: an array of commands a line, an empty line as a sign of life."""

    content_type = "application/x-ndjson"
    preamble = b""
    heartbeat = b"\n"

    @staticmethod
    def frame(commands: Sequence[Command], style: Style) -> bytes:
        """Return one line."""
        return dumps(commands, style._replace(indent=None)).encode() + b"\n"


class Iframe:
    """A stream for Sijax 0.3's client: a page in a hidden frame, a script for each array."""

    content_type = "text/html; charset=utf-8"
    # Old browsers show nothing of a page before its first kilobytes.
    preamble = b"<!DOCTYPE html><script></script>" + b"\n" * 2000
    heartbeat = b"\n"

    @staticmethod
    def frame(commands: Sequence[Command], style: Style) -> bytes:
        """Return one script element."""
        text = for_script(dumps(for_old_client(commands), style))
        return f"<script>window.parent.Sijax.processCommands({text});</script>\n".encode()


Format = type[Ndjson] | type[Iframe]
