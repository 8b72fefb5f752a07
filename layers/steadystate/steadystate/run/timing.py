"""How long a lease holds, and which metric periods can be read whole."""

from typing import Final

from steadystate.contracts import Plan

LEASE_SECONDS: Final = 900.0
"""How long a lease holds without being renewed; each look renews it."""


def settled_until(plan: Plan, now: float) -> float:
    """Return the end of the last metric period that can be read whole."""
    timing = plan.timing
    return settled_before(now, timing.metric_period_seconds, timing.metric_delay_seconds)


def settled_before(now: float, period_seconds: int, delay_seconds: float) -> float:
    """Return the end of the last metric period that was over `delay_seconds` ago."""
    return (now - delay_seconds) // period_seconds * period_seconds
