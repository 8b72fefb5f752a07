"""Undo what a run did, and read it back."""

import time

from steadystate.adapters.control import EventBus, StepFunctions
from steadystate.adapters.fis import FisFaults
from steadystate.adapters.run_store import TableRunStore
from steadystate.adapters.traffic import ElbTrafficSplits
from steadystate.contracts import RunInput, Undone
from steadystate.run.undo import Undoing, undo_run
from steadystate.runtime import setting, task


@task(RunInput)
def handler(request: RunInput) -> Undone:
    """See `steadystate.run.undo`."""
    world = Undoing(
        store=TableRunStore(setting("TABLE_NAME")),
        faults=FisFaults(setting("FIS_ROLE_ARN")),
        traffic=ElbTrafficSplits(),
        machines=StepFunctions(),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
        pause=lambda: time.sleep(0.5),
    )
    return undo_run(request, world)
