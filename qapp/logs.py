"""Log lines that hold what they say and nothing more: one line each, no control characters."""

from __future__ import annotations

import logging
import re
import textwrap
from typing import Any

# Also what turns the direction of a text round, and what UTF-8 can't encode.
CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class OneLineFormatter(logging.Formatter):
    """Format a record with its control characters escaped.

    A request's path and headers are in the access log as the client wants them: unescaped, they
    could forge lines or drive a terminal. A traceback keeps its lines, indented, so that none of
    them looks like a record's first.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return CONTROL.sub(_escape, super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return _block(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _block(super().formatStack(stack_info))


def _block(text: str) -> str:
    lines = [CONTROL.sub(_escape, line) for line in text.split("\n")]
    return textwrap.indent("\n".join(lines), "    ")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
