"""The inputs in `events/`: real ones, for every function and every machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from steadystate.contracts import ExecutionInput, ReportInput
from steadystate.documents.loading import validate
from steadystate.run.scenario import read_documents
from tests.definitions.stack import FUNCTIONS, ROOT, machines, model_of, template
from tests.documents.shipped import PublishedParameters, ShippedLibrary

OF_FUNCTIONS = sorted((ROOT / "events/functions").glob("*.json"))
OF_EXPERIMENTS = sorted((ROOT / "events/executions").glob("experiment*.json"))


def name_of(path: Path) -> str:
    return path.stem


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_there_is_an_input_for_every_function_and_none_for_what_does_not_exist() -> None:
    assert {path.stem.split("-")[0] for path in OF_FUNCTIONS} == set(FUNCTIONS)


def test_there_is_an_input_for_every_machine_and_none_for_what_does_not_exist() -> None:
    found = {p.stem.split("-")[0] for p in (ROOT / "events/executions").glob("*.json")}
    assert found == {machine.name for machine in machines()}


@pytest.mark.parametrize("path", OF_FUNCTIONS, ids=name_of)
def test_the_input_of_a_function_fits_its_contract(path: Path) -> None:
    model = model_of(path.stem.split("-")[0])
    event = read(path)
    assert model.model_validate(event).model_dump(exclude_unset=True) == event


@pytest.mark.parametrize("path", OF_EXPERIMENTS, ids=name_of)
def test_the_input_of_an_experiment_names_what_ships(path: Path) -> None:
    wanted = validate(ExecutionInput, read(path), path.name)
    experiment, _ = read_documents(wanted, ShippedLibrary(), PublishedParameters())
    assert experiment.name == wanted.scenario


def test_the_trends_input_is_what_the_schedule_sends() -> None:
    machine = template()["Resources"]["ReportStateMachine"]["Properties"]
    sent = machine["Events"]["Weekly"]["Properties"]["Input"]["Fn::Sub"]
    language = template()["Parameters"]["TrendLanguage"]["Default"]
    filled = sent.replace("${TrendLanguage}", language)
    assert json.loads(filled) == read(ROOT / "events/executions/report-trends.json")


@pytest.mark.parametrize("name", ["report", "report-by-hand"])
def test_the_input_of_a_report_names_a_run_and_a_language(name: str) -> None:
    given = read(ROOT / f"events/executions/{name}.json")
    assert given.pop("quiet", False) in (True, False)
    assert ReportInput.model_validate(given).run_id


def test_the_planned_input_is_one_that_an_execution_takes() -> None:
    planned = read(ROOT / "events/functions/plan_run.json")
    validate(ExecutionInput, planned["input"], "plan_run.json")
    assert planned["execution_arn"].endswith(f":{planned['run_id']}")


def test_the_scheduled_input_is_what_the_schedule_sends() -> None:
    machine = template()["Resources"]["ExperimentStateMachine"]["Properties"]
    sent = machine["Events"]["Scheduled"]["Properties"]["Input"]["Fn::Sub"]
    scenario = template()["Parameters"]["ScheduledScenario"]["Default"]
    filled = sent.replace("${ScheduledScenario}", scenario)
    filled = filled.replace("${AWS::StackName}", "steadystate")
    assert json.loads(filled) == read(ROOT / "events/executions/experiment-scheduled.json")


def test_the_status_change_is_one_that_the_rule_lets_through() -> None:
    machine = template()["Resources"]["RecoverStateMachine"]["Properties"]
    pattern = machine["Events"]["RunEndedBadly"]["Properties"]["Pattern"]
    event = read(ROOT / "events/executions/recover.json")
    for key in ("source", "detail-type"):
        assert event[key] in pattern[key]
    assert event["detail"]["status"] in pattern["detail"]["status"]
    assert set(pattern["detail"]) == {"status", "stateMachineArn"}
    assert event["detail"]["executionArn"] in event["resources"]
    json.loads(event["detail"]["input"])


def test_the_swept_input_is_what_the_sweep_sends() -> None:
    machine = template()["Resources"]["RecoverStateMachine"]["Properties"]
    sent = json.loads(machine["Events"]["Sweep"]["Properties"]["Input"])
    assert sent == read(ROOT / "events/executions/recover-swept.json")
