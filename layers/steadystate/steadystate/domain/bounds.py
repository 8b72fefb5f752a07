"""Bounds as people write them: `< 5 %`, `<= 2 x baseline`, `>= 3`, `= 0`."""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

UNITS: dict[str, str] = {
    "%": "percent",
    "percent": "percent",
    "ms": "milliseconds",
    "milliseconds": "milliseconds",
    "s": "milliseconds",
    "": "count",
    "count": "count",
    "requests": "count",
    "won": "won",
    "KRW": "won",
}
"""The units that a bound may be written in, and the unit that each is kept in."""

SYMBOLS = {"percent": " %", "milliseconds": " ms", "count": "", "won": " KRW"}

_FACTORS = {"s": 1000.0}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_BOUND = re.compile(
    r"\s*(?P<compare><=|>=|<|>|=)\s*(?P<number>\d+(?:\.\d+)?)\s*"
    r"(?:(?P<relative>x\s*baseline)|(?P<unit>[A-Za-z%]*))\s*"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on an indicator. `unit` is None when the number multiplies the baseline."""

    compare: str
    number: float
    unit: str | None

    @property
    def relative(self) -> bool:
        """Whether the limit is a multiple of the baseline."""
        return self.unit is None

    @property
    def upper(self) -> bool:
        """Whether larger values are worse."""
        return self.compare in ("<", "<=", "=")

    def limit(self, baseline: float | None, floor: float | None = None) -> float | None:
        """Return the limit as a number in the indicator's unit; None where the baseline gives none.

        `floor` is the smallest limit that means anything to a user: twice 4 ms is no damage.
        Without it a multiple of a baseline of 0 means nothing.
        """
        if not self.relative:
            return self.number
        if baseline is None or (baseline <= 0 and floor is None):
            return None
        return max(self.number * baseline, floor or 0.0)

    def holds(self, value: float, limit: float) -> bool:
        """Say whether the value keeps the limit."""
        return _COMPARE[self.compare](value, limit)

    def __str__(self) -> str:
        number = written(self.number)
        symbol = " x baseline" if self.unit is None else SYMBOLS[self.unit]
        return f"{self.compare} {number}{symbol}"


def parse_bound(text: str) -> Bound:
    """Read a bound.

    Raises
    ------
    ValueError
        The text is no bound; the message says what is allowed.
    """
    match = _BOUND.fullmatch(text)
    if not match:
        raise ValueError(
            f"{text[:80]!r} is no bound: write a comparison (<, <=, >, >=, =), a number and a unit "
            "(%, ms, s, or none for a count), or `x baseline`, as in '< 5 %' or '< 2 x baseline'"
        )
    unit = None if match["relative"] else match["unit"]
    if unit is not None and unit not in UNITS:
        raise ValueError(
            f"{text[:80]!r} has the unknown unit {unit[:20]!r}: allowed are %, ms, s, KRW, none"
        )
    number = float(match["number"]) * _FACTORS.get(unit or "", 1.0)
    if not math.isfinite(number):
        raise ValueError("the number of the bound is too large")
    return Bound(match["compare"], number, None if unit is None else UNITS[unit])


def written(number: float) -> str:
    """Return a number in plain digits that read back as the very same number."""
    digits = format(Decimal(repr(number)), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def shown(value: float, unit: str) -> str:
    """Return a value with its unit as people read it, to three significant places or better."""
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{number}{SYMBOLS.get(unit, ' ' + unit)}"
