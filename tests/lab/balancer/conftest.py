"""A balancer in this process, whose account is a value and whose targets are real servers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lab.balancer.access_log import AccessLog
from lab.balancer.metrics import Metrics
from lab.balancer.model import (
    DEFAULT_PRIORITY,
    Action,
    Forward,
    HealthCheck,
    LoadBalancer,
    Rule,
    Snapshot,
    Target,
    TargetGroup,
)
from lab.balancer.service import Service
from lab.ports import reserve_port

ACCOUNT = "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012"
BALANCER = f"{ACCOUNT}:loadbalancer/app/bank/0123456789abcdef"
BLUE = f"{ACCOUNT}:targetgroup/blue/00000000000000aa"
GREEN = f"{ACCOUNT}:targetgroup/green/00000000000000bb"

CHECK = HealthCheck(
    path="/health",
    interval_seconds=0.1,
    timeout_seconds=30.0,
    healthy_threshold=1,
    unhealthy_threshold=2,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def ok(request: web.Request) -> web.Response:
    return web.Response(text="ok")


@dataclass
class Backend:
    """A real server on loopback that answers with `handler`; its health is `health_status`."""

    handler: Handler = ok
    health_status: int = 200
    port: int = 0
    requests: list[web.Request] = field(default_factory=list)
    health_checks: int = 0

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port)

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/health", self._health)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, auto_decompress=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        self.health_checks += 1
        return web.Response(status=self.health_status)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.handler(request)


class Account:
    """What the balancer reads from (a snapshot) and publishes to (kept in lists)."""

    def __init__(self, port: int) -> None:
        self.snapshot = Snapshot()
        self.port = port
        self.published_health: list[dict[str, list[dict[str, Any]]]] = []
        self.datums: list[dict[str, Any]] = []
        self.instances: dict[str, dict[str, Any]] = {}
        self.polls = 0
        self.polled = asyncio.Condition()
        self._loop = asyncio.get_running_loop()

    def read(self) -> Snapshot:
        self.polls += 1
        return self.snapshot

    def read_again_soon(self) -> None:
        pass

    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        assert Namespace == "AWS/ApplicationELB"
        self.datums += MetricData

    async def target_health(self, request: web.Request) -> web.Response:
        self.published_health.append(await request.json())
        return web.Response()

    async def directory(self, request: web.Request) -> web.Response:
        return web.json_response(self.instances)

    def say(
        self,
        groups: dict[str, list[Target]],
        *,
        action: Action | None = None,
        rules: tuple[Rule, ...] = (),
        check: HealthCheck = CHECK,
        delay_seconds: float = 0.0,
        idle_timeout_seconds: float = 60.0,
    ) -> None:
        """Make the account say: these groups, this default action (forward to the first)."""
        default = action or Forward(((next(iter(groups)), 1),))
        self.snapshot = Snapshot(
            {
                BALANCER: LoadBalancer(
                    BALANCER,
                    "127.0.0.1",
                    self.port,
                    (*rules, Rule("default", DEFAULT_PRIORITY, (), default)),
                    idle_timeout_seconds,
                )
            },
            {
                arn: TargetGroup(arn, check, deregistration_delay_seconds=delay_seconds)
                for arn in groups
            },
            {arn: frozenset(targets) for arn, targets in groups.items()},
        )

    def forward(self, *weights: tuple[str, int]) -> None:
        """Make the account say: other weights by default, all else as it is."""
        one = self.snapshot.load_balancers[BALANCER]
        rules = (*one.rules[:-1], Rule("default", DEFAULT_PRIORITY, (), Forward(weights)))
        self.snapshot = replace(self.snapshot, load_balancers={BALANCER: replace(one, rules=rules)})


@dataclass
class Bench:
    """A running balancer."""

    account: Account
    service: Service
    access_log: Path
    backends: list[Backend]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.account.port}"

    async def backend(self, handler: Handler = ok, *, port: int = 0) -> Backend:
        backend = Backend(handler, port=port)
        await backend.start()
        self.backends.append(backend)
        return backend

    async def until(self, true: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until something is true; the balancer's own loops run meanwhile."""
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - many things may make it true
                await asyncio.sleep(0.01)

    async def taken_over(self) -> None:
        """Until what the account says now has been read and applied."""
        before = self.account.polls
        await self.until(lambda: self.account.polls >= before + 2)

    async def state_of(self, target: Target, state: str) -> None:
        await self.until(lambda: self.states().get(target) == state)

    def states(self) -> dict[Target, str]:
        """What was published last."""
        if not self.account.published_health:
            return {}
        return {
            Target(one["id"], one["port"]): one["state"]
            for group in self.account.published_health[-1].values()
            for one in group
        }

    async def serving(self, *backends: Backend) -> None:
        for backend in backends:
            await self.state_of(backend.target, "healthy")
        await self.until(self.service.urls)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    account = Account(reserve_port())
    app = web.Application()
    app.router.add_post("/lab/target-health", account.target_health)
    app.router.add_get("/instances", account.directory)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    path = tmp_path / "access.jsonl"
    service = Service(
        account,
        account,  # type: ignore[arg-type]
        account_url=url,
        directory_url=f"{url}/instances",
        access_log=AccessLog(path),
        metrics=Metrics(1),
        poll_seconds=0.05,
    )
    ready = asyncio.Event()
    task = asyncio.create_task(service.run(ready.set))
    await ready.wait()
    bench = Bench(account, service, path, [])
    yield bench
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for backend in bench.backends:
        await backend.stop()
    await runner.cleanup()
