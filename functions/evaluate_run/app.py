"""Judge a run, and store its evidence."""

import time

from steadystate.adapters.control import BucketEvidence, EventBus
from steadystate.adapters.run_store import TableRunStore
from steadystate.contracts import Evaluated, EvaluateRunInput
from steadystate.run.evaluate import Evaluating, evaluate_run
from steadystate.runtime import setting, task


@task(EvaluateRunInput)
def handler(request: EvaluateRunInput) -> Evaluated:
    """See `steadystate.run.evaluate`."""
    world = Evaluating(
        store=TableRunStore(setting("TABLE_NAME")),
        evidence=BucketEvidence(setting("EVIDENCE_BUCKET")),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
    )
    return evaluate_run(request, world)
