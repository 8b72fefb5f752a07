"""From the evidence of an experiment to its brief."""

import math
from collections.abc import Sequence
from typing import Any, cast

from steadystate.canary_contracts import CanaryLook, CanaryPlan
from steadystate.contracts import FaultAction, Plan, Sample, Stop
from steadystate.documents.workload import CloudWatchSli, LoadBalancerSli, ProbeSli, Sli
from steadystate.domain.recovery import Tick, find_outage, good_seconds_after
from steadystate.domain.series import Point, summarize, usable, within
from steadystate.domain.verdict import Verdict
from steadystate.evidence import (
    Evidence,
    GuardrailEvidence,
    IntervalEvidence,
    ObjectiveEvidence,
    RecoveryEvidence,
    UndoEvidence,
    instant,
)
from steadystate.report.brief import (
    Brief,
    Compare,
    FaultBrief,
    GuardrailBrief,
    ObjectiveBrief,
    RecoveryBrief,
    SliBrief,
    SpanBrief,
    UndoBrief,
    Why,
)
from steadystate.report.minutes import minutes_of
from steadystate.report.plain_text import plain
from steadystate.report.replay import BROKEN, Replay, contradicts, experiment_of
from steadystate.run.judgement import ABORTED, probe_points

TELLING_PROBES = 10
"""So many probes between the first and the last failure tell of the share that was answered."""


def brief_of(replay: Replay) -> Brief:
    """Return a run in brief.

    Raises
    ------
    InvalidDocument
        The evidence contradicts itself.
    """
    try:
        return _brief(replay)
    except BROKEN as error:
        raise contradicts(replay.evidence.run_id, error) from error


def _brief(replay: Replay) -> Brief:
    evidence = replay.evidence
    plan, recovery = experiment_of(evidence)
    fault = evidence.fault
    ticks = ticks_of(evidence.samples)
    objectives = [_objective(o, evidence, plan, ticks) for o in evidence.objectives]
    judged = {o.sli for o in objectives}
    guarded = {g.sli for g in evidence.guardrails}
    why, why_text, why_name = _why(evidence)
    return Brief(
        **run_fields(replay, plan, evidence.samples),
        description=plain(plan.description, 500),
        changed=[plain(name) for name in replay.changed],
        why=why,
        why_text=plain(why_text, 300),
        why_name=plain(why_name),
        faults=[_fault(name, action) for name, action in plan.faults.items()],
        fault_id=plain(fault.experiment_id) if fault else "",
        fault_status=plain(fault.status) if fault else "",
        fault_ended_at=instant(fault.ended_at if fault else None),
        targets_hit=fault.targets_hit if fault else 0,
        objectives=objectives,
        kept=sum(o.verdict is Verdict.PASS for o in objectives),
        missed=sum(o.verdict is Verdict.FAIL for o in objectives),
        undecided=sum(o.verdict is Verdict.INCONCLUSIVE for o in objectives),
        recovery=_recovery(evidence, plan, recovery, ticks),
        unasked=[
            SliBrief(name=plain(name), guarded=name in guarded)
            for name in plan.slis
            if name not in judged
        ],
        minutes=minutes_of(evidence, plan, ticks),
    )


def run_fields(
    replay: Replay, plan: Plan | CanaryPlan, looks: Sequence[Sample | CanaryLook]
) -> dict[str, Any]:
    """Return what is reckoned alike for runs of every kind, by its field of a RunBrief."""
    evidence = replay.evidence
    ticks = ticks_of(looks)
    sent, failed = sum(t.sent for t in ticks), sum(t.failed for t in ticks)
    return {
        "run_id": evidence.run_id,
        "scenario": plain(evidence.scenario),
        "workload": plain(evidence.workload),
        "requested_by": plain(evidence.requested_by),
        "reason_given": plain(evidence.reason, 300),
        "started_at": evidence.started_at,
        "ended_at": evidence.ended_at,
        "run_seconds": (evidence.ended_at - evidence.started_at).total_seconds(),
        "verdict": evidence.verdict,
        "stored_verdict": "" if replay.supported else replay.stored_verdict,
        "guardrails": [_guardrail(g) for g in evidence.guardrails],
        "undo": [_undo(u) for u in evidence.undo],
        "cost_dollars": finite(evidence.cost.actual.get("total")),
        "planned_dollars": finite(evidence.cost.estimate.get("total")),
        "looks": len(looks),
        "missing_looks": replay.missing_looks,
        "unread_looks": sum(1 for look in looks if look.notes),
        "window_seconds": plan.timing.window_seconds,
        "metric_period_seconds": plan.timing.metric_period_seconds,
        "probes_a_second": plan.probe.requests,
        "probe_timeout_seconds": plan.probe.timeout,
        "probes": sent,
        "failed": failed,
        "failed_percent": 100.0 * failed / sent if sent else None,
        "overrides": [plain(str(key)) for key in plan.overrides],
    }


def _guardrail(one: GuardrailEvidence) -> GuardrailBrief:
    return GuardrailBrief(
        name=plain(one.name),
        sli=plain(one.sli),
        bound=plain(one.bound),
        state=one.state.value,
        reason=plain(one.reason),
    )


def _undo(one: UndoEvidence) -> UndoBrief:
    return UndoBrief(
        what=plain(one.what),
        state=one.state,
        verified_at=one.verified_at,
        found=plain(one.found),
    )


def ticks_of(looks: Sequence[Sample | CanaryLook]) -> list[Tick]:
    """Return all seconds of probing."""
    return [tick for look in looks for tick in look.ticks]


def _why(evidence: Evidence) -> tuple[Why, str, str]:
    """Return what ended the run before its time, in words of the record, and whose it was."""
    failure, stop, fault = evidence.failure, evidence.stop, evidence.fault
    if failure and failure.error == ABORTED:
        return "stopped by a person", failure.cause, ""
    if failure:
        return "broken", f"{failure.error}: {failure.cause}", failure.state
    if stop and stop.by == "steady state":
        return "not steady", stop.reason, ""
    if fault is None or fault.started_at is None or fault.targets_hit == 0:
        return "not hit", fault.reason if fault else "", ""
    return _stopped(stop) if stop else ("", "", "")


def _stopped(stop: Stop) -> tuple[Why, str, str]:
    if stop.by == "blind: fault limit":
        return "limit", stop.reason, ""
    name = stop.by.rpartition("guardrail")[2].strip(" :")
    return ("blind" if stop.by.startswith("blind") else "guardrail"), stop.reason, name


def _fault(name: str, action: FaultAction) -> FaultBrief:
    document = action.parameters.get("documentArn", "").rpartition("/")[2]
    return FaultBrief(
        name=plain(name),
        action=plain(action.action),
        document=plain(document),
        targets=[plain(short_name(arn)) for arn in action.targets],
        duration_seconds=action.duration_seconds,
    )


def short_name(arn: str) -> str:
    """Return the part of an ARN by which people know the resource."""
    return arn.rpartition("/")[2] if "/" in arn else arn.rpartition(":")[2]


def _objective(
    one: ObjectiveEvidence, evidence: Evidence, plan: Plan, ticks: Sequence[Tick]
) -> ObjectiveBrief:
    document, sli = plan.objectives[one.name], plan.slis[one.sli]
    period = float(plan.timing.metric_period_seconds)
    points = points_since_fault(evidence, one.sli, sli, period, ticks)
    summary = summarize(points)
    bound = document.bound
    measure = getattr(sli, "measure", "")
    percentile = getattr(sli, "percentile", 95.0) if measure == "latency" else None
    worst = (max if bound.upper else min)((p.value for p in points), default=None)
    room = None
    if one.margin is not None and one.limit and (one.margin < 0 or bound.compare in ("<", "<=")):
        room = 100.0 * one.margin / abs(one.limit)
    return ObjectiveBrief(
        name=plain(one.name),
        sli=plain(one.sli),
        source=sli.source,
        measure=measure,
        percentile=percentile,
        verdict=one.verdict,
        unit=one.unit,
        bound=plain(one.bound),
        compare=cast(Compare, bound.compare),
        multiple=bound.number if bound.relative else None,
        floored=one.limit is not None and bound.limit(one.baseline, None) != one.limit,
        when=document.when,
        aggregate=document.aggregate,
        observed=finite(one.observed),
        limit=finite(one.limit),
        baseline=finite(one.baseline),
        margin=finite(one.margin),
        room_percent=finite(room),
        baseline_times=_times(one.observed, one.baseline),
        points=len(points),
        observations=summary.weight if summary else 0.0,
        worst=worst if document.when == "during" else None,
    )


def points_since_fault(
    evidence: Evidence, name: str, sli: Sli, period_seconds: float, ticks: Sequence[Tick]
) -> list[Point]:
    """Return the usable points of an indicator from the fault to the end of the run."""
    injected_at = evidence.fault.started_at if evidence.fault else None
    if injected_at is None or not evidence.samples:
        return []
    if isinstance(sli, ProbeSli):
        points, period = probe_points(ticks, sli), 1.0
    else:
        points = sorted(p for s in evidence.samples for p in s.points.get(name, []))
        timed = isinstance(sli, (LoadBalancerSli, CloudWatchSli))
        period = period_seconds if timed else 0.0
    return usable(within(points, injected_at, evidence.samples[-1].ended_at, period))


def _recovery(
    evidence: Evidence, plan: Plan, recovery: RecoveryEvidence, ticks: Sequence[Tick]
) -> RecoveryBrief:
    injected_at = evidence.fault.started_at if evidence.fault else None
    since = [t for t in ticks if injected_at is not None and t.at + 1 > injected_at]
    outage = find_outage(ticks, injected_at) if injected_at is not None else None
    good = good_seconds_after(ticks, outage, injected_at) if injected_at is not None else 0.0
    failed = sum(t.failed for t in since)
    during = 0
    if outage is not None:
        first, last = outage.first_failed_at, outage.last_failed_at
        sent = (t.at + k / t.sent for t in since for k in range(t.sent))
        during = max(failed, sum(first <= at <= last for at in sent))
    used, delay = None, None
    if recovery.first_breach_at and recovery.injected_at:
        delay = (recovery.first_breach_at - recovery.injected_at).total_seconds()
    if recovery.from_fault and recovery.from_fault.high is not None and recovery.target_seconds:
        used = 100.0 * recovery.from_fault.high / recovery.target_seconds
    return RecoveryBrief(
        verdict=recovery.verdict,
        target_seconds=recovery.target_seconds,
        injected_at=recovery.injected_at,
        first_breach_at=recovery.first_breach_at,
        last_failed_at=instant(outage.last_failed_at if outage else None),
        recovered_at=recovery.recovered_at,
        from_fault=_span(recovery.from_fault),
        from_breach=_span(recovery.from_breach),
        resolution_seconds=recovery.resolution_seconds,
        used_percent=used,
        breach_delay_seconds=delay,
        probes=sum(t.sent for t in since),
        failed=failed,
        good_seconds=good,
        needed_good_seconds=plan.recovery.good_seconds,
        good_probes=outage.good_probes if outage else None,
        needed_probes=outage.needed_probes if outage else None,
        outage_probes=during,
        outage_percent=100.0 * failed / during if during >= TELLING_PROBES else None,
    )


def _span(interval: IntervalEvidence | None) -> SpanBrief | None:
    return SpanBrief(low_seconds=interval.low, high_seconds=interval.high) if interval else None


def _times(observed: float | None, baseline: float | None) -> float | None:
    return finite(observed / baseline) if observed is not None and baseline else None


def finite(value: float | None) -> float | None:
    """Return a number that says something, else None."""
    return value if value is not None and math.isfinite(value) else None
