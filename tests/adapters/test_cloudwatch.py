"""CloudWatch's own gaps: what is missing is zero, or is nothing, and never made up."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from botocore.stub import Stubber

from steadystate.adapters import aws
from steadystate.adapters.cloudwatch import CloudWatch
from steadystate.documents.workload import CloudWatchSli, LoadBalancer, LoadBalancerSli
from steadystate.domain.series import Point
from steadystate.errors import TransientError
from tests.run.worlds import START

ELB = "AWS/ApplicationELB"
ERRORS = LoadBalancerSli(source="load_balancer", measure="error_rate")
LATENCY = LoadBalancerSli(source="load_balancer", measure="latency", percentile=95)
REQUESTS = LoadBalancerSli(source="load_balancer", measure="requests")
_NUMBERS = count()


class Balancer:
    """A load balancer that publishes every 5 s, as the lab's does."""

    def __init__(self, account: Any) -> None:
        name = f"app/bank/{next(_NUMBERS):016x}"
        self.name = name
        self.cloudwatch = account.client("cloudwatch")
        arn = f"arn:aws:elasticloadbalancing:ap-northeast-2:123456789012:loadbalancer/{name}"
        self.document = LoadBalancer(arn=arn, target_group="arn")

    def publish(self, period: int, **metrics: float | list[float]) -> None:
        data = []
        for metric, value in metrics.items():
            values = {"Values": value} if isinstance(value, list) else {"Value": value}
            data.append(
                {
                    "MetricName": metric,
                    "Dimensions": [{"Name": "LoadBalancer", "Value": self.name}],
                    "Timestamp": datetime.fromtimestamp(START + 5 * period, UTC),
                    "StorageResolution": 1,
                    **values,
                }
            )
        self.cloudwatch.put_metric_data(Namespace=ELB, MetricData=data)

    def read(self, periods: int = 10, **slis: Any) -> dict[str, list[Point]]:
        end = START + 5 * periods
        return CloudWatch().read(slis, self.document, since=START, until=end, period_seconds=5)


@pytest.fixture
def balancer(connected: Any) -> Balancer:
    return Balancer(connected)


def test_a_period_without_errors_is_zero_and_one_without_requests_is_nothing(
    balancer: Balancer,
) -> None:
    balancer.publish(0, RequestCount=100)
    balancer.publish(1, RequestCount=200, HTTPCode_Target_5XX_Count=10)
    balancer.publish(3, RequestCount=50, HTTPCode_Target_5XX_Count=1, HTTPCode_ELB_5XX_Count=4)
    assert balancer.read(errors=ERRORS)["errors"] == [
        Point(START, 0.0, 100.0),
        Point(START + 5, 5.0, 200.0),
        Point(START + 15, 10.0, 50.0),
    ]


def test_requests_that_found_no_target_are_failures_though_no_requests(balancer: Balancer) -> None:
    """503s of a group without targets are not in RequestCount: a total outage must show."""
    balancer.publish(0, RequestCount=100)
    balancer.publish(1, RequestCount=10, HTTPCode_ELB_5XX_Count=40)
    balancer.publish(2, HTTPCode_ELB_5XX_Count=50)
    assert balancer.read(errors=ERRORS)["errors"] == [
        Point(START, 0.0, 100.0),
        Point(START + 5, 100.0, 40.0),
        Point(START + 10, 100.0, 50.0),
    ]


def test_a_percentile_is_in_milliseconds_and_rests_on_its_samples(balancer: Balancer) -> None:
    balancer.publish(0, TargetResponseTime=[n / 1000 for n in range(1, 101)])
    (point,) = balancer.read(latency=LATENCY)["latency"]
    assert point.value == pytest.approx(95.0, abs=1.5)
    assert point.weight == 100
    assert balancer.read(requests=REQUESTS)["requests"] == []


def test_only_the_periods_asked_for_are_read(balancer: Balancer) -> None:
    for period in range(6):
        balancer.publish(period, RequestCount=period + 1)
    points = CloudWatch().read(
        {"requests": REQUESTS},
        balancer.document,
        since=START + 10,
        until=START + 20,
        period_seconds=5,
    )
    assert [(p.at, p.value) for p in points["requests"]] == [(START + 10, 3.0), (START + 15, 4.0)]


def test_nothing_published_is_nothing_read(balancer: Balancer) -> None:
    found = balancer.read(errors=ERRORS, latency=LATENCY, requests=REQUESTS)
    assert found == {"errors": [], "latency": [], "requests": []}


def test_a_metric_becomes_a_share_of_its_full_scale(connected: Any) -> None:
    balancer = Balancer(connected)
    database = f"db-{balancer.name[-4:]}"
    balancer.cloudwatch.put_metric_data(
        Namespace="AWS/RDS",
        MetricData=[
            {
                "MetricName": "DatabaseConnections",
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": database}],
                "Timestamp": datetime.fromtimestamp(START, UTC),
                "Values": [10.0, 42.0, 30.0],
                "StorageResolution": 1,
            }
        ],
    )
    sli = CloudWatchSli(
        source="cloudwatch",
        namespace="AWS/RDS",
        metric="DatabaseConnections",
        dimensions={"DBInstanceIdentifier": database},
        statistic="Maximum",
        unit="percent",
        full_scale=200,
    )
    assert balancer.read(connections=sli)["connections"] == [Point(START, 21.0, 3.0)]


def test_equal_metrics_are_asked_for_once(balancer: Balancer) -> None:
    calls: list[Any] = []
    client = aws.client("cloudwatch")
    client.meta.events.register(
        "provide-client-params.cloudwatch.GetMetricData",
        lambda params, **_: calls.append(params["MetricDataQueries"]),
    )
    balancer.read(one=ERRORS, two=ERRORS, requests=REQUESTS)
    (queries,) = calls
    assert len(queries) == 3


def test_alarms_that_fire_or_do_not_exist_are_told(connected: Any) -> None:
    cloudwatch = connected.client("cloudwatch")
    arns = []
    for name in ("quiet", "firing"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="Errors",
            Namespace="Bank",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",  # it keeps the state that it is given
        )
        arns.append(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"])
    for name, state in (("quiet", "OK"), ("firing", "ALARM")):
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
    missing = arns[0].replace("quiet", "nowhere")
    assert CloudWatch().firing([*arns, missing]) == [
        f"{arns[1]} is ALARM",
        f"{missing} is missing",
    ]
    assert CloudWatch().firing([]) == []


def test_throttling_is_a_passing_fault(balancer: Balancer) -> None:
    with Stubber(aws.client("cloudwatch")) as stub:
        stub.add_client_error("get_metric_data", "Throttling")
        with pytest.raises(TransientError):
            balancer.read(errors=ERRORS)
    with Stubber(aws.client("cloudwatch")) as stub:
        stub.add_client_error("describe_alarms", "Throttling")
        with pytest.raises(TransientError):
            CloudWatch().firing(["arn:aws:cloudwatch:ap-northeast-2:123456789012:alarm:a"])
