"""A task that starts an execution fails in AWS's words, before the start or after it."""

import json
from uuid import uuid4

import pytest

from tests.lab.account.conftest import Account, Machine
from tests.lab.account.test_executions import Outputs, parent_that_does_not_wait

CLIENT = "StepFunctions.SdkClientException"
GENERAL = "StepFunctions.AWSStepFunctionsException"


def _struck(account: Account, app: Outputs, kind: str) -> tuple[str, str | None]:
    """The output of a parent whose start is struck, or its status; and the status of its child."""
    api = account.client("stepfunctions")
    name = f"struck-{uuid4().hex}"
    parent = parent_that_does_not_wait(account, app, "started")
    machine = parent.arn.rpartition(":")[2]
    rule = {"machine": machine, "state": "Run Child", "kind": kind, "run_id": name}
    account.post("/lab/sabotage", {"add": [rule]})
    end = parent.end_of(parent.start({"id": name}, name=name))
    account.post("/lab/sabotage", {"lift": [name]})
    child = app["MainStateMachine"].replace("stateMachine", "execution") + f":{name}-child"
    said = json.loads(end["output"]) if "output" in end else end["status"]
    try:
        api.describe_execution(executionArn=child)
    except api.exceptions.ExecutionDoesNotExist:
        return said, None
    return said, str(Machine(account, app["MainStateMachine"]).end_of(child)["status"])


@pytest.mark.parametrize(
    ("kind", "said", "child"),
    [
        ("expected", "StepFunctions.ExecutionLimitExceededException", None),
        ("unknown", "StepFunctions.StateMachineDeletingException", None),
        ("throttled", GENERAL, None),
        ("crashes before", CLIENT, None),
        ("crashes after", CLIENT, "SUCCEEDED"),
        ("times out", "States.Timeout", "SUCCEEDED"),
        ("stopped before", "ABORTED", None),
        ("stopped after", "ABORTED", "SUCCEEDED"),
        ("twice", "started", "SUCCEEDED"),
    ],
)
def test_a_start_is_struck_before_its_effect_or_after_it(
    account: Account, app: Outputs, kind: str, said: str, child: str | None
) -> None:
    assert _struck(account, app, kind) == (said, child)


def test_a_start_that_is_denied_fails_with_the_general_error(
    account: Account, app: Outputs
) -> None:
    parent = parent_that_does_not_wait(account, app, "started")
    api = account.client("stepfunctions")
    found = api.describe_state_machine(stateMachineArn=parent.arn)
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}}
    policy = {"Version": "2012-10-17", "Statement": [trust | {"Action": "sts:AssumeRole"}]}
    role = account.client("iam").create_role(
        RoleName=f"denied-{uuid4().hex}", AssumeRolePolicyDocument=json.dumps(policy)
    )["Role"]["Arn"]
    made = api.create_state_machine(
        name=f"denied-{uuid4().hex}", definition=found["definition"], roleArn=role
    )
    end = Machine(account, made["stateMachineArn"]).run({"id": "denied"})
    assert json.loads(end["output"]) == GENERAL
