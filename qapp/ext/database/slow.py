"""Tell the log of statements that take long: their text, never their values."""

from __future__ import annotations

import logging
import math

log = logging.getLogger(__name__)

LONGEST_SHOWN = 2000  # characters of a statement


class SlowLog:
    """Tells of what takes longer than `slow_s` seconds; of nothing, if that is 0."""

    def __init__(self, slow_s: float) -> None:
        self._slow_s = slow_s or math.inf

    def look(self, sql: str, took_s: float) -> None:
        """Look at a statement that has ended, after so many seconds; from any thread."""
        if took_s > self._slow_s:
            text = " ".join(sql.split())
            if len(text) > LONGEST_SHOWN:
                text = f"{text[: LONGEST_SHOWN - 1]}…"
            log.warning("Slow query: %.0f ms: %s", took_s * 1000, text)
