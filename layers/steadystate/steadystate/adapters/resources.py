"""The workload's resources: SSM parameters, instances, databases, tasks, target health."""

from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from steadystate.adapters.aws import client, code_of, passing_faults
from steadystate.documents.workload import DatabaseTarget, InstancesTarget, TasksTarget

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_ssm import SSMClient

ALLOW_TAG = "steadystate:allow"
_TASKS_AT_ONCE = 100
_NO_SERVICE = ("ClusterNotFoundException", "ServiceNotFoundException")


class Resource(NamedTuple):
    """A resource that a fault could hit; see ports.ResolvedTarget."""

    arn: str
    allowed: bool
    target_id: str = ""


class SsmParameters:
    """The port Parameters: `/steadystate/workloads/<name>/…`."""

    def of(self, workload: str) -> dict[str, str]:
        """Return the workload's parameters by the last part of their names."""
        ssm: SSMClient = client("ssm")
        prefix = f"/steadystate/workloads/{workload}/"
        with passing_faults():
            pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=prefix)
            return {
                p["Name"].removeprefix(prefix): p["Value"]
                for page in pages
                for p in page["Parameters"]
            }


class AwsTargets:
    """The port Targets."""

    def __init__(self, region: str, account: str) -> None:
        self._region, self._account = region, account

    def resolve(self, target: InstancesTarget | DatabaseTarget | TasksTarget) -> list[Resource]:
        """Return the resources that are up."""
        with passing_faults():
            if isinstance(target, InstancesTarget):
                return self._instances(target.auto_scaling_group)
            if isinstance(target, TasksTarget):
                return self._tasks(target.cluster, target.service)
            return self._databases(target.identifier)

    def _instances(self, group: str) -> list[Resource]:
        ec2: EC2Client = client("ec2")
        pages = ec2.get_paginator("describe_instances").paginate(
            Filters=[
                {"Name": "tag:aws:autoscaling:groupName", "Values": [group]},
                {"Name": "instance-state-name", "Values": ["running"]},
            ]
        )
        return [
            Resource(
                f"arn:aws:ec2:{self._region}:{self._account}:instance/{i['InstanceId']}",
                {"Key": ALLOW_TAG, "Value": "true"} in i.get("Tags", []),
                i["InstanceId"],
            )
            for page in pages
            for reservation in page["Reservations"]
            for i in reservation["Instances"]
        ]

    def _databases(self, identifier: str) -> list[Resource]:
        rds: RDSClient = client("rds")
        try:
            answer = rds.describe_db_instances(DBInstanceIdentifier=identifier)
        except ClientError as error:
            if code_of(error) in ("DBInstanceNotFound", "DBInstanceNotFoundFault"):
                return []
            raise
        return [
            Resource(
                d["DBInstanceArn"],
                {"Key": ALLOW_TAG, "Value": "true"} in d.get("TagList", []),
            )
            for d in answer["DBInstances"]
            if d["DBInstanceStatus"] == "available"
        ]

    def _tasks(self, cluster: str, service: str) -> list[Resource]:
        ecs: Any = client("ecs")
        pages = ecs.get_paginator("list_tasks").paginate(
            cluster=cluster, serviceName=service, desiredStatus="RUNNING"
        )
        try:
            arns = [arn for page in pages for arn in page["taskArns"]]
        except ClientError as error:
            if code_of(error) in _NO_SERVICE:
                return []
            raise
        found: list[Any] = []
        for first in range(0, len(arns), _TASKS_AT_ONCE):
            some = arns[first : first + _TASKS_AT_ONCE]
            answer = ecs.describe_tasks(cluster=cluster, tasks=some, include=["TAGS"])
            found += answer["tasks"]
        allowed = {"key": ALLOW_TAG, "value": "true"}
        return [
            Resource(task["taskArn"], allowed in task.get("tags", []), _address(task))
            for task in found
            if task["lastStatus"] == "RUNNING"
        ]


def _address(task: Any) -> str:
    """Return the private address of a task in `awsvpc` mode, by which target groups know it."""
    details = [d for a in task.get("attachments", []) for d in a.get("details", [])]
    return next((str(d["value"]) for d in details if d["name"] == "privateIPv4Address"), "")


class ElbTargetHealth:
    """The port TargetHealth."""

    def healthy(self, target_group: str) -> int:
        """Return how many targets the load balancer calls healthy. Raises LookupError."""
        states = [t["TargetHealth"]["State"] for t in self._targets(target_group)]
        return states.count("healthy")

    def members(self, target_group: str) -> set[str]:
        """Return the ids of the targets that are registered, and not on their way out."""
        targets = self._targets(target_group)
        return {t["Target"]["Id"] for t in targets if t["TargetHealth"]["State"] != "draining"}

    def _targets(self, target_group: str) -> list[Any]:
        elb: ElasticLoadBalancingv2Client = client("elbv2")
        try:
            with passing_faults():
                answer = elb.describe_target_health(TargetGroupArn=target_group)
        except ClientError as error:
            raise LookupError(f"target health of {target_group}: {code_of(error)}") from error
        return list(answer["TargetHealthDescriptions"])
