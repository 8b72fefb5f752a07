"""Write the undo, and start the experiment of a canary's chaos gate."""

import time

from steadystate.adapters.control import EventBus, StepFunctions
from steadystate.adapters.run_store import TableRunStore
from steadystate.adapters.switch import KillSwitch
from steadystate.canary.chaos import Starting, start_experiment
from steadystate.canary_contracts import CanaryWatched
from steadystate.contracts import RunInput
from steadystate.runtime import setting, task


@task(RunInput)
def handler(request: RunInput) -> CanaryWatched:
    """See `steadystate.canary.chaos`."""
    world = Starting(
        store=TableRunStore(setting("TABLE_NAME")),
        machines=StepFunctions(),
        switch=KillSwitch(setting("HALT_PARAMETER")),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
        machine_arn=setting("EXPERIMENT_MACHINE_ARN"),
    )
    return start_experiment(request, world)
