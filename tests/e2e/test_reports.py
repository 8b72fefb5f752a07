"""The report of a real run: stored, recorded and told by the machine that the run starts."""

import json
from typing import Any

import pytest

from steadystate.domain.verdict import Verdict
from tests.e2e.conftest import Ended, Runs

_ENDED: dict[str, Ended] = {}


@pytest.fixture
def ended(runs: Runs) -> Ended:
    """One run for all tests here; another one when the lab is another."""
    lab = runs.lab.endpoint_url
    if lab not in _ENDED:
        short = {"method.kill-application-server.duration": "2s"}
        _ENDED[lab] = runs.run("bank-process-kill", short)
    return _ENDED[lab]


def start(runs: Runs, **wanted: Any) -> dict[str, Any]:
    machine = runs.lab.outputs["ReportStateMachineArn"]
    started = runs.sfn.start_execution(stateMachineArn=machine, input=json.dumps(wanted))
    return runs.end_of(started["executionArn"])


def stored(runs: Runs, key: str) -> bytes:
    s3 = runs.lab.client("s3")
    bucket = runs.lab.outputs["EvidenceBucketName"]
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def test_a_run_starts_its_report_under_its_own_name_and_says_where_it_will_be(
    runs: Runs, ended: Ended
) -> None:
    assert ended.status == "SUCCEEDED", (ended.error, ended.cause)
    key = f"reports/{ended.run_id}/report.en.pdf"
    assert ended.output["report"] == key
    report = runs.report(ended.run_id)
    assert report["status"] == "SUCCEEDED", report
    told = json.loads(report["output"])
    assert told["report"] == key
    assert told["channels"] == {"sns": "sent", "slack": "off"}
    assert stored(runs, key).startswith(b"%PDF")
    narrative = json.loads(stored(runs, f"reports/{ended.run_id}/narrative.en.json"))
    assert narrative["run_id"] == ended.run_id
    table = runs.lab.client("dynamodb")
    items = table.scan(TableName=runs.lab.outputs["TableName"])["Items"]
    (kept,) = [i for i in items if i["sk"]["S"].endswith(f"#{ended.run_id}")]
    assert kept["pk"] == {"S": "HISTORY#bank"}
    assert json.loads(kept["document"]["S"])["verdict"] == ended.output["verdict"]


def test_an_old_run_is_reported_by_hand_in_another_language(runs: Runs, ended: Ended) -> None:
    report = start(runs, run_id=ended.run_id, language="ko", quiet=True)
    assert report["status"] == "SUCCEEDED", report
    assert stored(runs, f"reports/{ended.run_id}/report.ko.pdf").startswith(b"%PDF")
    assert json.loads(report["output"])["channels"] == {"sns": "off", "slack": "off"}


def test_where_s3_refuses_the_machine_says_what_is_missing_and_the_verdict_stands(
    runs: Runs, ended: Ended
) -> None:
    s3 = runs.lab.client("s3")
    bucket = runs.lab.outputs["EvidenceBucketName"]
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(before)
    policy["Statement"].append(
        {
            "Sid": "NoReports",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/reports/*.pdf",
        }
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    try:
        report = start(runs, run_id=ended.run_id)
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=before)
    assert (report["status"], report["error"]) == ("FAILED", "ReportMissing")
    assert f"reports/{ended.run_id}/report.en.pdf could not be stored" in report["cause"]
    evidence = runs.evidence(ended.run_id)
    assert evidence is not None
    assert evidence.verdict is Verdict(ended.output["verdict"])


def test_a_run_that_never_was_has_no_report(runs: Runs) -> None:
    for wanted, error, part in (
        ({"run_id": "never-was"}, "ReportMissing", "runs/never-was/run.json is not in the bucket"),
        ({}, "InvalidDocument", "run_id"),
        ({"run_id": "r", "language": "fr"}, "InvalidDocument", "language"),
    ):
        report = start(runs, **wanted)
        assert (report["status"], report["error"]) == ("FAILED", error)
        assert part in report["cause"]


def test_the_trends_of_all_workloads_are_stored_as_by_the_calendar(
    runs: Runs, ended: Ended
) -> None:
    report = start(runs, trends=True)
    assert report["status"] == "SUCCEEDED", report
    for key in json.loads(report["output"])["keys"]:
        assert key.startswith("trends/bank/")
        assert stored(runs, key).startswith(b"%PDF" if key.endswith(".pdf") else b"{")
