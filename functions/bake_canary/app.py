"""Look at both sides for one window, compare them, and say what comes next."""

import time

from steadystate.adapters.cloudwatch import CloudWatch
from steadystate.adapters.control import EventBus, StepFunctions
from steadystate.adapters.prober import HttpProber
from steadystate.adapters.readings import HttpReadings
from steadystate.adapters.resources import ElbTargetHealth
from steadystate.adapters.run_store import TableRunStore
from steadystate.adapters.side_counts import CloudWatchSideCounts
from steadystate.adapters.switch import KillSwitch
from steadystate.adapters.traffic import ElbTrafficSplits
from steadystate.canary.bake import bake_canary
from steadystate.canary.look import Looking
from steadystate.canary_contracts import CanaryWatched
from steadystate.contracts import RunInput
from steadystate.runtime import setting, task


@task(RunInput)
def handler(request: RunInput) -> CanaryWatched:
    """See `steadystate.canary.bake`."""
    world = Looking(
        store=TableRunStore(setting("TABLE_NAME")),
        traffic=ElbTrafficSplits(),
        counts=CloudWatchSideCounts(),
        metrics=CloudWatch(),
        health=ElbTargetHealth(),
        readings=HttpReadings(),
        prober=HttpProber(),
        switch=KillSwitch(setting("HALT_PARAMETER")),
        executions=StepFunctions(),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
    )
    return bake_canary(request, world)
