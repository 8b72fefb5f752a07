"""CloudWatch metrics: an own store, sorted by time, with every statistic that is used.

Times are epoch seconds; a period's datapoint carries its start. Values come with a weight, as
PutMetricData's Values and Counts do.
"""

import bisect
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_HIGH_RESOLUTION = (1, 5, 10, 20, 30)

Key = tuple[str, str, tuple[tuple[str, str], ...]]


class MetricError(Exception):
    """The request is not one that CloudWatch (or the lab) can answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Point:
    """One entry of PutMetricData: values with their counts, or a statistic set."""

    at: float
    values: tuple[float, ...]
    counts: tuple[float, ...]
    total: float
    minimum: float
    maximum: float
    unit: str
    is_set: bool = False


@dataclass
class _Series:
    times: list[float] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)

    def add(self, point: Point) -> None:
        position = bisect.bisect_right(self.times, point.at)
        self.times.insert(position, point.at)
        self.points.insert(position, point)

    def between(self, start: float, end: float) -> list[Point]:
        first, last = bisect.bisect_left(self.times, start), bisect.bisect_left(self.times, end)
        return self.points[first:last]


def key_of(namespace: str, name: str, dimensions: Iterable[Mapping[str, str]]) -> Key:
    """The identity of a metric: the order of its dimensions does not matter."""
    return namespace, name, tuple(sorted((d["Name"], d["Value"]) for d in dimensions))


def point_of(datum: Mapping[str, Any], at: float) -> Point:
    """A datum of PutMetricData. Raises MetricError."""
    unit = datum.get("Unit") or "None"
    if stats := datum.get("StatisticValues"):
        count, total = float(stats["SampleCount"]), float(stats["Sum"])
        low, high = float(stats["Minimum"]), float(stats["Maximum"])
        mean = total / count if count else 0.0
        return Point(at, (mean,), (count,), total, low, high, unit, is_set=True)
    values = [float(value) for value in datum.get("Values") or [datum.get("Value", math.nan)]]
    counts = [float(count) for count in datum.get("Counts") or [1.0] * len(values)]
    if len(values) != len(counts):
        raise MetricError("Values and Counts must have the same number of elements")
    if not all(math.isfinite(value) for value in values):
        raise MetricError(f"{datum.get('MetricName')}: a Value is needed, and must be a number")
    total = sum(value * count for value, count in zip(values, counts, strict=True))
    return Point(at, tuple(values), tuple(counts), total, min(values), max(values), unit)


class Metrics:
    """All metrics of the account. Safe to use from several threads."""

    def __init__(self) -> None:
        self._series: dict[Key, _Series] = {}
        self._lock = threading.Lock()

    def put(self, namespace: str, data: Sequence[Mapping[str, Any]], now: float) -> None:
        """Store the data of one PutMetricData, all or nothing. Raises MetricError."""
        entries = []
        for datum in data:
            key = key_of(namespace, datum["MetricName"], datum.get("Dimensions") or [])
            at = datum.get("Timestamp")
            entries.append((key, point_of(datum, now if at is None else float(at))))
        with self._lock:
            for key, point in entries:
                self._series.setdefault(key, _Series()).add(point)

    def known(self) -> list[Key]:
        """The identities of all metrics."""
        with self._lock:
            return list(self._series)

    def between(self, key: Key, start: float, end: float) -> list[Point]:
        """The points from `start` on, before `end`."""
        with self._lock:
            series = self._series.get(key)
            return series.between(start, end) if series else []

    def datapoints(
        self, key: Key, start: float, end: float, period: int, unit: str | None = None
    ) -> dict[float, list[Point]]:
        """The points of each period that has any, by the period's start, in order.

        The range is aligned as CloudWatch does it: periods count whole, from the one in which
        `start` lies, to the last one that begins before `end`.
        Raises MetricError for a period that CloudWatch does not have.
        """
        if period < 1 or (period not in _HIGH_RESOLUTION and period % 60):
            raise MetricError("The period must be 1, 5, 10, 20, 30, or a multiple of 60")
        first, last = math.floor(start / period) * period, math.ceil(end / period) * period
        found: dict[float, list[Point]] = {}
        for point in self.between(key, first, last):
            if unit in (None, point.unit):
                found.setdefault(float(math.floor(point.at / period) * period), []).append(point)
        return found


def statistic(name: str) -> Callable[[Sequence[Point]], float | None]:
    """The function that computes a statistic of the points of one period.

    `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `pNN(.n)`, `TC(low:high)` and
    `PR(low:high)`. Raises MetricError for others. The result is None where CloudWatch has none:
    percentiles and counts need the values, which statistic sets do not carry.
    """
    if name in _SIMPLE:
        return _SIMPLE[name]
    if match := re.fullmatch(r"p(\d{1,2}(?:\.\d{1,10})?|100)", name):
        share = float(match[1]) / 100
        return lambda points: _percentile(points, share)
    if match := re.fullmatch(r"(TC|PR)\((-?[\d.eE+-]*):(-?[\d.eE+-]*)\)", name):
        kind, low, high = match.groups()
        try:
            below = float(low) if low else -math.inf
            above = float(high) if high else math.inf
        except ValueError as error:
            raise MetricError(f"The statistic {name} is not valid") from error
        if kind == "TC":
            return lambda points: _count(points, below, above)
        return lambda points: _rank(points, below, above)
    raise MetricError(f"The lab does not know the statistic {name}")


def _samples(points: Sequence[Point]) -> float:
    return sum(sum(point.counts) for point in points)


def _sum(points: Sequence[Point]) -> float:
    return math.fsum(point.total for point in points)


_SIMPLE: dict[str, Callable[[Sequence[Point]], float | None]] = {
    "Sum": _sum,
    "SampleCount": _samples,
    "Average": lambda points: _sum(points) / _samples(points) if _samples(points) else None,
    "Minimum": lambda points: min(point.minimum for point in points),
    "Maximum": lambda points: max(point.maximum for point in points),
}


def _weighted(points: Sequence[Point]) -> list[tuple[float, float]] | None:
    """Values with counts, sorted; None when a statistic set hides its values."""
    if any(point.is_set and point.minimum != point.maximum for point in points):
        return None
    pairs = [
        (value, count)
        for point in points
        for value, count in zip(point.values, point.counts, strict=True)
        if count > 0
    ]
    return sorted(pairs)


def _percentile(points: Sequence[Point], share: float) -> float | None:
    """Linear interpolation between the closest ranks (type 7) of the weighted values."""
    pairs = _weighted(points)
    if not pairs:
        return None
    position = share * (sum(count for _, count in pairs) - 1)
    lower, upper = math.floor(position), math.ceil(position)
    low = high = pairs[-1][0]
    seen = 0.0
    found_low = False
    for value, count in pairs:
        seen += count
        if not found_low and lower < seen:
            low, found_low = value, True
        if upper < seen:
            high = value
            break
    return low + (high - low) * (position - lower)


def _count(points: Sequence[Point], below: float, above: float) -> float | None:
    """How many values lie in (below, above]; as CloudWatch does it, the lower end is exclusive."""
    pairs = _weighted(points)
    if pairs is None:
        return None
    return sum(count for value, count in pairs if below < value <= above)


def _rank(points: Sequence[Point], below: float, above: float) -> float | None:
    count = _count(points, below, above)
    samples = _samples(points)
    return None if count is None or not samples else 100 * count / samples
