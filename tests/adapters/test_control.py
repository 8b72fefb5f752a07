"""The stack's own surroundings: bus, executions, evidence bucket, library."""

import json
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.control import BucketEvidence, EventBus, ScenarioLibrary, StepFunctions
from steadystate.errors import TransientError
from tests.documents.shipped import EXPERIMENTS, SCENARIOS

REGION = "ap-northeast-2"


@pytest.fixture
def bucket(connected: Any) -> str:
    name = f"evidence-{uuid4()}"
    connected.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return name


def test_an_event_says_run_phase_and_detail(connected: Any) -> None:
    sent: list[Any] = []
    aws.client("events").meta.events.register(
        "provide-client-params.events.PutEvents", lambda params, **_: sent.append(params)
    )
    EventBus("default").announce("run-1", "Fault Started", {"experiment": "EXP1"})
    (entry,) = sent[0]["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("steadystate", "Fault Started")
    assert entry["EventBusName"] == "default"
    assert json.loads(entry["Detail"]) == {"run_id": "run-1", "experiment": "EXP1"}


def test_a_bus_that_refuses_or_is_gone_breaks_no_run(
    connected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stubber(aws.client("events")) as stub:
        stub.add_client_error("put_events", "AccessDeniedException")
        EventBus("default").announce("run-1", "Run Planned", {})
        refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "no"}
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [refused]})
        EventBus("default").announce("run-1", "Run Planned", {})
    EventBus("nowhere").announce("run-1", "Run Planned", {"odd": object()})


def test_an_execution_is_known_by_its_status_and_one_that_is_gone_is_expired(
    connected: Any,
) -> None:
    sfn = connected.client("stepfunctions")
    definition = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": True}}}
    machine = sfn.create_state_machine(
        name="control",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine, name="run-1")["executionArn"]
    assert StepFunctions().status(execution) == ("RUNNING", "", "")
    sfn.stop_execution(executionArn=execution, error="by hand", cause="customers call")
    assert StepFunctions().status(execution) == ("ABORTED", "by hand", "customers call")
    status, _, cause = StepFunctions().status(execution.replace("run-1", "run-2"))
    assert (status, cause) == ("EXPIRED", "the execution's history is gone")


def test_an_execution_is_started_once_by_its_name_and_stopped_for_good(connected: Any) -> None:
    sfn, ours = connected.client("stepfunctions"), StepFunctions()
    definition = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": True}}}
    machine = sfn.create_state_machine(
        name="gates",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    for given in ('{"scenario": "one"}', '{"scenario": "one"}', '{"scenario": "other"}'):
        ours.start(machine, "run-1-at-10", given)
    (found,) = sfn.list_executions(stateMachineArn=machine)["executions"]
    arn = found["executionArn"]
    assert arn == f"{machine.replace(':stateMachine:', ':execution:')}:run-1-at-10"
    assert json.loads(sfn.describe_execution(executionArn=arn)["input"]) == {"scenario": "one"}
    ours.stop(arn, "canary run-1 goes back")
    assert ours.status(arn)[::2] == ("ABORTED", "canary run-1 goes back")
    ours.stop(arn, "again")
    ours.stop(arn.replace("run-1", "run-2"), "never was")


def test_evidence_is_stored_as_it_is(connected: Any, bucket: str) -> None:
    text = '{"schema":"steadystate/run/v1","reason":"정기 점검"}'
    key, kept = BucketEvidence(bucket).put("run-1", text)
    assert (key, kept) == ("runs/run-1/run.json", text)
    stored = connected.client("s3").get_object(Bucket=bucket, Key=key)
    assert stored["Body"].read().decode() == text
    assert stored["ContentType"] == "application/json"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        BucketEvidence("nowhere").put("run-1", text)


def test_of_many_who_store_evidence_at_once_one_wins_and_all_are_told_what_it_wrote(
    connected: Any, bucket: str
) -> None:
    evidence, gate = BucketEvidence(bucket), threading.Barrier(8)
    told = list[str]()

    def put(number: int) -> None:
        gate.wait()
        told.append(evidence.put("run-1", f'{{"by": {number}}}')[1])

    threads = [threading.Thread(target=put, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (stored,) = set(told)
    kept = connected.client("s3").get_object(Bucket=bucket, Key="runs/run-1/run.json")
    assert kept["Body"].read().decode() == stored
    assert len(told) == 8


def test_the_library_gives_what_ships_then_what_is_in_the_bucket(
    connected: Any, bucket: str
) -> None:
    s3 = connected.client("s3")
    for name in ("own-loss", "bank-latency"):
        s3.put_object(Bucket=bucket, Key=f"scenarios/experiments/{name}.yaml", Body=b"name: own")
    library = ScenarioLibrary(SCENARIOS, bucket)
    assert library.experiment("own-loss") == "name: own"
    shipped = (SCENARIOS / "experiments/bank-latency.yaml").read_text(encoding="utf-8")
    assert library.experiment("bank-latency") == shipped
    assert library.workload("bank") is not None
    assert library.experiment("nowhere") is None
    assert library.workload("nowhere") is None
    assert library.names() == [path.stem for path in EXPERIMENTS]


def test_a_document_in_the_bucket_that_is_no_text_is_given_on_to_be_refused(
    connected: Any, bucket: str
) -> None:
    key = "scenarios/experiments/odd.yaml"
    connected.client("s3").put_object(Bucket=bucket, Key=key, Body=b"\xff\xfe\x00")
    assert isinstance(ScenarioLibrary(SCENARIOS, bucket).experiment("odd"), str)


def test_a_library_without_a_bucket_is_what_ships(tmp_path: Path) -> None:
    assert ScenarioLibrary(tmp_path, None).experiment("bank-latency") is None
    assert ScenarioLibrary(tmp_path, None).names() == []


def test_an_account_that_cannot_be_reached_is_a_passing_fault(
    connected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    aws.client.cache_clear()
    with pytest.raises(TransientError, match="EndpointConnectionError"):
        StepFunctions().status("arn:aws:states:ap-northeast-2:123456789012:execution:a:b")


@pytest.mark.parametrize(
    "code", ["Throttling", "ThrottlingException", "TooManyRequestsException", "ServiceUnavailable"]
)
def test_a_passing_fault_is_told_from_a_refusal(code: str) -> None:
    error = ClientError({"Error": {"Code": code, "Message": ""}}, "Act")
    with pytest.raises(TransientError, match=f"Act: {code}"), aws.passing_faults():
        raise error
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "Act")
    with pytest.raises(ClientError), aws.passing_faults():
        raise refused
