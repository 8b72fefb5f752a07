"""Reads a canary and its workload, with the workload's resource names filled in."""

from steadystate.contracts import ExecutionInput
from steadystate.documents.canary import Canary
from steadystate.documents.loading import check_canary, check_gates, override, validate
from steadystate.documents.workload import Workload
from steadystate.documents.yaml_text import read_mapping
from steadystate.errors import InvalidDocument
from steadystate.ports import Library, Parameters
from steadystate.run.scenario import fill_in


def read_canary(
    wanted: ExecutionInput, library: Library, parameters: Parameters
) -> tuple[Canary, Workload]:
    """Return the canary, with overrides, and its workload, with no reference left open.

    Raises
    ------
    InvalidDocument
        Either is unknown, wrong, or names a parameter that the workload's stack does not publish;
        or a chaos gate names an experiment that is unknown or on another workload.
    """
    text = library.canary(wanted.scenario)
    if text is None:
        raise InvalidDocument(
            f"execution input: scenario: {wanted.scenario!r} is unknown; "
            f"known are {', '.join(library.canaries())}"
        )
    source = f"{wanted.scenario}.yaml"
    canary = override(Canary, read_mapping(text, source), wanted.overrides, source)
    if canary.name != wanted.scenario:
        raise InvalidDocument(f"{source}: name: must be {wanted.scenario!r}, as its file is called")
    content = library.workload(canary.workload)
    if content is None:
        raise InvalidDocument(f"{source}: workload: {canary.workload!r} is unknown")
    place = f"{canary.workload}.yaml"
    written = validate(Workload, read_mapping(content, place), place)
    check_canary(canary, written, source)
    check_gates(canary, library.experiment, source)
    values = parameters.of(canary.workload)
    return canary, validate(Workload, fill_in(written.model_dump(), values, place), place)
