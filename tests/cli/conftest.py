"""Runs as the library keeps and judges them, in an account on loopback."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from cli.place import Place, deployed
from lab import processes
from lab.account.deploy import translate
from steadystate.adapters.aws import client
from steadystate.adapters.control import BucketEvidence, EventBus
from steadystate.contracts import EvaluateRunInput, Failure, RunInput
from steadystate.run.evaluate import Evaluating, evaluate_run
from steadystate.run.recover import Recovering, release_lease
from tests.cli.made import MadeRun, made_run

ROOT = Path(__file__).parents[2]
REGION = "ap-northeast-2"
STACK = "steadystate-test"

Invoke = Callable[..., Result]


@pytest.fixture
def invoke() -> Invoke:
    """Call the command line in this process."""
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an account that holds one stack: the project's table and bucket, and a
    machine whose executions last until they are stopped, and one that makes trends alone."""
    state = tmp_path_factory.mktemp("account")
    ready = state / "ready.json"
    process = processes.start(
        processes.python("lab.account", "--ready", ready, "--state", state),
        env={"AWS_REGION": REGION},
        log_path=state / "account.log",
        name="account",
    )
    url = processes.wait_ready(ready, process)["url"]
    template = translate(ROOT / "template.yaml", {}, region=REGION)
    kept = {name: template["Resources"][name] for name in ("Table", "EvidenceBucket")}
    waiting = {"Type": "Wait", "Seconds": 600, "End": True}
    definition = {"StartAt": "Wait Here", "States": {"Wait Here": waiting}}
    reporting = {
        "StartAt": "What",
        "States": {
            "What": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.workload", "IsPresent": True, "Next": "Trend"}],
                "Default": "Report Missing",
            },
            "Trend": {"Type": "Pass", "Result": {"keys": ["t.json", "t.pdf"]}, "End": True},
            "Report Missing": {
                "Type": "Fail",
                "Error": "ReportMissing",
                "Cause": "missing of run x: the report",
            },
        },
    }
    machines = {
        "ExperimentStateMachine": definition,
        "RecoverStateMachine": definition,
        "CanaryStateMachine": definition,
        "ReportStateMachine": reporting,
    }
    kept |= {
        name: {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": "arn:aws:iam::123456789012:role/machine",
                "DefinitionString": json.dumps(content),
            },
        }
        for name, content in machines.items()
    }
    wanted = (*(f"{name}Arn" for name in machines), "TableName", "EvidenceBucketName")
    boto3.client(
        "cloudformation",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
    ).create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(
            {
                "Resources": kept,
                "Outputs": {name: template["Outputs"][name] for name in wanted},
            }
        ),
    )
    yield url
    process.stop()


@pytest.fixture
def place(account: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The stack; this process talks to its account alone."""
    before = dict(os.environ)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", account)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    here = deployed(STACK, REGION, None)
    _empty(here.table)
    yield here
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client.cache_clear()
    for name in set(os.environ) - set(before):
        os.environ.pop(name)


def keep(place: Place, made: MadeRun) -> None:
    """Write a run into the table, as its tasks do while it goes on."""
    run_id = made.run.plan.run_id
    place.store.begin(made.run, made.run.plan.started_at + 1e9)
    run = made.run
    for sample in made.samples:
        run = place.store.keep_look(run, run.progress, sample)
    for event in made.events:
        place.store.add_event(run_id, event)
    place.store.open_undo(made.run, ["fis-experiment"], made.run.plan.started_at)


def close(place: Place, run_id: str, failure: Failure | None = None) -> None:
    """Close the ledger, judge a run and give its workload back, as the machines do."""
    now = made_run().samples[-1].ended_at
    place.store.close_undo(run_id, "fis-experiment", now, "EXP1 stopped")
    bus = EventBus("default")
    evaluating = Evaluating(place.store, BucketEvidence(place.bucket), bus, lambda: now)
    evaluate_run(EvaluateRunInput(run_id=run_id, failure=failure), evaluating)
    world = Recovering(place.store, None, bus, None, lambda: now)  # type: ignore[arg-type]
    release_lease(RunInput(run_id=run_id), world)


def _empty(table: str) -> None:
    dynamodb = client("dynamodb")
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
