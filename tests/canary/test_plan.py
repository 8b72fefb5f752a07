"""Planning a canary: what cannot be moved, compared or taken back is refused untouched."""

from collections.abc import Callable

import pytest

from steadystate.canary_contracts import Weights
from steadystate.errors import InvalidDocument, PreflightFailed, Refused, WorkloadBusy
from tests.canary.worlds import CANARY, RUN, STABLE, World, arn_of

Change = Callable[[World], None]


def weights(stable: int | None, canary: int | None) -> Change:
    def change(world: World) -> None:
        world.balancer.weights = Weights(stable=stable, canary=canary)

    return change


def three_groups(world: World) -> None:
    world.balancer.weights = None


def nobody_healthy(side: str) -> Change:
    def change(world: World) -> None:
        world.sides.healthy_targets[side] = 0

    return change


def unknown_group(world: World) -> None:
    del world.sides.healthy_targets[CANARY]


def alarming(world: World) -> None:
    world.account.alarming.append("arn:…:alarm:shop-stop is ALARM")


def unknown(world: World) -> None:
    world.input = {"scenario": "shop-nothing"}


def words(world: World) -> None:
    world.input = "shop-canary"


def short_bake(world: World) -> None:
    world.input["overrides"] = {"bake": "9s"}


def endless(world: World) -> None:
    world.input["overrides"] = {"bake": "5h"}


def falling(world: World) -> None:
    world.input["overrides"] = {"steps": [50, 10, 100]}


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (weights(0, 100), PreflightFailed, "stable gets no traffic"),
        (weights(90, 10), PreflightFailed, "the canary already gets 10 %"),
        (weights(None, 1), PreflightFailed, "stable gets no traffic"),
        (three_groups, PreflightFailed, "three target groups"),
        (nobody_healthy(CANARY), PreflightFailed, "traffic.canary: .* has no healthy target"),
        (nobody_healthy(STABLE), PreflightFailed, "traffic.stable: .* has no healthy target"),
        (unknown_group, PreflightFailed, "traffic.canary: .*TargetGroupNotFound"),
        (alarming, PreflightFailed, "shop-stop is ALARM"),
        (unknown, InvalidDocument, "shop-nothing"),
        (words, InvalidDocument, "must be an object"),
        (short_bake, InvalidDocument, "steps.0.bake: 9 s may hold no whole metric period"),
        (endless, InvalidDocument, "at most 3000 are allowed"),
        (falling, InvalidDocument, "weights must rise"),
    ],
)
def test_what_cannot_be_moved_is_refused_and_nothing_is_touched(
    change: Change, error: type[Refused], said: str
) -> None:
    world = World()
    change(world)
    with pytest.raises(error, match=said):
        world.plan()
    assert not world.table.writes
    assert not world.balancer.calls
    assert not world.account.announced


def test_the_plan_keeps_the_original_weights_and_stables_history() -> None:
    world = World()
    world.balancer.weights = Weights(stable=200, canary=None)
    world.clock.wait(700)
    world.plan()
    plan = world.kept().plan
    assert plan.original == Weights(stable=200, canary=None)
    assert len(plan.history["errors"]) == 120
    assert all(total == 1000 for _, total in plan.history["errors"])
    assert [step.weight for step in plan.steps] == [10, 50, 100]
    assert plan.cost_estimate["total"] > 0


def test_the_final_bake_lasts_at_least_as_long_as_the_old_side_drains() -> None:
    for drain, lasts in ((300.0, 300.0), (5.0, 30.0)):
        world = World()
        world.balancer.drain = drain
        world.plan()
        assert world.kept().plan.timing.final_bake_seconds == lasts


def test_a_plan_is_made_once() -> None:
    world = World()
    world.plan()
    writes = world.table.writes
    world.clock.wait(3)
    world.plan()
    assert world.table.writes == writes


def test_a_busy_workload_takes_no_canary() -> None:
    world = World()
    world.plan()
    with pytest.raises(WorkloadBusy, match="shop is held by run canary-1"):
        world.plan("canary-2")


def test_a_plan_whose_execution_was_stopped_calls_for_recover() -> None:
    world = World()
    world.account.executions = {arn_of(RUN): ("ABORTED", "", "")}
    world.plan()
    assert [what for what, _ in world.account.announced] == ["Run Orphaned"]
    assert not world.clean()
