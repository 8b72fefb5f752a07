"""What is told of an experiment: its evidence in brief, in numbers and names, without any language.

A narrative is written from a brief, a model is given a brief, and its text is checked against one.
Texts of people are plain text here; every instant is aware UTC. Names of fields carry the units.
"""

from datetime import datetime
from typing import Literal

from steadystate.contracts import Contract
from steadystate.domain.verdict import Verdict
from steadystate.report.minutes import Minute

Why = Literal[
    "", "stopped by a person", "broken", "not steady", "not hit", "guardrail", "blind", "limit"
]


Compare = Literal["<", "<=", ">", ">=", "="]


class FaultBrief(Contract):
    """One action of the method; `targets` are the short names of what it was to hit."""

    name: str
    action: str
    document: str
    targets: list[str]
    duration_seconds: float


class ObjectiveBrief(Contract):
    """One objective as judged.

    `multiple` is the factor of a bound relative to the baseline, and `floored` whether its floor,
    and not the baseline, gave the limit. `room_percent` is the share of an upper bound that was
    left, negative where any bound was missed; `baseline_times` is the observed value in baselines.
    `worst` is the worst point of its stretch.
    """

    name: str
    sli: str
    source: str
    measure: str
    percentile: float | None
    verdict: Verdict
    unit: str
    bound: str
    compare: Compare
    multiple: float | None
    floored: bool
    when: Literal["during", "after"]
    aggregate: Literal["mean", "worst"]
    observed: float | None
    limit: float | None
    baseline: float | None
    margin: float | None
    room_percent: float | None
    baseline_times: float | None
    points: int
    observations: float
    worst: float | None


class SpanBrief(Contract):
    """A time that is known within bounds; `high_seconds` is None while there is no end."""

    low_seconds: float
    high_seconds: float | None


class RecoveryBrief(Contract):
    """Recovery as measured; `used_percent` is the share of the target that its upper end is.

    `probes` and `failed` count since the fault; `outage_probes` from the first to the last failure.
    `outage_percent` of these failed; None where they are too few to tell of the rest.
    """

    verdict: Verdict
    target_seconds: float
    injected_at: datetime | None
    first_breach_at: datetime | None
    last_failed_at: datetime | None
    recovered_at: datetime | None
    from_fault: SpanBrief | None
    from_breach: SpanBrief | None
    resolution_seconds: float | None
    used_percent: float | None
    breach_delay_seconds: float | None
    probes: int
    failed: int
    good_seconds: float
    needed_good_seconds: float
    good_probes: int | None
    needed_probes: int | None
    outage_probes: int
    outage_percent: float | None


class GuardrailBrief(Contract):
    """A guardrail and how it stood."""

    name: str
    sli: str
    bound: str
    state: Literal["HELD", "BROKEN", "BLIND"]
    reason: str


class UndoBrief(Contract):
    """One thing that was to be undone."""

    what: str
    state: Literal["open", "undone"]
    verified_at: datetime | None
    found: str


class SliBrief(Contract):
    """An indicator that was measured without being judged."""

    name: str
    guarded: bool


class RunBrief(Contract):
    """A run of any kind in brief. `stored_verdict` is empty where the samples support it."""

    run_id: str
    scenario: str
    workload: str
    description: str
    requested_by: str
    reason_given: str
    started_at: datetime
    ended_at: datetime
    run_seconds: float
    verdict: Verdict
    stored_verdict: str
    why_text: str
    why_name: str
    guardrails: list[GuardrailBrief]
    minutes: list[Minute]
    undo: list[UndoBrief]
    cost_dollars: float | None
    planned_dollars: float | None
    looks: int
    missing_looks: int
    unread_looks: int
    window_seconds: float
    metric_period_seconds: int
    probes_a_second: int
    probe_timeout_seconds: float
    probes: int
    failed: int
    failed_percent: float | None
    overrides: list[str]


class Brief(RunBrief):
    """An experiment in brief."""

    changed: list[str]
    why: Why
    faults: list[FaultBrief]
    fault_id: str
    fault_status: str
    fault_ended_at: datetime | None
    targets_hit: int
    objectives: list[ObjectiveBrief]
    kept: int
    missed: int
    undecided: int
    recovery: RecoveryBrief
    unasked: list[SliBrief]
