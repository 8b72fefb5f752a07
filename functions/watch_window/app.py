"""Look at the workload for one window, and say what comes next."""

import time

from steadystate.adapters.cloudwatch import CloudWatch
from steadystate.adapters.control import EventBus
from steadystate.adapters.fis import FisFaults
from steadystate.adapters.prober import HttpProber
from steadystate.adapters.readings import HttpReadings
from steadystate.adapters.resources import ElbTargetHealth
from steadystate.adapters.run_store import TableRunStore
from steadystate.adapters.switch import KillSwitch
from steadystate.contracts import RunInput, Watched
from steadystate.run.watch import Watching, watch_window
from steadystate.runtime import setting, task


@task(RunInput)
def handler(request: RunInput) -> Watched:
    """See `steadystate.run.watch`."""
    world = Watching(
        store=TableRunStore(setting("TABLE_NAME")),
        faults=FisFaults(setting("FIS_ROLE_ARN")),
        prober=HttpProber(),
        metrics=CloudWatch(),
        health=ElbTargetHealth(),
        readings=HttpReadings(),
        switch=KillSwitch(setting("HALT_PARAMETER")),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
    )
    return watch_window(request, world)
