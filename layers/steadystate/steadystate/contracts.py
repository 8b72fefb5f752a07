"""What tasks take and give, and what a run keeps between them. All JSON, all small.

Times are epoch seconds (UTC) where machines read them, and ISO 8601 in the evidence.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from steadystate.documents.experiment import GuardrailDocument, ObjectiveDocument
from steadystate.documents.fields import Document, Language
from steadystate.documents.workload import LoadBalancer, Probe, Sli
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.domain.verdict import Verdict

RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
Phase = Literal["baseline", "injecting", "recovering", "done"]
Next = Literal["inject", "watch", "undo", "evaluate"]


UNSTATED: Final = "not stated"
"""Who started a run, and why, where nobody said so."""


class Contract(BaseModel):
    """Base of all contracts."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ExecutionInput(Document):
    """What a person or a schedule gives to start a run. `language` goes over the scenario's own."""

    scenario: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    overrides: Annotated[dict[str, Any], Field(max_length=50)] = {}
    reason: Annotated[str, Field(max_length=1000)] = ""
    requested_by: Annotated[str, Field(max_length=200)] = ""
    language: Language | None = None


class ExperimentInput(ExecutionInput):
    """What starts an experiment. `within` is given by a canary for its chaos gate: the run of the
    canary that holds the workload, to whose side the fault is narrowed."""

    within: RunId | None = None


class PlanRunInput(Contract):
    """`execution_arn` and `run_id` come from the execution itself; `input` is checked by the task,
    so that a wrong one is refused in the words of every other wrong document."""

    run_id: RunId
    execution_arn: str
    input: Any


class RunInput(Contract):
    """Input of the tasks that need nothing but the run."""

    run_id: RunId


class Planned(Contract):
    """Output of plan_run."""

    run_id: RunId
    workload: str


class Failure(Contract):
    """What broke, in the words of the state machine."""

    error: str
    cause: str = ""
    state: str = ""


class Halt(Contract):
    """What the kill switch's parameter holds while it is pulled."""

    who: str
    why: str = ""
    when: datetime | None = None

    def __str__(self) -> str:
        """Return it in words."""
        since = f" since {self.when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.when else ""
        return f"halted by {self.who}{since}: {self.why or 'no reason given'}"


class SweepInput(Contract):
    """Input of find_leftovers: it asks the table, so nothing needs to be said."""


class FindLeftoversInput(Contract):
    """Input of find_leftovers. `ended` names the execution whose end is why it is asked, if any:
    its run may be closed without having begun its report."""

    ended: str = ""


class EvaluateRunInput(Contract):
    """`failure` is there when the machinery broke or the run was stopped."""

    run_id: RunId
    failure: Failure | None = None


class Watched(Contract):
    """Output of watch_window: what comes next."""

    run_id: RunId
    phase: Phase
    next: Next


class Undone(Contract):
    """Output of undo_run: how many records of the ledger are closed."""

    run_id: RunId
    closed: int


class Evaluated(Contract):
    """Output of evaluate_run; `evidence` is the key of run.json in the evidence bucket, and
    `report` the key that its report will have there."""

    run_id: RunId
    verdict: Verdict
    reason: str
    evidence: str
    report: str


class ReportInput(Contract):
    """Input of compose_report. Without a language, it is the one that the run was planned with."""

    run_id: RunId
    language: Language | None = None


class Composed(Contract):
    """Output of compose_report, and input of render_report; `narrative` is its key."""

    run_id: RunId
    language: Language
    narrative: str


class Rendered(Contract):
    """Output of render_report; `report` is the key of the PDF."""

    run_id: RunId
    language: Language
    report: str


class Recorded(Contract):
    """Output of record_history."""

    run_id: RunId
    workload: str


class NotifyPeopleInput(Contract):
    """`report` is the key of the PDF, empty where there is none; the failures say why.

    With `quiet`, only the bus is told: somebody asked for an old report and waits for it.
    """

    run_id: RunId
    language: Language | None = None
    report: str = ""
    report_failure: Failure | None = None
    history_failure: Failure | None = None
    quiet: bool = False


class Notified(Contract):
    """Output of notify_people: by channel `sent`, `off` or `not sent: why`; and what is missing."""

    run_id: RunId
    channels: dict[str, str]
    missing: str


class Message(Contract):
    """What people are told of a run. `link` opens the report until `link_until` (ISO 8601 UTC);
    both are empty where there is no report. `link_words` say so in the run's language."""

    subject: str
    lines: list[str]
    link: str = ""
    link_until: str = ""
    link_words: str = ""


class PublishTrendsInput(Contract):
    """Input of publish_trends; without a workload, all of them."""

    workload: str | None = None
    language: Language = "en"


class TrendsPublished(Contract):
    """Output of publish_trends: the keys of the documents."""

    keys: list[str]


class Leftover(Contract):
    """A run whose execution is over, and that left something open."""

    run_id: RunId
    failure: Failure


class LeftOpen(Contract):
    """What could not even be tried, and why, with what a person can do."""

    run_id: str
    why: str


class Leftovers(Contract):
    """Output of find_leftovers: what can be recovered, and what only a person can."""

    runs: list[Leftover]
    left_open: list[LeftOpen] = []


class FaultAction(Contract):
    """One FIS action with its targets resolved: `targets` are ARNs, `parameters` are FIS's own.
    `struck_share` is their share of all resources of that target that were up."""

    action: str
    target_key: str | None
    resource: str | None
    targets: list[str]
    parameters: dict[str, str]
    start_after: list[str]
    duration_seconds: float
    struck_share: float = 1.0


class RecoveryPlan(Contract):
    """The recovery that is asked for."""

    target_seconds: float
    limit_seconds: float
    good_seconds: float


class Timing(Contract):
    """When and how often things are looked at."""

    window_seconds: float
    metric_period_seconds: int
    metric_delay_seconds: float
    fault_limit_seconds: float


class Plan(Contract):
    """Everything that a run needs to know, fixed before anything is touched. `within` is the canary
    whose chaos gate the run is."""

    kind: Literal["experiment"] = "experiment"
    run_id: RunId
    execution_arn: str
    scenario: str
    description: str
    workload: str
    requested_by: str
    reason: str
    overrides: dict[str, Any]
    started_at: float
    timing: Timing
    probe: Probe
    load_balancer: LoadBalancer
    slis: dict[str, Sli]
    objectives: dict[str, ObjectiveDocument]
    guardrails: dict[str, GuardrailDocument]
    recovery: RecoveryPlan
    faults: dict[str, FaultAction]
    alarms: list[str]
    cost_estimate: dict[str, float]
    language: Language = "en"
    weight: float = 1.0
    within: RunId | None = None

    @property
    def held(self) -> str:
        """What the run holds a lease on: the workload, or a place of its own within a canary's."""
        return f"{self.workload}/{self.within}" if self.within else self.workload


class BaselineOf(Contract):
    """One indicator before the run; see `domain.series.Summary`."""

    mean: float
    standard_deviation: float
    points: int
    weight: float


FAULT_OVER = frozenset({"completed", "stopped", "failed", "cancelled"})
"""The states in which a FIS experiment has ended for good."""


class FaultState(Contract):
    """The FIS experiment as last seen."""

    template_id: str
    experiment_id: str
    status: str
    reason: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    targets_hit: int = 0


class Stop(Contract):
    """Why a run was cut short: a guardrail, or a limit."""

    by: str
    reason: str
    at: float


class Progress(Contract):
    """What changes from look to look. `recent` holds what the guardrails look back on."""

    phase: Phase = "baseline"
    looks: int = 0
    metric_looks: int = 0
    read_until: float = 0.0
    watched_since: float | None = None
    last_failed_at: float | None = None
    recent: dict[str, list[Point]] = {}
    fault: FaultState | None = None
    stop: Stop | None = None
    undone_at: float | None = None


class Sample(Contract):
    """One look. `points` are by indicator, each [at, value, weight]; `ticks` are the prober's
    seconds, each [at, sent, failed, first_failed_at, last_failed_at, p95_milliseconds]."""

    look: int
    phase: Phase
    started_at: float
    ended_at: float
    points: dict[str, list[Point]]
    ticks: list[Tick]
    guardrails: dict[str, str] = {}
    notes: list[str] = []


class UndoRecord(Contract):
    """Something that must be undone, written before it is done. `verified_at` is when the undo was
    read back; `found` says what was seen then."""

    what: Literal["fis-template", "fis-experiment", "weights", "experiment"]
    state: Literal["open", "undone"]
    opened_at: float
    verified_at: float | None = None
    found: str = ""


class Event(Contract):
    """One line of a run's timeline."""

    at: float
    what: str
    detail: str = ""


class Run(Contract):
    """A run as the table keeps it. `version` counts the writes of its progress: each names the one
    that it follows, so that none is lost under another."""

    plan: Plan
    baseline: dict[str, BaselineOf]
    progress: Progress
    version: int = 0
    verdict: Verdict | None = None
    verdict_reason: str = ""
    ended_at: float | None = None
    evidence: str = ""
