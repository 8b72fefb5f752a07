"""The parts of a picture that runs of both kinds have."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.text import Text

from cli.indicators import probe_line
from cli.progress import Snapshot
from steadystate.documents.experiment import GuardrailDocument
from steadystate.domain.recovery import Tick

_EVENTS = 4


def clock(epoch_seconds: float) -> str:
    """Return a time of day in UTC."""
    return f"{datetime.fromtimestamp(epoch_seconds, UTC):%H:%M:%S}"


def machine_text(snapshot: Snapshot) -> str:
    """Return how the state machine stands."""
    execution = snapshot.execution
    if execution.status == "RUNNING":
        return f"machine {execution.state or 'starting'}"
    settling = "" if snapshot.over else ", waiting for undo and release"
    return f"machine {execution.status}{settling}"


def latest_events(snapshot: Snapshot) -> list[Text]:
    """Return the last lines of the timeline."""
    return [
        Text(
            f"{clock(e.at)}  {e.what}{': ' if e.detail else ''}{e.detail}",
            style="dim",
            no_wrap=True,
            overflow="ellipsis",
        )
        for e in snapshot.events[-_EVENTS:]
    ]


def probe_text(ticks: Sequence[Tick], width: int) -> Text:
    """Return what the prober saw, second by second, and in all."""
    sent, failed = sum(t.sent for t in ticks), sum(t.failed for t in ticks)
    line = Text("probe  ", no_wrap=True, overflow="ellipsis")
    room = max(10, min(60, width - 45))
    for mark in probe_line(ticks, room):
        line.append(mark, style="bold red" if mark in "xX" else "green")
    line.append(f"  {failed} of {sent} failed", style="red" if failed else "dim")
    return line


def guardrail_texts(
    guardrails: Mapping[str, GuardrailDocument], states: Mapping[str, str]
) -> list[Text]:
    """Return a line for each guardrail; `states` are those of the last look."""
    lines = []
    for name, document in guardrails.items():
        state = states.get(name, "")
        held = not state or state.startswith("HELD")
        text = Text(
            f"guard  {name}: {document.sli} {document.bound}  ", no_wrap=True, overflow="ellipsis"
        )
        text.append(
            state.partition(":")[0] or "not looked at yet", style="green" if held else "red"
        )
        lines.append(text)
    return lines
