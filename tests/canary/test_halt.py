"""The kill switch and the calendar, for canaries: nothing starts or moves, what moved goes back."""

from collections.abc import Callable

import pytest

from steadystate.canary_contracts import Weights
from steadystate.contracts import Halt
from steadystate.domain.verdict import Verdict
from steadystate.errors import Halted, InBlackout, SteadystateError, TransientError
from tests.canary.sides import ORIGINAL
from tests.canary.test_chaos import GATED
from tests.canary.test_gate import waiting
from tests.canary.worlds import RUN, World

KIM = Halt(who="kim", why="customers call")
UNREADABLE = pytest.mark.parametrize("error", [Halted("cannot be read"), TransientError("busy")])


def unreadable(world: World, error: Exception) -> Callable[[], Halt | None]:
    """Let the switch answer with an error; return what it was before."""
    before = world.account.halt

    def halt() -> Halt | None:
        raise error

    world.account.halt = halt  # type: ignore[method-assign]
    return before


@UNREADABLE
def test_a_switch_that_cannot_be_read_lets_no_canary_start(error: SteadystateError) -> None:
    world = World()
    unreadable(world, error)
    with pytest.raises(type(error)):
        world.plan()
    assert not world.table.writes


@UNREADABLE
def test_a_switch_that_cannot_be_read_lets_no_weights_move(error: SteadystateError) -> None:
    world = World()
    world.plan()
    before = unreadable(world, error)
    with pytest.raises(type(error)):
        world.shift()
    assert not world.balancer.calls
    assert world.table.undo_records(RUN) == []
    world.account.halt = before  # type: ignore[method-assign]
    assert world.shift().next == "bake"


@UNREADABLE
def test_a_switch_that_cannot_be_read_lets_no_gate_begin(error: SteadystateError) -> None:
    world = World(steps=GATED)
    world.plan()
    world.until("experiment")
    unreadable(world, error)
    with pytest.raises(type(error)):
        world.gate()
    assert not world.children.starts
    assert [r.what for r in world.table.undo_records(RUN)] == ["weights"]


@UNREADABLE
def test_a_look_that_cannot_ask_the_switch_says_so_and_bakes_on(error: SteadystateError) -> None:
    world = World()
    world.plan()
    world.until("bake")
    unreadable(world, error)
    assert world.bake().next == "bake"
    assert f"kill switch: {error}" in world.table.looks(RUN)[-1].notes


def test_a_canary_that_waits_for_a_person_goes_back_within_a_minute_of_the_halt() -> None:
    world = waiting()
    world.account.halted = KIM
    world.watch_gates()
    assert world.gates.closed["token-1"][0] == "GateClosed"
    assert "customers call" in world.gates.closed["token-1"][1]
    assert world.answered(None) == "rollback"
    world.until("evaluate", "rollback")
    assert world.evaluate().verdict is Verdict.INCONCLUSIVE
    assert world.balancer.weights == ORIGINAL


def test_an_experiment_of_a_gate_is_stopped_with_its_canary_when_all_is_halted() -> None:
    world = World(steps=GATED)
    world.plan()
    world.until("bake")
    world.account.halted = KIM
    world.until("evaluate", "bake")
    assert [e.status for e in world.children.executions.values()] == ["ABORTED"]
    assert world.balancer.weights == ORIGINAL


# The world's clock says 2027-01-15 08:00:00 UTC, a Friday.
CALENDAR = """\
document: steadystate/blackouts/v1
blackouts:
  sales: {days: [fri], hours: 08:00-09:00, workloads: [shop]}
"""


def test_no_canary_starts_in_a_blackout_and_one_that_began_goes_on() -> None:
    world = World()
    world.library.extra["blackouts"] = CALENDAR
    with pytest.raises(InBlackout, match="blackout sales: it ends 2027-01-15 09:00 UTC"):
        world.plan()
    assert not world.table.writes
    world.clock.wait(3600)
    world.plan()
    world.library.extra["blackouts"] = CALENDAR.replace("08:00-09:00", "09:00-10:00")
    world.until("evaluate")
    assert world.evaluate().verdict is Verdict.PASS


def test_a_way_back_is_taken_in_a_blackout_too() -> None:
    world = World()
    world.run()
    assert world.balancer.weights == Weights(stable=0, canary=100)
    world.library.extra["blackouts"] = CALENDAR
    world.input = {"rollback": RUN}
    assert world.run("back-1").verdict is Verdict.PASS
    assert world.balancer.weights == ORIGINAL
