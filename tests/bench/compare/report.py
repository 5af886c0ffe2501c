"""Write down a comparison: for a terminal, and as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import NamedTuple

from qapp.ext.database.driver import sqlite
from tests.bench.compare.run import Measured, Result
from tests.bench.compare.sides import KEEP_ALIVE_S, THREADS, WORKERS
from tests.bench.compare.work import ENTRIES
from tests.bench.table import Line

PACKAGES = ("quart", "hypercorn", "granian", "flask", "gunicorn")
MEASURED = "## Measured"
# What the README shows stands between these two.
BEGIN = "<!-- Written by python -m tests.bench.compare: do not edit. -->"
END = "<!-- As far as that. -->"
NOT_REQUIRED = "|  |  |"
CHART = "![Answers a second, qapp beside Flask](tests/bench/compare/comparison.svg)"
HEADINGS = ("", "answers a second", "p50", "p99", "memory", "errors")


class Conditions(NamedTuple):
    """How it was measured: the length of a run, how many, and the front page of either side.

    :ivar load: how many processes ran or waited before it began, by the last minute's average.
    """

    seconds: float
    rounds: int
    page_bytes: tuple[int, int]
    load: float

    def lines(self) -> list[str]:
        """Return what a reader has to know, a sentence or two each."""
        versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        ours, theirs = self.page_bytes
        return [
            f"{WORKERS} workers on each side, under gunicorn of {THREADS} threads each; "
            f"{ENTRIES:,} entries at the start.",
            f"The front page has {ours:,} bytes, Flask's {theirs:,}: the same entries in the same "
            "frame.",
            "Rate limits are off. Every side writes the same line for each request to a file: the "
            "site under Hypercorn by itself, all others by their servers. Connections are kept, "
            f"idle ones for {KEEP_ALIVE_S} s.",
            "Commits are as durable on both: WAL, synchronous=FULL.",
            f"wrk, rounds of {self.seconds:g} s in turn, {self.rounds} after one to warm up; "
            "medians, ratios by round.",
            "Memory: resident, of all workers, after the work; what they share counts for each. "
            "The Flask original is a part of this package and loads its modules too, as the log's "
            "format makes the yardsticks do: by itself it would have less.",
            f"{os.cpu_count()} processors, which wrk uses too, with a load of {self.load:.1f} from "
            "elsewhere before it began; Python "
            f"{platform.python_version()}; {versions}; SQLite {sqlite.sqlite_version}, Flask has "
            "Python's own.",
        ]


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of what was measured, in columns."""
    for result in results:
        yield f"\n{result.work.title} ({result.work.note})"
        rows = [HEADINGS, *((name, *cells(found)) for name, found in result.sides.items())]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
        for row in rows:
            first, *others = (
                cell.rjust(width) if number else cell.ljust(width)
                for number, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            yield "  ".join(["", first, *others]).rstrip()


def cells(found: Measured) -> tuple[str, str, str, str, str]:
    """Write down what was measured of a side."""
    return (
        f"{found.a_second:,.0f}",
        milliseconds(found.p50_ms),
        milliseconds(found.p99_ms),
        f"{found.rss_mb:,.0f} MB",
        f"{found.bad:,}",
    )


def milliseconds(value: float) -> str:
    """Write down a time, with a decimal where that says something."""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"


def markdown(conditions: Sequence[str], results: Sequence[Result], lines: Sequence[Line]) -> str:
    """Return the whole comparison as a page."""
    parts = [
        "# The comparison\n",
        "What `python -m tests.bench.compare` printed. Do not edit: run it.\n",
        "\n".join(f"- {condition}" for condition in conditions),
        "\n## Ratios\n",
        _rows(("what", "measured", "required", ""), (_ratio_row(line) for line in lines)),
        f"\n{MEASURED}\n",
    ]
    for result in results:
        parts.append(f"### {result.work.title}\n\n{_sentence(result.work.note)}\n")
        rows = ((name, *cells(found)) for name, found in result.sides.items())
        parts.append(_rows(HEADINGS, rows) + "\n")
    return "\n".join(parts)


def embedded(readme: str, page: str) -> str:
    """Return the README with the chart, the conditions and the ratios of such a page.

    What nothing is required of stays where it is.

    :raises ValueError: if the README has no place for them.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README lacks {BEGIN} or {END}")
    conditions, _, ratios = page.partition(MEASURED)[0].partition("\n## Ratios\n")
    conditions = conditions[conditions.index("- ") :].strip()
    rows = [row for row in ratios.strip().splitlines() if not row.endswith(NOT_REQUIRED)]
    shown = "\n\n".join([CHART, "\n".join(rows), conditions])
    return f"{before}{BEGIN}\n\n{shown}\n\n{END}{after}"


def _ratio_row(line: Line) -> tuple[str, ...]:
    said = "" if not line.required else "ok" if line.met else "**MISSED**"
    return (line.what, line.measured, line.required, said)


def _rows(headings: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    ruler = ("---", *("---:" for _ in headings[1:]))
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, ruler, *rows))


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}."
