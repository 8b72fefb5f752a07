"""The document's two fonts, and texts as they can be drawn.

Steadystate Sans is a subset of Pretendard (SIL Open Font License, `fonts/LICENSE.txt`): Latin,
Greek, Cyrillic and all of Hangul, with digits of equal width. `subset_fonts.py` makes it.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR: Final = "SteadystateSans"
BOLD: Final = "SteadystateSans-Bold"
MISSING: Final = "□"
"""Stands for each character that the fonts cannot draw."""

ELLIPSIS: Final = "…"
_FOLDER: Final = Path(__file__).parent / "fonts"
_SPACES: Final = frozenset("\t\n\r\v\f\u0085\u00a0\u2028\u2029")


@cache
def _drawn() -> frozenset[int]:
    """Register the fonts once a process, and return the characters that both can draw."""
    faces = []
    for name, file in ((REGULAR, "Regular"), (BOLD, "Bold")):
        font = TTFont(name, str(_FOLDER / f"SteadystateSans-{file}.ttf"))
        pdfmetrics.registerFont(font)
        faces.append(frozenset(font.face.charToGlyph))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR)
    return faces[0] & faces[1]


def register_fonts() -> None:
    """Make the fonts known to reportlab."""
    _drawn()


def drawable(text: str) -> str:
    """Return a text in which every character can be drawn, on one line.

    White space becomes one space; characters without a shape (joiners, marks of direction) are
    left out; those that are missing from the fonts, and control characters, become `MISSING`.
    """
    drawn = _drawn()
    characters = []
    for character in unicodedata.normalize("NFC", text):
        if character in _SPACES or unicodedata.category(character) == "Zs":
            characters.append(" ")
        elif ord(character) in drawn:
            characters.append(character)
        elif unicodedata.category(character) not in ("Cf", "Mn", "Me"):
            characters.append(MISSING)
    return " ".join("".join(characters).split())


def marked_up(text: str, limit: int = 2000) -> str:
    """Return a text for a reportlab Paragraph: drawable, without markup, at most `limit` long."""
    return escape(clipped(drawable(text), limit))


def clipped(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters; what is left out is marked."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def width_of(text: str, font: str, size: float) -> float:
    """Return the width of a text in points."""
    _drawn()
    return float(pdfmetrics.stringWidth(text, font, size))


def shortened(text: str, font: str, size: float, width: float) -> str:
    """Return a drawable text cut to a width in points; what is left out is marked."""
    text = drawable(text)
    if width_of(text, font, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle].rstrip() + ELLIPSIS, font, size) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ELLIPSIS


def wrapped(text: str, font: str, size: float, width: float, most: int) -> list[str]:
    """Return at most `most` lines of a width in points; words longer than a line are broken."""
    rest, lines = drawable(text), list[str]()
    while rest:
        if len(lines) == most - 1:
            return [*lines, shortened(rest, font, size, width)]
        line = _first_line(rest, font, size, width)
        lines.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    return lines


def _first_line(text: str, font: str, size: float, width: float) -> str:
    if width_of(text, font, size) <= width:
        return text
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(text[:middle], font, size) <= width:
            low = middle
        else:
            high = middle - 1
    space = text.rfind(" ", 1, low + 1)
    return text[:space] if space > 0 else text[:low]
