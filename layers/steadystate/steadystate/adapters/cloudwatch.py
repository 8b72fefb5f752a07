"""CloudWatch: the history of a load balancer and of single metrics, and the state of alarms.

Metric names: "CloudWatch metrics for your Application Load Balancer", ELB User Guide.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from steadystate.adapters.aws import client, passing_faults
from steadystate.documents.workload import CloudWatchSli, LoadBalancer, LoadBalancerSli
from steadystate.domain.series import Point

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

QUERIES_A_CALL = 500
ERRORS = ("HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count")

Series = dict[float, float]
Query = tuple[str, str, tuple[tuple[str, str], ...], str]
"""Namespace, metric, dimensions, statistic."""


class CloudWatch:
    """The ports Metrics and Alarms on CloudWatch."""

    def read(
        self,
        slis: Mapping[str, LoadBalancerSli | CloudWatchSli],
        load_balancer: LoadBalancer,
        *,
        since: float,
        until: float,
        period_seconds: int,
    ) -> dict[str, list[Point]]:
        """Return the points by indicator; equal metrics are asked for once.

        5XX counts are missing, and not zero, when nothing failed: where there were requests they
        are 0, and where there were none there is no point. A request for which the balancer found
        no target is no RequestCount: where more failed than were counted, all failed.
        """
        wanted = {name: _queries(sli, load_balancer) for name, sli in slis.items()}
        queries = list(dict.fromkeys(q for qs in wanted.values() for q in qs))
        found = dict(zip(queries, fetch(queries, since, until, period_seconds), strict=True))
        return {
            name: _points(slis[name], [found[q] for q in queries_of])
            for name, queries_of in wanted.items()
        }

    def firing(self, arns: Sequence[str]) -> list[str]:
        """Return the alarms that are in ALARM, or that do not exist, in words."""
        if not arns:
            return []
        names = [arn.rpartition(":alarm:")[2] for arn in arns]
        cloudwatch: CloudWatchClient = client("cloudwatch")
        with passing_faults():
            answer = cloudwatch.describe_alarms(AlarmNames=names)
        states = {a["AlarmArn"]: a["StateValue"] for a in answer["MetricAlarms"]}
        states |= {a["AlarmArn"]: a["StateValue"] for a in answer["CompositeAlarms"]}
        shown = {arn: states.get(arn, "missing") for arn in arns}
        return [
            f"{arn} is {state}" for arn, state in shown.items() if state in ("ALARM", "missing")
        ]


def fetch(
    queries: Sequence[Query], since: float, until: float, period_seconds: int
) -> list[Series]:
    """Return the values of each query by the start of their period (epoch seconds)."""
    cloudwatch: CloudWatchClient = client("cloudwatch")
    series: list[Series] = [{} for _ in queries]
    for first in range(0, len(queries), QUERIES_A_CALL):
        batch = queries[first : first + QUERIES_A_CALL]
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[
                _asked(f"q{first + i}", q, period_seconds) for i, q in enumerate(batch)
            ],
            StartTime=datetime.fromtimestamp(since, UTC),
            EndTime=datetime.fromtimestamp(until, UTC),
            ScanBy="TimestampAscending",
        )
        with passing_faults():
            for page in pages:
                for result in page["MetricDataResults"]:
                    into = series[int(result["Id"][1:])]
                    for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                        into[at.timestamp()] = value
    return series


def _queries(sli: LoadBalancerSli | CloudWatchSli, load_balancer: LoadBalancer) -> list[Query]:
    if isinstance(sli, CloudWatchSli):
        dimensions = tuple(sorted(sli.dimensions.items()))
        return [
            (sli.namespace, sli.metric, dimensions, sli.statistic),
            (sli.namespace, sli.metric, dimensions, "SampleCount"),
        ]
    name = load_balancer.arn.rpartition(":loadbalancer/")[2]

    def own(metric: str, statistic: str) -> Query:
        return ("AWS/ApplicationELB", metric, (("LoadBalancer", name),), statistic)

    requests = own("RequestCount", "Sum")
    if sli.measure == "error_rate":
        return [requests, *(own(metric, "Sum") for metric in ERRORS)]
    if sli.measure == "latency":
        percentile = f"p{sli.percentile:g}"
        return [own("TargetResponseTime", s) for s in (percentile, "SampleCount")]
    return [requests]


def _asked(query_id: str, query: Query, period_seconds: int) -> Any:
    namespace, metric, dimensions, statistic = query
    return {
        "Id": query_id,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions],
            },
            "Period": period_seconds,
            "Stat": statistic,
        },
        "ReturnData": True,
    }


def _points(sli: LoadBalancerSli | CloudWatchSli, series: Sequence[Series]) -> list[Point]:
    first, *rest = series
    if isinstance(sli, CloudWatchSli):
        scale = 100.0 / sli.full_scale if sli.full_scale else 1.0
        return [Point(at, v * scale, rest[0].get(at, 1.0)) for at, v in sorted(first.items())]
    if sli.measure == "error_rate":
        moments = sorted({at for s in series for at in s})
        failed = {at: sum(s.get(at, 0.0) for s in rest) for at in moments}
        asked = {at: max(first.get(at, 0.0), failed[at]) for at in moments}
        return [Point(at, 100.0 * failed[at] / n, n) for at, n in asked.items() if n > 0]
    if sli.measure == "latency":
        return [Point(at, v * 1000.0, rest[0].get(at, 1.0)) for at, v in sorted(first.items())]
    return [Point(at, value, 1.0) for at, value in sorted(first.items())]
