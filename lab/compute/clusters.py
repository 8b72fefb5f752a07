"""The account's ECS services and tasks: what is read, and what is done there. All calls block."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import boto3

from lab.compute.cloud import CLIENT_CONFIG, Cloud
from lab.compute.scheduling import Wanted

_SERVICES_AT_ONCE = 10
_TASKS_AT_ONCE = 100
_SERVICE = "service:"


class DefinitionError(Exception):
    """A task definition cannot be carried out; the message says why."""


@dataclass(frozen=True)
class CloudService:
    """An ECS service. `target_groups`: ARN and the container port that is registered there."""

    arn: str
    name: str
    cluster: str
    definition: str
    wanted: Wanted
    target_groups: tuple[tuple[str, int], ...]
    network: Mapping[str, Any]
    grace_seconds: float
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CloudTask:
    """A task. `service` is the name of the service that it belongs to, if it does."""

    id: str
    arn: str
    cluster: str
    service: str | None
    deployment: str
    definition: str
    wanted: bool
    status: str
    address: str
    subnet: str


class Clusters:
    """The account's ECS, seen by whoever runs the tasks."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        # The stubs of boto3 that the project has do not know these two.
        self._ecs: Any = boto3.client("ecs", config=CLIENT_CONFIG)
        self._elbv2 = boto3.client("elbv2", config=CLIENT_CONFIG)
        self._definitions: dict[str, Mapping[str, Any]] = {}

    def services(self) -> list[CloudService]:
        found = []
        for cluster in self._ecs.list_clusters()["clusterArns"]:
            names = self._ecs.list_services(cluster=cluster)["serviceArns"]
            for some in _chunks(names, _SERVICES_AT_ONCE):
                answer = self._ecs.describe_services(
                    cluster=cluster, services=some, include=["TAGS"]
                )
                found += [_service(service) for service in answer["services"]]
        return found

    def tasks(self, known: Iterable[CloudTask]) -> list[CloudTask]:
        """The tasks that are to run, and the known ones whatever they are."""
        found = []
        for cluster in self._ecs.list_clusters()["clusterArns"]:
            arns = set(self._ecs.list_tasks(cluster=cluster)["taskArns"])
            arns |= {task.arn for task in known if task.cluster == cluster}
            for some in _chunks(sorted(arns), _TASKS_AT_ONCE):
                answer = self._ecs.describe_tasks(cluster=cluster, tasks=some)
                found += [_task(task) for task in answer["tasks"]]
        return found

    def definition(self, arn: str) -> Mapping[str, Any]:
        """A revision never changes, so it is read once."""
        if arn not in self._definitions:
            answer = self._ecs.describe_task_definition(taskDefinition=arn)
            self._definitions[arn] = answer["taskDefinition"]
        return self._definitions[arn]

    def start(self, service: CloudService, subnet: str) -> None:
        """Create one task of the service in one of its subnets."""
        awsvpc = service.network["awsvpcConfiguration"] | {"subnets": [subnet]}
        self._ecs.run_task(
            cluster=service.cluster,
            taskDefinition=service.definition,
            launchType="FARGATE",
            group=_SERVICE + service.name,
            startedBy=service.wanted.deployment,
            tags=[{"key": key, "value": value} for key, value in service.tags],
            networkConfiguration={"awsvpcConfiguration": awsvpc},
        )

    def stop(self, cluster: str, task: str, reason: str) -> None:
        """Ask for a task's end."""
        self._ecs.stop_task(cluster=cluster, task=task, reason=reason)

    def report(self, task: str, status: str, **details: str) -> None:
        """Say how a task is."""
        self._cloud.post(f"/lab/containers/{task}", {"status": status, **details})

    def register(self, target_group: str, address: str, port: int) -> None:
        target = {"Id": address, "Port": port}
        self._elbv2.register_targets(TargetGroupArn=target_group, Targets=[target])  # type: ignore[list-item]

    def deregister(self, target_group: str, address: str) -> None:
        self._cloud.deregister(target_group, address)

    def health(self, target_group: str) -> dict[str, str]:
        """The state of each target by its address, draining ones too."""
        answer = self._elbv2.describe_target_health(TargetGroupArn=target_group)
        return {
            description["Target"]["Id"]: description["TargetHealth"]["State"]
            for description in answer["TargetHealthDescriptions"]
        }

    def drain_seconds(self, target_group: str) -> float:
        """How long targets drain at most."""
        answer = self._elbv2.describe_target_group_attributes(TargetGroupArn=target_group)
        values = {a["Key"]: a["Value"] for a in answer["Attributes"]}
        return float(values.get("deregistration_delay.timeout_seconds", 300))

    def credentials(self, definition: Mapping[str, Any]) -> dict[str, str]:
        """Those of the task's role as environment variables; none without a role."""
        role = definition.get("taskRoleArn")
        return self._cloud.role_credentials(role, "task") if role else {}

    def secrets(
        self, definition: Mapping[str, Any], container: Mapping[str, Any]
    ) -> dict[str, str]:
        """A container's secrets by variable, read as the execution role. Raises DefinitionError."""
        wanted = container.get("secrets") or []
        if not wanted:
            return {}
        role = definition.get("executionRoleArn")
        if not role:
            raise DefinitionError("secrets need an executionRoleArn")
        keys = self._cloud.role_credentials(role, "start-task")
        api = boto3.client(
            "secretsmanager",
            config=CLIENT_CONFIG,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys["AWS_SESSION_TOKEN"],
        )
        return {secret["name"]: _secret(api, secret["valueFrom"]) for secret in wanted}


def _secret(api: Any, reference: str) -> str:
    """`arn:…:secret:<name>` or the same with `:<key>::`, a key of the secret's JSON."""
    if ":secretsmanager:" not in reference:
        raise DefinitionError(f"the lab reads secrets from Secrets Manager only, not {reference}")
    parts = reference.split(":")
    text: str = api.get_secret_value(SecretId=":".join(parts[:7]))["SecretString"]
    key = parts[7] if len(parts) > 7 else ""
    return str(json.loads(text)[key]) if key else text


def _service(service: Mapping[str, Any]) -> CloudService:
    deployment = service["deployments"][0]
    bounds = service.get("deploymentConfiguration") or {}
    tags = [(tag["key"], tag["value"]) for tag in service.get("tags", [])]
    if service.get("propagateTags") != "SERVICE":
        tags = []
    if service.get("enableECSManagedTags"):
        cluster = service["clusterArn"].rsplit("/", 1)[-1]
        names = {"aws:ecs:clusterName": cluster, "aws:ecs:serviceName": service["serviceName"]}
        tags += names.items()
    return CloudService(
        arn=service["serviceArn"],
        name=service["serviceName"],
        cluster=service["clusterArn"],
        definition=service["taskDefinition"],
        wanted=Wanted(
            count=service["desiredCount"] if service["status"] == "ACTIVE" else 0,
            deployment=deployment["id"],
            minimum_percent=bounds.get("minimumHealthyPercent", 100),
            maximum_percent=bounds.get("maximumPercent", 200),
        ),
        target_groups=tuple(
            (one["targetGroupArn"], one["containerPort"])
            for one in service.get("loadBalancers", [])
        ),
        network=service.get("networkConfiguration") or {},
        grace_seconds=float(service.get("healthCheckGracePeriodSeconds") or 0),
        tags=tuple(tags),
    )


def _task(task: Mapping[str, Any]) -> CloudTask:
    details = {
        detail["name"]: detail["value"]
        for attachment in task.get("attachments", [])
        for detail in attachment.get("details", [])
    }
    group = task.get("group") or ""
    return CloudTask(
        id=task["taskArn"].rsplit("/", 1)[-1],
        arn=task["taskArn"],
        cluster=task["clusterArn"],
        service=group.removeprefix(_SERVICE) if group.startswith(_SERVICE) else None,
        deployment=task.get("startedBy") or "",
        definition=task["taskDefinitionArn"],
        wanted=task["desiredStatus"] == "RUNNING",
        status=task["lastStatus"],
        address=details.get("privateIPv4Address", ""),
        subnet=details.get("subnetId", ""),
    )


def _chunks(items: Sequence[str], size: int) -> Iterator[list[str]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
