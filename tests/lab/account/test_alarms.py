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
    "ThrottledAlarm": 1.0,
    "DeadLetterAlarm": 1.0,
    "OpenUndoAlarm": 901.0,
    "StuckLeaseAlarm": 901.0,
}
"""The least value that raises each; SweepSilentAlarm is raised by silence."""

QUIET = {"OpenUndoAlarm": 900.0, "StuckLeaseAlarm": 900.0}
"""The greatest that does not; 0 where there is none."""


def plain(alarm: dict[str, Any]) -> dict[str, Any]:
    """The properties with references as plain texts."""
    dimensions = [{"Name": d["Name"], "Value": str(d["Value"])} for d in alarm["Dimensions"]]
    return alarm | {"Dimensions": dimensions}


def put(metrics: Metrics, alarm: dict[str, Any], value: float, at: float) -> None:
    datum = {
        "MetricName": alarm["MetricName"],
        "Dimensions": alarm["Dimensions"],
        "Value": value,
        "Timestamp": at,
    }
    metrics.put(alarm["Namespace"], [datum], at)


def test_every_alarm_of_the_template_is_fired_here() -> None:
    assert {*RAISED, "SweepSilentAlarm"} == set(ALARMS)


@pytest.mark.parametrize("name", RAISED)
def test_an_alarm_is_raised_by_its_metric_and_goes_back(name: str) -> None:
    alarm, metrics = plain(ALARMS[name]), Metrics()
    assert state_of(alarm, metrics, NOW, "OK") == "OK", "no data is no alarm here"
    put(metrics, alarm, QUIET.get(name, 0.0), NOW - 10)
    assert state_of(alarm, metrics, NOW, "OK") == "OK"
    put(metrics, alarm, RAISED[name], NOW - 5)
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


def test_an_alarm_by_metric_math_is_not_evaluated() -> None:
    assert is_known(ALARMS["RunBrokenAlarm"])
    query = {"Id": "m", "Expression": "1"}
    math = {"ComparisonOperator": "GreaterThanThreshold", "Metrics": [query], "Threshold": 0.0}
    assert not is_known(math)
