"""Objectives: a verdict rests on data, or it is none."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.domain.bounds import parse_bound
from steadystate.domain.objectives import Objective, evaluate
from steadystate.domain.series import Point, Summary
from steadystate.domain.verdict import Verdict

ERRORS = Objective("errors", "error_rate", "percent", parse_bound("< 5 %"))
LATENCY = Objective("latency", "latency_p95", "milliseconds", parse_bound("< 2 x baseline"))
BEFORE = Summary(mean=100.0, standard_deviation=5.0, points=30, weight=3000.0)
NOTHING = [
    [],
    [Point(1, 1.0, 0)],
    [Point(1, math.nan, 10)],
    [Point(1, math.inf, 10), Point(2, 0.0, 0)],
]


def points(*values: float, weight: float = 100.0) -> list[Point]:
    return [Point(n, v, weight) for n, v in enumerate(values)]


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("compare", ["<", "<=", ">", ">=", "="])
@pytest.mark.parametrize("when", ["during", "after"])
def test_no_data_is_never_a_pass(nothing: list[Point], compare: str, when: str) -> None:
    objective = replace(ERRORS, bound=parse_bound(f"{compare} 0 %"), when=when)  # type: ignore[arg-type]
    assert evaluate(objective, nothing, BEFORE).verdict is Verdict.INCONCLUSIVE
    strict = replace(objective, missing=Verdict.FAIL)
    assert evaluate(strict, nothing, BEFORE).verdict is Verdict.FAIL


def test_a_relative_bound_without_a_baseline_is_never_a_pass() -> None:
    result = evaluate(LATENCY, points(1.0), None)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.limit is None
    with_floor = replace(LATENCY, floor=250.0)
    assert evaluate(with_floor, points(1.0), None).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("values", "verdict", "margin"),
    [((0.0, 9.0), Verdict.PASS, 0.5), ((0.0, 10.0), Verdict.FAIL, 0.0), ((6.0,), Verdict.FAIL, -1)],
)
def test_the_mean_over_the_stretch_is_judged(
    values: tuple[float, ...], verdict: Verdict, margin: float
) -> None:
    result = evaluate(ERRORS, points(*values), None)
    assert result.verdict is verdict
    assert result.margin == pytest.approx(margin)
    assert result.limit == 5.0


def test_the_worst_point_is_the_highest_of_an_upper_and_the_lowest_of_a_lower_bound() -> None:
    upper = replace(ERRORS, aggregate="worst")
    assert evaluate(upper, points(0.0, 6.0, 0.0), None).observed == 6.0
    assert evaluate(upper, points(0.0, 6.0, 0.0), None).verdict is Verdict.FAIL
    lower = replace(ERRORS, aggregate="worst", bound=parse_bound("> 99 %"))
    assert evaluate(lower, points(100.0, 98.0, 100.0), None).observed == 98.0
    assert evaluate(lower, points(100.0, 98.0, 100.0), None).verdict is Verdict.FAIL


def test_after_recovery_the_last_point_counts() -> None:
    after = replace(ERRORS, when="after")
    assert evaluate(after, points(90.0, 90.0, 0.0), None).verdict is Verdict.PASS
    assert evaluate(after, points(0.0, 0.0, 90.0), None).verdict is Verdict.FAIL


def test_a_doubled_latency_misses_twice_the_baseline() -> None:
    assert evaluate(LATENCY, points(199.0), BEFORE).verdict is Verdict.PASS
    assert evaluate(LATENCY, points(200.0), BEFORE).verdict is Verdict.FAIL


def test_the_reason_gives_the_numbers() -> None:
    reason = evaluate(LATENCY, points(150.0, 250.0), BEFORE).reason
    for part in ("200 ms", "misses", "< 2 x baseline", "worst point 250 ms", "200 observations"):
        assert part in reason


@given(
    values=st.lists(st.floats(0, 1e6), min_size=1, max_size=20),
    weights=st.lists(st.floats(0, 1e6), min_size=20, max_size=20),
    limit=st.integers(0, 10_000),
    compare=st.sampled_from(["<", "<=", ">", ">=", "="]),
    aggregate=st.sampled_from(["mean", "worst"]),
    when=st.sampled_from(["during", "after"]),
)
def test_a_verdict_follows_from_the_observed_value_and_the_limit(
    values: list[float],
    weights: list[float],
    limit: int,
    compare: str,
    aggregate: str,
    when: str,
) -> None:
    bound = parse_bound(f"{compare} {limit} %")
    objective = replace(ERRORS, bound=bound, aggregate=aggregate, when=when)  # type: ignore[arg-type]
    result = evaluate(objective, [Point(0, *vw) for vw in zip(values, weights, strict=False)], None)
    if result.observed is None:
        assert result.verdict is Verdict.INCONCLUSIVE
        return
    assert (result.verdict is Verdict.PASS) == bound.holds(result.observed, float(limit))
    assert result.margin is not None
    if compare in ("<", ">"):
        assert (result.margin > 0) == (result.verdict is Verdict.PASS)
