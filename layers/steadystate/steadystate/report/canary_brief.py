"""What is told of a canary: its evidence in brief, as `brief` is for an experiment."""

from datetime import datetime
from typing import Literal

from steadystate.canary_contracts import CanaryLook, CanaryPlan
from steadystate.contracts import Contract
from steadystate.domain.e_value import SMALLEST, largest_told
from steadystate.domain.verdict import Verdict
from steadystate.evidence import CanaryEvidence, Evidence, instant
from steadystate.report.brief import RunBrief
from steadystate.report.briefing import run_fields, ticks_of
from steadystate.report.minutes import minutes_of
from steadystate.report.plain_text import plain
from steadystate.report.replay import BROKEN, Replay, canary_of, contradicts
from steadystate.run.judgement import ABORTED

NOTABLE_TIMES = 1.2
"""From here on a metric is said to be worse on the canary."""


class StepBrief(Contract):
    """One step that was tried: how much traffic the canary got, and how that ended."""

    weight_percent: int
    shifted_at: datetime | None
    read_back_at: datetime | None
    ended_at: datetime | None
    outcome: str
    reason: str
    approved_by: str
    experiment_run: str
    experiment_verdict: Verdict | None


class MetricBrief(Contract):
    """One metric over the whole run: bad requests of all requests on both sides.

    `ratio_times` is the canary's share over stable's. `peak_e_value` is the highest e-value that
    was reached, and `limit_e_value` what rolls back; `peak_percent` is the one in parts of the
    other. `promotion_e_value` is the best of the promotion test, and `needed_e_value` promotes;
    both values are kept within what is told of them.
    """

    name: str
    slow_over_milliseconds: float | None
    canary_bad: int
    canary_total: int
    canary_percent: float | None
    stable_bad: int
    stable_total: int
    stable_percent: float | None
    ratio_times: float | None
    peak_e_value: float | None
    limit_e_value: float | None
    peak_percent: float | None
    fired_at: datetime | None
    promotion_e_value: float | None
    needed_e_value: float | None


class WeightsBrief(Contract):
    """Weights as they were read back."""

    at: datetime
    stable_percent: int | None
    canary_percent: int | None
    what: str


class RollbackBrief(Contract):
    """The way back, from the decision to the weights read back."""

    decided_at: datetime
    restored_at: datetime | None
    restore_seconds: float | None
    stable_percent: int | None
    canary_percent: int | None
    reason: str


CanaryEnd = Literal[
    "promoted",
    "rolled back",
    "not promoted",
    "taken back",
    "stopped by a person",
    "broken",
    "never began",
]


class CanaryBrief(RunBrief):
    """A canary in brief."""

    end: CanaryEnd
    stop_by: str
    rollback_of: str
    step_percent: list[int]
    steps: list[StepBrief]
    metrics: list[MetricBrief]
    weights: list[WeightsBrief]
    rollback: RollbackBrief | None
    fault_looks: int
    margin_times: float
    confidence_percent: float


def fired(brief: CanaryBrief) -> MetricBrief | None:
    """Return the metric whose test rolled the canary back."""
    return next((m for m in brief.metrics if m.fired_at is not None), None)


def canary_brief_of(replay: Replay) -> CanaryBrief:
    """Return a canary in brief.

    Raises
    ------
    InvalidDocument
        The evidence contradicts itself.
    """
    try:
        return _brief(replay)
    except BROKEN as error:
        raise contradicts(replay.evidence.run_id, error) from error


def _brief(replay: Replay) -> CanaryBrief:
    evidence = replay.evidence
    plan, canary = canary_of(evidence)
    failure, stop = evidence.failure, evidence.stop
    why = failure.cause if failure else stop.reason if stop else evidence.verdict_reason
    return CanaryBrief(
        **run_fields(replay, plan, canary.looks),
        description="" if plan.rollback_of else plain(plan.description, 500),
        end=_end(evidence, plan, canary),
        why_text=plain(why, 300),
        why_name=plain(failure.state) if failure else "",
        stop_by=plain(stop.by) if stop else "",
        rollback_of=plain(plan.rollback_of or ""),
        step_percent=[step.weight for step in plan.steps],
        steps=[
            StepBrief(
                weight_percent=s.weight,
                shifted_at=instant(s.shifted_at),
                read_back_at=instant(s.read_back_at),
                ended_at=instant(s.ended_at),
                outcome=s.outcome,
                reason=plain(s.reason, 300),
                approved_by=plain(s.approved_by),
                experiment_run=plain(s.experiment_run),
                experiment_verdict=s.experiment_verdict,
            )
            for s in canary.steps
            if s.shifted_at is not None
        ],
        metrics=[_metric(name, plan, canary) for name in plan.metrics],
        weights=[
            WeightsBrief(
                at=at, stable_percent=w.stable, canary_percent=w.canary, what=plain(w.what)
            )
            for w in canary.weights
            if (at := instant(w.at))
        ],
        rollback=_rollback(canary),
        minutes=minutes_of(evidence, None, ticks_of(canary.looks)),
        fault_looks=sum(1 for look in canary.looks if look.under_fault),
        margin_times=plan.promotion.margin,
        confidence_percent=100.0 * plan.promotion.confidence,
    )


def _end(evidence: Evidence, plan: CanaryPlan, canary: CanaryEvidence) -> CanaryEnd:
    if evidence.failure:
        return "stopped by a person" if evidence.failure.error == ABORTED else "broken"
    if plan.rollback_of is not None:
        return "taken back" if evidence.verdict == Verdict.PASS else "not promoted"
    if not any(step.shifted_at is not None for step in canary.steps):
        return "never began"
    if canary.rollback:
        return "rolled back"
    return "promoted" if evidence.verdict == Verdict.PASS else "not promoted"


def _metric(name: str, plan: CanaryPlan, canary: CanaryEvidence) -> MetricBrief:
    seen = [(look, look.metrics[name]) for look in canary.looks if name in look.metrics]
    counts = [c for _, metric in seen for c in metric.counts]
    bad, total = sum(c.canary_bad for c in counts), sum(c.canary_total for c in counts)
    stable_bad = sum(c.stable_bad for c in counts)
    stable_total = sum(c.stable_total for c in counts)
    share = 100.0 * bad / total if total else None
    usual = 100.0 * stable_bad / stable_total if stable_total else None
    peak = max((m.evidence for _, m in seen), default=None)
    limit = canary.limits.get(name)
    fired: CanaryLook | None = next((k for k, m in seen if m.decision == "REGRESSION"), None)
    threshold = plan.metrics[name].threshold
    asked = [(m.promotion, m.needed) for _, m in seen if m.promotion is not None]
    promotion, needed = max(asked, default=(None, None))
    return MetricBrief(
        name=plain(name),
        slow_over_milliseconds=threshold.number if threshold else None,
        canary_bad=bad,
        canary_total=total,
        canary_percent=share,
        stable_bad=stable_bad,
        stable_total=stable_total,
        stable_percent=usual,
        ratio_times=share / usual if share is not None and usual else None,
        peak_e_value=_within(peak, limit),
        limit_e_value=limit,
        peak_percent=100.0 * min(peak / limit, 1.0) if peak is not None and limit else None,
        fired_at=instant(fired.ended_at) if fired else None,
        promotion_e_value=_within(promotion, needed),
        needed_e_value=needed,
    )


def _within(value: float | None, limit: float | None) -> float | None:
    return None if value is None else min(max(value, SMALLEST), largest_told(limit))


def _rollback(canary: CanaryEvidence) -> RollbackBrief | None:
    back = canary.rollback
    if back is None:
        return None
    return RollbackBrief(
        decided_at=back.decided_at,
        restored_at=back.restored_at,
        restore_seconds=back.seconds,
        stable_percent=back.weights.stable,
        canary_percent=back.weights.canary,
        reason=plain(back.reason, 300),
    )
