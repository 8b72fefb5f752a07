"""Guardrails: they stop on the points that they were asked to, and silence is not safety."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.domain.bounds import parse_bound
from steadystate.domain.guardrails import Guardrail, GuardrailState, check
from steadystate.domain.series import Point, Summary

RAIL = Guardrail("errors", "probe_errors", "percent", parse_bound("< 50 %"), 3, 300.0)


def state(rail: Guardrail, *values: float, now: float | None = None) -> GuardrailState:
    points = [Point(1000.0 + n, v, 10) for n, v in enumerate(values)]
    end = 1000.0 + len(values) if now is None else now
    return check(rail, points, None, watched_since=1000.0, now=end).state


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((90.0, 90.0, 90.0), GuardrailState.BROKEN),
        ((0.0, 90.0, 90.0, 90.0), GuardrailState.BROKEN),
        ((90.0, 90.0), GuardrailState.HELD),
        ((90.0, 90.0, 0.0), GuardrailState.HELD),
        ((90.0, 0.0, 90.0, 90.0), GuardrailState.HELD),
        ((50.0, 50.0, 50.0), GuardrailState.BROKEN),
        ((), GuardrailState.HELD),
    ],
)
def test_it_breaks_when_all_the_last_points_miss_its_bound(
    values: tuple[float, ...], expected: GuardrailState
) -> None:
    assert state(RAIL, *values) is expected


def test_it_is_blind_when_data_stays_away_too_long() -> None:
    assert state(RAIL, now=1300.0) is GuardrailState.HELD
    assert state(RAIL, now=1301.0) is GuardrailState.BLIND
    assert state(RAIL, 0.0, 0.0, now=1302.5) is GuardrailState.BLIND


def test_points_that_say_nothing_do_not_keep_it_from_being_blind() -> None:
    nothing = [Point(1290.0, math.nan, 10), Point(1299.0, 0.0, 0)]
    result = check(RAIL, nothing, None, watched_since=1000.0, now=1301.0)
    assert result.state is GuardrailState.BLIND
    assert "no data for 301 s" in result.reason


def test_a_relative_guardrail_without_a_baseline_is_blind_and_says_so() -> None:
    rail = replace(RAIL, bound=parse_bound("< 2 x baseline"), points=1)
    points = [Point(1000.0, 5.0, 10)]
    blind = check(rail, points, None, watched_since=1000.0, now=1001.0)
    assert blind.state is GuardrailState.BLIND
    assert "no baseline" in blind.reason
    before = Summary(2.0, 0.1, 30, 300)
    broken = check(rail, points, before, watched_since=1000.0, now=1001.0)
    assert broken.state is GuardrailState.BROKEN
    assert broken.at == 1000.0


@given(
    values=st.lists(st.floats(0, 100), max_size=30),
    needed=st.integers(1, 10),
    limit=st.integers(0, 100),
)
def test_it_breaks_exactly_when_the_last_points_all_miss(
    values: list[float], needed: int, limit: int
) -> None:
    rail = replace(RAIL, bound=parse_bound(f"< {limit} %"), points=needed)
    last = values[-needed:]
    expected = len(last) == needed and all(v >= limit for v in last)
    assert (state(rail, *values) is GuardrailState.BROKEN) == expected
