"""Plan a canary: read, check, price and compare with history, then take the workload."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from steadystate.canary.chaos import GATE_LIMIT_SECONDS, child_name
from steadystate.canary.judging import WHOLE
from steadystate.canary.scenario import read_canary
from steadystate.canary.weights import is_promoted, shown
from steadystate.canary_contracts import (
    CanaryPlan,
    CanaryProgress,
    CanaryRun,
    CanaryStep,
    CanaryTiming,
    RollbackInput,
    StepRecord,
    Traffic,
    Weights,
    WeightsRecord,
)
from steadystate.contracts import (
    UNSTATED,
    BaselineOf,
    Event,
    ExecutionInput,
    Planned,
    PlanRunInput,
)
from steadystate.documents.canary import Canary
from steadystate.documents.loading import validate
from steadystate.documents.workload import CloudWatchSli, LoadBalancerSli, Workload
from steadystate.domain.cost import QUERIES_PER_METRIC, price, usage_of
from steadystate.domain.series import summarize
from steadystate.errors import Halted, InvalidDocument, PreflightFailed, SplitFailed, WorkloadBusy
from steadystate.ports import (
    Alarms,
    Bus,
    Executions,
    Library,
    Metrics,
    Parameters,
    Readings,
    RunStore,
    SideCounts,
    Switch,
    TargetHealth,
    TrafficSplits,
)
from steadystate.run.calendar import refuse_in_a_blackout
from steadystate.run.reading import read_now
from steadystate.run.timing import LEASE_SECONDS, settled_before

MOST_LOOKS: Final = 3000
"""How many looks a canary may take: an execution's history holds 25,000 events, a look needs 7."""

LONGEST_SECONDS: Final = 6.5 * 86_400
"""How long a canary may last with every wait; the machine's own timeout is half a day later."""

LONGEST_NAME: Final = 80
"""How many characters the id of a run, and the name of an execution, may have."""

HISTORY_PERIODS: Final = 500
"""How many metric periods of stable's history are kept; the judges need 60."""


@dataclass(frozen=True, slots=True)
class CanaryPlanning:
    """What planning a canary needs of the world."""

    library: Library
    parameters: Parameters
    alarms: Alarms
    traffic: TrafficSplits
    counts: SideCounts
    metrics: Metrics
    health: TargetHealth
    readings: Readings
    store: RunStore
    switch: Switch
    executions: Executions
    bus: Bus
    now: Callable[[], float]
    window_seconds: float
    metric_period_seconds: int
    metric_delay_seconds: float


def plan_canary(request: PlanRunInput, world: CanaryPlanning) -> Planned:
    """Plan the canary and take the lease; everything before the lease only reads.

    A repeated delivery finds the run and changes nothing.

    Raises
    ------
    InvalidDocument, WorkloadBusy, PreflightFailed, Halted
        The canary is refused, and nothing was touched.
    """
    if known := world.store.get(request.run_id):
        return Planned(run_id=request.run_id, workload=known.plan.workload)
    now = world.now()
    given = request.input
    if isinstance(given, dict) and "rollback" in given:
        run = _plan_rollback(request, validate(RollbackInput, given, "execution input"), now, world)
    else:
        wanted = validate(ExecutionInput, _mapping(given), "execution input")
        if halt := world.switch.halt():  # a way back is taken all the same
            raise Halted(f"no run starts: {halt}; to let runs start again: steadystate resume")
        run = _plan_steps(request, wanted, now, world)
    plan = run.plan
    world.store.begin(run, now + LEASE_SECONDS)
    if world.executions.status(request.execution_arn)[0] != "RUNNING":
        # Stopped while this task was at work, before there was a run that recover could see.
        world.bus.announce(request.run_id, "Run Orphaned", {"workload": plan.workload})
        return Planned(run_id=request.run_id, workload=plan.workload)
    steps = " -> ".join(str(step.weight) for step in plan.steps)
    detail = f"back to {shown(plan.original)}" if plan.rollback_of else f"steps {steps}"
    world.store.add_event(request.run_id, Event(at=now, what="planned", detail=detail))
    names = {"scenario": plan.scenario, "workload": plan.workload}
    world.bus.announce(request.run_id, "Run Planned", names)
    return Planned(run_id=request.run_id, workload=plan.workload)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidDocument(
            "execution input: must be an object such as "
            '{"scenario": "bank-canary", "reason": "…"} or {"rollback": "<run id>"}'
        )
    return value


def _refuse_a_busy_workload(workload: str, now: float, world: CanaryPlanning) -> None:
    if holder := world.store.holder(workload, now):
        raise WorkloadBusy(f"workload {workload} is held by {holder}")
    if left := world.store.workloads_with_open_undo().get(workload):
        raise PreflightFailed(
            f"workload {workload} has something left to undo from run {left}: "
            "start the recover machine, or wait for its schedule"
        )


def _plan_steps(
    request: PlanRunInput, wanted: ExecutionInput, now: float, world: CanaryPlanning
) -> CanaryRun:
    canary, workload = read_canary(wanted, world.library, world.parameters)
    source = f"{canary.name}.yaml"
    _refuse_a_name_too_long_for_its_gates(request.run_id, canary)
    refuse_in_a_blackout(workload.name, now, world.library)
    _refuse_a_busy_workload(workload.name, now, world)
    if workload.traffic is None:
        raise InvalidDocument(f"{workload.name}.yaml: traffic: a canary needs it")
    traffic = Traffic(**workload.traffic.model_dump())
    original = world.traffic.check(traffic, workload.load_balancer)
    _refuse_a_start_beyond_the_first_step(original, canary)
    for side, group in (("stable", traffic.stable), ("canary", traffic.canary)):
        _refuse_without_healthy_targets(side, group, world)
    if firing := world.alarms.firing(workload.alarms):
        raise PreflightFailed(f"alarms must be quiet before a canary: {'; '.join(firing)}")
    drain = world.traffic.drain_seconds(traffic.stable)
    timing = _timing(canary, drain, world)
    steps = [
        CanaryStep(
            weight=step.weight,
            bake_seconds=step.bake or canary.bake,
            approve=step.approve,
            experiment=step.experiment,
        )
        for step in canary.steps
    ]
    looks = _refuse_too_many_looks(steps, timing, source)
    _refuse_too_long_waits(canary, looks, timing, source)
    used = {g.sli for g in canary.guardrails.values()}
    until = settled_before(now, timing.metric_period_seconds, timing.metric_delay_seconds)
    metric_looks = int(looks * timing.window_seconds / timing.metric_period_seconds) + 1
    plan = CanaryPlan(
        run_id=request.run_id,
        execution_arn=request.execution_arn,
        scenario=canary.name,
        description=canary.description,
        workload=workload.name,
        requested_by=wanted.requested_by or UNSTATED,
        reason=wanted.reason or UNSTATED,
        overrides=wanted.overrides,
        started_at=now,
        timing=timing,
        probe=workload.probe,
        load_balancer=workload.load_balancer,
        slis={name: sli for name, sli in workload.slis.items() if name in used},
        guardrails=canary.guardrails,
        traffic=traffic,
        original=original,
        drain_seconds=drain,
        steps=steps,
        inconclusive=canary.inconclusive,
        judge=canary.judge,
        promotion=canary.promotion,
        metrics=canary.metrics,
        history=_history(canary, workload, traffic, until, world),
        alarms=workload.alarms,
        cost_estimate=price(
            usage_of(
                looks=looks,
                window_seconds=timing.window_seconds,
                slis=len(used) + QUERIES_PER_METRIC * len(canary.metrics),
                metric_looks=metric_looks,
                fault_action_minutes=0.0,
            )
        ),
        language=wanted.language or canary.language,
        weight=canary.weight,
    )
    progress = CanaryProgress(
        read_until=until, steps=[StepRecord(weight=step.weight) for step in steps]
    )
    return CanaryRun(plan=plan, baseline=_baseline(plan, canary, until, world), progress=progress)


def _refuse_a_name_too_long_for_its_gates(run_id: str, canary: Canary) -> None:
    for step in canary.steps:
        name = child_name(run_id, step.weight)
        if step.experiment and len(name) > LONGEST_NAME:
            raise InvalidDocument(
                f"execution name: {run_id} is too long: the chaos gate's run would be {name}, and "
                f"at most {LONGEST_NAME} characters are allowed"
            )


def _refuse_a_start_beyond_the_first_step(original: Weights, canary: Canary) -> None:
    stable, share = original.stable or 0, original.canary or 0
    percent = WHOLE * share / (stable + share) if stable + share else 0.0
    if not stable:
        raise PreflightFailed(
            f"weights are {shown(original)}: stable gets no traffic, so there is nothing to "
            "compare the canary with; swap stable and canary in the workload document"
        )
    if percent >= canary.steps[0].weight:
        raise PreflightFailed(
            f"weights are {shown(original)}: the canary already gets {percent:.3g} % of the "
            f"traffic, and the first step is {canary.steps[0].weight} %"
        )


def _refuse_without_healthy_targets(side: str, group: str, world: CanaryPlanning) -> None:
    try:
        healthy = world.health.healthy(group)
    except LookupError as error:
        raise PreflightFailed(f"traffic.{side}: {error}") from error
    if not healthy:
        raise PreflightFailed(f"traffic.{side}: {group} has no healthy target")


def _timing(canary: Canary, drain_seconds: float, world: CanaryPlanning) -> CanaryTiming:
    return CanaryTiming(
        window_seconds=world.window_seconds,
        metric_period_seconds=world.metric_period_seconds,
        metric_delay_seconds=world.metric_delay_seconds,
        final_bake_seconds=max(canary.final_bake, drain_seconds),
        hold_limit_seconds=canary.hold_limit,
    )


def _refuse_too_many_looks(steps: list[CanaryStep], timing: CanaryTiming, source: str) -> int:
    shortest = 2 * timing.metric_period_seconds
    for n, step in enumerate(steps):
        if step.bake_seconds < shortest:
            raise InvalidDocument(
                f"{source}: steps.{n}.bake: {step.bake_seconds:g} s may hold no whole metric "
                f"period: at least {shortest} s are needed"
            )
    baking = sum(s.bake_seconds + timing.metric_delay_seconds for s in steps)
    gates = sum(GATE_LIMIT_SECONDS for s in steps if s.experiment)
    looks = math.ceil((baking + gates + timing.final_bake_seconds) / timing.window_seconds)
    if looks > MOST_LOOKS:
        raise InvalidDocument(
            f"{source}: bakes and chaos gates could take {looks} looks of "
            f"{timing.window_seconds:g} s; at most {MOST_LOOKS} are allowed: shorten them, or "
            "deploy with a longer WindowSeconds"
        )
    return looks


def _refuse_too_long_waits(canary: Canary, looks: int, timing: CanaryTiming, source: str) -> None:
    gates = [s for s in canary.steps if s.approve or canary.inconclusive == "hold"]
    longest = looks * timing.window_seconds + len(gates) * timing.hold_limit_seconds
    if longest > LONGEST_SECONDS:
        raise InvalidDocument(
            f"{source}: with every wait for a person it could last {longest / 86_400:.1f} days; at "
            f"most {LONGEST_SECONDS / 86_400:g} are allowed: shorten hold_limit"
        )


def _history(
    canary: Canary, workload: Workload, traffic: Traffic, until: float, world: CanaryPlanning
) -> dict[str, list[tuple[int, int]]]:
    """Return stable's (bad, total) by metric, period by period, from before the canary."""
    found = world.counts.read(
        traffic,
        workload.load_balancer,
        canary.metrics,
        since=until - canary.history,
        until=until,
        period_seconds=world.metric_period_seconds,
    )
    return {
        name: [(p.stable_bad, p.stable_total) for p in periods][-HISTORY_PERIODS:]
        for name, periods in found.items()
    }


def _baseline(
    plan: CanaryPlan, canary: Canary, until: float, world: CanaryPlanning
) -> dict[str, BaselineOf]:
    """Return what the guardrails' indicators were before the canary."""
    metrics = {
        name: sli
        for name, sli in plan.slis.items()
        if isinstance(sli, (LoadBalancerSli, CloudWatchSli))
    }
    points = world.metrics.read(
        metrics,
        plan.load_balancer,
        since=until - canary.history,
        until=until,
        period_seconds=plan.timing.metric_period_seconds,
    )
    others = {name: sli for name, sli in plan.slis.items() if name not in metrics}
    present, _ = read_now(others, plan.load_balancer, world.health, world.readings, world.now())
    points = {**points, **present}
    return {name: BaselineOf(**asdict(s)) for name, p in points.items() if (s := summarize(p))}


def _plan_rollback(
    request: PlanRunInput, wanted: RollbackInput, now: float, world: CanaryPlanning
) -> CanaryRun:
    """Plan the way back of a promoted canary: its own undo, made again.

    Raises
    ------
    PreflightFailed
        The run is unknown, goes on, or moved nothing; somebody else set weights since; or the old
        side has no healthy target.
    """
    old = world.store.get(wanted.rollback)
    if not isinstance(old, CanaryRun):
        raise PreflightFailed(f"rollback: {wanted.rollback!r} is no canary that the table knows")
    if old.verdict is None:
        raise PreflightFailed(
            f"rollback: run {wanted.rollback} is still going on: stop it, and it goes back"
        )
    if not is_promoted(old):
        raise PreflightFailed(
            f"rollback: run {wanted.rollback} was not promoted: {old.verdict_reason[:500]}"
        )
    plan = old.plan
    _refuse_a_busy_workload(plan.workload, now, world)
    try:
        current = world.traffic.read(plan.traffic)
    except SplitFailed as error:
        raise PreflightFailed(f"rollback: {error}") from error
    if current != old.progress.expected:
        raise PreflightFailed(
            f"rollback: run {wanted.rollback} left weights {shown(old.progress.expected)}, but "
            f"someone else has set {shown(current)} since: nothing is changed"
        )
    _refuse_without_healthy_targets("stable", plan.traffic.stable, world)
    back = plan.model_copy(
        update={
            "run_id": request.run_id,
            "execution_arn": request.execution_arn,
            "description": f"takes run {wanted.rollback} back",
            "requested_by": wanted.requested_by or UNSTATED,
            "reason": wanted.reason or UNSTATED,
            "overrides": {},
            "started_at": now,
            "steps": [],
            "history": {},
            "rollback_of": wanted.rollback,
            "cost_estimate": price(
                usage_of(
                    looks=0, window_seconds=0.0, slis=0, metric_looks=0, fault_action_minutes=0.0
                )
            ),
        }
    )
    left = WeightsRecord(
        at=now, stable=current.stable, canary=current.canary, what=f"as {wanted.rollback} left them"
    )
    progress = CanaryProgress(expected=current, weights=[left])
    return CanaryRun(plan=back, baseline={}, progress=progress)
