"""The kill switch: nothing starts while it is pulled, and what runs ends by its undo."""

from datetime import UTC, datetime

import pytest

from steadystate.contracts import Halt
from steadystate.domain.verdict import Verdict
from steadystate.errors import Halted, TransientError
from tests.run.worlds import RUN, World

KIM = Halt(who="kim", why="customers call", when=datetime(2026, 11, 21, 8, tzinfo=UTC))
WORDS = "halted by kim since 2026-11-21 08:00:00 UTC: customers call"


def unreadable(error: Exception) -> World:
    world = World()

    def halt() -> Halt | None:
        raise error

    world.account.halt = halt  # type: ignore[method-assign]
    return world


def test_no_run_starts_while_it_is_pulled_and_nothing_is_touched() -> None:
    world = World()
    world.account.halted = KIM
    with pytest.raises(Halted, match=f"no run starts: {WORDS}; .* steadystate resume"):
        world.plan()
    assert not world.touched()
    world.account.halted = None
    world.plan()


@pytest.mark.parametrize("error", [Halted("cannot be read"), TransientError("throttled")])
def test_a_switch_that_cannot_be_read_lets_no_run_start(error: Exception) -> None:
    world = unreadable(error)
    with pytest.raises(type(error)):
        world.plan()
    assert not world.touched()


def test_a_run_that_is_halted_before_its_fault_ends_without_one() -> None:
    world = World()
    world.plan()
    world.account.halted = KIM
    assert world.watch().next == "evaluate"
    judged = world.evaluate()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.reason == f"stopped before it was over: {WORDS}"
    world.release()
    assert not world.fis.calls
    assert world.clean()


def test_a_run_that_is_halted_right_before_its_fault_opens_no_undo() -> None:
    world = World()
    world.plan()
    assert world.watch().next == "inject"
    world.account.halted = KIM
    assert world.inject().next == "evaluate"
    assert world.inject().next == "evaluate"
    assert world.watch().next == "evaluate"
    assert world.evaluate().verdict is Verdict.INCONCLUSIVE
    assert not world.fis.calls
    assert world.table.undo_records(RUN) == []


def test_a_run_that_is_halted_between_template_and_fault_starts_none_and_is_undone() -> None:
    world = World()
    world.plan()
    world.watch()
    create = world.fis.create_template

    def then_halted(plan: object) -> str:
        world.account.halted = KIM
        return create(plan)  # type: ignore[arg-type]

    world.fis.create_template = then_halted  # type: ignore[method-assign]
    assert world.inject().next == "undo"
    assert "start" not in world.fis.calls
    assert world.undo() == 2
    while world.watch().next != "evaluate":
        pass
    judged = world.evaluate()
    assert (judged.verdict, judged.reason) == (
        Verdict.INCONCLUSIVE,
        f"stopped before it was over: {WORDS}",
    )
    world.release()
    assert world.clean()


def test_a_fault_that_acts_is_undone_at_the_next_look() -> None:
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), 600.0
    world.plan()
    world.watch()
    assert world.inject().next == "watch"
    world.account.halted = KIM
    assert world.watch().next == "undo"
    assert world.watch().next == "undo", "an answer that was lost is said again"
    world.undo()
    assert not world.fis.running()
    while world.watch().next != "evaluate":
        pass
    assert world.evaluate().verdict is Verdict.INCONCLUSIVE
    world.release()
    assert world.clean()
    assert "halted" in [e.what for e in world.table.events(RUN)]


@pytest.mark.parametrize("error", [Halted("cannot be read"), TransientError("throttled")])
def test_a_switch_that_cannot_be_read_lets_no_fault_start(error: Exception) -> None:
    world = World()
    world.plan()
    world.watch()

    def halt() -> Halt | None:
        raise error

    world.account.halt = halt  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        world.inject()
    assert not world.fis.calls


def test_a_switch_that_breaks_between_template_and_fault_lets_no_fault_start() -> None:
    world = World()
    world.plan()
    world.watch()
    create, halt = world.fis.create_template, world.account.halt

    def broken() -> Halt | None:
        raise TransientError("GetParameter: ThrottlingException")

    def then_broken(plan: object) -> str:
        world.account.halt = broken  # type: ignore[method-assign]
        return create(plan)  # type: ignore[arg-type]

    world.fis.create_template = then_broken  # type: ignore[method-assign]
    with pytest.raises(TransientError):
        world.inject()
    assert "start" not in world.fis.calls
    world.account.halt = halt  # type: ignore[method-assign]
    assert world.undo() == 2


def test_a_look_that_cannot_ask_the_switch_says_so_and_goes_on() -> None:
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), 600.0
    world.plan()
    world.watch()
    world.inject()

    def broken() -> Halt | None:
        raise TransientError("GetParameter: ThrottlingException")

    world.account.halt = broken  # type: ignore[method-assign]
    assert world.watch().next == "watch"
    assert "kill switch: GetParameter: ThrottlingException" in world.table.samples(RUN)[-1].notes
