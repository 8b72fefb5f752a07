"""`recover` on whatever a canary left: several at once, with a load balancer that throttles and
refuses, a listener that is gone, and weights that somebody else set."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadystate.canary_contracts import Weights
from steadystate.domain.verdict import Verdict
from steadystate.errors import (
    LeaseLost,
    SplitFailed,
    SteadystateError,
    TrafficElsewhere,
    TransientError,
)
from tests.canary.sides import ORIGINAL
from tests.canary.test_chaos import GATED
from tests.canary.worlds import RUN, World, arn_of
from tests.run.recoveries import WAKES, side_by_side, to_the_end

PROMOTED = Weights(stable=0, canary=100)
FOREIGN = Weights(stable=3, canary=777)
BY_HAND = "By hand: give arn:listener/app/shop/1/2 the weights 100/0 (stable/canary)"


def shifted(**changes: Any) -> World:
    """A canary with 10 % of the traffic, whose execution is dead."""
    world = World(**changes)
    world.plan()
    world.until("bake")
    world.account.executions[arn_of(RUN)] = ("TIMED_OUT", "", "")
    return world


def test_weights_that_may_not_be_read_stay_owed_and_a_person_is_told_what_to_set() -> None:
    """Nobody can know that they are somebody else's, so the record stays open."""
    world = shifted()
    world.balancer.denies = "a policy of the organisation"
    told = to_the_end(world, world.clock.wait)
    assert len(told) == 3
    for error in told:
        assert isinstance(error, SplitFailed)
        assert "DescribeListeners: AccessDenied: a policy of the organisation" in str(error)
        assert BY_HAND in str(error)
    assert [r.state for r in world.table.undo_records(RUN)] == ["open"]
    assert RUN in world.table.open
    world.balancer.denies = ""
    assert to_the_end(world, world.clock.wait) == []
    assert world.balancer.weights == ORIGINAL
    assert world.clean()


def test_weights_that_may_not_be_set_stay_owed_and_a_person_who_sets_them_closes_the_run() -> None:
    world = shifted()
    world.balancer.refuses = "denied"
    (error, *_) = to_the_end(world, world.clock.wait)
    assert "ModifyListener: AccessDenied: denied" in str(error)
    assert BY_HAND in str(error)
    world.balancer.become(ORIGINAL)  # by hand
    assert to_the_end(world, world.clock.wait) == []
    (record,) = world.table.undo_records(RUN)
    assert record.found == "as they were: 100/0"
    assert world.clean()


def test_a_listener_that_was_deleted_leaves_nothing_to_restore() -> None:
    world = shifted()
    world.balancer.become(None)
    assert to_the_end(world, world.clock.wait) == []
    (record,) = world.table.undo_records(RUN)
    assert (record.state, record.found[:10]) == ("undone", "left alone")
    assert len(world.balancer.calls) == 1
    assert world.kept().verdict is Verdict.ERROR
    assert world.clean()


def test_a_shift_that_may_not_read_the_weights_is_no_word_against_anybody() -> None:
    world = World()
    world.plan()
    world.balancer.denies = "a policy of the organisation"
    with pytest.raises(SplitFailed, match="AccessDenied"):
        world.shift()
    assert world.kept().progress.stop is None
    assert not world.balancer.calls


def test_weights_and_a_gate_that_cannot_be_undone_are_both_told() -> None:
    world = World(steps=GATED)
    world.plan()
    world.until("bake")
    world.balancer.refuses = "denied"
    world.children.recovers = 3600.0
    with pytest.raises(SteadystateError) as told:
        world.undo()
    assert BY_HAND in str(told.value)
    assert "run canary-1-at-10 is not closed yet" in str(told.value)
    assert [r.state for r in world.table.undo_records(RUN)] == ["open", "open"]


@settings(max_examples=60)
@given(
    tasks=st.integers(0, 30),
    gate=st.booleans(),
    lost=st.sampled_from([None, 0.0, 3.0, 9.0]),
    status=st.sampled_from(["ABORTED", "TIMED_OUT", "FAILED"]),
    trouble=st.sampled_from(["none", "denies", "refuses", "throttles", "foreign", "gone"]),
    turns=st.lists(st.integers(0, WAKES), max_size=16),
)
def test_recoveries_at_once_end_with_the_right_weights_whatever_a_canary_left(
    tasks: int, gate: bool, lost: float | None, status: str, trouble: str, turns: list[int]
) -> None:
    world = World(steps=GATED if gate else [10, 100], bake="10s", final_bake="5s", history="2m")
    world.balancer.drain = 5.0
    if lost is not None:
        world.balancer.answers_lost, world.balancer.late_by = 1, lost
    world.plan()
    state = "shift"
    for _ in range(tasks):
        if state == "evaluate":
            break
        try:
            state = world.step(state)
        except LeaseLost:
            break
        except SteadystateError:
            world.clock.wait(1)
    world.account.executions[arn_of(RUN)] = (status, "", "")
    foreign = {"foreign": FOREIGN, "gone": None}
    if trouble in foreign:
        world.clock.wait(12)  # what this run itself may still set is over
        world.balancer.read(world.kept().plan.traffic)
        world.balancer.become(foreign[trouble])
    world.balancer.denies = "no" if trouble == "denies" else ""
    world.balancer.refuses = "no" if trouble == "refuses" else ""
    world.balancer.throttled = 5 if trouble == "throttles" else 0
    told = side_by_side(world, turns, world.clock.wait, world.shift)
    assert all(isinstance(e, TransientError) or "By hand: " in str(e) for e in told), told
    world.balancer.denies, world.balancer.refuses, world.balancer.throttled = "", "", 0
    assert to_the_end(world, world.clock.wait) == []
    with suppress(SteadystateError):
        world.shift()
    assert world.clean()
    world.clock.wait(60)
    with suppress(TrafficElsewhere):
        world.balancer.read(world.kept().plan.traffic)  # what comes late has come
    if trouble in foreign:
        assert world.balancer.weights == foreign[trouble]
    else:
        finished = world.kept().progress.phase == "done"
        assert world.balancer.weights == (PROMOTED if finished else ORIGINAL)
    assert all(r.state == "undone" and r.found for r in world.table.undo_records(RUN))
