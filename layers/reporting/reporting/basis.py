"""What the verdict rests on: how sharply was measured, and what judging again gives."""

from collections.abc import Sequence

from reportlab.platypus import Flowable

from reporting import figures
from reporting.series import Indicator, Look, ticks_of
from reporting.sheet import part
from reporting.tables import table, text
from reporting.words import Words
from steadystate.canary_contracts import CanaryPlan
from steadystate.contracts import Plan
from steadystate.evidence import Evidence
from steadystate.report.replay import Replay


def basis_part(
    evidence: Evidence,
    plan: Plan | CanaryPlan,
    looks: Sequence[Look],
    indicators: list[Indicator],
    again: Replay,
    words: Words,
) -> list[Flowable]:
    """Return how sharply was measured, and whether the samples still give the verdict."""
    story = part(words["part.basis"])
    timing = plan.timing
    if looks:
        ticks = ticks_of(looks)
        length = max(s.ended_at for s in looks) - min(s.started_at for s in looks)
        told = words["basis.looks"].format(
            looks=figures.count(len(looks)),
            window=figures.seconds(timing.window_seconds, words),
            length=figures.seconds(max(0.0, length), words),
            sent=figures.count(sum(t.sent for t in ticks)),
            each=plan.probe.requests,
            failed=figures.count(sum(t.failed for t in ticks)),
            period=figures.seconds(timing.metric_period_seconds, words),
        )
        story.append(text(told))
    else:
        story.append(text(words["basis.none"]))
    story += _judged_again(again, evidence, words)
    columns = ("indicator", "source", "points", "observations", "resolution", "history")
    rows = [
        [
            i.name,
            words.named("source", i.source),
            figures.count(len(i.points)),
            figures.count(sum(p.weight for p in i.points)),
            figures.seconds(i.period_seconds, words)
            if i.period_seconds
            else words["basis.instant"],
            figures.count(i.baseline.points) if i.baseline else figures.NOTHING,
        ]
        for i in indicators
    ]
    if rows:
        right = frozenset({2, 3, 4, 5})
        head = [words[f"column.{c}"] for c in columns]
        story.append(table(head, rows, (26, 20, 10, 16, 20, 18), right))
    return story


def _judged_again(again: Replay, evidence: Evidence, words: Words) -> list[Flowable]:
    key = "basis.agrees" if again.supported else "basis.differs"
    told = words[key].format(again=again.evidence.verdict, verdict=evidence.verdict)
    story: list[Flowable] = [text(told)]
    if again.changed and not again.supported:
        story.append(text(words["basis.changed"].format(names=", ".join(again.changed))))
    if again.missing_looks:
        story.append(text(words["basis.missing"].format(count=again.missing_looks)))
    return story
