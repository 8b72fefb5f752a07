"""Verdicts of many runs: a lane a scenario, a sign a run, over time."""

from collections.abc import Sequence
from typing import Any, Final

from reporting.fonts import BOLD, REGULAR, shortened, width_of
from reporting.front import Fixed
from reporting.scales import TimeAxis
from reporting.style import COLOURS, FAINT, HAIRLINE, INK, MUTED, SIGNS, WHITE
from reporting.words import Words
from steadystate.domain.trend import ScenarioTrend
from steadystate.domain.verdict import Verdict

_LANE: Final = 24.0
_NAMES: Final = 150.0
_FOOT: Final = 30.0


class Lanes(Fixed):
    """The runs of each scenario on one axis of time. Of runs too close to be told apart the gravest
    lies on top."""

    def __init__(self, scenarios: Sequence[ScenarioTrend], axis: TimeAxis, words: Words) -> None:
        super().__init__(_LANE * len(scenarios) + _FOOT + 16)
        self.scenarios = scenarios
        self.axis = axis
        self.words = words

    def draw(self) -> None:
        canvas: Any = self.canv
        canvas.setFont(BOLD, 8.6)
        canvas.setFillColor(INK)
        canvas.drawString(0, self.height - 9, self.words["trend.lanes"])
        for number, scenario in enumerate(self.scenarios):
            self._lane(canvas, self.height - 16 - _LANE * (number + 0.5), scenario)
        self._axis(canvas)
        self._key(canvas)

    def _x(self, at: float) -> float:
        return _NAMES + 8 + self.axis.share(at) * (self.width - _NAMES - 16)

    def _lane(self, canvas: Any, y: float, scenario: ScenarioTrend) -> None:
        canvas.setFillColor(INK)
        canvas.setFont(REGULAR, 8)
        canvas.drawString(0, y - 3, shortened(scenario.scenario, REGULAR, 8, _NAMES - 8))
        canvas.setStrokeColor(HAIRLINE)
        canvas.setLineWidth(0.6)
        canvas.line(_NAMES, y, self.width, y)
        order = [Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.PASS, Verdict.FAIL]
        for run in sorted(scenario.runs, key=lambda r: order.index(r.verdict)):
            dot(canvas, self._x(run.ended_at), y, run.verdict)

    def _axis(self, canvas: Any) -> None:
        canvas.setFont(REGULAR, 6.8)
        reach = 0.0
        for at, text in self.axis.ticks(self.words, 7):
            x, wide = self._x(at), width_of(text, REGULAR, 6.8)
            left = min(x - wide / 2, self.width - wide)
            canvas.setStrokeColor(FAINT)
            canvas.line(x, _FOOT - 2, x, _FOOT + 1)
            if left > reach:
                canvas.setFillColor(MUTED)
                canvas.drawString(left, _FOOT - 10, text)
                reach = left + wide + 4

    def _key(self, canvas: Any) -> None:
        x = _NAMES + 8
        for verdict in Verdict:
            dot(canvas, x, 6, verdict)
            canvas.setFillColor(MUTED)
            canvas.setFont(REGULAR, 7)
            canvas.drawString(x + 8, 3.6, verdict)
            x += width_of(verdict, REGULAR, 7) + 26


def dot(canvas: Any, x: float, y: float, verdict: Verdict) -> None:
    """Draw a verdict as a dot with its sign, centred."""
    canvas.setFillColor(COLOURS[verdict])
    canvas.setStrokeColor(WHITE)
    canvas.setLineWidth(0.8)
    canvas.circle(x, y, 5, stroke=1, fill=1)
    canvas.setFillColor(WHITE)
    canvas.setFont(BOLD, 6.6)
    canvas.drawCentredString(x, y - 2.4, SIGNS[verdict])
