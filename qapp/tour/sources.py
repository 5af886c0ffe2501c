"""Two sources side by side: coloured, in line with each other, what differs marked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from .chapters import Pair

PACKAGE = Path(__file__).parents[1]
# What makes two lines differ that say the same.
ASYNC = re.compile(r"\basync |\bawait |[()]")


class Pane(NamedTuple):
    """A source as it is shown; `html` has a line for each line of its neighbour."""

    path: str
    html: Markup


class Panes(NamedTuple):
    """A Flask source and its counterpart; `changed` counts the lines of it that differ."""

    flask: Pane
    here: Pane
    changed: int
    lines: int


def panes_of(pair: Pair) -> Panes:
    """Read and colour two sources."""
    flask, here = ((PACKAGE / path).read_text() for path in pair)
    rows = list(aligned(flask.splitlines(), here.splitlines()))
    left, right = coloured(flask), coloured(here)
    marks = [_is_changed(row, flask.splitlines(), here.splitlines()) for row in rows]
    changed = [row.here is not None and mark for row, mark in zip(rows, marks, strict=True)]
    return Panes(
        Pane(pair.flask, _lines(left, [row.flask for row in rows], marks)),
        Pane(pair.here, _lines(right, [row.here for row in rows], marks)),
        changed=sum(changed),
        lines=len(right),
    )


class Row(NamedTuple):
    """The numbers of two lines that stand beside each other; None where there is a gap."""

    flask: int | None
    here: int | None


def aligned(flask: list[str], here: list[str]) -> Iterator[Row]:
    """Yield the rows in which two sources stand beside each other."""
    matcher = difflib.SequenceMatcher(
        None, [_sense(line) for line in flask], [_sense(line) for line in here], autojunk=False
    )
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        for offset in range(max(i2 - i1, j2 - j1)):
            yield Row(
                i1 + offset if i1 + offset < i2 else None, j1 + offset if j1 + offset < j2 else None
            )


def coloured(source: str) -> list[str]:
    """Return the lines of a Python source as HTML with Pygments' classes."""
    formatter = HtmlFormatter(nowrap=True)
    html: str = highlight(source, PythonLexer(stripnl=False), formatter)
    return html.splitlines()


def _sense(line: str) -> str:
    return ASYNC.sub("", line).replace("quart", "flask").replace("Quart", "Flask")


def _is_changed(row: Row, flask: list[str], here: list[str]) -> bool:
    if row.flask is None or row.here is None:
        return True
    return flask[row.flask] != here[row.here]


def _lines(coloured: list[str], numbers: list[int | None], marks: list[bool]) -> Markup:
    lines = []
    for number, is_changed in zip(numbers, marks, strict=True):
        if number is None:
            lines.append('<span class="line gap"></span>')
        else:
            klass = "line changed" if is_changed else "line"
            lines.append(f'<span class="{klass}">{coloured[number]}\n</span>')
    # Pygments has escaped what is in the lines.
    return Markup("".join(lines))  # noqa: S704
