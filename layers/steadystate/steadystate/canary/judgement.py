"""The verdict on a canary from what was kept of it: pure, so that it can be judged again."""

from collections.abc import Sequence
from dataclasses import dataclass

from steadystate.canary.judging import REGRESSION, Replayed, missing_evidence, replay
from steadystate.canary.weights import shown
from steadystate.canary_contracts import CanaryLook, CanaryPlan, StepRecord, WeightsRecord
from steadystate.contracts import Failure, Stop, UndoRecord
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence, UndoEvidence
from steadystate.run.judgement import ABORTED

FAILING = (REGRESSION, "guardrail ", "unhealthy canary", "chaos gate failed")
"""How the stops begin that say something bad of the canary; all others say too little."""


@dataclass(frozen=True, slots=True)
class CanaryFacts:
    """All that the verdict on a canary rests on. `weights` are as they were read back in the
    course of the run, the last ones at its end; `left` is what its ledger says of them."""

    plan: CanaryPlan
    looks: Sequence[CanaryLook]
    steps: Sequence[StepRecord]
    weights: Sequence[WeightsRecord]
    stop: Stop | None
    failure: Failure | None
    left: str
    finished: bool


@dataclass(frozen=True, slots=True)
class CanaryJudgement:
    """The verdict, and what the counts say when all looks are judged again."""

    verdict: Verdict
    reason: str
    replayed: Replayed


def judge_canary(facts: CanaryFacts) -> CanaryJudgement:
    """Judge a canary.

    ERROR when the machinery broke. FAIL when it went back for a regression, a broken guardrail, a
    side without healthy targets, or a chaos gate that failed. INCONCLUSIVE when it went back, or
    on, without evidence, or a person stopped it. PASS only when every step was promoted with
    evidence and the final bake held. The counts are judged anew, from the looks alone.
    """
    replayed = replay(facts.plan, facts.looks)
    verdict, reason = _verdict(facts, replayed)
    return CanaryJudgement(verdict, reason, replayed)


def facts_of_evidence(evidence: Evidence) -> CanaryFacts:
    """Return what the verdict of a stored run rests on.

    Raises
    ------
    ValueError
        It is not the evidence of a canary.
    """
    canary = evidence.canary
    if canary is None or not isinstance(evidence.plan, CanaryPlan):
        raise ValueError(f"run {evidence.run_id} is no canary")
    return CanaryFacts(
        plan=evidence.plan,
        looks=canary.looks,
        steps=canary.steps,
        weights=canary.weights,
        stop=evidence.stop,
        failure=evidence.failure,
        left=what_is_left(evidence.undo),
        finished=canary.finished,
    )


def what_is_left(undo: Sequence[UndoRecord | UndoEvidence]) -> str:
    """Return what the ledger says of the weights; empty where none were touched."""
    return next((record.found for record in undo if record.what == "weights"), "")


def _verdict(facts: CanaryFacts, replayed: Replayed) -> tuple[Verdict, str]:
    failure, stop = facts.failure, facts.stop
    weights = facts.left or f"never moved: {shown(facts.plan.original)}"
    at_the_end = f"; weights {weights}"
    if failure and failure.error == ABORTED:
        cause = failure.cause or "no cause given"
        return Verdict.INCONCLUSIVE, f"stopped before it was over: {cause}{at_the_end}"
    if failure:
        where = f" in {failure.state}" if failure.state else ""
        cause = failure.cause or "no cause given"
        return Verdict.ERROR, f"{failure.error}{where}: {cause}{at_the_end}"
    if replayed.regression:
        return Verdict.FAIL, f"regression: {replayed.regression}{at_the_end}"
    if stop:
        bad = stop.by.startswith(FAILING)
        verdict = Verdict.FAIL if bad else Verdict.INCONCLUSIVE
        return verdict, f"{stop.by}: {stop.reason}{at_the_end}"
    if facts.plan.rollback_of is not None:
        return _of_a_way_back(facts, weights)
    return _of_a_promotion(facts, replayed, at_the_end)


def _of_a_way_back(facts: CanaryFacts, weights: str) -> tuple[Verdict, str]:
    last = facts.weights[-1] if facts.weights else None
    original = facts.plan.original
    if last and (last.stable, last.canary) == (original.stable, original.canary):
        return Verdict.PASS, f"run {facts.plan.rollback_of} is taken back; weights {weights}"
    return Verdict.INCONCLUSIVE, f"run {facts.plan.rollback_of} is not taken back: {weights}"


def _of_a_promotion(facts: CanaryFacts, replayed: Replayed, at_the_end: str) -> tuple[Verdict, str]:
    if not facts.finished:
        return Verdict.INCONCLUSIVE, f"it ended before it was promoted{at_the_end}"
    without = []
    for n, step in enumerate(facts.steps):
        missing = missing_evidence(replayed.promotions.get(n, {}))
        if n not in replayed.promotions:
            missing = "no look"
        if missing:
            by = f" (approved by {step.approved_by})" if step.approved_by else ""
            without.append(f"{step.weight} %{by}: {missing}")
    if without:
        said = "; ".join(without)
        return Verdict.INCONCLUSIVE, f"promoted without evidence at {said}{at_the_end}"
    steps = " -> ".join(str(step.weight) for step in facts.steps)
    looks = len(facts.looks)
    reason = f"promoted {steps} with evidence at every step, in {looks} looks{at_the_end}"
    return Verdict.PASS, reason
