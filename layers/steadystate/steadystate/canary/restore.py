"""The way back: the original weights, read back; what somebody else has set is left alone."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from steadystate.canary.shift import SETTLED_AFTER_SECONDS
from steadystate.canary.weights import (
    expected_weights,
    is_promoted,
    kept,
    own_weights,
    shown,
)
from steadystate.canary_contracts import CanaryProgress, CanaryRun, Weights, WeightsRecord
from steadystate.errors import SplitFailed, TrafficElsewhere, UndoIncomplete
from steadystate.ports import RunStore, TrafficSplits

LOOKS = 60
"""How often one call reads back before it leaves the rest to its retry."""


class Restoring(Protocol):
    """What the way back needs of the world; `pause` waits between two looks."""

    @property
    def store(self) -> RunStore: ...

    @property
    def traffic(self) -> TrafficSplits: ...

    @property
    def now(self) -> Callable[[], float]: ...

    @property
    def pause(self) -> Callable[[], None]: ...


class Restored(NamedTuple):
    """The weights as they were read last (None where traffic goes elsewhere), and in words."""

    weights: Weights | None
    words: str


def restore_weights(run: CanaryRun, world: Restoring) -> Restored:
    """Set the original weights and read them back.

    Weights go back at the first look. Where a call that set weights was never answered, it is
    looked again until nothing more can come of it.

    Raises
    ------
    UndoIncomplete
        The weights could not be read back yet; call again.
    TransientError
        The load balancer was throttling; call again.
    SplitFailed
        The load balancer refused; the message says what a person has to do.
    """
    if is_promoted(run):
        return Restored(expected_weights(run), kept(run))
    try:
        return _restored(run, world)
    except SplitFailed as error:
        place, original = run.plan.traffic.place, shown(run.plan.original)
        raise SplitFailed(
            f"{error}. By hand: give {place} the weights {original} (stable/canary): "
            "docs/recovery.md, weights of a canary"
        ) from error


def _restored(run: CanaryRun, world: Restoring) -> Restored:
    before = run.progress
    unanswered = before.intended_at if before.intended else before.unanswered_at
    settled_at = 0.0 if unanswered is None else unanswered + SETTLED_AFTER_SECONDS
    original, done = run.plan.original, ""
    for attempt in range(LOOKS):
        if attempt:
            world.pause()
        found, foreign = _read(run, world)
        if found in own_weights(run) and found is not None and found != original:
            done = f"restored {shown(original)} from {shown(found)}"
            found = world.traffic.set(run.plan.traffic, original)
        if world.now() < settled_at:
            continue
        if found == original:
            return Restored(found, done or f"as they were: {shown(original)}")
        return Restored(found, foreign)
    raise UndoIncomplete(f"weights of run {run.plan.run_id} are not restored yet")


def _read(run: CanaryRun, world: Restoring) -> tuple[Weights | None, str]:
    """Return the present weights, and what is to be said of them if they are somebody else's."""
    try:
        found = world.traffic.read(run.plan.traffic)
    except TrafficElsewhere as error:
        return None, f"left alone: {error}"
    return found, f"left alone: someone else set {shown(found)}"


def after_restoring(run: CanaryRun, restored: Restored, now: float) -> CanaryProgress:
    """Return the progress of a canary whose weights went back, or were left alone."""
    progress = run.progress
    update: dict[str, Any] = {"intended": None, "intended_at": None}
    if restored.weights is not None:
        found = restored.weights
        record = WeightsRecord(
            at=now, stable=found.stable, canary=found.canary, what=restored.words
        )
        update["weights"] = [*progress.weights, record]
    if restored.weights == run.plan.original:
        update["restored_at"] = now
    return progress.model_copy(update=update)
