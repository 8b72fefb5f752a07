"""The verdict on a run from what was measured: pure, so that any run can be judged again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steadystate.contracts import BaselineOf, Failure, FaultState, Plan, Sample, Stop
from steadystate.documents.experiment import GuardrailDocument, ObjectiveDocument
from steadystate.documents.workload import CloudWatchSli, LoadBalancerSli, ProbeSli, Sli, unit_of
from steadystate.domain.guardrails import Guardrail
from steadystate.domain.objectives import Objective, ObjectiveResult, evaluate
from steadystate.domain.recovery import Recovery, Tick, measure
from steadystate.domain.series import Point, Summary, within
from steadystate.domain.verdict import Verdict, worst

ABORTED = "States.ExecutionAborted"
"""The failure's name when a person stopped the execution."""

KILL_SWITCH = "kill switch"
"""Who stopped a run that ended because all runs are halted."""

_UNTESTED = {"steady state": "not tested", KILL_SWITCH: "stopped before it was over"}


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a verdict rests on."""

    plan: Plan
    baseline: Mapping[str, BaselineOf]
    samples: Sequence[Sample]
    fault: FaultState | None
    stop: Stop | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with its parts."""

    verdict: Verdict
    reason: str
    objectives: list[ObjectiveResult]
    recovery: Recovery


def objective_of(name: str, document: ObjectiveDocument, sli: Sli) -> Objective:
    """Return the objective that a document describes."""
    return Objective(
        name=name,
        sli=document.sli,
        unit=unit_of(sli),
        bound=document.bound,
        when=document.when,
        aggregate=document.aggregate,
        missing=Verdict(document.missing),
        floor=document.floor.number if document.floor else None,
    )


def guardrail_of(name: str, document: GuardrailDocument, sli: Sli) -> Guardrail:
    """Return the guardrail that a document describes."""
    return Guardrail(
        name=name,
        sli=document.sli,
        unit=unit_of(sli),
        bound=document.bound,
        points=document.points,
        missing_after_seconds=document.missing_after,
    )


def summary_of(baseline: Mapping[str, BaselineOf], sli: str) -> Summary | None:
    """Return an indicator's baseline."""
    before = baseline.get(sli)
    return Summary(**before.model_dump()) if before else None


def probe_points(ticks: Sequence[Tick], sli: ProbeSli) -> list[Point]:
    """Return what the prober saw as points of an indicator, one a second."""
    if sli.measure == "error_rate":
        return [Point(t.at, 100.0 * t.failed / t.sent, t.sent) for t in ticks if t.sent]
    return [
        Point(t.at, t.p95_milliseconds, t.sent - t.failed)
        for t in ticks
        if t.p95_milliseconds is not None
    ]


def struck_share(plan: Plan) -> float:
    """Return the smallest share of targets that one of the actions hits."""
    return min((action.struck_share for action in plan.faults.values()), default=1.0)


def judge(facts: Facts) -> Judgement:
    """Judge a run.

    ERROR when the machinery broke; INCONCLUSIVE when the fault was never really in effect, when a
    person stopped the run, or when something could not be measured; FAIL when a guardrail stopped
    it or a bound was missed; PASS only when everything asked for was measured and kept.
    """
    ticks = [tick for sample in facts.samples for tick in sample.ticks]
    injected_at = facts.fault.started_at if facts.fault else None
    recovery = measure(
        ticks,
        injected_at=injected_at,
        target_seconds=facts.plan.recovery.target_seconds,
        good_seconds=facts.plan.recovery.good_seconds,
        struck_share=struck_share(facts.plan),
    )
    objectives = _objectives(facts, ticks, injected_at)
    verdict, reason = _verdict(facts, objectives, recovery, injected_at)
    return Judgement(verdict, reason, objectives, recovery)


def _objectives(
    facts: Facts, ticks: Sequence[Tick], injected_at: float | None
) -> list[ObjectiveResult]:
    results = []
    ended_at = facts.samples[-1].ended_at if facts.samples else 0.0
    for name, document in facts.plan.objectives.items():
        sli = facts.plan.slis[document.sli]
        points: list[Point] = []
        if injected_at is not None:
            points = _points(facts, document.sli, sli, ticks)
            period = _period_seconds(facts.plan, sli)
            points = within(points, injected_at, ended_at, period)
        objective = objective_of(name, document, sli)
        results.append(evaluate(objective, points, summary_of(facts.baseline, document.sli)))
    return results


def _points(facts: Facts, name: str, sli: Sli, ticks: Sequence[Tick]) -> list[Point]:
    if isinstance(sli, ProbeSli):
        return probe_points(ticks, sli)
    return sorted(p for sample in facts.samples for p in sample.points.get(name, []))


def _period_seconds(plan: Plan, sli: Sli) -> float:
    if isinstance(sli, (LoadBalancerSli, CloudWatchSli)):
        return plan.timing.metric_period_seconds
    return 1.0 if isinstance(sli, ProbeSli) else 0.0


def _verdict(
    facts: Facts,
    objectives: Sequence[ObjectiveResult],
    recovery: Recovery,
    injected_at: float | None,
) -> tuple[Verdict, str]:
    failure, fault, stop = facts.failure, facts.fault, facts.stop
    if failure and failure.error == ABORTED:
        return (
            Verdict.INCONCLUSIVE,
            f"stopped before it was over: {failure.cause or 'no cause given'}",
        )
    if failure:
        where = f" in {failure.state}" if failure.state else ""
        return Verdict.ERROR, f"{failure.error}{where}: {failure.cause or 'no cause given'}"
    if stop and stop.by in _UNTESTED:
        return Verdict.INCONCLUSIVE, f"{_UNTESTED[stop.by]}: {stop.reason}"
    if fault is None or injected_at is None or fault.targets_hit == 0:
        said = f" (FIS: {fault.status}, {fault.reason})" if fault else ""
        return Verdict.INCONCLUSIVE, f"not tested: the fault hit no target{said}"
    parts = [(o.verdict, f"{o.name}: {o.reason}") for o in objectives]
    parts.append((recovery.verdict, f"recovery: {recovery.reason}"))
    if stop:
        blind = stop.by.startswith("blind")
        parts.append((Verdict.INCONCLUSIVE if blind else Verdict.FAIL, f"{stop.by}: {stop.reason}"))
    verdict = worst(v for v, _ in parts)
    if verdict is Verdict.PASS:
        return verdict, f"all {len(objectives)} objectives kept; {recovery.reason}"
    return verdict, "; ".join(text for v, text in parts if v is verdict)
