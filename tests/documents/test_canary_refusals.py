"""What bad canary documents get: a line that names file, field and what is allowed."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from steadystate.documents.canary import Canary
from steadystate.documents.fields import quoted
from steadystate.documents.loading import check_canary, check_gates, load, override, validate
from steadystate.documents.workload import Workload
from tests.documents.canaries import CANARY
from tests.documents.lines import refused
from tests.documents.shipped import ShippedLibrary, changed, content

BANK = content("bank", "workloads") | {"traffic": {"place": "a", "stable": "b", "canary": "c"}}
HUGE = 16**10_000


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("steps", [10, 10, 100], ["steps: weights must rise, but are 10, 10, 100"]),
        ("steps", [50, 10, 100], ["steps: weights must rise, but are 50, 10, 100"]),
        ("steps", [10, 50, 101], ["steps.2.weight", "less than or equal to 100"]),
        ("steps", [10, 50, 90], ["steps: the last weight must be 100, but is 90"]),
        ("steps", [0, 100], ["steps.0.weight", "greater than or equal to 1"]),
        ("steps", [-10, 100], ["steps.0.weight", "greater than or equal to 1"]),
        ("steps", [HUGE], ["steps.0.weight"]),
        ("steps", [True, 100], ["steps.0", "True is no step", "a weight (10)"]),
        ("steps", [{"weight": True}, 100], ["steps.0.weight", "valid integer"]),
        ("steps", [10.5, 100], ["steps.0", "10.5 is no step"]),
        ("steps", [math.nan, 100], ["steps.0", "nan is no step"]),
        ("steps", ["10", 100], ["steps.0", "'10' is no step"]),
        ("steps", ["x" * 60_000, 100], ["steps.0", "is no step"]),
        ("steps", [None, 100], ["steps.0", "None is no step"]),
        ("steps", [{}, 100], ["steps.0.weight", "Field required"]),
        ("steps", [{"weight": 10, "wait": "1m"}, 100], ["steps.0", "unknown key 'wait'", "bake"]),
        ("steps", [{"weight": 10, "bake": 60}, 100], ["steps.0.bake", "as in '10m'"]),
        ("steps", [{"weight": 10, "experiment": "../x"}, 100], ["steps.0.experiment", "pattern"]),
        ("steps", [], ["steps", "at least 1 item"]),
        ("steps", list(range(80, 101)), ["steps", "at most 20 items"]),
        ("steps", {"10": "1m"}, ["steps", "valid list"]),
        ("metrics", {}, ["metrics", "at least 1 item"]),
        ("metrics", {f"m{n}": {"measure": "errors"} for n in range(11)}, ["metrics", "at most 10"]),
        ("metrics", {"Errors": {"measure": "errors"}}, ["metrics.Errors", "pattern"]),
        ("metrics.slow", {"measure": "slow"}, ["metrics.slow", "needs threshold", "'500 ms'"]),
        ("metrics.errors.threshold", "1 s", ["metrics.errors", "errors takes no threshold"]),
        ("metrics.slow.threshold", "5 %", ["metrics.slow", "threshold 5 %", "must be a time"]),
        ("metrics.slow.threshold", 500, ["metrics.slow", "threshold 500 must be a time"]),
        ("metrics.slow.threshold", "0 ms", ["metrics.slow", "threshold 0 ms", "over 0"]),
        ("metrics.slow.threshold", "2 x baseline", ["metrics.slow.threshold", "'250 ms'"]),
        ("metrics.slow.threshold", math.nan, ["metrics.slow.threshold"]),
        ("metrics.errors.measure", "latency", ["metrics.errors.measure", "'errors' or 'slow'"]),
        ("judge", {"alpha": 0}, ["judge.alpha", "greater than 0"]),
        ("judge", {"alpha": 0.5}, ["judge.alpha", "less than 0.5"]),
        ("judge", {"alpha": True}, ["judge.alpha", "valid number"]),
        ("judge", {"alpha": math.nan}, ["judge.alpha"]),
        ("judge", {"margin": 0.5}, ["judge.margin", "greater than or equal to 1"]),
        ("judge", {"margin": math.inf}, ["judge.margin"]),
        ("promotion.margin", 1, ["promotion.margin", "greater than 1"]),
        ("promotion.confidence", 0.5, ["promotion.confidence", "greater than 0.5"]),
        ("promotion.confidence", 1, ["promotion.confidence", "less than 1"]),
        ("promotion.minimum_requests", 0, ["promotion.minimum_requests", "greater than or equal"]),
        ("promotion.minimum_requests", True, ["promotion.minimum_requests", "valid integer"]),
        ("promotion.acceptable_rate", "1 ms", ["promotion", "acceptable_rate 1 ms", "as in '1 %'"]),
        ("promotion.acceptable_rate", "100 %", ["promotion", "acceptable_rate 100 %"]),
        ("promotion.acceptable_rate", "0 %", ["promotion", "acceptable_rate 0 %"]),
        ("promotion", {}, ["promotion.acceptable_rate", "Field required"]),
        ("inconclusive", "promote", ["inconclusive", "'hold' or 'rollback'"]),
        ("hold_limit", "25h", ["hold_limit", "at most 24h"]),
        ("final_bake", "0s", ["final_bake", "over 0"]),
        ("bakes", "1m", ["unknown key 'bakes'", "allowed are", "final_bake"]),
        ("workload", 5, ["workload", "valid string"]),
        ("weight", -1, ["weight", "greater than or equal to 0"]),
        ("guardrails.too-many-errors.points", 0, ["guardrails.too-many-errors.points"]),
    ],
    ids=quoted,
)
def test_a_wrong_value_of_a_canary_is_refused(path: str, value: Any, parts: list[str]) -> None:
    with refused("can.yaml: ", *parts, source="can.yaml: "):
        validate(Canary, changed(CANARY, path, value), "can.yaml")


def test_the_document_that_is_changed_is_right() -> None:
    canary = load(yaml.safe_dump(CANARY), "can.yaml")
    assert isinstance(canary, Canary)
    assert [step.weight for step in canary.steps] == [10, 50, 90, 100]
    assert Canary.model_validate(canary.model_dump()) == canary
    assert Canary.model_validate_json(canary.model_dump_json()) == canary


@pytest.mark.parametrize("steps", [[100], [5, 10, 25, 50, 100], [10, 50, 90, 100]])
def test_any_steps_that_rise_to_the_end_are_taken(steps: list[int]) -> None:
    canary = validate(Canary, changed(CANARY, "steps", steps), "can.yaml")
    assert [step.weight for step in canary.steps] == steps


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("guardrails.odd", {"sli": "nothing", "bound": "< 1 %"}, ["guardrails.odd.sli", "it has"]),
        ("guardrails.odd", {"sli": "error_rate", "bound": "< 1 ms"}, ["guardrails.odd.bound"]),
        ("guardrails.odd", {"sli": "lost_transfers", "bound": "= 0"}, ["not read during the run"]),
        ("guardrails.odd", {"sli": "probe_errors", "bound": "< 2 x baseline"}, ["no history"]),
    ],
)
def test_what_only_both_documents_show_is_refused(path: str, value: Any, parts: list[str]) -> None:
    canary = validate(Canary, changed(CANARY, path, value), "can.yaml")
    with refused("can.yaml: ", *parts, source="can.yaml: "):
        check_canary(canary, validate(Workload, BANK, "bank.yaml"), "can.yaml")


def test_a_workload_that_does_not_say_where_traffic_is_split_takes_no_canary() -> None:
    canary = validate(Canary, CANARY, "can.yaml")
    workload = validate(Workload, {k: v for k, v in BANK.items() if k != "traffic"}, "bank.yaml")
    with refused("can.yaml: workload: bank has no traffic", source="can.yaml: "):
        check_canary(canary, workload, "can.yaml")
    check_canary(canary, validate(Workload, BANK, "bank.yaml"), "can.yaml")


def test_an_experiment_of_a_step_must_exist_and_break_the_same_workload() -> None:
    library = ShippedLibrary()
    canary = validate(Canary, CANARY, "can.yaml")
    check_gates(canary, library.experiment, "can.yaml")
    elsewhere = validate(Canary, changed(CANARY, "workload", "shop"), "can.yaml")
    with refused("can.yaml: steps.1.experiment", "is on workload bank, and not on shop"):
        check_gates(elsewhere, library.experiment, "can.yaml")
    unknown = [10, {"weight": 100, "experiment": "bank-nothing"}]
    with refused("can.yaml: steps.1.experiment: 'bank-nothing' is unknown", source="can.yaml"):
        check_gates(
            validate(Canary, changed(CANARY, "steps", unknown), "can.yaml"),
            library.experiment,
            "can.yaml",
        )


def test_overrides_reach_into_lists_and_mappings() -> None:
    before = validate(Canary, CANARY, "can.yaml")
    after = override(
        Canary,
        CANARY,
        {
            "steps.0.bake": "30s",
            "steps.3.approve": True,
            "metrics.slow.threshold": "2 s",
            "judge.alpha": 0.05,
            "final_bake": "1m",
        },
        "can.yaml",
    )
    assert after.steps[0].bake == 30
    assert after.steps[3].approve
    assert after.steps[1:3] == before.steps[1:3]
    assert str(after.metrics["slow"].threshold) == "= 2000 ms"
    assert after.metrics["errors"] == before.metrics["errors"]
    assert (after.judge.alpha, after.judge.margin) == (0.05, 1.0)
    assert after.final_bake == 60
    same = {"steps", "metrics", "judge", "final_bake"}
    assert after.model_dump(exclude=same) == before.model_dump(exclude=same)
    whole = override(Canary, CANARY, {"steps": [100]}, "can.yaml")
    assert [step.weight for step in whole.steps] == [100]


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ({"steps.4.bake": "1m"}, ["overrides: 'steps.4.bake' does not exist in can.yaml", "steps"]),
        ({"steps.-1.bake": "1m"}, ["'steps.-1.bake' does not exist"]),
        ({"steps.٠.bake": "1m"}, ["does not exist"]),
        ({"steps.00.bake": "1m"}, ["does not exist"]),
        ({"steps." + "9" * 10_000: 1}, ["does not exist"]),
        ({"steps.weight": 5}, ["'steps.weight' does not exist"]),
        ({"steps.0.weight.0": 5}, ["does not exist"]),
        ({"metrics.nothing.threshold": "1 s"}, ["does not exist"]),
        ({"name": "other"}, ["'name' does not exist"]),
        ({"steps.0.weight": 60}, ["can.yaml with overrides: steps: weights must rise"]),
        ({"steps.0": "x"}, ["can.yaml with overrides: steps.0: 'x' is no step"]),
        ({"steps": [100], "steps.3.bake": "1m"}, ["can.yaml with overrides: steps"]),
        ({"judge": None, "judge.alpha": "x"}, ["can.yaml with overrides: judge.alpha"]),
    ],
    ids=quoted,
)
def test_a_wrong_override_is_refused(overrides: Mapping[str, Any], parts: list[str]) -> None:
    with refused(*parts):
        override(Canary, CANARY, overrides, "can.yaml")


def test_a_bomb_of_aliases_in_a_canary_is_refused() -> None:
    text = yaml.safe_dump(CANARY) + "a: &a [x]\nb: [*a, *a]\n"
    with refused("can.yaml: line", "aliases (*a) are not allowed", source="can.yaml: "):
        load(text, "can.yaml")
