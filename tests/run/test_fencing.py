"""A run that is too late does nothing: not in the middle of a look, not beside another judge."""

import json
from collections.abc import Callable, Sequence

import pytest

from steadystate.contracts import Failure
from steadystate.domain.recovery import Tick
from steadystate.domain.verdict import Verdict
from steadystate.errors import LeaseLost, TransientError
from steadystate.run.fault import ACT_WITHIN_SECONDS
from steadystate.run.judgement import ABORTED
from tests.run.worlds import RUN, Lease, World


def during_probes(world: World, happens: Callable[[], None]) -> None:
    """Let something happen while the next look is probing."""
    probe = world.service.probe

    def probing(*arguments: object) -> Sequence[Tick]:
        world.service.probe = probe  # type: ignore[method-assign]
        happens()
        return probe(*arguments)  # type: ignore[arg-type]

    world.service.probe = probing  # type: ignore[assignment,method-assign]


def taken_over(world: World) -> Callable[[], None]:
    def take() -> None:
        world.table.leases["bank"] = Lease("another", world.clock.at, world.clock.at + 900)

    return take


def test_a_look_in_which_the_lease_is_lost_keeps_nothing() -> None:
    world = World()
    world.plan()
    before = world.table.runs[RUN]
    during_probes(world, taken_over(world))
    with pytest.raises(LeaseLost):
        world.watch()
    assert world.table.samples(RUN) == []
    assert world.table.runs[RUN] == before


def test_a_fault_that_starts_while_its_run_is_undone_is_not_taken_for_one_that_goes_on() -> None:
    """The execution was stopped; its last task still works, beside `recover`."""
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), 600.0
    world.plan()
    world.watch()
    during_probes(world, lambda: world.undo() and None)
    with pytest.raises(TransientError, match="too long"):
        world.inject()
    run = world.table.get(RUN)
    assert run is not None
    assert run.progress.fault is None
    assert all(r.state == "undone" for r in world.table.undo_records(RUN))
    assert not world.fis.running()
    assert not world.fis.templates


def test_a_task_that_wakes_after_the_undo_began_starts_nothing() -> None:
    world = World()
    world.plan()
    world.watch()
    world.undo()
    with pytest.raises(LeaseLost):
        world.inject()
    assert "create_template" not in world.fis.calls


def test_a_template_is_not_made_once_its_time_has_passed() -> None:
    world = World()
    world.plan()
    world.watch()
    open_undo = world.table.open_undo

    def slowly(*arguments: object) -> None:
        open_undo(*arguments)  # type: ignore[arg-type]
        world.clock.wait(ACT_WITHIN_SECONDS + 0.1)

    world.table.open_undo = slowly  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="too long"):
        world.inject()
    assert "create_template" not in world.fis.calls


def test_a_guardrail_that_trips_in_a_look_that_came_second_trips_in_the_next() -> None:
    """Two deliveries at once: the later one is refused, and its retry sees the run as it is."""
    world = World()
    world.service.effect, world.service.of, world.fis.lasts = (0.0, 600.0), 1, 600.0
    world.plan()
    world.watch()
    assert world.inject().next == "watch"
    during_probes(world, lambda: world.watch() and None)
    with pytest.raises(TransientError):
        world.watch()
    answer = world.watch()
    while answer.next == "watch":
        answer = world.watch()
    assert answer.next == "undo"
    looks = [s.look for s in world.table.samples(RUN)]
    assert looks == list(range(len(looks)))


def test_of_two_judges_at_once_the_evidence_says_what_the_verdict_says() -> None:
    world = World()
    world.plan()
    world.watch()
    events = world.table.events
    both = []

    def judged_meanwhile(run_id: str) -> object:
        world.table.events = events  # type: ignore[method-assign]
        both.append(world.evaluate(Failure(error=ABORTED, cause="by hand", state="baseline")))
        return events(run_id)

    world.table.events = judged_meanwhile  # type: ignore[assignment,method-assign]
    both.append(world.evaluate(Failure(error="States.Timeout", state="Watch Window")))
    assert both[0] == both[1]
    assert both[0].verdict is Verdict.INCONCLUSIVE
    stored = json.loads(world.account.evidence[RUN])
    run = world.table.get(RUN)
    assert run is not None
    assert (stored["verdict"], stored["verdict_reason"]) == (run.verdict, run.verdict_reason)
    assert [what for what, _ in world.account.announced].count("Run Finished") == 1
    assert [line["what"] for line in stored["timeline"]].count("judged") == 1


def test_evidence_that_was_stored_before_a_crash_gives_the_verdict_afterwards() -> None:
    world = World()
    world.plan()
    world.watch()
    save = world.table.save_verdict
    world.table.save_verdict = lambda *_: 1 / 0  # type: ignore[assignment,method-assign]
    with pytest.raises(ZeroDivisionError):
        world.evaluate(Failure(error=ABORTED, state="baseline"))
    world.table.save_verdict = save  # type: ignore[method-assign]
    answer = world.evaluate(Failure(error="Sandbox.Timedout", state="Evaluate Run"))
    assert answer.verdict is Verdict.INCONCLUSIVE
    run = world.table.get(RUN)
    assert run is not None
    assert json.loads(world.account.evidence[RUN])["verdict"] == run.verdict
