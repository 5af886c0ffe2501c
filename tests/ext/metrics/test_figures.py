"""Histograms tell percentiles of what they were fed; families have columns of their own."""

from __future__ import annotations

import random

import pytest

from qapp.ext.metrics import SECONDS, Histogram, Layout, counter, gauge, percentile


def told(values: list[float], share: float) -> float:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    found = percentile(histogram.counts, share, SECONDS)
    assert found is not None
    return found


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 1])
@pytest.mark.parametrize("scale", [0.0004, 0.02, 3])
def test_a_percentile_is_right_by_the_width_of_its_bounds(share: float, scale: float) -> None:
    randomness = random.Random(7)  # noqa: S311
    values = sorted(randomness.lognormvariate(0, 0.8) * scale for _ in range(20_000))
    values = [min(value, SECONDS[-1]) for value in values]
    true = values[min(int(share * len(values)), len(values) - 1)]
    assert told(values, share) == pytest.approx(true, rel=0.5)
    # Its bounds are those which the true value lies between.
    above = next(bound for bound in SECONDS if bound >= true)
    below = max((bound for bound in SECONDS if bound < true), default=0.0)
    assert below * 0.999 <= told(values, share) <= above * 1.001


def test_known_latencies_have_known_percentiles() -> None:
    # 98 within 1.5 to 2 ms, evenly as it is taken, and two between 0.7 and 1 s.
    values = [0.0018] * 98 + [0.9] * 2
    assert told(values, 0.49) == pytest.approx(0.00175)
    assert told(values, 0.98) == pytest.approx(0.002)
    assert told(values, 0.99) == pytest.approx(0.85)


def test_a_bound_itself_lies_below_it() -> None:
    assert told([0.002] * 3, 1) == pytest.approx(0.002)


def test_what_is_longer_than_all_bounds_is_taken_for_the_last() -> None:
    assert told([1e9], 0.5) == SECONDS[-1]


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile(Histogram().counts, 0.5, SECONDS) is None


def test_each_family_has_columns_of_its_own() -> None:
    took = Histogram((1.0, 2.0))
    layout = Layout(
        [counter("a", "A.", lambda: 3), took.family("took", "T."), gauge("b", "B.", int)]
    )
    assert (layout["a"], layout["took"], layout["b"]) == (range(1, 2), range(2, 6), range(6, 7))
    took.add(1.5)
    took.add(9)
    assert layout.row(100.0) == [100.0, 3, 10.5, 0, 1, 1, 0]
    assert layout.width == 7


def test_two_families_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two figures a"):
        Layout([counter("a", "A.", int), gauge("a", "B.", int)])
