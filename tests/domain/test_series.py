"""Series: what points come to, and which of them say anything."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.domain.series import Point, summarize, usable, within

POINTS = st.lists(
    st.builds(Point, st.floats(0, 1e9), st.floats(-1e6, 1e6), st.floats(0, 1e6)), max_size=30
)


def test_the_weighted_mean_of_shares_is_the_share_over_all_requests() -> None:
    counted = [(1, 10), (0, 990), (40, 100)]
    points = [Point(n, 100 * bad / sent, sent) for n, (bad, sent) in enumerate(counted)]
    summary = summarize(points)
    assert summary is not None
    assert summary.mean == pytest.approx(100 * 41 / 1100)
    assert summary.weight == 1100


@given(POINTS)
def test_a_summary_lies_among_its_points(points: list[Point]) -> None:
    summary = summarize(points)
    good = usable(points)
    if summary is None:
        assert not good
        return
    values = [p.value for p in good]
    slack = 1e-6 * (1 + max(map(abs, values)))
    assert min(values) - slack <= summary.mean <= max(values) + slack
    assert 0 <= summary.standard_deviation <= (max(values) - min(values)) + slack
    assert summary.points == len(good)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_points_that_are_no_number_or_rest_on_nothing_say_nothing(value: float) -> None:
    nothing = [Point(0, value, 5), Point(1, 3.0, 0), Point(2, 3.0, -1), Point(3, 3.0, math.nan)]
    assert usable(nothing) == []
    assert summarize(nothing) is None
    assert summarize([]) is None


@given(POINTS, st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0.1, 300))
def test_points_within_a_stretch_are_those_whose_period_overlaps_it(
    points: list[Point], one: float, other: float, period: float
) -> None:
    start, end = sorted((one, other))
    inside = within(points, start, end, period)
    for point in points:
        assert (point in inside) == (point.at <= end and point.at + period > start)
