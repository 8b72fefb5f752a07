"""Tasks delivered twice, answers lost, executions that die: weights end where they should."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steadystate.canary.shift import ACT_WITHIN_SECONDS, SETTLED_AFTER_SECONDS
from steadystate.canary_contracts import CanaryProgress, CanaryRun, Weights
from steadystate.domain.verdict import Verdict
from steadystate.errors import LeaseLost, SteadystateError, TransientError
from tests.canary.sides import ORIGINAL
from tests.canary.worlds import RUN, World, arn_of

PROMOTED = Weights(stable=0, canary=100)


def told(world: World, what: str) -> int:
    return [name for name, _ in world.account.announced].count(what)


def test_a_shift_that_is_delivered_twice_sets_weights_once() -> None:
    world = World()
    world.plan()
    answers = [world.shift(), world.shift(), world.shift()]
    assert [a.next for a in answers] == ["bake"] * 3
    assert len(world.balancer.calls) == 1
    assert told(world, "Weights Shifted") == 1
    assert len(world.table.undo_records(RUN)) == 1


def test_what_must_be_undone_and_what_is_intended_are_written_before_weights_are_set() -> None:
    world = World()
    world.plan()
    seen: list[Any] = []
    original = world.balancer.set

    def setting(traffic: Any, weights: Weights) -> Weights:
        seen.append((world.table.undo_records(RUN)[0].state, world.kept().progress.intended))
        return original(traffic, weights)

    world.balancer.set = setting  # type: ignore[method-assign]
    world.shift()
    assert seen == [("open", Weights(stable=90, canary=10))]
    assert world.kept().progress.intended is None


def test_weights_are_not_set_once_their_time_has_passed() -> None:
    world = World()
    world.plan()
    original = world.table.keep_look

    def slowly(run: CanaryRun, progress: CanaryProgress, look: Any = None) -> CanaryRun:
        kept = original(run, progress, look)
        world.clock.wait(ACT_WITHIN_SECONDS + 1)
        return kept

    world.table.keep_look = slowly  # type: ignore[method-assign, assignment]
    with pytest.raises(TransientError, match="took too long"):
        world.shift()
    assert not world.balancer.calls


def test_a_shift_whose_answer_was_lost_is_found_and_not_made_again() -> None:
    world = World()
    world.balancer.answers_lost = 1
    world.plan()
    with pytest.raises(TransientError):
        world.shift()
    assert world.shift().next == "bake"
    assert world.kept().progress.expected == Weights(stable=90, canary=10)


def test_an_undo_after_a_lost_answer_waits_until_nothing_more_can_come() -> None:
    world = World()
    world.balancer.answers_lost, world.balancer.late_by = 1, 8.0
    world.plan()
    with pytest.raises(TransientError):
        world.shift()
    intended_at = world.kept().progress.intended_at
    assert intended_at is not None
    world.undo()
    assert world.clock.at >= intended_at + SETTLED_AFTER_SECONDS
    assert world.balancer.weights == ORIGINAL
    assert not world.balancer.late


def test_a_lost_call_may_come_late_though_its_repetition_was_answered() -> None:
    world = World()
    world.balancer.answers_lost, world.balancer.late_by = 1, 5.0
    world.plan()
    with pytest.raises(TransientError):
        world.shift()
    assert world.shift().next == "bake"
    world.undo()
    world.clock.wait(30)
    assert world.balancer.read(world.kept().plan.traffic) == ORIGINAL


def test_an_undo_that_was_answered_waits_for_nothing() -> None:
    world = World()
    world.plan()
    world.shift()
    before = world.clock.at
    assert world.undo() == 1
    assert world.clock.at - before < 1.0
    assert world.balancer.weights == ORIGINAL


def test_weights_are_not_set_after_their_undo() -> None:
    world = World()
    world.plan()
    world.shift()
    world.undo()
    calls = len(world.balancer.calls)
    run = world.kept()
    update = {"phase": "shifting", "step": 1, "expected": ORIGINAL}
    world.table.save_progress(run, run.progress.model_copy(update=update))
    with pytest.raises(LeaseLost):
        world.shift()
    assert len(world.balancer.calls) == calls


def test_a_shift_that_an_undo_overtakes_between_its_record_and_its_intent_sets_nothing() -> None:
    """Also where that undo has not looked at the weights yet."""
    world = World()
    world.plan()
    opening, reading = world.table.open_undo, world.balancer.read

    def busy(traffic: Any) -> Weights:
        raise TransientError("DescribeListeners: Throttling")

    def overtaken(run: Any, what: Any, now: float) -> None:
        opening(run, what, now)
        world.table.open_undo = opening  # type: ignore[method-assign]
        world.balancer.read = busy  # type: ignore[method-assign]
        with pytest.raises(TransientError, match="Throttling"):
            world.undo()
        world.balancer.read = reading  # type: ignore[method-assign]

    world.table.open_undo = overtaken  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="went on meanwhile"):
        world.shift()
    with pytest.raises(LeaseLost):
        world.shift()
    assert not world.balancer.calls
    world.undo()
    assert world.balancer.weights == ORIGINAL


def test_an_undo_twice_restores_once_and_announces_once() -> None:
    world = World()
    world.plan()
    world.shift()
    assert [world.undo(), world.undo()] == [1, 1]
    assert told(world, "Run Undone") == 1
    assert len(world.balancer.calls) == 2


def test_a_look_that_said_to_go_back_says_it_again() -> None:
    world = World()
    world.plan()
    world.until("bake")
    world.sides.turn_worse(errors=0.3)
    while world.bake().next != "rollback":
        pass
    looks = len(world.table.looks(RUN))
    world.sides.turn_worse(errors=0.0)
    assert world.bake().next == "rollback"
    assert len(world.table.looks(RUN)) == looks
    assert told(world, "Going Back") == 1


def test_a_promoted_canary_that_dies_before_its_ledger_is_closed_keeps_its_weights() -> None:
    """It has proven all there was to prove; the end says that the weights stay."""
    world = World(steps=[100])
    world.plan()
    closing = world.table.close_undo

    def dies(*_: Any) -> None:
        raise TransientError("the table is busy")

    world.table.close_undo = dies  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        world.until("evaluate")
    world.table.close_undo = closing  # type: ignore[method-assign]
    world.account.executions[arn_of(RUN)] = ("ABORTED", "", "")
    world.recover()
    assert world.balancer.weights == PROMOTED
    assert "kept at 0/100: promoted" in world.kept().verdict_reason
    assert world.clean()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_weights_end_at_the_original_or_promoted_whatever_dies_or_comes_twice(
    data: st.DataObject,
) -> None:
    """Any step list; at any moment a task comes twice, an answer is lost, the execution dies, or
    somebody else sets weights: theirs are left alone, else all or nothing is the canary's."""
    steps = [*sorted(data.draw(st.sets(st.integers(1, 99), max_size=3))), 100]
    world = World(steps=steps, bake="10s", final_bake="5s", history="2m")
    world.balancer.drain = 5.0
    world.sides.requests_per_second = 400
    if data.draw(st.booleans()):
        world.sides.rates["errors"] = (0.001, data.draw(st.sampled_from([0.001, 0.4])))
    world.plan()
    state, foreign = "shift", None
    for _ in range(data.draw(st.integers(0, 40))):
        if state == "evaluate":
            break
        trouble = data.draw(st.sampled_from(["none", "none", "twice", "lost", "foreign"]))
        if trouble == "foreign" and foreign is None and not world.balancer.late:
            foreign = Weights(stable=data.draw(st.integers(1, 999)), canary=777)
            world.balancer.become(foreign)
        if trouble == "lost":
            world.balancer.answers_lost = 1
            world.balancer.late_by = data.draw(st.sampled_from([0.0, 3.0, 9.0]))
        try:
            if trouble == "twice":
                world.step(state)
            state = world.step(state)
        except LeaseLost:
            break  # undone already
        except SteadystateError:
            world.clock.wait(1)
    world.account.executions[arn_of(RUN)] = ("ABORTED", "", "")
    for _ in range(6):
        try:
            world.recover()
        except SteadystateError:
            world.clock.wait(15)
    world.clock.wait(60)
    now = world.balancer.read(world.kept().plan.traffic)
    if foreign is not None:
        assert now == foreign
    else:
        finished = world.kept().progress.phase == "done"
        assert now == (PROMOTED if finished else ORIGINAL)
    assert world.clean()
    assert world.kept().verdict is not Verdict.PASS or now == PROMOTED
