"""Start the fault: first written down, then done, and watched from before its first moment."""

import threading
from typing import Final

from steadystate.contracts import Event, Run, RunInput, Watched
from steadystate.errors import TransientError
from steadystate.run.timing import LEASE_SECONDS
from steadystate.run.watch import Look, Watching, known_run, stop_by_switch

ACT_WITHIN_SECONDS: Final = 5.0
"""Template and fault are made within this time of their undo records, or not at all."""

SETTLED_AFTER_SECONDS: Final = 12.0
"""After this time nothing more can come of an undo record whose fault gave no answer: each call was
made within ACT_WITHIN_SECONDS, once, and was answered or given up within 6 s."""


def start_fault(request: RunInput, world: Watching) -> Watched:
    """Write the undo, create the FIS template, and start the experiment while probing.

    The probes begin a second before the fault, so that its first moment is seen. A repeated
    delivery finds the records, the template and the experiment, and starts nothing new.

    Raises
    ------
    LeaseLost
        Another run took the workload over, or the run was undone; nothing was started.
    FaultFailed
        FIS refused.
    TransientError
        It took too long to act safely.
    Halted
        The kill switch may not be read; where it is pulled, the run ends without a fault.
    """
    run = known_run(world.store, request.run_id)
    world.store.renew_lease(run, world.now() + LEASE_SECONDS)
    if run.progress.fault is not None:
        return Look(run, world).finish()
    if halt := world.switch.halt():
        stop = stop_by_switch(halt, world.now())
        world.store.keep_look(run, run.progress.model_copy(update={"stop": stop}))
        return Watched(run_id=request.run_id, phase=run.progress.phase, next="evaluate")
    opened_at = world.now()
    world.store.open_undo(run, ["fis-template", "fis-experiment"], opened_at)
    deadline = opened_at + ACT_WITHIN_SECONDS
    _still_in_time(world, deadline)
    template_id = world.faults.create_template(run.plan)
    run = run.model_copy(
        update={"progress": run.progress.model_copy(update={"phase": "injecting"})}
    )
    injection = _Injection(run, world, template_id, deadline)
    look = Look(run, world, after_second=injection.begin)
    ticks = look.probe()
    look.run = injection.result()
    sample, progress = look.take(ticks, look.run.progress.fault)
    return look.close(sample, progress)


def _still_in_time(world: Watching, deadline: float) -> None:
    if world.now() > deadline:
        raise TransientError("preparing the fault took too long; it was not started")


class _Injection:
    """Starts the experiment in a thread of its own, so that the probes keep their pace."""

    def __init__(self, run: Run, world: Watching, template_id: str, deadline: float) -> None:
        self._run, self._world = run, world
        self._template_id, self._deadline = template_id, deadline
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def begin(self) -> None:
        """Start, at the first call."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._start, name="inject")
            self._thread.start()

    def result(self) -> Run:
        """Return the run with its experiment, or raise what went wrong; the run as it was when the
        experiment was never begun."""
        if self._thread is not None:
            self._thread.join()
        if self._error:
            raise self._error
        return self._run

    def _start(self) -> None:
        world, run = self._world, self._run
        try:
            if world.switch.halt():
                return  # the look that goes on beside us sees it too, and ends the run
            _still_in_time(world, self._deadline)
            state = world.faults.start(run.plan, self._template_id)
            progress = run.progress.model_copy(update={"fault": state})
            self._run = world.store.keep_look(run, progress)
            detail = f"FIS experiment {state.experiment_id}"
            event = Event(at=world.now(), what="fault started", detail=detail)
            world.store.add_event(run.plan.run_id, event)
            names = {"experiment": state.experiment_id}
            world.bus.announce(run.plan.run_id, "Fault Started", names)
        except Exception as error:
            self._error = error
