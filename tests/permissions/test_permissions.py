"""Nothing is used that is not allowed, and nothing allowed that is never used."""

from typing import Any

import pytest

from steadystate.documents.experiment import ACTIONS
from tests.definitions.stack import functions, resources
from tests.permissions.comparison import Comparison, compared
from tests.permissions.exceptions import EXCEPTIONS, Unused
from tests.permissions.faults import NEEDED, missing_and_unused
from tests.permissions.policies import grants_and_used, unlisted_and_stale

TABLE = "arn:aws:dynamodb:r:1:table/runs"
POLICY = {
    "Statement": [
        {
            "Sid": "Keep",
            "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
            "Resource": [TABLE, TABLE + "/index/*"],
        }
    ]
}


def use(action: str, *resources: str, allowed: bool = True) -> dict[str, object]:
    return {"action": action, "resources": list(resources), "allowed": allowed}


def unused(*uses: dict[str, object]) -> list[str]:
    return [g.what for g, used in grants_and_used("F", [POLICY], uses).items() if not used]


def test_an_action_on_a_resource_is_used_when_a_request_needed_both_together() -> None:
    """Each action and each resource was needed, and two of four pairs."""
    used = [use("dynamodb:GetItem", TABLE), use("dynamodb:PutItem", TABLE + "/index/open")]
    assert unused(*used) == [
        f"dynamodb:GetItem on {TABLE}/index/*",
        f"dynamodb:PutItem on {TABLE}",
    ]


def test_a_request_whose_resources_are_not_known_is_about_none_in_particular() -> None:
    assert len(unused(use("dynamodb:GetItem"))) == 4
    anywhere = {"Statement": [POLICY["Statement"][0] | {"Resource": "*"}]}
    found = grants_and_used("F", [anywhere], [use("dynamodb:GetItem")])
    assert [g.action for g, used in found.items() if used] == ["dynamodb:GetItem"]


def test_a_request_about_something_else_or_a_refused_one_uses_nothing() -> None:
    assert len(unused(use("dynamodb:GetItem", "arn:aws:dynamodb:r:1:table/other"))) == 4
    assert len(unused(use("dynamodb:GetItem", TABLE, allowed=False))) == 4


def test_an_unused_grant_must_be_listed_and_an_exception_must_be_about_one() -> None:
    found = grants_and_used("F", [POLICY], [use("dynamodb:GetItem", TABLE)])
    put = Unused(("F",), "Keep", "dynamodb:PutItem on *", "only in trouble")
    index = Unused(("F",), "Keep", "dynamodb:Get* on *index/?", "only in trouble")
    assert unlisted_and_stale(found, [put, index]) == []
    assert len(unlisted_and_stale(found, [put])) == 1
    for stale in (f"dynamodb:GetItem on {TABLE}", "dynamodb:Scan on *"):  # used; not in the policy
        extra = Unused(("F",), "Keep", stale, "a reason")
        assert len(unlisted_and_stale(found, [put, index, extra])) == 1


def test_every_exception_has_a_reason() -> None:
    assert all(one.reason for one in EXCEPTIONS)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compared(tmp_path_factory.mktemp("permissions"))


def test_no_function_and_no_machine_asks_for_what_it_may_not(comparison: Comparison) -> None:
    assert comparison.refused == []


def test_all_that_is_allowed_is_used_or_listed_with_its_reason(comparison: Comparison) -> None:
    owners = {grant.owner for grant in comparison.grants}
    assert owners == {*functions(), *resources("AWS::Serverless::StateMachine")}
    assert unlisted_and_stale(comparison.grants, EXCEPTIONS) == []


def fault_statements() -> list[dict[str, Any]]:
    (policy,) = resources("AWS::IAM::Role")["FaultRole"]["Policies"]
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return statements


def test_it_is_known_what_each_fault_needs() -> None:
    assert set(NEEDED) == set(ACTIONS)


def test_the_role_of_faults_may_do_what_faults_need_and_no_more() -> None:
    assert missing_and_unused(fault_statements()) == []


def test_a_pair_of_the_role_of_faults_that_is_missing_or_for_no_fault_is_named() -> None:
    without = [s for s in fault_statements() if s["Sid"] != "StopAllowedTasks"]
    swapped = {"Action": "ecs:StopTask", "Resource": "arn:aws:ecs:r:1:container-instance/*"}
    assert missing_and_unused([*without, swapped]) == [
        "FaultRole: ecs:StopTask on task/* is needed and not allowed",
        "FaultRole: ecs:StopTask on container-instance/* is allowed for no fault",
    ]
