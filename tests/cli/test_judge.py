"""`judge`: verdicts again from evidence alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.outcome import lines
from cli.replay import differences
from steadystate.domain.verdict import EXIT_CODES, Verdict
from steadystate.evidence import Evidence
from steadystate.report.replay import judge_again
from tests.cli.conftest import Invoke
from tests.cli.made import made_run


def written(folder: Path, evidence: Evidence) -> Path:
    path = folder / "run.json"
    path.write_text(evidence.to_json(), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("error_rate", "verdict"), [(0.5, Verdict.PASS), (4.9, Verdict.PASS), (5.0, Verdict.FAIL)]
)
def test_a_stored_run_is_judged_the_same_again(
    tmp_path: Path, invoke: Invoke, error_rate: float, verdict: Verdict
) -> None:
    evidence = made_run(error_rate=error_rate).evidence()
    assert evidence.verdict is verdict
    result = invoke("judge", written(tmp_path, evidence))
    assert result.exit_code == EXIT_CODES[verdict]
    assert f"verdict {verdict}: " in result.stdout
    assert result.stdout.endswith("judged again: the same as stored\n")


def test_a_verdict_that_was_changed_by_hand_is_found(tmp_path: Path, invoke: Invoke) -> None:
    evidence = made_run(error_rate=40.0).evidence()
    forged = evidence.model_copy(update={"verdict": Verdict.PASS})
    result = invoke("judge", written(tmp_path, forged))
    assert result.exit_code == EXIT_CODES[Verdict.FAIL]
    assert "judged again: not the same as stored" in result.stdout
    assert "verdict: FAIL, stored PASS" in result.stdout


def test_samples_that_were_removed_are_no_pass(tmp_path: Path, invoke: Invoke) -> None:
    evidence = made_run().evidence().model_copy(update={"samples": []})
    result = invoke("judge", written(tmp_path, evidence))
    assert result.exit_code == EXIT_CODES[Verdict.INCONCLUSIVE]
    assert "objective errors: INCONCLUSIVE (no data for error_rate)" in result.stdout


def test_looks_that_are_missing_are_counted(tmp_path: Path, invoke: Invoke) -> None:
    evidence = made_run().evidence()
    fewer = [s for s in evidence.samples if s.look != 2]
    result = invoke("judge", written(tmp_path, evidence.model_copy(update={"samples": fewer})))
    assert result.stdout.endswith("looks of which nothing is kept in the evidence: 1\n")


def test_a_figure_that_was_changed_alone_is_named(tmp_path: Path, invoke: Invoke) -> None:
    evidence = made_run().evidence()
    first = evidence.objectives[0].model_copy(update={"observed": 0.1})
    forged = evidence.model_copy(update={"objectives": [first, *evidence.objectives[1:]]})
    result = invoke("judge", written(tmp_path, forged))
    assert f"  objective {first.name}: observed 0.5, stored observed 0.1\n" in result.stdout


def test_other_objectives_give_another_verdict(tmp_path: Path, invoke: Invoke) -> None:
    path = written(tmp_path, made_run(error_rate=0.5).evidence())
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text('errors: {sli: error_rate, bound: "< 0.1 %"}\n', encoding="utf-8")
    result = invoke("judge", path, "--objectives", stricter)
    assert result.exit_code == EXIT_CODES[Verdict.FAIL]
    assert "objective errors: FAIL (0.5 % misses < 0.1 %" in result.stdout
    assert "objective latency: not asked for, stored PASS" in result.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no objective"),
        ("{}", "there is no objective"),
        ("errors: {sli: made_up, bound: '< 5 %'}", "did not measure 'made_up'; it has error_rate"),
        ("errors: {sli: error_rate, bound: '< 5 ms'}", "in milliseconds, but error_rate is in per"),
        ("errors: {sli: error_rate, bound: '5'}", "objectives.errors.bound"),
        ("errors: {sli: error_rate, limit: '< 5 %'}", "unknown key 'limit'"),
        ("errors: [", "not valid YAML"),
    ],
)
def test_wrong_objectives_get_a_line_that_says_what_is_allowed(
    tmp_path: Path, invoke: Invoke, text: str, words: str
) -> None:
    path = written(tmp_path, made_run().evidence())
    file = tmp_path / "objectives.yaml"
    file.write_text(text, encoding="utf-8")
    result = invoke("judge", path, "--objectives", file)
    assert result.exit_code == 64
    assert str(file) in result.stderr
    if text not in ("", "{}"):
        assert words in result.stderr
    assert "Traceback" not in result.stderr


def changed(**fields: Any) -> str:
    content = json.loads(made_run().evidence().to_json())
    return json.dumps(content | fields)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "null",
        "[]",
        "{}",
        '{"schema": "steadystate/run/v2"}',
        changed(schema="steadystate/run/v2"),
        changed(schema="steadystate/truth/v1"),
        changed(samples=[{"look": "many"}]),
        changed(verdict="GREAT"),
        changed(extra=1),
        changed()[:-100],
        "\x00\xff",
    ],
)
def test_what_is_no_evidence_gets_one_line_and_64(
    tmp_path: Path, invoke: Invoke, text: str
) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    result = invoke("judge", path)
    assert result.exit_code == 64
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"steadystate: {path}: ")
    assert "steadystate/run/v1" in result.stderr
    assert result.stdout == ""


def test_another_schema_is_named_first(tmp_path: Path, invoke: Invoke) -> None:
    path = tmp_path / "run.json"
    path.write_text(changed(schema="steadystate/run/v2", more=1), encoding="utf-8")
    result = invoke("judge", path)
    assert "schema: Input should be 'steadystate/run/v1' (and 1 more)" in result.stderr


def test_evidence_that_contradicts_itself_gets_one_line(tmp_path: Path, invoke: Invoke) -> None:
    content = json.loads(made_run().evidence().to_json())
    del content["plan"]["slis"]["error_rate"]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = invoke("judge", path)
    assert result.exit_code == 64
    assert "contradicts itself" in result.stderr
    assert "error_rate" in result.stderr


def test_a_file_that_is_not_there_gets_one_line(tmp_path: Path, invoke: Invoke) -> None:
    for path in (tmp_path / "nothing.json", tmp_path):
        result = invoke("judge", path)
        assert result.exit_code == 64
        assert "cannot be read" in result.stderr


def test_a_file_without_end_is_refused(invoke: Invoke) -> None:
    result = invoke("judge", "/dev/zero")
    assert result.exit_code == 64
    assert "at most 100,000,000 are allowed" in result.stderr


def test_each_part_of_the_judgement_is_compared() -> None:
    stored = made_run().evidence()
    again = judge_again(stored).evidence
    assert differences(stored, again) == []
    other = stored.recovery.model_copy(update={"target_seconds": 1.0})
    assert differences(stored.model_copy(update={"recovery": other}), again)
    fewer = stored.model_copy(update={"objectives": stored.objectives[1:]})
    assert differences(fewer, again)


def test_a_reason_that_an_older_version_wrote_with_an_exponent_is_the_same() -> None:
    new = made_run().evidence().model_copy(update={"verdict_reason": "e-value under 0.001 of 20"})
    stored = new.model_copy(update={"verdict_reason": "e-value 1.2e-30 of 20"})
    assert differences(stored, new) == []
    assert differences(stored.model_copy(update={"verdict_reason": "e-value 7 of 20"}), new)


def test_the_outcome_in_lines_has_every_part() -> None:
    text = "\n".join(lines(made_run().evidence()))
    assert "verdict PASS: all 7 objectives kept" in text
    assert "objective latency PASS: 40 ms keeps < 2 x baseline = 250 ms" in text
    assert "baseline 40 ms" in text
    assert "after the first failed probe; target 600 s" in text
    assert "guardrail too-many-errors HELD" in text
    assert "undo fis-experiment undone, read back at 22:13:40 UTC: EXP1 completed" in text
    assert "planned 0.100 USD" in text
