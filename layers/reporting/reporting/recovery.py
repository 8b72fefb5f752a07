"""The parts of an experiment alone: how recovery was measured, and what the verdict rests on."""

from typing import Any

from reportlab.platypus import Flowable

from reporting import figures
from reporting.again import Again
from reporting.fonts import REGULAR, width_of
from reporting.front import Fixed
from reporting.series import Indicator, ticks_of
from reporting.sheet import part
from reporting.style import COLOURS, FAINT, HAIRLINE, INK, MUTED
from reporting.tables import note, table, text, verdict_cell
from reporting.words import Words
from steadystate.contracts import Plan
from steadystate.evidence import Evidence, RecoveryEvidence, instant


class Gauge(Fixed):
    """The interval of the recovery on a line from 0 to a little beyond the target."""

    def __init__(self, recovery: RecoveryEvidence, words: Words) -> None:
        super().__init__(44)
        self.recovery = recovery
        self.words = words

    def draw(self) -> None:
        canvas: Any = self.canv
        interval, target = self.recovery.from_fault, self.recovery.target_seconds
        if interval is None:
            return
        most = max(target, interval.low, interval.high or 0.0) * 1.15 or 1.0
        scale = (self.width - 4) / most
        y = 20.0
        canvas.setStrokeColor(HAIRLINE)
        canvas.setLineWidth(5)
        canvas.line(0, y, self.width, y)
        end = interval.high if interval.high is not None else most
        colour = COLOURS[self.recovery.verdict]
        canvas.setFillColor(colour)
        left = interval.low * scale
        canvas.rect(left, y - 5, max(3.0, end * scale - left), 10, stroke=0, fill=1)
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(1.2)
        canvas.line(target * scale, y - 9, target * scale, y + 9)
        canvas.setFont(REGULAR, 7.4)
        canvas.setFillColor(colour)
        label = figures.interval(interval, self.words)
        wide = width_of(label, REGULAR, 7.4)
        canvas.drawString(min(left, self.width - wide), y + 12, label)
        canvas.setFillColor(MUTED)
        canvas.drawString(0, y - 16, "0")
        canvas.setStrokeColor(FAINT)
        label = f"{self.words['recovery.gauge']} {figures.seconds(target, self.words)}"
        wide = width_of(label, REGULAR, 7.4)
        middle = target * scale - wide / 2
        canvas.drawString(min(max(middle, 12), self.width - wide), y - 16, label)


def recovery_part(evidence: Evidence, recovery: RecoveryEvidence, words: Words) -> list[Flowable]:
    """Return recovery: its verdict, its interval against the target, its moments."""
    fault = evidence.fault
    over = instant(fault.ended_at) if fault else None
    moments = {
        "injected": recovery.injected_at,
        "first_breach": recovery.first_breach_at,
        "mitigated": over,
        "recovered": recovery.recovered_at,
    }
    rows: list[list[str | Flowable]] = [
        [words["column.verdict"], verdict_cell(recovery.verdict)],
        [words["recovery.from_fault"], figures.interval(recovery.from_fault, words)],
        [words["recovery.from_breach"], figures.interval(recovery.from_breach, words)],
        [words["recovery.targeted"], figures.seconds(recovery.target_seconds, words)],
    ]
    if recovery.resolution_seconds is not None:
        exact = f"{recovery.resolution_seconds:.2f}{words['s']}"
        rows.append([words["recovery.resolution"], exact])
    rows += [
        [words[f"recovery.{name}"], f"{figures.clock(at)} UTC" if at else figures.NOTHING]
        for name, at in moments.items()
    ]
    return [
        *part(words["part.recovery"]),
        note(words["recovery.intro"]),
        *([text(recovery.reason)] if words.language == "en" else []),
        *([Gauge(recovery, words)] if recovery.from_fault else []),
        table((), rows, (30, 78)),
    ]


def basis_part(
    evidence: Evidence,
    plan: Plan,
    indicators: list[Indicator],
    again: Again,
    words: Words,
) -> list[Flowable]:
    """Return how sharply was measured, and whether the samples still give the verdict."""
    story = part(words["part.basis"])
    samples, timing = evidence.samples, plan.timing
    if samples:
        ticks = ticks_of(evidence)
        length = max(s.ended_at for s in samples) - min(s.started_at for s in samples)
        looks = words["basis.looks"].format(
            looks=len(samples),
            window=figures.seconds(timing.window_seconds, words),
            length=figures.seconds(length, words),
            sent=figures.count(sum(t.sent for t in ticks)),
            each=plan.probe.requests,
            failed=figures.count(sum(t.failed for t in ticks)),
            period=figures.seconds(timing.metric_period_seconds, words),
        )
        story.append(text(looks))
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


def _judged_again(again: Again, evidence: Evidence, words: Words) -> list[Flowable]:
    if again.verdict is None:
        return [text(words["basis.broken"].format(error=again.error))]
    key = "basis.agrees" if again.supports else "basis.differs"
    story: list[Flowable] = [text(words[key].format(again=again.verdict, verdict=evidence.verdict))]
    if again.changed and not again.supports:
        story.append(text(words["basis.changed"].format(names=", ".join(again.changed))))
    if again.missing_looks:
        story.append(text(words["basis.missing"].format(count=again.missing_looks)))
    return story
