"""A template's parameters and rules, checked before anything is created."""

import re
from collections.abc import Mapping
from typing import Any

_LISTS = ("CommaDelimitedList", "List<")


class ParameterError(Exception):
    """A value that the template does not allow; the message names the parameter or the rule."""


def check(template: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """Hold the given values and the defaults against the template. Raises ParameterError."""
    declared = template.get("Parameters") or {}
    for name in given:
        if name not in declared:
            raise ParameterError(f"there is no parameter {name}")
    values = {}
    for name, parameter in declared.items():
        if name not in given and "Default" not in parameter:
            raise ParameterError(f"the parameter {name} is needed")
        values[name] = str(given.get(name, parameter.get("Default")))
        _check_value(name, parameter, values[name])
    for name, rule in (template.get("Rules") or {}).items():
        if "RuleCondition" in rule and not _holds(rule["RuleCondition"], values):
            continue
        for assertion in rule["Assertions"]:
            if not _holds(assertion["Assert"], values):
                text = assertion.get("AssertDescription", "its assertion does not hold")
                raise ParameterError(f"rule {name}: {text}")


def _check_value(name: str, parameter: Mapping[str, Any], text: str) -> None:
    kind = parameter["Type"]
    for value in text.split(",") if kind.startswith(_LISTS) else [text]:
        allowed = [str(item) for item in parameter.get("AllowedValues", [value])]
        if value not in allowed:
            raise ParameterError(f"{name} must be one of {', '.join(allowed)}, not {value}")
        pattern = parameter.get("AllowedPattern")
        if pattern is not None and not re.fullmatch(pattern, value):
            raise ParameterError(f"{name} must match {pattern}, not {value}")
        if not parameter.get("MinLength", 0) <= len(value) <= parameter.get("MaxLength", 4096):
            raise ParameterError(f"{name} has {len(value)} characters: too few, or too many")
        if kind == "Number":
            _check_number(name, parameter, value)


def _check_number(name: str, parameter: Mapping[str, Any], value: str) -> None:
    try:
        number = float(value)
    except ValueError as error:
        raise ParameterError(f"{name} must be a number, not {value}") from error
    low, high = parameter.get("MinValue"), parameter.get("MaxValue")
    if low is not None and number < float(low):
        raise ParameterError(f"{name} must be at least {low}, not {value}")
    if high is not None and number > float(high):
        raise ParameterError(f"{name} must be at most {high}, not {value}")


def _holds(expression: Any, values: Mapping[str, str]) -> bool:
    """Whether a rule's expression is true: Equals, Not, And, Or, Contains over Ref and text."""
    function, arguments = next(iter(expression.items()))
    match function:
        case "Fn::Equals":
            return _value(arguments[0], values) == _value(arguments[1], values)
        case "Fn::Not":
            return not _holds(arguments[0], values)
        case "Fn::And":
            return all(_holds(item, values) for item in arguments)
        case "Fn::Or":
            return any(_holds(item, values) for item in arguments)
        case "Fn::Contains":
            return _value(arguments[1], values) in [_value(i, values) for i in arguments[0]]
    raise ParameterError(f"the lab cannot evaluate {function} in a rule")


def _value(item: Any, values: Mapping[str, str]) -> str:
    if isinstance(item, dict) and set(item) == {"Ref"}:
        return values[item["Ref"]]
    return str(item)
