"""Phrases that several parts of an English narrative use."""

from steadystate.domain.verdict import Verdict
from steadystate.report.brief import ObjectiveBrief, RecoveryBrief
from steadystate.report.minutes import EventBrief
from steadystate.report.shown import amount, duration, number, seconds


def short(recovery: RecoveryBrief) -> str:
    """Return recovery against its target in half a sentence."""
    asked = duration(recovery.target_seconds, "en")
    target = f"against a target of {asked}"
    if recovery.from_fault is None:
        return f"recovery could not be measured {target}"
    if recovery.first_breach_at is None:
        return f"none of {count(recovery.probes, 'probe')} failed after the fault"
    took = interval(recovery.from_fault.low_seconds, recovery.from_fault.high_seconds)
    if recovery.verdict is Verdict.FAIL:
        return f"recovery took {took}, over the target of {asked}"
    if recovery.from_fault.high_seconds is None:
        return f"recovery took {took} and was not proven, {target}"
    return f"the service was whole again {took} after the fault, {target}"


def interval(low: float, high: float | None) -> str:
    """Return an interval in words."""
    if high is None:
        return f"at least {seconds(low, 'en')}"
    return f"{low:,.1f} to {seconds(high, 'en')}"


def count(number_of: float, noun: str) -> str:
    """Return a count with its noun."""
    return f"{number_of:,.0f} {noun}{'' if number_of == 1 else 's'}"


def bound(one: ObjectiveBrief) -> str:
    """Return the bound of an objective in words."""
    words = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "=": "exactly"}
    if one.limit is None:
        return one.bound
    limit = f"{words[one.compare]} {amount(one.limit, one.unit, 'en')}"
    if one.multiple is None:
        return limit
    if one.floored:
        return f"{limit} (the floor of {number(one.multiple)} times the baseline)"
    return f"{limit} ({number(one.multiple)} times the baseline)"


def observed(one: ObjectiveBrief) -> str:
    """Return what an objective showed, as a clause."""
    if one.observed is None:
        why = "no baseline" if one.limit is None else "no data"
        return f"{one.name} could not be judged: there is {why} for {one.sli}"
    kept = "kept its bound" if one.verdict is Verdict.PASS else "missed its bound"
    return f"{one.name} {kept}: {amount(one.observed, one.unit, 'en')}, asked for {bound(one)}"


_EVENTS = {
    "planned": "the run was planned",
    "steady": "the service was found steady",
    "not steady": "the service was found not steady",
    "fault started": "the fault was started",
    "guardrail tripped": "a guardrail stopped the run",
    "fault over": "the fault was over",
    "undone": "the undo was read back",
    "recovered": "recovery was found proven",
    "recovery limit passed": "the limit for recovery passed",
    "not tested": "the run turned out not to have tested anything",
    "judged": "the run was judged",
    "released": "the workload was released",
    "weights shifted": "the weights were shifted",
    "step promoted": "the step was promoted",
    "going back": "the way back began",
    "step approved": "a person approved the step",
    "final bake over": "the final bake was over",
    "approval needed": "a person was asked for approval",
    "chaos gate started": "the chaos gate was started",
    "chaos gate passed": "the chaos gate was passed",
    "halted": "all runs were found halted",
}


def event(one: EventBrief) -> str:
    """Return one moment of the timeline as a clause, with its recorded detail."""
    what = _EVENTS.get(one.what, f"the record says “{one.what}”")
    return f"{what} (“{one.detail}”)" if one.detail else what
