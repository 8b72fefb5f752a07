"""What happened, minute by minute of the clock, with stretches in which nothing did as one."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from steadystate.contracts import Contract, Plan
from steadystate.documents.workload import ProbeSli
from steadystate.domain.recovery import Tick
from steadystate.evidence import Evidence
from steadystate.report.plain_text import plain

MOST_ROWS = 30
"""How many rows a narrative can bear; more are joined to fewer."""

MOST_EVENTS = 12

LONGEST_DETAIL = 120
"""Longer ones are told elsewhere in the narrative, and in full in the timeline."""


class EventBrief(Contract):
    """One moment of the timeline; a `detail` that was too long is empty."""

    at: datetime
    what: str
    detail: str


class Miss(Contract):
    """The worst point of an indicator that missed its bound in these minutes."""

    sli: str
    value: float
    unit: str
    limit: float
    upper: bool


class Minute(Contract):
    """One minute, or several that are alike: from `started_at` to the minute `last_at`.

    `sent` and `failed` are probes; `worst_percent` is the share that failed in the worst second.
    """

    started_at: datetime
    last_at: datetime
    sent: int
    failed: int
    worst_percent: float
    events: list[EventBrief]
    misses: list[Miss]

    @property
    def quiet(self) -> bool:
        """Whether nothing happened but answered probes."""
        return not (self.failed or self.events or self.misses)


def minutes_of(evidence: Evidence, plan: Plan | None, ticks: Sequence[Tick]) -> list[Minute]:
    """Return the minutes of a run in order of time, at most about MOST_ROWS of them.

    `plan` is that of an experiment, whose objectives can be missed.
    """
    rows: dict[int, list[Tick]] = {}
    for tick in ticks:
        rows.setdefault(int(tick.at // 60), []).append(tick)
    events: dict[int, list[EventBrief]] = {}
    for event in evidence.timeline:
        minute = int(event.at.timestamp() // 60)
        detail = plain(event.detail) if len(event.detail) <= LONGEST_DETAIL else ""
        brief = EventBrief(at=event.at, what=plain(event.what), detail=detail)
        events.setdefault(minute, []).append(brief)
    misses = _misses(evidence, plan) if plan else {}
    minutes = [
        _minute(number, rows.get(number, []), events.get(number, []), misses.get(number, {}))
        for number in sorted({*rows, *events, *misses})
    ]
    joined = _joined(minutes, lambda a, b: a.quiet and b.quiet)
    if len(joined) > MOST_ROWS:
        joined = _joined(joined, lambda a, b: not (a.events or b.events))
    while len(joined) > MOST_ROWS:
        joined = [_join(pair) for pair in _pairs(joined)]
    return joined


def _minute(
    number: int, ticks: Sequence[Tick], events: list[EventBrief], misses: dict[str, Miss]
) -> Minute:
    at = datetime.fromtimestamp(60 * number, UTC)
    return Minute(
        started_at=at,
        last_at=at,
        sent=sum(t.sent for t in ticks),
        failed=sum(t.failed for t in ticks),
        worst_percent=max((100.0 * t.failed / t.sent for t in ticks if t.sent), default=0.0),
        events=sorted(events, key=lambda e: e.at)[:MOST_EVENTS],
        misses=list(misses.values()),
    )


def _misses(evidence: Evidence, plan: Plan) -> dict[int, dict[str, Miss]]:
    """Return the worst point over its bound by minute and indicator; what the prober saw stands in
    the probes themselves."""
    injected_at = evidence.fault.started_at if evidence.fault else None
    found: dict[int, dict[str, Miss]] = {}
    if injected_at is None:
        return found
    for objective in evidence.objectives:
        document = plan.objectives[objective.name]
        limit, bound = objective.limit, document.bound
        probed = isinstance(plan.slis[objective.sli], ProbeSli)
        if limit is None or document.when != "during" or probed:
            continue
        for sample in evidence.samples:
            for point in sample.points.get(objective.sli, []):
                late = point.at + plan.timing.metric_period_seconds > injected_at
                if not late or not point.weight > 0 or bound.holds(point.value, limit):
                    continue
                minute = found.setdefault(int(point.at // 60), {})
                known = minute.get(objective.sli)
                if known is None or (point.value > known.value) == bound.upper:
                    minute[objective.sli] = Miss(
                        sli=plain(objective.sli),
                        value=point.value,
                        unit=objective.unit,
                        limit=limit,
                        upper=bound.upper,
                    )
    return found


def _joined(minutes: Sequence[Minute], alike: Callable[[Minute, Minute], bool]) -> list[Minute]:
    joined: list[Minute] = []
    for minute in minutes:
        if joined and alike(joined[-1], minute):
            joined[-1] = _join([joined[-1], minute])
        else:
            joined.append(minute)
    return joined


def _pairs(minutes: Sequence[Minute]) -> list[Sequence[Minute]]:
    return [minutes[k : k + 2] for k in range(0, len(minutes), 2)]


def _join(minutes: Sequence[Minute]) -> Minute:
    misses: dict[str, Miss] = {}
    for miss in (m for minute in minutes for m in minute.misses):
        known = misses.get(miss.sli)
        if known is None or (miss.value > known.value) == miss.upper:
            misses[miss.sli] = miss
    return Minute(
        started_at=minutes[0].started_at,
        last_at=minutes[-1].last_at,
        sent=sum(m.sent for m in minutes),
        failed=sum(m.failed for m in minutes),
        worst_percent=max(m.worst_percent for m in minutes),
        events=[e for m in minutes for e in m.events][:MOST_EVENTS],
        misses=list(misses.values()),
    )
