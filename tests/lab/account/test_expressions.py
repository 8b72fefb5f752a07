"""JSONata as Step Functions evaluates it: null is a value, and undefined is an error."""

from typing import Any

import pytest

from lab.account.expressions import ExpressionError, evaluate

BINDINGS = {"nothing": None, "states": {"input": {"language": None, "words": ["a", None]}}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$nothing", None),
        ("$states.input.language", None),
        ("$states.input", {"language": None, "words": ["a", None]}),
        ("$exists($states.input.language)", True),
        ("$exists($states.input.other)", False),
        ("$exists($states.input.language) ? $states.input.language : 'en'", None),
        ("$merge([$states.input, {'language': 'ko'}]).language", "ko"),
        ("$nothing = null", True),
    ],
)
def test_null_is_a_value(expression: str, value: Any) -> None:
    assert evaluate(expression, BINDINGS) == value


@pytest.mark.parametrize("expression", ["$unknown", "$states.input.other"])
def test_what_is_not_there_is_an_error(expression: str) -> None:
    with pytest.raises(ExpressionError, match="returned nothing"):
        evaluate(expression, BINDINGS)
