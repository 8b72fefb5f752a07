"""Whether a role may do what it asks for: the identity-based part of IAM's policy evaluation.

Actions and resources are enforced; an explicit Deny wins. A condition on a key that the request
does not carry here counts as met in an Allow, and as not met in a Deny.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

Policy = Mapping[str, Any]

# Signing names (and moto's) that differ from the prefix of the actions.
_PREFIXES = {"monitoring": "cloudwatch", "tagging": "tag", "email": "ses"}
_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "bedrock:Converse": "bedrock:InvokeModel",
    "dynamodb:TransactGetItems": "dynamodb:GetItem",
}
# Writing a transaction needs the permission of each write in it.
_TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"} | {
    "ConditionCheck": "ConditionCheckItem"
}


def action_name(service: str, operation: str) -> str:
    """The IAM action of an API operation; `service` is the name that requests are signed with."""
    action = f"{_PREFIXES.get(service, service)}:{operation}"
    return _ACTIONS.get(action, action)


def needs(
    service: str, operation: str, body: Mapping[str, Any], *, region: str, account: str
) -> list[tuple[str, list[str] | None]]:
    """The actions that a request needs, each with its resources; None where they are not known."""
    if service == "dynamodb" and operation == "TransactWriteItems":
        return [
            (f"dynamodb:{_TRANSACTION[kind]}", [_table(item["TableName"], region, account)])
            for entry in body.get("TransactItems", [])
            for kind, item in entry.items()
        ]
    action = action_name(service, operation)
    if action in _MADE:
        return _making_needs(action, body, region, account)
    return [(action, _resources(action, body, region, account))]


_MADE = {"fis:CreateExperimentTemplate": "experiment-template", "fis:StartExperiment": "experiment"}


def _making_needs(
    action: str, body: Mapping[str, Any], region: str, account: str
) -> list[tuple[str, list[str] | None]]:
    """What FIS makes needs its tags too, a template its actions and its role, and an experiment its
    template: "Actions, resources, and condition keys for AWS Fault Injection Service", Service
    Authorization Reference."""
    own = f"arn:aws:fis:{region}:{account}:"
    made = f"{own}{_MADE[action]}/*"
    faults = {a["actionId"] for a in body.get("actions", {}).values() if "actionId" in a}
    named = [made, *(f"{own}action/{fault}" for fault in sorted(faults))]
    if "fisArn" in body:
        named.append(body["fisArn"])
    needed: list[tuple[str, list[str] | None]] = [(action, named)]
    if "roleArn" in body:
        needed.append(("iam:PassRole", [body["roleArn"]]))
    if body.get("tags"):
        needed.append(("fis:TagResource", [made]))
    return needed


def _resources(action: str, body: Mapping[str, Any], region: str, account: str) -> list[str] | None:
    prefix, _, operation = action.partition(":")
    if (operation.startswith("Describe") and prefix in _LISTED) or action in _UNBOUND:
        return ["*"]
    if prefix == "dynamodb":
        return _tables(body, region, account)
    if prefix == "ssm":
        names = body.get("Names") or [body.get("Name") or body.get("Path") or ""]
        return [f"arn:aws:ssm:{region}:{account}:parameter/{n.lstrip('/')}" for n in names if n]
    if action in ("ecs:DescribeTasks", "ecs:StopTask"):
        tasks = body.get("tasks") or [body.get("task", "")]
        return [task for task in tasks if task.startswith("arn:")] or None
    if action in _NAMED:
        return _named(action, body, region, account)
    arns = [body[key] for key in _ARN_KEYS if str(body.get(key, "")).startswith("arn:")]
    return arns[:1] or None


_NAMED = ("cloudwatch:DescribeAlarms", "events:PutEvents", "rds:DescribeDBInstances")


def _named(action: str, body: Mapping[str, Any], region: str, account: str) -> list[str]:
    """The resources of actions that are about names, or about all of a kind."""
    if action == "cloudwatch:DescribeAlarms":
        return [f"arn:aws:cloudwatch:{region}:{account}:alarm:*"]
    kind, names = "rds:{at}:db:", {body.get("DBInstanceIdentifier") or "*"}
    if action == "events:PutEvents":
        kind = "events:{at}:event-bus/"
        names = {entry.get("EventBusName") or "default" for entry in body.get("Entries", [])}
    prefix = "arn:aws:" + kind.format(at=f"{region}:{account}")
    return [name if name.startswith("arn:") else prefix + name for name in names]


def _tables(body: Mapping[str, Any], region: str, account: str) -> list[str] | None:
    if "TableName" in body:
        table = _table(body["TableName"], region, account)
        return [f"{table}/index/{body['IndexName']}" if "IndexName" in body else table]
    return [_table(name, region, account) for name in body.get("RequestItems", {})] or None


# What can only be allowed for all resources at once.
_LISTED = ("ec2", "elasticloadbalancing", "autoscaling")
_UNBOUND = (
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
)
# Members whose value is the ARN of the resource that the action is about.
_ARN_KEYS = (
    "executionArn",
    "stateMachineArn",
    "TopicArn",
    "TargetArn",
    "RuleArn",
    "ListenerArn",
    "TargetGroupArn",
    "LoadBalancerArn",
    "RoleArn",
    "SecretId",
    "FunctionArn",
    "fisArn",
)


def _table(name: str, region: str, account: str) -> str:
    return name if name[:4] == "arn:" else f"arn:aws:dynamodb:{region}:{account}:table/{name}"


def allowed(
    policies: Iterable[Policy],
    action: str,
    resources: Sequence[str] | None,
    context: Mapping[str, str] | None = None,
) -> bool:
    """Whether the policies allow the action on every one of the resources."""
    statements = [s for policy in policies for s in _as_list(policy.get("Statement"))]
    return all(
        _allowed(statements, action, resource, context or {})
        for resource in (resources if resources is not None else [None])
    )


def _allowed(
    statements: list[Mapping[str, Any]],
    action: str,
    resource: str | None,
    context: Mapping[str, str],
) -> bool:
    permitted = False
    for statement in statements:
        if not _applies(statement, action, resource, context):
            continue
        if statement["Effect"] == "Deny":
            return False
        permitted = True
    return permitted


def _applies(
    statement: Mapping[str, Any], action: str, resource: str | None, context: Mapping[str, str]
) -> bool:
    deny = statement["Effect"] == "Deny"
    if "NotAction" in statement:
        if _any_matches(statement["NotAction"], action, ignore_case=True):
            return False
    elif not _any_matches(statement.get("Action", []), action, ignore_case=True):
        return False
    if resource is None:
        patterns = _as_list(statement.get("Resource", []))
        about = "*" in patterns or not deny
    elif "NotResource" in statement:
        about = not _any_matches(statement["NotResource"], resource)
    else:
        about = _any_matches(statement.get("Resource", []), resource)
    return about and _conditions_met(statement.get("Condition", {}), context, unknown=not deny)


def _conditions_met(
    conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str], *, unknown: bool
) -> bool:
    for operator, tests in conditions.items():
        for key, wanted in tests.items():
            value = context.get(key)
            name = operator.removeprefix("ForAnyValue:").removeprefix("ForAllValues:")
            if value is None or name.removesuffix("IfExists") not in _STRING_OPERATORS:
                if not unknown:
                    return False
                continue
            like = "Like" in name or "Arn" in name
            found = _any_matches(wanted, value) if like else value in _as_list(wanted)
            if found == ("Not" in name):
                return False
    return True


_STRING_OPERATORS = {"StringEquals", "StringNotEquals", "StringLike", "StringNotLike"} | {
    "ArnEquals",
    "ArnLike",
}


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _any_matches(patterns: Any, value: str, *, ignore_case: bool = False) -> bool:
    return any(_pattern(p, ignore_case).fullmatch(value) for p in _as_list(patterns))


@lru_cache(maxsize=4096)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.IGNORECASE if ignore_case else 0)
