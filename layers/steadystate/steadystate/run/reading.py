"""Reads the indicators that only show the present: target health, Prometheus, answers over HTTP."""

from collections.abc import Mapping
from typing import Final

from steadystate.documents.workload import (
    HttpSli,
    LoadBalancer,
    PrometheusSli,
    Sli,
    TargetHealthSli,
)
from steadystate.domain.series import Point
from steadystate.ports import Readings, TargetHealth

TIMEOUT_SECONDS: Final = 5.0


def read_now(
    slis: Mapping[str, Sli],
    load_balancer: LoadBalancer,
    health: TargetHealth,
    readings: Readings,
    now: float,
) -> tuple[dict[str, list[Point]], list[str]]:
    """Return a point for each indicator that answered, and a note for each that did not."""
    points: dict[str, list[Point]] = {}
    notes: list[str] = []
    for name, sli in slis.items():
        try:
            if isinstance(sli, TargetHealthSli):
                healthy = float(health.healthy(load_balancer.target_group))
                points[name] = [Point(now, healthy, 1.0)]
            elif isinstance(sli, PrometheusSli):
                points[name] = [Point(now, readings.prometheus(sli, TIMEOUT_SECONDS), 1.0)]
            elif isinstance(sli, HttpSli):
                value, observations = readings.json(sli, TIMEOUT_SECONDS)
                points[name] = [Point(now, value, observations)]
        except LookupError as error:
            notes.append(f"{name}: {error}")
    return points, notes
