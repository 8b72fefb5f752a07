"""The trend of a workload over its runs, and its resilience score.

Runs are compared with runs of the same scenario alone, and only such as gave PASS or FAIL: the
others measured nothing that could be compared.

Worse. A number of the last run is worse when it lies beyond the median of the runs before by more
than a tolerance: three standard deviations as estimated from the median absolute deviation (times
1.4826, Rousseeuw and Croux 1993), and never less than the smallest difference that matters: for a
recovery a quarter of the median, one second, or how sharply it was measured; for a margin a tenth
of the limit. A bound that most runs before kept and the last one missed is worse in any case.

Score. With H the half-life, for each scenario

    quality   = sum of 2^(-age/H) over its PASS / the same sum over its PASS and FAIL
    freshness = 2^(-age/H) of its last PASS or FAIL
    score     = 100 x sum of weight x quality x freshness / sum of weights

INCONCLUSIVE and ERROR count for nothing. Without a run that counts there is no score.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from steadystate.domain.verdict import Verdict

HALF_LIFE_DAYS: Final = 30.0
"""After so many days without a test, a scenario counts for half."""

DAY: Final = 86_400.0
CONCLUSIVE: Final = frozenset({Verdict.PASS, Verdict.FAIL})


@dataclass(frozen=True, slots=True)
class ObjectiveRecord:
    """One objective of one run; `margin` > 0 is kept, both it and `limit` in `unit`."""

    name: str
    unit: str
    verdict: Verdict
    observed: float | None
    limit: float | None
    margin: float | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What history keeps of a run. Instants are epoch seconds.

    `recovery_high_seconds` is None while recovery was not proven, and `recovery_low_seconds` is
    None where none was measured at all.
    """

    run_id: str
    kind: str
    scenario: str
    workload: str
    started_at: float
    ended_at: float
    verdict: Verdict
    reason: str
    recovery_low_seconds: float | None
    recovery_high_seconds: float | None
    recovery_target_seconds: float | None
    objectives: tuple[ObjectiveRecord, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """One number of the last run against the median of `runs_before`, which may be 0.

    `what` is "recovery" or an objective's name; a recovery is better when it is lower, a margin
    when it is higher. None stands for what was not measured, or for a recovery without an end.
    """

    what: str
    unit: str
    last: float | None
    median: float | None
    runs_before: int
    tolerance: float | None
    worse: bool


@dataclass(frozen=True, slots=True)
class ScenarioTrend:
    """One scenario of a workload: its runs from old to new, and its part of the score.

    `verdict_worse`: the last run that counts failed, and most before it passed. `quality` and
    `freshness` are shares of 1, None without a run that counts.
    """

    scenario: str
    weight: float
    runs: tuple[RunRecord, ...]
    comparisons: tuple[Comparison, ...]
    verdict_worse: bool
    quality: float | None
    freshness: float | None

    @property
    def worse(self) -> bool:
        """Whether anything got worse."""
        return self.verdict_worse or any(c.worse for c in self.comparisons)

    @property
    def last(self) -> RunRecord:
        """Return the newest run, whatever its verdict."""
        return self.runs[-1]


@dataclass(frozen=True, slots=True)
class Trend:
    """A workload at one moment (epoch seconds); `score` is 0 to 100, None without a run."""

    workload: str
    at: float
    score: float | None
    half_life_days: float
    scenarios: tuple[ScenarioTrend, ...]


def trend_of(
    workload: str, records: Iterable[RunRecord], at: float, half_life_days: float = HALF_LIFE_DAYS
) -> Trend:
    """Return the trend of a workload as seen at a moment; scenarios by name, runs by their end."""
    by_scenario: dict[str, list[RunRecord]] = {}
    for record in sorted(records, key=lambda r: (r.ended_at, r.run_id)):
        if record.workload == workload:
            by_scenario.setdefault(record.scenario, []).append(record)
    scenarios = tuple(
        _scenario(name, runs, at, half_life_days) for name, runs in sorted(by_scenario.items())
    )
    return Trend(workload, at, _score(scenarios), half_life_days, scenarios)


def _scenario(
    name: str, runs: Sequence[RunRecord], at: float, half_life_days: float
) -> ScenarioTrend:
    counted = [r for r in runs if r.verdict in CONCLUSIVE]
    quality = freshness = None
    if counted:
        newest = counted[-1].ended_at
        weights = [_halved(newest - r.ended_at, half_life_days) for r in counted]
        passed = [w for w, r in zip(weights, counted, strict=True) if r.verdict is Verdict.PASS]
        quality = sum(passed) / sum(weights)
        freshness = _halved(max(0.0, at - newest), half_life_days)
    return ScenarioTrend(
        scenario=name,
        weight=runs[-1].weight,
        runs=tuple(runs),
        comparisons=_comparisons(counted),
        verdict_worse=_fails_after_passing(counted),
        quality=quality,
        freshness=freshness,
    )


def _halved(age_seconds: float, half_life_days: float) -> float:
    return math.exp2(-age_seconds / (half_life_days * DAY))


def _score(scenarios: Sequence[ScenarioTrend]) -> float | None:
    parts = [
        (s.weight, s.quality * s.freshness)
        for s in scenarios
        if s.quality is not None and s.freshness is not None
    ]
    total = sum(weight for weight, _ in parts)
    if not total:
        return None
    return min(100.0, 100.0 * sum(weight * part for weight, part in parts) / total)


def _fails_after_passing(counted: Sequence[RunRecord]) -> bool:
    if len(counted) < 2 or counted[-1].verdict is not Verdict.FAIL:
        return False
    return _mostly_passed([r.verdict for r in counted[:-1]])


def _mostly_passed(verdicts: Sequence[Verdict]) -> bool:
    return verdicts.count(Verdict.PASS) * 2 > len(verdicts)


def _comparisons(counted: Sequence[RunRecord]) -> tuple[Comparison, ...]:
    if not counted:
        return ()
    last, before = counted[-1], counted[:-1]
    found = []
    if last.recovery_target_seconds is not None:
        found.append(_recovery(last, before))
    for objective in last.objectives:
        known = [o for r in before for o in r.objectives if o.name == objective.name]
        found.append(_margin(objective, [o for o in known if o.unit == objective.unit]))
    return tuple(found)


def _recovery(last: RunRecord, before: Sequence[RunRecord]) -> Comparison:
    values = [s for r in before if (s := _recovery_seconds(r)) is not None]
    now = _recovery_seconds(last)
    usual = median(values) if values else None
    tolerance, worse = None, False
    if usual is not None and math.isfinite(usual):
        sharp = (last.recovery_high_seconds or 0.0) - (last.recovery_low_seconds or 0.0)
        finite = [v for v in values if math.isfinite(v)]
        tolerance = max(_spread(finite), usual / 4, 1.0, sharp)
        worse = now is not None and now > usual + tolerance
    return Comparison(
        "recovery", "seconds", _finite(now), _finite(usual), len(values), tolerance, worse
    )


def _recovery_seconds(record: RunRecord) -> float | None:
    """Return the upper bound of a recovery; infinite while it had not ended."""
    if record.recovery_low_seconds is None:
        return None
    return math.inf if record.recovery_high_seconds is None else record.recovery_high_seconds


def _margin(last: ObjectiveRecord, before: Sequence[ObjectiveRecord]) -> Comparison:
    margins = [o.margin for o in before if o.margin is not None]
    usual = median(margins) if margins else None
    tolerance, worse = None, False
    if usual is not None:
        tolerance = max(_spread(margins), abs(last.limit or 0.0) / 10)
        missed = last.verdict is Verdict.FAIL and _mostly_passed([o.verdict for o in before])
        worse = missed or (last.margin is not None and last.margin < usual - tolerance)
    return Comparison(last.name, last.unit, last.margin, usual, len(margins), tolerance, worse)


def _spread(values: Sequence[float]) -> float:
    """Return three standard deviations, estimated from the median absolute deviation."""
    middle = median(values)
    return 3 * 1.4826 * median(abs(v - middle) for v in values)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
