"""The blackout calendar, asked before anything is planned."""

from datetime import UTC, datetime
from typing import Final

from steadystate.documents.blackouts import Blackouts
from steadystate.documents.loading import validate
from steadystate.documents.yaml_text import read_mapping
from steadystate.domain.blackout import in_force
from steadystate.errors import InBlackout
from steadystate.ports import Library

CALENDAR: Final = "blackouts.yaml"


def refuse_in_a_blackout(workload: str, now: float, library: Library) -> None:
    """Let pass when the calendar lets runs start on the workload at `now`, in epoch seconds.

    Raises
    ------
    InBlackout
        The message names the entry, and when runs may start again.
    InvalidDocument
        The calendar is wrong.
    """
    text = library.blackouts()
    if text is None:
        return
    calendar = validate(Blackouts, read_mapping(text, CALENDAR), CALENDAR)
    found = in_force(calendar.of(workload), datetime.fromtimestamp(now, UTC))
    if found is None:
        return
    blackout, until = found.blackout, found.until
    why = f" ({blackout.reason})" if blackout.reason else ""
    local = until and until.astimezone(blackout.zone)
    ends = f"it ends {local:%Y-%m-%d %H:%M} {blackout.zone.key}" if local else "its end is far"
    raise InBlackout(f"no run starts in the blackout {blackout.name}{why}: {ends}")
