"""Evidence that is half there, of another kind, or at odds with itself: a clear error, no crash."""

import json
from typing import Any

import pytest

from steadystate.errors import InvalidDocument
from steadystate.evidence import Evidence
from steadystate.report.compose import compose
from steadystate.report.replay import judge_again, read_evidence
from tests.cli.made import made_run

STORED = made_run().evidence().to_json()


def test_evidence_comes_back_from_its_own_text() -> None:
    assert read_evidence(STORED, "run.json").to_json() == STORED


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "run.json: "),
        (STORED[: len(STORED) // 2], "run.json: Invalid JSON"),
        ("[]", "run.json: "),
        ("null", "run.json: "),
        (STORED.replace("steadystate/run/v1", "steadystate/run/v9"), "run.json: schema: "),
        (json.dumps({"schema": "steadystate/run/v1"}), "run.json: run_id: Field required"),
        (STORED.replace('"ticks":[[', '"ticks":["",[', 1), "run.json: samples.0.ticks.0"),
    ],
)
def test_what_is_no_evidence_gets_one_line_that_names_the_field(text: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_evidence(text, "run.json")
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def contradictory(change: str) -> Evidence:
    content: dict[str, Any] = json.loads(STORED)
    if change == "an objective on an unknown indicator":
        content["plan"]["objectives"]["errors"]["sli"] = "nothing_of_the_kind"
    elif change == "an objective that was not planned":
        content["objectives"][0]["name"] = "elsewhere"
        content["plan"]["objectives"] = {}
        content["plan"]["slis"] = {}
    elif change == "a tick beyond all time":
        content["samples"][2]["ticks"][0][0] = 1e300
    elif change == "a fault beyond all time":
        content["fault"]["started_at"] = 1e300
    elif change == "no recovery":
        content["recovery"] = None
    elif change == "a failure at no time":
        for tick in content["samples"][1]["ticks"]:
            tick[3:5] = [None, None]
    return Evidence.model_validate(content)


@pytest.mark.parametrize(
    "change",
    [
        "an objective on an unknown indicator",
        "a tick beyond all time",
        "a fault beyond all time",
        "no recovery",
        "a failure at no time",
    ],
)
def test_evidence_that_contradicts_itself_is_refused_in_words(change: str) -> None:
    with pytest.raises(InvalidDocument, match="made-1"):
        compose(contradictory(change), "en")


def test_stored_objectives_that_nobody_asked_for_are_named() -> None:
    replay = judge_again(contradictory("an objective that was not planned"))
    assert "elsewhere" in replay.changed


def test_numbers_that_are_none_are_told_as_no_numbers() -> None:
    content = json.loads(STORED)
    for sample in content["samples"]:
        for points in sample["points"].values():
            for point in points:
                point[1] = "NaN"
    told = compose(Evidence.model_validate(content), "en")
    assert told.summary.startswith("The samples do not support the stored verdict PASS")
    assert "nan" not in told.to_json()
