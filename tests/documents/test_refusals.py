"""What bad documents and inputs get: a line that names file, field and what is allowed."""

import math
from datetime import date
from typing import Any

import pytest
import yaml

from steadystate.contracts import ExecutionInput
from steadystate.documents.experiment import Experiment
from steadystate.documents.loading import check_together, load, override, validate
from steadystate.documents.workload import Workload
from steadystate.run.scenario import read_documents
from tests.documents.lines import refused
from tests.documents.shipped import (
    PARAMETERS,
    PublishedParameters,
    ShippedLibrary,
    changed,
    content,
)

EXPERIMENT = content("bank-instance-loss")
WORKLOAD = content("bank", "workloads")
HUGE = 16**10_000


def shown(value: object) -> str:
    return "huge" if value == HUGE else str(value)[:40]


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("objectivs", {}, ["unknown key 'objectivs'", "allowed are", "objectives"]),
        ("recovery.targt", "1m", ["recovery: ", "unknown key 'targt'", "target, limit, good"]),
        ("recovery.target", "-10m", ["recovery.target", "'-10m'", "positive number with ms"]),
        ("recovery.target", "10", ["recovery.target", "'10'", "ms, s, m or h"]),
        ("recovery.target", 600, ["recovery.target", "600", "ms, s, m or h"]),
        ("recovery.target", "10 minutes", ["recovery.target", "ms, s, m or h"]),
        ("recovery.target", "0s", ["recovery.target", "'0s'", "over 0 and at most 24h"]),
        ("recovery.target", "25h", ["recovery.target", "'25h'", "at most 24h"]),
        ("recovery.target", math.nan, ["recovery.target", "nan"]),
        ("recovery.target", math.inf, ["recovery.target", "inf"]),
        ("recovery.target", HUGE, ["recovery.target", "thousands of digits", "as in '10m'"]),
        ("recovery.target", date(2026, 1, 1), ["recovery.target", "no duration"]),
        ("recovery.target", None, ["recovery.target", "None", "no duration"]),
        ("recovery.target", ["10m"], ["recovery.target", "no duration"]),
        ("recovery.target", "9" * 60_000 + "h", ["recovery.target", "out of range"]),
        ("recovery.limit", "1m", ["recovery: ", "limit must be at least target"]),
        ("baseline.minimum_points", 1, ["baseline.minimum_points", "greater than or equal to 2"]),
        ("objectives.errors.bound", "< 5 kg", ["objectives.errors.bound", "'kg'", "%, ms, s"]),
        ("objectives.errors.bound", 5, ["objectives.errors.bound", "5", "as in '< 5 %'"]),
        ("objectives.errors.bound", "5 %", ["objectives.errors.bound", "as in '< 5 %'"]),
        ("objectives.errors.bound", "< " + "9" * 400, ["objectives.errors.bound", "too large"]),
        ("objectives.errors.bound", "x" * 60_000, ["objectives.errors.bound", "as in '< 5 %'"]),
        ("objectives.errors.when", "later", ["objectives.errors.when", "'during' or 'after'"]),
        ("objectives.errors.missing", "PASS", ["objectives.errors.missing", "'INCONCLUSIVE'"]),
        ("objectives.latency.floor", "2 x baseline", ["objectives.latency.floor", "'250 ms'"]),
        ("objectives.latency.floor", HUGE, ["objectives.latency.floor"]),
        ("objectives.latency.floor", math.nan, ["objectives.latency.floor"]),
        ("objectives.latency.floor", True, ["objectives.latency.floor", "'250 ms'"]),
        ("objectives", {}, ["objectives", "at least 1 item"]),
        ("objectives", {1: {}}, ["objectives"]),
        ("objectives", {"a\nb": {}}, ["objectives.'a\\nb'"]),
        ("objectives", {"Errors": EXPERIMENT["objectives"]["errors"]}, ["objectives.Errors"]),
        ("objectives", [1], ["objectives", "dictionary"]),
        ("method", {}, ["method", "at least 1 item"]),
        ("method.terminate-one.action", "aws:ec2:explode", ["not known", "aws:fis:wait"]),
        ("method.terminate-one.action", "x" * 60_000, ["not known; allowed are"]),
        (
            "method.terminate-one.select",
            0,
            ["method.terminate-one.select", "a share (50 %) or all"],
        ),
        (
            "method.terminate-one.select",
            "101 %",
            ["method.terminate-one.select", "selects nothing"],
        ),
        ("method.terminate-one.select", True, ["method.terminate-one.select"]),
        ("method.terminate-one.select", math.inf, ["method.terminate-one.select"]),
        ("method.terminate-one.duration", "1m", ["method.terminate-one", "takes no duration"]),
        ("method.terminate-one.document", "AWSFIS-Run-CPU-Stress", ["document is for aws:ssm"]),
        ("method.terminate-one.start_after", ["nothing"], ["start_after of terminate-one"]),
        ("method.terminate-one.start_after", ["terminate-one"], ["goes in a ring"]),
        ("method.terminate-one.parameters", {"LoadPercent": 80}, ["parameters.LoadPercent"]),
        ("guardrails.too-many-errors.points", 0, ["guardrails.too-many-errors.points"]),
        ("guardrails.too-many-errors.points", HUGE, ["guardrails.too-many-errors.points"]),
        ("name", "Bank Loss", ["name", "pattern"]),
        ("name", date(2026, 1, 1), ["name", "valid string"]),
        ("description", "x" * 3_000, ["description", "2000"]),
        ("workload", None, ["workload", "valid string"]),
    ],
    ids=shown,
)
def test_a_wrong_value_of_an_experiment_is_refused(path: str, value: Any, parts: list[str]) -> None:
    with refused("exp.yaml: ", *parts, source="exp.yaml: "):
        validate(Experiment, changed(EXPERIMENT, path, value), "exp.yaml")


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("probe.requests", 0, ["probe.requests", "greater than or equal to 1"]),
        ("probe.timeout", "-1s", ["probe.timeout", "positive number"]),
        ("probe.url", "ftp://bank", ["probe.url", "https?"]),
        ("probe.url", "file:///etc/passwd", ["probe.url", "https?"]),
        ("slis.error_rate.measure", "errors", ["slis.error_rate", "'error_rate', 'latency'"]),
        ("slis.error_rate.source", "magic", ["slis.error_rate", "'load_balancer'", "'http'"]),
        ("slis.error_rate.source", "\n\u200b" + "x" * 60_000, ["slis.error_rate", "'http'"]),
        ("slis.latency_p95.percentile", 100, ["slis.latency_p95", "percentile", "less than 100"]),
        ("slis.latency_p95.percentile", math.nan, ["slis.latency_p95", "percentile"]),
        ("slis.database_connections.unit", "kg", ["slis.database_connections", "percent|millis"]),
        ("slis.database_connections.full_scale", math.inf, ["full_scale", "finite number"]),
        ("slis.database_connections.full_scale", HUGE, ["full_scale"]),
        ("slis.database_connections.full_scale", 0, ["full_scale", "greater than 0"]),
        ("slis.database_connections.statistic", "p99th", ["statistic", "Average|Sum"]),
        ("targets.instances.resource", "aws:ec2:vpc", ["targets.instances", "'aws:ec2:instance'"]),
        ("targets.database.zone", "a", ["targets.database", "unknown key 'zone'", "identifier"]),
        ("load_balancer", "arn", ["load_balancer"]),
        ("alarms", ["a"] * 6, ["alarms", "at most 5"]),
        ("slis", {}, ["slis", "at least 1"]),
    ],
    ids=shown,
)
def test_a_wrong_value_of_a_workload_is_refused(path: str, value: Any, parts: list[str]) -> None:
    with refused("load.yaml: ", *parts, source="load.yaml: "):
        validate(Workload, changed(WORKLOAD, path, value), "load.yaml")


def test_all_problems_are_told_at_once_but_not_a_thousand() -> None:
    several = changed(changed(EXPERIMENT, "recovery.target", "-1m"), "objectives.errors.bound", "5")
    with refused("recovery.target"):
        validate(Experiment, several, "exp.yaml")
    with refused("objectives.errors.bound"):
        validate(Experiment, several, "exp.yaml")
    many = changed(EXPERIMENT, "objectives", {f"o{n}": {"sli": "x"} for n in range(5_000)})
    with refused("objectives"):
        validate(Experiment, many, "exp.yaml")
    keys = EXPERIMENT | {f"key{n}": 1 for n in range(3_000)}
    with refused("unknown key 'key0'"):
        validate(Experiment, keys, "exp.yaml")


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        (
            "objectives.errors.sli",
            "error_ratio",
            [
                "objectives.errors.sli",
                "workload bank has no indicator 'error_ratio'",
                "it has error_",
            ],
        ),
        (
            "guardrails.too-many-errors.sli",
            "nothing",
            ["guardrails.too-many-errors.sli", "no indicator 'nothing'", "probe_errors"],
        ),
        (
            "objectives.errors.bound",
            "< 5 ms",
            ["objectives.errors.bound", "in milliseconds", "error_rate is in percent"],
        ),
        ("objectives.latency.bound", "< 5", ["objectives.latency.bound", "in count"]),
        ("objectives.latency.floor", "5 %", ["objectives.latency", "in percent"]),
        (
            "objectives.ledger-balances.when",
            "during",
            ["objectives.ledger-balances.when", "write after"],
        ),
        (
            "objectives.probed",
            {"sli": "probe_latency", "bound": "< 2 x baseline"},
            ["objectives.probed.bound", "no history"],
        ),
        (
            "guardrails.too-many-errors.bound",
            "< 2 x baseline",
            ["guardrails.too-many-errors.bound", "no history"],
        ),
        (
            "guardrails.lost",
            {"sli": "lost_transfers", "bound": "= 0"},
            ["guardrails.lost.sli", "not read during the run"],
        ),
        (
            "method.terminate-one.target",
            "pods",
            ["method.terminate-one.target", "no target 'pods'", "instances, database"],
        ),
        (
            "method.terminate-one.target",
            "database",
            ["method.terminate-one.target", "acts on aws:ec2:instance", "is aws:rds:db"],
        ),
    ],
)
def test_what_only_both_documents_show_is_refused(path: str, value: Any, parts: list[str]) -> None:
    experiment = validate(Experiment, changed(EXPERIMENT, path, value), "exp.yaml")
    workload = validate(Workload, WORKLOAD, "bank.yaml")
    with refused("exp.yaml: ", *parts, source="exp.yaml: "):
        check_together(experiment, workload, "exp.yaml")


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("recovery.tagret", "1m", ["overrides: 'recovery.tagret' does not exist", "recovery"]),
        ("objectives.nothing.bound", "< 1 %", ["'objectives.nothing.bound' does not exist"]),
        ("objectives.errors.bound.number", 1, ["does not exist"]),
        ("recovery.target.seconds", 1, ["does not exist"]),
        ("", 1, ["'' does not exist"]),
        (".", 1, ["does not exist"]),
        ("workload", "shop", ["'workload' does not exist"]),
        ("name", "other", ["'name' does not exist"]),
        ("document", "other", ["'document' does not exist"]),
        ("__class__", "x", ["does not exist"]),
        ("recovery.model_config", {}, ["does not exist"]),
        ("a" * 50_000, 1, ["does not exist"]),
        ("a\nb", 1, ["'a\\nb' does not exist"]),
        ("recovery.target", "-1m", ["exp.yaml with overrides: recovery.target", "'-1m'"]),
        ("recovery", None, ["exp.yaml with overrides: recovery"]),
        ("objectives", {}, ["exp.yaml with overrides: objectives", "at least 1"]),
        ("objectives.errors", "< 1 %", ["exp.yaml with overrides: objectives.errors"]),
    ],
    ids=shown,
)
def test_a_wrong_override_is_refused(path: str, value: Any, parts: list[str]) -> None:
    with refused(*parts):
        override(Experiment, EXPERIMENT, {path: value}, "exp.yaml")


def test_overrides_replace_what_they_name_and_nothing_else() -> None:
    before = validate(Experiment, EXPERIMENT, "exp.yaml")
    after = override(
        Experiment,
        EXPERIMENT,
        {"recovery.target": "2m", "objectives.errors.bound": "< 1 %", "baseline.duration": "5m"},
        "exp.yaml",
    )
    assert after.recovery.target == 120.0
    assert str(after.objectives["errors"].bound) == "< 1 %"
    assert after.baseline.duration == 300.0
    same = {"recovery", "objectives", "baseline"}
    assert after.model_dump(exclude=same) == before.model_dump(exclude=same)
    assert after.objectives["latency"] == before.objectives["latency"]
    assert content("bank-instance-loss") == EXPERIMENT


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({"scenario": "bank-nothing"}, ["scenario: 'bank-nothing' is unknown", "bank-latency"]),
        ({"scenario": "odd"}, ["odd.yaml: workload: 'nowhere' is unknown"]),
        ({"scenario": "unclear"}, ["unclear.yaml: line", "not valid YAML"]),
        ({"scenario": "bank-latency", "overrides": {"x": 1}}, ["overrides: 'x' does not exist"]),
        ({"scenario": "bank-latency", "overrides": {"objectives.errors.sli": "none"}}, ["none"]),
    ],
)
def test_unknown_scenarios_and_workloads_are_refused(
    given: dict[str, Any], parts: list[str]
) -> None:
    odd = yaml.safe_dump(changed(changed(EXPERIMENT, "workload", "nowhere"), "name", "odd"))
    library = ShippedLibrary({"experiments/odd": odd, "experiments/unclear": "a: [\t"})
    with refused(*parts):
        read_documents(ExecutionInput(**given), library, PublishedParameters())


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({}, ["input: scenario: Field required"]),
        ({"scenario": "../../etc/passwd"}, ["input: scenario", "pattern"]),
        ({"scenario": "a", "overides": {}}, ["unknown key 'overides'", "scenario, overrides"]),
        ({"scenario": "a", "overrides": [1]}, ["input: overrides", "dictionary"]),
        ({"scenario": "a", "overrides": {str(n): 1 for n in range(51)}}, ["at most 50"]),
        ({"scenario": "a", "reason": "x" * 1001}, ["input: reason", "1000"]),
        ({"scenario": "a", "requested_by": 1}, ["input: requested_by"]),
    ],
    ids=shown,
)
def test_a_wrong_execution_input_is_refused(given: dict[str, Any], parts: list[str]) -> None:
    with refused(*parts, source="input"):
        validate(ExecutionInput, given, "input")


def test_a_reference_that_the_workload_does_not_publish_is_refused_with_those_it_does() -> None:
    values = {k: v for k, v in PARAMETERS.items() if k != "health-url"}
    with refused("bank.yaml", "${health-url}", "integrity-url"):
        read_documents(
            ExecutionInput(scenario="bank-latency"), ShippedLibrary(), PublishedParameters(values)
        )
    with refused("bank.yaml", "is the workload's stack deployed?"):
        read_documents(
            ExecutionInput(scenario="bank-latency"), ShippedLibrary(), PublishedParameters({})
        )


@pytest.mark.parametrize("url", ["http://a/$", "http://a/${", "http://${a b}", "http://${1}"])
def test_a_broken_reference_is_refused(url: str) -> None:
    workload = yaml.safe_dump(changed(WORKLOAD, "probe.url", url))
    library = ShippedLibrary({"workloads/bank": workload})
    with refused("bank.yaml", "write references as ${name}"):
        read_documents(ExecutionInput(scenario="bank-latency"), library, PublishedParameters())


def test_a_document_of_another_kind_is_refused() -> None:
    with refused("bank.yaml: ", "unknown key", "'slis'", "allowed are document, name"):
        validate(Experiment, WORKLOAD, "bank.yaml")
    assert isinstance(load(yaml.safe_dump(WORKLOAD), "bank.yaml"), Workload)
