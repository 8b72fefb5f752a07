"""Undo what a run did, and read it back. Always safe to call again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steadystate.canary.chaos import stop_child
from steadystate.canary.restore import after_restoring, restore_weights
from steadystate.canary.weights import is_promoted
from steadystate.canary_contracts import CanaryRun
from steadystate.contracts import Event, FaultState, Run, RunInput, Undone, UndoRecord
from steadystate.errors import FaultFailed, SteadystateError, UndoIncomplete
from steadystate.ports import Bus, Faults, Machines, RunStore, TrafficSplits
from steadystate.run.fault import SETTLED_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Undoing:
    """What an undo needs of the world. `pause` waits between two looks at something stopping."""

    store: RunStore
    faults: Faults
    traffic: TrafficSplits
    machines: Machines
    bus: Bus
    now: Callable[[], float]
    pause: Callable[[], None]


LOOKS = 60
"""How often one call reads back before it leaves the rest to its retry."""


def undo_run(request: RunInput, world: Undoing) -> Undone:
    """Undo every open record of the run's ledger, and read it back.

    A repeated delivery finds them closed, and answers the same. Of several undos at once, the one
    that closes a record announces it. Each writes the same line into the timeline, so that whoever
    finds the ledger closed and judges the run finds the line, too.

    Raises
    ------
    UndoIncomplete
        Something could not be read back as undone yet; call again.
    SplitFailed
        The load balancer refused; the message says what a person has to do.
    TransientError
        A service was throttling, or the run went on meanwhile; call again.
    """
    run_id = request.run_id
    world.store.end_acts(run_id)  # what is read from here on is all there will ever be
    run = world.store.get(run_id)
    records = [r for r in world.store.undo_records(run_id) if r.state == "open"]
    if isinstance(run, CanaryRun):
        closed = _undo_canary(run, records, world)
    else:
        closed = _undo_fault(run_id, run, records, world)
    ledger = world.store.undo_records(run_id)
    if ledger and not (isinstance(run, CanaryRun) and is_promoted(run)):  # that one undid nothing
        at = max(record.verified_at or 0.0 for record in ledger)
        event = Event(at=at, what="undone", detail=f"records read back: {len(ledger)}")
        world.store.add_event(run_id, event)
    if closed:
        world.bus.announce(run_id, "Run Undone", {"records": closed})
    return Undone(run_id=run_id, closed=len(ledger))


def _undo_canary(run: CanaryRun, records: Sequence[UndoRecord], world: Undoing) -> list[str]:
    """Restore the weights, then stop the experiment of a chaos gate; return what was closed.

    The progress is written before it is relied on: a shift that has opened its record and not yet
    written down its weights finds that it was overtaken, and sets nothing.
    """
    run_id, closed = run.plan.run_id, list[str]()
    problems: list[SteadystateError] = []
    if any(r.what == "weights" for r in records):
        world.store.save_progress(run, run.progress)
        run = run.model_copy(update={"version": run.version + 1})
        try:
            closed += ["weights"] if _put_weights_back(run, world) else []
        except SteadystateError as error:
            problems.append(error)  # what cannot be undone keeps nothing else open
    if any(r.what == "experiment" for r in records):
        try:
            stopped = stop_child(run, world)
            if world.store.close_undo(run_id, "experiment", world.now(), stopped):
                closed.append("experiment")
        except SteadystateError as error:
            problems.append(error)
    _tell(problems)
    return closed


def _tell(problems: Sequence[SteadystateError]) -> None:
    """Raise what could not be undone, all of it."""
    if problems:
        kinds = {type(problem) for problem in problems}
        kind = kinds.pop() if len(kinds) == 1 else UndoIncomplete
        raise kind("; ".join(map(str, problems)))


def _put_weights_back(run: CanaryRun, world: Undoing) -> bool:
    restored = restore_weights(run, world)
    now = world.now()
    world.store.save_progress(run, after_restoring(run, restored, now))
    return world.store.close_undo(run.plan.run_id, "weights", now, restored.words)


def _undo_fault(
    run_id: str, run: Run | None, records: Sequence[UndoRecord], world: Undoing
) -> list[str]:
    """Undo the FIS template first, so that nothing starts anew, then the experiment; return what
    was closed.

    What is there is found by the run's tag, so that an effect whose answer was lost is undone too,
    and by the id where one was answered, so that a lost tag hides nothing.
    """
    known = run.progress.fault.experiment_id if run and run.progress.fault else None
    opened_at = max((r.opened_at for r in records), default=0.0)
    settled_at = 0.0 if known else opened_at + SETTLED_AFTER_SECONDS
    closed = list[str]()
    problems: list[SteadystateError] = []
    for what in ("fis-template", "fis-experiment"):
        if any(r.what == what for r in records):
            try:
                found = _undone(what, run_id, known, settled_at, world)
            except SteadystateError as error:
                problems.append(error)
                continue
            if world.store.close_undo(run_id, what, world.now(), found):
                closed.append(what)
    _tell(problems)
    now_kept = world.store.get(run_id)  # the fault's start may have come in while we waited
    if isinstance(now_kept, Run) and now_kept.progress.phase == "injecting":
        fault = now_kept.progress.fault
        fresh = _last_state(fault, world) if fault else None
        update = {"phase": "recovering", "undone_at": world.now(), "fault": fresh}
        world.store.save_progress(now_kept, now_kept.progress.model_copy(update=update))
    return closed


def _undone(what: str, run_id: str, known: str | None, settled_at: float, world: Undoing) -> str:
    """Undo and read back until it shows; while start_fault may still act, a look proves nothing."""
    for attempt in range(LOOKS):
        if attempt:
            world.pause()
        if what == "fis-experiment":
            found = world.faults.stop_experiments(run_id, known)
        else:
            found = world.faults.delete_templates(run_id)
        if found is not None and world.now() >= settled_at:
            return found
    which = f" ({known})" if known and what == "fis-experiment" else ""
    raise UndoIncomplete(
        f"{what}{which} of run {run_id} is not undone yet; it is tried again. "
        "By hand: docs/recovery.md, from step 2"
    )


def _last_state(fault: FaultState, world: Undoing) -> FaultState:
    """Return the experiment as it ended; as it was last seen, where FIS has forgotten it."""
    try:
        return world.faults.state(fault.experiment_id)
    except FaultFailed:
        return fault
