"""Shows a run while it goes on: drawn on a terminal, or line by line where there is none."""

import time
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.canary_views import canary_look, canary_picture
from cli.drawing import clock, guardrail_texts, latest_events, machine_text, probe_text
from cli.indicators import Indicator, indicators, sparkline, ticks_of
from cli.output import Output
from cli.progress import Snapshot
from steadystate.canary_contracts import CanaryRun
from steadystate.contracts import Run, Sample

_SPARK = 48


def view_on(output: Output, since: float = 0.0) -> "LiveView | PlainView":
    """Return the view that fits where the words go; lines begin with what happened at `since`."""
    return LiveView(output) if output.terminal else PlainView(output, since)


class PlainView:
    """One line for each event and each look."""

    def __init__(self, output: Output, since: float) -> None:
        self._output = output
        self._since = since
        self._events = 0
        self._looks = 0
        self._settling = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def say(self, text: str) -> None:
        """Print a line."""
        self._output.line(f"{clock(time.time())} {text}")

    def waiting(self, text: str) -> None:
        """Print what is waited for."""
        self.say(text)

    def show(self, snapshot: Snapshot) -> None:
        """Print what is new, in order of time."""
        new = [
            (e.at, f"{e.what}: {e.detail}" if e.detail else e.what)
            for e in snapshot.events[self._events :]
        ]
        self._events = len(snapshot.events)
        new += _looks(snapshot, self._looks)
        self._looks = max(self._looks, len(snapshot.samples), len(snapshot.looks))
        for at, text in sorted(line for line in new if line[0] >= self._since):
            self._output.line(f"{clock(at)} {text}")
        if snapshot.ended and not snapshot.over and not self._settling:
            self._settling = True
            self.say(f"the execution is {snapshot.execution.status}; waiting for undo and release")


def _looks(snapshot: Snapshot, told: int) -> list[tuple[float, str]]:
    """Return the looks that were not told yet, each with its time."""
    run = snapshot.run
    if isinstance(run, CanaryRun):
        looks = snapshot.looks
        return [(look.ended_at, canary_look(run, look)) for look in looks[told:]]
    if run is None:
        return []
    samples = snapshot.samples
    counts = range(told + 1, len(samples) + 1)
    return [(samples[n - 1].ended_at, _look(run, samples[:n])) for n in counts]


def _look(run: Run, samples: list[Sample]) -> str:
    sample = samples[-1]
    sent, failed = sum(t.sent for t in sample.ticks), sum(t.failed for t in sample.ticks)
    parts = [
        f"{one.objective} {one.latest} ({one.bound}) {_word(one)}"
        for one in indicators(run, samples)
        if one.kept is not None
    ]
    rails = [
        f"guardrail {name} {state}"
        for name, state in sample.guardrails.items()
        if not state.startswith("HELD")
    ]
    probes = f"probes {failed} of {sent} failed"
    head = f"look {sample.look + 1} {sample.phase}"
    return f"{head}: {'; '.join([probes, *parts, *rails, *sample.notes])}"


def _word(one: Indicator) -> str:
    return "ok" if one.kept else "not yet" if one.after_recovery else "MISSED"


class LiveView:
    """A picture that is drawn again at each look; lines that stay stand above it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._live = Live(
            console=output.console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.update("", refresh=True)
        self._live.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._output.line(text, style="dim")

    def waiting(self, text: str) -> None:
        """Show what is waited for, in place of the last such text."""
        self._live.update(_Waiting(text), refresh=True)

    def show(self, snapshot: Snapshot) -> None:
        """Draw the run."""
        # The last two columns stay free for the ^C that a terminal echoes: a line that it breaks
        # could not be drawn over.
        self._live.update(picture(snapshot, self._output.console.width - 2), refresh=True)


class _Waiting:
    """What is waited for, and for how long."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._since = time.monotonic()

    def __rich__(self) -> Text:
        """Draw it as of now."""
        seconds = time.monotonic() - self._since
        turning = "⠋⠙⠹⠸⠼⠴⠦⠧"[int(seconds * 4) % 8]
        return Text(f"{turning} {self._text}  {seconds:.0f} s", style="dim")


def picture(snapshot: Snapshot, width: int) -> RenderableType:
    """Return a run as it stands, as a picture of so many columns."""
    run = snapshot.run
    if run is None:
        planning = "not planned" if snapshot.ended else "planning"
        text = Text(f"{planning}   {machine_text(snapshot)}")
        return Panel(text, title=Text(f" {snapshot.run_id} "), width=width)
    if isinstance(run, CanaryRun):
        return canary_picture(snapshot, run, width)
    plan = run.plan
    parts: list[RenderableType] = [_head(snapshot, run), Text()]
    parts += [_objectives(run, snapshot.samples, width), Text()]
    parts += [probe_text(ticks_of(snapshot.samples), width)]
    states = snapshot.samples[-1].guardrails if snapshot.samples else {}
    parts += [*guardrail_texts(plan.guardrails, states), Text()]
    parts += latest_events(snapshot)
    title = Text(f" {plan.scenario} on {plan.workload} ", style="bold")
    return Panel(
        Group(*parts), title=title, subtitle=Text(f" {plan.run_id} ", style="dim"), width=width
    )


def _head(snapshot: Snapshot, run: Run) -> RenderableType:
    seconds = max(0, int(snapshot.at - run.plan.started_at))
    fault = run.progress.fault
    line = Text()
    line.append(f"{run.progress.phase}", style="bold")
    line.append(f"  {seconds // 60:d}:{seconds % 60:02d}")
    line.append(f"   {machine_text(snapshot)}")
    if fault is not None:
        line.append(f"   fault {fault.status}, {fault.targets_hit} hit")
    return line


def _objectives(run: Run, samples: list[Sample], width: int) -> Table:
    spark = max(12, min(_SPARK, width - 75))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=False)
    table.add_column("objective", no_wrap=True, overflow="ellipsis")
    table.add_column("latest", justify="right", no_wrap=True)
    table.add_column("bound", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("recent", no_wrap=True)
    for one in indicators(run, samples):
        if one.kept is None:
            nothing = "no data" if samples else "no look yet"
            mark = Text("after recovery" if one.after_recovery else nothing, style="dim")
        elif one.kept:
            mark = Text("ok", style="green")
        else:
            mark = Text(_word(one), style="yellow" if one.after_recovery else "red")
        table.add_row(
            Text(one.objective),
            one.latest,
            one.bound,
            mark,
            Text(sparkline(one.recent, spark), style="cyan"),
        )
    return table
