"""Follows a run: what the table and the state machine say, about once a second, to its end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from cli.place import Execution, Kind, Place
from steadystate.canary_contracts import CanaryLook, CanaryRun, RollbackInput
from steadystate.contracts import Event, ExecutionInput, Run, Sample, UndoRecord
from steadystate.errors import TransientError

LOOK_SECONDS: Final = 1.0
SILENCE_SECONDS: Final = 120.0
"""How long AWS may not answer before the watch is given up; the run goes on without it."""

SETTLE_SECONDS: Final = 300.0
"""How long a run may take to be undone and closed after its execution has ended."""


PLAN_SECONDS: Final = 45.0
"""The timeout of the function plan_run: when its execution is stopped, it may go on so long, and
take the lease after all."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run as it stands. `run` is None until it is planned, and when it was refused. An
    experiment has `samples`, a canary has `looks`."""

    run_id: str
    at: float
    execution: Execution
    run: Run | CanaryRun | None
    samples: list[Sample]
    events: list[Event]
    undo: list[UndoRecord]
    closed: bool
    looks: list[CanaryLook] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether the execution is over; the undo may still go on."""
        return self.execution.status != "RUNNING"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen: refused, or ended, undone and released."""
        return self.closed if self.run else self.execution.status == "FAILED"


class View(Protocol):
    """Shows a run while it goes on."""

    def show(self, snapshot: Snapshot) -> None:
        """Show how it stands."""

    def say(self, text: str) -> None:
        """Show a line that stays."""


class Follower:
    """Looks at one run. Samples are read only when there is a new one."""

    def __init__(self, place: Place, run_id: str, now: Callable[[], float] = time.time) -> None:
        self._place, self._run_id, self._now = place, run_id, now
        self._samples: list[Sample] = []
        self._canary_looks: list[CanaryLook] = []
        self._looks = 0

    def look(self) -> Snapshot:
        """Look once. Raises TransientError."""
        store = self._place.store
        execution = self._place.execution(self._run_id)
        run = store.get(self._run_id)
        events: list[Event] = []
        undo: list[UndoRecord] = []
        closed = False
        if run is not None:
            if run.progress.looks != self._looks or execution.status != "RUNNING":
                self._looks = run.progress.looks
                if isinstance(run, CanaryRun):
                    self._canary_looks = store.looks(self._run_id)
                else:
                    self._samples = store.samples(self._run_id)
            events = store.events(self._run_id)
            undo = store.undo_records(self._run_id)
            closed = (
                execution.status != "RUNNING"
                and all(record.state == "undone" for record in undo)
                and self._run_id not in store.open_runs()
            )
        return Snapshot(
            self._run_id,
            self._now(),
            execution,
            run,
            self._samples,
            events,
            undo,
            closed,
            self._canary_looks,
        )


def follow(
    place: Place, run_id: str, view: View, settle_seconds: float = SETTLE_SECONDS
) -> Snapshot:
    """Show a run until it is over, or until it should long have been closed; return how it stands.

    Raises
    ------
    TransientError
        AWS did not answer for too long.
    """
    follower = Follower(place, run_id)
    heard = time.monotonic()
    ended: float | None = None
    while True:
        try:
            snapshot = follower.look()
        except TransientError as error:
            if time.monotonic() - heard > SILENCE_SECONDS:
                raise
            view.say(f"no answer: {error}; the run goes on, and so does the watch")
            time.sleep(5 * LOOK_SECONDS)
            continue
        heard = time.monotonic()
        view.show(snapshot)
        if snapshot.ended and ended is None:
            ended = heard
        patience = settle_seconds if snapshot.run else PLAN_SECONDS
        if snapshot.over or (ended is not None and heard - ended > patience):
            return snapshot
        time.sleep(LOOK_SECONDS)


def stop_and_follow(place: Place, run_id: str, view: View, cause: str) -> Snapshot:
    """Stop a run and wait until it is undone and closed."""
    place.stop(run_id, cause)
    view.say("stopping: the machine recover undoes what was done, and reads it back")
    try:
        return follow(place, run_id, view)
    except KeyboardInterrupt:
        view.say(f"not waited for; the undo goes on: steadystate show {run_id} {place.option}")
        raise


def start_and_follow(
    place: Place,
    run_id: str,
    wanted: ExecutionInput | RollbackInput,
    view: View,
    kind: Kind = "experiment",
) -> Snapshot:
    """Start a run and follow it; Ctrl-C and SIGTERM stop it, and wait until it is undone."""
    try:
        place.start(run_id, wanted, kind)
        return follow(place, run_id, view)
    except KeyboardInterrupt:
        cause = f"{wanted.requested_by or 'a person'} interrupted the command line"
        return stop_and_follow(place, run_id, view, cause)
