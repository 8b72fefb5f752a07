"""Put a run into the history of its workload."""

from steadystate.adapters.control import BucketEvidence
from steadystate.adapters.history import TableHistory
from steadystate.contracts import Recorded, RunInput
from steadystate.run.history import Recording, record_history
from steadystate.runtime import setting, task


@task(RunInput)
def handler(request: RunInput) -> Recorded:
    """See `steadystate.run.history`."""
    world = Recording(
        evidence=BucketEvidence(setting("EVIDENCE_BUCKET")),
        history=TableHistory(setting("TABLE_NAME")),
    )
    return record_history(request, world)
