"""The kinds of values that documents are made of, and the base of all document models."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from steadystate.domain.bounds import Bound, parse_bound, written

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SELECTION = re.compile(r"all|[1-9]\d{0,2}|(?:100|[1-9]\d?)\s*%")


class Document(BaseModel):
    """Base of all models of written documents: unknown keys are errors that list the known ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _know_every_key(cls, value: Any) -> Any:
        if isinstance(value, dict):
            unknown = [key for key in value if key not in cls.model_fields]
            if unknown:
                raise ValueError(
                    f"unknown key {', '.join(map(quoted, unknown[:5]))}; "
                    f"allowed are {', '.join(cls.model_fields)}"
                )
        return value


def quoted(value: object) -> str:
    """Return a value as messages show it: on one line, and no longer than is needed to know it."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:80]}…"


def parse_duration(value: object) -> float:
    """Read a duration such as `300ms`, `45s`, `10m`, `1h`; return seconds.

    Raises
    ------
    ValueError
        No unit, a negative number, or more than 24 hours.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError(
            f"{quoted(value)} is no duration: "
            "write a positive number with ms, s, m or h, as in '10m'"
        )
    seconds = float(match["number"]) * _SECONDS[match["unit"]]
    if not 0 < seconds <= 86_400:
        raise ValueError(f"{quoted(value)} is out of range: a duration is over 0 and at most 24h")
    return seconds


def _bound(value: object) -> Bound:
    if isinstance(value, Bound):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is no bound: write text as in '< 5 %'")
    return parse_bound(value)


def _amount(value: object) -> Bound:
    if isinstance(value, Bound):
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{quoted(value)} is no amount: write a number and a unit, as in '250 ms'")
    amount = _bound(f"= {value}")
    if amount.relative:
        raise ValueError(f"{quoted(value)} is no amount: write a number and a unit, as in '250 ms'")
    return amount


def _selection(value: object) -> str:
    text = str(value).strip() if isinstance(value, (str, int)) else ""
    if not _SELECTION.fullmatch(text):
        raise ValueError(
            f"{quoted(value)} selects nothing: write a count (1), a share (50 %) or all"
        )
    return text


Duration = Annotated[
    float,
    BeforeValidator(parse_duration, json_schema_input_type=str),
    PlainSerializer(lambda seconds: f"{written(seconds)}s", return_type=str),
    Field(description="a number with a unit: 300ms, 45s, 10m, 1h"),
]
"""Seconds, written with a unit."""

BoundField = Annotated[
    Bound,
    BeforeValidator(_bound, json_schema_input_type=str),
    PlainSerializer(str, return_type=str),
]
"""A bound, written as text."""

Amount = Annotated[
    Bound,
    BeforeValidator(_amount, json_schema_input_type=str),
    PlainSerializer(lambda amount: str(amount).removeprefix("= "), return_type=str),
]
"""A number with a unit, written as text; kept as a bound of equality."""

Selection = Annotated[str, BeforeValidator(_selection, json_schema_input_type=str | int)]
"""How many targets: a count, a share, or all."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""Lower case, digits and dashes, starting with a letter."""

SliName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""Lower case, digits and underscores, starting with a letter."""

Language = Literal["en", "ko"]
"""The languages that reports are written in."""

Unit = Annotated[str, Field(pattern="^(percent|milliseconds|count|won)$")]
"""The unit in which an indicator's values are kept."""
