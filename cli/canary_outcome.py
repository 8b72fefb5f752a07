"""The end of a canary, from its evidence: how traffic moved, what both sides showed, and why."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.canary_views import share_text, weights_text
from steadystate.canary_contracts import StepRecord, Weights
from steadystate.domain.e_value import evidence_text
from steadystate.evidence import CanaryEvidence

_STYLES = {
    "promoted": "green",
    "approved": "green",
    "finished": "green",
    "rolled back": "red",
    "rejected": "red",
}


def canary_lines(canary: CanaryEvidence, verdict_reason: str) -> list[str]:
    """Return how a canary went as plain lines; what the verdict's reason says is not said again."""
    told = [f"step {step.weight} %: {_step_text(step, verdict_reason)}" for step in canary.steps]
    told += [f"metric {name}: {text}" for name, text in _metrics(canary)]
    told += [f"weights {text}" for text in _weights(canary)]
    return [*told, *(f"rollback {text}" for text in _rollback(canary))]


def canary_parts(canary: CanaryEvidence, verdict_reason: str) -> list[RenderableType]:
    """Return how a canary went as pictures; what the verdict's reason says is not said again."""
    steps = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    steps.add_column("step", justify="right", no_wrap=True)
    steps.add_column("outcome", no_wrap=True)
    steps.add_column("why")
    for step in canary.steps:
        outcome = step.outcome if step.shifted_at is not None else "not reached"
        style = _STYLES.get(outcome, "dim")
        steps.add_row(
            f"{step.weight} %", Text(outcome, style=style), Text(_why(step, verdict_reason))
        )
    metrics = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for title in ("metric", "canary", "stable", "e-value"):
        metrics.add_column(title, no_wrap=title != "metric")
    for name, counts in canary.totals.items():
        metrics.add_row(
            Text(name),
            share_text(counts.canary_bad, counts.canary_total),
            share_text(counts.stable_bad, counts.stable_total),
            _evidence_text(canary, name),
        )
    return [steps, Text(), metrics]


def canary_facts(canary: CanaryEvidence) -> list[tuple[str, str]]:
    """Return what stands below the tables: weights and the way back."""
    return [
        *(("weights", text) for text in _weights(canary)),
        *(("rollback", text) for text in _rollback(canary)),
    ]


def _step_text(step: StepRecord, told: str) -> str:
    if step.shifted_at is None:
        return "not reached"
    why = _why(step, told)
    return f"{step.outcome}: {why}" if why else step.outcome


def _why(step: StepRecord, told: str) -> str:
    gate = ""
    if step.experiment_run:
        gate = f"chaos gate {step.experiment_verdict or 'without a verdict'}: {step.experiment_run}"
    who = step.approved_by
    by = f"by {who}" if who and who not in step.reason else ""
    reason = "" if step.reason in told else step.reason
    return "; ".join(filter(None, (by, gate, reason)))


def _metrics(canary: CanaryEvidence) -> list[tuple[str, str]]:
    return [
        (
            name,
            f"canary {share_text(counts.canary_bad, counts.canary_total)}, "
            f"stable {share_text(counts.stable_bad, counts.stable_total)}, "
            f"e-value {_evidence_text(canary, name)}",
        )
        for name, counts in canary.totals.items()
    ]


def _evidence_text(canary: CanaryEvidence, name: str) -> str:
    """Return the last e-value of a metric, and what it takes to roll back."""
    seen = [look.metrics[name] for look in canary.looks if name in look.metrics]
    limit = canary.limits.get(name)
    if not seen or limit is None:
        return "–"
    return evidence_text(seen[-1].evidence, limit, 3)


def _weights(canary: CanaryEvidence) -> list[str]:
    if not canary.weights:
        return [f"{weights_text(canary.original)}, never moved"]
    path = [
        weights_text(Weights(stable=record.stable, canary=record.canary))
        for record in canary.weights
    ]
    return [f"stable/canary {' → '.join(path)}, each read back"]


def _rollback(canary: CanaryEvidence) -> list[str]:
    back = canary.rollback
    if back is None:
        return []
    if back.restored_at is None or back.seconds is None:
        return [f"decided at {back.decided_at:%H:%M:%S} UTC and not read back; {back.reason}"]
    return [
        f"to {weights_text(back.weights)}, read back {back.seconds:.1f} s after it was decided at "
        f"{back.decided_at:%H:%M:%S} UTC"
    ]
