"""The machine `report`, and how runs start it: whatever becomes of a report, the verdict stands."""

from typing import Any

import pytest

from tests.definitions.stack import State, evaluated, machine

PASSING = {
    "StepFunctions.AWSStepFunctionsException",
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.SdkClientException",
    "States.Timeout",
}
"""What the start of an execution is tried again after."""


@pytest.mark.parametrize("name", ["experiment", "canary", "recover"])
def test_a_report_is_started_under_the_name_of_its_run_and_can_break_nothing(name: str) -> None:
    starts = machine(name).starts()
    assert starts
    states = {s.name: s for s in machine(name).states()}
    for start in starts:
        arguments = start.body["Arguments"]
        assert arguments["StateMachineArn"] == "${ReportStateMachine}"
        assert arguments["Name"] == arguments["Input"]["run_id"] == "{% $runId %}"
        assert set(arguments["Input"]) == {"run_id"}
        begun, broken = start.body["Catch"]
        assert begun["ErrorEquals"] == ["StepFunctions.ExecutionAlreadyExistsException"]
        assert set(begun) == {"ErrorEquals", "Next"}, "what was begun before is not missing"
        assert broken["ErrorEquals"] == ["States.ALL"]
        assert begun["Next"] == start.body["Next"]
        assert states[start.body["Next"]].function == "ReleaseLeaseFunction"
        after_failure = "Run Broken" if start.name.endswith("After Failure") else begun["Next"]
        assert broken["Next"] == after_failure, (
            "a run without a report is closed only if it says so"
        )
        assert start.body["TimeoutSeconds"] <= 10
        (retry,) = start.body["Retry"]
        assert set(retry["ErrorEquals"]) == PASSING
        assert (retry["JitterStrategy"], retry["MaxAttempts"]) == ("FULL", 2)


@pytest.mark.parametrize("kind", ["experiment", "canary"])
def test_every_run_that_was_planned_starts_its_report_on_every_way_out(kind: str) -> None:
    states: dict[str, Any] = machine(kind).definition["States"]
    starts = {s.name for s in machine(kind).starts()}
    waiting, ends = [machine(kind).definition["StartAt"]], set[str]()
    seen = set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name in starts:
            continue
        seen.add(name)
        if states[name]["Type"] in ("Succeed", "Fail"):
            ends.add(name)
        waiting += State(name, states[name], states).followers()
    by_recover = {"Undo Left Open", "Run Broken"}
    assert ends == {"Run Refused", *by_recover}, "the run stays open, and recover reports it"


@pytest.mark.parametrize("kind", ["experiment", "canary"])
def test_where_the_report_is_or_why_not_stands_in_the_output_of_a_run(kind: str) -> None:
    states = machine(kind).definition["States"]
    ended = {"run_id": "r", "verdict": "PASS", "report": "reports/r/report.pdf"}
    released = {"result": {"Payload": {"run_id": "r"}}}
    assert (
        evaluated(states["Release Lease"]["Output"], released, evaluated=ended, runId="r") == ended
    )
    assert states["Release Lease"]["Next"] == "Run Finished"
    error = {"errorOutput": {"Error": "StepFunctions.AWSStepFunctionsException", "Cause": "denied"}}
    catch = states["Start Report"]["Catch"][-1]
    assert evaluated(catch["Assign"]["evaluated"], error, evaluated=ended) == {
        "run_id": "r",
        "verdict": "PASS",
        "report": "",
        "report_missing": "StepFunctions.AWSStepFunctionsException: denied",
    }


def test_reports_that_could_not_be_started_stand_in_the_output_of_a_recovery() -> None:
    states = machine("recover").definition["States"]
    runs = [
        {"run_id": "a", "report_missing": None},
        {"run_id": "b", "report_missing": "denied"},
        {"left_open": "c", "why": "w"},
    ]
    output = states["Recover Each Run"]["Output"]["reports_missing"]
    assert list(evaluated(output, {"result": runs})) == ["b: denied"]
    assert list(evaluated(output, {"result": runs[:1]})) == []


def test_a_report_that_cannot_be_made_is_recorded_and_told_before_the_machine_fails() -> None:
    states: dict[str, Any] = machine("report").definition["States"]
    for name, follows in (
        ("Compose Report", "Record History"),
        ("Render Report", "Record History"),
        ("Record History", "Notify People"),
        ("Notify People", "Is Anything Missing?"),
    ):
        assert states[name]["Catch"][-1]["Next"] == follows
    choice = states["Is Anything Missing?"]
    for missing, follows in (("", "Report Stored"), ("the report (…)", "Report Missing")):
        taken = [
            c["Next"]
            for c in choice["Choices"]
            if evaluated(c["Condition"], {"input": {"missing": missing}})
        ]
        assert (taken or [choice["Default"]]) == [follows]


@pytest.mark.parametrize(
    ("given", "follows"),
    [
        ({"run_id": "r"}, "Compose Report"),
        ({}, "Compose Report"),
        ({"trends": True}, "Publish Trends"),
    ],
)
def test_a_report_machine_makes_what_is_wanted(given: Any, follows: str) -> None:
    choice = machine("report").definition["States"]["What Is Wanted?"]
    taken = [c["Next"] for c in choice["Choices"] if evaluated(c["Condition"], {"input": given})]
    assert (taken or [choice["Default"]]) == [follows]
