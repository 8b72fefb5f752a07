"""Trends: what counts as worse, and what the score rewards, forgets and ignores."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.domain.trend import (
    CONCLUSIVE,
    DAY,
    HALF_LIFE_DAYS,
    Comparison,
    RunRecord,
    trend_of,
)
from steadystate.domain.verdict import Verdict
from tests.domain.records import NOW, RECORDS, objective, record

PASS, FAIL = Verdict.PASS, Verdict.FAIL


def score(runs: list[RunRecord], at: float = NOW) -> float | None:
    return trend_of("bank", runs, at).score


def compared(runs: list[RunRecord], what: str) -> Comparison:
    (scenario,) = trend_of("bank", runs, NOW).scenarios
    (found,) = [c for c in scenario.comparisons if c.what == what]
    return found


@given(RECORDS, st.floats(0, 1e9))
def test_a_score_lies_between_0_and_100_or_is_none(runs: list[RunRecord], later: float) -> None:
    found = score(runs, NOW + later)
    assert found is None or 0 <= found <= 100


@given(RECORDS, st.floats(0, 300), st.floats(0.01, 300))
def test_a_score_falls_as_its_tests_grow_old(
    runs: list[RunRecord], first: float, more: float
) -> None:
    early, late = (score(runs, NOW + days * DAY) for days in (first, first + more))
    assert (early is None) == (late is None)
    if early is not None and late is not None:
        assert late < early or early < 1e-200
        assert late == pytest.approx(early * 2 ** (-more / HALF_LIFE_DAYS), rel=1e-6, abs=1e-200)


@given(RECORDS)
def test_inconclusive_and_broken_runs_count_for_nothing(runs: list[RunRecord]) -> None:
    counted = [r for r in runs if r.verdict in CONCLUSIVE]
    same_weight = [replace(r, weight=1.0) for r in runs]
    only = [replace(r, weight=1.0) for r in counted]
    assert score(same_weight) == score(only)
    if not counted:
        assert score(runs) is None


@given(RECORDS, st.integers(0, 11))
def test_a_failure_never_scores_better_than_a_pass(runs: list[RunRecord], which: int) -> None:
    if which >= len(runs):
        return
    passed, failed = (
        score([replace(r, verdict=v) if n == which else r for n, r in enumerate(runs)])
        for v in (PASS, FAIL)
    )
    assert (passed is None) == (failed is None)
    if passed is not None and failed is not None:
        assert failed <= passed


@given(RECORDS)
def test_the_order_of_the_records_means_nothing(runs: list[RunRecord]) -> None:
    distinct = [replace(r, run_id=f"run-{n}") for n, r in enumerate(runs)]
    assert trend_of("bank", distinct, NOW) == trend_of("bank", distinct[::-1], NOW)


@given(RECORDS)
def test_every_number_of_a_trend_is_finite(runs: list[RunRecord]) -> None:
    for scenario in trend_of("bank", runs, NOW).scenarios:
        assert [r.ended_at for r in scenario.runs] == sorted(r.ended_at for r in scenario.runs)
        for c in scenario.comparisons:
            numbers = [n for n in (c.last, c.median, c.tolerance) if n is not None]
            assert all(map(math.isfinite, numbers))
            assert not (c.worse and c.runs_before == 0)


def test_a_workload_without_runs_has_no_score() -> None:
    assert score([]) is None
    assert score([record(workload="chat")]) is None


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([record(0)], 100.0),
        ([record(30)], 50.0),
        ([record(60)], 25.0),
        ([record(0, FAIL)], 0.0),
        ([record(0), record(30, FAIL)], 100 / 1.5),
        ([record(0, FAIL), record(30)], 50 / 1.5),
        ([record(0, scenario="a"), record(0, FAIL, scenario="b")], 50.0),
        ([record(0, scenario="a", weight=3), record(0, FAIL, scenario="b")], 75.0),
        ([record(0, scenario="a"), record(30, scenario="b")], 75.0),
    ],
)
def test_the_score_is_the_documented_formula(runs: list[RunRecord], expected: float) -> None:
    assert score(runs) == pytest.approx(expected)


def test_a_scenario_weighs_what_its_last_run_says_and_nothing_at_0() -> None:
    runs = [record(9, scenario="a", weight=5), record(0, scenario="a", weight=0)]
    assert score(runs) is None
    assert score([*runs, record(0, scenario="b")]) == 100.0


def test_a_slower_recovery_is_worse_beyond_the_tolerance_alone() -> None:
    before = [record(n, recovery=(9.5, 10.0)) for n in (1, 2, 3)]
    for high, worse in ((9.0, False), (12.4, False), (12.6, True), (500.0, True)):
        found = compared([*before, record(0, recovery=(high - 0.5, high))], "recovery")
        assert (found.worse, found.median, found.last) == (worse, 10.0, high)
        assert (found.runs_before, found.tolerance) == (3, 2.5)


def test_what_always_varied_may_vary() -> None:
    before = [record(n, recovery=(s - 1, s)) for n, s in ((1, 5.0), (2, 10.0), (3, 15.0))]
    assert not compared([*before, record(0, recovery=(29, 30))], "recovery").worse
    assert compared([*before, record(0, recovery=(39, 40))], "recovery").worse


def test_no_recovery_is_worse_than_any() -> None:
    found = compared([record(1), record(0, FAIL, recovery=(700.0, None))], "recovery")
    assert found.worse
    assert found.last is None
    again = [record(n, FAIL, recovery=(700.0, None)) for n in (0, 1, 2)]
    assert not compared(again, "recovery").worse


def test_a_margin_is_worse_when_it_shrank_by_more_than_a_tenth_of_the_limit() -> None:
    before = [record(n, objectives=(objective(4.0),)) for n in (1, 2, 3)]
    for margin, worse in ((4.5, False), (3.6, False), (3.4, True)):
        found = compared([*before, record(0, objectives=(objective(margin),))], "errors")
        assert (found.worse, found.median, found.last) == (worse, 4.0, margin)


def test_a_bound_that_was_kept_and_is_missed_is_worse_however_little() -> None:
    kept = [record(n, objectives=(objective(0.01),)) for n in (1, 2)]
    missed = record(0, FAIL, objectives=(objective(-0.01, verdict=FAIL),))
    assert compared([*kept, missed], "errors").worse
    assert not compared(
        [missed, *(replace(missed, ended_at=NOW - n) for n in (1, 2))], "errors"
    ).worse


def test_the_first_run_has_nothing_to_be_worse_than() -> None:
    found = compared([record(0, FAIL, objectives=(objective(-1, verdict=FAIL),))], "errors")
    assert (found.median, found.tolerance, found.runs_before, found.worse) == (None, None, 0, False)


def test_a_failure_after_passes_is_told_and_one_among_failures_is_not() -> None:
    (first,) = trend_of("bank", [record(2), record(1), record(0, FAIL)], NOW).scenarios
    assert first.verdict_worse
    assert first.worse
    (second,) = trend_of("bank", [record(2), record(1, FAIL), record(0, FAIL)], NOW).scenarios
    assert not second.verdict_worse


def test_the_last_run_that_measured_something_is_compared_though_a_later_one_did_not() -> None:
    runs = [record(3), record(2, recovery=(99, 100)), record(1, Verdict.INCONCLUSIVE)]
    assert compared(runs, "recovery").last == 100
    (scenario,) = trend_of("bank", runs, NOW).scenarios
    assert scenario.last.verdict is Verdict.INCONCLUSIVE


def test_scenarios_are_compared_with_themselves_alone() -> None:
    runs = [record(1, recovery=(1, 1)), record(0, scenario="b", recovery=(99, 100))]
    assert not any(s.worse for s in trend_of("bank", runs, NOW).scenarios)
