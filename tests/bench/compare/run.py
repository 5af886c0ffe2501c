"""Drive the sides in turn, and find the ratios."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from tests.bench.compare.sides import Side
from tests.bench.compare.work import BARE, EMPTY, FLASK, QAPP, Visit, Work
from tests.bench.table import Line
from tests.bench.wrk import Drive, drive

NOBODY = Visit("", "")
MOST_P99 = 1.0


class Measured(NamedTuple):
    """What the runs of one side at one work came to: each run, and its memory after them."""

    runs: list[Drive]
    rss_mb: float

    @property
    def a_second(self) -> float:
        """The median of good answers a second."""
        return median(run.a_second for run in self.runs)

    @property
    def p50_ms(self) -> float:
        """The median of what half the answers took at most."""
        return median(run.p50_ms for run in self.runs)

    @property
    def p99_ms(self) -> float:
        """The median of what 99 of 100 answers took at most."""
        return median(run.p99_ms for run in self.runs)

    @property
    def bad(self) -> int:
        """How many answers of all runs were errors, or later than the work's limit."""
        return sum(run.bad for run in self.runs)


class Result(NamedTuple):
    """A work, and what was measured of each side, in the order they were driven."""

    work: Work
    sides: Mapping[str, Measured]


class Progress:
    """Lines that say how far it is, how long it still takes, and what runs.

    :param total_s: about how many seconds all of it takes.
    """

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s
        self._done_s = 0.0

    def tell(self, what: str) -> None:
        """Say what comes next."""
        done, left_s = self._done_s / self._total_s, self._total_s - self._done_s
        left = f"{left_s / 60:.0f} min" if left_s >= 90 else f"{left_s:.0f} s"
        print(f"[{done:4.0%}, {left} left] {what}", file=sys.stderr, flush=True)

    def step(self, seconds: float) -> None:
        """Count what has run."""
        self._done_s += seconds


def run_s(work: Work, seconds: float) -> float:
    """Return how long one run of a work is, in seconds."""
    return max(seconds, work.least_s)


def work_s(work: Work, seconds: float, rounds: int) -> float:
    """Return how long all runs of a work take, with those that warm up."""
    return len(work.sides) * (rounds + 1) * run_s(work, seconds)


def measure(
    work: Work, sides: Mapping[str, Side], *, seconds: float, rounds: int, progress: Progress
) -> Result:
    """Drive each side once to warm up, then all in turn, round after round."""
    asked = {name: work.asked(visit_of(sides[name])) for name in work.sides}
    runs: dict[str, list[Drive]] = {name: [] for name in work.sides}
    for number in range(rounds + 1):
        for name in work.sides:
            what = f"round {number} of {rounds}" if number else "warming up"
            progress.tell(f"{work.title} · {what} · {name}")
            found = drive(
                sides[name].port,
                asked[name],
                seconds=run_s(work, seconds),
                connections=work.connections,
                timeout_s=work.timeout_s,
                may_fail=True,  # they are counted, those of the site against it
            )
            progress.step(run_s(work, seconds))
            if number:
                runs[name].append(found)
    return Result(
        work, {name: Measured(found, sides[name].rss_mb()) for name, found in runs.items()}
    )


def visit_of(side: Side) -> Visit:
    """Log in where there is a login."""
    return NOBODY if side.name in (BARE, EMPTY) else side.log_in()


def ratio(result: Result, of: str, to: str, value: Callable[[Drive], float]) -> float:
    """Return the median of the rounds' ratios: what disturbs a round disturbs both of its sides."""
    pairs = zip(result.sides[of].runs, result.sides[to].runs, strict=True)
    return median(value(one) / value(other) for one, other in pairs)


def lines(result: Result) -> list[Line]:
    """Compare with what is required of a work."""
    found = []
    for other, least in result.work.least.items():
        faster = ratio(result, QAPP, other, lambda run: run.a_second)
        required = f"≥ {least:g} ×" if least else "no limit set"
        what = f"{result.work.title}, against {other}"
        found.append(Line(what, f"{faster:.2f} ×", required, faster >= (least or 0)))
    later = ratio(result, QAPP, FLASK, lambda run: run.p99_ms)
    what = f"{result.work.title}: p99, against {FLASK}"
    found.append(Line(what, f"{later:.2f} ×", f"≤ {MOST_P99:g} ×", later <= MOST_P99))
    return found


def errors(results: Sequence[Result]) -> Line:
    """Count the site's bad answers at all works."""
    bad = sum(result.sides[QAPP].bad for result in results)
    return Line(f"errors of {QAPP}, all of the above", f"{bad:,}", "0", bad == 0)
