"""What to do next, and what was not tested, in English."""

from collections.abc import Callable

from steadystate.report.advice import Advice, Kind, advice_of, unjudged, was_tested
from steadystate.report.brief import Brief, ObjectiveBrief
from steadystate.report.contracts import Paragraphs
from steadystate.report.english.phrases import count, interval, observed
from steadystate.report.shown import amount, clock, duration, number, seconds


def next_steps(brief: Brief) -> Paragraphs:
    """Return one paragraph for each piece of advice: what was seen, then what to do."""
    return [_TOLD[advice.kind](brief, advice) for advice in advice_of(brief)]


def _named(advice: Advice) -> ObjectiveBrief:
    if advice.objective is None:
        raise LookupError(f"the advice {advice.kind!r} is about no objective")
    return advice.objective


def _seen(advice: Advice) -> str:
    return f"{observed(_named(advice))}."


def _open_undo(brief: Brief, _: Advice) -> list[str]:
    left = ", ".join(u.what for u in brief.undo if u.state == "open")
    return [
        f"The undo of {left} has not been read back.",
        "Do this first: start the state machine recover, and look at FIS until nothing of the run "
        "is left.",
    ]


def _stored_verdict(brief: Brief, _: Advice) -> list[str]:
    return [
        f"The document says {brief.stored_verdict}, and its samples say {brief.verdict}.",
        "Do not pass the document on before it is known who changed it, or which version wrote it.",
    ]


def _stopped_by_a_person(brief: Brief, _: Advice) -> list[str]:
    return [
        f"The run was stopped after {count(brief.looks, 'look')}.",
        "Run the scenario again when the reason for stopping is gone.",
    ]


def _broken(brief: Brief, _: Advice) -> list[str]:
    where = f" in {brief.why_name}" if brief.why_name else ""
    return [
        f"The machinery broke{where}: “{brief.why_text}”.",
        "Mend that, and run the scenario again: this run says nothing about the workload.",
    ]


def _not_steady(brief: Brief, _: Advice) -> list[str]:
    return [
        f"Before the fault {number(brief.failed)} of {count(brief.probes, 'probe')} failed or a "
        f"bound was missed: “{brief.why_text}”.",
        f"Find out what ails {brief.workload} without any fault, and run the scenario again.",
    ]


def _not_hit(brief: Brief, _: Advice) -> list[str]:
    return [
        f"FIS says {brief.fault_status or 'nothing'} and hit {count(brief.targets_hit, 'target')}.",
        "Look at the tags and the state of the targets, and at the experiment in FIS; then run the "
        "scenario again.",
    ]


def _guardrail(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    return [
        f"A guardrail broke: “{brief.why_text}”.",
        f"By then {number(recovery.failed)} of {count(recovery.probes, 'probe')} had failed since "
        "the fault.",
        "Mend what the first minutes show, and repeat with fewer targets before the full fault.",
    ]


def _blind(brief: Brief, _: Advice) -> list[str]:
    return [
        f"The run could not be watched: “{brief.why_text}”.",
        "Mend the source of that indicator, or give its guardrail one that is there under the "
        "fault too; then run the scenario again.",
    ]


def _limit(brief: Brief, _: Advice) -> list[str]:
    return [
        f"The fault did not end in time: “{brief.why_text}”.",
        f"Look at the experiment {brief.fault_id} in FIS, and run the scenario again.",
    ]


def _missed_errors(brief: Brief, advice: Advice) -> list[str]:
    recovery = brief.recovery
    told = [_seen(advice)]
    if recovery.first_breach_at and recovery.last_failed_at:
        told.append(
            f"Look at the errors between {clock(recovery.first_breach_at)} and "
            f"{clock(recovery.last_failed_at)}: who answered them, and for how long the load "
            "balancer kept sending to what was lost."
        )
    else:
        told.append("The probes did not fail, so look for the requests that only customers send.")
    return [*told, "Faster health checks, and a retry of what may be repeated, shorten that."]


def _missed_latency(_: Brief, advice: Advice) -> list[str]:
    one = _named(advice)
    worst = f" in the worst of {count(one.points, 'point')} it was {_worst(one)};"
    return [
        _seen(advice),
        f"The mean hides the peak:{worst} look there for queues, retries and timeouts, and whether "
        "what was left had the capacity for all of the traffic.",
    ]


def _worst(one: ObjectiveBrief) -> str:
    return amount(one.worst, one.unit, "en")


def _missed_after(_: Brief, advice: Advice) -> list[str]:
    return [
        _seen(advice),
        "That is what the fault left behind when all else was over: see to it before the next run, "
        "and find out why the service did not do so itself.",
    ]


def _missed_other(_: Brief, advice: Advice) -> list[str]:
    one = _named(advice)
    return [_seen(advice), f"Find out what drives {one.sli} under this fault."]


def _no_data(brief: Brief, _: Advice) -> list[str]:
    names = ", ".join(f"{o.name} ({o.sli})" for o in unjudged(brief))
    return [
        f"There was no number to judge these by: {names}.",
        "Look whether their sources report under this fault and whether there was traffic; a bound "
        "relative to the baseline needs a history, or a floor.",
    ]


def _recovery_missed(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    low = recovery.from_fault.low_seconds if recovery.from_fault else 0.0
    target = duration(recovery.target_seconds, "en")
    breach = ""
    if recovery.first_breach_at and recovery.injected_at:
        breach = (
            f"The fault took effect at {clock(recovery.injected_at)}, and the first probe failed "
            f"at {clock(recovery.first_breach_at)}: "
        )
    return [
        f"Recovery took at least {seconds(low, 'en')}, over the target of {target}.",
        f"{breach}what came between is detection and replacement; see which of them took longest, "
        "and shorten that one.",
    ]


def _recovery_unproven(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    return [
        f"Recovery was not proven: probes were good for {seconds(recovery.good_seconds, 'en')}, "
        f"and {number(recovery.needed_good_seconds)} s were asked for.",
        "Raise recovery.limit in the scenario, or find out what kept the probes failing.",
    ]


def _recovery_between(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    took = (
        interval(recovery.from_fault.low_seconds, recovery.from_fault.high_seconds)
        if recovery.from_fault
        else ""
    )
    return [
        f"Recovery took {took}, and the target of {duration(recovery.target_seconds, 'en')} lies "
        "within that.",
        f"Probe more often than {number(brief.probes_a_second)} times a second, so that the "
        "interval becomes narrower.",
    ]


def _recovery_wide(brief: Brief, _: Advice) -> list[str]:
    recovery = brief.recovery
    return [
        f"The end of recovery is known to {seconds(recovery.resolution_seconds or 0.0, 'en')}, "
        f"with a target of {duration(recovery.target_seconds, 'en')}.",
        f"Probe more often than {number(brief.probes_a_second)} times a second.",
    ]


def _little_room(_: Brief, advice: Advice) -> list[str]:
    one = _named(advice)
    return [
        _seen(advice),
        f"Only {number(one.room_percent or 0.0)} % of the bound was left: with more traffic or a "
        "longer fault it may be missed, so test that before it happens.",
    ]


def _missing_looks(brief: Brief, _: Advice) -> list[str]:
    return [
        f"Of {count(brief.missing_looks, 'look')} the samples are missing.",
        "Find out where they were lost: what happened meanwhile is not in any verdict.",
    ]


def _unread_looks(brief: Brief, _: Advice) -> list[str]:
    return [
        f"In {number(brief.unread_looks)} of {count(brief.looks, 'look')} something could not be "
        "read.",
        "See the notes of these samples, and mend the source before the next run.",
    ]


def _harder(brief: Brief, _: Advice) -> list[str]:
    hit = count(brief.targets_hit, "target")
    return [
        f"With {hit} hit, every objective with an upper bound kept more than half of it.",
        "Next, hit more of the targets or let the fault last longer, and put this scenario on the "
        "calendar so that it stays true.",
    ]


def _again(brief: Brief, _: Advice) -> list[str]:
    return [
        f"All {count(len(brief.objectives), 'objective')} were kept.",
        "Put the scenario on the calendar, so that a change that breaks this is noticed.",
    ]


_TOLD: dict[Kind, Callable[[Brief, Advice], list[str]]] = {
    "open undo": _open_undo,
    "stored verdict": _stored_verdict,
    "stopped by a person": _stopped_by_a_person,
    "broken": _broken,
    "not steady": _not_steady,
    "not hit": _not_hit,
    "guardrail": _guardrail,
    "blind": _blind,
    "limit": _limit,
    "missed errors": _missed_errors,
    "missed latency": _missed_latency,
    "missed after": _missed_after,
    "missed other": _missed_other,
    "no data": _no_data,
    "recovery missed": _recovery_missed,
    "recovery unproven": _recovery_unproven,
    "recovery between": _recovery_between,
    "recovery wide": _recovery_wide,
    "little room": _little_room,
    "missing looks": _missing_looks,
    "unread looks": _unread_looks,
    "harder": _harder,
    "again": _again,
}


def not_tested(brief: Brief) -> list[str]:
    """Return what the run says nothing about."""
    if not was_tested(brief):
        told = [f"The fault was not in effect, so nothing of {brief.scenario} was tested."]
    else:
        names = ", ".join(f.name for f in brief.faults)
        told = [
            f"Other faults than {names}, and more targets at once than {brief.targets_hit}, were "
            "not tested."
        ]
    if unknown := [o.name for o in unjudged(brief)]:
        told.append(f"Not judged for want of data: {', '.join(unknown)}.")
    if brief.unasked:
        names = ", ".join(s.name for s in brief.unasked)
        told.append(f"Measured, but asked nothing of: {names}.")
    if brief.overrides:
        told.append(
            f"The scenario was not run as written; overridden were: {', '.join(brief.overrides)}."
        )
    return [
        *told,
        f"The probes saw one address, {count(brief.probes_a_second, 'request')} a second, and "
        f"called failed what was not answered rightly within "
        f"{number(brief.probe_timeout_seconds)} s; slow answers are the business of objectives.",
        f"Metrics have a period of {number(brief.metric_period_seconds)} s: what was shorter shows "
        "in them as a mean only.",
        "One run is one draw: it shows what happened this time, and not how often it would.",
    ]
