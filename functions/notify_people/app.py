"""Tell people how a run ended, and where its report is."""

import time

from steadystate.adapters.control import BucketEvidence, EventBus
from steadystate.adapters.messengers import SlackWebhook, SnsTopic
from steadystate.adapters.reports import BucketReports
from steadystate.adapters.run_store import TableRunStore
from steadystate.contracts import Notified, NotifyPeopleInput
from steadystate.run.notify import Notifying, notify_people
from steadystate.runtime import setting, task


@task(NotifyPeopleInput)
def handler(request: NotifyPeopleInput) -> Notified:
    """See `steadystate.run.notify`."""
    world = Notifying(
        store=TableRunStore(setting("TABLE_NAME")),
        evidence=BucketEvidence(setting("EVIDENCE_BUCKET")),
        reports=BucketReports(setting("EVIDENCE_BUCKET")),
        channels={
            "sns": SnsTopic(setting("REPORT_TOPIC_ARN")),
            "slack": SlackWebhook(setting("SLACK_SECRET_ARN")),
        },
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
    )
    return notify_people(request, world)
