"""One look at a canary: probes, weights, healthy targets, guardrails, and both sides' counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from steadystate.canary.judging import Judges, split_by
from steadystate.canary_contracts import (
    CanaryLook,
    CanaryProgress,
    CanaryRun,
    MetricLook,
    PeriodCounts,
    StepRecord,
    Weights,
)
from steadystate.contracts import Halt
from steadystate.documents.workload import CloudWatchSli, HttpSli, LoadBalancerSli, ProbeSli
from steadystate.domain.guardrails import GuardrailResult
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.errors import Halted, TrafficElsewhere, TransientError
from steadystate.ports import (
    Bus,
    Executions,
    Metrics,
    Prober,
    Readings,
    RunStore,
    SideCounts,
    Switch,
    TargetHealth,
    TrafficSplits,
)
from steadystate.run.guarding import Guarding
from steadystate.run.reading import read_now
from steadystate.run.timing import settled_before

Side = Literal["stable", "canary"]


@dataclass(frozen=True, slots=True)
class Looking:
    """What a look at a canary needs of the world."""

    store: RunStore
    traffic: TrafficSplits
    counts: SideCounts
    metrics: Metrics
    health: TargetHealth
    readings: Readings
    prober: Prober
    switch: Switch
    executions: Executions
    bus: Bus
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look showed, what is to be kept of it, and what of it may end the canary."""

    look: CanaryLook
    progress: CanaryProgress
    judges: Judges
    tripped: list[GuardrailResult] = field(default_factory=list)
    halt: Halt | None = None


def probe(run: CanaryRun, world: Looking) -> list[Tick]:
    """Probe for a window, or until a guardrail breaks."""
    guarding = _guarding(run, world.now(), probed=True)
    seconds = max(1, int(run.plan.timing.window_seconds))
    return world.prober.probe(
        run.plan.probe, seconds, lambda ticks: guarding.breaks(ticks, world.now())
    )


def take(run: CanaryRun, ticks: Sequence[Tick] | None, world: Looking) -> Seen:
    """Read everything that is new since the last look, and show it to guardrails and judges.

    Without ticks there was no prober, as while a person is asked: then the guardrails on what it
    sees rest.
    """
    plan, before = run.plan, run.progress
    started_at = ticks[0].at if ticks else world.now()
    now = world.now()
    points, periods, notes, read_until = _read_metrics(run, now, world)
    present, more = _read_present(run, now, world)
    halt = _halt(world, more)
    points |= present
    guarding = _guarding(run, now, probed=ticks is not None)
    recent = guarding.remember(points, ticks or [])
    tripped, states = guarding.check(recent, now)
    judges = Judges.resumed(plan, before)
    look = CanaryLook(
        look=before.looks,
        step=before.step,
        since=before.steps[before.step].read_back_at,
        phase=before.phase,
        started_at=started_at,
        ended_at=now,
        weights=_weights(run, world),
        healthy=_healthy(run, world, more),
        metrics=_judge(before, judges, periods),
        points=points,
        ticks=list(ticks or []),
        guardrails=states,
        under_fault=before.phase == "gate",
        notes=[*notes, *more],
    )
    update: dict[str, Any] = {
        **judges.states(),
        "looks": before.looks + 1,
        "metric_looks": before.metric_looks + (read_until > before.read_until),
        "read_until": read_until,
        "watched_since": before.watched_since or started_at,
        "recent": {**before.recent, **recent},
    }
    return Seen(look, before.model_copy(update=update), judges, tripped, halt)


def _guarding(run: CanaryRun, now: float, *, probed: bool) -> Guarding:
    plan = run.plan
    guardrails = {
        name: guardrail
        for name, guardrail in plan.guardrails.items()
        if probed or not isinstance(plan.slis[guardrail.sli], ProbeSli)
    }
    since = run.progress.watched_since or now
    return Guarding(guardrails, plan.slis, run.baseline, run.progress.recent, since)


def _read_metrics(
    run: CanaryRun, now: float, world: Looking
) -> tuple[dict[str, list[Point]], dict[str, list[PeriodCounts]], list[str], float]:
    """Read CloudWatch when a new metric period is complete; a refusal is noted, and read again."""
    plan, since = run.plan, run.progress.read_until
    timing = plan.timing
    until = settled_before(now, timing.metric_period_seconds, timing.metric_delay_seconds)
    if until <= since:
        return {}, {}, [], since
    slis = {
        name: sli
        for name, sli in plan.slis.items()
        if isinstance(sli, (LoadBalancerSli, CloudWatchSli))
    }
    period = timing.metric_period_seconds
    try:
        points = world.metrics.read(
            slis, plan.load_balancer, since=since, until=until, period_seconds=period
        )
        counts = world.counts.read(
            plan.traffic,
            plan.load_balancer,
            plan.metrics,
            since=since,
            until=until,
            period_seconds=period,
        )
    except TransientError as error:
        return {}, {}, [f"metrics: {error}"], since
    return points, counts, [], until


def _read_present(
    run: CanaryRun, now: float, world: Looking
) -> tuple[dict[str, list[Point]], list[str]]:
    slis = {n: s for n, s in run.plan.slis.items() if not isinstance(s, HttpSli)}
    return read_now(slis, run.plan.load_balancer, world.health, world.readings, now)


def _halt(world: Looking, notes: list[str]) -> Halt | None:
    """Ask the kill switch. A look acts on nothing: that it cannot be asked is noted, and the act
    asks again."""
    try:
        return world.switch.halt()
    except (TransientError, Halted) as error:
        notes.append(f"kill switch: {error}")
        return None


def _weights(run: CanaryRun, world: Looking) -> Weights | None:
    """Return the present weights; None where traffic goes elsewhere than to the two sides."""
    try:
        return world.traffic.read(run.plan.traffic)
    except TrafficElsewhere:
        return None


def _healthy(run: CanaryRun, world: Looking, notes: list[str]) -> dict[Side, int]:
    healthy: dict[Side, int] = {}
    groups: dict[Side, str] = {"stable": run.plan.traffic.stable, "canary": run.plan.traffic.canary}
    for side, group in groups.items():
        try:
            healthy[side] = world.health.healthy(group)
        except LookupError as error:
            healthy[side] = 0
            notes.append(f"{side}: {error}")
    return healthy


def _judge(
    before: CanaryProgress, judges: Judges, periods: dict[str, list[PeriodCounts]]
) -> dict[str, MetricLook]:
    since = before.steps[before.step].read_back_at
    period_seconds = judges.plan.timing.metric_period_seconds

    def is_under_fault(period: PeriodCounts) -> bool:
        return any(_overlaps(step, period.at, period.at + period_seconds) for step in before.steps)

    looks = {}
    for name, found in periods.items():
        judged, left_out = split_by(found, is_under_fault)
        judges.see(name, judged, since)
        looks[name] = judges.look(name, judged, left_out, before.step)
    return looks


def _overlaps(step: StepRecord, start: float, end: float) -> bool:
    """Whether a period holds a moment of the step's chaos gate."""
    begun, over = step.experiment_started_at, step.experiment_ended_at
    return begun is not None and end > begun and (over is None or start < over)
