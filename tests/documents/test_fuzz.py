"""Changed documents: each is accepted with a meaning or refused in lines, whatever was changed."""

import copy
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from steadystate.contracts import ExecutionInput, Plan
from steadystate.documents.blackouts import Blackouts
from steadystate.documents.canary import Canary
from steadystate.documents.experiment import Experiment
from steadystate.documents.loading import (
    check_canary,
    check_gates,
    check_together,
    load,
    override,
    validate,
)
from steadystate.documents.workload import Workload
from steadystate.domain.blackout import InForce, in_force
from steadystate.run.judgement import guardrail_of, objective_of
from steadystate.run.scenario import read_documents
from tests.documents import inputs
from tests.documents.calendars import CALENDAR
from tests.documents.canaries import CANARY
from tests.documents.lines import accepted_or_refused, planned_or_refused
from tests.documents.shipped import (
    CANARIES,
    EXPERIMENTS,
    PublishedParameters,
    ShippedLibrary,
    content,
)

BANK = content("bank", "workloads")
CHAT = content("chat", "workloads")
SHIPPED = [content(path.stem) for path in EXPERIMENTS]
SHIPPED_CANARIES = [content(path.stem, "canaries") for path in CANARIES]

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5)
    | st.sampled_from([math.nan, math.inf, 16**3000, -1, 0, date(2026, 1, 1), "${", "${a}", "$"])
    | st.sampled_from(
        ["5 %", "< 5 %", "< 0 ms", "10m", "-1s", "1e9h", "all", "50 %", "< 2 x baseline"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = enumerate(value) if isinstance(value, list) else ()
    inner = value.items() if isinstance(value, dict) else inner
    return [path, *(found for k, v in inner for found in places(v, (*path, k)))]


@st.composite
def changed(draw: st.DrawFn, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """A document with one to three places replaced, removed, renamed or added."""
    document: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([p for p in places(document) if p]))
        above: Any = document
        for part in path[:-1]:
            above = above[part]
        ways = ["replace", "replace", "remove", "rename", "add"]
        how = draw(st.sampled_from(ways[:3] if isinstance(above, list) else ways))
        if how == "replace":
            above[path[-1]] = draw(VALUES)
        elif how == "add":
            above[draw(st.text(max_size=8) | st.integers())] = draw(VALUES)
        else:
            moved = above.pop(path[-1])
            if how == "rename":
                above[draw(st.text(max_size=8))] = moved
        if not places(document)[1:]:
            break
    return document


@settings(max_examples=300)
@given(changed(SHIPPED))
def test_a_changed_experiment_is_accepted_with_a_meaning_or_refused(content: Any) -> None:
    experiment = accepted_or_refused(lambda: validate(Experiment, content, "exp"), "exp")
    if not isinstance(experiment, Experiment):
        return
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment
    workload = validate(Workload, BANK, "bank")

    def fits() -> bool:
        check_together(experiment, workload, "exp")
        return True

    if accepted_or_refused(fits, "exp"):
        for name, document in experiment.objectives.items():
            objective = objective_of(name, document, workload.slis[document.sli])
            limit = objective.bound.limit(10.0, objective.floor)
            assert limit is not None
            assert math.isfinite(limit)
        for name, rail in experiment.guardrails.items():
            assert guardrail_of(name, rail, workload.slis[rail.sli]).missing_after_seconds > 0


@settings(max_examples=300)
@given(changed([BANK, CHAT]))
def test_a_changed_workload_is_accepted_with_a_meaning_or_refused(content: Any) -> None:
    workload = accepted_or_refused(lambda: validate(Workload, content, "load"), "load")
    if isinstance(workload, Workload):
        assert Workload.model_validate_json(workload.model_dump_json()) == workload


@settings(max_examples=300)
@given(changed([CANARY, *SHIPPED_CANARIES]))
def test_a_changed_canary_is_accepted_with_a_meaning_or_refused(content: Any) -> None:
    canary = accepted_or_refused(lambda: validate(Canary, content, "can"), "can")
    if not isinstance(canary, Canary):
        return
    assert Canary.model_validate_json(canary.model_dump_json()) == canary
    weights = [step.weight for step in canary.steps]
    assert weights == sorted(set(weights))
    assert weights[-1] == 100
    workload = validate(Workload, CHAT, "chat")

    def fits() -> bool:
        check_canary(canary, workload, "can")
        check_gates(canary, ShippedLibrary().experiment, "can")
        return True

    if accepted_or_refused(fits, "can"):
        assert {rail.sli for rail in canary.guardrails.values()} <= set(workload.slis)
        gates = [step.experiment for step in canary.steps if step.experiment]
        assert all(ShippedLibrary().experiment(name) for name in gates)


@settings(max_examples=300)
@given(changed([yaml.safe_load(CALENDAR)]), st.integers(2020, 2040), st.integers(0, 366 * 86_400))
def test_a_changed_calendar_is_accepted_with_a_meaning_or_refused(
    content: Any, year: int, second: int
) -> None:
    calendar = accepted_or_refused(lambda: validate(Blackouts, content, "cal"), "cal")
    if not isinstance(calendar, Blackouts):
        return
    assert Blackouts.model_validate(calendar.model_dump(mode="json")) == calendar
    moment = datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    found = accepted_or_refused(lambda: in_force(calendar.of("bank"), moment), "")
    if isinstance(found, InForce) and found.until:
        assert in_force(calendar.of("bank"), found.until) is None


@settings(max_examples=300)
@given(content=changed([*SHIPPED, *SHIPPED_CANARIES, BANK]), data=st.data())
def test_a_changed_text_is_accepted_or_refused(content: Any, data: st.DataObject) -> None:
    try:
        text = yaml.safe_dump(content, allow_unicode=True)
    except (yaml.YAMLError, ValueError):
        return
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 5))
    text = text[:at] + data.draw(st.text(max_size=3)) + text[at + cut :]
    accepted_or_refused(lambda: load(text, "text.yaml"), "text.yaml")


def paths(documents: list[dict[str, Any]]) -> st.SearchStrategy[str]:
    """Dotted paths that lead somewhere."""
    return st.sampled_from([".".join(map(str, p)) for d in documents for p in places(d) if p])


@settings(max_examples=200)
@given(st.dictionaries(paths(SHIPPED) | st.text(max_size=12), VALUES, max_size=3))
def test_any_overrides_of_an_experiment_are_taken_or_refused(overrides: dict[str, Any]) -> None:
    accepted_or_refused(lambda: override(Experiment, SHIPPED[0], overrides, "exp"), "")


INTO_LISTS = st.sampled_from(["steps.0.bake", "steps.3.approve", "steps.4", "steps.-1"])


@settings(max_examples=200)
@given(st.dictionaries(paths([CANARY]) | INTO_LISTS | st.text(max_size=12), VALUES, max_size=3))
def test_any_overrides_of_a_canary_are_taken_or_refused(overrides: dict[str, Any]) -> None:
    accepted_or_refused(lambda: override(Canary, CANARY, overrides, "can"), "")


@settings(max_examples=150)
@given(changed([inputs.EXPERIMENT, {**inputs.EXPERIMENT, "within": "canary-1"}]) | VALUES)
def test_any_input_of_an_experiment_is_planned_or_refused(given_input: Any) -> None:
    planned_or_refused(inputs.plan_experiment, given_input)


@settings(max_examples=250)
@given(changed([inputs.CANARY, inputs.ROLLBACK]) | VALUES)
def test_any_input_of_a_canary_or_its_way_back_is_planned_or_refused(given_input: Any) -> None:
    planned_or_refused(inputs.plan_a_canary, given_input)


def test_the_inputs_that_are_changed_are_right() -> None:
    for plan, given_input in (
        (inputs.plan_experiment, inputs.EXPERIMENT),
        (inputs.plan_a_canary, inputs.CANARY),
        (inputs.plan_a_canary, inputs.ROLLBACK),
    ):
        assert planned_or_refused(plan, given_input)


@settings(max_examples=30)
@given(
    values=st.dictionaries(
        st.sampled_from([*PublishedParameters().values, "other"]), st.text(max_size=20), max_size=3
    )
)
def test_whatever_a_stack_publishes_is_taken_or_refused(values: dict[str, str]) -> None:
    published = PublishedParameters(PublishedParameters().values | values)
    wanted = ExecutionInput(scenario="bank-latency")
    accepted_or_refused(lambda: read_documents(wanted, ShippedLibrary(), published), "")


def test_the_plan_keeps_what_the_documents_say() -> None:
    """Documents travel in the plan, which is stored as JSON."""
    assert set(Plan.model_fields) >= {"probe", "slis", "objectives", "guardrails", "load_balancer"}
