"""Makes the running instances equal to what the account's auto-scaling groups say."""

import asyncio
import logging
import os
import secrets
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from lab.compute.cloud import Cloud, CloudInstance, Group, Snapshot
from lab.compute.databases import Databases
from lab.compute.instances import Instance
from lab.compute.jobs import Jobs
from lab.compute.manifest import ROOT, Manifest, Service
from lab.compute.truth_log import TruthLog
from lab.instance import ServiceSpecification, Specification

_log = logging.getLogger(__name__)
POLL_SECONDS = 0.25
_ELB_HEALTH_SECONDS = 1.0
_HTTPS_PORT = 443


class Supervisor:
    """Runs, kills and replaces instances, which it keeps in `instances` by id.

    A group's instance that dies is terminated in EC2 through the API; the group launches a new
    one, which is registered in its target groups here (the embedded account forgets that on
    replacement).
    """

    def __init__(
        self,
        cloud: Cloud,
        manifest: Manifest,
        databases: Databases,
        instances: dict[str, Instance],
        *,
        directory: Path,
        truth: TruthLog,
    ) -> None:
        self.instances = instances
        self._cloud = cloud
        self._manifest = manifest
        self._databases = databases
        self._directory = directory
        self._truth = truth
        self._secret = _secret(directory / "secret")
        self._jobs = Jobs("instance")
        self._registered: dict[str, set[str]] = {}
        self._elb_look = 0.0

    async def run(self) -> None:
        """Reconcile until cancelled, then kill all instances."""
        try:
            while True:
                try:
                    await self._reconcile(await asyncio.to_thread(self._cloud.snapshot))
                except (BotoCoreError, ClientError, OSError) as error:
                    _log.warning("instances: %s", error)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._jobs.cancel()
            await asyncio.gather(*(instance.kill() for instance in self.instances.values()))

    async def terminate(self, instance_id: str) -> None:
        """Kill an instance at once, then terminate it in EC2."""
        instance = self.instances.get(instance_id)
        if instance is not None:
            await instance.kill()
        await asyncio.to_thread(self._cloud.terminate, instance_id)

    async def _reconcile(self, snapshot: Snapshot) -> None:
        members = set().union(*(group.members for group in snapshot.groups))
        wanted = {
            instance_id
            for instance_id, item in snapshot.instances.items()
            if item.state in {"pending", "running"} and instance_id in members
        }
        for instance_id in wanted:
            known = self.instances.get(instance_id)
            if known is None or known.state == "stopped":
                self._jobs.begin(
                    instance_id, self._boot(instance_id, snapshot.instances[instance_id])
                )
            elif known.state == "gone":
                self._jobs.begin(instance_id, self.terminate(instance_id))
        for instance_id, instance in self.instances.items():
            if instance.alive and instance_id not in wanted:
                item = snapshot.instances.get(instance_id)
                stopping = item is not None and item.state in {"stopping", "stopped"}
                self._jobs.begin(instance_id, instance.stop() if stopping else instance.kill())
        for group in snapshot.groups:
            for instance_id in group.members:
                item = snapshot.instances.get(instance_id)
                if group.replaces and item is not None and item.state == "stopped":
                    self._jobs.begin(instance_id, self.terminate(instance_id))
            await self._register(group, wanted)
        if time.monotonic() - self._elb_look > _ELB_HEALTH_SECONDS:
            self._elb_look = time.monotonic()
            for group in snapshot.groups:
                await self._replace_unhealthy(group)

    async def _register(self, group: Group, wanted: set[str]) -> None:
        """Register new members in the group's target groups, deregister former ones.

        Only changes of membership count: what others (de)registered by hand is left alone.
        """
        current = set(group.members & wanted)
        for target_group in group.target_groups:
            known = self._registered.setdefault(target_group, set())
            if current - known:
                await asyncio.to_thread(self._cloud.register, target_group, current - known)
                known |= current
            for instance_id in known - group.members:
                await asyncio.to_thread(self._cloud.deregister, target_group, instance_id)
                known.discard(instance_id)

    async def _replace_unhealthy(self, group: Group) -> None:
        """Terminate what the load balancer calls unhealthy, if the group goes by that."""
        if not (group.elb_health and group.replaces):
            return
        for target_group in group.target_groups:
            for instance_id in await asyncio.to_thread(self._cloud.unhealthy_targets, target_group):
                instance = self.instances.get(instance_id)
                if (
                    instance is not None
                    and instance.alive
                    and instance.age_seconds > group.grace_seconds
                ):
                    self._jobs.begin(instance_id, self.terminate(instance_id))

    async def _boot(self, instance_id: str, item: CloudInstance) -> None:
        await self._databases.prepared.wait()
        credentials = await asyncio.to_thread(self._cloud.credentials, item.profile)
        instance = Instance(
            self._specification(instance_id, credentials),
            directory=self._directory / "instances",
            health_path=self._manifest.boot.health_path,
            truth=self._truth,
            on_death=self._on_death,
        )
        self.instances[instance_id] = instance
        await instance.start()

    def _on_death(self, instance_id: str) -> None:
        _log.warning("instance %s died; terminating it in EC2", instance_id)
        self._jobs.begin(instance_id, self.terminate(instance_id))

    def _specification(self, instance_id: str, credentials: dict[str, str]) -> Specification:
        account = urlsplit(os.environ["AWS_ENDPOINT_URL"])
        egress = {str(_HTTPS_PORT): (account.hostname or "127.0.0.1", account.port or 80)}
        values = {"{python}": sys.executable, "{instance_id}": instance_id}
        values["{secret}"] = self._secret
        database = self._databases.workloads
        if self._manifest.database is not None and database is not None:
            port = self._manifest.database.port
            egress[str(port)] = ("127.0.0.1", database.port)
            values["{database_url}"] = database.url_at("127.0.0.1", f"{{egress:{port}}}")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")
        base = {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{{egress:{_HTTPS_PORT}}}",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID", ""),
            "AWS_SECRET_ACCESS_KEY": os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
            "AWS_EC2_METADATA_DISABLED": "true",
            **credentials,
        }
        services = [_service(service, base, values) for service in self._manifest.services]
        return Specification(instance_id, services, egress)


def _service(
    service: Service, base: dict[str, str], values: dict[str, str]
) -> ServiceSpecification:
    def fill_in(text: str) -> str:
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    directory = str(ROOT / service.directory)
    env = {**base, "PYTHONPATH": directory, **service.env}
    return ServiceSpecification(
        name=service.name,
        command=[fill_in(part) for part in service.command],
        env={name: fill_in(value) for name, value in env.items()},
        directory=directory,
        port=service.port,
    )


def _secret(path: Path) -> str:
    """What all instances of the workload share, kept over restarts of the lab."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()
