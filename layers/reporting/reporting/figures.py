"""Numbers and times as a reader wants them, in the reader's language."""

import math
from datetime import UTC, datetime

from reporting.words import Words
from steadystate.evidence import IntervalEvidence
from steadystate.report.shown import amount

NOTHING = "–"


def value(number: float | None, unit: str, words: Words) -> str:
    """Return a measured value with its unit."""
    if number is None or not math.isfinite(number):
        return NOTHING
    if unit == "seconds":
        return seconds(number, words)
    return amount(number, unit, words.language).replace("-", "−")


def bound(text: str) -> str:
    """Return a bound with the signs of print."""
    return text.replace("<=", "≤").replace(">=", "≥").replace(" x baseline", " × baseline")


def seconds(number: float, words: Words) -> str:
    """Return a length of time: `0.4 s`, `90 s`, `4 min 5 s`, `2 h 3 min`."""
    s, minute, hour = words["s"], words["min"], words["h"]
    if number < 120:
        return f"{number:.1f}".removesuffix(".0") + s
    whole = round(number)
    if whole < 3600:
        rest = f" {whole % 60}{s}" if whole % 60 else ""
        return f"{whole // 60}{minute}{rest}"
    rest = f" {whole % 3600 // 60}{minute}" if whole % 3600 // 60 else ""
    return f"{whole // 3600}{hour}{rest}"


def interval(value: IntervalEvidence | None, words: Words) -> str:
    """Return an interval of seconds: `0.3–0.6 s`, `at least 12 s`."""
    if value is None:
        return NOTHING
    if value.high is None:
        return words["at_least"].format(seconds=seconds(value.low, words))
    low, high = seconds(value.low, words), seconds(value.high, words)
    if low == high:
        return low
    if value.high < 120:
        return f"{low.removesuffix(words['s'])}{words['to']}{high}"
    return f"{low} {words['to']} {high}"


def moment(at: datetime) -> str:
    """Return an instant to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    """Return the time of day to a tenth of a second."""
    at = at.astimezone(UTC)
    return f"{at:%H:%M:%S}.{at.microsecond // 100_000}"


def since(number: float, words: Words) -> str:
    """Return seconds from the origin of the charts, signed."""
    sign = "−" if number < -0.05 else "+"
    return sign + seconds(abs(number), words)


def dollars(number: float) -> str:
    """Return US dollars: four places under one dollar, two above."""
    return f"${number:,.4f}" if abs(number) < 1 else f"${number:,.2f}"


def count(number: float) -> str:
    """Return a whole number."""
    return f"{number:,.0f}"


def clock_of(at: float | None) -> str:
    """Return the time of day of an epoch second."""
    return NOTHING if at is None else clock(datetime.fromtimestamp(at, UTC))


def evidence(e_value: float, words: Words) -> str:
    """Return an e-value: as a number up to a million, as a power of ten above."""
    if not math.isfinite(e_value) or e_value >= 1e6:
        return "> 10^300" if not math.isfinite(e_value) else f"10^{math.log10(e_value):.0f}"
    return "< 0.001" if 0 < e_value < 0.001 else value(e_value, "count", words)
