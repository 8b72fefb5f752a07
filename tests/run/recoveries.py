"""The machine `recover`, a task at a time, so that several can be at work between each other."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Protocol

from steadystate.contracts import Evaluated, Failure, FindLeftoversInput
from steadystate.errors import SteadystateError
from steadystate.run.recover import Recovering, find_leftovers


class Recovered(Protocol):
    """A world of experiments or of canaries."""

    recovering: Recovering

    def undo(self, run_id: str) -> int: ...

    def evaluate(self, failure: Failure | None, run_id: str) -> Evaluated: ...

    def release(self, run_id: str) -> None: ...


def recovery(world: Recovered, told: list[SteadystateError]) -> Iterator[None]:
    """Play `recover` from one task to the next. What breaks a run is kept in `told`; the other runs
    go on, as in the machine."""
    for left in find_leftovers(FindLeftoversInput(), world.recovering).runs:
        yield
        try:
            world.undo(left.run_id)
            yield
            world.evaluate(left.failure, left.run_id)
            yield
            world.release(left.run_id)
        except SteadystateError as error:
            told.append(error)


WAKES = 2


def side_by_side(
    world: Recovered, turns: list[int], wait: Any, wake: Callable[[], object]
) -> list[SteadystateError]:
    """Let two recoveries (0 and 1) take turns, each begun again when it is over; in turns of WAKES
    a task of the dead run wakes up beside them. Return what the recoveries told."""
    told: list[SteadystateError] = []
    both = [recovery(world, told) for _ in range(2)]
    for which in turns:
        if which == WAKES:
            with suppress(SteadystateError):
                wake()
            continue
        try:
            next(both[which])
        except StopIteration:
            wait(30.0)
            both[which] = recovery(world, told)
    return told


def to_the_end(world: Recovered, wait: Any) -> list[SteadystateError]:
    """Let the sweep start `recover` a few times."""
    told: list[SteadystateError] = []
    for _ in range(3):
        for _ in recovery(world, told):
            pass
        wait(300.0)
    return told
