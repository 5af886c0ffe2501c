"""What workers did, second by second: alone, together, and while one of them was silent."""

from __future__ import annotations

from array import array

from qapp.ext.metrics import Histogram, Layout, Report, Track, counter, gauge
from qapp.ext.metrics.report import (
    newest,
    percentiles,
    ratio,
    recent,
    recent_percentile,
)

TOOK = Histogram()
LAYOUT = Layout([counter("done", "D.", int), gauge("level", "L.", int), TOOK.family("took", "T.")])
NOW = 1000.5
SECONDS_KEPT = 120


def track(pid: int, *rows: tuple[float, float, float]) -> Track:
    """Make what a worker wrote: of each row time, counter and gauge; each unit took 1.8 ms."""
    numbers = array("d")
    index = LAYOUT["took"].start + 1 + [b >= 0.0018 for b in _bounds()].index(True)
    for at, done, level in rows:
        row = [0.0] * LAYOUT.width
        row[:3] = at, done, level
        row[index] = done
        numbers.extend(row)
    return Track(pid, 0, numbers, LAYOUT.width)


def _bounds() -> list[float]:
    return [float(part) for part in LAYOUT.families[2].parts]


def steady(pid: int, per_s: float, *, seconds: int = 130, level: float = 1) -> Track:
    begin = 1000 - seconds
    return track(pid, *((begin + s + 0.02, s * per_s, level) for s in range(seconds + 1)))


def test_a_rate_is_what_a_counter_grew_by() -> None:
    series = Report(LAYOUT, [steady(1, 40)], NOW).rate("done")
    assert len(series) == SECONDS_KEPT
    assert {round(value, 6) for value in series if value is not None} == {40}
    assert None not in series
    assert round(recent(series) or 0) == 40


def test_workers_are_added_up_and_each_can_be_told_alone() -> None:
    report = Report(LAYOUT, [steady(1, 40, level=2), steady(2, 2, level=5)], NOW)
    assert round(report.rate("done")[-1] or 0, 6) == 42
    assert report.level("level")[-1] == 7
    assert report.level("level", max)[-1] == 5
    alone = report.of(report.tracks[1])
    assert round(alone.rate("done")[-1] or 0, 6) == 2
    assert alone.level("level")[-1] == 5


def test_of_a_time_before_a_worker_nothing_is_known() -> None:
    series = Report(LAYOUT, [steady(1, 5, seconds=10)], NOW).rate("done")
    assert series[:-10] == [None] * (SECONDS_KEPT - 10)
    assert [round(value or 0, 6) for value in series[-10:]] == [5] * 10


def test_what_a_worker_did_while_it_was_late_is_spread_over_that_time() -> None:
    late = track(1, (990.01, 0, 1), (991.01, 10, 1), (995.01, 50, 1), (996.01, 60, 1))
    series = Report(LAYOUT, [late], NOW).rate("done")
    places = {second: series[second - 1001] for second in range(990, 1001)}
    assert {second for second, value in places.items() if value is not None} == set(range(991, 997))
    assert {round(value, 6) for value in places.values() if value is not None} == {10}


def test_a_worker_that_is_silent_adds_nothing_more_but_is_there() -> None:
    silent = track(2, (980.01, 0, 3), (981.01, 10, 3))
    report = Report(LAYOUT, [steady(1, 40), silent], NOW)
    assert round(report.rate("done")[-1] or 0, 6) == 40
    assert newest(report.of(silent).level("level")) is None
    assert [track.pid for track in report.tracks] == [1, 2]


def test_percentiles_are_of_all_workers_in_each_second() -> None:
    counts = Report(LAYOUT, [steady(1, 30), steady(2, 10)], NOW).counts("took")
    assert [sum(second) for second in counts] == [40] * SECONDS_KEPT
    assert all(0.0015 <= (value or 0) <= 0.002 for value in percentiles(counts, 0.5))
    assert 0.0015 < (recent_percentile(counts, 0.99) or 0) <= 0.002


def test_where_nothing_was_done_there_is_no_ratio_and_no_percentile() -> None:
    report = Report(LAYOUT, [steady(1, 0)], NOW)
    assert set(ratio(report.rate("done"), report.rate("done"))) == {None}
    assert set(percentiles(report.counts("took"), 0.5)) == {None}
    assert recent_percentile(report.counts("took"), 0.5) is None


def test_no_worker_is_nothing_known() -> None:
    report = Report(LAYOUT, [], NOW)
    assert set(report.rate("done")) == {None}
    assert recent(report.rate("done")) is None
