"""E-values in words: "3.2 of 20", "over 1,000,000 of 20". Numbers stay exact where they are kept.

An e-value grows and shrinks without end, and beyond some point every one says the same.
"""

import re
from typing import Final

SMALLEST: Final = 0.001
LARGEST: Final = 1_000_000.0
"""E-values below the one and above the other are told by these; a limit is always told itself."""

_EXPONENT = re.compile(
    r"(\be-value (?:reached )?)([\d.]+(?:e[+-]?\d+)?)(?: of ([\d.]+(?:e\+\d+)?))?"
)


def evidence_text(value: float, limit: float, digits: int = 4) -> str:
    """Return an e-value and what it takes, to so many significant digits."""
    return f"{_value(value, limit, digits)} of {limit_text(limit, digits)}"


def limit_text(limit: float, digits: int = 4) -> str:
    """Return what an e-value must reach, to so many significant digits."""
    text = f"{limit:.{digits}g}"
    return f"{float(text):,.0f}" if "e+" in text else text


def largest_told(limit: float | None) -> float:
    """Return the largest e-value that is told itself, beside a limit."""
    return max(LARGEST, limit or 0.0)


def without_exponents(text: str) -> str:
    """Return words of an older record with its e-values as they are written now."""

    def told(match: re.Match[str]) -> str:
        head, value, limit = match.groups()
        if limit is None:
            return head + limit_text(float(value))
        return head + evidence_text(float(value), float(limit))

    return _EXPONENT.sub(told, text)


def _value(value: float, limit: float, digits: int) -> str:
    if value > largest_told(limit):
        return f"over {largest_told(limit):,.0f}"
    return limit_text(value, digits) if value >= SMALLEST else f"under {SMALLEST}"
