"""`report`: what is there is fetched, what is not is asked for, and what cannot be made is told."""

from pathlib import Path

import pytest

from cli.place import Place
from steadystate.adapters.aws import client
from steadystate.adapters.control import BucketEvidence
from steadystate.keys import report_key
from tests.cli.conftest import REGION, STACK, Invoke
from tests.cli.made import made_run

AT = ("--stack", STACK, "--region", REGION)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stored(place: Place, run_id: str, language: str = "en", *, pdf: bytes = b"") -> None:
    """Store the evidence of a run, and its report, if one is given."""
    evidence = made_run(run_id).evidence()
    plan = evidence.plan.model_copy(update={"language": language})
    evidence = evidence.model_copy(update={"plan": plan})
    BucketEvidence(place.bucket).put(run_id, evidence.to_json())
    if pdf:
        key = report_key(run_id, language)
        client("s3").put_object(Bucket=place.bucket, Key=key, Body=pdf)


def test_a_report_that_is_there_is_fetched_in_the_runs_language(
    place: Place, invoke: Invoke, here: Path
) -> None:
    stored(place, "told-1", "ko", pdf=b"%PDF ko")
    result = invoke("report", "told-1", *AT)
    assert (result.exit_code, result.stdout) == (0, "told-1.ko.pdf\n")
    assert (here / "told-1.ko.pdf").read_bytes() == b"%PDF ko"
    result = invoke("report", "told-1", "--language", "ko", "--out", here / "x.pdf", *AT)
    assert result.exit_code == 0
    assert (here / "x.pdf").read_bytes() == b"%PDF ko"


def test_a_report_that_cannot_be_made_is_told_in_the_machines_words(
    place: Place, invoke: Invoke, here: Path
) -> None:
    stored(place, "untold-1")
    result = invoke("report", "untold-1", *AT)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-2:] == [
        "steadystate: the report of untold-1 could not be made: FAILED",
        "steadystate: missing of run x: the report",
    ]
    assert not list(here.iterdir())


def test_a_run_without_evidence_is_told(place: Place, invoke: Invoke) -> None:
    result = invoke("report", "never-was", *AT)
    assert result.exit_code == 64
    assert "run 'never-was' has no evidence" in result.stderr
    assert invoke("report", "../x", *AT).exit_code == 64


def test_bad_usage_touches_nothing(place: Place, invoke: Invoke, here: Path) -> None:
    stored(place, "told-2", pdf=b"%PDF")
    for words in (["--language", "fr"], ["--out", here], ["--out", here / "none" / "x.pdf"]):
        assert invoke("report", "told-2", *words, *AT).exit_code == 64
