"""The end of a run, from its evidence: verdict, objectives or steps, recovery, undo, cost."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.canary_outcome import canary_facts, canary_lines, canary_parts
from cli.output import Output
from steadystate.domain.bounds import shown
from steadystate.domain.verdict import Verdict
from steadystate.evidence import (
    Evidence,
    IntervalEvidence,
    ObjectiveEvidence,
    RecoveryEvidence,
    UndoEvidence,
)

STYLES = {
    Verdict.PASS: "bold green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.ERROR: "bold magenta",
}


def show_outcome(evidence: Evidence, output: Output) -> None:
    """Print the end of a run."""
    if output.terminal:
        output.console.print(panel(evidence))
        return
    for line in lines(evidence):
        output.line(line)


def lines(evidence: Evidence) -> list[str]:
    """Return the end of a run as plain lines."""
    return [
        f"verdict {evidence.verdict}: {evidence.verdict_reason}",
        *(
            f"objective {o.name} {o.verdict}: {o.reason}{_baseline(o, ', baseline ')}"
            for o in evidence.objectives
        ),
        *(canary_lines(evidence.canary, evidence.verdict_reason) if evidence.canary else []),
        *(
            f"recovery {recovery.verdict}: {recovery_text(recovery)}"
            for recovery in (evidence.recovery,)
            if recovery
        ),
        *(
            f"guardrail {g.name} {g.state}: {g.sli} {g.bound}, {g.reason}"
            for g in evidence.guardrails
        ),
        *(f"undo {undo_text(one)}" for one in evidence.undo),
        f"cost {cost_text(evidence)}",
    ]


def panel(evidence: Evidence) -> RenderableType:
    """Return the end of a run as a picture."""
    style = STYLES[evidence.verdict]
    facts = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    if evidence.recovery:
        facts.add_row("recovery", _recovery(evidence.recovery))
    for name, said in canary_facts(evidence.canary) if evidence.canary else []:
        facts.add_row(name, Text(said))
    for rail in evidence.guardrails:
        held = "green" if rail.state == "HELD" else "red"
        text = Text.assemble((rail.state, held), f"  {rail.name}: {rail.sli} {rail.bound}")
        facts.add_row(
            "guardrail", text if rail.state == "HELD" else text.append(f"; {rail.reason}")
        )
    for one in evidence.undo:
        facts.add_row("undo", Text(undo_text(one), style="" if one.state == "undone" else "red"))
    if not evidence.undo:
        facts.add_row("undo", "nothing was done that had to be undone")
    facts.add_row("cost", cost_text(evidence))
    middle: list[RenderableType] = [_objectives(evidence.objectives)]
    if evidence.canary:
        middle = canary_parts(evidence.canary, evidence.verdict_reason)
    parts = [Text(evidence.verdict_reason), Text(), *middle, Text(), facts]
    title = Text(f" {evidence.verdict} ", style=style)
    title.append(f"{evidence.scenario} on {evidence.workload} ", style="not bold default")
    return Panel(
        Group(*parts),
        title=title,
        subtitle=Text(f" {evidence.run_id} ", style="dim"),
        border_style=style,
    )


def _objectives(objectives: list[ObjectiveEvidence]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("objective", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("observed", justify="right", no_wrap=True)
    table.add_column("bound")
    table.add_column("baseline", justify="right", no_wrap=True)
    for one in objectives:
        observed = "–" if one.observed is None else shown(one.observed, one.unit)
        bound = one.bound
        if "baseline" in bound and one.limit is not None:
            bound += f" = {shown(one.limit, one.unit)}"
        verdict = Text(one.verdict, style=STYLES[one.verdict])
        table.add_row(Text(one.name), verdict, observed, bound, _baseline(one) or "–")
    return table


def _baseline(one: ObjectiveEvidence, before: str = "") -> str:
    return "" if one.baseline is None else before + shown(one.baseline, one.unit)


def _recovery(recovery: RecoveryEvidence) -> Text:
    text = Text(recovery.verdict, style=STYLES[recovery.verdict])
    return text.append(f"  {recovery_text(recovery)}", style="not bold default")


def recovery_text(recovery: RecoveryEvidence) -> str:
    """Return recovery in words, with its two intervals and its target."""
    if recovery.from_fault is None or recovery.first_breach_at is None:
        return recovery.reason
    parts = [f"{_interval(recovery.from_fault)} after the fault"]
    if recovery.from_breach is not None:
        parts.append(f"{_interval(recovery.from_breach)} after the first failed probe")
    measured = f"{', '.join(parts)}; target {recovery.target_seconds:g} s"
    return measured if recovery.verdict is Verdict.PASS else f"{measured}; {recovery.reason}"


def _interval(interval: IntervalEvidence) -> str:
    if interval.high is None:
        return f"at least {interval.low:.1f} s"
    return f"{interval.low:.1f} to {interval.high:.1f} s"


def undo_text(one: UndoEvidence) -> str:
    """Return one undo in words."""
    if one.verified_at is None:
        return f"{one.what} {one.state}"
    return f"{one.what} {one.state}, read back at {one.verified_at:%H:%M:%S} UTC: {one.found}"


def cost_text(evidence: Evidence) -> str:
    """Return what the run cost, in words."""
    actual = evidence.cost.actual
    items = ", ".join(
        f"{name} {value:.3f}"
        for name, value in actual.items()
        if name != "total" and value >= 0.0005
    )
    planned = evidence.cost.estimate.get("total", 0.0)
    return f"{actual.get('total', 0.0):.3f} USD ({items}); planned {planned:.3f} USD"
