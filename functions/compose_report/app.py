"""Put a run into words, and store them."""

from steadystate.adapters.bedrock import Bedrock, Limits
from steadystate.adapters.control import BucketEvidence
from steadystate.adapters.reports import BucketReports
from steadystate.contracts import Composed, ReportInput
from steadystate.run.report import Composing, compose_report
from steadystate.runtime import setting, task


@task(ReportInput)
def handler(request: ReportInput) -> Composed:
    """See `steadystate.run.report`."""
    model_id = setting("NARRATIVE_MODEL_ID")
    limits = Limits(
        dollars=float(setting("NARRATIVE_MAXIMUM_DOLLARS")),
        input_price=float(setting("NARRATIVE_INPUT_PRICE")),
        output_price=float(setting("NARRATIVE_OUTPUT_PRICE")),
    )
    world = Composing(
        evidence=BucketEvidence(setting("EVIDENCE_BUCKET")),
        reports=BucketReports(setting("EVIDENCE_BUCKET")),
        model=Bedrock(model_id, limits) if model_id else None,
    )
    return compose_report(request, world)
