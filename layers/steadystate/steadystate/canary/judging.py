"""What the counts of both sides say, period by period: pure, so that any look can be replayed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from steadystate.canary_contracts import (
    CanaryLook,
    CanaryPlan,
    CanaryProgress,
    MetricLook,
    PeriodCounts,
)
from steadystate.domain.judge import CountJudge, Decision, Judgement, share_alpha
from steadystate.domain.promotion import Promotion, PromotionDecision, PromotionJudge

WHOLE = 100
"""The weight at which all traffic is the canary's, and stable has none to be compared with."""

REGRESSION = "regression"
"""What a canary is stopped by that the counts show to be worse."""


@dataclass(slots=True)
class MetricJudges:
    """The two judges of one metric. `latest` is what the last compared period said, `regression`
    what the first one said that rolls back."""

    counts: CountJudge
    promotion: PromotionJudge
    latest: Judgement | None = None
    regression: Judgement | None = None


@dataclass(slots=True)
class Judges:
    """The judges of all metrics of a canary. Those of promotion are new at each step."""

    plan: CanaryPlan
    by_metric: dict[str, MetricJudges] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: CanaryPlan) -> Self:
        """Return judges that have seen nothing but the history."""
        alphas = share_alpha(plan.judge.alpha, list(plan.metrics))
        return cls(
            plan,
            {
                name: MetricJudges(
                    CountJudge(
                        alphas[name],
                        plan.judge.margin,
                        plan.history.get(name, ()),
                        _acceptable_rate(plan),
                    ),
                    _promotion_judge(plan, name),
                )
                for name in plan.metrics
            },
        )

    @classmethod
    def resumed(cls, plan: CanaryPlan, progress: CanaryProgress) -> Self:
        """Return judges as a canary's progress keeps them."""
        if not progress.judges:
            return cls.of(plan)
        return cls(
            plan,
            {
                name: MetricJudges(
                    CountJudge.from_state(progress.judges[name]),
                    PromotionJudge.from_state(progress.promotions[name]),
                )
                for name in plan.metrics
            },
        )

    def states(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return what a canary's progress keeps."""
        both = self.by_metric.items()
        return {
            "judges": {name: judges.counts.state() for name, judges in both},
            "promotions": {name: judges.promotion.state() for name, judges in both},
        }

    def begin_step(self) -> None:
        """Forget what the last step showed for its promotion; the watch for regressions goes on."""
        for name, both in self.by_metric.items():
            both.promotion = _promotion_judge(self.plan, name)

    def see(self, metric: str, periods: Iterable[PeriodCounts], since: float | None) -> None:
        """Show one metric's periods, in order, to its judges.

        Periods without requests of the canary show nothing. The promotion of a step rests on
        periods that began after `since`, when its weights were read back.

        Raises
        ------
        JudgeInputError
            Counts that cannot be, such as more bad requests than all.
        """
        both = self.by_metric[metric]
        for period in periods:
            counts = (
                period.canary_bad,
                period.canary_total,
                period.stable_bad,
                period.stable_total,
            )
            if period.canary_total:
                both.latest = both.counts.update(*counts)
                if both.regression is None and both.latest.decision is Decision.REGRESSION:
                    both.regression = both.latest
            if since is not None and period.at >= since:
                both.promotion.update(*counts)

    def regression(self) -> str | None:
        """Return why to go back: metric, counts of both sides, e-value and look; None if not."""
        found = [f"{n}: {b.regression.reason}" for n, b in self.by_metric.items() if b.regression]
        return "; ".join(found) or None

    def promotions(self, weight: int, *, bake_over: bool = True) -> dict[str, Promotion]:
        """Return what each metric says of more traffic; at 100 % the canary speaks alone."""
        return {
            name: both.promotion.decide(bake_over=bake_over, alone=weight == WHOLE)
            for name, both in self.by_metric.items()
        }

    def look(
        self, metric: str, seen: Sequence[PeriodCounts], left_out: Sequence[PeriodCounts], step: int
    ) -> MetricLook:
        """Return what a look keeps of one metric."""
        both = self.by_metric[metric]
        promotion = self.promotions(self.plan.steps[step].weight)[metric]
        said = both.regression or both.latest
        limit = 1 / both.counts.alpha
        return MetricLook(
            counts=list(seen),
            left_out=list(left_out),
            decision=said.decision.value if said else "CONTINUE",
            evidence=said.evidence if said else min(both.counts.wealth, limit),
            limit=limit,
            reason=said.reason if said else "no period in which the canary had requests",
            promotion=promotion.evidence,
            needed=promotion.needed,
            promotion_reason=promotion.reason,
        )


def missing_evidence(promotions: Mapping[str, Promotion]) -> str:
    """Return what is missing for more traffic, metric by metric; empty when nothing is."""
    return "; ".join(
        f"{name}: {promotion.reason}"
        for name, promotion in promotions.items()
        if promotion.decision is not PromotionDecision.PROMOTE
    )


def split_by(
    periods: Iterable[PeriodCounts], is_left_out: Callable[[PeriodCounts], bool]
) -> tuple[list[PeriodCounts], list[PeriodCounts]]:
    """Return the periods that are judged, and those that are left out."""
    judged: list[PeriodCounts] = []
    left_out: list[PeriodCounts] = []
    for period in periods:
        (left_out if is_left_out(period) else judged).append(period)
    return judged, left_out


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the counts of all looks say when they are judged again.

    `promotions` are by step, as they stood after the last look of that step's bake.
    """

    regression: str | None
    promotions: dict[int, dict[str, Promotion]]


def replay(plan: CanaryPlan, looks: Sequence[CanaryLook]) -> Replayed:
    """Judge all looks again, in order, from nothing but the plan and their counts."""
    judges = Judges.of(plan)
    promotions: dict[int, dict[str, Promotion]] = {}
    step: int | None = None
    for look in looks:
        if look.step != step:
            step = look.step
            judges.begin_step()
        for name, seen in look.metrics.items():
            judges.see(name, seen.counts, look.since)
        if look.phase != "final":
            promotions[look.step] = judges.promotions(plan.steps[look.step].weight)
    return Replayed(judges.regression(), promotions)


def _acceptable_rate(plan: CanaryPlan) -> float | None:
    written = plan.promotion.acceptable_rate
    return written.number / 100 if written else None


def _promotion_judge(plan: CanaryPlan, metric: str) -> PromotionJudge:
    wanted = plan.promotion
    return PromotionJudge(
        wanted.margin,
        wanted.confidence,
        wanted.minimum_requests,
        plan.history.get(metric, ()),
        _acceptable_rate(plan),
    )
