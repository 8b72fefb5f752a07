"""Puts a run into the history of its workload."""

from steadystate.domain.trend import ObjectiveRecord, RunRecord
from steadystate.evidence import Evidence

REASON_CHARACTERS = 1000
"""How much of a verdict's reason history keeps; the evidence has all of it."""


def record_of(evidence: Evidence) -> RunRecord:
    """Return what history keeps of a run."""
    recovery = evidence.recovery
    interval = recovery.from_fault if recovery else None
    return RunRecord(
        run_id=evidence.run_id,
        kind=evidence.kind,
        scenario=evidence.scenario,
        workload=evidence.workload,
        started_at=evidence.started_at.timestamp(),
        ended_at=evidence.ended_at.timestamp(),
        verdict=evidence.verdict,
        reason=evidence.verdict_reason[:REASON_CHARACTERS],
        recovery_low_seconds=interval.low if interval else None,
        recovery_high_seconds=interval.high if interval else None,
        recovery_target_seconds=recovery.target_seconds if recovery else None,
        objectives=tuple(
            ObjectiveRecord(o.name, o.unit, o.verdict, o.observed, o.limit, o.margin)
            for o in evidence.objectives
        ),
        weight=evidence.plan.weight,
    )
