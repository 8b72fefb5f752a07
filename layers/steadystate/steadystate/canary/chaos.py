"""The chaos gate: at a step, an experiment on the canary's side alone must pass."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from steadystate.canary.decisions import Decision, go_back, note
from steadystate.canary.look import Looking, Seen
from steadystate.canary.shift import (
    ACT_WITHIN_SECONDS,
    SETTLED_AFTER_SECONDS,
    answer,
)
from steadystate.canary.weights import known_canary
from steadystate.canary_contracts import (
    CanaryProgress,
    CanaryRun,
    CanaryWatched,
    Child,
    StepRecord,
)
from steadystate.contracts import Event, RunInput, Stop
from steadystate.domain.verdict import Verdict
from steadystate.errors import TransientError, UndoIncomplete
from steadystate.ports import Bus, Machines, RunStore, Switch
from steadystate.run.timing import LEASE_SECONDS
from steadystate.run.watch import stop_by_switch

GATE_LIMIT_SECONDS: Final = 3600.0
"""How long the experiment of a chaos gate may take, its recovery and verdict included."""

LOOKS: Final = 40
"""How often one undo reads back before it leaves the rest to its retry."""


@dataclass(frozen=True, slots=True)
class Starting:
    """What starting an experiment needs of the world. `machine_arn` is the experiments' machine."""

    store: RunStore
    machines: Machines
    switch: Switch
    bus: Bus
    now: Callable[[], float]
    machine_arn: str


def child_name(run_id: str, weight: int) -> str:
    """Return the id of the run of a step's chaos gate: the same whenever it is asked for."""
    return f"{run_id}-at-{weight}"


def start_experiment(request: RunInput, world: Starting) -> CanaryWatched:
    """Write the undo, and start the experiment of the present step's chaos gate.

    A repeated delivery finds the execution by its name, and starts nothing new.

    Raises
    ------
    LeaseLost
        Another run took the workload over, or the run was undone; nothing was started.
    TransientError
        It took too long to act safely, or the answer was lost.
    Halted
        The kill switch may not be read; where it is pulled, the canary goes back.
    """
    run = known_canary(world.store, request.run_id)
    world.store.renew_lease(run, world.now() + LEASE_SECONDS)
    before = run.progress
    if before.stop:
        return answer(run, before, "rollback")
    if before.phase != "gate":
        return answer(run, before, "shift" if before.phase == "shifting" else "bake")
    name = child_name(run.plan.run_id, run.plan.steps[before.step].weight)
    arn = f"{world.machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
    if before.child and before.child.run_id == name and world.machines.status(arn)[0] != "EXPIRED":
        return answer(run, before, "bake")
    if halt := world.switch.halt():
        decision = go_back(before, stop_by_switch(halt, world.now()))
        run = world.store.keep_look(run, decision.progress)
        note(run, decision.event, world.store, world.bus)
        return answer(run, decision.progress, decision.following)
    called_at = world.now()
    run = _write_down(run, Child(run_id=name, execution_arn=arn, called_at=called_at), world)
    if world.now() > called_at + ACT_WITHIN_SECONDS:
        raise TransientError("preparing the chaos gate took too long; nothing was started")
    world.machines.start(world.machine_arn, name, _given(run))
    event = Event(at=world.now(), what="chaos gate started", detail=name)
    note(run, event, world.store, world.bus)
    return answer(run, run.progress, "bake")


def _given(run: CanaryRun) -> str:
    """Return the input of the experiment: the same for every delivery, as its name is."""
    plan, step = run.plan, run.plan.steps[run.progress.step]
    reason = f"chaos gate of {plan.scenario} at {step.weight} %: {plan.reason}"
    given = {"scenario": step.experiment, "within": plan.run_id, "reason": reason[:1000]}
    return json.dumps({**given, "requested_by": plan.requested_by})


def _write_down(run: CanaryRun, child: Child, world: Starting) -> CanaryRun:
    world.store.open_undo(run, ["experiment"], child.called_at)
    begun = run.progress.steps[run.progress.step].experiment_started_at
    update = {
        "experiment_run": child.run_id,
        "experiment_started_at": child.called_at if begun is None else begun,
    }
    progress = _with_step(run.progress, update)
    return world.store.keep_look(run, progress.model_copy(update={"child": child}))


def decide_gate(run: CanaryRun, seen: Seen, world: Looking) -> Decision:
    """Ask how the experiment goes: on when it passed, back when it is over with anything else."""
    child, progress, at = run.progress.child, seen.progress, seen.look.ended_at
    if child is None:
        return Decision("experiment", progress)
    status, error, cause = world.executions.status(child.execution_arn)
    kept = world.store.get(child.run_id)
    if status == "RUNNING" or not _is_closed(child, world.store):
        if at <= child.called_at + GATE_LIMIT_SECONDS:
            return Decision("bake", progress)
        reason = f"run {child.run_id} was not over within {GATE_LIMIT_SECONDS:g} s"
        return go_back(progress, Stop(by="chaos gate unfinished", reason=reason, at=at))
    verdict = kept.verdict if kept else None
    progress = _with_step(progress, {"experiment_ended_at": at, "experiment_verdict": verdict})
    if verdict is Verdict.PASS and kept:
        event = Event(
            at=at, what="chaos gate passed", detail=f"{child.run_id}: {kept.verdict_reason}"
        )
        return Decision("bake", progress.model_copy(update={"phase": "baking"}), event)
    if verdict is Verdict.FAIL and kept:
        reason = f"run {child.run_id}: {kept.verdict_reason}"
        return go_back(progress, Stop(by="chaos gate failed", reason=reason, at=at))
    said = f"{verdict}: {kept.verdict_reason}" if kept and verdict else f"{error}: {cause}"
    reason = f"run {child.run_id} ended without a PASS ({status}): {said}"
    return go_back(progress, Stop(by="chaos gate inconclusive", reason=reason, at=at))


class Stopping(Protocol):
    """What stopping an experiment needs of the world; `pause` waits between two looks."""

    @property
    def store(self) -> RunStore: ...

    @property
    def machines(self) -> Machines: ...

    @property
    def now(self) -> Callable[[], float]: ...

    @property
    def pause(self) -> Callable[[], None]: ...


def stop_child(run: CanaryRun, world: Stopping) -> str:
    """Stop the experiment of a chaos gate, and return in words how it was read back as closed.

    What its fault left is undone by its own machine, or by `recover`. None can begin after this
    canary's undo did; see `RunStore.begin`.

    Raises
    ------
    UndoIncomplete
        The experiment's run is not closed yet; call again.
    """
    child = run.progress.child
    if child is None:
        return "never started"
    for attempt in range(LOOKS):
        if attempt:
            world.pause()
        status = world.machines.status(child.execution_arn)[0]
        if status == "RUNNING":
            world.machines.stop(child.execution_arn, f"canary {run.plan.run_id} goes back")
            continue
        if status == "EXPIRED" and world.now() < child.called_at + SETTLED_AFTER_SECONDS:
            continue  # a start whose answer was lost may still come
        kept = world.store.get(child.run_id)
        if kept is None:
            return f"{child.run_id} touched nothing: its execution is {status}"
        if _is_closed(child, world.store):
            return f"{child.run_id} is closed: {kept.verdict or 'without a verdict'}"
    raise UndoIncomplete(
        f"run {child.run_id} is not closed yet; it is tried again. By hand: docs/recovery.md"
    )


def _is_closed(child: Child, store: RunStore) -> bool:
    """Whether the experiment's run gave its lease back, which only a closed ledger lets it do."""
    kept = store.get(child.run_id)
    return kept is None or store.lease_until(kept.plan.held, child.run_id) is None


def _with_step(progress: CanaryProgress, update: dict[str, Any]) -> CanaryProgress:
    steps: list[StepRecord] = list(progress.steps)
    steps[progress.step] = steps[progress.step].model_copy(update=update)
    return progress.model_copy(update={"steps": steps})
