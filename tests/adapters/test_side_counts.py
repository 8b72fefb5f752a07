"""Counts of both sides, period by period: what is missing is zero only beside requests."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.side_counts import CloudWatchSideCounts
from steadystate.canary_contracts import PeriodCounts, Traffic
from steadystate.documents.canary import MetricDocument
from steadystate.documents.workload import LoadBalancer
from steadystate.errors import TransientError
from tests.run.worlds import START

ARN = "arn:aws:elasticloadbalancing:ap-northeast-2:123456789012"
ERRORS = MetricDocument.model_validate({"measure": "errors"})
SLOW = MetricDocument.model_validate({"measure": "slow", "threshold": "500 ms"})
_NUMBERS = count()


class Sides:
    """A load balancer with two target groups that publishes every 5 s, as the lab's does."""

    def __init__(self, account: Any) -> None:
        number = f"{next(_NUMBERS):016x}"
        self.balancer = f"app/sides/{number}"
        self.stable, self.canary = (f"targetgroup/{n}/{number}" for n in ("blue", "green"))
        self.cloudwatch = account.client("cloudwatch")

    def publish(self, period: int, group: str, **metrics: float | list[float]) -> None:
        dimensions = {"LoadBalancer": self.balancer, "TargetGroup": group}
        data = [
            {
                "MetricName": metric,
                "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()],
                "Timestamp": datetime.fromtimestamp(START + 5 * period, UTC),
                "StorageResolution": 1,
                **({"Values": value} if isinstance(value, list) else {"Value": value}),
            }
            for metric, value in metrics.items()
        ]
        self.cloudwatch.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)

    def read(self, periods: int = 10, **metrics: MetricDocument) -> dict[str, list[PeriodCounts]]:
        return CloudWatchSideCounts().read(
            Traffic(place="unused", stable=f"{ARN}:{self.stable}", canary=f"{ARN}:{self.canary}"),
            LoadBalancer(arn=f"{ARN}:loadbalancer/{self.balancer}", target_group="unused"),
            metrics,
            since=START,
            until=START + 5 * periods,
            period_seconds=5,
        )


@pytest.fixture
def sides(connected: Any) -> Sides:
    return Sides(connected)


def period(number: int, canary: tuple[int, int], stable: tuple[int, int]) -> PeriodCounts:
    return PeriodCounts(
        at=START + 5 * number,
        canary_bad=canary[0],
        canary_total=canary[1],
        stable_bad=stable[0],
        stable_total=stable[1],
    )


def test_errors_are_counted_on_both_sides_period_by_period(sides: Sides) -> None:
    sides.publish(0, sides.stable, RequestCount=90)
    sides.publish(0, sides.canary, RequestCount=10, HTTPCode_Target_5XX_Count=2)
    sides.publish(1, sides.stable, RequestCount=80, HTTPCode_Target_5XX_Count=1)
    sides.publish(3, sides.canary, RequestCount=20)
    assert sides.read(errors=ERRORS)["errors"] == [
        period(0, (2, 10), (0, 90)),
        period(1, (0, 0), (1, 80)),
        period(3, (0, 20), (0, 0)),
    ]


def test_connections_that_a_target_did_not_take_are_bad_and_never_more_than_all(
    sides: Sides,
) -> None:
    sides.publish(
        0,
        sides.canary,
        RequestCount=10,
        HTTPCode_Target_5XX_Count=1,
        TargetConnectionErrorCount=3,
    )
    sides.publish(1, sides.canary, RequestCount=5, TargetConnectionErrorCount=8)
    sides.publish(2, sides.canary, TargetConnectionErrorCount=4)
    assert sides.read(errors=ERRORS)["errors"] == [
        period(0, (4, 10), (0, 0)),
        period(1, (8, 8), (0, 0)),
        period(2, (4, 4), (0, 0)),
    ]


def test_answers_slower_than_the_threshold_are_counted_of_all_answers(sides: Sides) -> None:
    sides.publish(0, sides.stable, TargetResponseTime=[0.1, 0.5, 0.5001, 0.9], RequestCount=99)
    sides.publish(0, sides.canary, TargetResponseTime=[0.1, 0.2])
    assert sides.read(slow=SLOW)["slow"] == [period(0, (0, 2), (2, 4))]


def test_counts_of_another_load_balancer_or_group_are_not_read(sides: Sides) -> None:
    sides.publish(0, "targetgroup/other/1", RequestCount=100)
    sides.balancer, own = sides.balancer + "0", sides.balancer
    sides.publish(0, sides.stable, RequestCount=100)
    sides.balancer = own
    assert sides.read(errors=ERRORS, slow=SLOW) == {"errors": [], "slow": []}


def test_only_the_periods_asked_for_are_read(sides: Sides) -> None:
    for number in range(6):
        sides.publish(number, sides.stable, RequestCount=number + 1)
    read = [counts.stable_total for counts in sides.read(periods=3, errors=ERRORS)["errors"]]
    assert read == [1, 2, 3]


def test_equal_metrics_are_asked_for_once(sides: Sides) -> None:
    calls: list[Any] = []
    remember: Callable[..., None] = lambda params, **_: calls.append(params["MetricDataQueries"])  # noqa: E731
    aws.client("cloudwatch").meta.events.register(
        "provide-client-params.cloudwatch.GetMetricData", remember
    )
    sides.read(one=ERRORS, two=ERRORS, slow=SLOW)
    (queries,) = calls
    assert len(queries) == 2 * 3 + 2 * 2
    assert {"TC(0.5:)", "SampleCount", "Sum"} == {q["MetricStat"]["Stat"] for q in queries}


def test_throttling_is_a_passing_fault(sides: Sides) -> None:
    with Stubber(aws.client("cloudwatch")) as stub:
        stub.add_client_error("get_metric_data", "Throttling")
        with pytest.raises(TransientError):
            sides.read(errors=ERRORS)
