"""Nothing is used that is not allowed, and nothing allowed that is never used."""

import pytest

from tests.definitions.stack import functions, resources
from tests.permissions.comparison import Comparison, compared
from tests.permissions.exceptions import EXCEPTIONS, Unused
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


def test_an_action_and_a_resource_are_used_when_a_request_needed_them() -> None:
    assert unused(use("dynamodb:GetItem", TABLE)) == ["dynamodb:PutItem", TABLE + "/index/*"]


def test_a_request_about_something_else_or_a_refused_one_uses_nothing() -> None:
    assert len(unused(use("dynamodb:GetItem", "arn:aws:dynamodb:r:1:table/other"))) == 4
    assert len(unused(use("dynamodb:GetItem", TABLE, allowed=False))) == 4


def test_an_unused_grant_must_be_listed_and_an_exception_must_be_about_one() -> None:
    found = grants_and_used("F", [POLICY], [use("dynamodb:GetItem", TABLE)])
    put = Unused(("F",), "Keep", "dynamodb:PutItem", "only in trouble")
    index = Unused(("F",), "Keep", "*index/?", "only in trouble")
    assert unlisted_and_stale(found, [put, index]) == []
    assert len(unlisted_and_stale(found, [put])) == 1
    for stale in ("dynamodb:GetItem", "dynamodb:Scan"):  # used after all; not in the policy
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
