"""Canaries with known numbers, whose counts the real judges judged."""

import random

from steadystate.canary_contracts import (
    CanaryLook,
    CanaryPlan,
    CanaryStep,
    CanaryTiming,
    MetricLook,
    PeriodCounts,
    StepRecord,
    Traffic,
    Weights,
    WeightsRecord,
)
from steadystate.contracts import Plan, Stop
from steadystate.documents.canary import JudgeDocument, MetricDocument, PromotionDocument
from steadystate.domain.judge import CountJudge, share_alpha
from steadystate.domain.promotion import PromotionJudge
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.domain.verdict import Verdict
from steadystate.evidence import (
    CanaryEvidence,
    Evidence,
    RollbackEvidence,
    TimelineEvidence,
    UndoEvidence,
    instant,
)
from tests.reporting.evidences import passed

BEGAN = 1_790_000_000.0
PERIOD = 60
STEPS = (10, 50, 90, 100)
BAKE = 600
SHARES = {"errors": 0.004, "slow_requests": 0.03}
HISTORY = {name: [(round(900 * share), 900)] * 60 for name, share in SHARES.items()}


def promoted() -> Evidence:
    """A canary as good as stable, promoted step by step."""
    return _canary("made-promoted", worse=1.0)


def rolled_back() -> Evidence:
    """A canary with nine times as many errors, rolled back when the test fired."""
    return _canary("made-rolled-back", worse=9.0)


def barely_begun() -> Evidence:
    """A canary that was stopped before its first look."""
    evidence = _canary("made-stopped", worse=1.0)
    canary = evidence.canary
    assert canary is not None
    empty = canary.model_copy(update={"steps": [], "weights": [], "looks": [], "totals": {}})
    update = {"canary": empty, "verdict": Verdict.INCONCLUSIVE, "timeline": [], "undo": []}
    return evidence.model_copy(update=update)


def _canary(run_id: str, worse: float) -> Evidence:
    rng = random.Random(7)
    plan = _plan(run_id)
    alphas = share_alpha(0.01, list(SHARES))
    judges = {n: CountJudge(a, 1.0, HISTORY[n]) for n, a in alphas.items()}
    looks: list[CanaryLook] = []
    steps: list[StepRecord] = []
    weights = [WeightsRecord(at=BEGAN, stable=100, canary=0, what="as found")]
    fired = ""
    for number, weight in enumerate(STEPS):
        at = BEGAN + 5 + number * (BAKE + 5)
        weights.append(
            WeightsRecord(at=at, stable=100 - weight, canary=weight, what=f"step {weight}")
        )
        promotions = {n: PromotionJudge(3.0, 0.95, 100, HISTORY[n]) for n in SHARES}
        for period in range(BAKE // PERIOD):
            began = at + period * PERIOD
            look, fired = _look(rng, plan, len(looks), number, began, judges, promotions, worse)
            looks.append(look)
            if fired:
                break
        ended = looks[-1].ended_at
        steps.append(
            StepRecord(
                weight=weight, shifted_at=at, read_back_at=at + 0.8, ended_at=ended,
                outcome="rolled back" if fired else "promoted",
                reason=fired or "every metric reached the evidence to promote",
                approved_by="kim" if weight == 50 else "",
                experiment_run="gate-1" if weight == 10 else "",
                experiment_verdict=Verdict.PASS if weight == 10 else None,
            )
        )  # fmt: skip
        if fired:
            break
    return _evidence(plan, looks, steps, weights, {n: 1 / a for n, a in alphas.items()}, fired)


def _look(
    rng: random.Random,
    plan: CanaryPlan,
    number: int,
    step: int,
    began: float,
    judges: dict[str, CountJudge],
    promotions: dict[str, PromotionJudge],
    worse: float,
) -> tuple[CanaryLook, str]:
    weight = STEPS[step]
    seen, fired = {}, ""
    for name, share in SHARES.items():
        mine, theirs = 12 * weight, 12 * (100 - weight)
        rate = share * (worse if name == "errors" and weight > 10 else 1.0)
        counts = PeriodCounts(
            at=began,
            canary_bad=sum(rng.random() < rate for _ in range(mine)),
            canary_total=mine,
            stable_bad=sum(rng.random() < share for _ in range(theirs)),
            stable_total=theirs,
        )
        numbers = (counts.canary_bad, mine, counts.stable_bad, theirs)
        judged = judges[name].update(*numbers)
        promotions[name].update(*numbers)
        if judged.decision == "REGRESSION":
            fired = fired or f"{name}: {judged.reason}"
        seen[name] = MetricLook(
            counts=[counts],
            decision=judged.decision.value,
            evidence=judged.evidence,
            limit=1 / judges[name].alpha,
            reason=judged.reason,
            promotion=promotions[name].evidence,
            needed=20.0,
        )
    ticks = [Tick(began + k, 20, 0, None, None, rng.uniform(8, 20)) for k in range(PERIOD)]
    points = {n: [Point(began, rng.uniform(0.1, 9), 900)] for n in plan.slis}
    look = CanaryLook(
        look=number, step=step, since=began, phase="baking", started_at=began,
        ended_at=began + PERIOD, weights=Weights(stable=100 - weight, canary=weight),
        healthy={"stable": 3, "canary": 3}, metrics=seen, points=points, ticks=ticks,
        under_fault=weight == 10 and number in (4, 5),
    )  # fmt: skip
    return look, fired


def _plan(run_id: str) -> CanaryPlan:
    base = passed().plan
    assert isinstance(base, Plan)
    names = ("error_rate", "latency_p95")
    return CanaryPlan(
        run_id=run_id,
        execution_arn=base.execution_arn,
        scenario="chat-canary",
        description="The new version takes over in four steps.",
        workload="chat",
        requested_by="pytest",
        reason="a test",
        overrides={},
        started_at=BEGAN,
        timing=CanaryTiming(
            window_seconds=10,
            metric_period_seconds=PERIOD,
            metric_delay_seconds=120,
            final_bake_seconds=600,
            hold_limit_seconds=3600,
        ),
        probe=base.probe,
        load_balancer=base.load_balancer,
        slis={n: base.slis[n] for n in names},
        guardrails={},
        traffic=Traffic(
            place="listener/app/chat/1/2", stable="targets/blue", canary="targets/green"
        ),
        original=Weights(stable=100, canary=0),
        drain_seconds=5,
        steps=[CanaryStep(weight=w, bake_seconds=BAKE) for w in STEPS],
        inconclusive="rollback",
        judge=JudgeDocument(),
        promotion=PromotionDocument.model_validate({"acceptable_rate": "1 %"}),
        metrics={
            "errors": MetricDocument(measure="errors"),
            "slow_requests": MetricDocument.model_validate(
                {"measure": "slow", "threshold": "500 ms"}
            ),
        },
        history=HISTORY,
        alarms=[],
        cost_estimate=base.cost_estimate,
    )


def _evidence(
    plan: CanaryPlan,
    looks: list[CanaryLook],
    steps: list[StepRecord],
    weights: list[WeightsRecord],
    limits: dict[str, float],
    fired: str,
) -> Evidence:
    ended = looks[-1].ended_at + 30
    decided, restored = instant(ended - 29), instant(ended - 25)
    assert decided is not None
    rollback = None
    if fired:
        weights = [*weights, WeightsRecord(at=ended - 25, stable=100, canary=0, what="restored")]
        rollback = RollbackEvidence(
            decided_at=decided, restored_at=restored, seconds=4.0, weights=plan.original,
            reason=f"regression: {fired}",
        )  # fmt: skip
    reason = f"rolled back: {fired}" if fired else "all 4 steps promoted, and the final bake held"
    return passed().model_copy(
        update={
            "run_id": plan.run_id,
            "kind": "canary",
            "scenario": plan.scenario,
            "workload": plan.workload,
            "started_at": instant(BEGAN),
            "ended_at": instant(ended),
            "verdict": Verdict.FAIL if fired else Verdict.PASS,
            "verdict_reason": reason,
            "objectives": [],
            "guardrails": [],
            "recovery": None,
            "samples": [],
            "fault": None,
            "baseline": {},
            "plan": plan,
            "stop": Stop(by="regression", reason=fired, at=ended - 29) if fired else None,
            "timeline": [
                TimelineEvidence(at=instant(w.at), what="weights shifted", detail=w.what)
                for w in weights
            ],
            "undo": [
                UndoEvidence(what="weights", state="undone", verified_at=restored, found="100/0")
            ],
            "canary": CanaryEvidence(
                traffic=plan.traffic,
                original=plan.original,
                limits=limits,
                history=plan.history,
                steps=steps,
                weights=weights,
                looks=looks,
                totals={n: _total(looks, n) for n in SHARES},
                rollback=rollback,
            ),
        }
    )


def _total(looks: list[CanaryLook], metric: str) -> PeriodCounts:
    counts = [c for look in looks for c in look.metrics[metric].counts]
    fields = ("canary_bad", "canary_total", "stable_bad", "stable_total")
    return PeriodCounts(at=BEGAN, **{f: sum(getattr(c, f) for c in counts) for f in fields})
