"""The look of the document: page, colours, paragraphs. Lengths are in points."""

from typing import Final

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle

from reporting.fonts import REGULAR
from steadystate.domain.verdict import Verdict

PAGE_WIDTH, PAGE_HEIGHT = A4
SIDE: Final = 46.0
TOP: Final = 58.0
BOTTOM: Final = 54.0
WIDTH: Final = PAGE_WIDTH - 2 * SIDE

INK: Final = HexColor("#1b2430")
MUTED: Final = HexColor("#5d6875")
FAINT: Final = HexColor("#8d97a3")
HAIRLINE: Final = HexColor("#d8dee5")
PANEL: Final = HexColor("#f4f6f8")
WHITE: Final = HexColor("#ffffff")
BLUE: Final = HexColor("#1f5fbf")
TEAL: Final = HexColor("#0b7a75")
GREEN: Final = HexColor("#1a7f37")
RED: Final = HexColor("#c62828")
AMBER: Final = HexColor("#9a6700")
SLATE: Final = HexColor("#4a5568")
FAULT: Final = HexColor("#fdf5e4")
OVER: Final = HexColor("#fdecec")
BASELINE: Final = HexColor("#e9edf2")

COLOURS: Final[dict[Verdict, Color]] = {
    Verdict.PASS: GREEN,
    Verdict.FAIL: RED,
    Verdict.INCONCLUSIVE: AMBER,
    Verdict.ERROR: SLATE,
}

SIGNS: Final[dict[Verdict, str]] = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ERROR: "!",
}
"""A verdict is told by a sign too: not everybody sees colours, and not every printer has them."""


def _style(
    name: str,
    size: float,
    leading: float,
    *,
    colour: Color = INK,
    right: bool = False,
    below: float = 0.0,
) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName=REGULAR,
        fontSize=size,
        leading=leading,
        textColor=colour,
        alignment=2 if right else 0,
        spaceAfter=below,
        splitLongWords=1,
    )


BODY: Final = _style("body", 9.6, 14.6, below=5)
NOTE: Final = _style("note", 8, 11.6, colour=MUTED, below=4)
CELL: Final = _style("cell", 8.2, 11)
CELL_RIGHT: Final = _style("cell-right", 8.2, 11, right=True)
CELL_HEAD: Final = _style("cell-head", 7.4, 10, colour=MUTED)
CELL_HEAD_RIGHT: Final = _style("cell-head-right", 7.4, 10, colour=MUTED, right=True)
