"""Names and texts that people wrote, as plain text that cannot disturb the text around it."""

import unicodedata

# What turns the direction of the text after it around, or is not seen at all. The zero-width joiner
# (U+200D) stays: emoji are made with it.
_UNSEEN = {
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2060, 0x2070)),
    "\u061c",
    "\u180e",
    "\u200b",
    "\u200e",
    "\u200f",
    "\ufeff",
}


def plain(text: str, longest: int = 200) -> str:
    """Return a text on one line: no control characters, no marks of direction, no half characters.

    What is longer than `longest` characters ends in an ellipsis.
    """
    kept = []
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        if character.isspace() or category in ("Cc", "Zl", "Zp"):
            kept.append(" ")
        elif category == "Cs":
            kept.append("\ufffd")
        elif character not in _UNSEEN:
            kept.append(character)
    line = " ".join("".join(kept).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
