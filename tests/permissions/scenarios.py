"""What is run: every machine to its good end and through its undo, on two small workloads."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.permissions.shop import open_shop
from tests.sweep.place import Place

WAIT_SECONDS: Final = 120.0
KIOSK: Final = ("unanswered", "struck")
"""The runs of `kiosk`, in their order."""
HELD: Final = "stopped-at-50"
"""The run of a chaos gate, whose fault lasts until it is stopped."""


def run_all(place: Place) -> None:
    """Run everything; each run is over, undone and reported when this returns."""
    open_shop(place)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, place) for work in (_on_shop, _on_kiosk)]:
            done.result()
    _judged_again(place, "struck")
    _ends(place, _start(place, "Report", "trends", {"trends": True}))
    _ends(place, _start(place, "Report", "unknown", {"run_id": "unknown"}), "FAILED")


def _on_shop(place: Place) -> None:
    """A canary with a chaos gate and a person: promoted, taken back, and stopped in its gate.

    It is answered when all of `kiosk` has been planned, which looks at runs that are open.
    """
    promoted = _start(place, "Canary", "promoted", {"scenario": "shop"})
    _wait(place, promoted, lambda: _token(place, "promoted") != "")
    _wait(place, promoted, lambda: "promoted" in _watched_gates(place))
    _wait(place, promoted, lambda: _item(place, KIOSK[-1]) != {})
    answer = {"decision": "approve", "by": "somebody", "reason": "all is well"}
    place.client("stepfunctions").send_task_success(
        taskToken=_token(place, "promoted"), output=json.dumps(answer)
    )
    _ends(place, promoted)
    _ends(place, _start(place, "Canary", "taken-back", {"rollback": "promoted"}))
    stopped = _start(place, "Canary", "stopped", {"scenario": "shop"})
    _wait(place, stopped, lambda: _fault_runs(place))
    _invoke(place, "StartExperiment", {"run_id": "stopped"})  # delivered twice, as Lambda may do
    place.client("stepfunctions").stop_execution(executionArn=stopped)
    for run in (HELD, "stopped", "taken-back", "promoted"):
        _reported(place, run)
        assert "open" not in _item(place, run), f"{run} is open"


def _on_kiosk(place: Place) -> None:
    """A canary that nobody answers, and an experiment, while a canary of `shop` is open."""
    _until(lambda: _token(place, "promoted") != "")
    unanswered = _start(place, "Canary", "unanswered", {"scenario": "kiosk"})
    _ends(place, unanswered, meanwhile=lambda: _watched_gates(place))
    _ends(place, _start(place, "Experiment", "struck", {"scenario": "kiosk"}))
    for run in KIOSK:
        _reported(place, run)


def _judged_again(place: Place, run: str) -> None:
    """Evaluate a run whose evidence is stored, and whose verdict was lost on the way."""
    place.client("dynamodb").update_item(
        TableName=place.outputs["TableName"], Key=_key(run), UpdateExpression="REMOVE verdict"
    )
    answer = _invoke(place, "EvaluateRun", {"run_id": run})
    assert answer.get("verdict") == "PASS", answer


def _start(place: Place, machine: str, name: str, given: Mapping[str, Any]) -> str:
    """Start an execution of a machine; its ARN."""
    answer = place.client("stepfunctions").start_execution(
        stateMachineArn=place.outputs[f"{machine}StateMachineArn"],
        name=name,
        input=json.dumps(given),
    )
    return str(answer["executionArn"])


def _execution(place: Place, arn: str) -> dict[str, Any]:
    """An execution as it is described; as if it ran where it is still to come."""
    api = place.client("stepfunctions")
    try:
        found: dict[str, Any] = api.describe_execution(executionArn=arn)
    except api.exceptions.ExecutionDoesNotExist:
        return {"status": "RUNNING"}
    return found


def _ends(
    place: Place,
    arn: str,
    status: str = "SUCCEEDED",
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Wait until an execution is over, as it should be."""
    until = time.monotonic() + WAIT_SECONDS
    while (found := _execution(place, arn))["status"] == "RUNNING" and time.monotonic() < until:
        meanwhile()
        time.sleep(0.1)
    assert found["status"] == status, found


def _wait(place: Place, arn: str, check: Callable[[], bool]) -> None:
    """Wait for something that happens while an execution runs."""
    until = time.monotonic() + WAIT_SECONDS
    while not check():
        found = _execution(place, arn)
        assert found["status"] == "RUNNING" and time.monotonic() < until, found
        time.sleep(0.1)


def _until(check: Callable[[], bool]) -> None:
    """Wait for something that another thread brings about."""
    until = time.monotonic() + WAIT_SECONDS
    while not check():
        assert time.monotonic() < until
        time.sleep(0.1)


def _reported(place: Place, run: str) -> None:
    machine = place.outputs["ReportStateMachineArn"]
    _ends(place, f"{machine.replace(':stateMachine:', ':execution:')}:{run}")


def _token(place: Place, run: str) -> str:
    """What a canary that waits for a person is answered with; empty while it does not wait."""
    progress = json.loads(_item(place, run).get("progress", {"S": "{}"})["S"])
    return str((progress.get("gate") or {}).get("token", ""))


def _watched_gates(place: Place) -> list[str]:
    """Look once, as the schedule does every minute: the runs that were looked at. None where a
    look went wrong, as when two look at the same moment."""
    runs: list[str] = _invoke(place, "WatchGates", {}).get("runs", [])
    return runs


def _invoke(place: Place, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    api = place.client("lambda")
    (name,) = [
        found["FunctionName"]
        for found in api.list_functions()["Functions"]
        if f"-{function}Function-" in found["FunctionName"]
    ]
    answer = api.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def _fault_runs(place: Place) -> bool:
    return any(
        experiment["tags"].get("steadystate:run") == HELD
        and experiment["state"]["status"] == "running"
        for experiment in place.client("fis").list_experiments()["experiments"]
    )


def _item(place: Place, run: str) -> dict[str, Any]:
    """The item of a run; empty while there is none."""
    answer = place.client("dynamodb").get_item(TableName=place.outputs["TableName"], Key=_key(run))
    found: dict[str, Any] = answer.get("Item", {})
    return found


def _key(run: str) -> dict[str, Any]:
    return {"pk": {"S": f"RUN#{run}"}, "sk": {"S": "RUN"}}
