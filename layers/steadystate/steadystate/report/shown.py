"""Values as people read them, in English and in Korean."""

from datetime import datetime
from decimal import Decimal

from steadystate.documents.fields import Language

_UNITS = {
    "en": {"percent": " %", "milliseconds": " ms", "won": " KRW"},
    "ko": {"percent": " %", "milliseconds": " ms", "won": "원"},
}


def number(value: float) -> str:
    """Return a number in plain digits, to three significant places or better."""
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    digits = format(Decimal(f"{value:.3g}"), "f")
    return "0" if digits in ("-0", "0") else digits


def amount(value: float | None, unit: str, language: Language) -> str:
    """Return a value with its unit; a dash where there is none."""
    return "–" if value is None else number(value) + _UNITS[language].get(unit, "")


def seconds(value: float, language: Language) -> str:
    """Return a measured time to a tenth of a second."""
    return f"{value:,.1f} s" if language == "en" else f"{value:,.1f}초"


def duration(value: float, language: Language) -> str:
    """Return a time that somebody set: in minutes where it is whole minutes from two up."""
    if value >= 120 and value % 60 == 0:
        return f"{value / 60:,.0f} min" if language == "en" else f"{value / 60:,.0f}분"
    return f"{number(value)} s" if language == "en" else f"{number(value)}초"


def dollars(value: float, language: Language) -> str:
    """Return dollars to a tenth of a cent."""
    return f"{value:,.3f} USD" if language == "en" else f"{value:,.3f}달러"


def clock(at: datetime) -> str:
    """Return a time of day to the second."""
    return f"{at:%H:%M:%S}"


def minute(at: datetime) -> str:
    """Return a time of day to the minute."""
    return f"{at:%H:%M}"


def day(at: datetime, language: Language) -> str:
    """Return a date."""
    if language == "en":
        return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"
    return f"{at.year}년 {at.month}월 {at.day}일"


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
