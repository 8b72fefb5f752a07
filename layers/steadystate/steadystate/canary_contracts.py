"""What the tasks of a canary take and give, and what a canary keeps between them.

Times are epoch seconds (UTC). Weights are shares of 100 as the listener's integers have them.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from steadystate.contracts import BaselineOf, Contract, Run, RunId, Stop
from steadystate.documents.canary import JudgeDocument, MetricDocument, PromotionDocument
from steadystate.documents.experiment import GuardrailDocument
from steadystate.documents.fields import Document, Language
from steadystate.documents.workload import LoadBalancer, Probe, Sli
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.domain.verdict import Verdict

CanaryPhase = Literal["shifting", "baking", "gate", "waiting", "final", "done"]
CanaryNext = Literal["bake", "shift", "experiment", "ask", "rollback", "evaluate"]
Outcome = Literal["baking", "promoted", "approved", "rejected", "held", "rolled back", "finished"]


class RollbackInput(Document):
    """What a person gives to take a finished canary back: `rollback` is the id of its run."""

    rollback: RunId
    reason: Annotated[str, Field(max_length=1000)] = ""
    requested_by: Annotated[str, Field(max_length=200)] = ""


class Traffic(Contract):
    """Where traffic is split: a listener (its default action) or a rule, and two target groups."""

    place: str
    stable: str
    canary: str


class Weights(Contract):
    """The weights of both sides as a load balancer has them; None where it does not name a side."""

    stable: int | None
    canary: int | None


class CanaryStep(Contract):
    """One step with its times fixed (seconds)."""

    weight: int
    bake_seconds: float
    approve: bool = False
    experiment: str | None = None


class CanaryTiming(Contract):
    """When and how often things are looked at, and how long things may last."""

    window_seconds: float
    metric_period_seconds: int
    metric_delay_seconds: float
    final_bake_seconds: float
    hold_limit_seconds: float


class PeriodCounts(Contract):
    """One metric period: bad requests of all requests on each side."""

    at: float
    canary_bad: int
    canary_total: int
    stable_bad: int
    stable_total: int


class CanaryPlan(Contract):
    """Everything that a canary needs to know, fixed before anything is touched.

    `original` are the weights before the run, and what every way back restores. `history` holds
    stable's (bad, total) by metric and period, from before the run. `rollback_of` names the run
    that this one takes back: then there are no steps, `original` is what that run found, and all
    that is done is the way back.
    """

    kind: Literal["canary"] = "canary"
    run_id: RunId
    execution_arn: str
    scenario: str
    description: str
    workload: str
    requested_by: str
    reason: str
    overrides: dict[str, Any]
    started_at: float
    timing: CanaryTiming
    probe: Probe
    load_balancer: LoadBalancer
    slis: dict[str, Sli]
    guardrails: dict[str, GuardrailDocument]
    traffic: Traffic
    original: Weights
    drain_seconds: float
    steps: list[CanaryStep]
    inconclusive: Literal["hold", "rollback"]
    judge: JudgeDocument
    promotion: PromotionDocument
    metrics: dict[str, MetricDocument]
    history: dict[str, list[tuple[int, int]]]
    rollback_of: str | None = None
    alarms: list[str]
    cost_estimate: dict[str, float]
    language: Language = "en"
    weight: float = 1.0

    @property
    def held(self) -> str:
        """What the run holds a lease on."""
        return self.workload


class StepRecord(Contract):
    """How a step went. Times are epoch seconds; `outcome` and `reason` say how it ended."""

    weight: int
    shifted_at: float | None = None
    read_back_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome = "baking"
    reason: str = ""
    approved_by: str = ""
    experiment_run: str = ""
    experiment_started_at: float | None = None
    experiment_ended_at: float | None = None
    experiment_verdict: Verdict | None = None


class WeightsRecord(Contract):
    """Weights as they were read back, and why they were so."""

    at: float
    stable: int | None
    canary: int | None
    what: str


class Gate(Contract):
    """A person is asked: `token` answers the execution that waits, and `why` says what for.

    `until` is when nobody is waited for any more (epoch seconds).
    """

    token: str
    asked_at: float
    until: float
    why: str


class Answer(Contract):
    """What a person says at a gate."""

    decision: Literal["approve", "reject"]
    by: str
    reason: str = ""


class AskPersonInput(Contract):
    """Input of ask_person; `token` comes from the task that waits."""

    run_id: RunId
    token: str


class TakeAnswerInput(Contract):
    """Input of take_answer; without an answer nobody answered in time, or the watch turned back."""

    run_id: RunId
    answer: Answer | None = None


class GatesWatched(Contract):
    """Output of watch_gates: the runs that wait for a person and were looked at."""

    runs: list[RunId]


class Child(Contract):
    """The run of a chaos gate. `called_at` is when its start was written down last (epoch seconds):
    from then on it may be under way."""

    run_id: RunId
    execution_arn: str
    called_at: float


class CanaryProgress(Contract):
    """What changes from look to look. `intended` are weights written down before they are set;
    `expected` are the last that were read back. `judges` and `promotions` hold judges' states.
    `unanswered_at` is when the last call was made whose answer was lost: it may still have an
    effect. `gate` is there while a person is asked, `child` since a chaos gate was to
    start. `final_since` is when the last step was promoted: since then the old side is kept warm.
    """

    phase: CanaryPhase = "shifting"
    step: int = 0
    looks: int = 0
    metric_looks: int = 0
    read_until: float = 0.0
    watched_since: float | None = None
    recent: dict[str, list[Point]] = {}
    judges: dict[str, dict[str, Any]] = {}
    promotions: dict[str, dict[str, Any]] = {}
    intended: Weights | None = None
    intended_at: float | None = None
    unanswered_at: float | None = None
    expected: Weights | None = None
    gate: Gate | None = None
    child: Child | None = None
    final_since: float | None = None
    steps: list[StepRecord] = []
    weights: list[WeightsRecord] = []
    stop: Stop | None = None
    decided_at: float | None = None
    restored_at: float | None = None


class MetricLook(Contract):
    """What one metric said in a look: `evidence` is the e-value, `limit` is what rolls back;
    `promotion` and `needed` are the e-value of the promotion test, and what promotes. `left_out`
    are periods under the fault of a chaos gate, which no judge was shown."""

    counts: list[PeriodCounts]
    left_out: list[PeriodCounts] = []
    decision: Literal["CONTINUE", "REGRESSION"]
    evidence: float
    limit: float
    reason: str
    promotion: float | None = None
    needed: float | None = None
    promotion_reason: str = ""


class CanaryLook(Contract):
    """One look at a canary. `weights` are as read from the load balancer in this look, None where
    they could not be read as the two sides'; `healthy` are targets by side. `since` is when the
    step's weights were read back: its promotion rests on periods that began later. `under_fault`
    marks looks during a chaos gate."""

    look: int
    step: int
    since: float | None
    phase: CanaryPhase
    started_at: float
    ended_at: float
    weights: Weights | None
    healthy: dict[Literal["stable", "canary"], int]
    metrics: dict[str, MetricLook]
    points: dict[str, list[Point]]
    ticks: list[Tick]
    guardrails: dict[str, str] = {}
    under_fault: bool = False
    notes: list[str] = []


class CanaryWatched(Contract):
    """Output of the tasks that say what comes next."""

    run_id: RunId
    phase: CanaryPhase
    next: CanaryNext


class CanaryRun(Contract):
    """A canary as the table keeps it; see `contracts.Run`."""

    plan: CanaryPlan
    baseline: dict[str, BaselineOf]
    progress: CanaryProgress
    version: int = 0
    verdict: Verdict | None = None
    verdict_reason: str = ""
    ended_at: float | None = None
    evidence: str = ""


AnyRun = Run | CanaryRun
"""A run of either kind; `plan.kind` tells which."""
