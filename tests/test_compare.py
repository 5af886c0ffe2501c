"""The comparison: that both sides do the same, and what it writes of figures made up here."""

from __future__ import annotations

import asyncio
import importlib.util
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qapp.ext.database.driver import sqlite
from tests.bench.compare.__main__ import MOST_DIFFERENCE
from tests.bench.compare.chart import svg
from tests.bench.compare.flask_site import check_durability
from tests.bench.compare.report import BEGIN, END, MEASURED, Conditions, embedded, markdown
from tests.bench.compare.run import Measured, Result, lines
from tests.bench.compare.sides import USER, Side, all_sides
from tests.bench.compare.work import FLASK, QAPP, WORKS
from tests.bench.table import Line
from tests.bench.wrk import Drive
from tests.client import Client
from tests.conftest import need

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
    page = markdown(Conditions(1, 3, (17_000, 17_000), 0.1).lines(), made, against_flask)
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


def test_both_sides_send_the_same_page_log_alike_and_keep_what_is_posted(tmp_path: Path) -> None:
    need(importlib.util.find_spec("gunicorn"), "gunicorn", "pip install -e '.[test]'")
    with all_sides(tmp_path, {QAPP, FLASK}, lambda _: None) as sides:
        sizes = [side.page_bytes() for side in sides.values()]
        assert max(sizes) / min(sizes) < 1 + MOST_DIFFERENCE
        for name, side in sides.items():
            title, page = asyncio.run(post(side))
            assert title in page
            assert (tmp_path / f"{name}.log").read_text().count('"POST /add ') == 1
            assert side.rss_mb() > 0


async def post(side: Side) -> tuple[str, str]:
    """Post an entry on a kept connection; return its title and the front page after it."""
    client = await Client(side.port).log_in(USER)
    port = client.local_port
    title = f"Tea of {side.name}"
    answer = await client.request("POST", "/add", {"title": title, "text": "Green tea"})
    assert answer.status == 302, answer
    page = (await client.request("GET", "/")).text
    assert client.local_port == port
    client.close()
    return title, page


def test_flask_is_not_compared_with_less_durable_commits(tmp_path: Path) -> None:
    path = str(tmp_path / "flaskr.sqlite")
    with closing(sqlite.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        with pytest.raises(RuntimeError, match="journal_mode is delete"):
            check_durability(path)
        connection.execute("PRAGMA journal_mode = WAL")
    check_durability(path)


def test_the_readme_gets_the_conditions_and_the_ratios_and_loses_nothing_else() -> None:
    made = results(400, 100)
    found = [line for result in made for line in lines(result)]
    found.append(Line("by the way", "7", "", met=True))
    page = markdown(Conditions(1, 3, (17_000, 17_000), 0.1).lines(), made, found)
    readme = embedded(f"before\n{BEGIN}\nold\n{END}\nafter\n", page)
    assert readme.startswith(f"before\n{BEGIN}\n\n![")
    assert readme.endswith(f"{END}\nafter\n")
    assert "old" not in readme
    assert "| Front page, no session, against Flask, gunicorn | 4.00 × |" in readme
    assert "Rate limits are off" in readme
    assert "by the way" in page
    assert "by the way" not in readme
    assert MEASURED not in readme
    assert embedded(readme, page) == readme
    with pytest.raises(ValueError, match="lacks"):
        embedded("nothing", page)
