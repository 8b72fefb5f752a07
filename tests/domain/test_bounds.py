"""Bounds: what people write is what is judged, and what is stored reads back the same."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.domain.bounds import SYMBOLS, Bound, parse_bound, shown

NUMBERS = st.floats(0, 1e300, allow_nan=False)
BOUNDS = st.builds(
    Bound, st.sampled_from(["<", "<=", ">", ">=", "="]), NUMBERS, st.sampled_from([*SYMBOLS, None])
)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("< 5 %", Bound("<", 5.0, "percent")),
        ("<5%", Bound("<", 5.0, "percent")),
        ("<= 2 x baseline", Bound("<=", 2.0, None)),
        ("< 1.5xbaseline", Bound("<", 1.5, None)),
        (">= 3", Bound(">=", 3.0, "count")),
        ("= 0 KRW", Bound("=", 0.0, "won")),
        ("= 0 won", Bound("=", 0.0, "won")),
        ("< 0.5 s", Bound("<", 500.0, "milliseconds")),
        ("< 500 ms", Bound("<", 500.0, "milliseconds")),
        ("> 99.9 percent", Bound(">", 99.9, "percent")),
    ],
)
def test_a_bound_is_read_as_people_write_it(text: str, bound: Bound) -> None:
    assert parse_bound(text) == bound


@pytest.mark.parametrize(
    "text",
    [
        *["", "5 %", "< %", "< -5 %", "<> 5", "== 5", "!= 5", "< 5 % of requests", "< 1e3"],
        *["< nan", "< inf", "< 5 x", "< x baseline", "< 2 x base", "≤ 5", "< 5,000 ms", "< 0x10"],
    ],
)
def test_what_is_no_bound_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no bound: write a comparison|unknown unit"):
        parse_bound(text)


@pytest.mark.parametrize("unit", ["kg", "S", "Ms", "minutes", "h", "percents", "krw"])
def test_an_unknown_unit_is_named_together_with_those_allowed(unit: str) -> None:
    with pytest.raises(ValueError, match=rf"unknown unit '{re.escape(unit)}': allowed are %, ms"):
        parse_bound(f"< 5 {unit}")


@pytest.mark.parametrize("unit", ["", "s", "%", " x baseline"])
def test_a_number_beyond_all_measure_is_refused(unit: str) -> None:
    with pytest.raises(ValueError, match="too large"):
        parse_bound(f"< {'9' * 400}{unit}")


@given(BOUNDS)
def test_a_bound_reads_back_from_its_text_as_the_very_same(bound: Bound) -> None:
    assert parse_bound(str(bound)) == bound


@given(st.text(max_size=40))
def test_any_text_is_a_finite_bound_or_refused(text: str) -> None:
    try:
        bound = parse_bound(text)
    except ValueError as error:
        assert "bound" in str(error) or "unit" in str(error)
    else:
        assert math.isfinite(bound.number)
        assert bound.number >= 0


@given(value=NUMBERS, limit=NUMBERS)
def test_comparisons_mean_what_they_say(value: float, limit: float) -> None:
    def holds(compare: str) -> bool:
        return Bound(compare, limit, "count").holds(value, limit)

    assert holds("<") == (value < limit)
    assert holds("<=") == (not holds(">"))
    assert holds(">=") == (not holds("<"))
    assert holds("=") == (holds("<=") and holds(">="))


def test_a_missing_value_keeps_no_bound() -> None:
    for compare in ("<", "<=", ">", ">=", "="):
        assert not Bound(compare, 5.0, "count").holds(math.nan, 5.0)


def test_a_relative_bound_has_no_limit_without_a_baseline() -> None:
    bound = parse_bound("< 2 x baseline")
    assert bound.limit(None) is None
    assert bound.limit(None, floor=10.0) is None
    assert bound.limit(50.0) == 100.0


def test_a_floor_lifts_a_relative_limit_and_leaves_an_absolute_one() -> None:
    assert parse_bound("< 2 x baseline").limit(4.0, floor=250.0) == 250.0
    assert parse_bound("< 2 x baseline").limit(400.0, floor=250.0) == 800.0
    assert parse_bound("< 5 ms").limit(None, floor=250.0) == 5.0


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "percent", "0 %"),
        (0.04321, "percent", "0.0432 %"),
        (123456.7, "won", "123,457 KRW"),
        (3.0, "count", "3"),
        (250.0, "milliseconds", "250 ms"),
    ],
)
def test_values_are_shown_with_their_unit(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text
