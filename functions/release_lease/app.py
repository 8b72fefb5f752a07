"""Give a workload back, and close the run."""

import time

from steadystate.adapters.control import EventBus, StepFunctions
from steadystate.adapters.gauges import LogGauges
from steadystate.adapters.run_store import TableRunStore
from steadystate.contracts import RunInput
from steadystate.run.recover import Recovering, release_lease
from steadystate.runtime import setting, task


@task(RunInput)
def handler(request: RunInput) -> RunInput:
    """See `steadystate.run.recover`."""
    world = Recovering(
        store=TableRunStore(setting("TABLE_NAME")),
        executions=StepFunctions(),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        gauges=LogGauges(setting("STACK_NAME")),
        now=time.time,
    )
    return release_lease(request, world)
