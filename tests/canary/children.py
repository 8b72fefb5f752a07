"""The machine of experiments as a chaos gate sees it: planned for real, lived through in short."""

import json
from dataclasses import dataclass, field

from steadystate.contracts import PlanRunInput
from steadystate.domain.verdict import Verdict
from steadystate.errors import Refused, TransientError
from steadystate.run.plan import Planning, plan_run
from tests.run.services import Clock
from tests.run.tables import Table

MACHINE = "arn:aws:states:ap-northeast-2:123456789012:stateMachine:shop-experiment"


@dataclass
class Execution:
    name: str
    ends_at: float
    status: str = "RUNNING"
    error: str = ""
    cause: str = ""


@dataclass
class Children:
    """The port Machines. A child is planned as it starts, ends after `lasts` seconds with
    `verdict`, and one that is stopped is closed by `recover` after `recovers` seconds."""

    clock: Clock
    table: Table
    planning: Planning
    lasts: float = 40.0
    verdict: Verdict | None = Verdict.PASS
    recovers: float = 3.0
    answers_lost: int = 0
    late_by: float = 0.0
    executions: dict[str, Execution] = field(default_factory=dict)
    starts: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    late: list[tuple[float, str, str]] = field(default_factory=list)

    def start(self, machine_arn: str, name: str, given: str) -> None:
        self.starts.append((name, json.loads(given)))
        if self.answers_lost:
            self.answers_lost -= 1
            self.late.append((self.clock.at + self.late_by, name, given))
            self._settle()
            raise TransientError("the answer of StartExecution was lost")
        self._begin(name, given)

    def _begin(self, name: str, given: str) -> None:
        arn = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.executions:
            return
        child = self.executions[arn] = Execution(name, self.clock.at + self.lasts)
        try:
            plan_run(
                PlanRunInput(run_id=name, execution_arn=arn, input=json.loads(given)), self.planning
            )
        except Refused as error:
            child.status, child.error, child.cause = "FAILED", type(error).__name__, str(error)

    def status(self, execution_arn: str) -> tuple[str, str, str]:
        self._settle()
        child = self.executions.get(execution_arn)
        if child is None:
            return "EXPIRED", "", "the execution's history is gone"
        return child.status, child.error, child.cause

    def stop(self, execution_arn: str, cause: str) -> None:
        child = self.executions[execution_arn]
        if child.status == "RUNNING":
            child.status, child.ends_at = "ABORTED", self.clock.at + self.recovers

    def _settle(self) -> None:
        due = [one for one in self.late if one[0] <= self.clock.at]
        self.late = [one for one in self.late if one not in due]
        for _, name, given in due:
            self._begin(name, given)
        for child in self.executions.values():
            if child.ends_at <= self.clock.at and child.name in self.table.open:
                verdict = Verdict.INCONCLUSIVE if child.status == "ABORTED" else self.verdict
                if verdict:
                    key, said = f"runs/{child.name}/run.json", f"{verdict} it is"
                    self.table.save_verdict(child.name, verdict, said, self.clock.at, key)
                self.table.release_lease(child.name)
                if child.status == "RUNNING":
                    child.status = "SUCCEEDED" if verdict else "FAILED"
