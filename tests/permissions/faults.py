"""FIS's own role: what each fault needs, and what the template gives.

The lab's faults are carried out by its own processes and not with this role, so that nothing of it
is used there. What AWS documents stands in for the uses: AWS FIS User Guide, "AWS FIS Actions
reference", the permissions of each action. An optional one is left out: `kms:CreateGrant`, for
instances with volumes under a key of the workload, whose policy can name the role.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

Pair = tuple[str, str]
"""An IAM action, and the resource it is on: the last part of its ARN, or `*`."""

_INSTANCE: Final = "instance/*"
_DATABASE: Final = "db:*"
_TASK: Final = "task/*"

_FOLLOW: Final[frozenset[Pair]] = frozenset(
    {
        ("ssm:SendCommand", "document/AWSFIS-Run-*"),
        ("ssm:ListCommands", "*"),
        ("ssm:CancelCommand", "*"),
    }
)
_IN_TASK: Final = _FOLLOW | {
    ("ssm:SendCommand", "managed-instance/*"),
    ("ecs:DescribeTasks", _TASK),
}
_ON_NETWORK: Final = _IN_TASK | {
    ("ecs:DescribeContainerInstances", "container-instance/*"),
    ("ec2:DescribeInstances", "*"),
    ("ec2:DescribeSubnets", "*"),
}

NEEDED: Final[Mapping[str, frozenset[Pair]]] = {
    "aws:ec2:reboot-instances": frozenset(
        {("ec2:RebootInstances", _INSTANCE), ("ec2:DescribeInstances", "*")}
    ),
    "aws:ec2:stop-instances": frozenset(
        {
            ("ec2:StopInstances", _INSTANCE),
            ("ec2:StartInstances", _INSTANCE),
            ("ec2:DescribeInstances", "*"),
        }
    ),
    "aws:ec2:terminate-instances": frozenset(
        {("ec2:TerminateInstances", _INSTANCE), ("ec2:DescribeInstances", "*")}
    ),
    "aws:ecs:stop-task": frozenset(
        {
            ("ecs:StopTask", _TASK),
            ("ecs:DescribeTasks", _TASK),
            ("ecs:ListTasks", "*"),
            ("tag:GetResources", "*"),
        }
    ),
    "aws:ecs:task-cpu-stress": _IN_TASK,
    "aws:ecs:task-kill-process": _IN_TASK,
    "aws:ecs:task-network-blackhole-port": _IN_TASK,
    "aws:ecs:task-network-latency": _ON_NETWORK,
    "aws:ecs:task-network-packet-loss": _ON_NETWORK,
    "aws:fis:wait": frozenset(),
    "aws:rds:reboot-db-instances": frozenset(
        {
            ("rds:RebootDBInstance", _DATABASE),
            ("rds:DescribeDBInstances", _DATABASE),
            ("tag:GetResources", "*"),
        }
    ),
    "aws:ssm:send-command": _FOLLOW | {("ssm:SendCommand", _INSTANCE)},
}
"""What FIS does in the name of its role, for each action that a method may use."""


def given(statements: Iterable[Mapping[str, Any]]) -> set[Pair]:
    """What statements of the template allow."""
    return {
        (action, _last_part(resource))
        for statement in statements
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def missing_and_unused(statements: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each pair that a fault needs and is not given, or that is given for none."""
    allowed = given(statements)
    needed = {pair for pairs in NEEDED.values() for pair in pairs}
    return [
        *(f"FaultRole: {a} on {r} is needed and not allowed" for a, r in sorted(needed - allowed)),
        *(f"FaultRole: {a} on {r} is allowed for no fault" for a, r in sorted(allowed - needed)),
    ]


def _last_part(resource: str | Mapping[str, str]) -> str:
    """`instance/*` of `arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/*`."""
    text = resource if isinstance(resource, str) else resource["Fn::Sub"]
    return re.sub(r"\$\{[^}]*\}", "", text).split(":", 5)[-1]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
