"""How long after StopExecution a fault is undone and read back, in the lab."""

import time

from bench.runs import Bench, repeated

LONG = {"method.slow-network.duration": "120s"}


def measure() -> list[str]:
    """Return the rows of a table."""
    what = "execution stopped while its fault acts, to everything undone and read back"
    return repeated(what, _from_stop_to_undone)


def _from_stop_to_undone(bench: Bench) -> float:
    """Return the seconds from StopExecution to the last record of the ledger that is read back."""
    bench.wait_until_whole()
    arn = bench.lab.execute({"scenario": "bank-latency", "overrides": LONG, "reason": "bench"})
    run_id = arn.rsplit(":", 1)[1]
    while not _acts(bench, run_id):
        time.sleep(0.2)
    stopped = time.time()
    bench.sfn.stop_execution(executionArn=arn, cause="bench")
    while not (verified := _verified(bench, run_id)) or _is_open(bench, run_id):
        time.sleep(0.2)
    return max(verified) - stopped


def _is_open(bench: Bench, run_id: str) -> bool:
    """Whether the run still holds the workload, so that no other can begin."""
    key = {"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "RUN"}}
    table = bench.lab.outputs["TableName"]
    return "open" in bench.lab.client("dynamodb").get_item(TableName=table, Key=key)["Item"]


def _acts(bench: Bench, run_id: str) -> bool:
    """Whether the run's fault is acting. Ends the measurement when the execution is over."""
    arn = bench.lab.outputs["ExperimentStateMachineArn"].replace(":stateMachine:", ":execution:")
    execution = bench.sfn.describe_execution(executionArn=f"{arn}:{run_id}")
    if execution["status"] != "RUNNING":
        raise SystemExit(f"run {run_id} ended with {execution.get('cause', execution['status'])}")
    found = bench.lab.client("fis").list_experiments()["experiments"]
    return any(
        e["tags"].get("steadystate:run") == run_id and e["state"]["status"] == "running"
        for e in found
    )


def _verified(bench: Bench, run_id: str) -> list[float]:
    """When each record of the ledger was read back, epoch seconds; empty while one is open."""
    items = bench.lab.client("dynamodb").query(
        TableName=bench.lab.outputs["TableName"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :undo)",
        ExpressionAttributeValues={":pk": {"S": f"RUN#{run_id}"}, ":undo": {"S": "UNDO#"}},
    )["Items"]
    if any("verified_at" not in item for item in items):
        return []
    return [float(item["verified_at"]["N"]) for item in items]
