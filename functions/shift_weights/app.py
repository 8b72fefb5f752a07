"""Write the undo, move traffic to the weights of the present step, and read them back."""

import time

from steadystate.adapters.control import EventBus
from steadystate.adapters.run_store import TableRunStore
from steadystate.adapters.switch import KillSwitch
from steadystate.adapters.traffic import ElbTrafficSplits
from steadystate.canary.shift import Shifting, shift_weights
from steadystate.canary_contracts import CanaryWatched
from steadystate.contracts import RunInput
from steadystate.runtime import setting, task


@task(RunInput)
def handler(request: RunInput) -> CanaryWatched:
    """See `steadystate.canary.shift`."""
    world = Shifting(
        store=TableRunStore(setting("TABLE_NAME")),
        traffic=ElbTrafficSplits(),
        switch=KillSwitch(setting("HALT_PARAMETER")),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
    )
    return shift_weights(request, world)
