"""A service under test and its clock: what a fault does to it, and what can be seen of that."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from steadystate.documents.workload import (
    CloudWatchSli,
    HttpSli,
    LoadBalancer,
    LoadBalancerSli,
    Probe,
    PrometheusSli,
)
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point

START = 1_800_000_000.0


@dataclass
class Clock:
    at: float = START

    def now(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Service:
    """Three instances behind a balancer; one request in `of` fails while a fault has its effect.

    `effect` is from when to when after the fault started, in seconds; None for no effect.
    """

    clock: Clock
    faulted_at: float | None = None
    effect: tuple[float, float] | None = (0.3, 8.0)
    of: int = 3
    always_failing: bool = False
    traffic: int = 50
    latency: float = 20.0
    integrity: dict[str, float] = field(
        default_factory=lambda: {
            "imbalance": 0.0,
            "lost_transfers": 0.0,
            "duplicate_transfers": 0.0,
            "entries": 4000.0,
            "acknowledged": 2000.0,
        }
    )
    silent: bool = False

    def fails(self, at: float, n: int) -> bool:
        return self.always_failing or (self.ill(at) and n % self.of == 0)

    def ill(self, at: float) -> bool:
        if self.faulted_at is None or self.effect is None:
            return False
        return self.effect[0] <= at - self.faulted_at < self.effect[1]

    # the port Prober
    def probe(
        self, probe: Probe, seconds: int, stop: Callable[[Sequence[Tick]], bool]
    ) -> list[Tick]:
        ticks: list[Tick] = []
        for _ in range(seconds):
            start = self.clock.at
            times = [start + k / probe.requests for k in range(probe.requests)]
            self.clock.wait(1.0)
            failed = [t for n, t in enumerate(times) if self.fails(t, n)]
            ticks.append(
                Tick(
                    start,
                    len(times),
                    len(failed),
                    failed[0] if failed else None,
                    failed[-1] if failed else None,
                    self.latency,
                )
            )
            stopped = stop(ticks)
            for thread in threading.enumerate():
                if thread.name == "inject":
                    thread.join()
            if stopped:
                break
        return ticks

    # the port Metrics
    def read(
        self,
        slis: Mapping[str, LoadBalancerSli | CloudWatchSli],
        load_balancer: LoadBalancer,
        *,
        since: float,
        until: float,
        period_seconds: int,
    ) -> dict[str, list[Point]]:
        first = int(since // period_seconds)
        periods = [n * period_seconds for n in range(first, int(until // period_seconds))]
        if not self.traffic:
            return {name: [] for name in slis}
        return {
            name: [Point(float(at), self._metric(sli, at, period_seconds), 50.0) for at in periods]
            for name, sli in slis.items()
        }

    def _metric(self, sli: LoadBalancerSli | CloudWatchSli, at: float, period: int) -> float:
        if isinstance(sli, CloudWatchSli):
            return 12.0
        if sli.measure == "latency":
            return self.latency
        if sli.measure == "requests":
            return float(self.traffic)
        times = [at + k * period / self.traffic for k in range(self.traffic)]
        return 100.0 * sum(self.fails(t, n) for n, t in enumerate(times)) / self.traffic

    # the port TargetHealth
    def healthy(self, target_group: str) -> int:
        return 2 if self.ill(self.clock.at) else 3

    # the port Readings
    def json(self, sli: HttpSli, timeout_seconds: float) -> tuple[float, float]:
        if self.silent:
            raise LookupError(f"{sli.url} did not answer: TimeoutError")
        return self.integrity[sli.field], self.integrity[sli.observations]

    def prometheus(self, sli: PrometheusSli, timeout_seconds: float) -> float:
        raise LookupError("there is no Prometheus here")
