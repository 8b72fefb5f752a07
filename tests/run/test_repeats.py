"""Every task may be delivered twice, and answers may be lost: one effect, the same answer."""

import pytest

from steadystate.contracts import Event, Failure, FindLeftoversInput
from steadystate.domain.verdict import Verdict
from steadystate.errors import FaultFailed, LeaseLost, TransientError, UndoIncomplete
from steadystate.evidence import Evidence
from steadystate.run.fault import ACT_WITHIN_SECONDS, SETTLED_AFTER_SECONDS
from steadystate.run.judgement import ABORTED
from steadystate.run.recover import find_leftovers
from steadystate.run.undo import LOOKS
from tests.run.worlds import RUN, World, arn_of


def injecting(lasts: float = 600.0) -> World:
    """A world in the middle of a fault that outlasts the test."""
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), lasts
    world.plan()
    assert world.watch().next == "inject"
    assert world.inject().next == "watch"
    return world


def finished() -> World:
    world = injecting(lasts=8.0)
    while world.watch().next == "watch":
        pass
    world.undo()
    while world.watch().next != "evaluate":
        pass
    return world


def test_a_fault_that_is_started_twice_is_one_fault() -> None:
    world = injecting()
    again = world.inject()
    assert again.phase == "injecting"
    assert len(world.fis.experiments) == 1
    assert len(world.fis.templates) == 1
    assert [what for what, _ in world.account.announced].count("Fault Started") == 1
    assert len(world.table.undo_records(RUN)) == 2


def test_a_first_look_that_found_the_service_steady_says_so_again_and_looks_no_more() -> None:
    world = World()
    world.plan()
    assert [world.watch().next for _ in range(3)] == ["inject"] * 3
    assert len(world.table.samples(RUN)) == 1
    assert [what for what, _ in world.account.announced].count("Steady") == 1


def test_a_look_that_saw_the_fault_end_says_so_again_and_looks_no_more() -> None:
    world = injecting(lasts=8.0)
    while world.watch().next == "watch":
        pass
    looks = len(world.table.samples(RUN))
    assert [world.watch().next for _ in range(2)] == ["undo"] * 2
    assert len(world.table.samples(RUN)) == looks
    assert [what for what, _ in world.account.announced].count("Fault Over") == 1


def test_a_look_that_saw_the_recovery_says_so_again_and_looks_no_more() -> None:
    world = finished()
    looks = len(world.table.samples(RUN))
    assert [world.watch().next for _ in range(2)] == ["evaluate"] * 2
    assert len(world.table.samples(RUN)) == looks
    assert [what for what, _ in world.account.announced].count("Recovered") == 1


def test_what_must_be_undone_is_written_before_it_is_done() -> None:
    world = World()
    world.fis.refuses = "no"
    world.plan()
    world.watch()
    seen: list[int] = []
    original = world.fis.create_template

    def create_template(plan: object) -> str:
        seen.append(len(world.table.undo_records(RUN)))
        return original(plan)  # type: ignore[arg-type]

    world.fis.create_template = create_template  # type: ignore[method-assign]
    with pytest.raises(FaultFailed):
        world.inject()
    assert seen == [2]


def test_a_fault_is_not_started_once_its_time_has_passed() -> None:
    world = World()
    world.plan()
    world.watch()
    original = world.fis.create_template

    def slowly(plan: object) -> str:
        world.clock.wait(ACT_WITHIN_SECONDS + 1)
        return original(plan)  # type: ignore[arg-type]

    world.fis.create_template = slowly  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="took too long"):
        world.inject()
    assert "start" not in world.fis.calls
    assert world.undo() == 2
    assert not world.fis.templates


def test_a_fault_is_not_started_after_its_undo() -> None:
    world = World()
    world.plan()
    world.watch()
    world.table.open_undo(world.table.get(RUN), ["fis-template"], world.clock.at)  # type: ignore[arg-type]
    world.undo()
    with pytest.raises(LeaseLost):
        world.inject()
    assert "start" not in world.fis.calls


def test_an_undo_after_a_lost_answer_waits_until_nothing_more_can_come() -> None:
    world = World()
    world.fis.answers_start, world.fis.lasts = False, 600.0
    world.plan()
    world.watch()
    with pytest.raises(TransientError, match="lost"):
        world.inject()
    assert world.fis.running()
    opened_at = world.table.undo_records(RUN)[0].opened_at
    assert world.undo() == 2
    assert world.clock.at >= opened_at + SETTLED_AFTER_SECONDS
    assert not world.fis.running()
    assert not world.fis.templates


def test_an_effect_that_comes_while_the_undo_waits_is_undone_too() -> None:
    world = World()
    world.fis.lasts = 600.0
    world.plan()
    world.watch()
    run = world.table.get(RUN)
    assert run is not None
    world.table.open_undo(run, ["fis-template", "fis-experiment"], world.clock.at)
    original, waited = world.fis.stop_experiments, [0]

    def late(run_id: str, known_id: str | None = None) -> str | None:
        waited[0] += 1
        if waited[0] == 5:
            world.fis.start(run.plan, "EXT0")
        return original(run_id)

    world.fis.stop_experiments = late  # type: ignore[method-assign]
    world.undo()
    assert waited[0] > 5 or not world.fis.running()
    assert not world.fis.running()


def test_an_undo_that_is_answered_waits_for_nothing() -> None:
    world = injecting()
    before = world.clock.at
    assert world.undo() == 2
    assert world.clock.at - before < 1.0


def test_an_undo_twice_closes_once_and_announces_once() -> None:
    world = injecting()
    assert [world.undo(), world.undo(), world.undo()] == [2, 2, 2]
    assert [what for what, _ in world.account.announced].count("Run Undone") == 1
    run = world.table.get(RUN)
    assert run is not None
    assert run.progress.phase == "recovering"
    first = run.progress.undone_at
    world.clock.wait(5)
    world.undo()
    again = world.table.get(RUN)
    assert again is not None
    assert again.progress.undone_at == first


def test_of_two_undos_at_once_one_closes_a_record_and_tells_of_it() -> None:
    world = injecting()
    deleting = world.fis.delete_templates

    def overtaken(run_id: str) -> str | None:
        world.fis.delete_templates = deleting  # type: ignore[method-assign]
        world.undo()
        world.clock.wait(5)
        return deleting(run_id)

    world.fis.delete_templates = overtaken  # type: ignore[method-assign]
    begun = world.clock.at
    assert world.undo() == 2
    assert [what for what, _ in world.account.announced].count("Run Undone") == 1
    verified = [r.verified_at for r in world.table.undo_records(RUN)]
    assert all(at is not None and at < begun + 5 for at in verified)


def test_an_undo_reads_back_until_fis_has_stopped() -> None:
    world = injecting()
    world.fis.stops_within = 10.0
    assert world.undo() == 2
    assert world.fis.experiments["EXP0"].status == "stopped"
    records = {r.what: r for r in world.table.undo_records(RUN)}
    assert records["fis-experiment"].found == "stopped"
    assert records["fis-template"].found == "no template left"


def test_an_undo_that_cannot_be_read_back_stays_open_and_is_tried_again() -> None:
    world = injecting()
    world.fis.stops_within = LOOKS * 0.5 + 20.0
    with pytest.raises(
        UndoIncomplete, match=r"fis-experiment \(EXP0\) of run run-1 is not undone yet"
    ):
        world.undo()
    states = {r.what: r.state for r in world.table.undo_records(RUN)}
    assert states == {"fis-template": "undone", "fis-experiment": "open"}
    with pytest.raises(UndoIncomplete):
        world.release()
    assert RUN in world.table.open
    assert world.undo() == 2
    world.release()
    assert world.clean()


def test_a_judgement_is_made_once_and_the_first_one_stays() -> None:
    world = finished()
    first = world.evaluate()
    evidence, writes = world.account.evidence[RUN], world.table.writes
    world.clock.wait(5)
    assert world.evaluate() == first
    assert world.evaluate(Failure(error=ABORTED)) == first
    assert world.account.evidence[RUN] == evidence
    assert world.table.writes == writes
    assert [what for what, _ in world.account.announced].count("Run Finished") == 1


def test_a_watch_that_said_the_end_says_it_again() -> None:
    world = finished()
    assert world.watch().next == "evaluate"
    assert world.watch().phase == "done"


def test_a_release_twice_closes_once() -> None:
    world = finished()
    world.evaluate()
    world.release()
    world.plan("run-2")
    world.release()
    assert world.table.leases["bank"].run_id == "run-2"
    assert [what for what, _ in world.account.announced].count("Run Released") == 1


@pytest.mark.parametrize("looks", range(6))
@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_a_run_whose_execution_died_at_any_moment_is_recovered_once(
    looks: int, status: str
) -> None:
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), 8.0
    world.plan()
    following = "watch"
    for _ in range(looks):
        following = world.step(following)
    world.account.executions[arn_of(RUN)] = (status, "", "")
    for run_id, failure in world.leftovers():
        world.undo(run_id)
        world.evaluate(failure, run_id)
        world.release(run_id)
    assert world.clean()
    assert world.leftovers() == []
    run = world.table.get(RUN)
    assert run is not None
    expected = Verdict.INCONCLUSIVE if status == "ABORTED" else Verdict.ERROR
    assert run.verdict is expected
    assert world.account.evidence[RUN]
    assert world.service.faulted_at is None or not world.fis.running()


def test_a_recovery_that_ran_twice_at_once_judges_once() -> None:
    world = injecting()
    world.account.executions[arn_of(RUN)] = ("TIMED_OUT", "", "")
    both = [find_leftovers(FindLeftoversInput(), world.recovering).runs[0] for _ in range(2)]
    for left in both:
        world.undo(left.run_id)
    answers = [world.evaluate(left.failure, left.run_id) for left in both]
    for left in both:
        world.release(left.run_id)
    assert answers[0] == answers[1]
    told = [what for what, _ in world.account.announced]
    assert told.count("Run Finished") == told.count("Run Released") == 1
    assert world.clean()


def test_evidence_tells_of_the_undo_though_who_closed_it_comes_late() -> None:
    """One recovery has read back what it undid; before it tells of it, another one does all."""
    world = injecting()
    world.account.executions[arn_of(RUN)] = ("TIMED_OUT", "", "")
    ((_, failure),) = world.leftovers()
    tell = world.table.add_event

    def late(run_id: str, event: Event) -> None:
        world.table.add_event = tell  # type: ignore[method-assign]
        world.clock.wait(1.0)
        world.undo()
        world.evaluate(failure)
        world.release()
        tell(run_id, event)

    world.table.add_event = late  # type: ignore[method-assign]
    world.undo()
    answer = world.evaluate(failure)
    world.release()
    evidence = Evidence.model_validate_json(world.account.evidence[RUN])
    assert answer.verdict == evidence.verdict
    told = [(e.at, e.detail) for e in evidence.timeline if e.what == "undone"]
    verified = max(u.verified_at for u in evidence.undo if u.verified_at)
    assert told == [(verified, "records read back: 2")]
    for what in ("undone", "judged", "released"):
        assert [e.what for e in world.table.events(RUN)].count(what) == 1, what
    announced = [what for what, _ in world.account.announced]
    for what in ("Run Undone", "Run Finished", "Run Released"):
        assert announced.count(what) == 1, what


def test_a_run_that_goes_on_is_left_alone_by_a_recovery() -> None:
    world = injecting()
    assert world.leftovers() == []
    assert world.fis.running()
