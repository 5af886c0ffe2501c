"""What the comparison writes of what it measured; the figures themselves are made up here."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.bench.compare.chart import svg
from tests.bench.compare.report import Conditions, markdown
from tests.bench.compare.run import Measured, Result, lines
from tests.bench.compare.work import FLASK, QAPP, WORKS
from tests.bench.wrk import Drive

SVG = "{http://www.w3.org/2000/svg}"


def results(qapp: float, flask: float) -> list[Result]:
    """Make a result of each work: so many answers a second of qapp, so many of all others."""
    return [
        Result(
            work,
            {
                name: Measured([Drive(qapp if name == QAPP else flask, 10.0, 50.0)] * 3, 100.0)
                for name in work.sides
            },
        )
        for work in WORKS
    ]


def test_the_ratio_is_that_of_the_rounds_and_not_of_the_medians() -> None:
    ours, theirs = (
        Measured([Drive(speed, 1.0, 1.0) for speed in speeds], 1.0)
        for speeds in ((100.0, 200.0, 900.0), (100.0, 100.0, 300.0))
    )
    insert = next(work for work in WORKS if work.key == "insert")
    assert lines(Result(insert, {QAPP: ours, FLASK: theirs}))[0].measured == "2.00 ×"


@pytest.mark.parametrize(("qapp", "is_met"), [(2600.0, True), (140.0, False)])
def test_what_is_required_is_said_to_be_met_or_missed(qapp: float, is_met: bool) -> None:
    made = results(qapp, 100)
    against_flask = [
        line
        for result in made
        for line in lines(result)
        if line.what.endswith(FLASK) and "p99" not in line.what
    ]
    assert [line.met for line in against_flask] == [is_met] * len(WORKS)
    page = markdown(Conditions(1, 3, (17_000, 17_000)), made, against_flask)
    assert ("**MISSED**" in page) is not is_met


def test_the_chart_says_in_words_what_it_shows() -> None:
    chart = ElementTree.fromstring(svg(results(400, 100)))  # noqa: S314 - made here
    assert chart.get("role") == "img"
    labels = {each.get("id") for name in ("title", "desc") for each in chart.iter(f"{SVG}{name}")}
    assert labels == set(str(chart.get("aria-labelledby")).split())
    words = chart.findtext(f"{SVG}desc", "")
    for work in WORKS:
        assert f"{work.title}: 4.0 times Flask." in words


def test_the_fastest_of_a_group_has_the_longest_bar_and_none_leaves_the_picture() -> None:
    chart = ElementTree.fromstring(svg(results(400, 100)))  # noqa: S314 - made here
    bars = [float(bar.get("width", 0)) for bar in chart.iter(f"{SVG}rect")][1:]
    assert len(bars) == sum(len(work.sides) for work in WORKS)
    assert set(bars) == {max(bars), max(bars) / 4}
