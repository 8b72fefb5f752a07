"""A load balancer that splits traffic between two versions of a service, and what both show."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from steadystate.canary_contracts import PeriodCounts, Traffic, Weights
from steadystate.documents.canary import MetricDocument
from steadystate.documents.workload import LoadBalancer, Probe
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.errors import PreflightFailed, SplitFailed, TrafficElsewhere, TransientError
from tests.run.services import Clock

STABLE, CANARY = "arn:targetgroup/stable", "arn:targetgroup/canary"
ORIGINAL = Weights(stable=100, canary=0)


@dataclass
class Balancer:
    """The port TrafficSplits. `calls` are the weights that reached it; the knobs are what it does
    to them: `denies` is what it may not tell, `throttled` how many calls it puts off. `late` are
    calls whose effect comes at a time of its own."""

    clock: Clock
    weights: Weights | None = ORIGINAL
    calls: list[Weights] = field(default_factory=list)
    refuses: str = ""
    denies: str = ""
    throttled: int = 0
    answers_lost: int = 0
    late: list[tuple[float, Weights]] = field(default_factory=list)
    late_by: float = 0.0
    drain: float = 30.0
    past: list[tuple[float, Weights | None]] = field(default_factory=list)

    def check(self, traffic: Traffic, load_balancer: LoadBalancer) -> Weights:
        try:
            return self.read(traffic)
        except SplitFailed as error:
            raise PreflightFailed(str(error)) from error

    def read(self, traffic: Traffic) -> Weights:
        self._settle()
        self._throttle("DescribeListeners")
        if self.denies:
            raise SplitFailed(f"DescribeListeners: AccessDenied: {self.denies}")
        if self.weights is None:
            raise TrafficElsewhere("the listener forwards to three target groups")
        return self.weights

    def set(self, traffic: Traffic, weights: Weights) -> Weights:
        self._settle()
        self._throttle("ModifyListener")
        if self.refuses:
            raise SplitFailed(f"ModifyListener: AccessDenied: {self.refuses}")
        self.calls.append(weights)
        if self.answers_lost:
            self.answers_lost -= 1
            self.late.append((self.clock.at + self.late_by, weights))
            self._settle()
            raise TransientError("the answer of ModifyListener was lost")
        self.become(weights)
        return weights

    def _throttle(self, operation: str) -> None:
        if self.throttled:
            self.throttled -= 1
            raise TransientError(f"{operation}: Throttling")

    def drain_seconds(self, target_group: str) -> float:
        return self.drain

    def become(self, weights: Weights | None) -> None:
        """Let the weights be so from now on, whoever wants it."""
        self.past.append((self.clock.at, self.weights))
        self.weights = weights

    def _settle(self) -> None:
        due = [w for at, w in self.late if at <= self.clock.at]
        self.late = [(at, w) for at, w in self.late if at > self.clock.at]
        for weights in due:
            self.become(weights)

    def share_at(self, at: float) -> float:
        """The canary's share of the traffic at a moment."""
        then = next((w for until, w in self.past if at < until), self.weights)
        if then is None:
            return 0.0
        stable, canary = then.stable or 0, then.canary or 0
        return canary / (stable + canary) if stable + canary else 0.0


@dataclass
class Sides:
    """The ports SideCounts, Metrics, TargetHealth, Readings and Prober: two versions under load.

    `rates` are shares of bad requests by metric and side, each with the moment from which it holds.
    """

    clock: Clock
    balancer: Balancer
    requests_per_second: int = 200
    rates: dict[str, tuple[float, float]] = field(
        default_factory=lambda: {"errors": (0.001, 0.001), "slow": (0.01, 0.01)}
    )
    since: float = 0.0
    worse: dict[str, float] = field(default_factory=dict)
    healthy_targets: dict[str, int] = field(default_factory=lambda: {STABLE: 3, CANARY: 2})
    registered: dict[str, set[str]] = field(
        default_factory=lambda: {STABLE: {"i-0"}, CANARY: {"i-1", "i-2"}}
    )
    probes_fail_from: float | None = None
    throttled: int = 0
    impossible: bool = False
    stragglers: int = 0

    def turn_worse(self, **rates: float) -> None:
        """Let the canary's shares of bad requests be these from now on."""
        self.since, self.worse = self.clock.at, rates

    def read(
        self,
        traffic: Traffic | Mapping[str, object],
        load_balancer: LoadBalancer,
        metrics: Mapping[str, MetricDocument] | None = None,
        *,
        since: float,
        until: float,
        period_seconds: int,
    ) -> dict[str, list[PeriodCounts]] | dict[str, list[Point]]:
        if self.throttled:
            self.throttled -= 1
            raise TransientError("GetMetricData: Throttling")
        first, last = int(since // period_seconds), int(until // period_seconds)
        periods = [n * period_seconds for n in range(first, last)]
        if metrics is None:
            slis: Mapping[str, object] = traffic  # type: ignore[assignment]
            return {name: [Point(float(at), 10.0, 50.0) for at in periods] for name in slis}
        return {
            name: [c for at in periods if (c := self._counts(name, at, period_seconds))]
            for name in metrics
        }

    def _counts(self, metric: str, at: int, period: int) -> PeriodCounts | None:
        shares = [self.balancer.share_at(at + s) for s in range(period)]
        canary_total = round(sum(shares) * self.requests_per_second)
        stable_total = period * self.requests_per_second - canary_total
        if not self.requests_per_second:
            return None
        stable_rate, canary_rate = self.rates[metric]
        if metric in self.worse and at >= self.since:
            canary_rate = self.worse[metric]
        n = at // period
        canary_bad = _spread(canary_total * canary_rate, n)
        return PeriodCounts(
            at=float(at),
            canary_bad=canary_total + 1 if self.impossible and canary_total else canary_bad,
            canary_total=canary_total,
            stable_bad=_spread(stable_total * stable_rate, n),
            stable_total=stable_total or self.stragglers,
        )

    def healthy(self, target_group: str) -> int:
        if target_group not in self.healthy_targets:
            raise LookupError(f"target health of {target_group}: TargetGroupNotFound")
        return self.healthy_targets[target_group]

    def members(self, target_group: str) -> set[str]:
        return self.registered[target_group]

    def json(self, sli: object, timeout_seconds: float) -> tuple[float, float]:
        raise LookupError("nothing is read over HTTP here")

    def prometheus(self, sli: object, timeout_seconds: float) -> float:
        raise LookupError("there is no Prometheus here")

    def probe(
        self, probe: Probe, seconds: int, stop: Callable[[Sequence[Tick]], bool]
    ) -> list[Tick]:
        ticks: list[Tick] = []
        for _ in range(seconds):
            start = self.clock.at
            self.clock.wait(1.0)
            bad = self.probes_fail_from is not None and start >= self.probes_fail_from
            failed = probe.requests if bad else 0
            at = start if failed else None
            ticks.append(Tick(start, probe.requests, failed, at, at, 20.0))
            if stop(copy.copy(ticks)):
                break
        return ticks


def _spread(mean: float, n: int) -> int:
    """A whole number whose mean over many n is `mean`."""
    return int(mean * (n % 1000 + 1)) - int(mean * (n % 1000))
