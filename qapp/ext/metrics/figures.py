"""What is measured: families of figures, and the columns that they have in a row of numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"

# Seconds, six bounds a decade: a percentile read from them is wrong by a fifth at most.
SECONDS = tuple(
    round(step * 10.0**power, 7) for power in range(-5, 2) for step in (1, 1.5, 2, 3, 5, 7)
)


class Family(NamedTuple):
    """A figure, or several that differ by a label.

    :ivar name: without the prefix of the app.
    :ivar kind: `counter` (only grows), `gauge`, or `histogram`.
    :ivar meaning: one line for who reads it.
    :ivar read: returns the figures as they are now, as many as `parts`; a histogram's sum first. It
        is called in the app's context, once a second, and may neither block nor fail.
    :ivar label: the name of the label by which they differ.
    :ivar parts: the label's values; of a histogram its bounds.
    """

    name: str
    kind: str
    meaning: str
    read: Callable[[], Sequence[float]]
    label: str = ""
    parts: tuple[str, ...] = ("",)

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return len(self.parts) + (2 if self.kind == HISTOGRAM else 0)  # the sum, and what is above


def counter(name: str, meaning: str, read: Callable[[], float]) -> Family:
    """Make a figure that only grows."""
    return Family(name, COUNTER, meaning, lambda: (read(),))


def gauge(name: str, meaning: str, read: Callable[[], float]) -> Family:
    """Make a figure that goes up and down."""
    return Family(name, GAUGE, meaning, lambda: (read(),))


class Histogram:
    """Counts values by the bounds that they lie below, for a process.

    :ivar total: the sum of all values.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value, in a quarter of a microsecond."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def family(self, name: str, meaning: str) -> Family:
        """Return the family of this histogram."""
        parts = tuple(f"{bound:g}" for bound in self._bounds)
        return Family(name, HISTOGRAM, meaning, lambda: (self.total, *self.counts), "le", parts)


def percentile(counts: Sequence[float], share: float, bounds: Sequence[float]) -> float | None:
    """Return the value below which a share of all lies, by a histogram's counts.

    In between two bounds values are taken to lie evenly; above the last they are taken for that.

    :param share: from 0 to 1.
    :return: None if nothing was counted.
    """
    total = sum(counts)
    if total <= 0:
        return None
    wanted = share * total
    below = 0.0
    for index, count in enumerate(counts[:-1]):
        if count and below + count >= wanted:
            least = bounds[index - 1] if index else 0.0
            return least + (bounds[index] - least) * max(0.0, wanted - below) / count
        below += count
    return bounds[-1]


class Layout:
    """Which columns the families have in a row: the first is the time of `time.monotonic`."""

    def __init__(self, families: Sequence[Family]) -> None:
        self.families = tuple(families)
        self._columns: dict[str, range] = {}
        begin = 1
        for family in families:
            if family.name in self._columns:
                raise ValueError(f"there are two figures {family.name}")
            self._columns[family.name] = range(begin, begin + family.width)
            begin += family.width
        self.width = begin

    def __getitem__(self, name: str) -> range:
        """Return the columns of a family."""
        return self._columns[name]

    def row(self, now: float) -> list[float]:
        """Read all families."""
        row = [now]
        for family in self.families:
            row += family.read()
        return row
