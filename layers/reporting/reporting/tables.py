"""Tables with hairlines, whose cells wrap; and text as the rest of the document sets it."""

from collections.abc import Sequence
from typing import Any, Final

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, Table

from reporting.fonts import REGULAR, marked_up
from reporting.style import (
    BODY,
    CELL,
    CELL_HEAD,
    CELL_HEAD_RIGHT,
    CELL_RIGHT,
    COLOURS,
    HAIRLINE,
    NOTE,
    SIGNS,
    WIDTH,
)
from steadystate.domain.verdict import Verdict

_LINES: Final = 7
_LETTER: Final = 4.4
"""A cell has about so many lines at most, of letters so many points wide: rows stay short, and the
whole text stands in the evidence."""


def text(words: str, style: ParagraphStyle = BODY, limit: int = 4000) -> Paragraph:
    """Return a paragraph of plain text."""
    return Paragraph(marked_up(words, limit), style)


def note(words: str) -> Paragraph:
    """Return a paragraph in small grey letters."""
    return text(words, NOTE)


def verdict_cell(verdict: Verdict) -> Paragraph:
    """Return a verdict with its sign, in its colour."""
    colour = COLOURS[verdict].hexval().replace("0x", "#")
    return Paragraph(f'<font color="{colour}"><b>{SIGNS[verdict]} {verdict}</b></font>', CELL)


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str | Flowable]],
    shares: Sequence[float],
    right: frozenset[int] = frozenset(),
    bold: frozenset[int] = frozenset(),
) -> Table:
    """Return a table over the whole width, its head repeated on each page.

    `shares` are the columns' widths in relation to each other; the columns in `right` are set
    flush right, those in `bold` in bold.
    """
    cells: list[list[Any]] = []
    if head:
        styles = [CELL_HEAD_RIGHT if k in right else CELL_HEAD for k in range(len(head))]
        cells.append([text(h, s) for h, s in zip(head, styles, strict=True)])
    widths = [WIDTH * share / sum(shares) for share in shares]
    for row in rows:
        cells.append([_cell(c, widths[k], k in right, k in bold) for k, c in enumerate(row)])
    commands: list[Any] = [
        ("FONTNAME", (0, 0), (-1, -1), REGULAR),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 8),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 3.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.8),
        ("LINEBELOW", (0, 0), (-1, -1), 0.5, HAIRLINE),
    ]
    return Table(cells, colWidths=widths, repeatRows=1 if head else 0, style=commands, spaceAfter=6)


def _cell(content: str | Flowable, width: float, right: bool, bold: bool) -> Flowable:
    if isinstance(content, Flowable):
        return content
    words = marked_up(content, int(_LINES * width / _LETTER))
    return Paragraph(f"<b>{words}</b>" if bold else words, CELL_RIGHT if right else CELL)
