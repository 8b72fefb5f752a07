"""What virtual customers do: one module for each workload, and the client that they ask with.

A journey module has `journey(client) -> Journey`.
"""

from random import Random
from typing import Any, Protocol


class Journey(Protocol):
    """The customers of one workload."""

    async def step(self, random: Random) -> None:
        """What one arrival does, usually one request. All chance comes from `random`."""

    async def finish(self, deadline_seconds: float) -> dict[str, Any]:
        """Bring what is under way to its end, then check what the service has promised.

        Called once, after the last arrival. Returns the fields of the truth line
        `{"kind": "integrity", …}`. Takes at most about `deadline_seconds`, and says what it
        could not check in that time.
        """
