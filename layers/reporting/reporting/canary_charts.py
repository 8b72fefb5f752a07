"""The charts of a canary: how traffic moved, both sides, and the evidence against its limit."""

from typing import Final

from reportlab.platypus import Flowable, KeepTogether, Spacer

from reporting import figures
from reporting.chart import Limit, Mark, MarksKey, Picture, Spell, TimeChart, Trace
from reporting.charts import SMALL, Stage
from reporting.scales import TimeAxis
from reporting.series import Dot
from reporting.style import BLUE, FAULT, GREEN, INK, RED, SLATE
from reporting.words import Words
from steadystate.canary_contracts import CanaryPlan, PeriodCounts
from steadystate.evidence import CanaryEvidence, Evidence

_WEIGHTS: Final = 116.0
_FRONT_EVIDENCE: Final = 186.0
_BESIDE: Final = 0.03
"""So much of the whole length is shown before the first moment, and after the last."""


def canary_stage(evidence: Evidence, canary: CanaryEvidence, words: Words) -> Stage:
    """Return the time axis of a canary, and its moments: each step, the way back, the end of it.

    The axis begins a little before them and ends a little after, so that traffic is seen to move.
    """
    begun = next((s.shifted_at for s in canary.steps if s.shifted_at is not None), None)
    origin = begun if begun is not None else evidence.started_at.timestamp()
    times = [t for look in canary.looks for t in (look.started_at, look.ended_at)]
    times += [w.at for w in canary.weights]
    back = canary.rollback
    moments = [
        (s.shifted_at, words["mark.step"].format(weight=s.weight), INK)
        for s in canary.steps
        if s.shifted_at is not None
    ]
    if back:
        moments.append((back.decided_at.timestamp(), words["mark.decided"], RED))
        if back.restored_at:
            moments.append((back.restored_at.timestamp(), words["mark.restored"], GREEN))
    times += [at for at, _, _ in moments]
    times = times or [evidence.started_at.timestamp(), evidence.ended_at.timestamp()]
    start, end = min(times), max(*times, min(times) + 1.0)
    beside = _BESIDE * (end - start)
    axis = TimeAxis(start - beside, end + beside, origin)
    marks = [
        Mark(k, at, f"{label} {figures.since(at - origin, words)}", colour)
        for k, (at, label, colour) in enumerate(moments, 1)
    ]
    spells = [Spell(k.started_at, k.ended_at, FAULT) for k in canary.looks if k.under_fault]
    clock = f"{figures.clock_of(origin)} UTC"
    text = words["origin.shift" if begun is not None else "origin.start"].format(at=clock)
    return Stage(axis, marks, spells, text, words)


def weights_picture(canary: CanaryEvidence, stage: Stage) -> Picture:
    """Return how traffic moved, as it was read back from the load balancer."""
    words = stage.words
    seen = [(w.at, w.stable, w.canary) for w in canary.weights]
    if seen and canary.steps:
        seen.insert(0, (stage.axis.start, canary.original.stable, canary.original.canary))
    sides: list[tuple[str, list[Dot]]] = [
        ("stable", [(at, _share(stable, mine)) for at, stable, mine in seen]),
        ("canary", [(at, _share(mine, stable)) for at, stable, mine in seen]),
    ]
    colours = {"stable": SLATE, "canary": BLUE}
    traces = [Trace(dots, colours[s], words[f"side.{s}"], steps=True) for s, dots in sides]
    return Picture(
        words["canary.weights"], "percent", stage.axis, traces,
        marks=stage.marks, spells=stage.spells,
    )  # fmt: skip


def _share(side: int | None, other: int | None) -> float:
    total = (side or 0) + (other or 0)
    return 100.0 * (side or 0) / total if total else 0.0


def evidence_picture(metric: str, canary: CanaryEvidence, stage: Stage) -> Picture:
    """Return the evidence of a metric against the canary, on a logarithmic scale."""
    words = stage.words
    seen = [(k.ended_at, k.metrics[metric]) for k in canary.looks if metric in k.metrics]
    against = Trace([(at, m.evidence) for at, m in seen], RED, words["canary.against"])
    traces = [against]
    limits = []
    limit = canary.limits.get(metric)
    if limit is not None:
        label = words["canary.limit"].format(limit=figures.value(limit, "count", words))
        limits.append(Limit(limit, label))
    for_it = [(at, m.promotion) for at, m in seen if m.promotion is not None]
    if for_it:
        traces.append(Trace(for_it, GREEN, words["canary.for"]))
        needed = next((m.needed for _, m in reversed(seen) if m.needed is not None), None)
        if needed is not None:
            label = words["canary.needed"].format(limit=figures.value(needed, "count", words))
            limits.append(Limit(needed, label, colour=GREEN, shaded=False))
    return Picture(
        words["canary.evidence"].format(metric=metric), "count", stage.axis, traces, limits,
        marks=stage.marks, spells=stage.spells,
        logarithmic=(0.01, 10 * max((b.value for b in limits), default=100.0)),
    )  # fmt: skip


def arms_picture(metric: str, plan: CanaryPlan, canary: CanaryEvidence, stage: Stage) -> Picture:
    """Return the share of bad requests on both sides, period by period."""
    words = stage.words
    period = float(plan.timing.metric_period_seconds)
    counts = [c for k in canary.looks if metric in k.metrics for c in k.metrics[metric].counts]
    counts.sort(key=lambda c: c.at)
    middle = period / 2
    stable = [
        (c.at + middle, rate)
        for c in counts
        if (rate := rate_of(c.stable_bad, c.stable_total)) is not None
    ]
    mine = [
        (c.at + middle, rate)
        for c in counts
        if (rate := rate_of(c.canary_bad, c.canary_total)) is not None
    ]
    traces = [
        Trace(stable, SLATE, words["side.stable"], period),
        Trace(mine, BLUE, words["side.canary"], period),
    ]
    bad = sum(b for b, _ in canary.history.get(metric, []))
    total = sum(t for _, t in canary.history.get(metric, []))
    usual = rate_of(bad, total)
    return Picture(
        title_of_metric(metric, plan, words), "percent", stage.axis, traces,
        usual=None if usual is None else (usual, 0.0), marks=stage.marks, spells=stage.spells,
    )  # fmt: skip


def title_of_metric(metric: str, plan: CanaryPlan, words: Words) -> str:
    """Return what is bad in a metric."""
    document = plan.metrics.get(metric)
    if document is None:
        return metric
    if document.threshold is not None:
        slow = figures.value(document.threshold.number, document.threshold.unit or "count", words)
        return words["canary.slow"].format(metric=metric, threshold=slow)
    return words["canary.errors"].format(metric=metric)


def rate_of(bad: int, total: int) -> float | None:
    """Return the share of bad requests in percent; None without any request."""
    return 100.0 * bad / total if total else None


def nearest_metric(canary: CanaryEvidence) -> str | None:
    """Return the metric whose evidence came nearest to its limit; None without a look."""

    def nearness(metric: str) -> float:
        limit = canary.limits.get(metric) or float("inf")
        values = [k.metrics[metric].evidence for k in canary.looks if metric in k.metrics]
        return max(values, default=0.0) / limit

    names = list(dict.fromkeys(m for k in canary.looks for m in k.metrics))
    return max(names, key=nearness, default=None)


def totals_of(metric: str, canary: CanaryEvidence) -> PeriodCounts:
    """Return the counts of a metric over the whole run."""
    none = PeriodCounts(at=0.0, canary_bad=0, canary_total=0, stable_bad=0, stable_total=0)
    return canary.totals.get(metric, none)


def front_charts(canary: CanaryEvidence, metric: str | None, stage: Stage) -> list[Flowable]:
    """Return the charts of the first page: the weights, and the evidence of one metric if any."""
    height = _WEIGHTS if metric else _WEIGHTS + _FRONT_EVIDENCE
    charts: list[Flowable] = [TimeChart(weights_picture(canary, stage), stage.words, height)]
    if metric is not None:
        picture = evidence_picture(metric, canary, stage)
        charts += [Spacer(1, 8), TimeChart(picture, stage.words, _FRONT_EVIDENCE)]
    return [*charts, MarksKey(stage.marks, stage.origin, stage.words)]


def metric_charts(plan: CanaryPlan, canary: CanaryEvidence, stage: Stage) -> list[Flowable]:
    """Return, metric by metric, both sides and the evidence."""
    words = stage.words
    story: list[Flowable] = [
        KeepTogether([
            MarksKey(stage.marks, stage.origin, words),
            Spacer(1, 4),
            TimeChart(weights_picture(canary, stage), words, SMALL),
        ]),
        Spacer(1, 10),
    ]  # fmt: skip
    for metric in dict.fromkeys([*plan.metrics, *canary.limits]):
        pair: list[Flowable] = [
            TimeChart(arms_picture(metric, plan, canary, stage), words, SMALL),
            Spacer(1, 6),
            TimeChart(evidence_picture(metric, canary, stage), words, SMALL + 14),
        ]
        story += [KeepTogether(pair), Spacer(1, 12)]
    return story
