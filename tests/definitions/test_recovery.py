"""What the machine `recover` says at its end: nothing is left, or what is, and what to do."""

from typing import Any

import pytest

from tests.definitions.stack import evaluated, machine, template

LEFT = {"left_open": "b", "why": "Undo Run: UndoIncomplete: aws fis stop-experiment --id EXP1"}
UNREAD = {"run_id": "c", "why": "its record cannot be read"}


@pytest.mark.parametrize(
    ("runs", "unread", "follows", "named"),
    [
        ([], [], "Everything Recovered", []),
        ([{"run_id": "a"}], [], "Everything Recovered", []),
        ([LEFT], [], "A Person Is Needed", ["b: Undo Run: UndoIncomplete: aws fis"]),
        ([{"run_id": "a"}, LEFT], [UNREAD], "A Person Is Needed", ["id EXP1", "c: its record"]),
        ([], [UNREAD], "A Person Is Needed", ["c: its record cannot be read"]),
    ],
)
def test_what_is_left_open_is_seen_and_named_at_the_end_of_a_recovery(
    runs: list[Any], unread: list[Any], follows: str, named: list[str]
) -> None:
    states = machine("recover").definition["States"]
    output = states["Recover Each Run"]["Output"]["left"]
    left = evaluated(output, {"result": runs}, leftOpen=unread)
    choice, after = states["Is Anything Left Open?"], {"input": {"left": left}}
    taken = [c["Next"] for c in choice["Choices"] if evaluated(c["Condition"], after)]
    assert (taken or [choice["Default"]]) == [follows]
    cause = evaluated(states["A Person Is Needed"]["Cause"], after)
    for part in [*named, "docs/recovery.md"]:
        assert part in cause


@pytest.mark.parametrize(
    ("cause", "shown"),
    [
        ('{"errorMessage": "stop it: aws fis", "stackTrace": ["at"]}', "E: stop it: aws fis"),
        ("the task took too long", "E: the task took too long"),
        (None, "E: "),
    ],
)
def test_a_recovery_that_is_left_open_says_why_in_the_words_of_the_error(
    cause: str | None, shown: str
) -> None:
    inner = machine("recover").definition["States"]["Recover Each Run"]["ItemProcessor"]["States"]
    for name in ("Undo Run", "Evaluate Run", "Release Lease"):
        (catch,) = inner[name]["Catch"]
        error = {"Error": "E"} | ({"Cause": cause} if cause else {})
        states = {
            "input": {"run_id": "a"},
            "errorOutput": error,
            "context": {"State": {"Name": name}},
        }
        said = {key: evaluated(text, states) for key, text in catch["Output"].items()}
        assert said == {"left_open": "a", "why": f"{name}: {shown}"}


@pytest.mark.parametrize(
    ("given", "ended"),
    [
        ({}, ""),
        ({"detail-type": "Run Orphaned", "detail": {"run_id": "r"}}, ""),
        ({"detail": {"executionArn": "arn:x:r", "name": "r", "status": "ABORTED"}}, "r"),
    ],
)
def test_the_run_whose_execution_has_ended_is_named_to_who_looks_for_leftovers(
    given: Any, ended: str
) -> None:
    find = machine("recover").definition["States"]["Find Leftovers"]
    assert evaluated(find["Arguments"]["Payload"]["ended"], {"input": given}) == ended


def test_whatever_starts_by_an_event_or_a_schedule_keeps_what_it_could_not_deliver() -> None:
    found = [
        event["Properties"].get("DeadLetterConfig")
        for resource in template()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] in ("EventBridgeRule", "ScheduleV2")
    ]
    assert len(found) >= 6
    assert all(queue and "DeadLetterQueue" in str(queue) for queue in found)
