"""The metrics of an application load balancer, with AWS's names, dimensions and gaps.

Counts that are zero are missing, as in AWS. A request counts in the period in which its answer
was done, so that within a period no code is counted without its request.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

NAMESPACE = "AWS/ApplicationELB"
_VALUES_PER_DATUM = 150
DATUMS_PER_CALL = 500

Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, Dimensions]


@dataclass
class _Period:
    counts: Counter[Key] = field(default_factory=Counter)
    values: defaultdict[Key, Counter[float]] = field(default_factory=lambda: defaultdict(Counter))


class Metrics:
    """Collects by period; `take_finished` gives the datapoints of periods that are over.

    Load balancers and target groups are named by their dimension values.
    """

    def __init__(self, period_seconds: int) -> None:
        self.period_seconds = period_seconds
        self._periods: dict[int, _Period] = {}

    def request_done(
        self,
        at: float,
        balancer: str,
        group: str | None,
        *,
        status: int | None,
        elb_status: int,
        response_seconds: float | None,
    ) -> None:
        """One answered request. `group` None: no target was chosen, so it is no RequestCount.

        `status` is the target's. Without one the code is the load balancer's own.
        """
        period = self._period(at)
        balancer_only = (("LoadBalancer", balancer),)
        scopes: list[Dimensions] = [balancer_only]
        if group is not None:
            scopes.append((*balancer_only, ("TargetGroup", group)))
            for scope in scopes:
                period.counts["RequestCount", scope] += 1
        if status is not None and status >= 200:
            for scope in scopes:
                period.counts[f"HTTPCode_Target_{status // 100}XX_Count", scope] += 1
        elif status is None and elb_status >= 300:
            period.counts[f"HTTPCode_ELB_{elb_status // 100}XX_Count", balancer_only] += 1
            if elb_status in {500, 502, 503, 504}:
                period.counts[f"HTTPCode_ELB_{elb_status}_Count", balancer_only] += 1
        if response_seconds is not None:
            for scope in scopes:
                period.values["TargetResponseTime", scope][round(response_seconds, 4)] += 1

    def target_connection_failed(self, at: float, balancer: str, group: str) -> None:
        balancer_only = (("LoadBalancer", balancer),)
        period = self._period(at)
        period.counts["TargetConnectionErrorCount", balancer_only] += 1
        period.counts["TargetConnectionErrorCount", (*balancer_only, ("TargetGroup", group))] += 1

    def connections(self, at: float, balancer: str, *, opened: int, active: int) -> None:
        """Connections opened since the last call, and open now, of clients and to targets.

        The period's ActiveConnectionCount is the highest number seen.
        """
        scope = (("LoadBalancer", balancer),)
        counts = self._period(at).counts
        counts["NewConnectionCount", scope] += opened
        counts["ActiveConnectionCount", scope] = max(counts["ActiveConnectionCount", scope], active)

    def hosts(self, at: float, balancer: str, group: str, *, healthy: int, unhealthy: int) -> None:
        """One look at a group's hosts; a group without registered targets is not looked at."""
        scope = (("LoadBalancer", balancer), ("TargetGroup", group))
        values = self._period(at).values
        values["HealthyHostCount", scope][healthy] += 1
        values["UnHealthyHostCount", scope][unhealthy] += 1

    def take_finished(self, now: float) -> "list[MetricDatumTypeDef]":
        """Datapoints of all periods that ended before `now`; they are then forgotten."""
        current = self._index(now)
        datums: list[MetricDatumTypeDef] = []
        for index in sorted(self._periods):
            if index < current:
                start = datetime.fromtimestamp(index * self.period_seconds, UTC)
                datums.extend(self._datums(self._periods.pop(index), start))
        return datums

    def _index(self, at: float) -> int:
        return int(at // self.period_seconds)

    def _period(self, at: float) -> _Period:
        index = self._index(at)
        period = self._periods.get(index)
        if period is None:
            period = self._periods[index] = _Period()
        return period

    def _datums(self, period: _Period, start: datetime) -> "Iterable[MetricDatumTypeDef]":
        resolution = 1 if self.period_seconds < 60 else 60
        for (name, dimensions), count in period.counts.items():
            if count:
                yield {
                    "MetricName": name,
                    "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions],
                    "Timestamp": start,
                    "Value": count,
                    "Unit": "Count",
                    "StorageResolution": resolution,
                }
        for (name, dimensions), values in period.values.items():
            for chunk in _chunks(values):
                yield {
                    "MetricName": name,
                    "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions],
                    "Timestamp": start,
                    "Values": [value for value, _ in chunk],
                    "Counts": [count for _, count in chunk],
                    "Unit": "Seconds" if name == "TargetResponseTime" else "Count",
                    "StorageResolution": resolution,
                }


def _chunks(values: Mapping[float, int]) -> Iterable[Sequence[tuple[float, int]]]:
    """CloudWatch takes at most 150 different values in one datum."""
    items = sorted(values.items())
    for start in range(0, len(items), _VALUES_PER_DATUM):
        yield items[start : start + _VALUES_PER_DATUM]
