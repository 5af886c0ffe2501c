"""What the process itself says: memory, processor, and how late its event loop is."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from .figures import Family, Histogram, counter, gauge

STATM = Path("/proc/self/statm")


class LoopLag:
    """How late the event loop calls what is due.

    :ivar longest: since it was last read, in seconds.
    """

    def __init__(self) -> None:
        self.lags = Histogram()
        self._longest = 0.0

    def add(self, lag_s: float) -> None:
        """Note how late something was called."""
        self.lags.add(lag_s)
        self._longest = max(self._longest, lag_s)

    def take_longest(self) -> float:
        """Return the longest lag since the last call."""
        longest, self._longest = self._longest, 0.0
        return longest

    def families(self) -> list[Family]:
        """Return the figures of this."""
        return [
            self.lags.family(
                "event_loop_lag_seconds", "How late the event loop called what was due."
            ),
            gauge(
                "event_loop_longest_lag_seconds",
                "The longest lag of the last second.",
                self.take_longest,
            ),
        ]


def resident_bytes() -> int:
    """Return how much memory the process takes; where the system does not tell, the most so far."""
    try:
        return int(STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        if sys.platform == "win32":
            return 0
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def families() -> list[Family]:
    """Return the figures of the process."""
    return [
        gauge("resident_memory_bytes", "Memory that the process takes.", resident_bytes),
        counter(
            "cpu_seconds_total", "Time that the process has had a processor.", time.process_time
        ),
    ]
