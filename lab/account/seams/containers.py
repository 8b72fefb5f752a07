"""ECS: tasks whose states the data plane reports, and services that count them.

moto keeps services and tasks apart, and moves a task through its states by how often it was looked
at. Here a task belongs to the service that its group names (`service:<name>`), begins as PENDING,
and moves when whoever runs it says so; StopTask only asks for the end.
"""

from datetime import UTC, datetime
from typing import Any

from lab.account.fis import InvalidError
from lab.account.parts import ACCOUNT_ID, Parts
from lab.account.seams.insides import replace

STATES = ("PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "STOPPED")
_STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
# What CreateService takes and moto does not keep.
_KEPT = {
    "deploymentConfiguration": "deployment_configuration",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
    "enableECSManagedTags": "enable_ecs_managed_tags",
}


def connect(_: Parts) -> None:
    _connect_tasks()
    _connect_services()


def _connect_tasks() -> None:
    from moto.ecs import models
    from moto.ecs.exceptions import InvalidParameterException

    create = models.Task.__init__
    backend = models.EC2ContainerServiceBackend
    find = backend.list_tasks

    def initialise(self: Any, *args: Any, **keywords: Any) -> None:
        create(self, *args, **keywords)
        self.id = self.id.replace("-", "")
        self.created_at = datetime.now(UTC)
        _set_status(self, "PENDING")

    def listed(
        self: Any,
        cluster_str: str | None = None,
        container_instance: str | None = None,
        family: str | None = None,
        started_by: str | None = None,
        service_name: str | None = None,
        desiredStatus: str | None = None,  # noqa: N803 - moto's name
    ) -> Any:
        wanted = desiredStatus or "RUNNING"
        found = find(self, cluster_str, container_instance, family, started_by, None, wanted)
        cluster = self._get_cluster(cluster_str or "default").name
        group = f"service:{service_name.rsplit('/', 1)[-1]}" if service_name else None
        return [t for t in found if t.cluster_name == cluster and group in (None, t.group)]

    def stopped(self: Any, cluster_str: str, task_str: str, reason: str | None) -> Any:
        tasks = self.tasks.get(self._get_cluster(cluster_str).name, {})
        for arn, task in tasks.items():
            if arn.rsplit("/", 1)[-1] == task_str.rsplit("/", 1)[-1]:
                _ask_to_stop(task, "UserInitiated", reason or "Task stopped by user")
                return task
        raise InvalidParameterException("The referenced task was not found.")

    def no_requirements(_: Any) -> dict[str, Any]:
        """What containers ask of a host; moto wants memory for each, and there is no host."""
        return {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}

    replace(backend, "_calculate_task_resource_requirements", staticmethod(no_requirements))
    replace(models.Task, "__init__", initialise)
    replace(models.Task, "advance", lambda _: None)
    replace(backend, "list_tasks", listed)
    replace(backend, "stop_task", stopped)


def _connect_services() -> None:
    from moto.ecs import models
    from moto.ecs.responses import EC2ContainerServiceResponse

    backend = models.EC2ContainerServiceBackend
    create, describe = EC2ContainerServiceResponse.create_service, backend.describe_services
    update, delete = backend.update_service, backend.delete_service

    def created(self: Any) -> Any:
        answer = create(self)
        cluster, name = self._get_param("cluster", "default"), self._get_param("serviceName")
        service = self.ecs_backend._get_service(cluster, name)
        for parameter, attribute in _KEPT.items():
            setattr(service, attribute, self._get_param(parameter))
        _count(self.ecs_backend, service)
        return answer

    def described(self: Any, cluster_str: str, names: list[str]) -> Any:
        found, failures = describe(self, cluster_str, names)
        for service in found:
            _count(self, service)
        return found, failures

    def updated(self: Any, properties: dict[str, Any]) -> Any:
        forced = properties.pop("force_new_deployment", False)
        before = self._get_service(properties.get("cluster", "default"), properties["service"])
        definition = before.task_definition
        service = update(self, properties)
        service.task_definition = self.describe_task_definition(service.task_definition).arn
        if forced or service.task_definition != definition:
            _deploy(service)
        _count(self, service)
        return service

    def deleted(self: Any, cluster_name: str, service_name: str, force: bool) -> Any:
        service = delete(self, cluster_name, service_name, force)
        service.desired_count = 0
        _count(self, service)
        return service

    replace(EC2ContainerServiceResponse, "create_service", created)
    replace(backend, "describe_services", described)
    replace(backend, "update_service", updated)
    replace(backend, "delete_service", deleted)


def report(parts: Parts, identifier: str, body: Any) -> None:
    """Set the state of a task. Raises InvalidError; KeyError: there is none."""
    from moto.ecs.models import ecs_backends

    known = ecs_backends[ACCOUNT_ID][parts.region].tasks.values()
    task: Any = {t.id: t for tasks in known for t in tasks.values()}[identifier]
    if not isinstance(body, dict) or body.get("status") not in STATES:
        raise InvalidError(f"status must be one of {', '.join(STATES)}")
    if body["status"] == "STOPPED":
        code = body.get("stop_code") or "TaskFailedToStart"
        _ask_to_stop(task, code, body.get("reason") or "Task stopped")
    _set_status(task, body["status"])


def _ask_to_stop(task: Any, code: str, reason: str) -> None:
    """The first reason stays."""
    if task.desired_status != "STOPPED":
        task.desired_status = "STOPPED"
        task.stop_code, task.stopped_reason = code, reason
        task.stopping_at = datetime.now(UTC)


def _set_status(task: Any, status: str) -> None:
    task.last_status = status
    for container in task.containers:
        container.last_status = status
    if status == "RUNNING":
        task.started_at = datetime.now(UTC)
    if status == "STOPPED":
        task.stopped_at = datetime.now(UTC)


def _deploy(service: Any) -> None:
    """Begin a deployment of the service's task definition; the one before becomes ACTIVE."""
    from moto.moto_api._internal import mock_random

    before, now = service.deployments[0], datetime.now(UTC)
    identifier = f"ecs-svc/{mock_random.randint(0, 32**12)}"
    new = before | {
        "id": identifier,
        "taskDefinition": service.task_definition,
        "createdAt": now,
        "updatedAt": now,
    }
    service.deployments.insert(0, new)
    for old in service.deployments[1:]:
        old["status"] = "ACTIVE"


def _count(backend: Any, service: Any) -> None:
    """Let the service and its deployments say how many tasks they have now."""
    tasks = [
        task
        for task in list(backend.tasks.get(service.cluster_name, {}).values())
        if task.group == f"service:{service.name}" and task.desired_status == "RUNNING"
    ]
    service.running_count, service.pending_count = _counted(tasks)
    left = []
    for deployment in service.deployments:
        mine = [task for task in tasks if task.started_by == deployment["id"]]
        primary = deployment is service.deployments[0]
        deployment["runningCount"], deployment["pendingCount"] = _counted(mine)
        deployment["desiredCount"] = service.desired_count if primary else 0
        if primary or mine:
            left.append(deployment)
    done = len(left) == 1 and left[0]["runningCount"] == service.desired_count
    left[0]["rolloutState"] = "COMPLETED" if done else "IN_PROGRESS"
    left[0]["rolloutStateReason"] = f"ECS deployment {left[0]['id']} is " + (
        "completed." if done else "in progress."
    )
    service.deployments = left


def _counted(tasks: list[Any]) -> tuple[int, int]:
    states = [task.last_status for task in tasks]
    return states.count("RUNNING"), sum(states.count(state) for state in _STARTING)
