"""Two executions for one workload at the same moment: exactly one runs."""

import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.sweep.news import wait_until
from tests.sweep.place import Place, place

WORKLOADS, ROUNDS = 2, 25


def test_of_two_executions_at_the_same_moment_exactly_one_runs(tmp_path: Path) -> None:
    with place(tmp_path, WORKLOADS) as made, ThreadPoolExecutor(WORKLOADS) as pool:
        rounds = [pool.submit(_rounds_on, made, f"w{n}") for n in range(WORKLOADS)]
        outcomes = [outcome for one in rounds for outcome in one.result()]
    assert outcomes == [("WorkloadBusy", 1)] * (WORKLOADS * ROUNDS)


def _rounds_on(made: Place, workload: str) -> list[tuple[str, int]]:
    """The error of the one that was refused, and how many of both were planned, round by round."""
    return [_round(made, workload, number) for number in range(ROUNDS)]


def _round(made: Place, workload: str, number: int) -> tuple[str, int]:
    names = [f"{workload}-{number}-{side}" for side in ("left", "right")]
    together = threading.Barrier(len(names))
    with ThreadPoolExecutor(len(names)) as pool:
        arns = list(pool.map(lambda name: _start(made, workload, name, together), names))
    assert wait_until(lambda: any(_end(made, arn)["status"] == "FAILED" for arn in arns))
    errors = [end["error"] for arn in arns if (end := _end(made, arn))["status"] == "FAILED"]
    planned = [name for name in names if _item(made, f"RUN#{name}", "RUN")]
    for arn in arns:
        with contextlib.suppress(made.client("stepfunctions").exceptions.ClientError):
            made.client("stepfunctions").stop_execution(executionArn=arn, cause="seen enough")
    assert wait_until(lambda: not _item(made, f"WORKLOAD#{workload}", "LEASE"))
    assert wait_until(lambda: all("open" not in _item(made, f"RUN#{n}", "RUN") for n in names))
    return ", ".join(errors), len(planned)


def _start(made: Place, workload: str, name: str, together: threading.Barrier) -> str:
    together.wait()
    answer = made.client("stepfunctions").start_execution(
        stateMachineArn=made.outputs["ExperimentStateMachineArn"],
        name=name,
        input=json.dumps({"scenario": workload, "reason": "two at once"}),
    )
    return str(answer["executionArn"])


def _end(made: Place, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = made.client("stepfunctions").describe_execution(executionArn=arn)
    return found


def _item(made: Place, partition: str, sort: str) -> dict[str, Any]:
    answer = made.client("dynamodb").get_item(
        TableName=made.outputs["TableName"], Key={"pk": {"S": partition}, "sk": {"S": sort}}
    )
    found: dict[str, Any] = answer.get("Item", {})
    return found
