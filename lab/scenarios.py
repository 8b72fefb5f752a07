"""What the lab makes of a scenario: the defect and the traffic that it is about.

A canary document says what must hold; what is wrong with the new version is the lab's to stage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Stage:
    """How the lab is brought up for a scenario.

    `green_defect` is what is wrong with the workload's new version (`errors:0.05`, `slow:3`);
    `requests_per_second` are arrivals of customers, None as the workload has them.
    """

    green_defect: str | None = None
    requests_per_second: float | None = None
    workload_parameters: Mapping[str, str] = field(default_factory=dict)


BUSY: Final = 40.0
"""Arrivals a second at which a tenth of the traffic proves itself within two minutes."""

STAGES: Final[dict[str, Stage]] = {
    "chat-canary": Stage(requests_per_second=BUSY),
    "chat-canary-errors": Stage("errors:0.05", BUSY),
    "chat-canary-slow": Stage("slow:3", BUSY),
    "chat-canary-quiet": Stage(requests_per_second=2.0),
    "chat-canary-chaos": Stage(requests_per_second=BUSY),
    "chat-blue-green": Stage(requests_per_second=BUSY),
    "bank-canary": Stage(workload_parameters={"CanaryCapacity": "1"}),
}


def stage_of(scenario: str) -> Stage:
    """Return how the lab stages a scenario; as the workload is, where nothing is said of it."""
    return STAGES.get(scenario, Stage())
