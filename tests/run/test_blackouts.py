"""No run starts in a blackout; it is told which one, and when it ends."""

import pytest

from steadystate.errors import InBlackout, InvalidDocument
from tests.documents.shipped import ShippedLibrary
from tests.run.worlds import World

# The world's clock says 2027-01-15 08:00:00 UTC, a Friday; in Seoul it is 17:00.
OFFICE = """\
document: steadystate/blackouts/v1
time_zone: Asia/Seoul
blackouts:
  office: {days: [fri], hours: 09:00-18:00, reason: people work}
"""


def world_with(calendar: str) -> World:
    return World(ShippedLibrary({"blackouts": calendar}))


def test_a_run_in_a_blackout_is_refused_with_its_name_and_end_and_touches_nothing() -> None:
    world = world_with(OFFICE)
    with pytest.raises(InBlackout) as refused:
        world.plan()
    assert str(refused.value) == (
        "no run starts in the blackout office (people work): it ends 2027-01-15 18:00 Asia/Seoul"
    )
    assert not world.touched()


def test_a_run_starts_in_the_second_in_which_the_blackout_ends() -> None:
    world = world_with(OFFICE)
    world.clock.wait(3599)
    with pytest.raises(InBlackout):
        world.plan()
    world.clock.wait(1)
    world.plan()


def test_a_blackout_of_another_workload_is_none() -> None:
    world_with(OFFICE.replace("reason:", "workloads: [chat], reason:")).plan()
    with pytest.raises(InBlackout):
        world_with(OFFICE.replace("reason:", "workloads: [bank], reason:")).plan()


def test_a_blackout_without_an_end_in_sight_says_so() -> None:
    world = world_with(OFFICE.replace("days: [fri], hours: 09:00-18:00", "first_day: 2027-01-01"))
    with pytest.raises(InBlackout, match="its end is far"):
        world.plan()


def test_a_calendar_that_is_wrong_lets_no_run_start() -> None:
    world = world_with(OFFICE.replace("fri", "friday"))
    with pytest.raises(InvalidDocument, match=r"blackouts.yaml: blackouts.office.days.0"):
        world.plan()
    assert not world.touched()
