"""The template and the state machines, as they are written."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonata.jsonata import Jsonata
from samtranslator.yaml_helper import yaml_parse

from steadystate import canary_contracts, contracts
from steadystate.contracts import Contract

ROOT = Path(__file__).parents[2]
START_EXECUTION = "arn:aws:states:::states:startExecution"
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


@cache
def template() -> dict[str, Any]:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml_parse(text)  # type: ignore[no-untyped-call]
    return parsed


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }


def functions() -> dict[str, dict[str, Any]]:
    return resources("AWS::Serverless::Function")


def function_timeout(logical_id: str) -> int:
    seconds = functions()[logical_id].get("Timeout", template()["Globals"]["Function"]["Timeout"])
    assert isinstance(seconds, int)
    return seconds


def logical_id(function: str) -> str:
    return "".join(word.title() for word in function.split("_")) + "Function"


def contract(function: str) -> str:
    """The name of the contract that a handler's `@task(…)` names."""
    tree = ast.parse((ROOT / f"functions/{function}/app.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "task":
            (named,) = node.args
            assert isinstance(named, ast.Name)
            return named.id
    raise AssertionError(f"{function} has no @task")


def model_of(function: str) -> type[Contract]:
    """The contract itself."""
    name = contract(function)
    model = getattr(contracts, name, None) or getattr(canary_contracts, name)
    assert issubclass(model, Contract)
    return model


@dataclass(frozen=True)
class State:
    """One state; `scope` is the mapping of states that it may go to."""

    name: str
    body: dict[str, Any]
    scope: dict[str, Any]

    @property
    def function(self) -> str | None:
        """The logical id of the function that a task invokes."""
        name = self.body.get("Arguments", {}).get("FunctionName")
        return name.removeprefix("${").removesuffix("}") if isinstance(name, str) else None

    @property
    def inner(self) -> list[dict[str, Any]]:
        """The definitions within a Map or a Parallel."""
        body = self.body
        return [*body.get("Branches", []), *filter(None, [body.get("ItemProcessor")])]

    def followers(self) -> dict[str, str]:
        """Every state that can come next, with how: `next`, `default`, `choice` or `catch`."""
        found = {catch["Next"]: "catch" for catch in self.body.get("Catch", [])}
        found |= {choice["Next"]: "choice" for choice in self.body.get("Choices", [])}
        if "Default" in self.body:
            found[self.body["Default"]] = "default"
        if "Next" in self.body:
            found[self.body["Next"]] = "next"
        return found


@dataclass(frozen=True)
class Machine:
    """One definition, and what the template says of it."""

    name: str
    text: str
    definition: dict[str, Any]
    properties: dict[str, Any]

    def scopes(self) -> Iterator[dict[str, Any]]:
        """The definition, and those within its Maps and Parallels."""
        waiting = [self.definition]
        while waiting:
            scope = waiting.pop()
            yield scope
            for name, body in scope["States"].items():
                waiting += State(name, body, scope["States"]).inner

    def states(self) -> list[State]:
        return [
            State(name, body, scope["States"])
            for scope in self.scopes()
            for name, body in scope["States"].items()
        ]

    def tasks(self) -> list[State]:
        """The tasks that a function does."""
        return [s for s in self._tasks() if s.body["Resource"] != START_EXECUTION]

    def starts(self) -> list[State]:
        """The tasks that start an execution of another machine, and do not wait for it."""
        return [s for s in self._tasks() if s.body["Resource"] == START_EXECUTION]

    def _tasks(self) -> list[State]:
        return [s for s in self.states() if s.body["Type"] == "Task"]

    def substitutions_used(self) -> set[str]:
        written = "\n".join(line.split(" #")[0] for line in self.text.splitlines())
        return set(re.findall(r"\$\{([^}]+)\}", written))


@cache
def machines() -> tuple[Machine, ...]:
    """Every machine found in `statemachines/`, with its resource in the template."""
    by_file = {
        properties["DefinitionUri"]: properties
        for properties in resources("AWS::Serverless::StateMachine").values()
    }
    found = []
    for path in sorted((ROOT / "statemachines").glob("*.asl.yaml")):
        text = path.read_text(encoding="utf-8")
        properties = by_file.get(f"statemachines/{path.name}")
        assert properties is not None, f"{path.name} is not in the template"
        name = path.name.removesuffix(".asl.yaml")
        found.append(Machine(name, text, yaml.safe_load(text), properties))
    assert len(found) == len(by_file)
    return tuple(found)


def machine(name: str) -> Machine:
    return next(m for m in machines() if m.name == name)


def evaluated(expression: str, states: Any, **variables: Any) -> Any:
    """What a JSONata expression of a definition gives."""
    compiled = Jsonata(expression.strip()[2:-2].strip())
    compiled.register_lambda("parse", json.loads)  # Step Functions' own
    for name, value in {"states": states, **variables}.items():
        compiled.assign(name, value)
    return compiled.evaluate(None)
