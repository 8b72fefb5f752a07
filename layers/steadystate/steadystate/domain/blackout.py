"""Blackouts: dates, weekdays and hours of a wall clock in which no run starts.

A window belongs to the day on which it begins, and may end on the next one. It is one stretch of
time: from the first moment at which the wall clock has reached its start, to the last at which it
has not reached its end. So an hour that the clock repeats lies within it whole, and an hour that
the clock leaps over makes it shorter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
LOOK_AHEAD_DAYS: Final = 200
"""How far the end of a blackout is looked for."""

_EARLIEST_DAY: Final = timedelta(hours=16)
"""How long before UTC's midnight a day begins somewhere, at the most."""


@dataclass(frozen=True, slots=True)
class Blackout:
    """Days from `first` to `last`, both included, on `weekdays` (Monday is 0), from `start` to
    `end` of the clock in `zone`. An `end` that is not after `start` is on the next day."""

    name: str
    zone: ZoneInfo
    first: date | None = None
    last: date | None = None
    weekdays: frozenset[int] = frozenset(range(7))
    start: time = time(0)
    end: time = time(0)
    reason: str = ""

    def window(self, day: date) -> tuple[datetime, datetime] | None:
        """Return the window that begins on a day, in UTC; None where the day has none."""
        early = self.first is not None and day < self.first
        late = self.last is not None and day > self.last
        if early or late or day.weekday() not in self.weekdays:
            return None
        ends_on = day if self.end > self.start else day + DAY
        begins = _moment(datetime.combine(day, self.start), self.zone, latest=False)
        ends = _moment(datetime.combine(ends_on, self.end), self.zone, latest=True)
        return (begins, ends) if begins < ends else None

    def end_of(self, now: datetime) -> datetime | None:
        """Return when the window around a moment ends; None where the moment is in none."""
        today = now.astimezone(self.zone).date()
        windows = (self.window(today + n * DAY) for n in (-2, -1, 0, 1))
        return max((w[1] for w in windows if w and w[0] <= now < w[1]), default=None)


@dataclass(frozen=True, slots=True)
class InForce:
    """A blackout that a moment lies in. `until` is the first moment at which a run may start, the
    other blackouts considered; None where none comes within LOOK_AHEAD_DAYS."""

    blackout: Blackout
    until: datetime | None


def in_force(blackouts: Iterable[Blackout], now: datetime) -> InForce | None:
    """Return the blackout that `now`, an aware time, lies in, and when runs may start again."""
    known = list(blackouts)
    first = next((b for b in known if b.end_of(now)), None)
    return InForce(first, _first_free(known, now)) if first else None


def _first_free(known: Iterable[Blackout], now: datetime) -> datetime | None:
    """Return the first moment from `now` on that lies in no window; None for a far one.

    Day by day, so that the work grows with the entries and not with how they follow on each other.
    """
    free, windows = now, list[tuple[datetime, datetime]]()
    today = now.astimezone(UTC).date()
    for n in range(-3, LOOK_AHEAD_DAYS):
        windows += [w for b in known if (w := b.window(today + n * DAY))]
        for begins, ends in sorted(windows):
            if begins > free:
                break
            free = max(free, ends)
        windows = [w for w in windows if w[1] > free]
        tomorrow = datetime.combine(today + (n + 1) * DAY, time(0), UTC)
        if free < tomorrow - _EARLIEST_DAY:
            return free
    return None


def _moment(wall: datetime, zone: ZoneInfo, *, latest: bool) -> datetime:
    """Return the moment at which a wall clock shows `wall`: of two the one that is asked for, and
    where it leaps over `wall` the moment of the leap."""
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early <= late:
        return late if latest else early
    before, after = late, early  # the clock leaps over `wall`, somewhere between these
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
