"""Alarms on one metric, or on a sum of some, evaluated as CloudWatch does: periods, threshold,
missing data.

Source: CloudWatch User Guide, "Evaluating an alarm" (the last period ends when the alarm is looked
at: here each EVERY_SECONDS, there each minute), "Configuring how alarms treat missing data", "Using
metric math" (a value that is missing in a sum is 0).
Other metric math, percentiles' low samples and anomaly bands are not known here.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from lab.account.cloudwatch import Key, Metrics, Point, key_of, statistic

EVERY_SECONDS: Final = 5

_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_STATISTICS: Final = ("Sum", "SampleCount", "Average", "Minimum", "Maximum")
_SUM: Final = re.compile(r"\s*[a-z]\w*(\s*\+\s*[a-z]\w*)*\s*")


class _Summand(NamedTuple):
    """A metric that the alarm adds to the others; `period` is in seconds."""

    key: Key
    compute: Callable[[Sequence[Point]], float | None]
    period: int


def is_known(alarm: Mapping[str, Any]) -> bool:
    """Whether the alarm is one that the lab can evaluate; others keep the state they were given."""
    return alarm["ComparisonOperator"] in _COMPARED and bool(_summands(alarm))


def state_of(alarm: Mapping[str, Any], metrics: Metrics, now: float, before: str) -> str:
    """Return OK, ALARM or INSUFFICIENT_DATA at `now`, in epoch seconds.

    `alarm` is as DescribeAlarms tells it; `before` is its state so far.
    """
    summands, wanted = _summands(alarm), int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm") or wanted)
    end = math.floor(now / EVERY_SECONDS) * EVERY_SECONDS
    breaches = _COMPARED[alarm["ComparisonOperator"]]
    judged: list[bool | None] = []
    for n in range(wanted):
        values = [value for one in summands if (value := _value(one, metrics, end, n)) is not None]
        judged.append(breaches(sum(values), float(alarm["Threshold"])) if values else None)
    missing = alarm.get("TreatMissingData") or "missing"
    if all(one is None for one in judged):
        nothing = {"breaching": "ALARM", "notBreaching": "OK", "ignore": before}
        return nothing.get(missing, "INSUFFICIENT_DATA")
    filled = [missing == "breaching" if one is None else one for one in judged]
    return "ALARM" if sum(filled) >= needed else "OK"


def watched(alarm: Mapping[str, Any]) -> str:
    """What the alarm watches, in a word: its metric, or its expression."""
    math_ = (query["Expression"] for query in alarm.get("Metrics") or [] if "Expression" in query)
    return str(alarm.get("MetricName") or next(math_, "a query"))


def _value(one: _Summand, metrics: Metrics, end: float, n: int) -> float | None:
    """The metric in the `n`-th period before `end`, None where there is nothing."""
    points = metrics.between(one.key, end - (n + 1) * one.period, end - n * one.period)
    return one.compute(points) if points else None


def _summands(alarm: Mapping[str, Any]) -> list[_Summand]:
    """What the alarm adds up; nothing where it does something else."""
    if alarm.get("Statistic"):
        return [_summand(alarm, alarm["Statistic"], alarm["Period"])]
    queries = {query["Id"]: query for query in alarm.get("Metrics") or []}
    sums = [q["Expression"] for q in queries.values() if q.get("Expression")]
    if len(sums) != 1 or not _SUM.fullmatch(sums[0]):
        return []
    added = [queries.get(name.strip(), {}).get("MetricStat") for name in sums[0].split("+")]
    if not all(stat and stat["Stat"] in _STATISTICS for stat in added):
        return []
    return [_summand(stat["Metric"], stat["Stat"], stat["Period"]) for stat in added]


def _summand(metric: Mapping[str, Any], name: str, period: Any) -> _Summand:
    key = key_of(metric["Namespace"], metric["MetricName"], metric.get("Dimensions", []))
    return _Summand(key, statistic(name), int(period))
