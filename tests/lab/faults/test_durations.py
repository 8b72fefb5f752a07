"""ISO 8601 durations, as FIS takes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.faults.duration import parse_seconds


@given(st.integers(0, 9), st.integers(0, 23), st.integers(0, 99), st.integers(0, 9999))
def test_parts_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"P{days}DT{hours}H{minutes}M{seconds}S"
    assert parse_seconds(text) == ((days * 24 + hours) * 60 + minutes) * 60 + seconds


@pytest.mark.parametrize(("text", "seconds"), [("PT5M", 300), ("PT45S", 45), ("P1D", 86400)])
def test_parts_may_be_missing(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "5M", "PT5", "PT-5M", "60"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_seconds(text)
