"""Shift weights: first written down, then set within seconds or not at all, then read back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from steadystate.canary.decisions import go_back, note
from steadystate.canary.judging import Judges
from steadystate.canary.weights import (
    expected_weights,
    known_canary,
    own_weights,
    shown,
    step_weights,
)
from steadystate.canary_contracts import (
    CanaryNext,
    CanaryProgress,
    CanaryRun,
    CanaryWatched,
    Weights,
    WeightsRecord,
)
from steadystate.contracts import Event, RunInput, Stop
from steadystate.errors import TrafficElsewhere, TransientError
from steadystate.ports import Bus, RunStore, Switch, TrafficSplits
from steadystate.run.timing import LEASE_SECONDS
from steadystate.run.watch import stop_by_switch

ACT_WITHIN_SECONDS: Final = 5.0
"""Weights are set within this time of being written down, or not at all."""

SETTLED_AFTER_SECONDS: Final = 12.0
"""After this time nothing more can come of weights that were written down and not read back: the
call was made within ACT_WITHIN_SECONDS, once, and was answered or given up within 6 s."""


@dataclass(frozen=True, slots=True)
class Shifting:
    """What a shift needs of the world."""

    store: RunStore
    traffic: TrafficSplits
    switch: Switch
    bus: Bus
    now: Callable[[], float]


def shift_weights(request: RunInput, world: Shifting) -> CanaryWatched:
    """Move traffic to the weights of the present step, and read them back.

    A repeated delivery finds what was done, and sets nothing that is set. Where somebody else has
    set other weights, nothing is moved, and the run goes back.

    Raises
    ------
    LeaseLost
        Another run took the workload over, or the run was undone; nothing was set.
    TransientError
        It took too long to act safely, or the weights could not be read back yet.
    SplitFailed
        The load balancer refused.
    Halted
        The kill switch may not be read; where it is pulled, the canary goes back.
    """
    run = known_canary(world.store, request.run_id)
    world.store.renew_lease(run, world.now() + LEASE_SECONDS)
    if run.progress.stop:
        return answer(run, run.progress, "rollback")
    if run.plan.rollback_of is not None:
        return _take_back(run, world)
    if run.progress.phase != "shifting":
        return answer(run, run.progress, _after_shift(run.progress))
    if halt := world.switch.halt():
        return _turn_back(run, stop_by_switch(halt, world.now()), world)
    wanted = step_weights(run.plan.steps[run.progress.step].weight)
    found = _present(run, world)
    if found not in own_weights(run):
        return _turn_back(run, foreign_weights(run, found, world.now()), world)
    run = _write_down(run, wanted, world)
    if world.now() > (run.progress.intended_at or 0.0) + ACT_WITHIN_SECONDS:
        raise TransientError("preparing the shift took too long; nothing was set")
    seen = world.traffic.set(run.plan.traffic, wanted)
    return _set(run, seen, world)


def answer(run: CanaryRun, progress: CanaryProgress, following: CanaryNext) -> CanaryWatched:
    """Return what comes next."""
    return CanaryWatched(run_id=run.plan.run_id, phase=progress.phase, next=following)


def _present(run: CanaryRun, world: Shifting) -> Weights | None:
    try:
        return world.traffic.read(run.plan.traffic)
    except TrafficElsewhere:
        return None  # somebody else has forwarded traffic to where no canary of ours does


def _write_down(run: CanaryRun, wanted: Weights, world: Shifting) -> CanaryRun:
    now = world.now()
    world.store.open_undo(run, ["weights"], now)
    before = run.progress
    lost = before.intended_at if before.intended else before.unanswered_at
    update = {"intended": wanted, "intended_at": now, "unanswered_at": lost}
    return world.store.keep_look(run, before.model_copy(update=update))


def _set(run: CanaryRun, seen: Weights, world: Shifting) -> CanaryWatched:
    """Keep that the weights were read back: from now on the step bakes, its chaos gate first."""
    now, progress = world.now(), run.progress
    steps = list(progress.steps)
    steps[progress.step] = steps[progress.step].model_copy(
        update={"shifted_at": progress.intended_at, "read_back_at": now}
    )
    judges = Judges.resumed(run.plan, progress)
    judges.begin_step()
    what = f"step {progress.step + 1} of {len(steps)}"
    record = WeightsRecord(at=now, stable=seen.stable, canary=seen.canary, what=what)
    update: dict[str, Any] = {
        **judges.states(),
        "phase": "gate" if run.plan.steps[progress.step].experiment else "baking",
        "intended": None,
        "intended_at": None,
        "expected": seen,
        "steps": steps,
        "weights": [*progress.weights, record],
    }
    progress = progress.model_copy(update=update)
    world.store.keep_look(run, progress)
    detail = f"{shown(seen)} ({what}), read back"
    world.store.add_event(run.plan.run_id, Event(at=now, what="weights shifted", detail=detail))
    told = {"stable": seen.stable, "canary": seen.canary, "step": progress.step}
    world.bus.announce(run.plan.run_id, "Weights Shifted", told)
    return answer(run, progress, _after_shift(progress))


def _after_shift(progress: CanaryProgress) -> CanaryNext:
    return "experiment" if progress.phase == "gate" else "bake"


def _turn_back(run: CanaryRun, stop: Stop, world: Shifting) -> CanaryWatched:
    decision = go_back(run.progress, stop)
    run = world.store.keep_look(run, decision.progress)
    note(run, decision.event, world.store, world.bus)
    return answer(run, decision.progress, decision.following)


def foreign_weights(run: CanaryRun, found: Weights | None, now: float) -> Stop:
    """Return the stop of a run whose weights somebody else has changed."""
    there = "targets that are not this canary's" if found is None else shown(found)
    reason = f"someone else set {there}, where this run had {shown(expected_weights(run))}"
    return Stop(by="foreign weights", reason=reason, at=now)


def _take_back(run: CanaryRun, world: Shifting) -> CanaryWatched:
    """Write the undo of the run that is taken back; doing it is all that is left to do.

    So a way back that breaks in its middle is finished by whatever undoes what is left.
    """
    now = world.now()
    progress = run.progress
    if progress.decided_at is None:
        world.store.open_undo(run, ["weights"], now)
        progress = progress.model_copy(update={"decided_at": now})
        world.store.keep_look(run, progress)
    return answer(run, progress, "rollback")
