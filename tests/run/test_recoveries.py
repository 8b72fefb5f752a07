"""`recover` on whatever an experiment left: several at once, with an FIS that throttles, refuses
and forgets. It ends clean, or says by which command a person ends it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadystate.contracts import FaultState
from steadystate.errors import FaultFailed, SteadystateError, TransientError, UndoIncomplete
from tests.run.recoveries import WAKES, side_by_side, to_the_end
from tests.run.worlds import RUN, World, arn_of

THROTTLED = TransientError("ThrottlingException")
REFUSED = UndoIncomplete("AccessDenied. By hand: aws fis …")
TROUBLES = [None, None, THROTTLED, REFUSED]


class Trouble:
    """What FIS says to the calls of an undo, one after the other; then it does what is asked."""

    def __init__(self, world: World, says: list[SteadystateError | None]) -> None:
        self.says = says
        fis: Any = world.fis
        fis.delete_templates = self._troubled(fis.delete_templates)
        fis.stop_experiments = self._troubled(fis.stop_experiments)

    def _troubled(self, call: Callable[..., str | None]) -> Callable[..., str | None]:
        def troubled(*arguments: Any) -> str | None:
            if self.says and (error := self.says.pop(0)):
                raise error
            return call(*arguments)

        return troubled


def forgotten(world: World) -> None:
    """FIS keeps experiments for a while only; what it forgot is over."""
    for one in world.fis.running():
        world.fis.experiments[one].ends_at = world.clock.at

    def unknown(experiment_id: str) -> FaultState:
        raise FaultFailed(f"FIS does not know experiment {experiment_id} any more")

    world.fis.state = unknown  # type: ignore[method-assign]


def played(world: World, tasks: int) -> None:
    """A run that dies after some of its tasks."""
    world.plan()
    following = "watch"
    for _ in range(tasks):
        world.clock.wait(0.2)
        try:
            following = world.step(following)
        except SteadystateError:
            return


@settings(max_examples=120)
@given(
    tasks=st.integers(0, 12),
    lasts=st.sampled_from([3.0, 600.0]),
    answered=st.booleans(),
    forgets=st.booleans(),
    status=st.sampled_from(["ABORTED", "TIMED_OUT", "FAILED"]),
    says=st.lists(st.sampled_from(TROUBLES), max_size=12),
    turns=st.lists(st.integers(0, WAKES), max_size=20),
)
def test_recoveries_at_once_end_clean_whatever_a_run_left_and_fis_says(
    tasks: int,
    lasts: float,
    answered: bool,
    forgets: bool,
    status: str,
    says: list[SteadystateError | None],
    turns: list[int],
) -> None:
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), lasts
    world.fis.answers_start = answered
    played(world, tasks)
    world.account.executions[arn_of(RUN)] = (status, "", "")
    if forgets:
        forgotten(world)
    trouble = Trouble(world, says)
    told = side_by_side(world, turns, world.clock.wait, world.inject)
    assert all(isinstance(e, TransientError) or "By hand: aws fis" in str(e) for e in told), told
    trouble.says.clear()
    assert to_the_end(world, world.clock.wait) == []
    with suppress(SteadystateError):
        world.inject()
    assert world.clean()
    assert world.account.measured["OpenUndoAgeSeconds"] == 0.0
    announced = [what for what, _ in world.account.announced]
    assert announced.count("Run Finished") == announced.count("Run Released") == 1
    run = world.table.get(RUN)
    assert run is not None
    assert run.verdict is not None


def test_as_long_as_fis_refuses_the_run_stays_open_and_each_sweep_tells_the_command() -> None:
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), 6000.0
    played(world, 2)
    world.account.executions[arn_of(RUN)] = ("TIMED_OUT", "", "")
    trouble = Trouble(world, [REFUSED] * 6)
    told = to_the_end(world, world.clock.wait)
    assert len(told) == 3
    assert all("By hand: aws fis" in str(error) for error in told)
    assert world.fis.running()
    assert RUN in world.table.open
    assert world.account.measured["OpenUndoAgeSeconds"] > 0
    assert trouble.says == []
    assert to_the_end(world, world.clock.wait) == []
    assert world.clean()


@pytest.mark.parametrize("first", [THROTTLED, REFUSED], ids=["throttled", "refused"])
def test_a_template_that_fis_does_not_delete_now_keeps_no_fault_going(
    first: SteadystateError,
) -> None:
    world = World()
    world.service.effect, world.fis.lasts = (0.3, 1.5), 600.0
    played(world, 2)
    Trouble(world, [first])
    with pytest.raises(type(first)):
        world.undo()
    assert not world.fis.running()
    assert world.undo() == 2
