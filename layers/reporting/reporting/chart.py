"""Charts over time, drawn as vectors: measured lines against bounds, baseline and marks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reportlab.lib.colors import Color
from reportlab.platypus import Flowable

from reporting import figures
from reporting.fonts import BOLD, REGULAR, shortened, width_of
from reporting.scales import TimeAxis, ValueAxis, linear, logarithmic
from reporting.series import Dot, stretches, thinned, usual_gap
from reporting.style import BASELINE, FAINT, HAIRLINE, INK, MUTED, OVER, PANEL, RED, WHITE
from reporting.words import Words

LEFT: Final = 46.0
TITLE: Final = 15.0
LANE: Final = 10.0
FOOT: Final = 13.0
SMALL: Final = 6.8
_BADGE: Final = 8.6
"""The width of a mark's number."""

OFF_SCALE: Final = 8.0
"""A bound this many times above all that was measured is written, and not drawn."""


@dataclass(frozen=True)
class Trace:
    """A measured line. `steps` draws each value up to the next one, as settings are."""

    dots: list[Dot]
    colour: Color
    label: str = ""
    period_seconds: float = 0.0
    steps: bool = False


@dataclass(frozen=True)
class Limit:
    """A bound; `upper` says that larger values are worse, `shaded` that their side is tinted."""

    value: float
    label: str
    upper: bool = True
    colour: Color = RED
    shaded: bool = True


@dataclass(frozen=True)
class Mark:
    """A numbered moment."""

    number: int
    at: float
    label: str
    colour: Color


@dataclass(frozen=True)
class Spell:
    """A shaded stretch of time."""

    start: float
    end: float
    colour: Color


@dataclass(frozen=True)
class Picture:
    """All that a chart shows. `usual` is mean and standard deviation of the baseline.

    `logarithmic` is the range of a logarithmic scale; what lies outside is drawn at its edge.
    """

    title: str
    unit: str
    axis: TimeAxis
    traces: list[Trace]
    limits: list[Limit] = field(default_factory=list)
    usual: tuple[float, float] | None = None
    marks: list[Mark] = field(default_factory=list)
    spells: list[Spell] = field(default_factory=list)
    logarithmic: tuple[float, float] | None = None
    note: str = ""


class TimeChart(Flowable):
    """A picture over the whole width, `height` points high."""

    def __init__(self, picture: Picture, words: Words, height: float) -> None:
        super().__init__()
        self.picture = picture
        self.words = words
        self.height = height

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: ARG002, N803 - reportlab's names
        self.width = aW
        return aW, self.height

    def draw(self) -> None:
        picture = self.picture
        self.top = self.height - TITLE - (LANE if picture.marks else 0.0)
        self.traces = [self._thin(t) for t in picture.traces]
        self.drawn, self.beyond = self._sort_limits()
        self.labels: list[tuple[float, str, Color]] = []
        values = [v for t in self.traces for part in t for _, v in part]
        values += [limit.value for limit in self.drawn]
        if picture.usual:
            values.append(picture.usual[0])
        ends = picture.logarithmic
        self.values = logarithmic(ends) if ends else linear(values)
        canvas = self.canv
        canvas.saveState()
        self._ground(canvas)
        self._axes(canvas, self.values)
        self._lines(canvas)
        self._limits(canvas)
        self._marks(canvas)
        self._limit_labels(canvas)
        self._title(canvas)
        canvas.restoreState()

    def _x(self, at: float) -> float:
        return LEFT + self.picture.axis.share(at) * (self.width - LEFT)

    def _y(self, value: float) -> float:
        return FOOT + self.values.share(value) * (self.top - FOOT)

    def _thin(self, trace: Trace) -> list[list[Dot]]:
        axis = self.picture.axis
        dots = [d for d in trace.dots if axis.start <= d[0] <= axis.end]
        if trace.steps:
            return [dots] if dots else []
        gap = usual_gap(dots, trace.period_seconds)
        columns = int(self.width - LEFT)
        parts = stretches(dots, gap)
        return [thinned(part, axis.start, axis.end, columns) for part in parts]

    def _sort_limits(self) -> tuple[list[Limit], list[Limit]]:
        """Part the bounds into those to draw and those so far above that lines would lie flat."""
        values = [abs(v) for t in self.traces for part in t for _, v in part]
        most = max([*values, abs(self.picture.usual[0]) if self.picture.usual else 0.0])
        drawn: list[Limit] = []
        beyond: list[Limit] = []
        for limit in self.picture.limits:
            far = most > 0 and limit.value > OFF_SCALE * most and not self.picture.logarithmic
            (beyond if far else drawn).append(limit)
        return drawn, beyond

    def _ground(self, canvas: Any) -> None:
        height = self.top - FOOT
        canvas.setFillColor(PANEL if not any(self.traces) else WHITE)
        canvas.rect(LEFT, FOOT, self.width - LEFT, height, stroke=0, fill=1)
        for spell in self.picture.spells:
            left, right = self._x(spell.start), self._x(spell.end)
            canvas.setFillColor(spell.colour)
            canvas.rect(left, FOOT, max(1.2, right - left), height, stroke=0, fill=1)
        for limit in self.drawn:
            if not limit.shaded:
                continue
            y = self._y(limit.value)
            low, high = (y, self.top) if limit.upper else (FOOT, y)
            canvas.setFillColor(OVER)
            canvas.rect(LEFT, low, self.width - LEFT, max(0.0, high - low), stroke=0, fill=1)
        if self.picture.usual:
            mean, spread = self.picture.usual
            low, high = self._y(max(self.values.low, mean - spread)), self._y(mean + spread)
            canvas.setFillColor(BASELINE)
            canvas.rect(LEFT, low, self.width - LEFT, high - low, stroke=0, fill=1)

    def _axes(self, canvas: Any, values: ValueAxis) -> None:
        canvas.setFont(REGULAR, SMALL)
        canvas.setLineWidth(0.4)
        for tick in values.ticks if any(self.traces) else ():
            y = self._y(tick)
            canvas.setStrokeColor(HAIRLINE)
            canvas.line(LEFT, y, self.width, y)
            canvas.setFillColor(MUTED)
            text = figures.value(tick, self.picture.unit, self.words)
            if values.logarithmic:
                text = self._beyond(tick) + figures.evidence(tick, self.words)
            canvas.drawRightString(LEFT - 4, y - 2.3, shortened(text, REGULAR, SMALL, LEFT - 5))
        reach = -1e9
        for at, text in self.picture.axis.ticks(self.words):
            x = self._x(at)
            wide = width_of(text, REGULAR, SMALL)
            left = min(max(x - wide / 2, LEFT), self.width - wide)
            canvas.setStrokeColor(FAINT)
            canvas.line(x, FOOT, x, FOOT - 2.5)
            if left > reach + 3:
                canvas.drawString(left, FOOT - 9.5, text)
                reach = left + wide
        canvas.setStrokeColor(FAINT)
        canvas.line(LEFT, FOOT, self.width, FOOT)

    def _beyond(self, tick: float) -> str:
        """Return the sign for an end of the scale at which values beyond it are drawn."""
        values = [v for trace in self.traces for part in trace for _, v in part]
        if tick == self.values.high and max(values) > tick:
            return "≥ "
        return "≤ " if tick == self.values.low and min(values) < tick else ""

    def _lines(self, canvas: Any) -> None:
        if self.picture.usual:
            y = self._y(self.picture.usual[0])
            canvas.setStrokeColor(FAINT)
            canvas.setLineWidth(0.7)
            canvas.setDash(1.2, 2)
            canvas.line(LEFT, y, self.width, y)
            canvas.setDash()
        if not any(self.traces):
            canvas.setFillColor(MUTED)
            canvas.setFont(REGULAR, 8.4)
            middle = LEFT + (self.width - LEFT) / 2
            canvas.drawCentredString(middle, (self.top + FOOT) / 2 - 3, self.words["no_data"])
        for trace, parts in zip(self.picture.traces, self.traces, strict=True):
            canvas.setStrokeColor(trace.colour)
            canvas.setFillColor(trace.colour)
            canvas.setLineWidth(1.1)
            canvas.setLineJoin(1)
            few = sum(len(part) for part in parts) <= 60
            for part in parts:
                self._line(canvas, part, trace.steps)
                if (few and not trace.steps) or len(part) == 1:
                    for at, value in part:
                        canvas.circle(self._x(at), self._y(value), 1.5, stroke=0, fill=1)

    def _line(self, canvas: Any, dots: list[Dot], steps: bool) -> None:
        path = canvas.beginPath()
        path.moveTo(round(self._x(dots[0][0]), 2), round(self._y(dots[0][1]), 2))
        before = dots[0][1]
        for at, value in dots[1:]:
            x = round(self._x(at), 2)
            if steps:
                path.lineTo(x, round(self._y(before), 2))
            path.lineTo(x, round(self._y(value), 2))
            before = value
        if steps:
            path.lineTo(self.width, round(self._y(before), 2))
        canvas.drawPath(path, stroke=1, fill=0)

    def _limits(self, canvas: Any) -> None:
        canvas.setFont(REGULAR, SMALL)
        taken: list[float] = []
        for limit in self.drawn:
            y = self._y(limit.value)
            canvas.setStrokeColor(limit.colour)
            canvas.setLineWidth(0.9)
            canvas.setDash(4, 2.5)
            canvas.line(LEFT, y, self.width, y)
            canvas.setDash()
            above = y + 2.5 if y + 9 < self.top or not limit.upper else y - 8
            if all(abs(above - other) > 7.5 for other in taken):
                text = shortened(limit.label, REGULAR, SMALL, (self.width - LEFT) * 0.6)
                self.labels.append((above, text, limit.colour))
                taken.append(above)

    def _limit_labels(self, canvas: Any) -> None:
        canvas.setFont(REGULAR, SMALL)
        for y, text, colour in self.labels:
            wide = width_of(text, REGULAR, SMALL)
            canvas.setFillColor(WHITE)
            canvas.rect(self.width - 5 - wide, y - 2, wide + 4, SMALL + 1.5, stroke=0, fill=1)
            canvas.setFillColor(colour)
            canvas.drawRightString(self.width - 3, y, text)

    def _marks(self, canvas: Any) -> None:
        axis = self.picture.axis
        marks = [m for m in self.picture.marks if axis.start <= m.at <= axis.end]
        marks.sort(key=lambda m: (m.at, m.number))
        places = [self._x(mark.at) for mark in marks]
        centres = apart(places, _BADGE, LEFT + _BADGE / 2, self.width - _BADGE / 2)
        canvas.setFont(BOLD, 6.2)
        for mark, x, centre in zip(marks, places, centres, strict=True):
            canvas.setStrokeColor(mark.colour)
            canvas.setLineWidth(0.8)
            canvas.line(x, FOOT, x, self.top)
            canvas.line(x, self.top, centre, self.top + 2)
            badge(canvas, centre, self.top + 5.2, mark)

    def _title(self, canvas: Any) -> None:
        y = self.height - 9
        canvas.setFillColor(INK)
        canvas.setFont(BOLD, 8.6)
        entries = self._legend()
        wide = sum(width_of(text, REGULAR, SMALL) + 22 for _, _, text in entries)
        room = max(120.0, self.width - wide - 6)
        canvas.drawString(0, y, shortened(self.picture.title, BOLD, 8.6, room))
        x = self.width
        canvas.setFont(REGULAR, SMALL)
        for colour, dashed, words in reversed(entries):
            text = shortened(words, REGULAR, SMALL, self.width / 2)
            x -= width_of(text, REGULAR, SMALL)
            canvas.setFillColor(MUTED)
            canvas.drawString(x, y, text)
            if colour is not None:
                canvas.setStrokeColor(colour)
                canvas.setLineWidth(1.3)
                if dashed:
                    canvas.setDash(1.2, 2)
                canvas.line(x - 13, y + 2.3, x - 3, y + 2.3)
                canvas.setDash()
                x -= 13
            x -= 9

    def _legend(self) -> list[tuple[Color | None, bool, str]]:
        picture, words = self.picture, self.words
        entries: list[tuple[Color | None, bool, str]] = [
            (t.colour, False, t.label) for t in picture.traces if t.label
        ]
        if picture.usual:
            mean = figures.value(picture.usual[0], picture.unit, words)
            entries.append((FAINT, True, f"{words['baseline']} {mean}"))
        entries += [(None, False, words["beyond"].format(bound=b.label)) for b in self.beyond]
        if picture.note:
            entries.append((None, False, picture.note))
        return entries


def apart(places: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Move places, in their order, until each is as far from the next as it must be; none is beyond
    `high`, and none below `low` unless there are too many."""
    moved = list[float]()
    for place in places:
        moved.append(max(place, moved[-1] + distance if moved else low))
    for number in reversed(range(len(moved))):
        moved[number] = min(moved[number], high)
        high = moved[number] - distance
    return moved


def badge(canvas: Any, x: float, y: float, mark: Mark) -> None:
    """Draw the number of a mark, centred."""
    canvas.setFillColor(mark.colour)
    canvas.circle(x, y, 4.1, stroke=0, fill=1)
    canvas.setFillColor(WHITE)
    canvas.setFont(BOLD, 6.2)
    canvas.drawCentredString(x, y - 2.2, str(mark.number))


class MarksKey(Flowable):
    """What the numbers of the marks mean, and what the times count from."""

    def __init__(self, marks: list[Mark], origin: str, words: Words) -> None:
        super().__init__()
        self.marks = marks
        self.origin = origin
        self.words = words

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: ARG002, N803 - reportlab's names
        self.width = aW
        self.places = self._places()
        rows = 1 + max((row for row, _, _ in self.places), default=0)
        return aW, 4.0 + 12.0 * rows

    def _places(self) -> list[tuple[int, float, str]]:
        """Return row, place in the row, and text of each mark; the first row leaves room."""
        room = self.width - width_of(self.origin, REGULAR, 7) - 8
        row, x = 0, 5.0
        places = []
        for mark in self.marks:
            text = shortened(mark.label, REGULAR, 7.4, 150)
            wide = width_of(text, REGULAR, 7.4) + 22
            if x > 5.0 and x + wide > (room if row == 0 else self.width):
                row, x = row + 1, 5.0
            places.append((row, x, text))
            x += wide
        return places

    def draw(self) -> None:
        canvas = self.canv
        top = self.wrap(self.width, 0)[1] - 10.0
        for mark, (row, x, text) in zip(self.marks, self.places, strict=True):
            y = top - 12.0 * row
            badge(canvas, x, y + 2.4, mark)
            canvas.setFillColor(INK)
            canvas.setFont(REGULAR, 7.4)
            canvas.drawString(x + 7, y, text)
        canvas.setFillColor(MUTED)
        canvas.setFont(REGULAR, 7)
        canvas.drawRightString(self.width, top, shortened(self.origin, REGULAR, 7, self.width))
