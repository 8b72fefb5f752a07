"""Store the trends of workloads, as JSON and as PDF."""

import time

from reporting.trend import render_trend
from steadystate.adapters.history import TableHistory
from steadystate.adapters.reports import BucketReports
from steadystate.contracts import PublishTrendsInput, TrendsPublished
from steadystate.run.trends import Publishing, publish_trends
from steadystate.runtime import setting, task


@task(PublishTrendsInput)
def handler(request: PublishTrendsInput) -> TrendsPublished:
    """See `steadystate.run.trends`."""
    world = Publishing(
        history=TableHistory(setting("TABLE_NAME")),
        reports=BucketReports(setting("EVIDENCE_BUCKET")),
        draw=render_trend,
        now=time.time,
    )
    return publish_trends(request, world)
