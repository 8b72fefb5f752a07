"""What the sweep measures: undo that dead runs left, and leases that nobody renews."""

from steadystate.run.timing import LEASE_SECONDS
from tests.run.worlds import RUN, World, arn_of


def injecting() -> World:
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), 6000.0
    world.plan()
    world.watch()
    world.inject()
    return world


def test_without_runs_everything_is_zero_and_measured_all_the_same() -> None:
    world = World()
    world.leftovers()
    assert world.account.measured == {"OpenUndoAgeSeconds": 0.0, "LeaseSilenceSeconds": 0.0}


def test_an_undo_is_old_only_when_its_run_is_dead() -> None:
    world = injecting()
    opened_at = world.table.undo_records(RUN)[0].opened_at
    world.leftovers()
    assert world.account.measured["OpenUndoAgeSeconds"] == 0.0
    world.account.executions[arn_of(RUN)] = ("TIMED_OUT", "", "")
    world.clock.wait(901)
    world.leftovers()
    assert world.account.measured["OpenUndoAgeSeconds"] == world.clock.at - opened_at > 900
    world.undo()
    world.leftovers()
    assert world.account.measured["OpenUndoAgeSeconds"] == 0.0


def test_a_lease_that_is_not_renewed_is_silent_though_its_execution_runs() -> None:
    world = injecting()
    renewed_at = world.table.leases["bank"].until - LEASE_SECONDS
    world.clock.wait(1000)
    world.leftovers()
    assert world.account.measured["LeaseSilenceSeconds"] == world.clock.at - renewed_at
    world.watch()
    world.leftovers()
    assert world.account.measured["LeaseSilenceSeconds"] < 60
    world.account.executions[arn_of(RUN)] = ("ABORTED", "", "")
    world.undo()
    world.release()
    world.leftovers()
    assert world.account.measured["LeaseSilenceSeconds"] == 0.0
