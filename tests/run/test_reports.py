"""Reports as they are composed, rendered, recorded; what is missing is named."""

import hashlib
import json
from typing import Any

import pytest

from steadystate.contracts import Composed, PublishTrendsInput, ReportInput, RunInput
from steadystate.documents.fields import Language
from steadystate.domain.trend import Trend
from steadystate.domain.verdict import Verdict
from steadystate.errors import InvalidDocument, ReportMissing
from steadystate.evidence import Evidence
from steadystate.report.contracts import Narrative
from steadystate.run.history import Recording, record_history
from steadystate.run.report import Composing, Rendering, compose_report, render_report
from steadystate.run.trends import Publishing, publish_trends
from tests.domain.records import NOW, record
from tests.run.shelves import Chronicle, Evidences, Shelf
from tests.run.worlds import RUN, World


class Desk:
    """A run that is over, and everything that its report is made with."""

    def __init__(self, language: str = "en") -> None:
        world = World()
        world.input["language"] = language
        world.service.effect = (0.3, 1.5)
        world.run()
        self.text = world.account.evidence[RUN]
        self.evidence = Evidences({RUN: self.text})
        self.shelf = Shelf()
        self.drawn: list[tuple[str, str, str]] = []

    def compose(self, language: Language | None = None) -> Composed:
        world = Composing(evidence=self.evidence, reports=self.shelf, model=None)
        return compose_report(ReportInput(run_id=RUN, language=language), world)

    def render(self, composed: Composed) -> str:
        world = Rendering(evidence=self.evidence, reports=self.shelf, draw=self.draw)
        return render_report(composed, world).report

    def draw(self, evidence: Evidence, narrative: Narrative, sha256: str) -> bytes:
        self.drawn.append((evidence.run_id, narrative.language, sha256))
        return b"%PDF"


def test_a_report_is_in_the_language_of_the_run_unless_another_is_wanted() -> None:
    desk = Desk("ko")
    assert desk.compose().narrative == f"reports/{RUN}/narrative.ko.json"
    composed = desk.compose("en")
    assert desk.render(composed) == f"reports/{RUN}/report.en.pdf"
    assert desk.shelf.kept[f"reports/{RUN}/report.en.pdf"] == b"%PDF"
    kept = Narrative.model_validate_json(desk.shelf.kept[composed.narrative])
    assert (kept.run_id, kept.language) == (RUN, "en")


def test_the_hash_is_that_of_the_document_in_the_bucket() -> None:
    desk = Desk()
    desk.render(desk.compose())
    assert desk.drawn == [(RUN, "en", hashlib.sha256(desk.text.encode()).hexdigest())]


BROKEN = {
    "half-written": lambda text: text[: len(text) // 2],
    "of another schema": lambda text: text.replace("steadystate/run/v1", "steadystate/run/v9"),
    "empty": lambda text: "",
    "no evidence": lambda text: "[1, 2]",
}


@pytest.mark.parametrize("how", BROKEN)
def test_evidence_that_cannot_be_used_is_named(how: str) -> None:
    desk = Desk()
    desk.evidence.runs[RUN] = BROKEN[how](desk.text)
    with pytest.raises(ReportMissing, match=f"runs/{RUN}/run.json"):
        desk.compose()
    with pytest.raises(ReportMissing, match=f"runs/{RUN}/run.json"):
        record_history(RunInput(run_id=RUN), Recording(desk.evidence, Chronicle()))
    assert not desk.shelf.kept


def test_evidence_that_is_not_there_is_named() -> None:
    desk = Desk()
    desk.evidence.runs.clear()
    with pytest.raises(ReportMissing, match=f"runs/{RUN}/run.json is not in the bucket"):
        desk.compose()


def test_a_bucket_that_refuses_is_told_with_the_document_that_is_missing() -> None:
    desk = Desk()
    composed = desk.compose()
    desk.shelf.refuses = "report.en.pdf"
    with pytest.raises(ReportMissing, match=r"report.en.pdf could not be stored"):
        desk.render(composed)
    desk.shelf.refuses = "narrative"
    with pytest.raises(ReportMissing, match=r"narrative.en.json could not be stored"):
        desk.compose()


def test_a_narrative_that_is_none_is_named() -> None:
    desk = Desk()
    composed = desk.compose()
    desk.shelf.kept[composed.narrative] = b'{"schema": "steadystate/narrative/v1"'
    with pytest.raises(ReportMissing, match=r"narrative.en.json is no narrative"):
        desk.render(composed)


def test_evidence_that_contradicts_itself_says_of_what_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    composed = desk.compose()

    def draw(*_: Any) -> bytes:
        raise InvalidDocument("it has no recovery")

    monkeypatch.setattr(desk, "draw", draw)
    with pytest.raises(ReportMissing, match=f"run {RUN} cannot be told: it has no recovery"):
        desk.render(composed)


def test_a_run_has_one_place_in_the_history_however_often_it_is_recorded() -> None:
    desk, history = Desk(), Chronicle()
    for _ in range(2):
        told = record_history(RunInput(run_id=RUN), Recording(desk.evidence, history))
    assert told.workload == "bank"
    evidence = Evidence.model_validate_json(desk.text)
    (kept,) = history.of("bank", 10)
    assert (kept.verdict, kept.reason) == (Verdict.PASS, evidence.verdict_reason)
    assert evidence.recovery is not None
    assert evidence.recovery.from_fault is not None
    assert kept.recovery_high_seconds == evidence.recovery.from_fault.high
    assert [o.margin for o in kept.objectives] == [o.margin for o in evidence.objectives]


def published(history: Chronicle, workload: str | None = None) -> dict[str, bytes]:
    shelf = Shelf()

    def draw(trend: Trend, language: Language) -> bytes:
        return f"%PDF {trend.workload} {language}".encode()

    world = Publishing(history=history, reports=shelf, draw=draw, now=lambda: NOW)
    wanted = PublishTrendsInput(workload=workload, language="ko")
    assert publish_trends(wanted, world).keys == list(shelf.kept)
    return shelf.kept


def test_trends_of_all_workloads_are_stored_as_json_and_as_pdf() -> None:
    history = Chronicle()
    for days, workload in ((1, "bank"), (2, "bank"), (3, "chat")):
        one = record(days, workload=workload, scenario=f"{workload}-latency")
        history.record(one)
    kept = published(history)
    assert list(kept) == [
        f"trends/{workload}/2027-01-15.{kind}"
        for workload in ("bank", "chat")
        for kind in ("json", "pdf")
    ]
    assert kept["trends/bank/2027-01-15.pdf"] == b"%PDF bank ko"
    content = json.loads(kept["trends/bank/2027-01-15.json"])
    assert (content["workload"], len(content["scenarios"][0]["runs"])) == ("bank", 2)
    assert content["at"] == "2027-01-15T08:00:00Z"
    assert next(iter(published(history, "chat"))).startswith("trends/chat/")


def test_a_workload_without_runs_gets_no_document() -> None:
    assert published(Chronicle()) == {}
    assert published(Chronicle(), "bank") == {}
