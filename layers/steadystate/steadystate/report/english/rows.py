"""What is told alike of runs of every kind, in English."""

from steadystate.report.brief import RunBrief
from steadystate.report.contracts import SectionKey
from steadystate.report.english.phrases import count, event
from steadystate.report.minutes import Minute, Miss
from steadystate.report.shown import amount, clock, dollars, minute, number

OTHER_TITLES: dict[SectionKey, str] = {
    "tested": "What was tested",
    "happened": "What happened, minute by minute",
    "verdict": "Verdict and reasons",
    "weak_point": "The weak point",
    "next_steps": "What to do next",
    "not_tested": "What was not tested",
}
"""The titles of all sections but "recovery"."""


def main_sentence(brief: RunBrief, reason: str) -> str:
    """Return the verdict with its reason."""
    told = f"{brief.verdict}: {reason}."
    if brief.stored_verdict:
        return f"The samples do not support the stored verdict {brief.stored_verdict}; {told}"
    return told


def requested(brief: RunBrief) -> list[str]:
    """Return who asked for a run and why, and what its scenario is about."""
    asked = f"It was asked for by {brief.requested_by}" if brief.requested_by else ""
    if brief.reason_given:
        asked = f"{asked or 'It was started'} with the reason “{brief.reason_given}”"
    told = [f"{asked}."] if asked else []
    if brief.description:
        told.append(f"The scenario says: “{brief.description.rstrip('.')}”.")
    return told


def row(one: Minute) -> list[str]:
    """Return a minute, or several as one, with what happened in it."""
    when = minute(one.started_at)
    if one.last_at != one.started_at:
        when += f" to {minute(one.last_at)}"
    if one.failed:
        probes = (
            f"{number(one.failed)} of {count(one.sent, 'probe')} failed, "
            f"{number(one.worst_percent)} % in the worst second"
        )
    elif one.sent:
        probes = f"all {count(one.sent, 'probe')} were answered"
    else:
        probes = "no probe was sent"
    told = [f"{when}: {probes}."]
    told += [_miss(miss) for miss in one.misses]
    return told + [f"At {clock(e.at)} {event(e)}." for e in one.events]


def _miss(miss: Miss) -> str:
    value, limit = (amount(v, miss.unit, "en") for v in (miss.value, miss.limit))
    return f"{miss.sli} {'rose' if miss.upper else 'fell'} to {value}, past the limit of {limit}."


def recorded(brief: RunBrief) -> list[str]:
    """Return why a run ended as it did, in the words of its record."""
    return [f"The record says: “{brief.why_text}”."] if brief.why_text else []


def guardrails(brief: RunBrief) -> list[str]:
    """Return how each guardrail stood."""
    return [
        f"The guardrail {g.name} held ({g.sli} {g.bound})."
        if g.state == "HELD"
        else f"The guardrail {g.name} ({g.sli} {g.bound}) was {g.state.lower()}: “{g.reason}”."
        for g in brief.guardrails
    ]


def ending(brief: RunBrief) -> list[str]:
    """Return what was undone, when that was read back, and what the run cost."""
    told = [
        f"The undo of {u.what} was read back at {clock(u.verified_at)}."
        if u.verified_at
        else f"The undo of {u.what} is still {u.state}."
        for u in brief.undo
    ]
    if brief.cost_dollars is None:
        return told
    planned = brief.planned_dollars
    beside = "" if planned is None else f", planned {dollars(planned, 'en')}"
    return [*told, f"The run cost {dollars(brief.cost_dollars, 'en')}{beside}."]
