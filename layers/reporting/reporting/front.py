"""The first page: the verdict, the three numbers that matter, one chart, and the facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from reportlab.lib.colors import Color
from reportlab.platypus import Flowable, Spacer

from reporting.fonts import BOLD, REGULAR, shortened, width_of, wrapped
from reporting.style import COLOURS, HAIRLINE, INK, MUTED, PANEL, SIGNS, WHITE
from reporting.words import Words
from steadystate.domain.verdict import Verdict
from steadystate.report.replay import Replay

_BANNER: Final = 96.0
_CARD: Final = 78.0
_FACT: Final = 29.0
_GAP: Final = 10.0


@dataclass(frozen=True)
class Number:
    """One of the three numbers: what it is, its value, and what to hold it against."""

    label: str
    value: str
    caption: str
    colour: Color = INK


class Fixed(Flowable):
    """A drawing over the whole width, of a height that does not depend on its texts."""

    def __init__(self, height: float) -> None:
        super().__init__()
        self.height = height

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: ARG002, N803 - reportlab's names
        self.width = aW
        return aW, self.height


class Title(Fixed):
    """What kind of report this is, and of what; also the first entry of the outline."""

    def __init__(self, kind: str, title: str) -> None:
        super().__init__(66)
        self.kind = kind
        self.title = title

    def draw(self) -> None:
        canvas: Any = self.canv
        canvas.bookmarkPage("front")
        canvas.add_outline(shortened(self.title, BOLD, 10, 400), "front", 0)
        canvas.setFillColor(MUTED)
        canvas.setFont(REGULAR, 9)
        canvas.drawString(0, self.height - 10, self.kind)
        size = 21.0 if width_of(self.title, BOLD, 21) <= self.width else 15.0
        lines = wrapped(self.title, BOLD, size, self.width, 2)
        canvas.setFillColor(INK)
        canvas.setFont(BOLD, size)
        y = self.height - 36 if len(lines) == 1 else self.height - 30
        for line in lines:
            canvas.drawString(0, y, line)
            y -= size * 1.22


class Banner(Fixed):
    """The verdict: colour, sign, word, and the sentence that it comes to."""

    def __init__(self, word: str, colour: Color, meaning: str, summary: str) -> None:
        super().__init__(_BANNER)
        self.word = word
        self.colour = colour
        self.meaning = meaning
        self.summary = summary

    def draw(self) -> None:
        canvas: Any = self.canv
        canvas.setFillColor(self.colour)
        canvas.roundRect(0, 0, self.width, self.height, 7, stroke=0, fill=1)
        canvas.setFillColor(WHITE)
        size = 32.0 if width_of(self.word, BOLD, 32) <= 176 else 19.0
        column = 196.0
        canvas.setFont(BOLD, size)
        lines = wrapped(self.meaning, REGULAR, 8.6, column - 26, 3)
        y = self.height / 2 + (len(lines) * 11.5) / 2 - size * 0.42
        canvas.drawString(18, y, self.word)
        canvas.setFont(REGULAR, 8.6)
        for number, line in enumerate(lines, 1):
            canvas.drawString(18, y - 5 - number * 11.5, line)
        canvas.setStrokeColor(WHITE)
        canvas.setLineWidth(0.5)
        canvas.line(column, 16, column, self.height - 16)
        self._summary(canvas, column + 18)

    def _summary(self, canvas: Any, left: float) -> None:
        room = self.width - left - 18
        size, lines = 11.4, wrapped(self.summary, REGULAR, 11.4, room, 5)
        if len(lines) == 5:
            size, lines = 9.0, wrapped(self.summary, REGULAR, 9.0, room, 6)
        leading = size * 1.42
        y = self.height / 2 + (len(lines) - 1) * leading / 2 - size * 0.34
        canvas.setFont(REGULAR, size)
        for line in lines:
            canvas.drawString(left, y, line)
            y -= leading


def banner_of(
    verdict: Verdict, again: Replay, summary: str, words: Words, kind: str = "experiment"
) -> Banner:
    """Return the banner of a verdict; one that its samples do not support has no colour to show."""
    if again.supported:
        word = f"{SIGNS[verdict]} {verdict}"
        meaning = words.texts.get(f"verdict.{kind}.{verdict}", words[f"verdict.{verdict}"])
        return Banner(word, COLOURS[verdict], meaning, summary)
    meaning = words["verdict.unsupported"].format(again=again.evidence.verdict)
    return Banner(f"! {verdict}", COLOURS[Verdict.ERROR], meaning, summary)


class Numbers(Fixed):
    """Three numbers side by side."""

    def __init__(self, numbers: Sequence[Number]) -> None:
        super().__init__(_CARD)
        self.numbers = numbers

    def draw(self) -> None:
        canvas: Any = self.canv
        wide = (self.width - _GAP * (len(self.numbers) - 1)) / len(self.numbers)
        for place, number in enumerate(self.numbers):
            self._card(canvas, place * (wide + _GAP), wide, number)

    def _card(self, canvas: Any, left: float, wide: float, number: Number) -> None:
        canvas.setFillColor(PANEL)
        canvas.roundRect(left, 0, wide, self.height, 5, stroke=0, fill=1)
        canvas.setFillColor(number.colour)
        canvas.roundRect(left, 0, 3, self.height, 1.5, stroke=0, fill=1)
        inner, room = left + 13, wide - 22
        canvas.setFillColor(MUTED)
        canvas.setFont(REGULAR, 8)
        canvas.drawString(inner, self.height - 16, shortened(number.label, REGULAR, 8, room))
        size = 22.0
        while size > 12 and width_of(number.value, BOLD, size) > room:
            size -= 1
        canvas.setFillColor(number.colour)
        canvas.setFont(BOLD, size)
        canvas.drawString(inner, self.height - 41, shortened(number.value, BOLD, size, room))
        canvas.setFillColor(MUTED)
        canvas.setFont(REGULAR, 7.6)
        for place, line in enumerate(wrapped(number.caption, REGULAR, 7.6, room, 2)):
            canvas.drawString(inner, 19 - 10 * place, line)


class Facts(Fixed):
    """Label and value, two to a row, each on one line."""

    def __init__(self, facts: Sequence[tuple[str, str]]) -> None:
        super().__init__(_FACT * ((len(facts) + 1) // 2))
        self.facts = facts

    def draw(self) -> None:
        canvas: Any = self.canv
        half = self.width / 2
        for number, (label, value) in enumerate(self.facts):
            left = half * (number % 2)
            y = self.height - _FACT * (number // 2)
            room = half - 14
            canvas.setStrokeColor(HAIRLINE)
            canvas.setLineWidth(0.5)
            canvas.line(left, y, left + room + (14 if number % 2 else 0), y)
            canvas.setFillColor(MUTED)
            canvas.setFont(REGULAR, 7.2)
            canvas.drawString(left, y - 10.5, shortened(label, REGULAR, 7.2, room))
            canvas.setFillColor(INK)
            canvas.setFont(REGULAR, 9)
            canvas.drawString(left, y - 22, shortened(value, REGULAR, 9, room))


def first_page(
    *,
    kind: str,
    title: str,
    banner: Flowable,
    numbers: Sequence[Number],
    chart: Sequence[Flowable],
    facts: Sequence[tuple[str, str]],
) -> list[Flowable]:
    """Return the first page; it fits one page whatever its texts are."""
    return [
        Title(kind, title),
        banner,
        Spacer(1, 12),
        Numbers(numbers),
        Spacer(1, 18),
        *chart,
        Spacer(1, 14),
        Facts(facts),
    ]
