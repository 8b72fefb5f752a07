"""Finds what runs left behind, and closes runs."""

from collections.abc import Callable
from dataclasses import dataclass

from steadystate.canary_contracts import AnyRun
from steadystate.contracts import (
    Event,
    Failure,
    FindLeftoversInput,
    LeftOpen,
    Leftover,
    Leftovers,
    RunInput,
)
from steadystate.ports import Bus, Executions, Gauges, RunStore
from steadystate.run.judgement import ABORTED
from steadystate.run.timing import LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class Recovering:
    """What a recovery needs of the world."""

    store: RunStore
    executions: Executions
    bus: Bus
    gauges: Gauges
    now: Callable[[], float]


def find_leftovers(request: FindLeftoversInput, world: Recovering) -> Leftovers:
    """Return the runs that are not closed although their execution is over, and measure them.

    It does not matter who asks (an event, the schedule, a person): the table and the executions
    decide, so that a run in progress is never touched. The run whose execution has just ended is
    among them also when it is closed: nothing is left to undo or to judge, but its execution may
    have ended before it began its report. Measured are OpenUndoAgeSeconds, the age of
    the oldest undo that a dead run left open, and LeaseSilenceSeconds, how long ago the lease of an
    open run was last renewed: 0 where there is none.
    """
    found, left_open = [], []
    undo_age, silence = 0.0, 0.0
    for run_id in dict.fromkeys([*world.store.open_runs(), *_judged(request.ended, world)]):
        try:
            run = world.store.get(run_id)
        except ValueError as error:  # one that an older or newer release wrote, in other words
            why = f"its record cannot be read ({error}); undo it by hand: docs/recovery.md"
            left_open.append(LeftOpen(run_id=run_id, why=why))
            undo_age = max(undo_age, _undo_age(run_id, world))
            continue
        if run is None:
            continue
        until = world.store.lease_until(run.plan.held, run_id)
        if until is not None:
            silence = max(silence, world.now() - (until - LEASE_SECONDS))
        if failure := _failure_of(run, world):
            found.append(Leftover(run_id=run_id, failure=failure))
            undo_age = max(undo_age, _undo_age(run_id, world))
    world.gauges.seconds("OpenUndoAgeSeconds", undo_age)
    world.gauges.seconds("LeaseSilenceSeconds", silence)
    return Leftovers(runs=found, left_open=left_open)


def _judged(run_id: str, world: Recovering) -> list[str]:
    try:
        run = world.store.get(run_id) if run_id else None
    except ValueError:
        return []  # a closed record of another release: nothing of it is left open
    return [run_id] if run and run.verdict else []


def _undo_age(run_id: str, world: Recovering) -> float:
    left = [r.opened_at for r in world.store.undo_records(run_id) if r.state == "open"]
    return world.now() - min(left) if left else 0.0


def _failure_of(run: AnyRun, world: Recovering) -> Failure | None:
    """Say how a run's execution ended; None while it goes on."""
    status, error, cause = world.executions.status(run.plan.execution_arn)
    if status == "RUNNING":
        return None
    names = {"ABORTED": ABORTED, "TIMED_OUT": "States.Timeout"}
    return Failure(
        error=names.get(status, error or f"execution {status.lower()}"),
        cause=": ".join(filter(None, (error if status == "ABORTED" else "", cause)))[:2000]
        or f"the execution is {status}",
        state=run.progress.phase,
    )


def release_lease(request: RunInput, world: Recovering) -> RunInput:
    """Give the workload back and close the run; a lease that another run holds stays."""
    if world.store.release_lease(request.run_id):
        event = Event(at=world.now(), what="released", detail="")
        world.store.add_event(request.run_id, event)
        world.bus.announce(request.run_id, "Run Released", {})
    return request
