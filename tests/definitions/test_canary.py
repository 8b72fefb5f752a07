"""What the machine `canary` does with what its tasks say."""

import pytest

from steadystate import canary_contracts
from tests.definitions.stack import evaluated, machine


@pytest.mark.parametrize(
    ("said", "follows"),
    [
        ("bake", "Bake Canary"),
        ("shift", "Shift Weights"),
        ("experiment", "Start Experiment"),
        ("ask", "Ask Person"),
        ("rollback", "Undo Run"),
        ("evaluate", "Evaluate Run"),
    ],
)
def test_the_choice_goes_where_a_canary_says(said: str, follows: str) -> None:
    choice = machine("canary").definition["States"]["What Comes Next?"]
    states = {"input": {"run_id": "r", "phase": "baking", "next": said}}
    taken = [c["Next"] for c in choice["Choices"] if evaluated(c["Condition"], states)]
    assert (taken or [choice["Default"]]) == [follows]
    assert said in canary_contracts.CanaryNext.__args__  # type: ignore[attr-defined]


def test_weights_are_touched_by_a_shift_and_an_undo_alone() -> None:
    called = {s.name for s in machine("canary").tasks() if s.function == "UndoRunFunction"}
    assert called == {"Undo Run", "Undo After Failure"}
    assert machine("canary").definition["States"]["Undo Run"]["Next"] == "Evaluate Run"
