"""Metrics: every statistic by its definition, and the API's shapes."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from lab.account.cloudwatch import MetricError, Metrics, key_of, point_of, statistic
from tests.lab.account.conftest import Account

KEY = key_of("N", "M", [])
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
numbers = st.floats(-1e6, 1e6, allow_nan=False)


def _points(values: Sequence[float]) -> list[Any]:
    return [point_of({"MetricName": "M", "Value": value}, 0.0) for value in values]


@given(st.lists(numbers, min_size=1, max_size=50))
def test_simple_statistics_agree_with_their_definitions(values: list[float]) -> None:
    points = _points(values)
    assert statistic("SampleCount")(points) == len(values)
    assert statistic("Sum")(points) == pytest.approx(math.fsum(values))
    assert statistic("Average")(points) == pytest.approx(math.fsum(values) / len(values))
    assert statistic("Minimum")(points) == min(values)
    assert statistic("Maximum")(points) == max(values)


@given(
    st.lists(st.tuples(numbers, st.integers(1, 5)), min_size=1, max_size=20), st.integers(0, 100)
)
def test_percentiles_of_counted_values_are_those_of_the_repeated_ones(
    pairs: list[tuple[float, int]], percent: int
) -> None:
    counted = point_of({"Values": [v for v, _ in pairs], "Counts": [c for _, c in pairs]}, 0.0)
    repeated = sorted(value for value, count in pairs for _ in range(count))
    position = percent / 100 * (len(repeated) - 1)
    low, high = repeated[math.floor(position)], repeated[math.ceil(position)]
    expected = low + (high - low) * (position - math.floor(position))
    assert statistic(f"p{percent}")([counted]) == pytest.approx(expected, abs=1e-6)


@given(st.lists(numbers, min_size=1, max_size=30), numbers, numbers)
def test_counts_and_ranks_leave_out_the_lower_bound(
    values: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    inside = sum(low < value <= high for value in values)
    points = _points(values)
    assert statistic(f"TC({low}:{high})")(points) == inside
    assert statistic(f"PR({low}:{high})")(points) == pytest.approx(100 * inside / len(values))


def test_open_bounds_count_everything_on_their_side() -> None:
    points = _points([1, 2, 3])
    assert statistic("TC(:2)")(points) == 2
    assert statistic("TC(2:)")(points) == 1


def test_a_statistic_set_has_no_percentiles() -> None:
    stats = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}
    point = point_of({"StatisticValues": stats}, 0.0)
    assert statistic("Average")([point]) == 2.5
    assert statistic("p95")([point]) is None
    assert statistic("TC(2:)")([point]) is None


@pytest.mark.parametrize("name", ["Median", "p101", "TC(a:b)", "TM(10%:90%)"])
def test_an_unknown_statistic_is_an_error(name: str) -> None:
    with pytest.raises(MetricError):
        statistic(name)


@given(st.lists(st.floats(0, 600), min_size=1, max_size=40), st.sampled_from([1, 5, 10, 30, 60]))
def test_every_point_is_in_exactly_one_aligned_period(times: list[float], period: int) -> None:
    store = Metrics()
    for at in times:
        store.put("N", [{"MetricName": "M", "Value": 1, "Timestamp": at}], now=0.0)
    found = store.datapoints(KEY, 0, 601, period)
    assert sum(len(points) for points in found.values()) == len(times)
    assert all(start % period == 0 for start in found)
    assert all(start <= p.at < start + period for start, points in found.items() for p in points)
    assert list(found) == sorted(found)


@pytest.mark.parametrize("period", [0, 2, 45, 90])
def test_a_period_that_cloudwatch_does_not_have_is_an_error(period: int) -> None:
    with pytest.raises(MetricError):
        Metrics().datapoints(KEY, 0, 60, period)


def _query(name: str, stat: str = "Sum", period: int = 60) -> dict[str, Any]:
    metric = {"Namespace": "Wire", "MetricName": name, "Dimensions": [{"Name": "D", "Value": "1"}]}
    return {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def _put(account: Account, name: str, minute: float, **value: Any) -> None:
    datum = {
        "MetricName": name,
        "Dimensions": [{"Name": "D", "Value": "1"}],
        "Timestamp": START + timedelta(minutes=minute),
        "Unit": "Seconds",
        **value,
    }
    account.client("cloudwatch").put_metric_data(Namespace="Wire", MetricData=[datum])


def _get(account: Account, queries: list[Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = account.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=START, EndTime=START + timedelta(minutes=10), **more
    )
    return answer


def test_periods_without_data_are_absent_and_the_newest_comes_first(account: Account) -> None:
    _put(account, "order", 0.5, Value=1)
    _put(account, "order", 3.1, Values=[2, 3], Counts=[1, 2])
    result = _get(account, [_query("order")])["MetricDataResults"][0]
    assert result["StatusCode"] == "Complete"
    assert result["Values"] == [8, 1]
    assert result["Timestamps"] == [START + timedelta(minutes=3), START]
    rising = _get(account, [_query("order")], ScanBy="TimestampAscending")["MetricDataResults"][0]
    assert rising["Values"] == [1, 8]


def test_high_resolution_periods_and_percentiles_are_answered(account: Account) -> None:
    for second in range(10):
        _put(account, "fine", second / 60, Value=second)
    result = _get(account, [_query("fine", "p50", 5)], ScanBy="TimestampAscending")
    assert result["MetricDataResults"][0]["Values"] == [2, 7]


def test_many_datapoints_come_in_pages(account: Account) -> None:
    for minute in range(7):
        _put(account, "pages", minute, Value=minute)
    pages = (
        account.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[_query("pages"), _query("pages") | {"Id": "r"}],
            StartTime=START,
            EndTime=START + timedelta(minutes=10),
            ScanBy="TimestampAscending",
            PaginationConfig={"PageSize": 3},
        )
    )
    values: dict[str, list[float]] = {"q": [], "r": []}
    for page in pages:
        assert sum(len(r["Values"]) for r in page["MetricDataResults"]) <= 3
        for result in page["MetricDataResults"]:
            values[result["Id"]] += result["Values"]
    assert values == {"q": list(range(7)), "r": list(range(7))}


def test_metric_math_is_refused_clearly(account: Account) -> None:
    with pytest.raises(ClientError, match="does not do metric math"):
        _get(account, [{"Id": "e", "Expression": "SUM(METRICS())"}])


def test_get_metric_statistics_gives_statistics_and_percentiles(account: Account) -> None:
    _put(account, "classic", 1, Value=4)
    _put(account, "classic", 1.5, Value=6)
    common = {
        "Namespace": "Wire",
        "MetricName": "classic",
        "Dimensions": [{"Name": "D", "Value": "1"}],
        "StartTime": START,
        "EndTime": START + timedelta(minutes=5),
        "Period": 60,
    }
    api = account.client("cloudwatch")
    simple = api.get_metric_statistics(**common, Statistics=["Average", "Sum"])["Datapoints"]
    assert simple == [
        {"Timestamp": START + timedelta(minutes=1), "Unit": "Seconds", "Average": 5, "Sum": 10}
    ]
    extended = api.get_metric_statistics(**common, ExtendedStatistics=["p50"])["Datapoints"]
    assert extended[0]["ExtendedStatistics"] == {"p50": 5}


def test_metrics_are_listed_by_namespace_and_dimension(account: Account) -> None:
    _put(account, "listed", 0, Value=1)
    api = account.client("cloudwatch")
    dimension = {"Name": "D", "Value": "1"}
    found = api.list_metrics(Namespace="Wire", MetricName="listed", Dimensions=[dimension])
    assert found["Metrics"] == [
        {"Namespace": "Wire", "MetricName": "listed", "Dimensions": [dimension]}
    ]
    other = dimension | {"Value": "2"}
    assert not api.list_metrics(Namespace="Wire", Dimensions=[other])["Metrics"]


def test_an_alarms_state_can_be_set(account: Account) -> None:
    api = account.client("cloudwatch")
    api.put_metric_alarm(
        AlarmName="given",
        Namespace="Wire",
        MetricName="never",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    api.set_alarm_state(AlarmName="given", StateValue="ALARM", StateReason="tested")
    alarm = api.describe_alarms(AlarmNames=["given"], StateValue="ALARM")["MetricAlarms"][0]
    assert (alarm["StateValue"], alarm["StateReason"]) == ("ALARM", "tested")
    api.set_alarm_state(AlarmName="given", StateValue="OK", StateReason="over")
