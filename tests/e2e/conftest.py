"""One lab with the bank in it, for all tests of this folder."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.up import Lab
from steadystate.evidence import Evidence

FAST = {"WindowSeconds": "2", "MetricPeriodSeconds": "1", "MetricDelaySeconds": "1"}
"""Looks and metrics of the tests' lab: shorter than a person would choose, and as real."""

HISTORY_SECONDS = 10.0
"""What a baseline looks back on here; a run starts when that long nothing failed."""


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
            "overrides": short | (overrides or {}),
            "reason": "test",
            "requested_by": "pytest",
        }
        return self.lab.execute(request)

    def wait(self, arn: str, timeout_seconds: float = 180.0) -> Ended:
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

    def wait_until_whole(self, timeout_seconds: float = 60.0) -> None:
        """Wait until all instances are healthy, and nothing failed for a baseline's length."""
        elb = self.lab.client("elbv2")
        group = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
        until = time.monotonic() + timeout_seconds
        while True:
            targets = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            now = time.time()
            door = self.lab.truth(now - HISTORY_SECONDS - 3, now)["front_door"]
            whole = [t["TargetHealth"]["State"] for t in targets] == ["healthy"] * 3
            if whole and door["requests"] and not door["errors"]:
                return
            assert time.monotonic() < until, f"the bank is not whole: {targets}, {door}"
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


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    state: Path = tmp_path_factory.mktemp("lab")
    with Lab("bank", state, stack_parameters=FAST) as lab:
        time.sleep(HISTORY_SECONDS + 5)  # the first log-ins are slower than a day's
        yield Runs(lab)
