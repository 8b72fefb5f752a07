"""Plan a canary, or the way back of one, and take the lease on its workload."""

import time
from pathlib import Path

from steadystate.adapters.cloudwatch import CloudWatch
from steadystate.adapters.control import EventBus, ScenarioLibrary, StepFunctions
from steadystate.adapters.readings import HttpReadings
from steadystate.adapters.resources import ElbTargetHealth, SsmParameters
from steadystate.adapters.run_store import TableRunStore
from steadystate.adapters.side_counts import CloudWatchSideCounts
from steadystate.adapters.switch import KillSwitch
from steadystate.adapters.traffic import ElbTrafficSplits
from steadystate.canary.plan import CanaryPlanning, plan_canary
from steadystate.contracts import Planned, PlanRunInput
from steadystate.runtime import setting, task


@task(PlanRunInput)
def handler(request: PlanRunInput) -> Planned:
    """See `steadystate.canary.plan`."""
    cloudwatch = CloudWatch()
    world = CanaryPlanning(
        library=ScenarioLibrary(Path(setting("SCENARIOS_PATH")), setting("EVIDENCE_BUCKET")),
        parameters=SsmParameters(),
        alarms=cloudwatch,
        traffic=ElbTrafficSplits(),
        counts=CloudWatchSideCounts(),
        metrics=cloudwatch,
        health=ElbTargetHealth(),
        readings=HttpReadings(),
        store=TableRunStore(setting("TABLE_NAME")),
        executions=StepFunctions(),
        switch=KillSwitch(setting("HALT_PARAMETER")),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
        window_seconds=float(setting("WINDOW_SECONDS")),
        metric_period_seconds=int(setting("METRIC_PERIOD_SECONDS")),
        metric_delay_seconds=float(setting("METRIC_DELAY_SECONDS")),
    )
    return plan_canary(request, world)
