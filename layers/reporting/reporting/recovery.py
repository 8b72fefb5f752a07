"""The parts of an experiment alone: how recovery was measured, and what the verdict rests on."""

from typing import Any

from reportlab.platypus import Flowable

from reporting import figures
from reporting.fonts import REGULAR, width_of
from reporting.front import Fixed
from reporting.sheet import part
from reporting.style import COLOURS, FAINT, HAIRLINE, INK, MUTED
from reporting.tables import note, table, text, verdict_cell
from reporting.words import Words
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
        text(recovery.reason),
        *([Gauge(recovery, words)] if recovery.from_fault else []),
        table((), rows, (30, 78)),
    ]
