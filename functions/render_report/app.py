"""Draw the PDF of a run, and store it."""

from reporting.document import render
from steadystate.adapters.control import BucketEvidence
from steadystate.adapters.reports import BucketReports
from steadystate.contracts import Composed, Rendered
from steadystate.run.report import Rendering, render_report
from steadystate.runtime import setting, task


@task(Composed)
def handler(request: Composed) -> Rendered:
    """See `steadystate.run.report`."""
    world = Rendering(
        evidence=BucketEvidence(setting("EVIDENCE_BUCKET")),
        reports=BucketReports(setting("EVIDENCE_BUCKET")),
        draw=render,
    )
    return render_report(request, world)
