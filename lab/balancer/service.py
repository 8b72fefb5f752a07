"""Keeps the running proxies and health checks in line with the account."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import aiohttp
import botocore.exceptions

from lab.balancer import checks
from lab.balancer.access_log import AccessLog
from lab.balancer.health import CheckResult
from lab.balancer.listening import Listening, listen
from lab.balancer.metrics import Metrics
from lab.balancer.model import HealthCheck, LoadBalancer, Snapshot, Target
from lab.balancer.publisher import Publisher
from lab.balancer.targets import GroupTargets

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

log = logging.getLogger(__name__)

POLL_SECONDS = 0.4
LOOK_SECONDS = 0.25


class Reader(Protocol):
    """Where snapshots come from: `AccountReader`."""

    def read(self) -> Snapshot: ...

    def read_again_soon(self) -> None: ...


class Service:
    """Everything that runs in the balancer process. `run` ends when it is cancelled."""

    def __init__(
        self,
        reader: Reader,
        cloudwatch: "CloudWatchClient",
        *,
        account_url: str,
        directory_url: str | None,
        access_log: AccessLog,
        metrics: Metrics,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._poll_seconds = poll_seconds
        self._reader = reader
        self._cloudwatch = cloudwatch
        self._account_url = account_url
        self._directory_url = directory_url
        self._access_log = access_log
        self._metrics = metrics
        self._listening: dict[str, Listening] = {}
        self._groups: dict[str, GroupTargets] = {}
        self._instances: dict[str, tuple[str, int] | None] = {}
        self._checkers: dict[tuple[str, Target], asyncio.Task[None]] = {}

    def balancer(self, arn: str) -> LoadBalancer:
        return self._listening[arn].balancer

    def group(self, arn: str) -> GroupTargets | None:
        return self._groups.get(arn)

    def address(self, target: Target) -> tuple[str, int] | None:
        """Where a target is; None for one that does not run. The directory knows instances by
        their ids and tasks by their addresses; other addresses are taken as they are."""
        if target.id in self._instances or target.id.startswith("i-"):
            return self._instances.get(target.id)
        return target.id, target.port

    def urls(self) -> dict[str, str]:
        """Where each load balancer listens, by ARN."""
        return {
            arn: f"http://{one.balancer.host}:{one.balancer.port}"
            for arn, one in self._listening.items()
        }

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled; `ready` is called once the account was read the first time."""
        async with checks.new_session() as self._checking, aiohttp.ClientSession() as self._own:
            self._publisher = Publisher(
                self._own, self._account_url, self._cloudwatch, self._metrics, self._groups
            )
            try:
                # A task that fails ends them all: better no balancer than one that is half blind.
                async with asyncio.TaskGroup() as self._tasks:
                    tasks = self._tasks
                    tasks.create_task(self._poll_forever(ready))
                    tasks.create_task(_every(LOOK_SECONDS, self._look))
                    tasks.create_task(self._publisher.health_forever())
                    tasks.create_task(self._publisher.metrics_forever())
            finally:
                for one in self._listening.values():
                    await one.stop()
                self._access_log.close()
                # The period under way is published too: what was counted in it is real.
                await self._publisher.publish_metrics(time.time() + self._metrics.period_seconds)

    async def _poll_forever(self, ready: Callable[[], None]) -> None:
        ready_said = False

        async def poll() -> None:
            nonlocal ready_said
            if await self._poll() and not ready_said:
                ready()
                ready_said = True

        await _every(self._poll_seconds, poll)

    async def _poll(self) -> bool:
        """Take over what the account and the directory say now; whether the account answered."""
        if self._directory_url is not None:
            await self._read_directory(self._directory_url)
        try:
            snapshot = await asyncio.to_thread(self._reader.read)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            log.warning("the account could not be read, keeping what is known: %s", error)
            self._reader.read_again_soon()
            return False
        self._apply_groups(snapshot)
        await self._apply_balancers(snapshot)
        return True

    async def _read_directory(self, url: str) -> None:
        try:
            async with self._own.get(url, timeout=aiohttp.ClientTimeout(total=2)) as answer:
                entries = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.warning("the instance directory %s did not answer: %s", url, error)
            return
        self._instances = {
            entry.get("ip", name): (entry["address"], int(entry["port"])) if entry["port"] else None
            for name, entry in entries.items()
        }

    def _apply_groups(self, snapshot: Snapshot) -> None:
        now, in_use = time.monotonic(), snapshot.groups_in_use()
        for arn, group in snapshot.groups.items():
            targets = self._groups.setdefault(arn, GroupTargets(group))
            registered = snapshot.registered.get(arn, frozenset())
            if targets.apply(group, registered, in_use=arn in in_use, now=now):
                self._publisher.health_changed.set()
        for arn in self._groups.keys() - snapshot.groups.keys():
            del self._groups[arn]
        wanted = {
            (arn, target) for arn, targets in self._groups.items() for target in targets.to_check()
        }
        for key in self._checkers.keys() - wanted:
            self._checkers.pop(key).cancel()
        for arn, target in wanted - self._checkers.keys():
            self._checkers[arn, target] = self._tasks.create_task(
                self._check_forever(self._groups[arn], target)
            )

    async def _apply_balancers(self, snapshot: Snapshot) -> None:
        for arn, one in list(self._listening.items()):
            wanted = snapshot.load_balancers.get(arn)
            if wanted and wanted.address == one.balancer.address:
                one.balancer = wanted
            else:
                await self._listening.pop(arn).stop()
        for arn in snapshot.load_balancers.keys() - self._listening.keys():
            balancer = snapshot.load_balancers[arn]
            try:
                one = await listen(balancer, self, self._metrics, self._access_log)
            except OSError as error:
                log.warning("%s cannot listen, will try again: %s", arn, error)
                continue
            self._listening[arn] = one
            await one.server.start_serving()
            log.info("%s listens on %s:%d", arn, balancer.host, balancer.port)

    async def _check_forever(self, targets: GroupTargets, target: Target) -> None:
        def current() -> tuple[tuple[str, int] | None, HealthCheck]:
            return self.address(target), targets.group.health_check

        def observe(result: CheckResult) -> None:
            if targets.observe(target, result, time.monotonic()):
                health = targets.states[target].health
                log.info(
                    "%s: %s:%d is %s %s",
                    targets.group.dimension,
                    target.id,
                    target.port,
                    health.state,
                    health.description,
                )
                self._publisher.health_changed.set()

        await checks.check_forever(self._checking, current, observe)

    async def _look(self) -> None:
        """What is due often: end draining, count hosts and connections, write the log."""
        at = time.time()
        for arn, targets in self._groups.items():
            for target in targets.drained(time.monotonic()):
                self._publisher.health_changed.set()
                for one in self._listening.values():
                    one.proxy.cut(arn, target)
        for one in self._listening.values():
            name = one.balancer.dimension
            self._metrics.connections(at, name, opened=one.opened_since(), active=one.active())
            for arn in one.balancer.groups():
                group = self._groups.get(arn)
                if group and len(group.states) > group.count("draining"):
                    self._metrics.hosts(
                        at,
                        name,
                        group.group.dimension,
                        healthy=group.count("healthy"),
                        unhealthy=group.count("unhealthy"),
                    )
        self._access_log.flush()


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        await act()
        await asyncio.sleep(max(0.0, started + seconds - loop.time()))
