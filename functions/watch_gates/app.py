"""Look at every canary that waits for a person, and turn it back where a look says so."""

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
from steadystate.canary.gate import watch_gates
from steadystate.canary.look import Looking
from steadystate.canary_contracts import GatesWatched
from steadystate.contracts import SweepInput
from steadystate.runtime import setting, task


@task(SweepInput)
def handler(_: SweepInput) -> GatesWatched:
    """See `steadystate.canary.gate`."""
    machines = StepFunctions()
    world = Looking(
        store=TableRunStore(setting("TABLE_NAME")),
        traffic=ElbTrafficSplits(),
        counts=CloudWatchSideCounts(),
        metrics=CloudWatch(),
        health=ElbTargetHealth(),
        readings=HttpReadings(),
        prober=HttpProber(),
        switch=KillSwitch(setting("HALT_PARAMETER")),
        executions=machines,
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
    )
    return watch_gates(world, machines)
