"""What a canary does next: on to the next step, or back, each with its line of the timeline."""

from typing import Any, NamedTuple

from steadystate.canary_contracts import CanaryNext, CanaryProgress, CanaryRun, Outcome
from steadystate.contracts import Event, Stop
from steadystate.ports import Bus, RunStore


class Decision(NamedTuple):
    """What follows, the progress that says so, and what is told once that is kept."""

    following: CanaryNext
    progress: CanaryProgress
    event: Event | None = None


def promote(
    progress: CanaryProgress,
    at: float,
    reason: str,
    *,
    outcome: Outcome = "promoted",
    approved_by: str = "",
) -> Decision:
    """Go on to the next step, or keep the old side warm after the last one."""
    update = {"ended_at": at, "outcome": outcome, "reason": reason, "approved_by": approved_by}
    changed: dict[str, Any] = {"steps": _present_step(progress, update)}
    weight = progress.steps[progress.step].weight
    event = Event(at=at, what=f"step {outcome}", detail=f"{weight} %: {reason}")
    if progress.step + 1 == len(progress.steps):
        changed |= {"phase": "final", "final_since": at}
        return Decision("bake", progress.model_copy(update=changed), event)
    changed |= {"phase": "shifting", "step": progress.step + 1}
    return Decision("shift", progress.model_copy(update=changed), event)


def go_back(progress: CanaryProgress, stop: Stop, outcome: Outcome = "rolled back") -> Decision:
    """Go back to the original weights, and say why."""
    changed: dict[str, Any] = {"stop": stop, "decided_at": stop.at}
    if progress.steps:
        update = {"ended_at": stop.at, "outcome": outcome, "reason": stop.reason}
        changed["steps"] = _present_step(progress, update)
    event = Event(at=stop.at, what="going back", detail=f"{stop.by}: {stop.reason}")
    return Decision("rollback", progress.model_copy(update=changed), event)


def note(run: CanaryRun, event: Event | None, store: RunStore, bus: Bus) -> None:
    """Write a line of the timeline, and announce it."""
    if event is None:
        return
    store.add_event(run.plan.run_id, event)
    told = {"detail": event.detail, "phase": run.progress.phase, "step": run.progress.step}
    bus.announce(run.plan.run_id, event.what.title(), told)


def _present_step(progress: CanaryProgress, update: dict[str, Any]) -> list[Any]:
    steps = list(progress.steps)
    steps[progress.step] = steps[progress.step].model_copy(update=update)
    return steps
