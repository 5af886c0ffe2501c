"""Draw a comparison as an SVG, by hand: bars in groups, for light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from tests.bench.compare.report import milliseconds
from tests.bench.compare.run import Measured, Result, ratio
from tests.bench.compare.work import FLASK, GRANIAN, QAPP

WIDTH = 760
MARGIN = 16
LABELS = 150
VALUES = 200
BAR = 16
STEP = 21
TOP = 66
GROUP_HEAD = 30
GROUP_GAP = 14
LONGEST = WIDTH - 2 * MARGIN - LABELS - VALUES
KINDS = {QAPP: "ours", GRANIAN: "also", FLASK: "flask"}
# The text's contrast is 7:1 and more on either ground, the bars' 3:1 and more.
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .ground { fill: #ffffff; }
  .title { font-size: 17px; font-weight: 600; }
  .head { font-weight: 600; }
  .quiet { fill: #4b535d; }
  .ours { fill: #0969da; }
  .also { fill: #4a8fd8; }
  .flask { fill: #bc4c00; }
  .yardstick { fill: #848d97; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .ground { fill: #0d1117; }
    .quiet { fill: #aeb7c2; }
    .ours { fill: #4493f8; }
    .also { fill: #316dca; }
    .flask { fill: #f0883e; }
    .yardstick { fill: #767e89; }
  }
"""


def svg(results: Sequence[Result]) -> str:
    """Return the chart: in each group the fastest has the longest bar there is room for."""
    shapes: list[str] = []
    y = TOP
    for result in results:
        shapes += group(result, y)
        y += GROUP_HEAD + STEP * len(result.sides) + GROUP_GAP
    says = " ".join(sentence(result) for result in results)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'height="{y}" role="img" aria-labelledby="title desc">',
        '<title id="title">Answers a second: qapp beside Flask</title>',
        f'<desc id="desc">{escape(says)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{y}" rx="8"/>',
        text(MARGIN, 30, "Answers a second: qapp beside Flask", "title"),
        text(MARGIN, 50, "Each group has a scale of its own. Longer is faster.", "quiet"),
        *shapes,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def group(result: Result, y: int) -> Iterator[str]:
    """Yield a work's heading and its bars, from `y` down."""
    most = max(found.a_second for found in result.sides.values())
    yield text(MARGIN, y + 16, result.work.title, "head")
    faster = f"{against_flask(result):.1f} × Flask"
    yield text(WIDTH - MARGIN, y + 16, faster, "head", anchor="end")
    for number, (name, found) in enumerate(result.sides.items()):
        top = y + GROUP_HEAD + STEP * number
        length = max(found.a_second / most * LONGEST, 1)
        kind = KINDS.get(name, "yardstick")
        yield text(MARGIN, top + 13, name, "quiet")
        yield (
            f'<rect class="{kind}" x="{MARGIN + LABELS}" y="{top}" width="{length:.1f}" '
            f'height="{BAR}" rx="3"/>'
        )
        yield text(MARGIN + LABELS + length + 8, top + 13, value(found), "quiet")


def sentence(result: Result) -> str:
    """Say a group's bars in words, for who can't see them."""
    values = "; ".join(f"{name}: {value(found)}" for name, found in result.sides.items())
    return f"{result.work.title}: {against_flask(result):.1f} times Flask. {values}."


def against_flask(result: Result) -> float:
    """Return how many times as fast as Flask the site is."""
    return ratio(result, QAPP, FLASK, lambda run: run.a_second)


def value(found: Measured) -> str:
    """Write down a bar's value, and how late the latest answers are."""
    return f"{found.a_second:,.0f} /s, p99 {milliseconds(found.p99_ms)}"


def text(x: float, y: int, words: str, kind: str, *, anchor: str = "start") -> str:
    """Return a line of text that begins, or ends, at `x`."""
    where = f'x="{x:.1f}" y="{y}" class="{kind}" text-anchor="{anchor}"'
    return f"<text {where}>{escape(words)}</text>"
