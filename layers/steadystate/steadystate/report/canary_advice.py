"""What to do after a canary, and which of its metrics and steps are worth telling."""

from typing import Literal

from steadystate.domain.verdict import Verdict
from steadystate.report.canary_brief import CanaryBrief, MetricBrief, fired

Kind = Literal[
    "open undo",
    "stored verdict",
    "broken",
    "stopped by a person",
    "regression",
    "taken back",
    "not taken back",
    "rolled back",
    "more evidence",
    "promoted",
    "no experiment",
]


def advice_of(brief: CanaryBrief) -> list[Kind]:
    """Return what to do next, the most urgent first; never nothing."""
    found: list[Kind] = []
    if any(u.state == "open" for u in brief.undo):
        found.append("open undo")
    if brief.stored_verdict:
        found.append("stored verdict")
    found.append(_main(brief))
    if found[-1] == "promoted" and no_experiment(brief):
        found.append("no experiment")
    return found


def _main(brief: CanaryBrief) -> Kind:
    match brief.end:
        case "broken" | "stopped by a person" as end:
            return end
    if fired(brief):
        return "regression"
    if brief.rollback_of:
        return "taken back" if brief.end == "taken back" else "not taken back"
    if brief.verdict == Verdict.FAIL or brief.stop_by not in ("", "no evidence"):
        return "rolled back"
    return "more evidence" if brief.verdict == Verdict.INCONCLUSIVE else "promoted"


def no_experiment(brief: CanaryBrief) -> bool:
    """Whether no step put the new version under a fault."""
    return not any(s.experiment_run for s in brief.steps)


def untried(brief: CanaryBrief) -> list[int]:
    """Return the weights (percent) of the steps that were not tried."""
    tried = {s.weight_percent for s in brief.steps}
    return [w for w in brief.step_percent if w not in tried]


def most_different(brief: CanaryBrief) -> MetricBrief | None:
    """Return the metric that was worst on the canary; None where none can be compared."""
    known = [m for m in brief.metrics if m.ratio_times is not None]
    return max(known, key=lambda m: m.ratio_times or 0.0, default=None)


def nearest(brief: CanaryBrief) -> MetricBrief | None:
    """Return the metric that came closest to rolling the canary back; None where none was seen."""
    near = [m for m in brief.metrics if m.peak_percent is not None]
    return max(near, key=lambda m: m.peak_percent or 0.0, default=None)


def unconvincing(brief: CanaryBrief) -> MetricBrief | None:
    """Return the first metric whose evidence did not suffice to promote."""
    for one in brief.metrics:
        if one.promotion_e_value is None or one.needed_e_value is None:
            continue
        if one.promotion_e_value < one.needed_e_value:
            return one
    return None
