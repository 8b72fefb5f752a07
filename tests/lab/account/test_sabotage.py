"""Sabotage strikes the state it is told to, as often as told, before or after the effect."""

from typing import Any

import pytest

from lab.account.functions import ThrottledError
from lab.account.sabotage import Sabotage


class World:
    """Counts effects and stops."""

    def __init__(self, **rule: Any) -> None:
        self.effects = self.stops = 0
        self.sabotage = Sabotage()
        self.sabotage.set_rules({"add": [{"machine": "m", "state": "S", **rule}]})

    def invoke(self, state: str = "S", run_id: str = "r") -> dict[str, Any]:
        return self.sabotage.strike("m", state, {"run_id": run_id}, self._run, self._stop)

    def _run(self) -> dict[str, Any]:
        self.effects += 1
        return {"Payload": {"fine": True}}

    def _stop(self) -> None:
        self.stops += 1


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
    assert world.invoke()["Payload"] == {"fine": True}


def test_garbage_takes_the_place_of_an_answer_whose_effect_has_happened() -> None:
    world = World(kind="garbage")
    answer = world.invoke()
    assert "FunctionError" not in answer
    assert "fine" not in answer["Payload"]
    assert world.effects == 1


def test_only_the_named_state_and_run_are_struck_and_only_after_the_visits_let_through() -> None:
    world = World(kind="unknown", run_id="mine", skip=1)
    assert "FunctionError" not in world.invoke("Other", "mine")
    assert "FunctionError" not in world.invoke(run_id="another")
    assert "FunctionError" not in world.invoke(run_id="mine")
    assert "FunctionError" in world.invoke(run_id="mine")


def test_throttling_ends_when_it_has_struck_as_often_as_it_was_told() -> None:
    world = World(kind="throttled", times=2)
    for _ in range(2):
        with pytest.raises(ThrottledError):
            world.invoke()
    assert world.invoke()["Payload"] == {"fine": True}


def test_lifted_rules_strike_no_more() -> None:
    world = World(kind="unknown", run_id="mine", times=9)
    world.sabotage.set_rules({"lift": ["mine"]})
    assert "FunctionError" not in world.invoke(run_id="mine")
