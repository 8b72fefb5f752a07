"""Bad requests of all requests by target group, from CloudWatch.

Metric names: "CloudWatch metrics for your Application Load Balancer", ELB User Guide. `TC(x:)` is
the trimmed count, how many values lie above x: "CloudWatch statistics definitions".
"""

from collections.abc import Mapping

from steadystate.adapters.cloudwatch import Query, Series, fetch
from steadystate.canary_contracts import PeriodCounts, Traffic
from steadystate.documents.canary import MetricDocument
from steadystate.documents.workload import LoadBalancer

BAD = ("HTTPCode_Target_5XX_Count", "TargetConnectionErrorCount")


class CloudWatchSideCounts:
    """The port SideCounts."""

    def read(
        self,
        traffic: Traffic,
        load_balancer: LoadBalancer,
        metrics: Mapping[str, MetricDocument],
        *,
        since: float,
        until: float,
        period_seconds: int,
    ) -> dict[str, list[PeriodCounts]]:
        """Return the counts of each period in which either side had requests.

        A count of errors that is missing beside requests is 0. A connection that a target did not
        take may be counted more than once a request, or without it: where more failed than were
        asked for, all that failed were asked for.
        """
        sides = (traffic.canary, traffic.stable)
        wanted = {
            name: [_queries(metric, load_balancer, group) for group in sides]
            for name, metric in metrics.items()
        }
        queries = list(dict.fromkeys(q for both in wanted.values() for qs in both for q in qs))
        found = dict(zip(queries, fetch(queries, since, until, period_seconds), strict=True))
        return {
            name: _periods(*(_counts([found[q] for q in qs]) for qs in both))
            for name, both in wanted.items()
        }


def _queries(metric: MetricDocument, load_balancer: LoadBalancer, group: str) -> list[Query]:
    """Return the query for all requests of a side, then those for bad ones."""
    dimensions = (
        ("LoadBalancer", load_balancer.arn.rpartition(":loadbalancer/")[2]),
        ("TargetGroup", group.rpartition(":")[2]),
    )

    def own(name: str, statistic: str) -> Query:
        return ("AWS/ApplicationELB", name, dimensions, statistic)

    if metric.threshold is not None:
        seconds = f"{metric.threshold.number / 1000.0:.10f}".rstrip("0").rstrip(".")
        return [own("TargetResponseTime", s) for s in ("SampleCount", f"TC({seconds}:)")]
    return [own("RequestCount", "Sum"), *(own(name, "Sum") for name in BAD)]


def _counts(series: list[Series]) -> dict[float, tuple[int, int]]:
    """Return (bad, total) by the start of the period."""
    total, *bad = series
    moments = {at for s in series for at in s}
    failed = {at: round(sum(s.get(at, 0.0) for s in bad)) for at in moments}
    return {at: (n, max(n, round(total.get(at, 0.0)))) for at, n in failed.items()}


def _periods(
    canary: dict[float, tuple[int, int]], stable: dict[float, tuple[int, int]]
) -> list[PeriodCounts]:
    nothing = (0, 0)
    counts = [
        (at, *canary.get(at, nothing), *stable.get(at, nothing))
        for at in sorted(canary.keys() | stable.keys())
    ]
    return [
        PeriodCounts(at=at, canary_bad=cb, canary_total=ct, stable_bad=sb, stable_total=st)
        for at, cb, ct, sb, st in counts
        if ct or st
    ]
