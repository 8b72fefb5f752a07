"""Reads a scenario and its workload, with the workload's resource names filled in."""

from collections.abc import Mapping
from string import Template
from typing import Any

from steadystate.contracts import ExecutionInput
from steadystate.documents.experiment import Experiment
from steadystate.documents.loading import check_together, override, validate
from steadystate.documents.workload import Workload
from steadystate.documents.yaml_text import read_mapping
from steadystate.errors import InvalidDocument
from steadystate.ports import Library, Parameters


class _Reference(Template):
    idpattern = r"[a-z][a-z0-9-]*"


def read_documents(
    wanted: ExecutionInput, library: Library, parameters: Parameters
) -> tuple[Experiment, Workload]:
    """Return the experiment, with overrides, and its workload, with no reference left open.

    Raises
    ------
    InvalidDocument
        Either is unknown, wrong, or names a parameter that the workload's stack does not publish.
    """
    text = library.experiment(wanted.scenario)
    if text is None:
        raise InvalidDocument(
            f"execution input: scenario: {wanted.scenario!r} is unknown; "
            f"known are {', '.join(library.names())}"
        )
    source = f"{wanted.scenario}.yaml"
    experiment = override(Experiment, read_mapping(text, source), wanted.overrides, source)
    if experiment.name != wanted.scenario:
        raise InvalidDocument(f"{source}: name: must be {wanted.scenario!r}, as its file is called")
    content = library.workload(experiment.workload)
    if content is None:
        raise InvalidDocument(f"{source}: workload: {experiment.workload!r} is unknown")
    place = f"{experiment.workload}.yaml"
    written = validate(Workload, read_mapping(content, place), place)
    check_together(experiment, written, source)
    values = parameters.of(experiment.workload)
    workload = validate(Workload, fill_in(written.model_dump(), values, place), place)
    method = fill_in(experiment.model_dump(include={"method"})["method"], values, source)
    actions = {
        name: action.model_copy(update={"parameters": method[name]["parameters"]})
        for name, action in experiment.method.items()
    }
    return experiment.model_copy(update={"method": actions}), workload


def fill_in(content: Any, values: Mapping[str, str], source: str) -> Any:
    """Replace `${name}` in all texts of a document.

    Raises
    ------
    InvalidDocument
        A name has no value; the message lists those that have.
    """
    if isinstance(content, dict):
        return {key: fill_in(value, values, source) for key, value in content.items()}
    if isinstance(content, list):
        return [fill_in(value, values, source) for value in content]
    if not isinstance(content, str):
        return content
    try:
        return _Reference(content).substitute(values)
    except KeyError as missing:
        known = ", ".join(sorted(values)) or "none: is the workload's stack deployed?"
        raise InvalidDocument(
            f"{source}: ${{{missing.args[0]}}} is not among the workload's parameters ({known})"
        ) from None
    except ValueError:
        raise InvalidDocument(
            f"{source}: {content[:80]!r}: write references as ${{name}}, and a lone $ as $$"
        ) from None
