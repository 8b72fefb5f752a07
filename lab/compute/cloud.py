"""What the supervisor reads in the account and does there. All calls block."""

import contextlib
import json
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Polled several times a second: checking every parameter again costs more than it finds.
CLIENT_CONFIG = Config(
    parameter_validation=False,
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "max_attempts": 2},
    max_pool_connections=20,
)
_SUSPENDING = {"HealthCheck", "ReplaceUnhealthy", "Terminate"}


@dataclass(frozen=True)
class Group:
    """An auto-scaling group."""

    name: str
    members: frozenset[str]
    target_groups: tuple[str, ...]
    elb_health: bool
    grace_seconds: float
    replaces: bool


@dataclass(frozen=True)
class CloudInstance:
    """An EC2 instance: its state (`running`, `stopped`, ...) and its instance profile's ARN."""

    state: str
    profile: str | None


@dataclass(frozen=True)
class Snapshot:
    """Groups and the instances that are in one, terminated ones aside."""

    groups: tuple[Group, ...]
    instances: dict[str, CloudInstance]


@dataclass(frozen=True)
class CloudDatabase:
    """An RDS instance."""

    identifier: str
    status: str
    name: str | None
    user: str | None


class Cloud:
    """The account, seen by the supervisor."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._autoscaling = boto3.client("autoscaling", config=CLIENT_CONFIG)
        self._ec2 = boto3.client("ec2", config=CLIENT_CONFIG)
        self._elbv2 = boto3.client("elbv2", config=CLIENT_CONFIG)
        self._rds = boto3.client("rds", config=CLIENT_CONFIG)
        self._elasticache: Any = boto3.client("elasticache", config=CLIENT_CONFIG)
        self._ssm = boto3.client("ssm", config=CLIENT_CONFIG)
        self._sts = boto3.client("sts", config=CLIENT_CONFIG)
        self._iam = boto3.client("iam", config=CLIENT_CONFIG)
        self._cloudwatch = boto3.client("cloudwatch", config=CLIENT_CONFIG)

    def snapshot(self) -> Snapshot:
        groups = []
        for page in self._autoscaling.get_paginator("describe_auto_scaling_groups").paginate():
            for group in page["AutoScalingGroups"]:
                suspended = {
                    process.get("ProcessName", "")
                    for process in group.get("SuspendedProcesses", [])
                }
                groups.append(
                    Group(
                        name=group["AutoScalingGroupName"],
                        members=frozenset(
                            member["InstanceId"]
                            for member in group.get("Instances", [])
                            if not member["LifecycleState"].startswith("Terminat")
                        ),
                        target_groups=tuple(group.get("TargetGroupARNs", [])),
                        elb_health="ELB" in group.get("HealthCheckType", ""),
                        grace_seconds=float(group.get("HealthCheckGracePeriod") or 0),
                        replaces=not suspended & _SUSPENDING,
                    )
                )
        instances: dict[str, CloudInstance] = {}
        if not groups:
            return Snapshot((), instances)
        reservations = self._ec2.get_paginator("describe_instances").paginate(
            Filters=[
                {"Name": "tag-key", "Values": ["aws:autoscaling:groupName"]},
                {
                    "Name": "instance-state-name",
                    "Values": ["pending", "running", "stopping", "stopped"],
                },
            ]
        )
        for reservation in reservations.search("Reservations[]"):
            for instance in reservation["Instances"]:
                instances[instance["InstanceId"]] = CloudInstance(
                    state=instance["State"]["Name"],
                    profile=instance.get("IamInstanceProfile", {}).get("Arn"),
                )
        return Snapshot(tuple(groups), instances)

    def terminate(self, instance_id: str) -> None:
        """End an instance; the group replaces it. One that is gone already is no error."""
        try:
            self._ec2.terminate_instances(InstanceIds=[instance_id])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                raise

    def register(self, target_group: str, instance_ids: Iterable[str]) -> None:
        targets = [{"Id": instance_id} for instance_id in instance_ids]
        self._elbv2.register_targets(TargetGroupArn=target_group, Targets=targets)  # type: ignore[arg-type]

    def deregister(self, target_group: str, instance_id: str) -> None:
        """One that is not registered (any more) is no error."""
        with contextlib.suppress(
            self._elbv2.exceptions.InvalidTargetException,
            self._elbv2.exceptions.TargetGroupNotFoundException,
        ):
            self._elbv2.deregister_targets(
                TargetGroupArn=target_group, Targets=[{"Id": instance_id}]
            )

    def unhealthy_targets(self, target_group: str) -> set[str]:
        answer = self._elbv2.describe_target_health(TargetGroupArn=target_group)
        return {
            description["Target"]["Id"]
            for description in answer["TargetHealthDescriptions"]
            if description["TargetHealth"]["State"] == "unhealthy"
        }

    def credentials(self, profile_arn: str | None) -> dict[str, str]:
        """Credentials of the instance's role as environment variables.

        Empty without an instance profile: then the lab's own credentials are used.
        """
        if profile_arn is None:
            return {}
        name = profile_arn.rsplit("/", 1)[1]
        profile = self._iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        if not profile["Roles"]:
            return {}
        return self.role_credentials(profile["Roles"][0]["Arn"], "instance")

    def role_credentials(self, role_arn: str, session: str) -> dict[str, str]:
        """Credentials of a role as environment variables."""
        answer = self._sts.assume_role(RoleArn=role_arn, RoleSessionName=session)
        credentials = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }

    def databases(self) -> list[CloudDatabase]:
        return [
            CloudDatabase(
                identifier=database["DBInstanceIdentifier"],
                status=database["DBInstanceStatus"],
                name=database.get("DBName"),
                user=database.get("MasterUsername"),
            )
            for page in self._rds.get_paginator("describe_db_instances").paginate()
            for database in page["DBInstances"]
        ]

    def database_of(self, workload: str) -> str | None:
        """The database id that a workload's stack has published, None if it has not (yet)."""
        name = f"/steadystate/workloads/{workload}/database-id"
        try:
            return self._ssm.get_parameter(Name=name)["Parameter"].get("Value")
        except self._ssm.exceptions.ParameterNotFound:
            return None

    def set_database(self, identifier: str, *, status: str, port: int) -> None:
        self.post(
            f"/lab/databases/{identifier}",
            {"status": status, "address": "127.0.0.1", "port": port},
        )

    def caches(self) -> list[str]:
        """The ids of the replication groups."""
        groups = self._elasticache.describe_replication_groups()["ReplicationGroups"]
        return [group["ReplicationGroupId"] for group in groups]

    def auth_token(self, identifier: str) -> str | None:
        """What clients of a cache have to say first."""
        url = f"{self._endpoint_url.rstrip('/')}/lab/caches/{identifier}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
            token: str | None = json.load(answer)["auth_token"]
        return token

    def set_cache(self, identifier: str, status: str) -> None:
        self.post(f"/lab/caches/{identifier}", {"status": status})

    def put_connections(self, identifier: str, connections: int, at: float) -> None:
        self._cloudwatch.put_metric_data(
            Namespace="AWS/RDS",
            MetricData=[
                {
                    "MetricName": "DatabaseConnections",
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": identifier}],
                    "Timestamp": datetime.fromtimestamp(at, UTC),
                    "Value": connections,
                    "Unit": "Count",
                    "StorageResolution": 1,
                }
            ],
        )

    def post(self, path: str, content: dict[str, Any]) -> None:
        """POST to one of the embedded account's own addresses. Raises OSError."""
        request = urllib.request.Request(  # noqa: S310  loopback
            self._endpoint_url.rstrip("/") + path,
            data=json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            answer.read()
