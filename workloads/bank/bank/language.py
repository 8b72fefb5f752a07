"""Korean and English: the texts, which language a visitor gets, how money and times are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("ko", "en")
# Korea has had no daylight saving since 1988: a fixed offset needs no time zone database.
KOREA: Final = timezone(timedelta(hours=9), "KST")
_TEXTS: Final = Path(__file__).with_name("texts")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


@cache
def texts(language: str) -> Mapping[str, str]:
    content: dict[str, str] = json.loads((_TEXTS / f"{language}.json").read_text("utf-8"))
    return content


def choose(query: str | None, cookie: str | None, accept_language: str) -> str:
    """The first that names a language we speak, in the order of the arguments; else Korean."""
    for wish in (query, cookie):
        if wish in LANGUAGES:
            return wish
    return _accepted(accept_language) or LANGUAGES[0]


def _accepted(header: str) -> str | None:
    best: str | None = None
    best_quality = 0.0
    for part in header.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        language = tag.partition("-")[0].lower()
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def money(won: int, language: str) -> str:
    """`1,000원` or `₩1,000`; a minus sign goes in front."""
    sign = "−" if won < 0 else ""
    return f"{sign}{abs(won):,}원" if language == "ko" else f"{sign}₩{abs(won):,}"


def moment(iso: str, language: str) -> str:
    """A time of the API (ISO 8601 with offset) as Korean local time, to the minute."""
    at = datetime.fromisoformat(iso).astimezone(KOREA)
    if language == "ko":
        return f"{at:%Y.%m.%d %H:%M}"
    return f"{at.day} {_MONTHS[at.month - 1]} {at:%Y, %H:%M}"
