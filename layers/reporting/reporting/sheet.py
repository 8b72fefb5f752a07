"""Pages: head, foot with `n of m`, outline, metadata. The same input gives the same bytes."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, PageTemplate

from reporting.fonts import BOLD, REGULAR, drawable, register_fonts, shortened, width_of
from reporting.style import (
    BOTTOM,
    FAINT,
    HAIRLINE,
    MUTED,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    SIDE,
    TOP,
    WIDTH,
)
from reporting.words import Words

_TOTAL: Final = "total-of-pages"
_FOOT: Final = 30.0
ROOM_FOR_A_PART: Final = 150.0
ROOM_FOR_A_CHART: Final = 240.0
"""So much a part needs that begins with a chart."""


@dataclass(frozen=True)
class Cover:
    """What a document says of itself: in its metadata, and on every page.

    `at` is the instant that the document counts as made at; `subject` stands in each head.
    """

    title: str
    subject: str
    run: str
    at: datetime
    words: Words


class Heading(Flowable):
    """A heading that stands in the outline, and stays with what follows it."""

    def __init__(self, text: str, level: int = 0) -> None:
        super().__init__()
        self.text = drawable(text)
        self.level = level
        self.keepWithNext = level
        self.size, self.above, self.below = ((15.0, 18.0, 8.0), (10.6, 9.0, 4.0))[level]

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: ARG002, N803 - reportlab's names
        self.width = aW
        return aW, self.size * 1.25 + self.below

    def getSpaceBefore(self) -> float:  # noqa: N802 - reportlab's name
        return self.above

    def draw(self) -> None:
        canvas: Any = self.canv
        key = f"part-{canvas.getPageNumber()}-{canvas.outline_entries}"
        canvas.bookmarkHorizontalAbsolute(key, canvas.absolutePosition(0, self.size + 14)[1])
        canvas.add_outline(self.text, key, self.level)
        canvas.setFont(BOLD, self.size)
        canvas.drawString(0, self.below + 2, shortened(self.text, BOLD, self.size, self.width))


def part(title: str, room: float = ROOM_FOR_A_PART) -> list[Flowable]:
    """Return the heading of a part, on a new page where less than `room` is left on this one."""
    return [CondPageBreak(room), Heading(title)]


class _Pages(Canvas):
    """A canvas that knows only at its end how many pages it has."""

    outline_entries = 0
    foot_of_total = ""

    def add_outline(self, text: str, key: str, level: int) -> None:
        """Add an entry to the outline; a level below nothing is lifted."""
        self.addOutlineEntry(text, key, level if self.outline_entries else 0, closed=False)
        self.outline_entries += 1

    def save(self) -> None:
        """Say in every foot how many pages there are, and finish."""
        total = self.foot_of_total.format(total=self.getPageNumber() - 1)
        self.beginForm(_TOTAL, 0, -4, 90, 12)
        self.setFont(REGULAR, 7.6)
        self.setFillColor(MUTED)
        self.drawString(0, 0, total)
        self.endForm()
        self.showOutline()
        super().save()


def build(story: Sequence[Flowable], cover: Cover) -> bytes:
    """Return the document as PDF."""
    register_fonts()
    target = io.BytesIO()
    words = cover.words
    document = BaseDocTemplate(
        target,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        leftMargin=SIDE,
        rightMargin=SIDE,
        topMargin=TOP,
        bottomMargin=BOTTOM,
        pageCompression=1,
        invariant=1,
        lang=words.language,
        title=drawable(cover.title),
        author="Steadystate",
        subject=drawable(cover.subject),
        creator="Steadystate",
    )
    frame = Frame(
        SIDE, BOTTOM, WIDTH, PAGE_HEIGHT - TOP - BOTTOM,
        leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0,
    )  # fmt: skip

    def on_page(canvas: Any, _: BaseDocTemplate) -> None:
        _head_and_foot(canvas, cover)

    document.addPageTemplates([PageTemplate("page", [frame], onPage=on_page)])

    def pages(*arguments: Any, **options: Any) -> _Pages:
        canvas = _Pages(*arguments, **options | {"initialFontName": REGULAR})
        canvas.foot_of_total = words["page_total"]
        stamp = cover.at.strftime("D:%Y%m%d%H%M%S+00'00'")
        canvas.setDateFormatter(lambda *_: stamp)
        canvas.setViewerPreference("DisplayDocTitle", "true")
        return canvas

    document.build(list(story), canvasmaker=pages)
    return target.getvalue()


def _head_and_foot(canvas: Any, cover: Cover) -> None:
    words = cover.words
    right = PAGE_WIDTH - SIDE
    head = PAGE_HEIGHT - 34
    canvas.saveState()
    canvas.setFont(BOLD, 8)
    canvas.setFillColor(MUTED)
    canvas.drawString(SIDE, head, "STEADYSTATE")
    canvas.setFont(REGULAR, 7.6)
    canvas.drawRightString(right, head, shortened(cover.subject, REGULAR, 7.6, WIDTH - 110))
    canvas.setStrokeColor(HAIRLINE)
    canvas.setLineWidth(0.6)
    canvas.line(SIDE, head - 7, right, head - 7)
    canvas.setFillColor(FAINT)
    canvas.drawString(SIDE, _FOOT, shortened(cover.run, REGULAR, 7.6, WIDTH - 120))
    canvas.setFillColor(MUTED)
    room = width_of(words["page_total"].format(total=99), REGULAR, 7.6)
    canvas.drawRightString(
        right - room, _FOOT, words["page_number"].format(number=canvas.getPageNumber())
    )
    canvas.saveState()
    canvas.translate(right - room, _FOOT)
    canvas.doForm(_TOTAL)
    canvas.restoreState()
    canvas.restoreState()
