"""What several processes did, second by second, one by one or together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from operator import add, sub

from .figures import SECONDS, Layout, percentile
from .tracks import KEPT, Track

# Figures of "now" are of so many seconds: one alone says little.
RECENT_S = 10
# So long a process may take to write its row of a second.
GRACE_S = 0.3
# One that has written none for so long does not answer requests either.
SILENT_S = 5.0

# One value a second, the oldest first; None where nothing is known.
Series = list[float | None]


class Report:
    """The last minutes of some processes, the oldest second first.

    :ivar tracks: the processes.
    :ivar seconds: how many there are in a series.
    """

    def __init__(
        self, layout: Layout, tracks: Sequence[Track], now: float, seconds: int = KEPT - 1
    ) -> None:
        self.tracks = list(tracks)
        self.seconds = seconds
        self._layout = layout
        self._now = now
        self._first = int(now - GRACE_S) - seconds + 1
        self._spans = [(track, [*self._spans_of(track)]) for track in self.tracks]

    def of(self, track: Track, seconds: int = KEPT - 1) -> Report:
        """Return the report of one process alone."""
        return Report(self._layout, [track], self._now, seconds)

    def _column(self, name: str, part: str = "") -> int:
        family = next(family for family in self._layout.families if family.name == name)
        return self._layout[name][family.parts.index(part)]

    def _spans_of(self, track: Track) -> Iterable[tuple[int, float, int, int]]:
        """Yield each row but the first: number, seconds since the one before, places it fills."""
        times = track.column(0)
        for index in range(max(1, bisect_left(times, self._first)), len(times)):
            begin = max(int(times[index - 1]) + 1 - self._first, 0)
            end = min(int(times[index]) + 1 - self._first, self.seconds)
            took_s = times[index] - times[index - 1]
            if begin < end and took_s > 0:
                yield index, took_s, begin, end

    def rate(self, name: str, *parts: str) -> Series:
        """Return how much a counter grew in each second, all processes together.

        :param parts: the values of its label, added up.
        """
        series: Series = [None] * self.seconds
        columns = [self._column(name, part) for part in parts or ("",)]
        for track, spans in self._spans:
            values = [sum(row) for row in zip(*map(track.column, columns), strict=True)]
            for index, took_s, begin, end in spans:
                per_s = (values[index] - values[index - 1]) / took_s
                for place in range(begin, end):
                    series[place] = (series[place] or 0.0) + per_s
        return series

    def level(self, name: str, together: Callable[[float, float], float] = add) -> Series:
        """Return a gauge in each second.

        :param together: how the values of two processes become one: by default they are added.
        """
        series: Series = [None] * self.seconds
        column = self._column(name)
        for track, spans in self._spans:
            values = track.column(column)
            for index, _, begin, end in spans:
                for place in range(begin, end):
                    before = series[place]
                    value = values[index]
                    series[place] = value if before is None else together(before, value)
        return series

    def counts(self, name: str) -> list[list[float]]:
        """Return what a histogram counted in each second, all processes together."""
        columns = self._layout[name][1:]  # without the sum
        counted = [[0.0] * len(columns) for _ in range(self.seconds)]
        for track, spans in self._spans:
            for index, _, _, end in spans:
                before, after = track.part(index - 1, columns), track.part(index, columns)
                if before != after:
                    counted[end - 1] = [*map(add, counted[end - 1], map(sub, after, before))]
        return counted


def ratio(above: Series, below: Series) -> Series:
    """Divide two series, second by second; None where nothing is to be divided by."""
    pairs = zip(above, below, strict=True)
    return [one / other if one is not None and other else None for one, other in pairs]


def percentiles(counts: list[list[float]], share: float) -> Series:
    """Return a percentile of a histogram of `SECONDS` in each second."""
    return [percentile(each, share, SECONDS) for each in counts]


def recent_percentile(counts: list[list[float]], share: float) -> float | None:
    """Return a percentile of the last `RECENT_S` seconds together."""
    together = [sum(column) for column in zip(*counts[-RECENT_S:], strict=True)]
    return percentile(together, share, SECONDS)


def recent(series: Series) -> float | None:
    """Return the mean of the last `RECENT_S` seconds, those of which nothing is known aside."""
    known = [value for value in series[-RECENT_S:] if value is not None]
    return sum(known) / len(known) if known else None


def newest(series: Series) -> float | None:
    """Return the newest value of the last `RECENT_S` seconds."""
    return next((value for value in reversed(series[-RECENT_S:]) if value is not None), None)
