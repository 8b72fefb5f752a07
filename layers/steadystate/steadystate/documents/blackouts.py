"""The blackout document: when no run starts."""

import re
from datetime import date, time
from typing import Annotated, Final, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from steadystate.documents.fields import Document, Name, quoted
from steadystate.domain.blackout import Blackout

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[str, ...]] = get_args(Weekday)
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{quoted(value)} is no time zone: write one of IANA's names, as Asia/Seoul"
        ) from None
    return value


def _day(value: object) -> object:
    """YAML reads 2026-12-24 as a date by itself; JSON has texts alone."""
    if isinstance(value, date) and type(value) is date:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return value
    raise ValueError(f"{quoted(value)} is no date: write it as 2026-12-24")


def _hours(value: object) -> str:
    if not isinstance(value, str) or not _HOURS.fullmatch(value):
        raise ValueError(
            f"{quoted(value)} are no hours: write 09:00-18:00, or 22:00-06:00 into the next day"
        )
    return value


Zone = Annotated[str, Field(max_length=100), AfterValidator(_zone)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=str)]
Hours = Annotated[str, BeforeValidator(_hours)]


class BlackoutDocument(Document):
    """One blackout. What is left out does not narrow it; `workloads` empty means all of them."""

    first_day: Day | None = None
    last_day: Day | None = None
    days: Annotated[list[Weekday], Field(max_length=7)] = []
    hours: Hours | None = None
    time_zone: Zone | None = None
    workloads: Annotated[list[Name], Field(max_length=100)] = []
    reason: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if not (self.first_day or self.last_day or self.days or self.hours):
            raise ValueError(
                "give first_day, last_day, days or hours: what never ends is `stop --all`"
            )
        if self.first_day and self.last_day and self.last_day < self.first_day:
            raise ValueError("last_day lies before first_day")
        return self


class Blackouts(Document):
    """When no run starts, by name. `time_zone` is that of all that name none."""

    document: Literal["steadystate/blackouts/v1"]
    time_zone: Zone = "UTC"
    blackouts: Annotated[dict[Name, BlackoutDocument], Field(max_length=200)]

    def of(self, workload: str) -> list[Blackout]:
        """Return the blackouts of a workload."""
        return [
            blackout_of(name, one, self.time_zone)
            for name, one in self.blackouts.items()
            if not one.workloads or workload in one.workloads
        ]


def blackout_of(name: str, document: BlackoutDocument, zone: str) -> Blackout:
    """Return a written blackout as the domain has it."""
    start, end = time(0), time(0)
    if match := _HOURS.fullmatch(document.hours or ""):
        start = time(int(match[1]), int(match[2]))
        end = time(int(match[3]), int(match[4])) if match[3] else time(0)
    return Blackout(
        name=name,
        zone=ZoneInfo(document.time_zone or zone),
        first=document.first_day,
        last=document.last_day,
        weekdays=frozenset(map(WEEKDAYS.index, document.days)) or frozenset(range(7)),
        start=start,
        end=end,
        reason=document.reason,
    )
