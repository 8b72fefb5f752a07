"""A canary while it goes on: where traffic is, what both sides showed, how sure the judge is."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.drawing import clock, guardrail_texts, latest_events, machine_text, probe_text
from cli.indicators import ticks_of
from cli.progress import Snapshot
from steadystate.canary_contracts import (
    CanaryLook,
    CanaryRun,
    MetricLook,
    PeriodCounts,
    Weights,
)
from steadystate.domain.e_value import evidence_text

_BAR = 16
_WIDE = 100
"""From so many columns on there is room for the promotion test, too."""
_OVER = ("promoted", "approved", "finished")


def canary_picture(snapshot: Snapshot, run: CanaryRun, width: int) -> RenderableType:
    """Return a canary as it stands, as a picture of so many columns."""
    plan, looks = run.plan, snapshot.looks
    last = looks[-1] if looks else None
    parts: list[RenderableType] = [_head(snapshot, run), Text()]
    parts += [_steps(run), _weights(run, width), _health(last), *_gate(run), Text()]
    parts += [_metrics(run, looks, width), Text(), probe_text(ticks_of(looks), width)]
    parts += [*guardrail_texts(plan.guardrails, last.guardrails if last else {}), Text()]
    parts += latest_events(snapshot)
    title = Text(f" {plan.scenario} on {plan.workload} ", style="bold")
    return Panel(
        Group(*parts), title=title, subtitle=Text(f" {plan.run_id} ", style="dim"), width=width
    )


def canary_look(run: CanaryRun, look: CanaryLook) -> str:
    """Return a look as one line."""
    sent, failed = sum(t.sent for t in look.ticks), sum(t.failed for t in look.ticks)
    step = f" at {run.plan.steps[look.step].weight} %" if run.plan.steps else ""
    parts = [f"weights {weights_text(look.weights)}"]
    parts += [f"healthy {healthy_text(look)}"]
    parts += [metric_text(name, metric) for name, metric in look.metrics.items()]
    parts += [f"probes {failed} of {sent} failed"] if sent else []
    parts += [
        f"guardrail {name} {state}"
        for name, state in look.guardrails.items()
        if not state.startswith("HELD")
    ]
    return f"look {look.look + 1} {look.phase}{step}: {'; '.join([*parts, *look.notes])}"


def metric_text(name: str, metric: MetricLook) -> str:
    """Return what a metric said in a look, in words."""
    counts = total(metric.counts)
    said = f"{name} canary {counts.canary_bad}/{counts.canary_total}"
    said += f" stable {counts.stable_bad}/{counts.stable_total}"
    said += f", e {evidence_text(metric.evidence, metric.limit, 3)}"
    return said if metric.decision == "CONTINUE" else f"{said} REGRESSION"


def weights_text(weights: Weights | None) -> str:
    """Return weights as they are written everywhere: stable/canary."""
    if weights is None:
        return "not readable as the two sides'"
    return "/".join("-" if side is None else str(side) for side in (weights.stable, weights.canary))


def healthy_text(look: CanaryLook) -> str:
    """Return the healthy targets of both sides."""
    return ", ".join(f"{side} {count}" for side, count in look.healthy.items())


def total(counts: Sequence[PeriodCounts]) -> PeriodCounts:
    """Return the sums of periods; `at` is the first one's."""
    return PeriodCounts(
        at=counts[0].at if counts else 0.0,
        canary_bad=sum(c.canary_bad for c in counts),
        canary_total=sum(c.canary_total for c in counts),
        stable_bad=sum(c.stable_bad for c in counts),
        stable_total=sum(c.stable_total for c in counts),
    )


def share_text(bad: int, of: int) -> str:
    """Return bad requests of all requests, with their share."""
    if not of:
        return f"{bad} of {of}"
    share = 100 * bad / of
    return f"{bad} of {of} = " + (f"{share:.0f} %" if share >= 10 else f"{share:.2g} %")


def evidence_bar(evidence: float, limit: float, width: int) -> str:
    """Draw an e-value on a scale of orders of magnitude: full is the limit, empty is 1 or less."""
    share = math.log(max(evidence, 1.0)) / math.log(limit) if limit > 1 else 0.0
    filled = min(width, int(share * width))
    return "█" * filled + "░" * (width - filled)


def _head(snapshot: Snapshot, run: CanaryRun) -> Text:
    seconds = max(0, int(snapshot.at - run.plan.started_at))
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(run.progress.phase, style="bold")
    line.append(f"  {seconds // 60:d}:{seconds % 60:02d}   {machine_text(snapshot)}")
    if run.progress.stop is not None:
        line.append(f"   {run.progress.stop.by}", style="bold red")
    return line


def _steps(run: CanaryRun) -> Text:
    line = Text("step     ", no_wrap=True, overflow="ellipsis")
    if run.plan.rollback_of:
        return line.append(f"back to {weights_text(run.plan.original)}, as before ").append(
            run.plan.rollback_of, style="bold"
        )
    for n, step in enumerate(run.plan.steps):
        record = run.progress.steps[n] if n < len(run.progress.steps) else None
        outcome = record.outcome if record else "baking"
        line.append(" → " if n else "")
        if outcome in _OVER:
            line.append(f"{step.weight} ✓", style="green")
        elif outcome in ("rolled back", "rejected"):
            line.append(f"{step.weight} ✗", style="red")
        elif n == run.progress.step:
            line.append(f"[{step.weight}]", style="bold")
        else:
            line.append(f"{step.weight}", style="dim")
        gates = [
            *(["approval"] if step.approve else []),
            *([step.experiment] if step.experiment else []),
        ]
        line.append(f" ({', '.join(gates)})" if gates else "", style="dim")
    return line.append(" %")


def _weights(run: CanaryRun, width: int) -> Text:
    line = Text("weights  ", no_wrap=True, overflow="ellipsis")
    if not run.progress.weights:
        return line.append(f"{weights_text(run.plan.original)}, not moved yet", style="dim")
    record = run.progress.weights[-1]
    stable, canary = record.stable or 0, record.canary or 0
    room = max(10, min(40, width - 55))
    part = round(room * canary / (stable + canary)) if stable + canary else 0
    line.append(f"stable {stable} ", style="blue").append("█" * (room - part), style="blue")
    line.append("█" * part, style="green").append(f" {canary} canary", style="green")
    return line.append(f"  read back {clock(record.at)}", style="dim")


def _gate(run: CanaryRun) -> list[Text]:
    """Return what a person is asked, and how to answer."""
    gate = run.progress.gate
    if gate is None:
        return []
    until = f"{datetime.fromtimestamp(gate.until, UTC):%Y-%m-%d %H:%M} UTC"
    asked = Text(f"asks     {gate.why}", style="bold yellow")
    how = Text(f"         until {until}: steadystate approve|reject {run.plan.run_id}")
    return [asked, how]


def _health(look: CanaryLook | None) -> Text:
    line = Text("healthy  ", no_wrap=True, overflow="ellipsis")
    if look is None:
        return line.append("no look yet", style="dim")
    for side, count in look.healthy.items():
        line.append(f"{side} {count}  ", style="" if count else "bold red")
    return line


def _metrics(run: CanaryRun, looks: Sequence[CanaryLook], width: int) -> Table:
    """The counts are those of this step; the e-value is that of the whole canary."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, expand=False)
    table.add_column("metric", no_wrap=True, overflow="ellipsis")
    table.add_column("canary", justify="right", no_wrap=True)
    table.add_column("stable", justify="right", no_wrap=True)
    table.add_column("e-value, to roll back", no_wrap=True)
    if width >= _WIDE:
        table.add_column("to promote", no_wrap=True)
    for name in run.plan.metrics:
        seen = [look.metrics[name] for look in looks if name in look.metrics]
        here = [
            period
            for look in looks
            if look.step == run.progress.step and name in look.metrics
            for period in look.metrics[name].counts
        ]
        if not seen:
            table.add_row(Text(name), Text("no data yet", style="dim"))
            continue
        counts, last = total(here), seen[-1]
        cells: list[RenderableType] = [
            Text(name),
            share_text(counts.canary_bad, counts.canary_total),
            share_text(counts.stable_bad, counts.stable_total),
            _rollback_bar(last, max(6, min(_BAR, width - (92 if width >= _WIDE else 74)))),
            _promotion_text(last),
        ]
        table.add_row(*cells[: len(table.columns)])
    return table


def _rollback_bar(metric: MetricLook, width: int) -> Text:
    bad = metric.decision == "REGRESSION"
    bar = Text(evidence_bar(metric.evidence, metric.limit, width), style="red" if bad else "yellow")
    said = evidence_text(metric.evidence, metric.limit, 3)
    bar.append(f" {said}", style="bold red" if bad else "dim")
    return bar


def _promotion_text(metric: MetricLook) -> Text:
    if metric.promotion is None or metric.needed is None:
        return Text("–", style="dim")
    enough = metric.promotion >= metric.needed
    said = evidence_text(metric.promotion, metric.needed, 3)
    return Text(said, style="green" if enough else "dim")
