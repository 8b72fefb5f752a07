"""Plan a run: read, check, resolve, price and compare with history, then take the workload."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from steadystate.contracts import (
    UNSTATED,
    BaselineOf,
    Event,
    ExperimentInput,
    FaultAction,
    Plan,
    Planned,
    PlanRunInput,
    Progress,
    RecoveryPlan,
    Run,
    Stop,
    Timing,
)
from steadystate.documents.experiment import Experiment
from steadystate.documents.loading import validate
from steadystate.documents.workload import CloudWatchSli, LoadBalancerSli, Workload
from steadystate.domain.bounds import shown
from steadystate.domain.cost import price, usage_of
from steadystate.domain.objectives import Objective
from steadystate.domain.series import Point, summarize, usable
from steadystate.errors import (
    Halted,
    InvalidDocument,
    PreflightFailed,
    WorkloadBusy,
)
from steadystate.ports import (
    Alarms,
    Bus,
    Executions,
    Library,
    Metrics,
    Parameters,
    Readings,
    RunStore,
    Switch,
    TargetHealth,
    Targets,
)
from steadystate.run.calendar import refuse_in_a_blackout
from steadystate.run.judgement import objective_of
from steadystate.run.method import SETTLE_SECONDS, longest_path_seconds, resolve_method
from steadystate.run.reading import read_now
from steadystate.run.scenario import read_documents
from steadystate.run.timing import LEASE_SECONDS, settled_until
from steadystate.run.within import on_the_canarys_side

LONGEST_RUN_SECONDS: Final = 3.5 * 3600
"""What a run may last at most; the state machine's own timeout lies half an hour beyond."""


@dataclass(frozen=True, slots=True)
class Planning:
    """What planning needs of the world."""

    library: Library
    parameters: Parameters
    targets: Targets
    alarms: Alarms
    metrics: Metrics
    health: TargetHealth
    readings: Readings
    store: RunStore
    executions: Executions
    switch: Switch
    bus: Bus
    now: Callable[[], float]
    region: str
    window_seconds: float
    metric_period_seconds: int
    metric_delay_seconds: float


def plan_run(request: PlanRunInput, world: Planning) -> Planned:
    """Plan the run and take the lease; everything before the lease only reads.

    A repeated delivery finds the run and changes nothing.

    Raises
    ------
    InvalidDocument, InBlackout, WorkloadBusy, PreflightFailed, Halted
        The run is refused, and nothing was touched.
    """
    if known := world.store.get(request.run_id):
        return Planned(run_id=request.run_id, workload=known.plan.workload)
    if halt := world.switch.halt():
        raise Halted(f"no run starts: {halt}; to let runs start again: steadystate resume")
    wanted = validate(ExperimentInput, _mapping(request.input), "execution input")
    experiment, workload = read_documents(wanted, world.library, world.parameters)
    now = world.now()
    refuse_in_a_blackout(workload.name, now, world.library)
    targets = world.targets
    if wanted.within is None:
        _refuse_a_busy_workload(workload, now, world)
    else:
        targets = on_the_canarys_side(wanted.within, workload.name, world)
    actions = resolve_method(experiment, workload, request.run_id, targets, world.region)
    if firing := world.alarms.firing(workload.alarms):
        raise PreflightFailed(f"alarms must be quiet before a fault: {'; '.join(firing)}")
    plan = _compose(request, wanted, experiment, workload, actions, world)
    points = _history(plan, experiment, now, world)
    baseline = {name: BaselineOf(**asdict(s)) for name, p in points.items() if (s := summarize(p))}
    unsteady = _why_unsteady(plan, experiment, points, baseline)
    stop = Stop(by="steady state", reason=unsteady, at=now) if unsteady else None
    read_until = settled_until(plan, now)
    run = Run(plan=plan, baseline=baseline, progress=Progress(read_until=read_until, stop=stop))
    world.store.begin(run, now + LEASE_SECONDS)
    if world.executions.status(request.execution_arn)[0] != "RUNNING":
        # Stopped while this task was at work, before there was a run that recover could see.
        world.bus.announce(request.run_id, "Run Orphaned", {"workload": plan.workload})
        return Planned(run_id=request.run_id, workload=plan.workload)
    aimed_at = sum(len(action.targets) for action in actions.values())
    detail = f"actions: {len(actions)}, targets: {aimed_at}"
    world.store.add_event(request.run_id, Event(at=plan.started_at, what="planned", detail=detail))
    names = {"scenario": plan.scenario, "workload": plan.workload}
    world.bus.announce(request.run_id, "Run Planned", names)
    return Planned(run_id=request.run_id, workload=plan.workload)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidDocument(
            "execution input: must be an object such as "
            '{"scenario": "bank-instance-loss", "reason": "…", "requested_by": "…"}'
        )
    return value


def _refuse_a_busy_workload(workload: Workload, now: float, world: Planning) -> None:
    if holder := world.store.holder(workload.name, now):
        raise WorkloadBusy(f"workload {workload.name} is held by {holder}")
    if left := world.store.workloads_with_open_undo().get(workload.name):
        raise PreflightFailed(
            f"workload {workload.name} has something left to undo from run {left}: "
            "start the recover machine, or wait for its schedule"
        )


def _compose(
    request: PlanRunInput,
    wanted: ExperimentInput,
    experiment: Experiment,
    workload: Workload,
    actions: dict[str, FaultAction],
    world: Planning,
) -> Plan:
    fault_seconds = longest_path_seconds(actions)
    timing = Timing(
        window_seconds=world.window_seconds,
        metric_period_seconds=world.metric_period_seconds,
        metric_delay_seconds=world.metric_delay_seconds,
        fault_limit_seconds=fault_seconds + SETTLE_SECONDS,
    )
    longest = timing.fault_limit_seconds + experiment.recovery.limit
    if longest > LONGEST_RUN_SECONDS:
        raise InvalidDocument(
            f"{experiment.name}.yaml: the run could last {longest / 3600:.1f} h with its recovery "
            f"limit; at most {LONGEST_RUN_SECONDS / 3600:.1f} h are allowed"
        )
    used = {o.sli for o in experiment.objectives.values()}
    used |= {g.sli for g in experiment.guardrails.values()}
    looks = int((fault_seconds + experiment.recovery.target / 2) / world.window_seconds) + 1
    return Plan(
        run_id=request.run_id,
        execution_arn=request.execution_arn,
        scenario=experiment.name,
        description=experiment.description,
        workload=workload.name,
        requested_by=wanted.requested_by or UNSTATED,
        reason=wanted.reason or UNSTATED,
        overrides=wanted.overrides,
        started_at=world.now(),
        timing=timing,
        probe=workload.probe,
        load_balancer=workload.load_balancer,
        slis={name: sli for name, sli in workload.slis.items() if name in used},
        objectives=experiment.objectives,
        guardrails=experiment.guardrails,
        recovery=RecoveryPlan(
            target_seconds=experiment.recovery.target,
            limit_seconds=experiment.recovery.limit,
            good_seconds=experiment.recovery.good,
        ),
        faults=actions,
        alarms=workload.alarms,
        cost_estimate=price(
            usage_of(
                looks=looks,
                window_seconds=world.window_seconds,
                slis=len(used),
                metric_looks=int(looks * world.window_seconds / world.metric_period_seconds) + 1,
                fault_action_minutes=sum(
                    max(1.0, a.duration_seconds / 60) for a in actions.values()
                ),
            )
        ),
        language=wanted.language or experiment.language,
        weight=experiment.weight,
        within=wanted.within,
    )


def _history(
    plan: Plan, experiment: Experiment, now: float, world: Planning
) -> dict[str, list[Point]]:
    until = settled_until(plan, now)
    metrics = {
        name: sli
        for name, sli in plan.slis.items()
        if isinstance(sli, (LoadBalancerSli, CloudWatchSli))
    }
    points = world.metrics.read(
        metrics,
        plan.load_balancer,
        since=until - experiment.baseline.duration,
        until=until,
        period_seconds=plan.timing.metric_period_seconds,
    )
    others = {name: sli for name, sli in plan.slis.items() if name not in metrics}
    now_read, _ = read_now(others, plan.load_balancer, world.health, world.readings, now)
    return {**points, **now_read}


def _why_unsteady(
    plan: Plan,
    experiment: Experiment,
    points: Mapping[str, list[Point]],
    baseline: Mapping[str, BaselineOf],
) -> str:
    """Say which objectives the workload does not keep, or does not show, before the fault."""
    reasons = []
    for name, document in plan.objectives.items():
        sli = plan.slis[document.sli]
        if sli.source == "probe":
            continue  # the first look of the watch shows it
        objective = objective_of(name, document, sli)
        enough = 1
        if isinstance(sli, (LoadBalancerSli, CloudWatchSli)):
            enough = experiment.baseline.minimum_points
        seen = usable(points.get(document.sli, []))
        if len(seen) < enough:
            reasons.append(f"{document.sli} has {len(seen)} points of history, {enough} are needed")
        elif broken := _breaks(objective, baseline[document.sli].mean):
            reasons.append(f"{name} is not kept before the fault: {broken}")
    return "; ".join(dict.fromkeys(reasons))


def _breaks(objective: Objective, value: float) -> str:
    bound = objective.bound
    if bound.relative or bound.holds(value, bound.number):
        return ""
    return f"{shown(value, objective.unit)} misses {bound}"
