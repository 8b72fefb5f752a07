"""A service refuses calls of roles, in its own words, as often as it is told."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.lab.account.conftest import Account


@pytest.fixture(scope="module")
def role(account: Account) -> str:
    iam = account.client("iam")
    arn = iam.create_role(RoleName="throttled", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="throttled", PolicyName="all", PolicyDocument=policy)
    return str(arn)


@pytest.mark.parametrize(
    ("service", "signed", "operation", "code"),
    [
        ("dynamodb", "dynamodb", "list_tables", "ThrottlingException"),
        ("fis", "fis", "list_experiments", "ThrottlingException"),
        ("elbv2", "elasticloadbalancing", "describe_load_balancers", "Throttling"),
        ("ec2", "ec2", "describe_instances", "RequestLimitExceeded"),
    ],
)
def test_calls_of_a_role_are_refused_in_the_words_of_the_service(
    account: Account, role: str, service: str, signed: str, operation: str, code: str
) -> None:
    call = getattr(account.as_role(service, role), operation)
    assert account.post("/lab/throttles", {signed: 1000})[0] == 200
    getattr(account.client(service), operation)()  # whoever looks is not refused
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code
    tries = caught.value.response["ResponseMetadata"]["RetryAttempts"] + 1
    assert json.loads(account.get("/lab/throttles")[1]) == {signed: tries}
    assert account.post("/lab/throttles", {signed: 1})[0] == 200
    call()  # its client tried again


def test_what_is_no_number_of_calls_is_refused(account: Account) -> None:
    assert account.post("/lab/throttles", {"fis": "many"})[0] == 400
