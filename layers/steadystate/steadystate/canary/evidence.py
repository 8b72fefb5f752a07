"""What a canary's run.json holds beside what every run's holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from steadystate.canary.judgement import CanaryFacts, judge_canary, what_is_left
from steadystate.canary.weights import is_promoted
from steadystate.canary_contracts import CanaryLook, CanaryRun, PeriodCounts
from steadystate.contracts import Failure, UndoRecord
from steadystate.domain.cost import QUERIES_PER_METRIC, price, usage_of
from steadystate.domain.judge import share_alpha
from steadystate.domain.verdict import Verdict
from steadystate.evidence import CanaryEvidence, RollbackEvidence, instant


def canary_verdict(
    run: CanaryRun,
    looks: Sequence[CanaryLook],
    undo: Sequence[UndoRecord],
    failure: Failure | None,
) -> tuple[Verdict, str]:
    """Judge a canary as the table keeps it; return the verdict and its reason."""
    progress = run.progress
    judgement = judge_canary(
        CanaryFacts(
            plan=run.plan,
            looks=looks,
            steps=progress.steps,
            weights=progress.weights,
            stop=progress.stop,
            failure=failure,
            left=what_is_left(undo),
            finished=is_promoted(run),
        )
    )
    return judgement.verdict, judgement.reason


def canary_evidence(run: CanaryRun, looks: Sequence[CanaryLook]) -> CanaryEvidence:
    """Return how traffic moved, and what both sides showed."""
    plan, progress = run.plan, run.progress
    alphas = share_alpha(plan.judge.alpha, list(plan.metrics))
    return CanaryEvidence(
        traffic=plan.traffic,
        original=plan.original,
        limits={name: 1 / alpha for name, alpha in alphas.items()},
        history=plan.history,
        steps=progress.steps,
        weights=progress.weights,
        looks=list(looks),
        totals=_totals(looks),
        rollback=_rollback(run),
        finished=is_promoted(run),
    )


def canary_cost(run: CanaryRun) -> dict[str, float]:
    """Return what the canary used, in US dollars."""
    return price(
        usage_of(
            looks=run.progress.looks,
            window_seconds=run.plan.timing.window_seconds,
            slis=len(run.plan.slis) + QUERIES_PER_METRIC * len(run.plan.metrics),
            metric_looks=run.progress.metric_looks,
            fault_action_minutes=0.0,
        )
    )


def _rollback(run: CanaryRun) -> RollbackEvidence | None:
    progress = run.progress
    if progress.decided_at is None:
        return None
    decided_at: Any = instant(progress.decided_at)
    seconds = progress.restored_at and progress.restored_at - progress.decided_at
    return RollbackEvidence(
        decided_at=decided_at,
        restored_at=instant(progress.restored_at),
        seconds=seconds,
        weights=run.plan.original,
        reason=f"{progress.stop.by}: {progress.stop.reason}" if progress.stop else run.plan.reason,
    )


def _totals(looks: Sequence[CanaryLook]) -> dict[str, PeriodCounts]:
    """Return the sums of what was judged, by metric; `at` is that of the first period."""
    periods: dict[str, list[PeriodCounts]] = {}
    for look in looks:
        for name, seen in look.metrics.items():
            periods.setdefault(name, []).extend(seen.counts)
    return {name: _sum(found) for name, found in periods.items() if found}


def _sum(periods: Sequence[PeriodCounts]) -> PeriodCounts:
    def total(field: str) -> int:
        return sum(getattr(period, field) for period in periods)

    fields: Mapping[str, int] = {
        name: total(name) for name in ("canary_bad", "canary_total", "stable_bad", "stable_total")
    }
    return PeriodCounts(at=periods[0].at, **fields)
