"""State machines execute for real, run real functions, and end as they do on AWS."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.lab.account.conftest import Account, Hold, Machine, wait_for

Outputs = dict[str, str]


def _item(account: Account, app: Outputs, key: str) -> Any:
    found = account.client("dynamodb").get_item(TableName=app["Table"], Key={"id": {"S": key}})
    return found.get("Item")


def test_an_execution_runs_a_function_under_its_role_which_writes_to_the_table(
    account: Account, app: Outputs, main_machine: Machine
) -> None:
    arn = main_machine.start({"id": "first"}, name="run-first")
    end = main_machine.end_of(arn)
    assert end["status"] == "SUCCEEDED", end
    output = json.loads(end["output"])
    role = app["DoWorkRole"].rsplit("/", 1)[-1]
    assert f":assumed-role/{role}/" in output["role"]
    assert output["word"] == "안녕"
    assert output["stage"] == "lab"
    assert output["log_group"] == "/app/functions"
    assert _item(account, app, "first")["run"] == {"S": "run-first"}


def test_a_function_is_kept_warm(main_machine: Machine) -> None:
    pids = {json.loads(main_machine.run({"id": f"warm-{n}"})["output"])["pid"] for n in range(3)}
    assert len(pids) == 1


def test_quotes_newlines_and_korean_text_survive_the_expressions(main_machine: Machine) -> None:
    text = 'a "quoted" line\n and \\ back, 한글, 😀, {"json": null}'
    end = main_machine.run({"id": "text", "text": text})
    assert json.loads(end["output"])["text"] == text


def test_an_exception_is_caught_by_its_class_name(main_machine: Machine) -> None:
    end = main_machine.run({"do": "raise"})
    assert json.loads(end["output"]) == {
        "caught": "InvalidDocument",
        "message": "the field steps is missing",
    }


def test_a_crash_is_retried_and_then_fails_with_the_runtimes_error(
    account: Account, main_machine: Machine
) -> None:
    arn = main_machine.start({"do": "crash"})
    end = main_machine.end_of(arn)
    assert (end["status"], end["error"]) == ("FAILED", "Runtime.ExitError")
    assert "exit status 3" in end["cause"]
    events = account.client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    assert [e["type"] for e in events].count("TaskFailed") == 3


def test_executions_of_one_definition_count_their_own_retries(
    account: Account, main_machine: Machine
) -> None:
    def failures(arn: str) -> int:
        main_machine.end_of(arn)
        api = account.client("stepfunctions")
        events = api.get_execution_history(executionArn=arn)["events"]
        return [event["type"] for event in events].count("TaskFailed")

    together = [main_machine.start({"do": "crash"}) for _ in range(3)]
    found = [failures(arn) for arn in together]
    assert found == [3, 3, 3]
    assert failures(main_machine.start({"do": "crash"})) == 3


def test_stopping_aborts_at_once_with_the_reason_while_the_function_runs_on(
    account: Account, app: Outputs, main_machine: Machine, tmp_path: Path
) -> None:
    api = account.client("stepfunctions")
    hold = Hold(tmp_path)
    arn = main_machine.start(hold.event(id="after-stop"))
    hold.wait_until_begun()
    api.stop_execution(executionArn=arn, error="Stopped", cause="by the operator on duty")
    end = api.describe_execution(executionArn=arn)
    assert (end["status"], end["error"]) == ("ABORTED", "Stopped")
    assert end["cause"] == "by the operator on duty"
    assert end["stopDate"] >= end["startDate"]
    assert _item(account, app, "after-stop") is None
    hold.release()
    wait_for(lambda: _item(account, app, "after-stop"), "the function's end")
    events = api.get_execution_history(executionArn=arn)["events"]
    assert events[-1]["type"] == "ExecutionAborted"
    assert events[-1]["executionAbortedEventDetails"]["error"] == "Stopped"


def test_a_state_that_times_out_is_caught_as_such(account: Account, app: Outputs) -> None:
    api = account.client("stepfunctions")
    found = api.describe_state_machine(stateMachineArn=app["MainStateMachine"])
    definition = json.loads(found["definition"])
    definition["States"]["Do Work"]["TimeoutSeconds"] = 1
    arn = api.create_state_machine(
        name="short", definition=json.dumps(definition), roleArn=found["roleArn"]
    )["stateMachineArn"]
    end = Machine(account, arn).run({"do": "sleep", "seconds": 20})
    assert json.loads(end["output"]) == {"timed_out": True, "error": "States.Timeout"}


def test_an_execution_that_times_out_says_so(account: Account, app: Outputs) -> None:
    api = account.client("stepfunctions")
    role = api.describe_state_machine(stateMachineArn=app["MainStateMachine"])["roleArn"]
    definition = {
        "TimeoutSeconds": 1,
        "StartAt": "Wait",
        "States": {"Wait": {"Type": "Wait", "Seconds": 30, "End": True}},
    }
    arn = api.create_state_machine(name="slow", definition=json.dumps(definition), roleArn=role)
    machine = Machine(account, arn["stateMachineArn"])
    execution = machine.start({})
    end = machine.end_of(execution)
    assert end["status"] == "TIMED_OUT"
    assert end["stopDate"] > end["startDate"]
    events = api.get_execution_history(executionArn=execution)["events"]
    assert events[-1]["type"] == "ExecutionTimedOut"
    listed = api.list_executions(stateMachineArn=machine.arn)["executions"]
    assert listed[0]["stopDate"] == end["stopDate"]


def test_a_child_execution_is_named_after_its_parent_and_gives_its_output(
    account: Account, app: Outputs, parent_machine: Machine
) -> None:
    end = parent_machine.end_of(parent_machine.start({"id": "nested"}, name="parent-1"))
    assert end["status"] == "SUCCEEDED", end
    assert json.loads(end["output"])["stage"] == "lab"
    children = account.client("stepfunctions").list_executions(
        stateMachineArn=app["MainStateMachine"], statusFilter="SUCCEEDED"
    )["executions"]
    assert "parent-1-child" in [child["name"] for child in children]


def parent_that_does_not_wait(account: Account, app: Outputs, output: str) -> Machine:
    """A machine that starts a child, gives `output`, and catches whatever fails of it."""
    api = account.client("stepfunctions")
    found = api.describe_state_machine(stateMachineArn=app["ParentStateMachine"])
    definition = json.loads(found["definition"])
    task = definition["States"]["Run Child"]
    task["Resource"] = "arn:aws:states:::states:startExecution"
    task["Output"] = output
    task["Catch"] = [
        {
            "ErrorEquals": ["States.ALL"],
            "Output": "{% $states.errorOutput.Error %}",
            "Next": "Was Refused",
        }
    ]
    made = api.create_state_machine(
        name=f"parent-{uuid4().hex}", definition=json.dumps(definition), roleArn=found["roleArn"]
    )
    return Machine(account, made["stateMachineArn"])


def test_a_child_that_is_not_waited_for_is_named_and_its_end_is_not_the_parents(
    account: Account, app: Outputs
) -> None:
    api = account.client("stepfunctions")
    parent = parent_that_does_not_wait(account, app, "{% $states.result.ExecutionArn %}")
    end = parent.end_of(parent.start({"do": "raise"}, name="alone-1"))
    child = app["MainStateMachine"].replace("stateMachine", "execution") + ":alone-1-child"
    assert json.loads(end["output"]) == child
    wait_for(lambda: api.describe_execution(executionArn=child)["status"] != "RUNNING", "the child")
    children = Machine(account, app["MainStateMachine"])
    children.end_of(children.start({"id": "taken"}, name="taken-1-child"))
    end = parent.end_of(parent.start({"id": "other"}, name="taken-1"))
    assert json.loads(end["output"]) == "StepFunctions.ExecutionAlreadyExistsException"


@pytest.mark.parametrize("kind", ["sync", "sync:2"])
def test_stopping_a_parent_stops_its_child(
    account: Account, app: Outputs, tmp_path: Path, kind: str
) -> None:
    api = account.client("stepfunctions")
    found = api.describe_state_machine(stateMachineArn=app["ParentStateMachine"])
    machine = api.create_state_machine(
        name=f"parent-{kind.replace(':', '-')}",
        definition=found["definition"].replace("startExecution.sync:2", f"startExecution.{kind}"),
        roleArn=found["roleArn"],
    )["stateMachineArn"]
    name, hold = f"stopped-{kind.replace(':', '-')}", Hold(tmp_path)
    parent = Machine(account, machine).start(hold.event(), name=name)
    child = app["MainStateMachine"].replace("stateMachine", "execution") + f":{name}-child"

    def status() -> str | None:
        try:
            found: str = api.describe_execution(executionArn=child)["status"]
        except api.exceptions.ExecutionDoesNotExist:
            return None
        return found

    wait_for(status, "the child's start")
    api.stop_execution(executionArn=parent, cause="enough")
    wait_for(lambda: status() == "ABORTED", "the child's end")
    hold.release()


@pytest.mark.parametrize("approved", [True, False])
def test_a_task_token_is_answered(
    account: Account, app: Outputs, parent_machine: Machine, approved: bool
) -> None:
    api = account.client("stepfunctions")
    execution = parent_machine.start({"gate": True, "id": str(approved)})

    def token() -> str | None:
        found = account.client("dynamodb").query(
            TableName=app["Table"],
            IndexName="by-run",
            KeyConditionExpression="#r = :r",
            ExpressionAttributeNames={"#r": "run"},
            ExpressionAttributeValues={":r": {"S": "gate"}},
        )["Items"]
        return next((item["id"]["S"] for item in found), None)

    value = wait_for(token, "the token")
    if approved:
        api.send_task_success(taskToken=value, output='{"approved": true}')
    else:
        api.send_task_failure(taskToken=value, error="Refused", cause="not today")
    output = json.loads(parent_machine.end_of(execution)["output"])
    expected = {"approved": True} if approved else {"Error": "Refused", "Cause": "not today"}
    assert output == expected
    account.client("dynamodb").delete_item(TableName=app["Table"], Key={"id": {"S": value}})


def test_the_history_comes_in_pages_and_in_reverse(account: Account, main_machine: Machine) -> None:
    api = account.client("stepfunctions")
    arn = main_machine.start({"id": "pages"})
    main_machine.end_of(arn)
    whole = api.get_execution_history(executionArn=arn)["events"]
    pages = api.get_paginator("get_execution_history").paginate(
        executionArn=arn, PaginationConfig={"PageSize": 3}
    )
    assert [e["id"] for page in pages for e in page["events"]] == [e["id"] for e in whole]
    last = api.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)["events"]
    assert last[0]["type"] == "ExecutionSucceeded"
    assert last[0]["id"] == len(whole)


def test_an_execution_without_a_name_gets_one_and_a_used_name_is_refused(
    account: Account, main_machine: Machine
) -> None:
    arns = {main_machine.start({"id": "unnamed"}) for _ in range(2)}
    assert len(arns) == 2
    main_machine.end_of(main_machine.start({"id": "once"}, name="once"))
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        main_machine.start({"id": "twice"}, name="once")


def test_an_expression_that_gives_nothing_fails_the_execution(
    account: Account, app: Outputs
) -> None:
    api = account.client("stepfunctions")
    role = api.describe_state_machine(stateMachineArn=app["MainStateMachine"])["roleArn"]
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Say",
        "States": {"Say": {"Type": "Pass", "Output": "{% $states.input.missing %}", "End": True}},
    }
    arn = api.create_state_machine(
        name="undefined", definition=json.dumps(definition), roleArn=role
    )
    end = Machine(account, arn["stateMachineArn"]).run({})
    assert (end["status"], end["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "returned nothing" in end["cause"]


def test_an_output_that_cannot_be_evaluated_is_caught_by_its_state(
    account: Account, app: Outputs
) -> None:
    parent = parent_that_does_not_wait(account, app, "{% $error('no answer') %}")
    end = parent.end_of(parent.start({"id": "bad-output"}, name="bad-output-1"))
    assert json.loads(end["output"]) == "States.QueryEvaluationError"
