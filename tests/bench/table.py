"""How every benchmark prints what it measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """One measured thing: what, how much, what is required, and whether that is met."""

    what: str
    measured: str
    required: str
    met: bool


def show(title: str, lines: Sequence[Line]) -> int:
    """Print a table; return the exit status, 1 if something required is not met."""
    rows = [("what", "measured", "required", ""), *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    print(title)
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    return 0 if all(line.met for line in lines) else 1


def _cells(line: Line) -> tuple[str, str, str, str]:
    return line.what, line.measured, line.required, "ok" if line.met else "MISSED"
