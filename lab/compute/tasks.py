"""Runs the tasks of the account's ECS, and keeps as many of each service as it wants."""

import asyncio
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from lab.compute.caches import Caches
from lab.compute.clusters import CloudService, CloudTask, Clusters, DefinitionError
from lab.compute.instances import Instance
from lab.compute.jobs import Jobs
from lab.compute.manifest import ROOT, Manifest, Service
from lab.compute.scheduling import Present, decide
from lab.compute.truth_log import TruthLog
from lab.instance import ServiceSpecification, Specification

_log = logging.getLogger(__name__)
POLL_SECONDS = 0.3
_HEALTH_SECONDS = 0.5
_LOOK_SECONDS = 0.2
# How long a load balancer may take to notice that a target was deregistered.
_NOTICE_SECONDS = 2.0
_STOP_SECONDS = 30.0
_RETRY_AT_MOST_SECONDS = 30.0
_HTTPS_PORT = 443


class Tasks:
    """Starts, drains and replaces tasks. `instances` is where their processes are kept, by id.

    A task that ends is taken out of its target groups and replaced. One that is to stop is drained
    first: it leaves its target groups, its connections have their deregistration delay, then comes
    SIGTERM, and SIGKILL after its stop timeout.
    """

    def __init__(
        self,
        clusters: Clusters,
        manifest: Manifest,
        caches: Caches,
        instances: dict[str, Instance],
        *,
        directory: Path,
        truth: TruthLog,
    ) -> None:
        self._clusters = clusters
        self._manifest = manifest
        self._caches = caches
        self._instances = instances
        self._directory = directory
        self._truth = truth
        self._jobs = Jobs("task", DefinitionError)
        self._tasks: dict[str, CloudTask] = {}
        self._services: dict[str, CloudService] = {}
        self._health: dict[str, dict[str, str]] = {}
        self._health_look = 0.0
        # Services whose tasks end before they have come up: how often, and when to try again.
        self._failures: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}

    @property
    def addresses(self) -> dict[str, str]:
        """The tasks' addresses in the account, by id."""
        return {task.id: task.address for task in self._tasks.values()}

    async def run(self) -> None:
        """Reconcile until cancelled, then kill all tasks."""
        try:
            while True:
                try:
                    await self._reconcile()
                except (BotoCoreError, ClientError, OSError) as error:
                    _log.warning("tasks: %s", error)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._jobs.cancel()
            mine = [self._instances[one] for one in self._tasks if one in self._instances]
            await asyncio.gather(*(instance.kill() for instance in mine))

    async def stop(self, task_id: str, reason: str) -> None:
        """Stop a task as its API does. KeyError: there is no such task."""
        task = self._tasks[task_id]
        await asyncio.to_thread(self._clusters.stop, task.cluster, task.arn, reason)

    async def _reconcile(self) -> None:
        services = await asyncio.to_thread(self._clusters.services)
        self._services = {service.name: service for service in services}
        alive = [t for t in self._tasks.values() if t.status != "STOPPED"]
        for task in await asyncio.to_thread(self._clusters.tasks, alive):
            self._tasks[task.id] = task
            self._follow(task)
        await self._look_at_health()
        for service in services:
            await self._schedule(service)

    def _follow(self, task: CloudTask) -> None:
        instance = self._instances.get(task.id)
        if task.wanted and instance is None:
            self._jobs.begin(task.id, self._boot(task))
        elif task.wanted and instance is not None and not instance.alive:
            self._jobs.begin(task.id, self._bury(task))
        elif not task.wanted and task.status != "STOPPED":
            self._jobs.begin(task.id, self._end(task))

    async def _schedule(self, service: CloudService) -> None:
        mine = [t for t in self._tasks.values() if t.service == service.name and t.wanted]
        orders = decide(service.wanted, [self._present(service, task) for task in mine])
        for task_id in orders.stop:
            await self.stop(task_id, f"(service {service.name}) scaling or deployment")
        if time.monotonic() < self._not_before.get(service.name, 0.0):
            return
        used = [task.subnet for task in mine]
        subnets = service.network.get("awsvpcConfiguration", {}).get("subnets", [""])
        for _ in range(orders.start):
            subnet = min(subnets, key=used.count)
            used.append(subnet)
            await asyncio.to_thread(self._clusters.start, service, subnet)

    def _present(self, service: CloudService, task: CloudTask) -> Present:
        instance = self._instances.get(task.id)
        alive = instance is not None and instance.alive
        states = [
            self._health.get(group, {}).get(task.address) for group, _ in service.target_groups
        ]
        steady = alive and task.status == "RUNNING" and all(state == "healthy" for state in states)
        if steady:
            self._failures[service.name] = 0
        out_of_grace = instance is not None and instance.age_seconds > service.grace_seconds
        unhealthy = alive and out_of_grace and "unhealthy" in states
        return Present(task.id, task.deployment, steady, unhealthy)

    async def _look_at_health(self) -> None:
        if time.monotonic() - self._health_look < _HEALTH_SECONDS:
            return
        self._health_look = time.monotonic()
        groups = {group for s in self._services.values() for group, _ in s.target_groups}
        for group in groups:
            self._health[group] = await asyncio.to_thread(self._clusters.health, group)

    async def _boot(self, task: CloudTask) -> None:
        if self._manifest.cache is not None:
            await self._caches.prepared.wait()
        try:
            specification = await asyncio.to_thread(self._specification, task)
        except (DefinitionError, ClientError) as error:
            self._failed(task)
            reason = f"TaskFailedToStart: {error}"
            await asyncio.to_thread(self._clusters.report, task.id, "STOPPED", reason=reason)
            raise
        instance = self._instances[task.id] = Instance(
            specification,
            directory=self._directory / "tasks",
            health_path=self._manifest.boot.health_path,
            truth=self._truth,
            on_death=self._on_death,
        )
        await instance.start()
        await instance.settled.wait()
        if instance.alive:
            await asyncio.to_thread(self._clusters.report, task.id, "RUNNING")
            for group, port in self._target_groups(task):
                await asyncio.to_thread(self._clusters.register, group, task.address, port)

    def _on_death(self, task_id: str) -> None:
        _log.warning("task %s ended by itself", task_id)
        self._jobs.begin(task_id, self._bury(self._tasks[task_id]))

    async def _bury(self, task: CloudTask) -> None:
        """A task whose container has ended."""
        if "healthy" not in [self._health.get(g, {}).get(task.address) for g in self._health]:
            self._failed(task)
        for group, _ in self._target_groups(task):
            await asyncio.to_thread(self._clusters.deregister, group, task.address)
        await asyncio.to_thread(
            self._clusters.report,
            task.id,
            "STOPPED",
            stop_code="EssentialContainerExited",
            reason="Essential container in task exited",
        )

    async def _end(self, task: CloudTask) -> None:
        """A task that is asked to stop."""
        instance = self._instances.get(task.id)
        if instance is not None and instance.alive:
            await asyncio.to_thread(self._clusters.report, task.id, "DEACTIVATING")
            self._truth.write("instance", task.id, "draining")
            for group, _ in self._target_groups(task):
                await asyncio.to_thread(self._clusters.deregister, group, task.address)
            for group, _ in self._target_groups(task):
                await self._drained(group, task.address)
            await asyncio.to_thread(self._clusters.report, task.id, "STOPPING")
            await instance.stop()
        await asyncio.to_thread(self._clusters.report, task.id, "STOPPED")

    async def _drained(self, group: str, address: str) -> None:
        """Until the load balancer has let go of a target."""
        started, seen = time.monotonic(), False
        most = await asyncio.to_thread(self._clusters.drain_seconds, group) + _NOTICE_SECONDS
        while time.monotonic() - started < most:
            health = await asyncio.to_thread(self._clusters.health, group)
            draining = health.get(address) == "draining"
            if not draining and (seen or time.monotonic() - started > _NOTICE_SECONDS):
                return
            seen = seen or draining
            await asyncio.sleep(_LOOK_SECONDS)

    def _target_groups(self, task: CloudTask) -> tuple[tuple[str, int], ...]:
        service = self._services.get(task.service or "")
        return service.target_groups if service else ()

    def _failed(self, task: CloudTask) -> None:
        """Wait longer and longer before a task that does not come up is tried again."""
        name = task.service or ""
        self._failures[name] += 1
        pause = min(2.0 ** (self._failures[name] - 1), _RETRY_AT_MOST_SECONDS)
        self._not_before[name] = time.monotonic() + pause

    def _specification(self, task: CloudTask) -> Specification:
        """What to run, from the task's definition and the manifest. Raises DefinitionError."""
        definition = self._clusters.definition(task.definition)
        known = {container.name: container for container in self._manifest.containers}
        base = _base_environment() | self._clusters.credentials(definition)
        services, stop_seconds = [], _STOP_SECONDS
        for container in definition["containerDefinitions"]:
            here = known.get(container["name"])
            if here is None:
                if container.get("essential", True):
                    raise DefinitionError(
                        f"container {container['name']}: lab/workloads/"
                        f"{self._manifest.workload}.yaml does not say how to run it"
                    )
                continue
            environment = base | {one["name"]: one["value"] for one in container["environment"]}
            environment |= self._clusters.secrets(definition, container)
            services.append(_service(here, environment, task.id))
            stop_seconds = max(stop_seconds, float(container.get("stopTimeout") or 0))
        account = urlsplit(os.environ["AWS_ENDPOINT_URL"])
        egress = {str(_HTTPS_PORT): (account.hostname or "127.0.0.1", account.port or 80)}
        if self._manifest.cache is not None:
            egress[str(self._manifest.cache.port)] = ("127.0.0.1", self._caches.port)
        return Specification(task.id, services, egress, restarts=False, stop_seconds=stop_seconds)


def _base_environment() -> dict[str, str]:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")
    return {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{{egress:{_HTTPS_PORT}}}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _service(here: Service, environment: Mapping[str, str], task_id: str) -> ServiceSpecification:
    directory = str(ROOT / here.directory)
    values: dict[str, Any] = {"{python}": sys.executable, "{instance_id}": task_id}

    def fill_in(text: str) -> str:
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    own = {name: fill_in(value) for name, value in here.env.items()}
    return ServiceSpecification(
        name=here.name,
        command=[fill_in(part) for part in here.command],
        env={**environment, "PYTHONPATH": directory, **own},
        directory=directory,
        port=here.port,
    )
