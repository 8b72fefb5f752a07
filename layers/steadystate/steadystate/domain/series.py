"""Points of an indicator over time, and what they come to."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Point(NamedTuple):
    """One measurement of an indicator.

    `at` is the epoch second at which the measured period starts, `value` is in the indicator's
    unit, and `weight` is how many observations (requests, probes) the value rests on. For a share
    of requests the weighted mean of points is exactly the share over all of them.
    """

    at: float
    value: float
    weight: float


@dataclass(frozen=True, slots=True)
class Summary:
    """An indicator over a stretch of time; `standard_deviation` is that of its points."""

    mean: float
    standard_deviation: float
    points: int
    weight: float


def usable(points: Iterable[Point]) -> list[Point]:
    """Return the points that say anything: finite, and resting on at least one observation."""
    return [p for p in points if math.isfinite(p.value) and p.weight > 0]


def summarize(points: Sequence[Point]) -> Summary | None:
    """Return the weighted mean and the spread of the usable points; None where there are none."""
    good = usable(points)
    if not good:
        return None
    weight = math.fsum(p.weight for p in good)
    mean = math.fsum(p.value * p.weight for p in good) / weight
    centre = math.fsum(p.value for p in good) / len(good)
    variance = math.fsum((p.value - centre) ** 2 for p in good) / max(1, len(good) - 1)
    return Summary(mean, math.sqrt(variance), len(good), weight)


def within(
    points: Iterable[Point], started_at: float, ended_at: float, period_seconds: float
) -> list[Point]:
    """Return the points whose period overlaps the stretch from `started_at` to `ended_at`."""
    return [p for p in points if p.at + period_seconds > started_at and p.at <= ended_at]
