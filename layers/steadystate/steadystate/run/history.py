"""Puts a run into the history of its workload."""

from dataclasses import dataclass
from typing import Final

from steadystate.contracts import Recorded, RunInput
from steadystate.domain.trend import ObjectiveRecord, RunRecord
from steadystate.evidence import Evidence
from steadystate.ports import EvidenceStore, History
from steadystate.run.stored import read_evidence

REASON_CHARACTERS: Final = 1000
"""How much of a verdict's reason history keeps; the evidence has all of it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What keeping a run needs of the world."""

    evidence: EvidenceStore
    history: History


def record_history(request: RunInput, world: Recording) -> Recorded:
    """Keep what trends need of a run; recorded again, it is kept once. Raises ReportMissing."""
    record = record_of(read_evidence(request.run_id, world.evidence).evidence)
    world.history.record(record)
    return Recorded(run_id=record.run_id, workload=record.workload)


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
