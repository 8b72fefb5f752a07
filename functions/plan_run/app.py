"""Plan a run, and take the lease on its workload."""

import time
from pathlib import Path

from steadystate.adapters.cloudwatch import CloudWatch
from steadystate.adapters.control import EventBus, ScenarioLibrary, StepFunctions
from steadystate.adapters.readings import HttpReadings
from steadystate.adapters.resources import AwsTargets, ElbTargetHealth, SsmParameters
from steadystate.adapters.run_store import TableRunStore
from steadystate.adapters.switch import KillSwitch
from steadystate.contracts import Planned, PlanRunInput
from steadystate.run.plan import Planning, plan_run
from steadystate.runtime import setting, task


@task(PlanRunInput)
def handler(request: PlanRunInput) -> Planned:
    """See `steadystate.run.plan`."""
    cloudwatch = CloudWatch()
    region, account = request.execution_arn.split(":")[3:5]
    world = Planning(
        library=ScenarioLibrary(Path(setting("SCENARIOS_PATH")), setting("EVIDENCE_BUCKET")),
        parameters=SsmParameters(),
        targets=AwsTargets(region, account),
        alarms=cloudwatch,
        metrics=cloudwatch,
        health=ElbTargetHealth(),
        readings=HttpReadings(),
        store=TableRunStore(setting("TABLE_NAME")),
        executions=StepFunctions(),
        switch=KillSwitch(setting("HALT_PARAMETER")),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
        region=region,
        window_seconds=float(setting("WINDOW_SECONDS")),
        metric_period_seconds=int(setting("METRIC_PERIOD_SECONDS")),
        metric_delay_seconds=float(setting("METRIC_DELAY_SECONDS")),
    )
    return plan_run(request, world)
