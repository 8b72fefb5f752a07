"""The committed bench results meet what the judge promises, and the documents show them."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results" / "judge"
RULE = "Steadystate"


def outcomes() -> dict[str, dict[str, float]]:
    document = json.loads((RESULTS / "results.json").read_text(encoding="utf-8"))
    assert document["traces"] >= 20_000
    return {o["row"]: o for o in document["outcomes"] if o["rule"] == RULE}


def test_at_most_one_healthy_canary_in_a_hundred_is_rolled_back() -> None:
    healthy = {row: o for row, o in outcomes().items() if o["found"] is None}
    assert len(healthy) >= 5
    for outcome in healthy.values():
        assert outcome["false_rollbacks"] <= 0.01


@pytest.mark.parametrize(
    ("row", "minutes"),
    [("0.1 -> 1 %", 6), ("1 -> 5 %", 2), ("0.1 -> 1 % at minute 20", 8),
     ("1 -> 5 % at minute 20", 4)],
)  # fmt: skip
def test_regressions_are_found_in_the_minutes_that_are_promised(row: str, minutes: float) -> None:
    outcome = outcomes()[row]
    assert outcome["median_delay_minutes"] <= minutes
    assert outcome["found"] >= 0.99


@pytest.mark.parametrize("document", ["judging.md", "judging.ko.md"])
@pytest.mark.parametrize("table", ["table.md", "promotion.md"])
def test_the_documents_show_the_committed_tables(document: str, table: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    assert (RESULTS / table).read_text(encoding="utf-8").strip() in text


def test_unacceptable_canaries_are_promoted_less_often_than_the_confidence_allows() -> None:
    document = json.loads((RESULTS / "promotion.json").read_text(encoding="utf-8"))
    unacceptable = [b for b in document["bakes"] if b["bake"].startswith("unacceptable")]
    assert len(unacceptable) >= 3
    for bake in unacceptable:
        assert bake["promoted"] <= 0.05
