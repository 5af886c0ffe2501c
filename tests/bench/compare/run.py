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
    """Lines that say how far it is and what runs."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def tell(self, what: str) -> None:
        """Say what comes next."""
        print(f"[{100 * self._done // self._total:3d} %] {what}", file=sys.stderr, flush=True)

    def step(self) -> None:
        """Count one run."""
        self._done += 1


def run_count(works: Sequence[Work], rounds: int) -> int:
    """Return how many times wrk runs."""
    return sum(len(work.sides) * (rounds + 1) for work in works)


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
                seconds=max(seconds, work.least_s),
                connections=work.connections,
                timeout_s=work.timeout_s,
                may_fail=True,  # they are counted, those of the site against it
            )
            progress.step()
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
    bad = result.sides[QAPP].bad
    found.append(Line(f"{result.work.title}: errors of {QAPP}", f"{bad:,}", "0", bad == 0))
    return found
