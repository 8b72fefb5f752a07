"""Minutes, undo and cost, in English, for runs of every kind."""

from collections.abc import Sequence

from steadystate.report.brief import UndoBrief
from steadystate.report.english.phrases import count, event
from steadystate.report.minutes import Minute, Miss
from steadystate.report.shown import amount, clock, dollars, minute, number


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


def undo(records: Sequence[UndoBrief]) -> list[str]:
    """Return what was undone, and when that was read back."""
    return [
        f"The undo of {u.what} was read back at {clock(u.verified_at)}."
        if u.verified_at
        else f"The undo of {u.what} is still {u.state}."
        for u in records
    ]


def cost(paid: float | None, planned: float | None) -> list[str]:
    """Return what a run cost."""
    if paid is None:
        return []
    told = f"The run cost {dollars(paid, 'en')}"
    return [told + (f", planned {dollars(planned, 'en')}." if planned is not None else ".")]
