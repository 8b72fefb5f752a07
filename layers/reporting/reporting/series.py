"""What the charts draw, read from the evidence: points, bounds, and how to thin them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from steadystate.canary_contracts import CanaryLook, CanaryPlan
from steadystate.contracts import BaselineOf, Plan, Sample
from steadystate.documents.workload import CloudWatchSli, LoadBalancerSli, ProbeSli, unit_of
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point, usable
from steadystate.evidence import Evidence, ObjectiveEvidence
from steadystate.run.judgement import probe_points

Dot = tuple[float, float]
"""Epoch second and value."""

Look = Sample | CanaryLook
"""One look at a run of either kind."""


@dataclass(frozen=True)
class Indicator:
    """One indicator over the run. `period_seconds` is the stretch that a point speaks for."""

    name: str
    unit: str
    source: str
    period_seconds: float
    points: list[Point]
    baseline: BaselineOf | None
    objectives: list[ObjectiveEvidence]
    guardrails: list[tuple[str, float, bool]]
    """Name, limit, and whether larger values are worse."""

    @property
    def dots(self) -> list[Dot]:
        """Return the points that say anything, each in the middle of its period."""
        half = self.period_seconds / 2
        return [(p.at + half, p.value) for p in self.points]


def ticks_of(looks: Iterable[Look]) -> list[Tick]:
    """Return all seconds of the prober, in order of time."""
    return sorted(t for look in looks for t in look.ticks)


def indicators(
    evidence: Evidence, plan: Plan | CanaryPlan, looks: Sequence[Look]
) -> list[Indicator]:
    """Return every indicator of a run: those of objectives first, in their order."""
    ticks = ticks_of(looks)
    wanted = [o.sli for o in evidence.objectives] + [g.sli for g in evidence.guardrails]
    names = [n for n in dict.fromkeys([*wanted, *plan.slis]) if n in plan.slis]
    found = [_indicator(evidence, plan, name, looks, ticks) for name in names]
    probed = {s.measure for s in plan.slis.values() if isinstance(s, ProbeSli)}
    if ticks and "error_rate" not in probed:
        sli = ProbeSli(source="probe", measure="error_rate")
        points = usable(probe_points(ticks, sli))
        found.append(Indicator("probe_errors", "percent", "probe", 1.0, points, None, [], []))
    return found


def _indicator(
    evidence: Evidence,
    plan: Plan | CanaryPlan,
    name: str,
    looks: Sequence[Look],
    ticks: Sequence[Tick],
) -> Indicator:
    sli = plan.slis[name]
    if isinstance(sli, ProbeSli):
        points, period = probe_points(ticks, sli), 1.0
    else:
        points = sorted(p for look in looks for p in look.points.get(name, []))
        metric = isinstance(sli, LoadBalancerSli | CloudWatchSli)
        period = float(plan.timing.metric_period_seconds) if metric else 0.0
    before = evidence.baseline.get(name)
    guardrails = []
    for guardrail, document in plan.guardrails.items():
        limit = document.bound.limit(before.mean if before else None)
        if document.sli == name and limit is not None:
            guardrails.append((guardrail, limit, document.bound.upper))
    return Indicator(
        name=name,
        unit=unit_of(sli),
        source=sli.source,
        period_seconds=period,
        points=usable(points),
        baseline=before,
        objectives=[o for o in evidence.objectives if o.sli == name],
        guardrails=guardrails,
    )


def thinned(dots: Sequence[Dot], start: float, end: float, columns: int) -> list[Dot]:
    """Return at most four points a column of the drawing: its first, lowest, highest and last.

    So no extreme is lost, however many points there are. Points that are not finite are left out.
    """
    dots = [d for d in dots if math.isfinite(d[1])]
    if len(dots) <= 2 * columns or end <= start:
        return list(dots)
    kept: list[Dot] = []
    column: list[Dot] = []
    number = -1
    for dot in dots:
        here = int((dot[0] - start) / (end - start) * columns)
        if here != number and column:
            kept += _extremes(column)
            column = []
        number = here
        column.append(dot)
    return kept + _extremes(column)


def _extremes(column: Sequence[Dot]) -> list[Dot]:
    low = min(column, key=lambda d: d[1])
    high = max(column, key=lambda d: d[1])
    return sorted({column[0], low, high, column[-1]})


def stretches(dots: Sequence[Dot], gap_seconds: float) -> list[list[Dot]]:
    """Cut a line where nothing was measured for longer than `gap_seconds`."""
    parts: list[list[Dot]] = []
    for dot in dots:
        if not parts or dot[0] - parts[-1][-1][0] > gap_seconds:
            parts.append([])
        parts[-1].append(dot)
    return parts


def usual_gap(dots: Iterable[Dot], period_seconds: float) -> float:
    """Return after how many seconds without a point a line is cut: 2.5 usual distances."""
    times = [at for at, _ in dots]
    distances = sorted(b - a for a, b in pairwise(times))
    usual = distances[len(distances) // 2] if distances else 0.0
    return 2.5 * max(usual, period_seconds, 1.0)
