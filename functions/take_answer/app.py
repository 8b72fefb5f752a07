"""Go on or back as a person said, and back when nobody did."""

import time

from steadystate.adapters.control import EventBus
from steadystate.adapters.run_store import TableRunStore
from steadystate.canary.gate import Asking, take_answer
from steadystate.canary_contracts import CanaryWatched, TakeAnswerInput
from steadystate.runtime import setting, task


@task(TakeAnswerInput)
def handler(request: TakeAnswerInput) -> CanaryWatched:
    """See `steadystate.canary.gate`."""
    world = Asking(
        store=TableRunStore(setting("TABLE_NAME")),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
    )
    return take_answer(request, world)
