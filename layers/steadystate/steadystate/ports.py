"""What a run needs of the world, as narrow protocols. Adapters implement them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from steadystate.canary_contracts import (
    AnyRun,
    CanaryLook,
    CanaryProgress,
    CanaryRun,
    PeriodCounts,
    Traffic,
    Weights,
)
from steadystate.contracts import (
    Event,
    FaultState,
    Halt,
    Message,
    Plan,
    Progress,
    Run,
    Sample,
    UndoRecord,
)
from steadystate.documents.canary import MetricDocument
from steadystate.documents.fields import Language
from steadystate.documents.workload import (
    CloudWatchSli,
    HttpSli,
    LoadBalancer,
    LoadBalancerSli,
    Probe,
    PrometheusSli,
    Target,
)
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.domain.trend import RunRecord
from steadystate.domain.verdict import Verdict
from steadystate.report.contracts import Answer

R = TypeVar("R", Run, CanaryRun)


class Library(Protocol):
    """Where scenario and workload documents are kept."""

    def experiment(self, name: str) -> str | None:
        """Return the text of an experiment; None where there is none of that name."""

    def workload(self, name: str) -> str | None:
        """Return the text of a workload; None where there is none of that name."""

    def canary(self, name: str) -> str | None:
        """Return the text of a canary; None where there is none of that name."""

    def blackouts(self) -> str | None:
        """Return the text of the blackout calendar; None where there is none."""

    def names(self) -> list[str]:
        """Return the names of all experiments."""

    def canaries(self) -> list[str]:
        """Return the names of all canaries."""


class Parameters(Protocol):
    """The resource names that a workload's stack publishes."""

    def of(self, workload: str) -> dict[str, str]:
        """Return the workload's parameters by their short names; empty where it has none."""


class ResolvedTarget(Protocol):
    """A resource that a fault could hit."""

    @property
    def arn(self) -> str:
        """Its ARN."""

    @property
    def target_id(self) -> str:
        """The id by which a target group knows it: an instance's id, a task's address; or empty."""

    @property
    def allowed(self) -> bool:
        """Whether it carries the permitting tag."""


class Targets(Protocol):
    """The resources behind a workload's targets."""

    def resolve(self, target: Target) -> Sequence[ResolvedTarget]:
        """Return the resources that are up, each with whether it carries the permitting tag."""


class Alarms(Protocol):
    """CloudWatch alarms."""

    def firing(self, arns: Sequence[str]) -> list[str]:
        """Return those that are in ALARM or do not exist, in words."""


class Metrics(Protocol):
    """CloudWatch history."""

    def read(
        self,
        slis: Mapping[str, LoadBalancerSli | CloudWatchSli],
        load_balancer: LoadBalancer,
        *,
        since: float,
        until: float,
        period_seconds: int,
    ) -> dict[str, list[Point]]:
        """Return the points by indicator, in order of time; a period without data has none."""


class TargetHealth(Protocol):
    """The load balancer's view of its targets."""

    def healthy(self, target_group: str) -> int:
        """Return how many targets are healthy now."""

    def members(self, target_group: str) -> set[str]:
        """Return the ids of the targets that are registered. Raises LookupError."""


class TrafficSplits(Protocol):
    """The weights with which a load balancer forwards to two target groups."""

    def check(self, traffic: Traffic, load_balancer: LoadBalancer) -> Weights:
        """Return the weights of a split that could be moved. Raises PreflightFailed, one line for
        each thing that is wrong with listener, rule or target groups."""

    def read(self, traffic: Traffic) -> Weights:
        """Return the weights as they are. Raises TrafficElsewhere where the place is gone, or
        forwards to anything but the two groups; SplitFailed where it may not be read."""

    def set(self, traffic: Traffic, weights: Weights) -> Weights:
        """Set the weights, and nothing else of the place; return them as read back. A side of None
        is forwarded to no more. Raises SplitFailed, and TransientError: try again."""

    def drain_seconds(self, target_group: str) -> float:
        """Return for how long a group's deregistered targets finish what they began."""


class SideCounts(Protocol):
    """Bad requests of all requests, on both sides of a split."""

    def read(
        self,
        traffic: Traffic,
        load_balancer: LoadBalancer,
        metrics: Mapping[str, MetricDocument],
        *,
        since: float,
        until: float,
        period_seconds: int,
    ) -> dict[str, list[PeriodCounts]]:
        """Return the counts by metric, in order of time; a period without a request has none."""


class Readings(Protocol):
    """Numbers read over HTTP, now."""

    def json(self, sli: HttpSli, timeout_seconds: float) -> tuple[float, float]:
        """Return the value and the number of observations. Raises LookupError with the reason."""

    def prometheus(self, sli: PrometheusSli, timeout_seconds: float) -> float:
        """Return the value of an instant query. Raises LookupError with the reason."""


class Switch(Protocol):
    """The kill switch."""

    def halt(self) -> Halt | None:
        """Return who halted everything; None while nobody did. Raises Halted when it may not be
        read, TransientError when it cannot be read now."""


class Prober(Protocol):
    """Sends requests, evenly spaced, and says second by second how they went."""

    def probe(
        self, probe: Probe, seconds: int, stop: Callable[[Sequence[Tick]], bool]
    ) -> list[Tick]:
        """Probe for so many seconds, or until `stop` says so after a second."""


class Faults(Protocol):
    """FIS experiments that belong to a run. All calls may be repeated."""

    def create_template(self, plan: Plan) -> str:
        """Create the run's template, or find it; return its id."""

    def start(self, plan: Plan, template_id: str) -> FaultState:
        """Start the run's experiment, or find it. Raises FaultFailed."""

    def state(self, experiment_id: str) -> FaultState:
        """Return the state of an experiment. Raises FaultFailed when there is none."""

    def stop_experiments(self, run_id: str, known_id: str | None = None) -> str | None:
        """Stop the run's experiments, and the one known by id; return what was read back, None
        while one still runs. Raises UndoIncomplete with what a person can do where that is refused.
        """

    def delete_templates(self, run_id: str) -> str | None:
        """Delete the run's templates; return what was read back, None while one is still there.
        Raises UndoIncomplete with what a person can do where that is refused."""


class RunStore(Protocol):
    """Runs, leases, samples and the undo ledger. Writes of a run may be repeated."""

    def begin(self, run: AnyRun, lease_until: float) -> None:
        """Write the run and take its lease, both or none. Raises WorkloadBusy; PreflightFailed
        where the canary that the run is within does not hold the workload, or is being undone."""

    def holder(self, workload: str, now: float) -> str | None:
        """Say who holds the workload and since when; None when it is free."""

    def renew_lease(self, run: AnyRun, until: float) -> None:
        """Keep the lease. Raises LeaseLost."""

    def lease_until(self, held: str, run_id: str) -> float | None:
        """Return until when the run has the lease on a workload or place; None when it has not."""

    def release_lease(self, run_id: str) -> bool:
        """Give the lease back if the run holds it, and close the run; return whether it did."""

    def get(self, run_id: str) -> AnyRun | None:
        """Return a run."""

    def keep_look(
        self, run: R, progress: Progress | CanaryProgress, look: Sample | CanaryLook | None = None
    ) -> R:
        """Keep what the holder of the lease saw, all or nothing; return the run as it is now.

        Raises LeaseLost when the run lost its lease or was judged, TransientError when its progress
        was written since `run` was read.
        """

    def save_progress(self, run: AnyRun, progress: Progress | CanaryProgress) -> None:
        """Keep what an undo changed, whoever holds the lease. Raises TransientError when the
        progress was written since `run` was read."""

    def save_verdict(self, run_id: str, verdict: Verdict, reason: str, at: float, key: str) -> bool:
        """Keep the verdict and the key of its evidence, unless there is one; say whether it did."""

    def samples(self, run_id: str) -> list[Sample]:
        """Return all samples of an experiment in order."""

    def looks(self, run_id: str) -> list[CanaryLook]:
        """Return all looks of a canary in order."""

    def add_event(self, run_id: str, event: Event) -> None:
        """Add to the timeline."""

    def events(self, run_id: str) -> list[Event]:
        """Return the timeline in order."""

    def open_undo(self, run: AnyRun, what: Sequence[str], now: float) -> None:
        """Write what must be undone, if the run holds its lease, is open and not judged. From now
        on the lease does not pass on by expiry. Raises LeaseLost."""

    def end_acts(self, run_id: str) -> None:
        """Let the run do nothing more that must be undone: open_undo refuses from now on."""

    def close_undo(self, run_id: str, what: str, now: float, found: str) -> bool:
        """Close a record that has been read back; return whether it was open until now."""

    def undo_records(self, run_id: str) -> list[UndoRecord]:
        """Return the run's ledger."""

    def open_runs(self) -> list[str]:
        """Return the ids of runs that are not closed."""

    def workloads_with_open_undo(self) -> dict[str, str]:
        """Return run ids that left an open undo, by workload."""

    def recent(self, limit: int) -> list[AnyRun]:
        """Return the latest runs, newest first."""


class History(Protocol):
    """What is kept of every run for ever, in a few hundred bytes."""

    def record(self, record: RunRecord) -> None:
        """Keep a run; the same run recorded again replaces its record."""

    def of(self, workload: str, limit: int) -> list[RunRecord]:
        """Return the latest runs of a workload, newest first."""

    def latest(self, limit: int) -> list[RunRecord]:
        """Return the latest runs of all workloads, newest first."""


class EvidenceStore(Protocol):
    """Where run.json is kept for ever."""

    def get(self, run_id: str) -> str | None:
        """Return the text of a run's evidence; None where there is none. Raises ReportMissing."""

    def put(self, run_id: str, text: str) -> tuple[str, str]:
        """Store the evidence unless there is one; return its key, and the text that is stored."""


class ReportStore(Protocol):
    """Where narratives, reports and trends are kept, by their keys."""

    def get(self, key: str) -> bytes:
        """Return a document. Raises ReportMissing."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store a document. Raises ReportMissing."""

    def link(self, key: str, seconds: int) -> str:
        """Return an address at which whoever has it may read a document for so long."""


class Messenger(Protocol):
    """A way to tell people."""

    def send(self, message: Message) -> str:
        """Return `sent`, `off`, or `not sent: ` and why; never raises."""


class Bus(Protocol):
    """Where the phases of a run are announced."""

    def announce(self, run_id: str, what: str, detail: Mapping[str, object]) -> None:
        """Send an event. A bus that refuses is logged, and never breaks a run."""


class Gauges(Protocol):
    """What the platform measures of itself."""

    def seconds(self, name: str, value: float) -> None:
        """Measure a time."""


class Executions(Protocol):
    """The state machine's executions."""

    def status(self, execution_arn: str) -> tuple[str, str, str]:
        """Return status, error and cause, each empty where there is none."""


class Machines(Executions, Protocol):
    """Executions of another machine, which a run starts and stops. All calls may be repeated."""

    def start(self, machine_arn: str, name: str, given: str) -> None:
        """Start an execution of that name with an input (JSON), unless there is one."""

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop an execution; one that is over is left alone."""


class Gates(Protocol):
    """The tasks of executions that wait for a person."""

    def close(self, token: str, error: str, cause: str) -> None:
        """Let the task that waits fail; one that waits no more is left alone."""


class NarrativeModel(Protocol):
    """A language model that writes prose. It never raises: what went wrong is in its answer."""

    @property
    def model_id(self) -> str:
        """Its id."""

    def write(self, facts: str, language: Language) -> Answer:
        """Write about these facts (JSON, data only) within the model's own limits."""
