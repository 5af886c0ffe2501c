"""Charts of a few lines over time, as paths of SVG, with the words that say the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from qapp.ext.metrics.report import Series

# The drawing's own units; the page stretches it.
WIDTH = 240
HEIGHT = 48

Format = Callable[[float], str]


class Line(NamedTuple):
    """One line of a chart.

    :ivar label: what tells it from the others; "" where there is one.
    :ivar now: the newest value, as text.
    :ivar path: what is drawn.
    """

    label: str
    now: str
    path: str


class Chart(NamedTuple):
    """Some lines with one scale.

    :ivar top: the highest value that they had, as text.
    :ivar words: what is seen, for who does not see it.
    """

    title: str
    lines: tuple[Line, ...]
    top: str
    words: str


class Values(NamedTuple):
    """What a line is made of: a value a second, and the newest."""

    label: str
    series: Series
    now: float | None


def chart(title: str, form: Format, *lines: Values) -> Chart:
    """Draw lines; the scale begins at 0 and ends at a round number."""
    known = [value for line in lines for value in line.series if value is not None]
    top = max(known, default=0.0)
    scale = HEIGHT / rounded_up(top)
    drawn = tuple(
        Line(line.label, shown(line.now, form), path_of(line.series, scale)) for line in lines
    )
    return Chart(title, drawn, form(top) if known else "", _words(title, form, lines))


def shown(value: float | None, form: Format) -> str:
    """Write a value; a dash where there is none."""
    return "–" if value is None else form(value)


def rounded_up(top: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50, …; of what is smaller than 1 that times 10^-n."""
    power = 1.0
    if top <= 0:
        return power
    while power >= top:
        power /= 10
    while power * 10 < top:
        power *= 10
    return next(power * step for step in (1, 2, 5, 10) if power * step >= top)


def path_of(series: Series, scale: float) -> str:
    """Return the path of a line, with gaps where nothing is known."""
    step = WIDTH / (len(series) - 1)
    parts = []
    pen_is_down = False
    for index, value in enumerate(series):
        if value is not None:
            x, y = round(index * step), round(HEIGHT - value * scale, 1)
            # A value between two gaps is a line without length: a dot, as its ends are round.
            parts.append(f"L{x} {y:g}" if pen_is_down else f"M{x} {y:g}h0")
        pen_is_down = value is not None
    return "".join(parts)


def _words(title: str, form: Format, lines: tuple[Values, ...]) -> str:
    told = []
    for line in lines:
        known = [value for value in line.series if value is not None]
        what = f"{line.label}: " if line.label else ""
        if known:
            told.append(f"{what}from {form(min(known))} to {form(max(known))}")
        else:
            told.append(f"{what}nothing known")
    return f"{title} in the last two minutes: {'; '.join(told)}"


# --- Numbers as people read them -----------------------------------------------------------------


def count(value: float) -> str:
    """Write a number of things: 1 234, 3.2, 0."""
    if value >= 10 or value == int(value):
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.1f}"


def milliseconds(value: float) -> str:
    """Write seconds as milliseconds: 0.42 ms, 12 ms; long ones as 1.5 s."""
    if value >= 1:
        return f"{value:.1f}\N{NO-BREAK SPACE}s"
    ms = value * 1000
    digits = 2 if ms < 1 else 1 if ms < 10 else 0
    return f"{ms:.{digits}f}\N{NO-BREAK SPACE}ms" if ms else "0\N{NO-BREAK SPACE}ms"


def percent(value: float) -> str:
    """Write a share: 97 %."""
    return f"{value * 100:.0f}\N{NO-BREAK SPACE}%"


def megabytes(value: float) -> str:
    """Write bytes: 64 MB."""
    return f"{value / 1_000_000:.0f}\N{NO-BREAK SPACE}MB"
