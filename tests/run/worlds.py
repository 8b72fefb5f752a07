"""A small world that a run happens in: a clock, a service, FIS, a table. All state, no scripts.

Nothing here is told what to answer: a fault makes the service fail, the prober and the metrics
see that, and the tests look at what the world is like afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from steadystate.contracts import (
    Evaluated,
    EvaluateRunInput,
    Failure,
    FindLeftoversInput,
    Halt,
    PlanRunInput,
    RunInput,
    Watched,
)
from steadystate.documents.workload import DatabaseTarget, InstancesTarget
from steadystate.errors import SteadystateError
from steadystate.ports import Library
from steadystate.run.evaluate import Evaluating, evaluate_run
from steadystate.run.fault import start_fault
from steadystate.run.plan import Planning, plan_run
from steadystate.run.recover import Recovering, find_leftovers, release_lease
from steadystate.run.undo import Undoing, undo_run
from steadystate.run.watch import Watching, watch_window
from tests.documents.shipped import PublishedParameters, ShippedLibrary
from tests.run.experiments import Fis
from tests.run.services import START, Clock, Service
from tests.run.tables import Lease, Table

__all__ = ["REGION", "RUN", "START", "Lease", "Resource", "World", "arn_of"]

RUN = "run-1"
REGION = "ap-northeast-2"


class Resource(NamedTuple):
    arn: str
    allowed: bool
    target_id: str = ""


@dataclass
class Account:
    """The ports Targets, Alarms, Executions, EvidenceStore, Switch and Bus."""

    instances: list[Resource] = field(
        default_factory=lambda: [
            Resource(f"arn:aws:ec2:{REGION}:123456789012:instance/i-{n}", True, f"i-{n}")
            for n in range(3)
        ]
    )
    alarming: list[str] = field(default_factory=list)
    executions: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)
    halted: Halt | None = None
    measured: dict[str, float] = field(default_factory=dict)
    announced: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def resolve(self, target: InstancesTarget | DatabaseTarget) -> Sequence[Resource]:
        return self.instances

    def firing(self, arns: Sequence[str]) -> list[str]:
        return self.alarming

    def status(self, execution_arn: str) -> tuple[str, str, str]:
        return self.executions.get(execution_arn, ("RUNNING", "", ""))

    def put(self, run_id: str, text: str) -> tuple[str, str]:
        return f"runs/{run_id}/run.json", self.evidence.setdefault(run_id, text)

    def halt(self) -> Halt | None:
        return self.halted

    def seconds(self, name: str, value: float) -> None:
        self.measured[name] = value

    def announce(self, run_id: str, what: str, detail: Mapping[str, object]) -> None:
        self.announced.append((what, dict(detail)))


class NoTraffic:
    """The port TrafficSplits, for runs that move none."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"an experiment asked for {name}")


class World:
    """Everything together, and the tasks of a run on it."""

    def __init__(self, library: Library | None = None) -> None:
        self.clock = Clock()
        self.service = Service(self.clock)
        self.fis = Fis(self.clock, self.service)
        self.table = Table(self.clock)
        self.account = Account()
        self.library = library or ShippedLibrary()
        self.parameters = PublishedParameters()
        self.input: Any = {"scenario": "bank-instance-loss", "overrides": {"recovery.good": "10s"}}
        self.planning = Planning(
            library=self.library,
            parameters=self.parameters,
            targets=self.account,
            alarms=self.account,
            metrics=self.service,
            health=self.service,
            readings=self.service,
            executions=self.account,
            store=self.table,
            switch=self.account,
            bus=self.account,
            now=self.clock.now,
            region=REGION,
            window_seconds=5.0,
            metric_period_seconds=5,
            metric_delay_seconds=2.0,
        )
        self.watching = Watching(
            store=self.table,
            faults=self.fis,
            prober=self.service,
            metrics=self.service,
            health=self.service,
            readings=self.service,
            switch=self.account,
            bus=self.account,
            now=self.clock.now,
        )
        self.evaluating = Evaluating(
            store=self.table, evidence=self.account, bus=self.account, now=self.clock.now
        )
        self.recovering = Recovering(
            store=self.table,
            executions=self.account,
            bus=self.account,
            gauges=self.account,
            now=self.clock.now,
        )

    @property
    def undoing(self) -> Undoing:
        return Undoing(
            store=self.table,
            faults=self.fis,
            traffic=NoTraffic(),
            machines=self.account,  # type: ignore[arg-type]
            bus=self.account,
            now=self.clock.now,
            pause=lambda: self.clock.wait(0.5),
        )

    def plan(self, run_id: str = RUN) -> None:
        plan_run(
            PlanRunInput(run_id=run_id, execution_arn=arn_of(run_id), input=self.input),
            self.planning,
        )

    def watch(self, run_id: str = RUN) -> Watched:
        return watch_window(RunInput(run_id=run_id), self.watching)

    def inject(self, run_id: str = RUN) -> Watched:
        return start_fault(RunInput(run_id=run_id), self.watching)

    def undo(self, run_id: str = RUN) -> int:
        return undo_run(RunInput(run_id=run_id), self.undoing).closed

    def evaluate(self, failure: Failure | None = None, run_id: str = RUN) -> Evaluated:
        return evaluate_run(EvaluateRunInput(run_id=run_id, failure=failure), self.evaluating)

    def release(self, run_id: str = RUN) -> None:
        release_lease(RunInput(run_id=run_id), self.recovering)

    def leftovers(self, ended: str = "") -> list[tuple[str, Failure]]:
        found = find_leftovers(FindLeftoversInput(ended=ended), self.recovering)
        return [(r.run_id, r.failure) for r in found.runs]

    def step(self, state: str, run_id: str = RUN) -> str:
        """Carry out one task of the machine `experiment`; return what comes next."""
        if state == "watch":
            return self.watch(run_id).next
        if state == "inject":
            return self.inject(run_id).next
        if state == "undo":
            self.undo(run_id)
            return "watch"
        self.evaluate(run_id=run_id)
        return state

    def run(self, run_id: str = RUN, *, most_looks: int = 400) -> Evaluated:
        """Play the machine `experiment`: plan, look, act, undo, judge, give back."""
        self.plan(run_id)
        state = "watch"
        try:
            for _ in range(most_looks):
                self.clock.wait(0.2)
                if state == "evaluate":
                    break
                state = self.step(state, run_id)
            else:
                raise AssertionError("the run has no end")
        except SteadystateError as error:
            failure = Failure(error=type(error).__name__, cause=str(error), state=state)
            self.undo(run_id)
            answer = self.evaluate(failure, run_id)
        else:
            answer = self.evaluate(run_id=run_id)
        self.release(run_id)
        return answer

    def touched(self) -> bool:
        """Whether anything at all was written, called, announced or kept."""
        account = self.account
        return bool(self.table.writes or self.fis.calls or account.evidence or account.announced)

    def clean(self) -> bool:
        """Whether nothing of any run is left behind."""
        ledger = self.table.ledger.values()
        return not (
            self.fis.running()
            or self.fis.templates
            or self.table.leases
            or self.table.open
            or any(r.state == "open" for r in ledger)
        )


def arn_of(run_id: str) -> str:
    return f"arn:aws:states:{REGION}:123456789012:execution:experiment:{run_id}"
