"""The policies of a template's roles, with an example in each place that a deployment fills in."""

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT = "123456789012"
REGION = "ap-northeast-2"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "example",
}
ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{at}:table/{name}",
    "AWS::ECS::Cluster": "ecs:{at}:cluster/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{at}:key/00000000-0000-0000-0000-000000000000",
    "AWS::Lambda::Function": "lambda:{at}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{at}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{lower}",
    "AWS::SNS::Topic": "sns:{at}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{at}:secret:{name}-AbCdEf",
    "AWS::SQS::Queue": "sqs:{at}:{name}",
    "AWS::StepFunctions::StateMachine": "states:{at}:stateMachine:{name}",
}
"""What an ARN of a type looks like: "Resource types", Service Authorization Reference."""


def policies_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """The inline policies of all roles, by the role's logical id and the policy's number."""
    return {
        f"{name}.{number}": _filled(policy["PolicyDocument"], template)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
        for number, policy in enumerate(resource["Properties"].get("Policies", []))
    }


def _filled(value: Any, template: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        items = [_filled(item, template) for item in value]
        return [item for item in items if item is not None]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, content),) = value.items()
        if key == "Ref" or key.startswith("Fn::"):
            return _called(key, content, template)
    return {key: _filled(content, template) for key, content in value.items()}


def _called(function: str, content: Any, template: Mapping[str, Any]) -> Any:
    """What an intrinsic function gives; of an If what is there when the condition holds."""
    if function == "Ref":
        return _named(content, template)
    if function == "Fn::GetAtt":
        return _arn(content[0] if isinstance(content, list) else content.split(".")[0], template)
    if function == "Fn::If":
        return _filled(content[1], template)
    if function == "Fn::Sub" and isinstance(content, str):
        return re.sub(r"\$\{([^}]+)\}", lambda found: _inner(found[1], template), content)
    raise LookupError(f"{function} in a policy: say here what it gives")


def _inner(name: str, template: Mapping[str, Any]) -> str:
    base, _, attribute = name.partition(".")
    return _arn(base, template) if attribute == "Arn" else str(_named(name, template))


def _named(name: str, template: Mapping[str, Any]) -> str | None:
    """What a Ref gives: an ARN for what is known by one, else a name."""
    if name == "AWS::NoValue":
        return None
    if name in PSEUDO:
        return PSEUDO[name]
    kind = template["Resources"].get(name, {}).get("Type", "")
    if kind.split("::")[-1] in ("Topic", "StateMachine", "Secret"):
        return _arn(name, template)
    if name.endswith("Arn"):
        return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf"
    return name


def _arn(name: str, template: Mapping[str, Any]) -> str:
    kind = template["Resources"][name]["Type"]
    if kind not in ARNS:
        raise LookupError(f"{name}: say in ARNS what an ARN of {kind} looks like")
    at = f"{REGION}:{ACCOUNT}"
    return "arn:aws:" + ARNS[kind].format(at=at, account=ACCOUNT, name=name, lower=name.lower())
