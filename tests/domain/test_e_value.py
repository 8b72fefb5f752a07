"""E-values in words: no exponents, and beyond what matters only that it is beyond."""

import pytest

from steadystate.domain.e_value import evidence_text, without_exponents
from steadystate.domain.promotion import PromotionJudge


@pytest.mark.parametrize(
    ("value", "limit", "told"),
    [
        (0.689, 20.0, "0.689 of 20"),
        (200.0, 200.0, "200 of 200"),
        (9999.0, 20.0, "9999 of 20"),
        (23_456.0, 20.0, "23,460 of 20"),
        (1_000_000.0, 20.0, "1,000,000 of 20"),
        (3.05e105, 20.0, "over 1,000,000 of 20"),
        (0.001, 20.0, "0.001 of 20"),
        (1.2e-30, 20.0, "under 0.001 of 20"),
        (0.0, 20.0, "under 0.001 of 20"),
        (3.2e6, 1e8, "3,200,000 of 100,000,000"),
        (3.2e9, 1e8, "over 100,000,000 of 100,000,000"),
    ],
)
def test_an_e_value_is_told_in_plain_digits_up_to_where_all_say_the_same(
    value: float, limit: float, told: str
) -> None:
    assert evidence_text(value, limit) == told


def test_fewer_digits_are_plain_too() -> None:
    assert evidence_text(9_999.0, 1_000.0, digits=3) == "10,000 of 1,000"


def test_a_promotion_with_much_evidence_says_so_in_words_and_keeps_the_number() -> None:
    judge = PromotionJudge(3.0, 0.95, 100, [(10, 1000)] * 60, acceptable_rate=0.05)
    judge.update(0, 5000, 0, 5000)
    said = judge.decide(bake_over=True)
    assert said.evidence > 1e30
    assert "e-value over 1,000,000 of 20 for a rate" in said.reason


@pytest.mark.parametrize(
    ("older", "now"),
    [
        (
            "errors: e-value 3.05e+105 of 20 for a rate",
            "errors: e-value over 1,000,000 of 20 for a rate",
        ),
        ("e-value 2.346e+04 of 20 for a rate", "e-value 23,460 of 20 for a rate"),
        ("e-value 1.2e-30 of 20", "e-value under 0.001 of 20"),
        ("e-value reached 1e+04 at look 7", "e-value reached 10,000 at look 7"),
        ("e-value reached 200 at look 7", "e-value reached 200 at look 7"),
    ],
)
def test_what_older_records_say_with_exponents_is_told_as_it_would_be_now(
    older: str, now: str
) -> None:
    assert without_exponents(older) == now
    assert without_exponents(now) == now


def test_other_words_of_a_record_stay_as_they_are() -> None:
    text = "approved by kim: 3e+05 requests seen, and an e-value of 7 is fine"
    assert without_exponents(text) == text
