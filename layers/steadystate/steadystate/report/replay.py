"""Evidence read and judged again, before anything is said about it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Final

from pydantic import ValidationError

from steadystate.canary.judgement import facts_of_evidence, judge_canary
from steadystate.canary.judging import REGRESSION
from steadystate.canary_contracts import CanaryPlan
from steadystate.contracts import Plan
from steadystate.domain.recovery import Tick
from steadystate.errors import InvalidDocument
from steadystate.evidence import CanaryEvidence, Evidence, ObjectiveEvidence, RecoveryEvidence
from steadystate.run.evaluate import recovery_evidence
from steadystate.run.judgement import Facts, judge

BROKEN = (LookupError, ArithmeticError, ValueError, TypeError, OSError)
"""What reckoning with evidence that contradicts itself may raise."""


MOST_PROBES_A_SECOND: Final = 10_000
"""A hundred times what a prober may send: more is no measurement, and would take for ever."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Evidence as its samples support it.

    `stored_verdict` is the verdict that the document came with; `changed` names the objectives (and
    "recovery") that come out otherwise than stored; `missing_looks` says how many looks lack a
    sample.
    """

    evidence: Evidence
    stored_verdict: str
    changed: list[str]
    missing_looks: int

    @property
    def supported(self) -> bool:
        """Whether the samples support the stored verdict."""
        return self.stored_verdict == self.evidence.verdict


def read_evidence(text: str | bytes, source: str) -> Evidence:
    """Read a run.json.

    Raises
    ------
    InvalidDocument
        It is half-written, of another schema, or no evidence at all: one line that names the field.
    """
    try:
        return Evidence.model_validate_json(text)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
    raise InvalidDocument(f"{source}: {_first(problems)}; it is no run.json of steadystate/run/v1")


def experiment_of(evidence: Evidence) -> tuple[Plan, RecoveryEvidence]:
    """Return what the evidence of an experiment has, and that of nothing else.

    Raises
    ------
    InvalidDocument
        The document calls itself an experiment and is none, or the other way round.
    """
    if isinstance(evidence.plan, Plan) and evidence.recovery is not None:
        return evidence.plan, evidence.recovery
    raise InvalidDocument(f"run {evidence.run_id}: the evidence of an experiment has no recovery")


def canary_of(evidence: Evidence) -> tuple[CanaryPlan, CanaryEvidence]:
    """Return what the evidence of a canary has, and that of nothing else.

    Raises
    ------
    InvalidDocument
        The document calls itself a canary and is none.
    """
    if isinstance(evidence.plan, CanaryPlan) and evidence.canary is not None:
        return evidence.plan, evidence.canary
    raise InvalidDocument(
        f"run {evidence.run_id}: the evidence of a canary has no plan or no course of one"
    )


def judge_again(evidence: Evidence) -> Replay:
    """Judge a run again: an experiment from its samples, a canary from its looks.

    Raises
    ------
    InvalidDocument
        The evidence contradicts itself, so that nothing can be reckoned from it.
    """
    try:
        if evidence.kind == "canary":
            return _canary_again(evidence)
        return _experiment_again(evidence)
    except BROKEN as error:
        raise contradicts(evidence.run_id, error) from error


def _canary_again(evidence: Evidence) -> Replay:
    _, canary = canary_of(evidence)
    _check_ticks(tick for look in canary.looks for tick in look.ticks)
    facts = facts_of_evidence(evidence)
    if facts.stop and facts.stop.by == REGRESSION:
        facts = replace(facts, stop=None)  # said of the counts: they must show it themselves
    judgement = judge_canary(facts)
    update = {"verdict": judgement.verdict, "verdict_reason": judgement.reason}
    missing = _missing(look.look for look in canary.looks)
    return Replay(evidence.model_copy(update=update), evidence.verdict, [], missing)


def _experiment_again(evidence: Evidence) -> Replay:
    plan, stored = experiment_of(evidence)
    _check_ticks(tick for sample in evidence.samples for tick in sample.ticks)
    judgement = judge(
        Facts(
            plan=plan,
            baseline=evidence.baseline,
            samples=evidence.samples,
            fault=evidence.fault,
            stop=evidence.stop,
            failure=evidence.failure,
        )
    )
    recovery = recovery_evidence(judgement.recovery)
    objectives = [ObjectiveEvidence(**asdict(o)) for o in judgement.objectives]
    before = {o.name: o.verdict for o in evidence.objectives}
    after = {o.name: o.verdict for o in objectives}
    changed = [n for n in {**before, **after} if before.get(n) != after.get(n)]
    if recovery.verdict != stored.verdict:
        changed.append("recovery")
    update = {
        "verdict": judgement.verdict,
        "verdict_reason": judgement.reason,
        "objectives": objectives,
        "recovery": recovery,
    }
    missing = _missing(sample.look for sample in evidence.samples)
    return Replay(evidence.model_copy(update=update), evidence.verdict, changed, missing)


def _check_ticks(ticks: Iterable[Tick]) -> None:
    for tick in ticks:
        if not 0 <= tick.failed <= tick.sent <= MOST_PROBES_A_SECOND or not isfinite(tick.at):
            raise ValueError(f"{tick.failed} of {tick.sent} probes failed in a second")


def _missing(looks: Iterable[int]) -> int:
    """Return how many looks are not there: gaps in the numbers of those that are."""
    seen = set(looks)
    return max(seen) + 1 - len(seen) if seen else 0


def contradicts(run_id: str, error: Exception) -> InvalidDocument:
    """Return the error for evidence that nothing can be reckoned from."""
    return InvalidDocument(
        f"run {run_id}: the evidence contradicts itself ({type(error).__name__}: {error}), "
        "so nothing can be reckoned from it"
    )


def _first(problems: list[Any]) -> str:
    """Return the problem that says most: the schema's name before all else."""
    problem = next((p for p in problems if p["loc"] == ("schema",)), problems[0])
    place = ".".join(str(part) for part in problem["loc"])
    text = f"{place}: {problem['msg']}" if place else str(problem["msg"])
    more = len(problems) - 1
    return text.removesuffix(".") + (f" (and {more} more)" if more else "")
