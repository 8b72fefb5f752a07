"""Each alarm of the template: what it is raised by, to the value and the second.

tests/alarms lets each be raised by what it is there for.
"""

from typing import Any

import pytest

from lab.account.alarms import is_known, state_of
from lab.account.cloudwatch import Metrics
from tests.definitions.stack import resources

NOW = 1_800_000_000.0  # the end of a period of 300 s
ALARMS = resources("AWS::CloudWatch::Alarm")

RAISED = {
    "RecoverFailedAlarm": 1.0,
    "RunBrokenAlarm": 1.0,
    "CanaryBrokenAlarm": 1.0,
    "ReportFailedAlarm": 1.0,
    "RunThrottledAlarm": 1.0,
    "CanaryThrottledAlarm": 1.0,
    "ReportThrottledAlarm": 1.0,
    "DeadLetterAlarm": 1.0,
    "OpenUndoAlarm": 901.0,
    "StuckLeaseAlarm": 901.0,
}
"""The least value that raises each; SweepSilentAlarm is raised by silence."""

QUIET = {"OpenUndoAlarm": 900.0, "StuckLeaseAlarm": 900.0}
"""The greatest that does not; 0 where there is none."""


def plain(value: Any) -> Any:
    """Properties with references as plain texts."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    reference = set(value) in ({"Ref"}, {"Fn::GetAtt"}, {"Fn::Sub"})
    return str(value) if reference else {key: plain(one) for key, one in value.items()}


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm looks at."""
    queries = [q["MetricStat"]["Metric"] for q in alarm.get("Metrics", []) if "MetricStat" in q]
    return queries or [alarm]


def put(metrics: Metrics, metric: dict[str, Any], value: float, at: float) -> None:
    datum = {
        "MetricName": metric["MetricName"],
        "Dimensions": metric["Dimensions"],
        "Value": value,
        "Timestamp": at,
    }
    metrics.put(metric["Namespace"], [datum], at)


def test_every_alarm_of_the_template_is_fired_here() -> None:
    assert {*RAISED, "SweepSilentAlarm"} == set(ALARMS)


@pytest.mark.parametrize(
    ("name", "n"),
    [(name, n) for name in RAISED for n in range(len(metrics_of(ALARMS[name])))],
)
def test_an_alarm_is_raised_by_each_of_its_metrics_and_goes_back(name: str, n: int) -> None:
    alarm, metrics = plain(ALARMS[name]), Metrics()
    assert is_known(alarm)
    metric = metrics_of(alarm)[n]
    assert state_of(alarm, metrics, NOW, "OK") == "OK", "no data is no alarm here"
    put(metrics, metric, QUIET.get(name, 0.0), NOW - 10)
    assert state_of(alarm, metrics, NOW, "OK") == "OK"
    put(metrics, metric, RAISED[name], NOW - 5)
    assert state_of(alarm, metrics, NOW, "OK") == "ALARM"
    assert state_of(alarm, metrics, NOW + 294, "ALARM") == "ALARM"
    assert state_of(alarm, metrics, NOW + 300, "ALARM") == "OK"


def test_a_sweep_that_falls_silent_raises_its_alarm_and_the_next_one_ends_it() -> None:
    alarm, metrics = plain(ALARMS["SweepSilentAlarm"]), Metrics()
    assert state_of(alarm, metrics, NOW, "OK") == "ALARM"
    put(metrics, alarm, 0.0, NOW - 5)
    for periods in (0, 1, 2):
        assert state_of(alarm, metrics, NOW + periods * 300, "OK") == "OK"
    assert state_of(alarm, metrics, NOW + 900, "OK") == "ALARM"
    put(metrics, alarm, 0.0, NOW + 899)
    assert state_of(alarm, metrics, NOW + 900, "ALARM") == "OK"


@pytest.mark.parametrize(
    ("missing", "state"),
    [
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
        ("ignore", "ALARM"),
        ("missing", "INSUFFICIENT_DATA"),
    ],
)
def test_missing_data_counts_as_the_alarm_says(missing: str, state: str) -> None:
    alarm = plain(ALARMS["RunBrokenAlarm"]) | {"TreatMissingData": missing}
    assert state_of(alarm, Metrics(), NOW, "ALARM") == state


def test_periods_end_at_the_last_look() -> None:
    alarm, metrics = plain(ALARMS["RunBrokenAlarm"]), Metrics()
    put(metrics, alarm, 1.0, NOW + 1)
    assert state_of(alarm, metrics, NOW + 4, "OK") == "OK"
    assert state_of(alarm, metrics, NOW + 5, "OK") == "ALARM"
    assert state_of(alarm, metrics, NOW + 300, "OK") == "ALARM"
    assert state_of(alarm, metrics, NOW + 305, "OK") == "OK"


def summed(expression: str, stat: str = "Sum") -> dict[str, Any]:
    """An alarm on two metrics of one minute, `a` and `b`."""
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "N", "MetricName": name, "Dimensions": []},
                "Period": 60,
                "Stat": stat,
            },
        }
        for name in "ab"
    ]
    return {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 3.0,
        "TreatMissingData": "notBreaching",
        "Metrics": [*queries, {"Id": "e", "Expression": expression}],
    }


def test_a_sum_of_metrics_counts_what_is_missing_as_nothing() -> None:
    alarm, metrics = summed("a + b"), Metrics()
    a, b = metrics_of(alarm)
    put(metrics, a, 2.0, NOW - 5)
    assert state_of(alarm, metrics, NOW, "OK") == "OK"
    put(metrics, b, 2.0, NOW - 5)
    assert state_of(alarm, metrics, NOW, "OK") == "ALARM"
    assert state_of(alarm, metrics, NOW + 60, "ALARM") == "OK"


def test_an_alarm_by_other_metric_math_is_not_evaluated() -> None:
    assert is_known(ALARMS["RunBrokenAlarm"])
    assert is_known(summed("a + b"))
    for other in ("1", "a - b", "SUM([a, b])", "a + missing"):
        assert not is_known(summed(other)), other
    assert not is_known(summed("a + b", "p99"))
