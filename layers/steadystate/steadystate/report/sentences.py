"""A text taken apart into sentences, in English and Korean."""

import re

_END = re.compile(r"(?<=[.!?。…])[\"”’)\]]*\s+|\n+")
_SHORT = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|approx|ca|no|p\.m|a\.m)|^\W*\d{1,2})\.$", re.I)
_OPEN, _CLOSED = "“‘「『(", "”’」』)"


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text; what stands in quotes or brackets is not split."""
    sentences: list[str] = []
    start = 0
    for match in _END.finditer(text):
        piece = text[start : match.start()]
        closed = sum(piece.count(c) for c in _CLOSED) + sum(match[0].count(c) for c in _CLOSED)
        opened = sum(piece.count(c) for c in _OPEN)
        if "\n" not in match[0] and (opened > closed or _SHORT.search(piece)):
            continue
        sentences.append((piece + match[0]).strip())
        start = match.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]
