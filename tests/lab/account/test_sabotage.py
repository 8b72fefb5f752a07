"""Sabotage strikes the state it is told to, as often as told, before or after the effect."""

from typing import Any

import pytest

from lab.account.functions import ThrottledError
from lab.account.sabotage import ENTERED_LATE, Sabotage


class World:
    """Counts effects and stops."""

    def __init__(self, **rule: Any) -> None:
        self.effects = self.stops = self.late = 0
        self.sabotage = Sabotage()
        given = {"machine": "m", "state": "S", "run_id": "mine", **rule}
        self.sabotage.set_rules({"add": [given]})

    def invoke(
        self, state: str = "S", payload: dict[str, Any] | None = None, **execution: Any
    ) -> dict[str, Any]:
        context = {
            "StateMachine": {"Name": "m"},
            "State": {"Name": state},
            "Execution": {"Name": "e", "Input": {}} | execution,
        }
        told = {"run_id": "mine"} if payload is None else payload
        return self.sabotage.strike(context, told, self._run, self._stop, self._count_late)

    def _run(self) -> dict[str, Any]:
        self.effects += 1
        return {"Payload": {"fine": self.effects}}

    def _stop(self) -> None:
        self.stops += 1

    def _count_late(self) -> None:
        self.late += 1


@pytest.mark.parametrize(
    ("kind", "effects", "stops"),
    [
        ("unknown", 0, 0),
        ("crashes before", 0, 0),
        ("crashes after", 1, 0),
        ("times out", 1, 0),
        ("stopped before", 0, 1),
    ],
)
def test_an_error_comes_before_or_after_the_effect(kind: str, effects: int, stops: int) -> None:
    world = World(kind=kind)
    assert world.invoke()["FunctionError"]
    assert (world.effects, world.stops) == (effects, stops)
    assert world.invoke()["Payload"]["fine"]


def test_garbage_takes_the_place_of_an_answer_whose_effect_has_happened() -> None:
    world = World(kind="garbage")
    answer = world.invoke()
    assert "FunctionError" not in answer
    assert "fine" not in answer["Payload"]
    assert world.effects == 1


def test_only_the_named_state_and_run_are_struck_and_only_after_the_visits_let_through() -> None:
    world = World(kind="unknown", skip=1)
    assert "FunctionError" not in world.invoke("Other")
    assert "FunctionError" not in world.invoke(payload={"run_id": "another"}, Name="mine")
    assert "FunctionError" not in world.invoke()
    assert "FunctionError" in world.invoke()


@pytest.mark.parametrize(
    ("execution", "struck"),
    [
        ({"Name": "mine-0"}, True),
        ({"Input": {"detail": {"name": "mine"}}}, True),
        ({"Name": "another", "Input": {"detail": {"name": "another"}}}, False),
    ],
)
def test_a_task_that_is_told_of_no_run_is_struck_in_executions_that_name_it(
    execution: dict[str, Any], struck: bool
) -> None:
    world = World(kind="unknown")
    assert ("FunctionError" in world.invoke(payload={}, **execution)) is struck


def test_a_function_that_runs_twice_answers_with_its_second_answer_and_both_are_kept() -> None:
    world = World(kind="twice")
    assert world.invoke()["Payload"] == {"fine": 2}
    told = world.sabotage.told()["m/S/mine"]
    assert told == {"begun": 1, "struck": 1, "answers": [[{"fine": 1}, {"fine": 2}]]}


def test_it_is_told_whether_a_strike_is_over() -> None:
    world = World(kind="stopped after")
    seen: list[tuple[int, int]] = []

    def look() -> tuple[int, int]:
        told = world.sabotage.told()["m/S/mine"]
        return told["begun"], told["struck"]

    def stop() -> None:
        seen.append(look())

    world._stop = stop  # type: ignore[method-assign]
    world.invoke()
    assert [*seen, look()] == [(1, 0), (1, 1)]


def test_throttling_ends_when_it_has_struck_as_often_as_it_was_told() -> None:
    world = World(kind="throttled", times=2)
    for _ in range(2):
        with pytest.raises(ThrottledError):
            world.invoke()
    assert world.invoke()["Payload"]["fine"]


def test_a_state_that_is_entered_late_is_counted_and_does_its_task() -> None:
    world = World(kind=ENTERED_LATE)
    assert [world.invoke()["Payload"] for _ in range(2)] == [{"fine": 1}, {"fine": 2}]
    assert world.late == 1


def test_lifted_rules_strike_no_more() -> None:
    world = World(kind="unknown", times=9)
    world.sabotage.set_rules({"lift": ["mine"]})
    assert "FunctionError" not in world.invoke()
