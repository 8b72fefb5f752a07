"""Alarms on one metric, evaluated as CloudWatch does: periods, threshold, missing data.

Source: CloudWatch User Guide, "Evaluating an alarm" (the last period ends when the alarm is looked
at: here each EVERY_SECONDS, there each minute), "Configuring how alarms treat missing data".
Metric math, percentiles' low samples and anomaly bands are not known here.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from lab.account.cloudwatch import Metrics, key_of, statistic

EVERY_SECONDS: Final = 5

_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def is_known(alarm: Mapping[str, Any]) -> bool:
    """Whether the alarm is one that the lab can evaluate; others keep the state they were given."""
    return bool(alarm.get("Statistic")) and alarm["ComparisonOperator"] in _COMPARED


def state_of(alarm: Mapping[str, Any], metrics: Metrics, now: float, before: str) -> str:
    """Return OK, ALARM or INSUFFICIENT_DATA at `now`, in epoch seconds.

    `alarm` is as DescribeAlarms tells it; `before` is its state so far.
    """
    period, wanted = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm") or wanted)
    end = math.floor(now / EVERY_SECONDS) * EVERY_SECONDS
    key = key_of(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions", []))
    compute = statistic(alarm["Statistic"])
    breaches = _COMPARED[alarm["ComparisonOperator"]]
    judged: list[bool | None] = []
    for n in range(wanted):
        points = metrics.between(key, end - (n + 1) * period, end - n * period)
        value = compute(points) if points else None
        judged.append(None if value is None else breaches(value, float(alarm["Threshold"])))
    missing = alarm.get("TreatMissingData") or "missing"
    if all(one is None for one in judged):
        nothing = {"breaching": "ALARM", "notBreaching": "OK", "ignore": before}
        return nothing.get(missing, "INSUFFICIENT_DATA")
    filled = [missing == "breaching" if one is None else one for one in judged]
    return "ALARM" if sum(filled) >= needed else "OK"
