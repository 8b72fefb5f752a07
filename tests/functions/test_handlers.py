"""The handlers as Lambda calls them, with their real inputs and an account without runs."""

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
from moto import mock_aws

from steadystate.adapters import aws, bedrock
from steadystate.adapters.control import BucketEvidence
from steadystate.errors import InvalidDocument, LeaseLost, ReportMissing
from tests.cli.made import made_run
from tests.definitions.stack import FUNCTIONS, ROOT, resources, template
from tests.report.converse import conversing, send

REGION = "ap-northeast-2"
SETTINGS = {
    "TABLE_NAME": "runs",
    "EVENT_BUS_NAME": "default",
    "EVIDENCE_BUCKET": "evidence",
    "REPORT_TOPIC_ARN": f"arn:aws:sns:{REGION}:123456789012:reports",
    "SLACK_SECRET_ARN": "",
    "NARRATIVE_MODEL_ID": "",
    "NARRATIVE_INPUT_PRICE": "0",
    "NARRATIVE_OUTPUT_PRICE": "0",
    "NARRATIVE_MAXIMUM_DOLLARS": "0.1",
    "FIS_ROLE_ARN": "arn:aws:iam::123456789012:role/faults",
    "STACK_NAME": "steadystate",
    "EXPERIMENT_MACHINE_ARN": f"arn:aws:states:{REGION}:123456789012:stateMachine:s-experiment",
    "HALT_PARAMETER": "/steadystate/steadystate/halt",
    "SCENARIOS_PATH": str(ROOT / "scenarios"),
    "WINDOW_SECONDS": "5",
    "METRIC_PERIOD_SECONDS": "5",
    "METRIC_DELAY_SECONDS": "2",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "lab",
    "AWS_SECRET_ACCESS_KEY": "lab",
}


@dataclass
class Context:
    aws_request_id: str = "request-1"
    function_name: str = "function"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        aws.client.cache_clear()
        (table,) = resources("AWS::DynamoDB::Table").values()
        shape = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        aws.client("dynamodb").create_table(TableName="runs", **{k: table[k] for k in shape})
        aws.client("s3").create_bucket(
            Bucket="evidence", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield
        aws.client.cache_clear()


def app(function: str) -> ModuleType:
    path = ROOT / f"functions/{function}/app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with patch("gc.freeze"):  # this process goes on after the function: its rubbish must not stay
        spec.loader.exec_module(module)
    return module


def call(function: str, event: Any) -> Any:
    answer = app(function).handler(event, Context())
    return json.loads(json.dumps(answer))


def event(name: str) -> Any:
    return json.loads((ROOT / f"events/functions/{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_input_of_the_wrong_shape_is_refused_by_name(function: str) -> None:
    with pytest.raises(InvalidDocument, match="task input: surprise: Extra inputs"):
        call(function, event(function) | {"surprise": 1})


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {"find_leftovers"}))
@pytest.mark.parametrize("run_id", ["", "a b", "x" * 81, "../x", 5, None])
def test_a_run_id_of_the_wrong_shape_is_refused(function: str, run_id: Any) -> None:
    with pytest.raises(InvalidDocument, match="task input: run_id"):
        call(function, event(function) | {"run_id": run_id})


def test_a_plan_of_a_workload_that_is_not_deployed_is_refused_and_writes_nothing() -> None:
    with pytest.raises(InvalidDocument, match="is the workload's stack deployed"):
        call("plan_run", event("plan_run"))
    assert aws.client("dynamodb").scan(TableName="runs")["Count"] == 0


@pytest.mark.parametrize("function", ["watch_window", "start_fault"])
def test_a_run_that_is_not_in_the_table_may_not_act(function: str) -> None:
    with pytest.raises(LeaseLost, match="is not in the table"):
        call(function, event(function))


def test_undo_judge_and_release_of_a_run_that_never_was_are_harmless() -> None:
    run_id = event("undo_run")["run_id"]
    assert call("undo_run", event("undo_run")) == {"run_id": run_id, "closed": 0}
    judged = call("evaluate_run", event("evaluate_run-after-failure"))
    assert (judged["verdict"], judged["evidence"]) == ("ERROR", "")
    assert judged["reason"].startswith("FaultFailed: the FIS experiment failed")
    assert call("release_lease", event("release_lease")) == {"run_id": run_id}
    assert call("find_leftovers", event("find_leftovers")) == {
        "runs": [],
        "left_open": [],
    }
    assert aws.client("dynamodb").scan(TableName="runs")["Count"] == 0


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLE_NAME")
    with pytest.raises(KeyError, match="TABLE_NAME"):
        call("release_lease", event("release_lease"))


def test_every_outcome_is_counted_and_logged_with_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(LeaseLost):
        call("watch_window", event("watch_window"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[:1] == "{"]
    (counted,) = [line for line in lines if "_aws" in line]
    assert counted["outcome"] == "LeaseLost"
    assert counted["Tasks"] == [1.0]


def test_the_sweep_measures_in_the_dimensions_that_the_alarms_watch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", variables["POWERTOOLS_SERVICE_NAME"])
    call("find_leftovers", event("find_leftovers"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    measured = {
        (metric["Name"], *names)
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
    }
    watched = {
        (alarm["MetricName"], *(d["Name"] for d in alarm["Dimensions"]))
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        if alarm.get("Namespace") == "Steadystate"
    }
    assert watched == {("OpenUndoAgeSeconds", "stack"), ("LeaseSilenceSeconds", "stack")}
    assert watched <= measured


def stored(key: str) -> bytes:
    body: bytes = aws.client("s3").get_object(Bucket="evidence", Key=key)["Body"].read()
    return body


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_run_is_reported_recorded_and_told_from_its_evidence_alone(language: str) -> None:
    aws.client("sns").create_topic(Name="reports")
    evidence = made_run("made-1").evidence()
    BucketEvidence("evidence").put("made-1", evidence.to_json())
    composed = call("compose_report", {"run_id": "made-1", "language": language})
    rendered = call("render_report", composed)
    assert rendered["report"] == f"reports/made-1/report.{language}.pdf"
    assert stored(rendered["report"]).startswith(b"%PDF")
    assert call("record_history", {"run_id": "made-1"}) == {"run_id": "made-1", "workload": "bank"}
    told = call("notify_people", rendered)
    assert told == {"run_id": "made-1", "channels": {"sns": "sent", "slack": "off"}, "missing": ""}
    published = call("publish_trends", {"workload": "bank", "language": language})
    kinds = [stored(key)[:1] for key in published["keys"]]
    assert kinds == [b"{", b"%"]


def test_no_line_of_the_log_has_a_link(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="steadystate")
    aws.client("sns").create_topic(Name="reports")
    BucketEvidence("evidence").put("made-1", made_run("made-1").evidence().to_json())
    call("notify_people", {"run_id": "made-1", "report": "reports/made-1/report.en.pdf"})
    logged = [str(vars(r)) for r in caplog.records if r.name.startswith("steadystate")]
    assert [line for line in logged if "task done" in line]
    assert not [line for line in logged if "Signature" in line]


@pytest.mark.parametrize("function", ["compose_report", "record_history"])
def test_a_report_of_a_run_without_evidence_names_the_document(function: str) -> None:
    with pytest.raises(ReportMissing, match=r"runs/.*/run.json is not in the bucket"):
        call(function, event(function))


def test_the_model_that_the_stack_names_is_asked_and_is_not_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    BucketEvidence("evidence").put("made-1", made_run("made-1").evidence().to_json())
    monkeypatch.setenv("NARRATIVE_MODEL_ID", "some.model-v1:0")
    with conversing() as server:
        server.replies.append(lambda _, h: send(h, 403, b"{}", "AccessDeniedException"))
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        bedrock._client.cache_clear()
        composed = call("compose_report", {"run_id": "made-1"})
    bedrock._client.cache_clear()
    assert server.paths == ["/model/some.model-v1%3A0/converse"]
    narrative = json.loads(stored(composed["narrative"]))
    assert narrative["written_by"] == "deterministic"
    assert narrative["note"]
