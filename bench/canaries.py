"""What canaries of the chat show in the lab: how fast they go back, and that nobody is dropped."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.scenarios import BUSY
from lab.up import Lab
from steadystate.evidence import Evidence

HISTORY_SECONDS = 75.0
BACK_RUNS = 5
BAKE_SECONDS = {"steps.0.bake": "120s", "steps.1.bake": "60s", "steps.2.bake": "60s"}
LAST_BAKE_SECONDS = {"steps.3.bake": "60s", "final_bake": "20s"}


def measure() -> list[str]:
    """Return the rows of two tables."""
    return [*_way_back(), "", *_promotion()]


def _way_back() -> list[str]:
    rows = [
        "| chat-canary-errors | look that decided, one each 5 s | first bad answer to restored (s) "
        "| decided to restored and read back (s) |",
        "|---|---|---|---|",
    ]
    with _chat("errors:0.05") as lab:
        for number in range(BACK_RUNS):
            began = time.time()
            evidence = _run(lab, "chat-canary-errors", {"steps.0.bake": "10m"})
            canary = evidence.canary
            if canary is None or canary.rollback is None or canary.rollback.restored_at is None:
                raise SystemExit(f"{evidence.run_id} did not go back: {evidence.verdict_reason}")
            restored: datetime = canary.rollback.restored_at
            first = lab.truth(began, time.time())["front_door"]["first_error_at"]
            rows.append(
                f"| {number + 1} | {canary.looks[-1].look + 1} "
                f"| {restored.timestamp() - first:.1f} | {canary.rollback.seconds:.1f} |"
            )
    return rows


def _promotion() -> list[str]:
    with _chat(None) as lab:
        began = time.time()
        evidence = _run(lab, "chat-canary", BAKE_SECONDS | LAST_BAKE_SECONDS)
        ended = time.time()
        lab.stop_traffic()
        integrity = lab.truth(began, ended)["integrity"]
    counted = {
        "verdict": evidence.verdict,
        "from the first shift to the end (s)": f"{_moved_seconds(evidence):.0f}",
        "messages acknowledged": integrity["acknowledged"],
        "messages lost": len(integrity["missing"]),
        "messages that came twice": len(integrity["duplicated"]),
        "messages out of order": len(integrity["disordered"]),
        "connections dropped": integrity["dropped"],
    }
    rows = [f"| {name} | {value} |" for name, value in counted.items()]
    return ["| chat-canary, 100 users connected | |", "|---|---|", *rows]


def _moved_seconds(evidence: Evidence) -> float:
    shifts = [one.at for one in evidence.timeline if one.what == "weights shifted"]
    return (evidence.ended_at - shifts[0]).total_seconds()


@contextmanager
def _chat(defect: str | None) -> Iterator[Lab]:
    """A chat with a hundred users, and as much history as the judge is given in `lab run`."""
    with (
        tempfile.TemporaryDirectory() as state,
        Lab("chat", Path(state), requests_per_second=BUSY, green_defect=defect) as lab,
    ):
        time.sleep(HISTORY_SECONDS)
        yield lab


def _run(lab: Lab, scenario: str, overrides: dict[str, Any]) -> Evidence:
    sfn = lab.client("stepfunctions")
    arn = sfn.start_execution(
        stateMachineArn=lab.outputs["CanaryStateMachineArn"],
        input=json.dumps({"scenario": scenario, "overrides": overrides, "reason": "bench"}),
    )["executionArn"]
    while sfn.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.5)
    body = lab.client("s3").get_object(
        Bucket=lab.outputs["EvidenceBucketName"], Key=f"runs/{arn.rsplit(':', 1)[1]}/run.json"
    )["Body"]
    return Evidence.model_validate_json(body.read())
