"""The report of a canary: what stands on its first page, and the parts behind it."""

from reportlab.platypus import Flowable, PageBreak

from reporting import figures
from reporting.basis import basis_part
from reporting.canary_charts import (
    canary_stage,
    front_charts,
    metric_charts,
    nearest_metric,
    rate_of,
    title_of_metric,
    totals_of,
)
from reporting.charts import Stage, small_charts
from reporting.front import Number, banner_of, first_page
from reporting.parts import (
    cost_part,
    guardrails_part,
    identity_part,
    narrative_part,
    timeline_part,
    undo_part,
)
from reporting.series import Indicator, indicators
from reporting.sheet import ROOM_FOR_A_CHART, ROOM_FOR_A_PART, part
from reporting.style import COLOURS, GREEN, INK, RED
from reporting.tables import note, table, text
from reporting.words import Words
from steadystate.canary_contracts import CanaryPlan, StepRecord
from steadystate.evidence import CanaryEvidence, Evidence
from steadystate.report.contracts import Narrative
from steadystate.report.replay import Replay, canary_of


def canary_story(
    evidence: Evidence, again: Replay, narrative: Narrative, evidence_sha256: str, words: Words
) -> list[Flowable]:
    """Return the report of a canary. Raises InvalidDocument where it is none."""
    plan, canary = canary_of(evidence)
    stage = canary_stage(evidence, canary, words)
    found = indicators(evidence, plan, canary.looks)
    return [
        *_front(evidence, plan, canary, narrative, again, words),
        PageBreak(),
        *narrative_part(narrative, words),
        *_steps(plan, canary, words),
        *_metrics(plan, canary, words),
        *_course(plan, canary, stage, words),
        *guardrails_part(evidence.guardrails, plan, words),
        *_charts(found, stage, words),
        *_way_back(canary, words),
        *timeline_part(evidence, words),
        *undo_part(evidence, words),
        *basis_part(evidence, plan, canary.looks, found, again, words),
        *cost_part(evidence, narrative, words),
        *identity_part(evidence, evidence_sha256, words),
    ]


def _course(plan: CanaryPlan, canary: CanaryEvidence, stage: Stage, words: Words) -> list[Flowable]:
    if not canary.looks:
        return [*part(words["part.course"]), text(words["charts.none"])]
    head = part(words["part.course"], ROOM_FOR_A_CHART)
    return [*head, note(words["canary.intro"]), *metric_charts(plan, canary, stage)]


def _charts(found: list[Indicator], stage: Stage, words: Words) -> list[Flowable]:
    if not found:
        return []
    room = ROOM_FOR_A_CHART if any(len(i.points) > 1 for i in found) else ROOM_FOR_A_PART
    return [*part(words["part.charts"], room), *small_charts(found, stage)]


def _front(
    evidence: Evidence,
    plan: CanaryPlan,
    canary: CanaryEvidence,
    narrative: Narrative,
    again: Replay,
    words: Words,
) -> list[Flowable]:
    lasted = (evidence.ended_at - evidence.started_at).total_seconds()
    metric = nearest_metric(canary)
    unstated = words["not_stated"]
    facts = [
        (words["fact.when"], figures.moment(evidence.started_at)),
        (words["fact.lasted"], figures.seconds(max(0.0, lasted), words)),
        (words["fact.steps"], _course_of(plan, words)),
        (words["fact.cost"], figures.dollars(evidence.cost.actual.get("total", 0.0))),
        (words["fact.run_by"], evidence.requested_by or unstated),
        (words["fact.why"], evidence.reason or unstated),
    ]
    return first_page(
        kind=words["report.canary"],
        title=narrative.title,
        banner=banner_of(evidence.verdict, again, narrative.summary, words, kind="canary"),
        numbers=[
            _traffic(evidence, plan, canary, words),
            _against(canary, metric, words),
            _bad(canary, metric, words),
        ],
        chart=front_charts(canary, metric, canary_stage(evidence, canary, words)),
        facts=facts,
    )


def _course_of(plan: CanaryPlan, words: Words) -> str:
    if plan.rollback_of is not None:
        return words["fact.rollback_of"].format(run=plan.rollback_of)
    steps = " → ".join(f"{s.weight}" for s in plan.steps)
    return f"{steps} %" if steps else figures.NOTHING


def _traffic(evidence: Evidence, plan: CanaryPlan, canary: CanaryEvidence, words: Words) -> Number:
    shares = [rate_of(w.canary or 0, (w.canary or 0) + (w.stable or 0)) for w in canary.weights]
    reached = f"{max((s for s in shares if s is not None), default=0.0):.0f}"
    back = canary.rollback
    if back is None:
        final = canary.weights[-1] if canary.weights else plan.original
        share = rate_of(final.canary or 0, (final.canary or 0) + (final.stable or 0))
        caption = words["canary.reached"].format(weight=reached)
        value = figures.value(share, "percent", words)
        return Number(words["canary.traffic"], value, caption, COLOURS[evidence.verdict])
    if back.seconds is None:
        caption = words["canary.not_restored"].format(weight=reached)
        return Number(words["canary.traffic"], figures.NOTHING, caption, RED)
    took = figures.seconds(back.seconds, words)
    caption = words["canary.back_from"].format(weight=reached, seconds=took)
    total = (back.weights.canary or 0) + (back.weights.stable or 0)
    value = figures.value(rate_of(back.weights.canary or 0, total), "percent", words)
    return Number(words["canary.traffic"], value, caption, COLOURS[evidence.verdict])


def _against(canary: CanaryEvidence, metric: str | None, words: Words) -> Number:
    label = words["canary.against_card"]
    if metric is None:
        return Number(label, figures.NOTHING, words["canary.not_judged"])
    values = [k.metrics[metric].evidence for k in canary.looks if metric in k.metrics]
    if not values:
        return Number(label, figures.NOTHING, words["canary.not_judged"])
    highest, limit = max(values), canary.limits.get(metric)
    shown = figures.value(limit, "count", words)
    caption = words["canary.against_caption"].format(metric=metric, limit=shown)
    fired = limit is not None and highest >= limit
    return Number(label, figures.evidence(highest, words), caption, RED if fired else GREEN)


def _bad(canary: CanaryEvidence, metric: str | None, words: Words) -> Number:
    label = words["canary.bad_card"]
    if metric is None:
        return Number(label, figures.NOTHING, words["canary.not_judged"])
    totals = totals_of(metric, canary)
    mine = rate_of(totals.canary_bad, totals.canary_total)
    theirs = rate_of(totals.stable_bad, totals.stable_total)
    caption = words["canary.bad_caption"].format(
        metric=metric,
        stable=figures.value(theirs, "percent", words),
        requests=figures.count(totals.canary_total),
    )
    return Number(label, figures.value(mine, "percent", words), caption, INK)


def _steps(plan: CanaryPlan, canary: CanaryEvidence, words: Words) -> list[Flowable]:
    story = part(words["part.steps"])
    if plan.description:
        story.append(text(plan.description))
    if plan.rollback_of is not None:
        return story
    if all(step.shifted_at is None for step in canary.steps):
        return [*story, text(words["steps.none"])]
    columns = ("weight_to", "shifted", "read_back", "baked", "outcome", "beside")
    rows = [_step(step, words) for step in canary.steps]
    head = [words[f"column.{c}"] for c in columns]
    story.append(table(head, rows, (10, 16, 16, 12, 17, 34), frozenset({0, 3})))
    reasons = [[f"{s.weight} %", s.reason] for s in canary.steps if s.reason]
    if reasons:
        head = [words["column.weight_to"], words["column.why_step"]]
        story.append(table(head, reasons, (10, 95), frozenset({0})))
    return story


def _step(step: StepRecord, words: Words) -> list[str | Flowable]:
    reached = step.shifted_at is not None
    baked = figures.NOTHING
    if step.ended_at is not None and step.shifted_at is not None:
        baked = figures.seconds(max(0.0, step.ended_at - step.shifted_at), words)
    beside = []
    if step.approved_by:
        beside.append(words["steps.approved"].format(name=step.approved_by))
    if step.experiment_run:
        verdict = step.experiment_verdict or figures.NOTHING
        gate = words["steps.gate"]
        beside.append(gate.format(run=step.experiment_run, verdict=verdict))
    return [
        f"{step.weight} %",
        figures.clock_of(step.shifted_at),
        figures.clock_of(step.read_back_at),
        baked,
        words.named("outcome", step.outcome) if reached else words["steps.not_reached"],
        " ".join(beside) or figures.NOTHING,
    ]


def _metrics(plan: CanaryPlan, canary: CanaryEvidence, words: Words) -> list[Flowable]:
    columns = ("metric", "canary_bad", "stable_bad", "highest", "fires_at", "history_bad")
    rows: list[list[str | Flowable]] = []
    for metric in dict.fromkeys([*plan.metrics, *canary.limits]):
        totals = totals_of(metric, canary)
        values = [k.metrics[metric].evidence for k in canary.looks if metric in k.metrics]
        history = canary.history.get(metric, [])
        rows.append(
            [
                title_of_metric(metric, plan, words),
                _counted(totals.canary_bad, totals.canary_total, words),
                _counted(totals.stable_bad, totals.stable_total, words),
                figures.evidence(max(values), words) if values else figures.NOTHING,
                figures.value(canary.limits.get(metric), "count", words),
                _counted(sum(b for b, _ in history), sum(t for _, t in history), words),
            ]
        )
    head = [words[f"column.{c}"] for c in columns]
    key = "metrics.no_worse" if plan.judge.margin == 1 else "metrics.intro"
    explained = words[key].format(
        alpha=figures.value(100 * plan.judge.alpha, "percent", words),
        margin=f"{plan.judge.margin:g}",
    )
    right = frozenset({1, 2, 3, 4, 5})
    return [
        *part(words["part.metrics"]),
        note(explained),
        table(head, rows, (25, 21, 22, 13, 12, 20), right),
    ]


def _counted(bad: int, total: int, words: Words) -> str:
    rate = rate_of(bad, total)
    if rate is None:
        return figures.NOTHING
    share = figures.value(rate, "percent", words)
    return words["canary.share_of"].format(share=share, total=figures.count(total))


def _way_back(canary: CanaryEvidence, words: Words) -> list[Flowable]:
    story = part(words["part.way_back"])
    back = canary.rollback
    if back is None:
        story.append(text(words["way_back.none"]))
    else:
        seconds = back.seconds
        rows: list[list[str | Flowable]] = [
            [words["way_back.reason"], back.reason],
            [words["way_back.decided"], f"{figures.clock(back.decided_at)} UTC"],
            [
                words["way_back.restored"],
                f"{figures.clock(back.restored_at)} UTC" if back.restored_at else figures.NOTHING,
            ],
            [
                words["way_back.took"],
                figures.NOTHING if seconds is None else figures.seconds(seconds, words),
            ],
            [words["way_back.weights"], _weights(back.weights.stable, back.weights.canary)],
        ]
        story.append(table((), rows, (30, 78)))
    rows = [[figures.clock_of(w.at), _weights(w.stable, w.canary), w.what] for w in canary.weights]
    if rows:
        head = [words[f"column.{c}"] for c in ("time", "weights", "detail")]
        story.append(table(head, rows, (20, 26, 62)))
    return story


def _weights(stable: int | None, canary: int | None) -> str:
    sides = [figures.NOTHING if side is None else str(side) for side in (stable, canary)]
    return " / ".join(sides)
