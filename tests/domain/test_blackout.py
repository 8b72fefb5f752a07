"""Blackouts: held against a wall clock that is read minute by minute."""

from datetime import UTC, date, datetime, time, timedelta
from time import thread_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadystate.domain.blackout import DAY, Blackout, in_force

MINUTE = timedelta(minutes=1)
ZONES = [
    "UTC",
    "Asia/Seoul",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Sao_Paulo",  # changed at midnight
    "Pacific/Apia",  # left out a whole day
    "Asia/Kathmandu",
]
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),
]
minutes = st.integers(0, 24 * 60 - 1).map(lambda m: time(m // 60, m % 60))


def read_clock(blackout: Blackout, day: date) -> tuple[datetime, datetime] | None:
    """The window of a day, from the definition: by reading the wall clock each minute."""
    starts = datetime.combine(day, blackout.start)
    ends = datetime.combine(day if blackout.end > blackout.start else day + DAY, blackout.end)
    moment = datetime.combine(day, time(0), UTC) - 2 * DAY
    clock = [moment + n * MINUTE for n in range(6 * 24 * 60)]
    walls = [m.astimezone(blackout.zone).replace(tzinfo=None) for m in clock]
    first = next(m for m, w in zip(clock, walls, strict=True) if w >= starts)
    last = max(m for m, w in zip(clock, walls, strict=True) if w < ends) + MINUTE
    return (first, last) if first < last else None


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@pytest.mark.parametrize("hours", [("00:00", "00:00"), ("02:30", "03:30"), ("01:15", "02:15")])
@pytest.mark.parametrize("before", [-1, 0, 1])
def test_a_window_around_a_change_of_the_clock_is_what_the_clock_shows(
    zone: str, day: date, hours: tuple[str, str], before: int
) -> None:
    start, end = (time.fromisoformat(text) for text in hours)
    blackout = Blackout("b", ZoneInfo(zone), start=start, end=end)
    wanted = day + before * DAY
    assert blackout.window(wanted) == read_clock(blackout, wanted)


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2010, 1, 1), date(2030, 1, 1)),
    start=minutes,
    end=minutes,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    after=st.integers(-3000, 3000),
)
def test_a_moment_is_in_force_exactly_in_the_windows_of_its_days(
    zone: str, day: date, start: time, end: time, weekdays: frozenset[int], after: int
) -> None:
    blackout = Blackout("b", ZoneInfo(zone), weekdays=weekdays, start=start, end=end)
    now = datetime.combine(day, start, UTC) + after * MINUTE
    windows = [w for n in range(-5, 6) if (w := blackout.window(now.date() + n * DAY))]
    inside = [w for w in windows if w[0] <= now < w[1]]
    found = in_force([blackout], now)
    assert (found is not None) == bool(inside)
    assert blackout.end_of(now) == max((w[1] for w in inside), default=None)
    for begins, ends in windows:
        local = begins.astimezone(blackout.zone)
        assert begins < ends <= begins + 2 * DAY
        assert local.date().weekday() in weekdays or local.time() != start


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2025, 1, 1), date(2028, 1, 1)),
    spans=st.lists(st.tuples(minutes, minutes), min_size=1, max_size=4),
    minute=st.integers(0, 1439),
)
def test_the_end_that_is_told_is_the_first_moment_at_which_a_run_may_start(
    zone: str, day: date, spans: list[tuple[time, time]], minute: int
) -> None:
    known = [
        Blackout(str(n), ZoneInfo(zone), start=start, end=end)
        for n, (start, end) in enumerate(spans)
    ]
    now = datetime.combine(day, time(0), UTC) + minute * MINUTE
    found = in_force(known, now)
    if found is None:
        assert all(b.end_of(now) is None for b in known)
        return
    if found.until is None:
        assert all(in_force(known, now + n * 9 * DAY) for n in range(2))
        return
    assert in_force(known, found.until) is None
    probe = now
    while probe < found.until and probe < now + DAY:
        assert in_force(known, probe)
        probe += 53 * MINUTE


def test_a_freeze_of_days_ends_after_its_last_one() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    freeze = Blackout("year-end", seoul, first=date(2026, 12, 24), last=date(2027, 1, 2))
    before = datetime(2026, 12, 23, 23, 59, tzinfo=seoul)
    assert in_force([freeze], before) is None
    found = in_force([freeze], before + MINUTE)
    assert found is not None
    assert found.blackout is freeze
    assert found.until == datetime(2027, 1, 3, tzinfo=seoul)


def test_a_night_from_friday_belongs_to_friday() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    nights = Blackout("n", seoul, weekdays=frozenset({4}), start=time(22), end=time(6))
    saturday = datetime(2026, 11, 21, 5, 59, tzinfo=seoul)
    assert in_force([nights], saturday)
    assert in_force([nights], saturday + MINUTE) is None
    assert in_force([nights], saturday - DAY) is None


def test_blackouts_that_touch_are_one_and_the_end_is_that_of_the_last() -> None:
    zone = ZoneInfo("UTC")
    morning = Blackout("morning", zone, start=time(6), end=time(12))
    evening = Blackout("evening", zone, start=time(12), end=time(20))
    found = in_force([morning, evening], datetime(2026, 11, 21, 7, tzinfo=UTC))
    assert found is not None
    assert (found.blackout, found.until) == (morning, datetime(2026, 11, 21, 20, tzinfo=UTC))


def test_the_fullest_calendar_is_read_soon() -> None:
    """Entries that follow on each other all year: each could be looked at from each."""
    entries = [
        Blackout(str(n), ZoneInfo("Europe/Berlin"), start=clock(n * 7), end=clock((n + 1) * 7))
        for n in range(200)
    ]
    rest = Blackout("rest", ZoneInfo("Europe/Berlin"), start=clock(1400))
    now = datetime(2027, 1, 15, 8, tzinfo=UTC)
    began = thread_time()
    found = in_force([*entries, rest], now)
    assert found is not None
    assert found.until is None
    assert thread_time() - began < 20.0  # looked at from each, it takes minutes
    short = in_force(entries, now)
    assert short is not None
    assert short.until == datetime(2027, 1, 15, 23, 20, tzinfo=ZoneInfo("Europe/Berlin"))


def clock(minute: int) -> time:
    return time(minute // 60, minute % 60)


def test_one_that_never_ends_says_so() -> None:
    found = in_force([Blackout("always", ZoneInfo("UTC"))], datetime(2026, 11, 21, tzinfo=UTC))
    assert found is not None
    assert found.until is None
