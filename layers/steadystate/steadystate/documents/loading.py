"""From text to checked documents; every problem becomes one line that names file and field."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from steadystate.documents.blackouts import Blackouts
from steadystate.documents.canary import Canary
from steadystate.documents.experiment import ACTIONS, Experiment, GuardrailDocument
from steadystate.documents.fields import Document, quoted
from steadystate.documents.workload import Sli, Workload, unit_of
from steadystate.documents.yaml_text import read_mapping
from steadystate.domain.bounds import Bound
from steadystate.errors import InvalidDocument

Written = Workload | Experiment | Canary | Blackouts
"""What people write."""

MODELS: dict[str, type[Written]] = {
    "steadystate/workload/v1": Workload,
    "steadystate/experiment/v1": Experiment,
    "steadystate/canary/v1": Canary,
    "steadystate/blackouts/v1": Blackouts,
}

MOST_PROBLEMS = 20
"""How many problems of one document are told at once."""

D = TypeVar("D", bound=Document)
S = TypeVar("S", Experiment, Canary)


def load(text: str, source: str) -> Written:
    """Read any document by the kind that its key `document` names.

    Raises
    ------
    InvalidDocument
    """
    content = read_mapping(text, source)
    kind = content.get("document")
    if not isinstance(kind, str) or kind not in MODELS:
        raise InvalidDocument(
            f"{source}: document: {quoted(kind)} is no known kind; allowed are {', '.join(MODELS)}"
        )
    return validate(MODELS[kind], content, source)


def validate(model: type[D], content: Mapping[str, Any], source: str) -> D:
    """Check content against a model.

    Raises
    ------
    InvalidDocument
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        lines = [
            f"{source}: {_place(problem['loc'])}{_shown(problem['msg'])}"
            for problem in problems[:MOST_PROBLEMS]
        ]
        if len(problems) > MOST_PROBLEMS:
            lines.append(f"{source}: and {len(problems) - MOST_PROBLEMS} more problems")
        raise InvalidDocument("\n".join(lines)) from None


def _shown(message: str) -> str:
    """Return a message on one printable line; pydantic quotes a wrong tag as it was written."""
    text = message.removeprefix("Value error, ")
    text = text if len(text) <= 800 else f"{text[:400]} … {text[-400:]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _place(location: tuple[int | str, ...]) -> str:
    parts = (str(part) for part in location)
    shown = (p if p.isprintable() and len(p) <= 80 else quoted(p) for p in parts)
    return ".".join(shown) + ": " if location else ""


def override(
    model: type[S], content: Mapping[str, Any], overrides: Mapping[str, Any], source: str
) -> S:
    """Return the scenario with values replaced by dotted path, as in `recovery.target` and in
    `steps.0.bake`, which names the first of a list.

    A path must lead to a field that the document has or could have.

    Raises
    ------
    InvalidDocument
    """
    scenario = validate(model, content, source)
    changed: Any = scenario.model_dump()
    for path, value in overrides.items():
        parts = path.split(".")
        if not _leads_somewhere(scenario, parts):
            raise InvalidDocument(
                f"overrides: {quoted(path)} does not exist in {source}; "
                f"at the top there are {', '.join(model.model_fields)}"
            )
        changed = _replaced(changed, parts, value)
    return validate(model, changed, f"{source} with overrides") if overrides else scenario


def _leads_somewhere(place: object, parts: list[str]) -> bool:
    for part in parts:
        if isinstance(place, Document) and part in type(place).model_fields:
            place = getattr(place, part)
        elif isinstance(place, dict) and part in place:
            place = place[part]
        elif isinstance(place, list) and _is_index(part, place):
            place = place[int(part)]
        else:
            return False
    return parts[0] not in ("document", "name", "workload")


def _is_index(part: str, items: Sequence[object]) -> bool:
    return part in map(str, range(len(items)))


def _replaced(content: Any, parts: list[str], value: Any) -> Any:
    if not parts:
        return value
    head, *rest = parts
    if isinstance(content, list) and _is_index(head, content):
        at = int(head)
        return [*content[:at], _replaced(content[at], rest, value), *content[at + 1 :]]
    inner = content if isinstance(content, Mapping) else {}
    return {**inner, head: _replaced(inner.get(head), rest, value)}


def check_together(experiment: Experiment, workload: Workload, source: str) -> None:
    """Check what only both documents show: indicators, units and targets that are named must exist.

    Raises
    ------
    InvalidDocument
    """
    problems: list[str] = []
    for name, objective in experiment.objectives.items():
        place = f"objectives.{name}"
        problems += _sli_problems(workload, place, objective.sli, objective.bound)
        if objective.floor:
            problems += _sli_problems(workload, place, objective.sli, objective.floor)
        sli = workload.slis.get(objective.sli)
        if sli is not None and sli.source == "http" and objective.when != "after":
            problems.append(f"{place}.when: an http indicator is read after recovery: write after")
        if sli is not None and sli.source == "probe" and objective.bound.relative:
            problems.append(f"{place}.bound: a probe has no history to be compared with")
    problems += _guardrail_problems(experiment.guardrails, workload)
    for name, action in experiment.method.items():
        if action.target is None:
            continue
        target = workload.targets.get(action.target)
        needed = ACTIONS[action.action][0]
        if target is None:
            problems.append(
                f"method.{name}.target: workload {workload.name} has no target "
                f"{action.target!r}; it has {', '.join(workload.targets)}"
            )
        elif target.resource != needed:
            problems.append(
                f"method.{name}.target: {action.action} acts on {needed}, "
                f"but {action.target} is {target.resource}"
            )
    _refuse(problems, source)


def check_canary(canary: Canary, workload: Workload, source: str) -> None:
    """Check what only both documents show: the split, and the indicators of the guardrails.

    Raises
    ------
    InvalidDocument
    """
    problems = _guardrail_problems(canary.guardrails, workload)
    if workload.traffic is None:
        problems.append(f"workload: {workload.name} has no traffic: say where a canary moves it")
    _refuse(problems, source)


def check_gates(canary: Canary, experiment_text: Callable[[str], str | None], source: str) -> None:
    """Check that the experiments of chaos gates exist, and are on the canary's workload.

    Raises
    ------
    InvalidDocument
    """
    problems = []
    for n, step in enumerate(canary.steps):
        if step.experiment is None:
            continue
        place, name = f"steps.{n}.experiment", f"{step.experiment}.yaml"
        text = experiment_text(step.experiment)
        if text is None:
            problems.append(f"{place}: {step.experiment!r} is unknown")
            continue
        experiment = validate(Experiment, read_mapping(text, name), name)
        if experiment.workload != canary.workload:
            problems.append(
                f"{place}: {step.experiment} is on workload {experiment.workload}, "
                f"and not on {canary.workload}"
            )
    _refuse(problems, source)


def _refuse(problems: list[str], source: str) -> None:
    if problems:
        raise InvalidDocument("\n".join(f"{source}: {problem}" for problem in problems))


def _guardrail_problems(
    guardrails: Mapping[str, GuardrailDocument], workload: Workload
) -> list[str]:
    problems: list[str] = []
    for name, guardrail in guardrails.items():
        place = f"guardrails.{name}"
        problems += _sli_problems(workload, place, guardrail.sli, guardrail.bound)
        sli = workload.slis.get(guardrail.sli)
        if sli is not None and sli.source == "http":
            problems.append(f"{place}.sli: an http indicator is not read during the run")
        if sli is not None and sli.source == "probe" and guardrail.bound.relative:
            problems.append(f"{place}.bound: a probe has no history to be compared with")
    return problems


def _sli_problems(workload: Workload, place: str, name: str, bound: Bound) -> list[str]:
    sli: Sli | None = workload.slis.get(name)
    if sli is None:
        known = ", ".join(workload.slis)
        return [f"{place}.sli: workload {workload.name} has no indicator {name!r}; it has {known}"]
    if bound.unit is not None and bound.unit != unit_of(sli):
        return [f"{place}.bound: {bound} is in {bound.unit}, but {name} is in {unit_of(sli)}"]
    return []
