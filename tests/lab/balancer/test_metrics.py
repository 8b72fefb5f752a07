"""The metrics: AWS's names, dimensions and gaps."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lab.balancer.metrics import Metrics

BALANCER, GROUP = "app/bank/1", "targetgroup/blue/2"


def found(datums: Any, name: str, *dimensions: str) -> list[Any]:
    return [
        datum
        for datum in datums
        if datum["MetricName"] == name
        and tuple(one["Value"] for one in datum["Dimensions"]) == dimensions
    ]


def value(datums: Any, name: str, *dimensions: str) -> float | None:
    matching = found(datums, name, *dimensions)
    assert len(matching) <= 1
    return matching[0]["Value"] if matching else None


def done(
    metrics: Metrics, at: float, status: int | None, elb: int, group: str | None = GROUP
) -> None:
    metrics.request_done(
        at, BALANCER, group, status=status, elb_status=elb, response_seconds=0.1 if status else None
    )


def test_codes_count_for_the_target_or_for_the_load_balancer_never_for_both() -> None:
    metrics = Metrics(5)
    for status in (200, 201, 404, 500):
        done(metrics, 101, status, status)
    done(metrics, 102, None, 502)
    done(metrics, 103, None, 503, group=None)
    datums = metrics.take_finished(105)
    assert value(datums, "RequestCount", BALANCER) == 5, "503 without a target is no request"
    assert value(datums, "RequestCount", BALANCER, GROUP) == 5
    for scope in ((BALANCER,), (BALANCER, GROUP)):
        assert value(datums, "HTTPCode_Target_2XX_Count", *scope) == 2
        assert value(datums, "HTTPCode_Target_4XX_Count", *scope) == 1
        assert value(datums, "HTTPCode_Target_5XX_Count", *scope) == 1
        assert value(datums, "HTTPCode_Target_3XX_Count", *scope) is None
    assert value(datums, "HTTPCode_ELB_5XX_Count", BALANCER) == 2
    assert value(datums, "HTTPCode_ELB_502_Count", BALANCER) == 1
    assert value(datums, "HTTPCode_ELB_503_Count", BALANCER) == 1
    assert not found(datums, "HTTPCode_ELB_5XX_Count", BALANCER, GROUP), "as in AWS"
    assert {datum["Timestamp"] for datum in datums} == {datetime.fromtimestamp(100, UTC)}


def test_nothing_is_published_for_a_period_without_requests() -> None:
    metrics = Metrics(5)
    metrics.connections(101, BALANCER, opened=0, active=0)
    assert metrics.take_finished(105) == []


def test_only_finished_periods_are_taken_and_only_once() -> None:
    metrics = Metrics(5)
    done(metrics, 104.999, 200, 200)
    done(metrics, 105.0, 200, 200)
    assert value(metrics.take_finished(109.9), "RequestCount", BALANCER) == 1
    later = metrics.take_finished(110)
    assert value(later, "RequestCount", BALANCER) == 1
    assert later[0]["Timestamp"] == datetime.fromtimestamp(105, UTC)
    assert metrics.take_finished(200) == []


def test_hosts_and_connections_are_what_was_seen() -> None:
    metrics = Metrics(60)
    metrics.hosts(60, BALANCER, GROUP, healthy=3, unhealthy=0)
    metrics.hosts(61, BALANCER, GROUP, healthy=2, unhealthy=1)
    metrics.hosts(62, BALANCER, GROUP, healthy=2, unhealthy=1)
    metrics.connections(60, BALANCER, opened=4, active=9)
    metrics.connections(61, BALANCER, opened=1, active=7)
    datums = metrics.take_finished(120)
    (hosts,) = found(datums, "HealthyHostCount", BALANCER, GROUP)
    assert dict(zip(hosts["Values"], hosts["Counts"], strict=True)) == {3: 1, 2: 2}
    (others,) = found(datums, "UnHealthyHostCount", BALANCER, GROUP)
    assert dict(zip(others["Values"], others["Counts"], strict=True)) == {0: 1, 1: 2}
    assert value(datums, "NewConnectionCount", BALANCER) == 5
    assert value(datums, "ActiveConnectionCount", BALANCER) == 9
    assert hosts["StorageResolution"] == 60


@given(st.lists(st.floats(0, 60), min_size=1, max_size=600))
def test_response_times_keep_every_request_in_datums_that_cloudwatch_takes(
    times: list[float],
) -> None:
    metrics = Metrics(5)
    for seconds in times:
        metrics.request_done(
            100, BALANCER, GROUP, status=200, elb_status=200, response_seconds=seconds
        )
    datums = found(metrics.take_finished(105), "TargetResponseTime", BALANCER, GROUP)
    assert all(len(datum["Values"]) <= 150 for datum in datums)
    kept = sorted(
        value
        for datum in datums
        for value, count in zip(datum["Values"], datum["Counts"], strict=True)
        for _ in range(count)
    )
    assert len(kept) == len(times)
    assert all(abs(a - b) <= 0.00005 for a, b in zip(kept, sorted(times), strict=True))
