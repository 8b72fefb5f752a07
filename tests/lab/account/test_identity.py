"""A role may do what its policies say, and nothing else."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.account.access import action_name, allowed, needs
from tests.lab.account.conftest import Account, Machine

Outputs = dict[str, str]
TABLE = "arn:aws:dynamodb:r:1:table/runs"


def _policy(effect: str, action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([], False),
        ([_policy("Allow", "dynamodb:PutItem", TABLE)], True),
        ([_policy("Allow", "DynamoDB:put*", TABLE)], True),
        ([_policy("Allow", ["dynamodb:GetItem"], TABLE)], False),
        ([_policy("Allow", "dynamodb:*", TABLE + "/index/*")], False),
        ([_policy("Allow", "*"), _policy("Deny", "dynamodb:PutItem", TABLE)], False),
        ([_policy("Allow", "*"), _policy("Deny", "dynamodb:PutItem", TABLE + "2")], True),
        ([{"Statement": {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}}], True),
        ([{"Statement": {"Effect": "Allow", "Action": "*", "NotResource": TABLE}}], False),
    ],
)
def test_the_evaluation_of_policies(policies: list[Any], expected: bool) -> None:
    assert allowed(policies, "dynamodb:PutItem", [TABLE]) is expected


def test_every_resource_must_be_allowed() -> None:
    policy = [_policy("Allow", "dynamodb:BatchGetItem", TABLE)]
    assert allowed(policy, "dynamodb:BatchGetItem", [TABLE])
    assert not allowed(policy, "dynamodb:BatchGetItem", [TABLE, TABLE + "2"])


def test_a_condition_on_a_known_key_counts() -> None:
    condition = {"StringEquals": {"cloudwatch:namespace": "Steadystate"}}
    policy = [_policy("Allow", "cloudwatch:PutMetricData", Condition=condition)]
    action = "cloudwatch:PutMetricData"
    assert allowed(policy, action, ["*"], {"cloudwatch:namespace": "Steadystate"})
    assert not allowed(policy, action, ["*"], {"cloudwatch:namespace": "Other"})


def test_actions_and_resources_of_requests() -> None:
    assert action_name("monitoring", "GetMetricData") == "cloudwatch:GetMetricData"
    assert action_name("lambda", "Invoke") == "lambda:InvokeFunction"
    body = {"TransactItems": [{"Put": {"TableName": "runs"}}, {"Delete": {"TableName": "x"}}]}
    assert needs("dynamodb", "TransactWriteItems", body, region="r", account="1") == [
        ("dynamodb:PutItem", [TABLE]),
        ("dynamodb:DeleteItem", ["arn:aws:dynamodb:r:1:table/x"]),
    ]
    query = {"TableName": "runs", "IndexName": "by-run"}
    assert needs("dynamodb", "Query", query, region="r", account="1")[0][1] == [
        TABLE + "/index/by-run"
    ]


def test_a_function_cannot_do_what_its_template_does_not_allow(main_machine: Machine) -> None:
    end = main_machine.run({"do": "forbidden", "id": "first"})
    assert (end["status"], end["error"]) == ("FAILED", "ClientError")
    message = json.loads(end["cause"])["errorMessage"]
    assert "is not authorized to perform: dynamodb:DeleteItem on resource" in message


CALLS: list[tuple[str, str, dict[str, Any], str]] = [
    ("autoscaling", "describe_auto_scaling_groups", {}, "AccessDenied"),
    ("cloudwatch", "list_metrics", {}, "AccessDeniedException"),
    ("dynamodb", "scan", {"TableName": "runs"}, "AccessDeniedException"),
    ("ec2", "describe_instances", {}, "UnauthorizedOperation"),
    ("elbv2", "describe_load_balancers", {}, "AccessDenied"),
    ("events", "list_rules", {}, "AccessDeniedException"),
    ("fis", "stop_experiment", {"id": "EXP1"}, "AccessDeniedException"),
    ("fis", "get_experiment", {"id": "EXP1"}, "AccessDeniedException"),
    ("lambda", "list_functions", {}, "AccessDeniedException"),
    ("rds", "describe_db_instances", {}, "AccessDenied"),
    ("s3", "list_objects_v2", {"Bucket": "b"}, "AccessDenied"),
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}, "AccessDenied"),
    ("scheduler", "list_schedules", {}, "AccessDeniedException"),
    ("secretsmanager", "list_secrets", {}, "AccessDeniedException"),
    ("sns", "publish", {"TopicArn": "arn:aws:sns:r:1:t", "Message": "m"}, "AccessDenied"),
    ("ssm", "get_parameter", {"Name": "/a"}, "AccessDeniedException"),
    ("stepfunctions", "list_state_machines", {}, "AccessDeniedException"),
]


@pytest.mark.parametrize(("service", "call", "arguments", "code"), CALLS)
def test_each_service_refuses_a_role_without_permission_and_lets_it_in_with_it(
    account: Account, service: str, call: str, arguments: dict[str, Any], code: str
) -> None:
    none, every = _role(account, "nobody", None), _role(account, "anybody", _policy("Allow", "*"))
    with pytest.raises(ClientError) as refused:
        getattr(account.as_role(service, none), call)(**arguments)
    assert refused.value.response["Error"]["Code"] == code
    try:
        getattr(account.as_role(service, every), call)(**arguments)
    except ClientError as error:  # what it asks for need not exist
        assert "ccess" not in error.response["Error"]["Code"]
        assert error.response["Error"]["Code"] != "UnauthorizedOperation"


def _role(account: Account, name: str, policy: Any) -> str:
    iam = account.client("iam")
    arn = f"arn:aws:iam::123456789012:role/{name}"
    try:
        iam.get_role(RoleName=name)
    except ClientError:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version":"2012-10-17"}')
        if policy is not None:
            document = json.dumps({"Version": "2012-10-17"} | policy)
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    return arn


LISTENER = "arn:aws:elasticloadbalancing:r:123456789012:listener/app/x/NAME"
MACHINE = "arn:aws:states:r:123456789012:stateMachine:NAME"
SECRET = "arn:aws:secretsmanager:r:123456789012:secret:NAME"
TOPIC = "arn:aws:sns:r:123456789012:NAME"
RESOURCES: list[tuple[str, str, dict[str, Any], str]] = [
    ("dynamodb", "scan", {"TableName": "NAME"}, "arn:aws:dynamodb:*:*:table/NAME"),
    ("events", "put_events", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}",
     "EventBusName": "NAME"}]}, "arn:aws:events:*:*:event-bus/NAME"),
    ("fis", "stop_experiment", {"id": "NAME"}, "arn:aws:fis:*:*:experiment/NAME"),
    ("fis", "delete_experiment_template", {"id": "NAME"}, "arn:aws:fis:*:*:*/NAME"),
    ("lambda", "invoke", {"FunctionName": "NAME"}, "arn:aws:lambda:*:*:function:NAME"),
    ("elbv2", "modify_listener", {"ListenerArn": LISTENER}, LISTENER),
    ("s3", "get_object", {"Bucket": "bucket", "Key": "NAME"}, "arn:aws:s3:::bucket/NAME"),
    ("s3", "list_objects_v2", {"Bucket": "NAME"}, "arn:aws:s3:::NAME"),
    ("secretsmanager", "get_secret_value", {"SecretId": SECRET}, SECRET),
    ("sns", "publish", {"TopicArn": TOPIC, "Message": "m"}, TOPIC),
    ("ssm", "get_parameter", {"Name": "/NAME"}, "arn:aws:ssm:*:*:parameter/NAME"),
    ("ssm", "get_parameters", {"Names": ["/NAME"]}, "arn:aws:ssm:*:*:parameter/NAME"),
    ("stepfunctions", "start_execution", {"stateMachineArn": MACHINE}, MACHINE),
]  # fmt: skip


@pytest.mark.parametrize(("service", "call", "arguments", "resource"), RESOURCES)
def test_a_permission_for_one_resource_is_none_for_another(
    account: Account, service: str, call: str, arguments: dict[str, Any], resource: str
) -> None:
    policy = _policy("Allow", "*", resource.replace("NAME", "mine"))
    role = _role(account, f"only-{service}-{call}", policy)
    api = account.as_role(service, role)

    def code(name: str) -> str:
        given = json.loads(json.dumps(arguments).replace("NAME", name))
        try:
            getattr(api, call)(**given)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "allowed"

    assert "AccessDenied" in code("other")
    assert "AccessDenied" not in code("mine")


def test_only_who_may_list_a_bucket_is_told_that_an_object_is_missing(account: Account) -> None:
    account.client("s3").create_bucket(
        Bucket="quiet", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"}
    )
    account.client("s3").put_object(Bucket="quiet", Key="there", Body=b"")

    def told(name: str, *actions: str) -> str:
        api = account.as_role("s3", _role(account, name, _policy("Allow", list(actions))))
        api.get_object(Bucket="quiet", Key="there")
        with pytest.raises(ClientError) as refused:
            api.get_object(Bucket="quiet", Key="missing")
        return str(refused.value.response["Error"]["Code"])

    assert told("gets", "s3:GetObject") == "AccessDenied"
    assert told("gets-and-lists", "s3:GetObject", "s3:ListBucket") == "NoSuchKey"


def test_a_machine_cannot_invoke_a_function_that_its_role_does_not_allow(
    account: Account, app: Outputs
) -> None:
    api = account.client("stepfunctions")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": app["DoWorkArn"]},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Ask", "States": {"Ask": task}})
    role = _role(account, "nobody", None)
    made = api.create_state_machine(name="forbidden", definition=definition, roleArn=role)
    end = Machine(account, made["stateMachineArn"]).run({})
    assert (end["status"], end["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "is not authorized to perform: lambda:InvokeFunction" in end["cause"]


def test_a_stolen_key_without_its_token_is_refused(account: Account) -> None:
    role = _role(account, "anybody", _policy("Allow", "*"))
    got = account.client("sts").assume_role(RoleArn=role, RoleSessionName="thief")["Credentials"]
    api = account.client(
        "ssm",
        aws_access_key_id=got["AccessKeyId"],
        aws_secret_access_key="x",
        aws_session_token="wrong",
    )
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        api.describe_parameters()


def test_what_a_role_asked_for_is_remembered_allowed_or_not(account: Account) -> None:
    role = _role(
        account, "reader", _policy("Allow", "ssm:GetParameter", "arn:aws:ssm:*:*:parameter/mine")
    )
    api = account.as_role("ssm", role)
    for name in ("/mine", "/other"):
        with pytest.raises(ClientError):  # there is no /mine; /other is refused
            api.get_parameter(Name=name)
    found = [use for use in json.loads(account.get("/lab/access")[1]) if use["role"] == role]
    asked = {use["resources"][0].rpartition("/")[2]: use["allowed"] for use in found}
    assert {use["action"] for use in found} == {"ssm:GetParameter"}
    assert asked == {"mine": True, "other": False}


def test_a_fault_needs_its_template_its_actions_its_role_and_its_tags() -> None:
    body = {
        "actions": {"one": {"actionId": "aws:ecs:stop-task"}},
        "roleArn": "arn:aws:iam::1:role/faults",
        "tags": {"a": "b"},
    }
    own = "arn:aws:fis:r:1:"
    assert needs("fis", "CreateExperimentTemplate", body, region="r", account="1") == [
        (
            "fis:CreateExperimentTemplate",
            [f"{own}experiment-template/*", f"{own}action/aws:ecs:stop-task"],
        ),
        ("iam:PassRole", ["arn:aws:iam::1:role/faults"]),
        ("fis:TagResource", [f"{own}experiment-template/*"]),
    ]
    body = {"fisArn": f"{own}experiment-template/mine", "tags": {"a": "b"}}
    assert needs("fis", "StartExperiment", body, region="r", account="1") == [
        ("fis:StartExperiment", [f"{own}experiment/*", f"{own}experiment-template/mine"]),
        ("fis:TagResource", [f"{own}experiment/*"]),
    ]
