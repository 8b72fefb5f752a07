"""A small world that a canary happens in: a clock, a balancer, two versions, a table."""

from typing import Any

import yaml

from steadystate.canary.bake import bake_canary
from steadystate.canary.chaos import Starting, start_experiment
from steadystate.canary.gate import Asking, ask_person, take_answer, watch_gates
from steadystate.canary.look import Looking
from steadystate.canary.plan import CanaryPlanning, plan_canary
from steadystate.canary.shift import Shifting, shift_weights
from steadystate.canary_contracts import (
    Answer,
    AskPersonInput,
    CanaryRun,
    CanaryWatched,
    TakeAnswerInput,
)
from steadystate.contracts import (
    Evaluated,
    EvaluateRunInput,
    Failure,
    FindLeftoversInput,
    PlanRunInput,
    RunInput,
)
from steadystate.errors import Refused, SteadystateError
from steadystate.evidence import Evidence
from steadystate.run.evaluate import Evaluating, evaluate_run
from steadystate.run.plan import Planning
from steadystate.run.recover import Recovering, find_leftovers, release_lease
from steadystate.run.undo import Undoing, undo_run
from tests.canary.children import MACHINE, Children
from tests.canary.sides import CANARY, STABLE, Balancer, Sides
from tests.documents.shipped import ShippedLibrary, changed
from tests.run.experiments import Fis
from tests.run.services import START, Clock, Service
from tests.run.tables import Table
from tests.run.worlds import REGION, Account, arn_of

RUN = "canary-1"
TOKEN = "token-1"

WORKLOAD: dict[str, Any] = {
    "document": "steadystate/workload/v1",
    "name": "shop",
    "load_balancer": {
        "arn": "arn:aws:elasticloadbalancing:ap-northeast-2:1:loadbalancer/app/shop/1",
        "target_group": STABLE,
    },
    "probe": {"url": "http://shop.example/health", "requests": 10},
    "targets": {"servers": {"resource": "aws:ec2:instance", "auto_scaling_group": "shop"}},
    "slis": {
        "probe_errors": {"source": "probe", "measure": "error_rate"},
        "error_rate": {"source": "load_balancer", "measure": "error_rate"},
    },
    "traffic": {"place": "arn:listener/app/shop/1/2", "stable": STABLE, "canary": CANARY},
}
SCENARIO: dict[str, Any] = {
    "document": "steadystate/canary/v1",
    "name": "shop-canary",
    "workload": "shop",
    "steps": [10, 50, 100],
    "bake": "60s",
    "final_bake": "30s",
    "history": "10m",
    "promotion": {"acceptable_rate": "3 %", "minimum_requests": 200},
    "metrics": {
        "errors": {"measure": "errors"},
        "slow": {"measure": "slow", "threshold": "500 ms"},
    },
    "guardrails": {"outage": {"sli": "probe_errors", "bound": "< 50 %", "points": 2}},
}


EXPERIMENT: dict[str, Any] = {
    "document": "steadystate/experiment/v1",
    "name": "shop-stop",
    "workload": "shop",
    "objectives": {"errors": {"sli": "error_rate", "bound": "< 20 %"}},
    "recovery": {"target": "1m", "limit": "5m", "good": "10s"},
    "method": {
        "stop": {"action": "aws:ec2:terminate-instances", "target": "servers", "select": "all"}
    },
    "guardrails": {"outage": {"sli": "probe_errors", "bound": "< 90 %", "points": 10}},
}
"""What a chaos gate may name."""


class NoParameters:
    """The port Parameters of a workload whose document names everything."""

    def of(self, workload: str) -> dict[str, str]:
        return {}


class WaitingTasks:
    """The port Gates: tokens that were closed, with their errors."""

    def __init__(self) -> None:
        self.closed: dict[str, tuple[str, str]] = {}

    def close(self, token: str, error: str, cause: str) -> None:
        self.closed.setdefault(token, (error, cause))


class World:
    """Everything together, and the tasks of a canary on it."""

    def __init__(self, scenario: dict[str, Any] | None = None, **changes: Any) -> None:
        self.clock = Clock()
        self.balancer = Balancer(self.clock)
        self.sides = Sides(self.clock, self.balancer)
        self.table = Table(self.clock)
        self.account = Account()
        document = scenario or SCENARIO
        for path, value in changes.items():
            document = changed(document, path.replace("__", "."), value)
        self.library = ShippedLibrary(
            {
                "canaries/shop-canary": yaml.safe_dump(document),
                "workloads/shop": yaml.safe_dump(WORKLOAD),
                "experiments/shop-stop": yaml.safe_dump(EXPERIMENT),
            }
        )
        self.input: Any = {"scenario": "shop-canary", "requested_by": "mina", "reason": "release 7"}
        self.planning = CanaryPlanning(
            library=self.library,
            parameters=NoParameters(),
            alarms=self.account,
            traffic=self.balancer,
            counts=self.sides,  # type: ignore[arg-type]
            metrics=self.sides,  # type: ignore[arg-type]
            health=self.sides,
            readings=self.sides,
            store=self.table,
            executions=self.account,
            switch=self.account,
            bus=self.account,
            now=self.clock.now,
            window_seconds=5.0,
            metric_period_seconds=5,
            metric_delay_seconds=2.0,
        )
        self.children = Children(self.clock, self.table, self._child_planning())
        self.looking = Looking(
            store=self.table,
            traffic=self.balancer,
            counts=self.sides,  # type: ignore[arg-type]
            metrics=self.sides,  # type: ignore[arg-type]
            health=self.sides,
            readings=self.sides,
            prober=self.sides,
            switch=self.account,
            executions=self.children,
            bus=self.account,
            now=self.clock.now,
        )
        self.starting = Starting(
            store=self.table,
            machines=self.children,
            switch=self.account,
            bus=self.account,
            now=self.clock.now,
            machine_arn=MACHINE,
        )
        self.shifting = Shifting(
            store=self.table,
            traffic=self.balancer,
            switch=self.account,
            bus=self.account,
            now=self.clock.now,
        )
        self.asking = Asking(store=self.table, bus=self.account, now=self.clock.now)
        self.gates = WaitingTasks()
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
        self.undoing = Undoing(
            store=self.table,
            faults=Fis(self.clock, Service(self.clock)),
            traffic=self.balancer,
            machines=self.children,
            bus=self.account,
            now=self.clock.now,
            pause=lambda: self.clock.wait(0.5),
        )

    def _child_planning(self) -> Planning:
        shared = ("library", "parameters", "alarms", "metrics", "health", "readings", "store")
        shared += ("executions", "switch", "bus", "now")
        shared += ("window_seconds", "metric_period_seconds", "metric_delay_seconds")
        given = {name: getattr(self.planning, name) for name in shared}
        return Planning(targets=self.account, region=REGION, **given)

    def plan(self, run_id: str = RUN) -> None:
        plan_canary(
            PlanRunInput(run_id=run_id, execution_arn=arn_of(run_id), input=self.input),
            self.planning,
        )

    def shift(self, run_id: str = RUN) -> CanaryWatched:
        return shift_weights(RunInput(run_id=run_id), self.shifting)

    def bake(self, run_id: str = RUN) -> CanaryWatched:
        return bake_canary(RunInput(run_id=run_id), self.looking)

    def gate(self, run_id: str = RUN) -> CanaryWatched:
        return start_experiment(RunInput(run_id=run_id), self.starting)

    def ask(self, token: str = TOKEN, run_id: str = RUN) -> None:
        ask_person(AskPersonInput(run_id=run_id, token=token), self.asking)

    def watch_gates(self) -> list[str]:
        return watch_gates(self.looking, self.gates).runs

    def answered(self, answer: Answer | None, run_id: str = RUN) -> str:
        return take_answer(TakeAnswerInput(run_id=run_id, answer=answer), self.asking).next

    def undo(self, run_id: str = RUN) -> int:
        return undo_run(RunInput(run_id=run_id), self.undoing).closed

    def evaluate(self, failure: Failure | None = None, run_id: str = RUN) -> Evaluated:
        return evaluate_run(EvaluateRunInput(run_id=run_id, failure=failure), self.evaluating)

    def release(self, run_id: str = RUN) -> None:
        release_lease(RunInput(run_id=run_id), self.recovering)

    def kept(self, run_id: str = RUN) -> CanaryRun:
        run = self.table.get(run_id)
        assert isinstance(run, CanaryRun)
        return run

    def evidence(self, run_id: str = RUN) -> Evidence:
        return Evidence.model_validate_json(self.account.evidence[run_id])

    def step(self, state: str, run_id: str = RUN) -> str:
        """Play one state of the machine `canary`; return what comes next."""
        self.clock.wait(0.2)
        if state == "shift":
            return self.shift(run_id).next
        if state == "bake":
            return self.bake(run_id).next
        if state == "experiment":
            return self.gate(run_id).next
        assert state == "rollback", state
        self.undo(run_id)
        return "evaluate"

    def until(self, wanted: str, state: str = "shift", run_id: str = RUN) -> None:
        """Play the machine until something comes next."""
        for _ in range(500):
            if state == wanted:
                return
            state = self.step(state, run_id)
        raise AssertionError(f"{wanted} never came")

    def run(self, run_id: str = RUN) -> Evaluated:
        """Play the machine `canary`: plan, shift, bake, go back, judge, give back."""
        self.plan(run_id)
        try:
            self.until("evaluate", run_id=run_id)
        except SteadystateError as error:
            assert not isinstance(error, Refused)
            failure = Failure(error=type(error).__name__, cause=str(error), state="Bake Canary")
            self.undo(run_id)
            answer = self.evaluate(failure, run_id)
        else:
            answer = self.evaluate(run_id=run_id)
        self.release(run_id)
        return answer

    def recover(self) -> None:
        """Play the machine `recover`."""
        for left in find_leftovers(FindLeftoversInput(), self.recovering).runs:
            self.undo(left.run_id)
            self.evaluate(left.failure, left.run_id)
            self.release(left.run_id)

    def clean(self) -> bool:
        """Whether nothing of any run is left behind."""
        ledger = self.table.ledger.values()
        return not (self.table.leases or self.table.open or any(r.state == "open" for r in ledger))


__all__ = ["CANARY", "RUN", "SCENARIO", "STABLE", "START", "World", "arn_of"]
