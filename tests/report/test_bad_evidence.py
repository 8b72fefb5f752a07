"""Evidence that is half there, of another kind, or at odds with itself: a clear error, no crash."""

import copy
import json
import random
from typing import Any

import pytest

from steadystate.domain.verdict import Verdict
from steadystate.errors import InvalidDocument
from steadystate.evidence import Evidence
from steadystate.report.compose import compose
from steadystate.report.replay import judge_again, read_evidence
from tests.cli.made import made_run
from tests.reporting import canaries

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
        (
            STORED.replace('"schema":"steadystate/run/v1",', "", 1),
            "run.json: schema: Field required",
        ),
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


ODD: list[Any] = [
    None, 0, -1, 1e308, float("nan"), float("inf"), 10**30, "", "x" * 5000, "a\u202e\x00b<i>",
    [], {}, True, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+00:00", "PASS", "ERROR",
]  # fmt: skip
"""Values that have no business where they are put."""


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value[:4])
    found = [] if not place else [place]
    for key, one in inside:
        found += places(one, (*place, key)) if isinstance(one, dict | list) else [(*place, key)]
    return found


@pytest.mark.parametrize("kind", ["experiment", "canary"])
def test_odd_values_anywhere_give_a_narrative_or_an_error_in_words(kind: str) -> None:
    base = canaries.rolled_back() if kind == "canary" else made_run(failed_seconds=7).evidence()
    stored = json.loads(base.to_json())
    rng, told = random.Random(1), 0
    where = places(stored)
    for _ in range(400):
        content = copy.deepcopy(stored)
        place = rng.choice(where)
        inner: Any = content
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = rng.choice(ODD)
        try:
            narrative = compose(read_evidence(json.dumps(content), "run.json"), "ko")
        except InvalidDocument as error:
            assert "\n" not in str(error)
            continue
        assert narrative.to_json().encode()
        told += 1
    assert told > 20


@pytest.mark.parametrize("kept", [0, 2])
def test_a_regression_that_the_looks_left_do_not_show_is_not_said_again(kept: int) -> None:
    evidence = canaries.rolled_back()
    canary = evidence.canary
    assert canary is not None
    fewer = canary.model_copy(update={"looks": canary.looks[:kept]})
    replay = judge_again(evidence.model_copy(update={"canary": fewer}))
    assert not replay.supported
    assert replay.evidence.verdict is Verdict.INCONCLUSIVE
    told = compose(evidence.model_copy(update={"canary": fewer}), "en")
    assert told.summary.startswith("The samples do not support the stored verdict FAIL;")
