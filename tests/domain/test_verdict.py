"""Verdicts: which of several counts, and what the command line says of it."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadystate.domain.verdict import EXIT_CODES, Verdict, worst


@pytest.mark.parametrize(
    ("several", "one"),
    [
        ("PASS PASS", "PASS"),
        ("PASS INCONCLUSIVE", "INCONCLUSIVE"),
        ("INCONCLUSIVE FAIL PASS", "FAIL"),
        ("FAIL ERROR INCONCLUSIVE PASS", "ERROR"),
    ],
)
def test_the_gravest_verdict_counts_in_any_order(several: str, one: str) -> None:
    for order in permutations(several.split()):
        assert worst(map(Verdict, order)) is Verdict(one)


def test_nothing_judged_is_inconclusive() -> None:
    assert worst([]) is Verdict.INCONCLUSIVE


@given(st.lists(st.sampled_from(Verdict), min_size=1))
def test_only_passes_make_a_pass(verdicts: list[Verdict]) -> None:
    assert (worst(verdicts) is Verdict.PASS) == (set(verdicts) == {Verdict.PASS})


def test_each_verdict_has_the_exit_code_that_scripts_rely_on() -> None:
    assert {v.value: c for v, c in EXIT_CODES.items()} == {
        "PASS": 0,
        "FAIL": 1,
        "INCONCLUSIVE": 2,
        "ERROR": 3,
    }
