"""Put a run into words, and store them."""

from steadystate.adapters.control import BucketEvidence
from steadystate.adapters.reports import BucketReports
from steadystate.contracts import Composed, ReportInput
from steadystate.run.report import Composing, compose_report
from steadystate.runtime import setting, task


@task(ReportInput)
def handler(request: ReportInput) -> Composed:
    """See `steadystate.run.report`."""
    world = Composing(
        evidence=BucketEvidence(setting("EVIDENCE_BUCKET")),
        reports=BucketReports(setting("EVIDENCE_BUCKET")),
    )
    return compose_report(request, world)
