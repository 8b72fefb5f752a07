from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from bank.metrics import BusinessMetrics, Datum, Publisher, _to_cloudwatch

START = datetime(2026, 1, 1, tzinfo=UTC)


def a_period() -> BusinessMetrics:
    metrics = BusinessMetrics(lambda: START)
    metrics.transfer("made", 300)
    metrics.transfer("made", 100)
    metrics.transfer("insufficient_funds", 999)
    metrics.login("ok")
    return metrics


def test_a_period_holds_counts_by_result_and_the_amounts_that_moved() -> None:
    data = {
        (d["MetricName"], d.get("Dimensions", [{"Value": ""}])[0]["Value"]): d
        for d in a_period().take_period()
    }
    assert data["Transfers", "made"]["Value"] == 2
    assert data["Transfers", "insufficient_funds"]["Value"] == 1
    assert data["Logins", "ok"]["Value"] == 1
    assert data["TransferAmount", ""]["StatisticValues"] == {
        "SampleCount": 2.0,
        "Sum": 400.0,
        "Minimum": 100.0,
        "Maximum": 300.0,
    }
    assert {d["Timestamp"] for d in data.values()} == {START}


def test_a_period_starts_empty_and_totals_go_on() -> None:
    metrics = a_period()
    metrics.take_period()
    assert metrics.take_period() == []
    assert metrics.snapshot()["transfers"] == {"made": 2, "insufficient_funds": 1}
    assert metrics.snapshot()["transfer_amount_krw"] == 400


def test_what_could_not_be_published_is_sent_with_the_next_period() -> None:
    metrics = a_period()
    sent: list[list[Datum]] = []

    def broken(_: list[Datum]) -> None:
        raise ConnectionError("CloudWatch is away")

    publisher = Publisher(metrics, sent.append)
    publisher.publish_period(broken)
    metrics.login("refused")
    publisher.publish_period(sent.append)
    assert [len(data) for data in sent] == [4, 1]


def test_stopping_publishes_the_last_period() -> None:
    sent: list[list[Datum]] = []
    publisher = Publisher(a_period(), sent.append)
    publisher.start()
    publisher.stop()
    assert [len(data) for data in sent] == [4]


def test_cloudwatch_takes_what_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "ap-northeast-2")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        _to_cloudwatch("Bank")(a_period().take_period())
        cloudwatch = boto3.client("cloudwatch", region_name="ap-northeast-2")
        found = cloudwatch.get_metric_statistics(
            Namespace="Bank",
            MetricName="Transfers",
            Dimensions=[{"Name": "Result", "Value": "made"}],
            StartTime=START,
            EndTime=START + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
    assert [point["Sum"] for point in found["Datapoints"]] == [2.0]
