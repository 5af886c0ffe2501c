"""The sources side by side: whole, in line, and marked where they differ."""

from __future__ import annotations

import html
import re

import pytest

from qapp.tour.chapters import CHAPTERS, Pair
from qapp.tour.sources import PACKAGE, Row, aligned, coloured, panes_of

PAIRS = [pair for chapter in CHAPTERS for pair in chapter.pairs]


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.here for pair in PAIRS])
def test_a_pane_shows_the_file_that_runs(pair: Pair) -> None:
    for pane, path in zip(panes_of(pair)[:2], pair, strict=True):
        assert pane.path == path
        shown = re.sub(r"<[^>]*>", "", pane.html)
        assert html.unescape(shown).rstrip("\n") == (PACKAGE / path).read_text().rstrip("\n")


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.here for pair in PAIRS])
def test_two_panes_have_the_same_number_of_lines(pair: Pair) -> None:
    flask, here = (pane.html.count('<span class="line') for pane in panes_of(pair)[:2])
    assert flask == here


def test_lines_of_the_same_sense_stand_beside_each_other() -> None:
    flask = ["import flask", "", "def a():", "    return b(c)", "", "run()"]
    here = ["import quart", "async def a():", "    return await b(await c)", "more()"]
    rows = list(aligned(flask, here))
    assert Row(0, 0) in rows
    assert Row(2, 1) in rows
    assert Row(3, 2) in rows
    assert [row.flask for row in rows if row.flask is not None] == list(range(6))
    assert [row.here for row in rows if row.here is not None] == list(range(4))


def test_what_differs_is_marked_and_nothing_else() -> None:
    panes = panes_of(Pair("tour/originals/application.py", "tour/live/application.py"))
    lines = re.findall(r'<span class="line( changed)?">(.*?)\n</span>', panes.here.html, re.DOTALL)
    marked = [re.sub(r"<[^>]*>", "", line) for mark, line in lines if mark]
    assert marked == ["from quart import Blueprint", "async def hello() -&gt; str:"]
    assert panes.changed == 2
    assert panes.lines == len(lines)


def test_a_string_over_several_lines_is_coloured_in_each() -> None:
    lines = coloured('"""One\n\n<two>"""\nx = 1\n')
    assert len(lines) == 4
    assert "One" in lines[0]
    assert "&lt;two&gt;" in lines[2]
    for line in lines:
        assert line.count("<span") == line.count("</span>")
