"""Objectives: does an indicator keep its bound, and on what does the answer rest?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steadystate.domain.bounds import Bound, shown
from steadystate.domain.series import Point, Summary, summarize, usable
from steadystate.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Objective:
    """A bound that an indicator must keep.

    `when` is "during" (from the fault to the end of the run) or "after" (the last point, when
    recovery is over). `aggregate` is "mean" (weighted by observations: for shares of requests
    exactly the share over the whole stretch) or "worst" (the worst single point). `missing` is
    the verdict without data. `floor` is the smallest limit a relative bound may come to, in `unit`.
    """

    name: str
    sli: str
    unit: str
    bound: Bound
    when: Literal["during", "after"] = "during"
    aggregate: Literal["mean", "worst"] = "mean"
    missing: Verdict = Verdict.INCONCLUSIVE
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """The verdict on one objective, in numbers. `margin` > 0 means the bound was kept."""

    name: str
    sli: str
    verdict: Verdict
    observed: float | None
    bound: str
    limit: float | None
    baseline: float | None
    margin: float | None
    unit: str
    reason: str


def evaluate(
    objective: Objective, points: Sequence[Point], baseline: Summary | None
) -> ObjectiveResult:
    """Judge one objective on the points of its stretch of time.

    `points` are those of the indicator during the stretch, in order of time. Without a usable
    point the objective's own rule for missing data decides, which is never PASS.
    """
    good = usable(points)
    base = baseline.mean if baseline else None
    limit = objective.bound.limit(base, objective.floor)
    if limit is None:
        reason = f"no baseline over 0 for {objective.sli}, so {objective.bound} cannot be judged"
        return _result(objective, Verdict.INCONCLUSIVE, None, None, base, reason)
    summary = summarize(good)
    if summary is None:
        reason = f"no data for {objective.sli}" + (
            f" ({len(points)} points without observations)" if points else ""
        )
        return _result(objective, objective.missing, None, limit, base, reason)
    worst = (max if objective.bound.upper else min)(good, key=lambda p: p.value)
    if objective.when == "after":
        observed = good[-1].value
        rests_on = "the last point after recovery"
    elif objective.aggregate == "worst":
        observed = worst.value
        rests_on = f"the worst of {len(good)} points"
    else:
        observed = summary.mean
        rests_on = (
            f"{summary.weight:,.0f} observations in {len(good)} points, "
            f"worst point {shown(worst.value, objective.unit)}"
        )
    kept = objective.bound.holds(observed, limit)
    relation = f"{objective.bound}" + (
        f" = {shown(limit, objective.unit)}" if objective.bound.relative else ""
    )
    reason = (
        f"{shown(observed, objective.unit)} {'keeps' if kept else 'misses'} {relation} ({rests_on})"
    )
    verdict = Verdict.PASS if kept else Verdict.FAIL
    return _result(objective, verdict, observed, limit, base, reason)


def _result(
    objective: Objective,
    verdict: Verdict,
    observed: float | None,
    limit: float | None,
    baseline: float | None,
    reason: str,
) -> ObjectiveResult:
    margin = None
    if observed is not None and limit is not None:
        margin = limit - observed if objective.bound.upper else observed - limit
    return ObjectiveResult(
        name=objective.name,
        sli=objective.sli,
        verdict=verdict,
        observed=observed,
        bound=str(objective.bound),
        limit=limit,
        baseline=baseline,
        margin=margin,
        unit=objective.unit,
        reason=reason,
    )
