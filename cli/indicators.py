"""The indicators of a run that goes on: latest values against their bounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from steadystate.canary_contracts import CanaryLook
from steadystate.contracts import Run, Sample
from steadystate.documents.workload import ProbeSli
from steadystate.domain.bounds import shown
from steadystate.domain.recovery import Tick
from steadystate.domain.series import usable
from steadystate.run.judgement import objective_of, probe_points, summary_of

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Indicator:
    """The indicator of one objective. `kept` is about the latest value, and is None without one;
    the verdict is about the whole stretch that the objective names."""

    objective: str
    sli: str
    latest: str
    bound: str
    kept: bool | None
    after_recovery: bool
    recent: list[float]
    limit: float | None


def indicators(run: Run, samples: Sequence[Sample]) -> Iterator[Indicator]:
    """Return the indicators of all objectives, with all points that there are."""
    for name, document in run.plan.objectives.items():
        sli = run.plan.slis[document.sli]
        objective = objective_of(name, document, sli)
        before = summary_of(run.baseline, document.sli)
        limit = objective.bound.limit(before.mean if before else None, objective.floor)
        if isinstance(sli, ProbeSli):
            points = probe_points(ticks_of(samples), sli)
        else:
            points = sorted(p for s in samples for p in s.points.get(document.sli, []))
        recent = [p.value for p in usable(points)]
        bound = str(objective.bound)
        if objective.bound.relative and limit is not None:
            bound = f"{objective.bound.compare} {shown(limit, objective.unit)}"
        kept = objective.bound.holds(recent[-1], limit) if recent and limit is not None else None
        yield Indicator(
            objective=name,
            sli=document.sli,
            latest=shown(recent[-1], objective.unit) if recent else "–",
            bound=bound,
            kept=kept,
            after_recovery=objective.when == "after",
            recent=recent,
            limit=limit,
        )


def ticks_of(samples: Sequence[Sample | CanaryLook]) -> list[Tick]:
    """Return what the prober saw, second by second."""
    return [tick for sample in samples for tick in sample.ticks]


def sparkline(values: Sequence[float], width: int) -> str:
    """Draw the last values as bars, from zero to their greatest."""
    latest = values[-width:]
    top = max(latest, default=0.0)
    if top <= 0:
        return _BARS[0] * len(latest)
    return "".join(_BARS[round(max(0.0, v) / top * (len(_BARS) - 1))] for v in latest)


def probe_line(ticks: Sequence[Tick], width: int) -> str:
    """Draw the last seconds: `·` all answered, `x` some failed, `X` all failed, blank none sent."""
    return "".join(
        " " if not t.sent else "·" if not t.failed else "X" if t.failed == t.sent else "x"
        for t in ticks[-width:]
    )
