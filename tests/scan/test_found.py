"""A finding must be accepted by name, and an acceptance must be about one."""

import json

import pytest

from tests.scan.found import Finding, unlisted_and_stale
from tests.scan.policies import policies_of
from tests.scan.templates import templates

FOUND = Finding("CKV_1", "bank/Database", "is open")


def test_a_finding_that_nobody_accepted_is_a_problem() -> None:
    assert unlisted_and_stale([FOUND], {}) == ["bank/Database: CKV_1: is open"]
    elsewhere = {"CKV_1": {"where": ["chat/*", "bank/Database"], "reason": "x"}}
    assert len(unlisted_and_stale([FOUND], elsewhere)) == 1  # chat/* finds nothing


def test_an_accepted_finding_is_none() -> None:
    assert unlisted_and_stale([FOUND], {"CKV_1": {"where": ["bank/*"], "reason": "x"}}) == []


def test_an_acceptance_without_a_reason_is_a_problem() -> None:
    assert len(unlisted_and_stale([FOUND], {"CKV_1": {"where": ["bank/*"], "reason": ""}})) == 1


@pytest.mark.parametrize("name", sorted(templates()))
def test_policies_reach_the_linter_with_every_place_filled_in(name: str) -> None:
    policies = policies_of(templates()[name])
    assert policies
    text = json.dumps(policies)
    assert "Fn::" not in text
    assert "${" not in text
    assert '"Ref"' not in text
