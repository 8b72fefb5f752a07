"""Keep the token of the task that waits for a person, and announce that one is asked."""

import time

from steadystate.adapters.control import EventBus
from steadystate.adapters.run_store import TableRunStore
from steadystate.canary.gate import Asking, ask_person
from steadystate.canary_contracts import AskPersonInput, CanaryWatched
from steadystate.runtime import setting, task


@task(AskPersonInput)
def handler(request: AskPersonInput) -> CanaryWatched:
    """See `steadystate.canary.gate`."""
    world = Asking(
        store=TableRunStore(setting("TABLE_NAME")),
        bus=EventBus(setting("EVENT_BUS_NAME")),
        now=time.time,
    )
    return ask_person(request, world)
