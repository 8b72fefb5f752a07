"""The blackout document: what it means, and what of it is refused with its place."""

from datetime import UTC, datetime
from typing import Any

import pytest

from steadystate.documents.blackouts import Blackouts
from steadystate.documents.loading import load
from steadystate.domain.blackout import in_force
from steadystate.errors import InvalidDocument
from tests.documents.calendars import CALENDAR


def read(text: str = CALENDAR) -> Blackouts:
    document = load(text, "blackouts.yaml")
    assert isinstance(document, Blackouts)
    return document


@pytest.mark.parametrize(
    ("workload", "utc", "name"),
    [
        ("bank", "2026-11-20T00:00", "office"),  # 09:00 on Friday in Seoul
        ("bank", "2026-11-20T08:59", "office"),
        ("bank", "2026-11-20T09:00", None),
        ("bank", "2026-11-21T00:00", None),
        ("chat", "2026-11-20T00:00", None),
        ("chat", "2026-11-20T21:30", "night"),  # 22:30 in Berlin
        ("chat", "2026-11-20T23:00", None),
        ("chat", "2026-12-23T15:00", "year-end"),
        ("chat", "2026-12-23T14:59", None),
        ("chat", "2027-01-02T14:59", "year-end"),
        ("chat", "2027-01-02T15:00", None),
    ],
)
def test_a_calendar_means_what_it_says(workload: str, utc: str, name: str | None) -> None:
    found = in_force(read().of(workload), datetime.fromisoformat(utc).replace(tzinfo=UTC))
    assert (found.blackout.name if found else None) == name


@pytest.mark.parametrize(
    ("part", "wrong", "line"),
    [
        ("Asia/Seoul", "Asia/Seol", "time_zone: 'Asia/Seol' is no time zone"),
        ("Asia/Seoul", "../etc/passwd", "time_zone: '../etc/passwd' is no time zone"),
        ("Europe/Berlin", '""', "night.time_zone: '' is no time zone"),
        ("09:00-18:00", "9-18", "office.hours: '9-18' are no hours"),
        ("09:00-18:00", "24:00-09:00", "office.hours: '24:00-09:00' are no hours"),
        ("2026-12-24", "24.12.2026", "year-end.first_day: '24.12.2026' is no date"),
        ('"2027-01-02"', '"2027-02-30"', "year-end.last_day"),
        ('"2027-01-02"', "2026-12-01", "year-end: last_day lies before first_day"),
        ("wed,", "wen,", "office.days.2: Input should be 'mon'"),
        ("hours: 22:00-24:00, ", "", "night: give first_day, last_day, days or hours"),
        ("hours: 22", "hour: 22", "night: unknown key 'hour'; allowed are first_day"),
        ("workloads: [bank]", "workloads: [Bank]", "office.workloads.0"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(part: str, wrong: str, line: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read(CALENDAR.replace(part, wrong))
    assert f"blackouts.yaml: blackouts.{line}" in str(refused.value) or (
        f"blackouts.yaml: {line}" in str(refused.value)
    )


def test_a_calendar_without_blackouts_blacks_out_nothing() -> None:
    empty = read("document: steadystate/blackouts/v1\nblackouts: {}\n")
    assert empty.of("bank") == []


def test_a_calendar_that_is_written_out_reads_back_the_same() -> None:
    before = read()
    after: Any = Blackouts.model_validate(before.model_dump(mode="json"))
    assert after == before
