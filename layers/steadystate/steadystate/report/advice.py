"""What to do next: each piece of advice rests on something that was seen in the run."""

from typing import Literal, NamedTuple

from steadystate.domain.verdict import Verdict
from steadystate.report.brief import Brief, ObjectiveBrief

LITTLE_ROOM_PERCENT = 20.0
"""An objective that was kept with less of its bound left than this is close to being missed."""

MUCH_ROOM_PERCENT = 50.0
"""Where every objective kept more of its bound than this, a harder test would say more."""

WIDE_PERCENT = 20.0
"""A recovery known no better than to this share of its target is known badly."""

MOST = 6

Kind = Literal[
    "open undo",
    "stored verdict",
    "broken",
    "stopped by a person",
    "not steady",
    "not hit",
    "guardrail",
    "blind",
    "limit",
    "missed errors",
    "missed latency",
    "missed after",
    "missed other",
    "no data",
    "recovery missed",
    "recovery unproven",
    "recovery between",
    "recovery wide",
    "little room",
    "missing looks",
    "unread looks",
    "harder",
    "again",
]


class Advice(NamedTuple):
    """A piece of advice; `objective` is what it is about, where it is about one."""

    kind: Kind
    objective: ObjectiveBrief | None = None


def advice_of(brief: Brief) -> list[Advice]:
    """Return what to do next, the most urgent first; never nothing, and at most MOST."""
    found: list[Advice] = []
    if any(u.state == "open" for u in brief.undo):
        found.append(Advice("open undo"))
    if brief.stored_verdict:
        found.append(Advice("stored verdict"))
    if brief.why:
        found.append(Advice(brief.why))
    if was_tested(brief):
        found += [advice for o in brief.objectives if (advice := _about(o))]
        if unjudged(brief):
            found.append(Advice("no data"))
        found += _about_recovery(brief)
    if brief.missing_looks:
        found.append(Advice("missing looks"))
    if brief.unread_looks:
        found.append(Advice("unread looks"))
    if not found and all(
        o.room_percent is None or o.room_percent > MUCH_ROOM_PERCENT for o in brief.objectives
    ):
        found.append(Advice("harder"))
    return found[:MOST] or [Advice("again")]


def was_tested(brief: Brief) -> bool:
    """Whether the fault was in effect, so that the run says something about the workload."""
    return brief.recovery.injected_at is not None and brief.targets_hit > 0


def unjudged(brief: Brief) -> list[ObjectiveBrief]:
    """Return the objectives that there was no number for."""
    return [o for o in brief.objectives if o.observed is None]


def weakest(brief: Brief) -> ObjectiveBrief | None:
    """Return the objective with the least of its bound left; None where none can be compared."""
    known = [o for o in brief.objectives if o.room_percent is not None]
    return min(known, key=lambda o: o.room_percent or 0.0, default=None)


def most_changed(brief: Brief) -> tuple[ObjectiveBrief, float] | None:
    """Return the objective that left its baseline furthest, and its value in baselines; None where
    none grew by more than a fifth."""
    ratios = [
        (o, o.baseline_times)
        for o in brief.objectives
        if o.baseline_times is not None and o.compare in ("<", "<=")
    ]
    most = max(ratios, key=lambda pair: pair[1], default=None)
    return most if most and most[1] > 1.2 else None


def _about(one: ObjectiveBrief) -> Advice | None:
    if one.observed is None:
        return None
    if one.verdict is Verdict.FAIL:
        if one.when == "after":
            return Advice("missed after", one)
        kinds: dict[str, Kind] = {"error_rate": "missed errors", "latency": "missed latency"}
        return Advice(kinds.get(one.measure, "missed other"), one)
    if (
        one.verdict is Verdict.PASS
        and one.room_percent is not None
        and 0 < one.room_percent < LITTLE_ROOM_PERCENT
    ):
        return Advice("little room", one)
    return None


def _about_recovery(brief: Brief) -> list[Advice]:
    recovery = brief.recovery
    if recovery.verdict is Verdict.FAIL:
        return [Advice("recovery missed")]
    high = recovery.from_fault.high_seconds if recovery.from_fault else None
    if recovery.verdict is Verdict.INCONCLUSIVE:
        return [Advice("recovery unproven" if high is None else "recovery between")]
    resolution = recovery.resolution_seconds or 0.0
    if 100.0 * resolution > WIDE_PERCENT * recovery.target_seconds:
        return [Advice("recovery wide")]
    return []
