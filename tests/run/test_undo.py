"""An undo where FIS refuses, forgets or throttles: it does all it can, and says what is left."""

import pytest

from steadystate.contracts import FaultState
from steadystate.errors import FaultFailed, TransientError, UndoIncomplete
from tests.run.worlds import RUN, World, arn_of


def injecting() -> World:
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), 600.0
    world.plan()
    world.watch()
    world.inject()
    return world


def test_a_template_that_cannot_be_deleted_does_not_keep_the_fault_going() -> None:
    world = injecting()

    def refused(run_id: str) -> str | None:
        raise UndoIncomplete("template EXT0 cannot be deleted: AccessDenied. By hand: aws fis …")

    world.fis.delete_templates = refused  # type: ignore[method-assign]
    with pytest.raises(UndoIncomplete, match=r"EXT0 cannot be deleted: AccessDenied. By hand"):
        world.undo()
    assert not world.fis.running()
    states = {r.what: r.state for r in world.table.undo_records(RUN)}
    assert states == {"fis-template": "open", "fis-experiment": "undone"}


def test_all_that_cannot_be_undone_is_named_at_once() -> None:
    world = injecting()

    def refused(*_: object) -> str | None:
        raise UndoIncomplete("no")

    world.fis.delete_templates = refused  # type: ignore[method-assign]
    world.fis.stop_experiments = refused  # type: ignore[method-assign]
    with pytest.raises(UndoIncomplete, match="no; no"):
        world.undo()


def test_an_experiment_that_fis_forgot_is_kept_as_it_was_last_seen() -> None:
    world = injecting()
    before = world.table.get(RUN)
    assert before is not None

    def forgotten(experiment_id: str) -> FaultState:
        raise FaultFailed(f"FIS does not know experiment {experiment_id} any more")

    world.fis.stop_experiments = lambda *_: "EXP0 gone from FIS"  # type: ignore[method-assign]
    world.fis.state = forgotten  # type: ignore[method-assign]
    assert world.undo() == 2
    after = world.table.get(RUN)
    assert after is not None
    assert after.progress.phase == "recovering"
    assert after.progress.fault == before.progress.fault


def test_a_recovery_that_is_throttled_midway_goes_on_where_it_was() -> None:
    """Each call of FIS throttles once; the machine tries each task again."""
    world = injecting()
    world.account.executions[arn_of(RUN)] = ("TIMED_OUT", "", "")
    delete, stop, throttled = world.fis.delete_templates, world.fis.stop_experiments, set[str]()

    def once(name: str) -> None:
        if name not in throttled:
            throttled.add(name)
            raise TransientError(f"{name}: ThrottlingException")

    def deleting(run_id: str) -> str | None:
        once("DeleteExperimentTemplate")
        return delete(run_id)

    def stopping(run_id: str, known_id: str | None = None) -> str | None:
        once("StopExperiment")
        return stop(run_id, known_id)

    world.fis.delete_templates = deleting  # type: ignore[method-assign]
    world.fis.stop_experiments = stopping  # type: ignore[method-assign]
    ((run_id, failure),) = world.leftovers()
    with pytest.raises(TransientError, match=r"DeleteExperimentTemplate.*StopExperiment"):
        world.undo(run_id)
    assert world.undo(run_id) == 2
    world.evaluate(failure, run_id)
    world.release(run_id)
    assert world.clean()
