"""One lab with the bank in it, for all tests of this folder."""

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from lab.up import Lab
from steadystate.evidence import Evidence

FAST = {"WindowSeconds": "2", "MetricPeriodSeconds": "1", "MetricDelaySeconds": "2"}
"""Looks and metrics of the tests' lab: shorter than a person would choose, and as real."""

HISTORY_SECONDS = 10.0
"""What a baseline looks back on here; a run starts when that long nothing failed."""


ROOM: dict[str, dict[str, str]] = {
    "bank-instance-loss": {"objectives.errors.bound": "< 40 %", "objectives.latency.floor": "10s"},
    "bank-latency": {"objectives.errors.bound": "< 40 %", "objectives.latency.bound": "< 10 s"},
    "bank-cpu-stress": {"objectives.errors.bound": "< 40 %", "objectives.latency.bound": "< 10 s"},
    "bank-process-kill": {
        "objectives.errors.bound": "< 40 %",
        "objectives.latency.bound": "< 10 s",
    },
    "bank-database-restart": {
        "objectives.errors.bound": "< 80 %",
        "objectives.latency.bound": "< 10 s",
    },
}
"""How fast a bank is that shares its machine proves nothing here: these tests ask whether a run
measures, judges and undoes. A service that is not there misses these bounds too."""


@dataclass(frozen=True)
class Ended:
    """An execution that is over: its description, and what it left in the bucket."""

    run_id: str
    status: str
    error: str
    cause: str
    output: dict[str, Any]
    evidence: Evidence | None


class Runs:
    """Runs scenarios in a lab."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sfn = lab.client("stepfunctions")

    def start(self, scenario: str, overrides: dict[str, Any] | None = None) -> str:
        short = {"baseline.duration": f"{HISTORY_SECONDS:g}s", "recovery.good": "6s"}
        request = {
            "scenario": scenario,
            "overrides": short | ROOM.get(scenario, {}) | (overrides or {}),
            "reason": "test",
            "requested_by": "pytest",
        }
        return self.lab.execute(request)

    def wait(self, arn: str, timeout_seconds: float = 600.0) -> Ended:
        until = time.monotonic() + timeout_seconds
        while (answer := self.sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < until, f"{arn} still runs"
            time.sleep(0.2)
        run_id = answer["name"]
        return Ended(
            run_id=run_id,
            status=answer["status"],
            error=answer.get("error", ""),
            cause=answer.get("cause", ""),
            output=json.loads(answer.get("output", "{}")),
            evidence=self.evidence(run_id),
        )

    def run(self, scenario: str, overrides: dict[str, Any] | None = None) -> Ended:
        self.wait_until_whole()
        return self.wait(self.start(scenario, overrides))

    def evidence(self, run_id: str) -> Evidence | None:
        s3 = self.lab.client("s3")
        bucket = self.lab.outputs["EvidenceBucketName"]
        try:
            body = s3.get_object(Bucket=bucket, Key=f"runs/{run_id}/run.json")["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return Evidence.model_validate_json(body)

    def report(self, run_id: str, timeout_seconds: float = 120.0) -> dict[str, Any]:
        """Wait for the report that a run, or recover, has started: the end of its execution."""
        machine = self.lab.outputs["ReportStateMachineArn"]
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{run_id}"
        return self.end_of(arn, timeout_seconds)

    def end_of(self, arn: str, timeout_seconds: float = 120.0) -> dict[str, Any]:
        """Wait for the end of an execution, which may not have begun yet."""
        until = time.monotonic() + timeout_seconds
        while time.monotonic() < until:
            with contextlib.suppress(self.sfn.exceptions.ExecutionDoesNotExist):
                answer: dict[str, Any] = self.sfn.describe_execution(executionArn=arn)
                if answer["status"] != "RUNNING":
                    return answer
            time.sleep(0.2)
        raise AssertionError(f"{arn} has not ended")

    def wait_until_whole(self, timeout_seconds: float = 120.0) -> None:
        """Wait until all instances are healthy, and for a baseline's length there were requests
        and none of them failed."""
        elb = self.lab.client("elbv2")
        group = self.lab.target_group
        until = time.monotonic() + timeout_seconds
        while True:
            targets = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            now = time.time()
            dead = [name for name, one in self.lab.processes.items() if one.poll() is not None]
            assert not dead, f"ended by themselves: {dead}"
            begin = now - HISTORY_SECONDS - 3
            door = self.lab.truth(begin, now)["front_door"]
            ends = [self.lab.truth(at, at + 2)["front_door"] for at in (begin, now - 2)]
            whole = [t["TargetHealth"]["State"] for t in targets] == ["healthy"] * 3
            if whole and all(end["requests"] for end in ends) and not door["errors"]:
                return
            assert time.monotonic() < until, f"the bank is not whole: {targets}, {door}"
            time.sleep(0.2)

    def end_what_is_left(self, timeout_seconds: float = 120.0) -> None:
        """Stop what a test has left running, and wait until nothing is open any more."""
        machine = self.lab.outputs["ExperimentStateMachineArn"]
        running = self.sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        for execution in running["executions"]:
            self.sfn.stop_execution(
                executionArn=execution["executionArn"], cause="left by another test"
            )
        table = self.lab.client("dynamodb")
        until = time.monotonic() + timeout_seconds
        while True:
            items = table.scan(TableName=self.lab.outputs["TableName"])["Items"]
            left = [i["pk"]["S"] for i in items if i["sk"]["S"] == "LEASE" or "open" in i]
            if not left:
                return
            assert time.monotonic() < until, f"open are {left}"
            time.sleep(0.2)


def nothing_is_left(runs: Runs, run_id: str) -> None:
    """Check from the account, and not from the run's own word, that nothing of a run is left."""
    fis = runs.lab.client("fis")
    tag = {"steadystate:run": run_id}
    templates = fis.list_experiment_templates()["experimentTemplates"]
    assert not [t for t in templates if tag.items() <= t["tags"].items()]
    mine = [e for e in fis.list_experiments()["experiments"] if tag.items() <= e["tags"].items()]
    assert {e["state"]["status"] for e in mine} <= {"completed", "stopped", "failed"}
    table = runs.lab.client("dynamodb")
    items = table.scan(TableName=runs.lab.outputs["TableName"])["Items"]
    assert not [i for i in items if i["sk"]["S"] == "LEASE" and i["run_id"]["S"] == run_id]
    own = [i for i in items if i["pk"]["S"] == f"RUN#{run_id}"]
    assert not [i for i in own if "open" in i]
    undo = [i for i in own if i["sk"]["S"].startswith("UNDO#")]
    assert all(i["undo_state"]["S"] == "undone" and "verified_at" in i for i in undo)


class Laboratory:
    """The lab of the session. One that a test has broken is taken down, and another brought up."""

    def __init__(self, directories: pytest.TempPathFactory) -> None:
        self._directories = directories
        self._stack = ExitStack()
        self._runs: Runs | None = None

    def whole(self) -> Runs:
        """A lab in which nothing is left of earlier tests, and the bank is well."""
        if self._runs is not None:
            try:
                self._runs.end_what_is_left()
                self._runs.wait_until_whole()
            except Exception as error:  # whatever it is, the next test need not suffer from it
                print(f"the lab is broken, and another one is brought up: {error!r}")
                self.close()
            else:
                return self._runs
        lab = Lab("bank", self._directories.mktemp("lab"), stack_parameters=FAST)
        self._runs = Runs(self._stack.enter_context(lab))
        self._runs.wait_until_whole()
        return self._runs

    def close(self) -> None:
        self._runs = None
        self._stack.close()


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    one = Laboratory(tmp_path_factory)
    yield one
    one.close()


@pytest.fixture
def runs(laboratory: Laboratory) -> Runs:
    return laboratory.whole()
