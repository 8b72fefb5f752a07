"""`scenarios`, `validate`, `schema`, and what is refused before a lab starts."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from cli import lab
from cli.documents import SCHEMAS, schemas, text_of
from cli.lab import short_times
from cli.library import SHIPPED, Files, execution_input, parse_overrides, read_any
from steadystate.errors import InvalidDocument
from steadystate.report.compose import compose
from steadystate.run.trends import document_of
from tests.cli.conftest import Invoke
from tests.cli.made import made_run
from tests.reporting.trends import usual_trend

SCENARIO = (SHIPPED / "experiments/bank-latency.yaml").read_text(encoding="utf-8")


def test_every_scenario_that_ships_is_listed_with_its_faults(invoke: Invoke) -> None:
    result = invoke("scenarios")
    assert result.exit_code == 0
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == [*Files().names(), *Files().canaries()]
    canary = next(row for row in rows if row[0] == "bank-canary")
    assert canary[1:3] == ["bank", "canary 10 -> 50 -> 90 -> 100 %"]
    loss = next(row for row in rows if row[0] == "bank-instance-loss")
    assert loss[1:] == [
        "bank",
        "aws:ec2:terminate-instances on 1 of instances",
        "One of three instances is terminated.",
    ]


def test_what_ships_is_valid(invoke: Invoke) -> None:
    files = sorted(SHIPPED.glob("*/*.yaml"))
    result = invoke("validate", *files)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count(" on workload ") == len(Files().names()) + len(Files().canaries())


def test_a_scenario_is_checked_with_the_workload_given_beside_it(
    tmp_path: Path, invoke: Invoke
) -> None:
    scenario, workload = tmp_path / "latency.yaml", tmp_path / "other.yaml"
    scenario.write_text(SCENARIO.replace("workload: bank", "workload: other"), encoding="utf-8")
    alone = invoke("validate", scenario)
    assert alone.exit_code == 0
    assert "workload other is not known here" in alone.stdout
    text = (SHIPPED / "workloads/bank.yaml").read_text(encoding="utf-8")
    changed = text.replace("name: bank", "name: other").replace("  error_rate:\n", "  errors:\n")
    workload.write_text(changed, encoding="utf-8")
    together = invoke("validate", scenario, workload)
    assert together.exit_code == 64
    assert f"{scenario}: objectives.errors.sli: workload other has no indicator" in together.stderr


def test_a_canary_is_checked_with_its_workload_and_its_gates(
    tmp_path: Path, invoke: Invoke
) -> None:
    text = (SHIPPED / "canaries/bank-canary.yaml").read_text(encoding="utf-8")
    for folder in ("canaries", "experiments"):
        (tmp_path / folder).mkdir()
    file = tmp_path / "canaries/mine.yaml"
    gate = "{weight: 10, experiment: NAME}, 50"
    for name, problem in (
        ("bank-latency", ""),
        ("mine-too", "steps.0.experiment: 'mine-too' is unknown"),
    ):
        file.write_text(text.replace("10, 50", gate.replace("NAME", name)), encoding="utf-8")
        result = invoke("validate", file)
        assert result.exit_code == (64 if problem else 0)
        assert problem in result.stderr
    (tmp_path / "experiments/mine-too.yaml").write_text(SCENARIO, encoding="utf-8")
    assert invoke("validate", file).exit_code == 0
    file.write_text(text.replace("sli: probe_errors", "sli: nothing"), encoding="utf-8")
    assert "guardrails.too-many-errors.sli" in invoke("validate", file).stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "one mapping"),
        ("document: steadystate/canary/v9", "allowed are steadystate/workload/v1"),
        (SCENARIO.replace("recovery:", "recovering:"), "unknown key 'recovering'"),
        (SCENARIO.replace('"< 5 %"', '"< 5 ms"'), "objectives.errors.bound"),
        (SCENARIO.replace("duration: 3m", "duration: -3m"), "method.slow-network.duration"),
        (SCENARIO.replace("target: instances", "target: moon"), "has no target 'moon'"),
        ("x" * 10_000_000, "10,000,000 bytes; at most 65,536 are allowed"),
        ("a: &a [1]\nb: [*a, *a]\n", "aliases"),
    ],
)
def test_each_problem_is_one_line_with_file_and_field(
    tmp_path: Path, invoke: Invoke, text: str, words: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    result = invoke("validate", path, SHIPPED / "experiments/bank-latency.yaml")
    assert result.exit_code == 64
    assert words in result.stderr
    assert all(line.startswith(f"steadystate: {path}: ") for line in result.stderr.splitlines())
    assert "bank-latency.yaml: ok" in result.stdout, "the others are checked all the same"


def test_files_that_cannot_be_read_get_a_line_each(tmp_path: Path, invoke: Invoke) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: caf\xe9".encode("latin-1"))
    result = invoke("validate", tmp_path / "nothing.yaml", tmp_path, tmp_path / "latin.yaml")
    assert result.exit_code == 64
    missing, folder, latin = result.stderr.splitlines()
    assert "no such file" in missing
    assert "is a directory" in folder
    assert "not UTF-8" in latin


def test_the_published_schemas_are_those_of_the_models() -> None:
    for name, schema in schemas().items():
        Draft202012Validator.check_schema(schema)
        path = SCHEMAS / f"{name}.json"
        written = path.read_text(encoding="utf-8")
        assert written == text_of(schema), f"run: steadystate schema --out {SCHEMAS}"


WRITTEN = {
    "run.v1": lambda: made_run().evidence().to_json(),
    "narrative.v1": lambda: compose(made_run().evidence(), "ko").to_json(),
    "trend.v1": lambda: document_of(usual_trend()),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_the_code_writes_keeps_its_published_schema(name: str) -> None:
    validator = Draft202012Validator(schemas()[name])
    document = json.loads(WRITTEN[name]())
    assert document["schema"] == f"steadystate/{name.replace('.', '/')}"
    validator.validate(document)
    for field in document:
        without = {k: v for k, v in document.items() if k != field}
        assert validator.is_valid(without) == (field not in validator.schema["required"]), field


def test_schemas_are_written_where_they_are_wanted(tmp_path: Path, invoke: Invoke) -> None:
    result = invoke("schema", "--out", tmp_path / "new")
    assert result.exit_code == 0
    assert {p.name for p in (tmp_path / "new").iterdir()} == {f"{n}.json" for n in schemas()}
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert invoke("schema", "--out", tmp_path / "file" / "below").exit_code == 64


def test_override_values_are_json_or_else_text() -> None:
    words = ["a=1", "b=10m", 'c="1"', "d=< 5 %", "e=[1, 2]", "f=NaN", "g==", "h="]
    assert parse_overrides(words) == {
        "a": 1,
        "b": "10m",
        "c": "1",
        "d": "< 5 %",
        "e": [1, 2],
        "f": "NaN",
        "g": "=",
        "h": "",
    }


@pytest.mark.parametrize("words", [["a"], ["=1"], ["a=1", "a=2"]])
def test_overrides_that_are_no_pairs_are_refused(words: list[str]) -> None:
    with pytest.raises(InvalidDocument, match="--override"):
        parse_overrides(words)


def test_long_faults_are_shortened_in_the_lab_unless_their_duration_is_given() -> None:
    def shortened(name: str, given: dict[str, str]) -> dict[str, str]:
        experiment, _ = read_any(execution_input(name, given, "", ""), Files())
        return short_times(experiment, given)

    path = "method.slow-network.duration"
    assert shortened("bank-latency", {}) == {path: "40s"}
    assert shortened("bank-latency", {path: "2m"}) == {}
    assert shortened("bank-latency", {path: "30s"}) == {}
    assert shortened("bank-instance-loss", {}) == {}
    assert shortened("bank-canary", {"steps.1.bake": "3m"}) == {
        "steps.0.bake": "120s",
        "steps.2.bake": "60s",
        "steps.3.bake": "60s",
        "final_bake": "20s",
    }
    assert "steps.0.bake" not in shortened("chat-canary", {"bake": "1m"})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bank-meteor"], "scenario 'bank-meteor' is unknown; known are bank-all-instances"),
        (["Bank Latency"], "scenario"),
        (["bank-latency", "--override", "recovery.tarpit=5m"], "'recovery.tarpit' does not exist"),
        (["bank-latency", "--override", "recovery.target=5"], "recovery.target"),
        (["bank-latency", "--override", "recovery"], "must be path=value"),
        (["bank-latency", "--reason", "x" * 1001], "reason"),
        (["bank-latency", "--frob"], "No such option: --frob"),
        ([], "Missing argument"),
        (["bank-latency", "--out", "/dev/null/out"], "--out"),
    ],
)
def test_bad_input_is_refused_before_a_lab_starts(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    def no_lab(*_: object) -> None:
        raise AssertionError("a lab was started")

    monkeypatch.setattr(lab, "_lab", no_lab)
    result = invoke("lab", "run", *words)
    assert result.exit_code == 64, result.output
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize("words", [[], ["frob"], ["lab"], ["lab", "frob"], ["validate"]])
def test_bad_usage_exits_64_with_one_line(invoke: Invoke, words: list[str]) -> None:
    result = invoke(*words)
    assert result.exit_code == 64
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.endswith("See `steadystate --help`.\n")


def test_an_unknown_workload_does_not_come_up(invoke: Invoke) -> None:
    result = invoke("lab", "up", "--workload", "casino")
    assert result.exit_code == 64
    assert "allowed are bank" in result.stderr
