"""Alarms on one metric, evaluated as CloudWatch does: periods, threshold, missing data.

Source: CloudWatch User Guide, "Evaluating an alarm", "Configuring how alarms treat missing data".
Metric math, percentiles' low samples and anomaly bands are not known here.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from lab.account.cloudwatch import Metrics, key_of, statistic

_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def state_of(alarm: Mapping[str, Any], metrics: Metrics, now: float, before: str) -> str:
    """Return OK, ALARM or INSUFFICIENT_DATA at `now`, in epoch seconds.

    `alarm` has the properties of AWS::CloudWatch::Alarm with plain values; `before` is its state so
    far. Only periods that are over count.
    """
    period, wanted = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm", wanted))
    end = math.floor(now / period) * period
    key = key_of(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions", []))
    found = metrics.datapoints(key, end - wanted * period, end, period)
    compute = statistic(alarm["Statistic"])
    breaches = _COMPARED[alarm["ComparisonOperator"]]
    judged: list[bool | None] = []
    for n in range(wanted):
        points = found.get(float(end - (n + 1) * period))
        value = compute(points) if points else None
        judged.append(None if value is None else breaches(value, float(alarm["Threshold"])))
    missing = alarm.get("TreatMissingData", "missing")
    if all(one is None for one in judged):
        nothing = {"breaching": "ALARM", "notBreaching": "OK", "ignore": before}
        return nothing.get(missing, "INSUFFICIENT_DATA")
    filled = [missing == "breaching" if one is None else one for one in judged]
    return "ALARM" if sum(filled) >= needed else "OK"
