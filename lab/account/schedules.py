"""EventBridge schedules that really fire: `rate(…)`, `at(…)` and `cron(…)`."""

import calendar
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class ScheduleError(Exception):
    """The expression is none that the lab understands; the message names it."""


@dataclass(frozen=True)
class Schedule:
    """An enabled schedule. `fire` gets the scheduled time; `once` is called after an `at(…)`."""

    key: str
    expression: str
    created: datetime
    timezone: str
    start: datetime | None
    end: datetime | None
    immediately: bool
    fire: Callable[[datetime], object]
    once: Callable[[], object] = lambda: None


def next_time(schedule: Schedule, after: datetime | None) -> datetime | None:
    """When it fires next, after its last time (None: it never fired); None for never again.

    Raises ScheduleError.
    """
    kind, _, rest = schedule.expression.strip().partition("(")
    text = rest.rstrip(")").strip()
    zone = ZoneInfo(schedule.timezone)
    begin = max(schedule.created, schedule.start or schedule.created)
    if kind == "rate":
        step = _rate(text, schedule.expression)
        first = begin if schedule.immediately else begin + step
        found: datetime | None = first if after is None else after + step
    elif kind == "at":
        moment = datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        found = moment if after is None and moment >= begin - timedelta(minutes=1) else None
    elif kind == "cron":
        found = _cron(text, schedule.expression, after or begin, zone)
    else:
        raise ScheduleError(f"unknown schedule expression {schedule.expression}")
    return None if found and schedule.end and found > schedule.end else found


def _rate(text: str, expression: str) -> timedelta:
    match = re.fullmatch(r"(\d+)\s+(minute|hour|day)s?", text)
    if match is None or match[1] == "0":
        raise ScheduleError(f"unknown schedule expression {expression}")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _cron(text: str, expression: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The next minute that matches; the fields are minute, hour, day, month, weekday, year."""
    fields = text.split()
    if len(fields) != 6:
        raise ScheduleError(f"{expression}: six fields are needed")
    months = [name.upper() for name in calendar.month_abbr]
    try:
        minutes, hours = _values(fields[0], 0, 59), _values(fields[1], 0, 23)
        days, in_months = _values(fields[2], 1, 31), _values(fields[3], 1, 12, months)
        weekdays, years = _values(fields[4], 1, 7, ("", *_DAYS)), _values(fields[5], 1970, 2199)
    except ValueError as error:
        raise ScheduleError(f"{expression}: {error}") from error
    moment = after.astimezone(zone).replace(second=0, microsecond=0) + timedelta(minutes=1)
    limit = moment + timedelta(days=366 * 5)
    while moment < limit:
        fits = moment.month in in_months and moment.day in days and moment.year in years
        if not fits or (moment.isoweekday() % 7) + 1 not in weekdays:
            moment = (moment + timedelta(days=1)).replace(hour=0, minute=0)
        elif moment.hour not in hours:
            moment = (moment + timedelta(hours=1)).replace(minute=0)
        elif moment.minute not in minutes:
            moment += timedelta(minutes=1)
        else:
            return moment.astimezone(UTC)
    return None


def _values(field: str, low: int, high: int, names: Iterable[str] = ()) -> set[int]:
    number = {name: str(index) for index, name in enumerate(names) if name}
    found: set[int] = set()
    for part in field.upper().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        first, last = number.get(first, first), number.get(last, last)
        if first in ("*", "?"):
            begin, end = low, high
        else:
            begin = int(first)
            end = int(last) if last else (high if step else begin)
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


class Clock:
    """Looks at the schedules twice a second, and fires those that are due."""

    def __init__(self, current: Callable[[], list[Schedule]]) -> None:
        self._current = current
        self._due: dict[str, tuple[str, datetime | None]] = {}
        self._refused: set[str] = set()

    def start(self) -> None:
        threading.Thread(target=self._run, name="schedules", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self.look(datetime.now(UTC))
            except Exception:
                log.exception("the schedules could not be read")
            time.sleep(_LOOK_SECONDS)

    def look(self, now: datetime) -> None:
        """Fire what is due at `now`, each schedule at most once."""
        schedules = self._current()
        for schedule in schedules:
            try:
                self._look_at(schedule, now)
            except ScheduleError as error:
                if schedule.key not in self._refused:
                    log.warning("schedule %s never fires in the lab: %s", schedule.key, error)
                    self._refused.add(schedule.key)
        known = {schedule.key for schedule in schedules}
        self._due = {key: due for key, due in self._due.items() if key in known}

    def _look_at(self, schedule: Schedule, now: datetime) -> None:
        expression, due = self._due.get(schedule.key, ("", None))
        if expression != schedule.expression:  # new, or changed
            due = next_time(schedule, None)
        if due is not None and due <= now:
            fired, due = due, next_time(schedule, max(due, now - timedelta(seconds=1)))
            try:
                schedule.fire(fired)
            except Exception:
                log.exception("schedule %s: its target failed", schedule.key)
            if schedule.expression.startswith("at("):
                schedule.once()
        self._due[schedule.key] = (schedule.expression, due)


def filled(text: str, scheduled: datetime, arn: str) -> str:
    """The target's input with the scheduler's context attributes filled in."""
    values = {
        "scheduled-time": scheduled.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "schedule-arn": arn,
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def scheduled_event(rule_arn: str, region: str, account: str, at: datetime) -> dict[str, Any]:
    """The event that a rule with a schedule sends to its targets."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [rule_arn],
        "detail": {},
    }
