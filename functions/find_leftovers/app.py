"""Find runs that ended without being closed."""

import time

from steadystate.adapters.control import EventBus, StepFunctions
from steadystate.adapters.gauges import LogGauges
from steadystate.adapters.run_store import TableRunStore
from steadystate.contracts import FindLeftoversInput, Leftovers
from steadystate.run.recover import Recovering, find_leftovers
from steadystate.runtime import setting, task


@task(FindLeftoversInput)
def handler(request: FindLeftoversInput) -> Leftovers:
    """See `steadystate.run.recover`."""
    world = Recovering(
        store=TableRunStore(setting("TABLE_NAME")),
        executions=StepFunctions(),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        gauges=LogGauges(setting("STACK_NAME")),
        now=time.time,
    )
    return find_leftovers(request, world)
