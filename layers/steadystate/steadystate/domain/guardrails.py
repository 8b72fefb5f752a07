"""Guardrails: bounds that stop a run at once, and what silence means for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from steadystate.domain.bounds import Bound, shown
from steadystate.domain.series import Point, Summary, usable


class GuardrailState(StrEnum):
    """HELD: the bound holds. BROKEN: it does not. BLIND: no data for longer than is allowed."""

    HELD = "HELD"
    BROKEN = "BROKEN"
    BLIND = "BLIND"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """Stop when the last `points` points all miss the bound, or when data stays away too long."""

    name: str
    sli: str
    unit: str
    bound: Bound
    points: int
    missing_after_seconds: float


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """What a guardrail saw, and when: `at` is the start of the deciding point (epoch seconds)."""

    name: str
    sli: str
    state: GuardrailState
    observed: float | None
    bound: str
    at: float | None
    reason: str


def check(
    guardrail: Guardrail,
    points: Sequence[Point],
    baseline: Summary | None,
    *,
    watched_since: float,
    now: float,
) -> GuardrailResult:
    """Check a guardrail on the points since the watch began (times are epoch seconds)."""
    good = usable(points)
    limit = guardrail.bound.limit(baseline.mean if baseline else None)
    last_seen = good[-1].at if good else watched_since
    if limit is None or now - last_seen > guardrail.missing_after_seconds:
        why = "no baseline" if limit is None else f"no data for {now - last_seen:.0f} s"
        return _result(guardrail, GuardrailState.BLIND, None, None, f"{why} for {guardrail.sli}")
    latest = good[-guardrail.points :]
    if len(latest) == guardrail.points and not any(
        guardrail.bound.holds(p.value, limit) for p in latest
    ):
        value = latest[-1].value
        reason = (
            f"{guardrail.sli} {shown(value, guardrail.unit)} misses {guardrail.bound} "
            f"in {len(latest)} point{'s' if len(latest) > 1 else ''} in a row"
        )
        return _result(guardrail, GuardrailState.BROKEN, value, latest[-1].at, reason)
    seen = good[-1].value if good else None
    reason = "held" if good else "held so far: no data yet"
    return _result(guardrail, GuardrailState.HELD, seen, last_seen if good else None, reason)


def _result(
    guardrail: Guardrail,
    state: GuardrailState,
    observed: float | None,
    at: float | None,
    reason: str,
) -> GuardrailResult:
    return GuardrailResult(
        guardrail.name, guardrail.sli, state, observed, str(guardrail.bound), at, reason
    )
