"""The evidence of a run, `steadystate/run/v1`: the one document everything shown comes from.

`docs/schemas/run.v1.json` is its JSON Schema. Instants are ISO 8601 UTC; within `samples`, `plan`
and `baseline` they are epoch seconds, as the judge reads them.
"""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from steadystate.canary_contracts import (
    CanaryLook,
    CanaryPlan,
    PeriodCounts,
    StepRecord,
    Traffic,
    Weights,
    WeightsRecord,
)
from steadystate.contracts import (
    BaselineOf,
    Contract,
    Failure,
    FaultState,
    Plan,
    Sample,
    Stop,
)
from steadystate.domain.guardrails import GuardrailState
from steadystate.domain.verdict import Verdict


class ObjectiveEvidence(Contract):
    """The verdict on one objective. `limit` is the bound as a number; `margin` > 0 is kept."""

    name: str
    sli: str
    verdict: Verdict
    observed: float | None
    bound: str
    limit: float | None
    baseline: float | None
    margin: float | None
    unit: str
    reason: str


class IntervalEvidence(Contract):
    """Seconds: at least `low`, at most `high`; `high` is null while there is no end."""

    low: float
    high: float | None


class RecoveryEvidence(Contract):
    """Recovery as measured. `resolution_seconds` is how sharply its end is known."""

    verdict: Verdict
    target_seconds: float
    injected_at: datetime | None
    first_breach_at: datetime | None
    recovered_at: datetime | None
    from_fault: IntervalEvidence | None
    from_breach: IntervalEvidence | None
    resolution_seconds: float | None
    reason: str


class GuardrailEvidence(Contract):
    """A guardrail, and whether it stopped the run."""

    name: str
    sli: str
    bound: str
    state: GuardrailState
    reason: str


class TimelineEvidence(Contract):
    """One moment of the run."""

    at: datetime
    what: str
    detail: str


class UndoEvidence(Contract):
    """One thing that was undone; `verified_at` is when that was read back."""

    what: str
    state: Literal["open", "undone"]
    verified_at: datetime | None
    found: str


class CostEvidence(Contract):
    """US dollars by item, as planned and as used."""

    estimate: dict[str, float]
    actual: dict[str, float]


class RollbackEvidence(Contract):
    """The way back: from the sample that decided to the original weights, read back."""

    decided_at: datetime
    restored_at: datetime | None
    seconds: float | None
    weights: Weights
    reason: str


class CanaryEvidence(Contract):
    """How traffic moved, what both sides showed, and why it went on or back.

    `limits` are the e-values that roll back, by metric. `history` holds stable's counts from before
    the run. `looks` are kept for ever: the verdict is replayed from them. `finished` says that all
    traffic is the canary's for good.
    """

    traffic: Traffic
    original: Weights
    limits: dict[str, float]
    history: dict[str, list[tuple[int, int]]]
    steps: list[StepRecord]
    weights: list[WeightsRecord]
    looks: list[CanaryLook]
    totals: dict[str, PeriodCounts]
    rollback: RollbackEvidence | None
    finished: bool = False


class Evidence(Contract):
    """One run. An experiment has `recovery`, `samples` and `fault`; a canary has `canary`."""

    schema_: Literal["steadystate/run/v1"] = Field(alias="schema")
    run_id: str
    kind: Literal["experiment", "canary"]
    scenario: str
    workload: str
    requested_by: str
    reason: str
    started_at: datetime
    ended_at: datetime
    verdict: Verdict
    verdict_reason: str
    objectives: list[ObjectiveEvidence]
    recovery: RecoveryEvidence | None
    guardrails: list[GuardrailEvidence]
    timeline: list[TimelineEvidence]
    samples: list[Sample]
    undo: list[UndoEvidence]
    cost: CostEvidence
    plan: Plan | CanaryPlan
    baseline: dict[str, BaselineOf]
    fault: FaultState | None
    canary: CanaryEvidence | None = None
    stop: Stop | None
    failure: Failure | None

    def to_json(self) -> str:
        """Return the document as it is stored."""
        return self.model_dump_json(by_alias=True)


def instant(epoch_seconds: float | None) -> datetime | None:
    """Return an epoch second as an aware time in UTC."""
    return None if epoch_seconds is None else datetime.fromtimestamp(epoch_seconds, UTC)
