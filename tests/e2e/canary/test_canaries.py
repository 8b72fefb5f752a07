"""Canaries of the chat, from the Step Functions input to the weights, for real."""

from steadystate.domain.verdict import Verdict
from steadystate.report.replay import judge_again
from tests.e2e.canary.conftest import Canaries, until

WEIGHTS = "weights"


def test_a_canary_that_fails_goes_back_by_itself_and_says_why_in_numbers(
    canaries: Canaries,
) -> None:
    short = {"steps.0.bake": "120s", "history": "10s"}
    ended = canaries.wait(canaries.start(scenario="chat-canary-errors", overrides=short))
    assert ended.status == "SUCCEEDED", (ended.error, ended.cause)
    assert canaries.weights() == (100, 0)
    evidence = ended.evidence
    assert evidence is not None
    assert evidence.canary is not None
    assert evidence.verdict is Verdict.FAIL, evidence.verdict_reason
    assert "errors" in evidence.verdict_reason
    assert judge_again(evidence).evidence.verdict is Verdict.FAIL
    back = evidence.canary.rollback
    assert back is not None
    assert back.restored_at is not None
    assert back.restored_at >= back.decided_at
    (undo,) = (one for one in evidence.undo if one.what == WEIGHTS)
    assert undo.state == "undone"
    assert undo.verified_at is not None


def test_a_canary_that_is_stopped_gets_its_weights_back(canaries: Canaries) -> None:
    arn = canaries.start(scenario="blind", overrides={"steps.0.bake": "10m"})
    until(lambda: canaries.weights() == (50, 50))
    canaries.lab.client("stepfunctions").stop_execution(executionArn=arn, cause="pulled the plug")
    evidence = until(lambda: canaries.evidence(arn.rsplit(":", 1)[1]))
    assert canaries.weights() == (100, 0)
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert "pulled the plug" in evidence.verdict_reason


def test_a_canary_is_promoted_on_what_it_looks_at_and_taken_back_afterwards(
    canaries: Canaries,
) -> None:
    ended = canaries.wait(canaries.start(scenario="blind"))
    assert ended.evidence is not None, (ended.error, ended.cause)
    assert ended.evidence.verdict is Verdict.PASS, ended.evidence.verdict_reason
    assert canaries.weights() == (0, 100)
    back = canaries.wait(canaries.start(rollback=ended.run_id))
    assert back.status == "SUCCEEDED", (back.error, back.cause)
    assert canaries.weights() == (100, 0)


ASKING = {"steps": [{"weight": 50, "bake": "25s", "approve": True}, 100]}


def test_a_canary_that_a_person_rejects_goes_back_and_names_the_person(canaries: Canaries) -> None:
    arn = canaries.start(scenario="blind", overrides=ASKING)
    token = until(lambda: canaries.question(arn.rsplit(":", 1)[1]))
    canaries.answer(token, "reject")
    ended = canaries.wait(arn)
    assert canaries.weights() == (100, 0)
    assert ended.evidence is not None
    assert ended.evidence.verdict is Verdict.INCONCLUSIVE
    assert "pytest" in ended.evidence.verdict_reason
    assert "not on a Friday" in ended.evidence.verdict_reason


def test_a_canary_that_waits_for_a_person_still_goes_back_by_itself(canaries: Canaries) -> None:
    arn = canaries.start(scenario="blind", overrides=ASKING)
    until(lambda: canaries.question(arn.rsplit(":", 1)[1]))
    canaries.set_green_tasks(0)
    ended = canaries.wait(arn)
    canaries.set_green_tasks(1)
    assert canaries.weights() == (100, 0)
    assert ended.evidence is not None
    assert ended.evidence.verdict is Verdict.FAIL, ended.evidence.verdict_reason
    assert "healthy" in ended.evidence.verdict_reason
