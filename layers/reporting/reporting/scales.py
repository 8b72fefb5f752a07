"""Axes: where values and times lie in a drawing, and which of them are written beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from reporting.words import Words

_DAY: Final = 86_400
_STEPS: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10_800, 21_600, 43_200, 86_400,
)  # fmt: skip


@dataclass(frozen=True)
class TimeAxis:
    """Epoch seconds from `start` to `end`; times are written as seconds since `origin`."""

    start: float
    end: float
    origin: float

    def share(self, at: float) -> float:
        """Return where an instant lies: 0 at the start, 1 at the end, and never outside."""
        length = max(self.end - self.start, 1e-9)
        return min(1.0, max(0.0, (at - self.start) / length))

    def ticks(self, words: Words, most: int = 8) -> list[tuple[float, str]]:
        """Return instants to be written, each as seconds since the origin."""
        return [(at, written_time(at - self.origin, words)) for at in self._round(most)]

    def _round(self, most: int) -> list[float]:
        length = self.end - self.start
        step = next((s for s in _STEPS if length / s <= most), 86_400 * math.ceil(length / 6e5))
        first = math.ceil((self.start - self.origin) / step)
        last = math.floor((self.end - self.origin) / step)
        return [self.origin + k * step for k in range(first, last + 1)]


@dataclass(frozen=True)
class DateAxis(TimeAxis):
    """Like `TimeAxis`, with dates (UTC) beside it; `origin` is a midnight."""

    def ticks(self, words: Words, most: int = 8) -> list[tuple[float, str]]:  # noqa: ARG002 - dates are digits
        """Return instants to be written, each as a date, with its time where it is no midnight."""
        instants = self._round(most)
        days = all(at % _DAY == 0 for at in instants)
        form = "%Y-%m-%d" if days else "%m-%d %H:%M"
        return [(at, f"{datetime.fromtimestamp(at, UTC):{form}}") for at in instants]


def written_time(offset: float, words: Words) -> str:
    """Return seconds since the origin as they stand at an axis."""
    if abs(offset) < 0.5:
        return "0"
    sign, size = ("−" if offset < 0 else "+"), round(abs(offset))
    for unit, length in (("h", 3600), ("min", 60)):
        if size % length == 0 and size >= length:
            return f"{sign}{size / length:.0f}{words[unit]}"
    return f"{sign}{size:.0f}{words['s']}"


@dataclass(frozen=True)
class ValueAxis:
    """Values from `low` to `high`, on a logarithmic scale where `logarithmic`."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies: 0 at the bottom, 1 at the top, and never outside."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
        return min(1.0, max(0.0, (value - low) / (high - low)))


def linear(values: Sequence[float]) -> ValueAxis:
    """Return an axis from 0 (or the lowest value under it) to a little above the highest."""
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    if high - low < 1e-12:
        high = low + 1.0
    room = (high - low) * 0.12
    step = _nice((high - low + room) / 4)
    bottom = math.floor(low / step) * step if low < 0 else 0.0
    top = max(high + room, step)
    count = math.floor((top - bottom) / step + 1e-9)
    return ValueAxis(bottom, top, tuple(bottom + k * step for k in range(count + 1)))


def logarithmic(values: Sequence[float]) -> ValueAxis:
    """Return an axis of powers of ten around the values; what is not above 0 is at its bottom."""
    above = [v for v in values if v > 0] or [1.0]
    low = max(-12, math.floor(math.log10(min(above))))
    high = min(300, math.ceil(math.log10(max(above)) + 0.15))
    high = max(high, low + 1)
    step = max(1, math.ceil((high - low) / 6))
    ticks = tuple(10.0**k for k in range(low, high + 1, step))
    return ValueAxis(10.0**low, 10.0**high, ticks, True)


def _nice(step: float) -> float:
    """Return the next of 1, 2, 2.5, 5, 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= step * (1 - 1e-9))
