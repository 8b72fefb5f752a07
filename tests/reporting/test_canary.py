"""What the report of a canary shows, read back from the PDF."""

from collections.abc import Callable

import pytest

from reporting import figures
from reporting.canary_charts import canary_stage, weights_picture
from reporting.document import render
from reporting.words import words_of
from steadystate.documents.fields import Language
from steadystate.domain.verdict import Verdict
from steadystate.errors import InvalidDocument
from steadystate.evidence import Evidence
from tests.reporting import canaries
from tests.reporting.evidences import HOSTILE, LONG, SHA, narrative_of, passed
from tests.reporting.papers import outline, page, read, text

LANGUAGES: list[Language] = ["en", "ko"]
PARTS = ["narrative", "steps", "metrics", "course", "guardrails", "charts", "way_back"]
PARTS += ["timeline", "undo", "basis", "cost", "identity"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_of_a_rollback_has_verdict_traffic_evidence_and_both_sides(
    language: Language,
) -> None:
    evidence = canaries.rolled_back()
    assert evidence.verdict is Verdict.FAIL
    words = words_of(language)
    paper = read(render(evidence, narrative_of(evidence, language), SHA))
    first = page(paper, 0)
    wanted = ["FAIL", "0 %", "200", "mina", "release 7", "10 → 50 → 90 → 100 %"]
    wanted += [words["canary.weights"], words["canary.limit"].format(limit="200")]
    rollback = evidence.canary and evidence.canary.rollback
    assert rollback
    assert rollback.seconds is not None
    took = figures.seconds(rollback.seconds, words)
    wanted += [
        words["canary.back_from"].format(weight=50, seconds=took),
        words["mark.decided"],
        words["mark.restored"],
    ]
    assert [w for w in wanted if w not in first] == []
    assert {"en": "back from 50 %", "ko": "50 %에서"}[language] in first
    titles = outline(paper)
    assert [p for p in PARTS if words[f"part.{p}"] not in titles] == []


@pytest.mark.parametrize("made", [canaries.rolled_back, canaries.promoted, canaries.taken_back])
def test_every_moment_of_a_canary_lies_within_its_charts(made: Callable[[], Evidence]) -> None:
    evidence = made()
    canary = evidence.canary
    assert canary is not None
    stage = canary_stage(evidence, canary, words_of("en"))
    assert all(stage.axis.start < m.at < stage.axis.end for m in stage.marks)
    assert all(stage.axis.start < w.at < stage.axis.end for w in canary.weights)


def test_the_traffic_of_a_canary_is_drawn_from_before_its_first_step_to_the_end() -> None:
    evidence = canaries.rolled_back()
    canary = evidence.canary
    assert canary is not None
    stage = canary_stage(evidence, canary, words_of("en"))
    stable, mine = (trace.dots for trace in weights_picture(canary, stage).traces)
    assert (stable[0], mine[0]) == ((stage.axis.start, 100.0), (stage.axis.start, 0.0))
    assert [share for _, share in mine] == [0.0, 10.0, 50.0, 0.0]


def test_a_scale_says_at_its_end_that_values_lie_beyond_it() -> None:
    for evidence, beyond in ((canaries.promoted(), True), (canaries.barely_begun(), False)):
        paper = read(render(evidence, narrative_of(evidence), SHA))
        assert ("≥ 10,000" in page(paper, 0)) is beyond


def test_a_promoted_canary_shows_its_steps_and_who_approved_them() -> None:
    evidence = canaries.with_gate_and_approval(canaries.promoted())
    assert evidence.verdict is Verdict.PASS
    paper = read(render(evidence, narrative_of(evidence), SHA))
    assert "100 %" in page(paper, 0)
    whole = text(paper)
    wanted = ["Approved by kim.", "Chaos gate gate-1: PASS.", "slower than 500 ms"]
    wanted += ["90 / 10", "0 / 100", "promotes at", words_of("en")["way_back.none"]]
    assert [w for w in wanted if w not in whole] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_that_takes_a_canary_back_says_of_which(language: Language) -> None:
    evidence = canaries.taken_back()
    assert evidence.verdict is Verdict.PASS
    paper = read(render(evidence, narrative_of(evidence, language), SHA))
    words = words_of(language)
    assert words["fact.rollback_of"].format(run="canary-1") in page(paper, 0)


def test_a_way_back_that_was_not_read_back_is_said() -> None:
    evidence = canaries.rolled_back()
    canary = evidence.canary
    assert canary is not None
    assert canary.rollback is not None
    lost = canary.rollback.model_copy(update={"restored_at": None, "seconds": None})
    canary = canary.model_copy(update={"rollback": lost})
    evidence = evidence.model_copy(update={"canary": canary})
    first = page(read(render(evidence, narrative_of(evidence), SHA)), 0)
    assert words_of("en")["canary.not_restored"].format(weight=50) in first


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_canary_that_never_looked_says_so(language: Language) -> None:
    evidence = canaries.barely_begun()
    paper = read(render(evidence, narrative_of(evidence, language), SHA))
    words = words_of(language)
    assert words["no_data"] in page(paper, 0)
    assert words["charts.none"] in text(paper)
    assert words["steps.none"] in text(paper)


@pytest.mark.parametrize("name", [HOSTILE, LONG])
def test_names_of_a_canary_are_drawn_as_they_stand_and_shortened(name: str) -> None:
    evidence = canaries.rolled_back()
    canary = evidence.canary
    assert canary is not None
    steps = [s.model_copy(update={"reason": name, "approved_by": name}) for s in canary.steps]
    canary = canary.model_copy(update={"steps": steps})
    update = {"canary": canary, "scenario": name, "workload": name, "verdict_reason": name}
    evidence = evidence.model_copy(update=update)
    paper = read(render(evidence, narrative_of(evidence), SHA))
    assert name[:20] in text(paper)
    assert len(paper.pages) <= 9


def test_the_same_canary_gives_the_same_bytes() -> None:
    evidence = canaries.rolled_back()
    narrative = narrative_of(evidence)
    assert render(evidence, narrative, SHA) == render(evidence, narrative, SHA)


def test_evidence_that_is_no_canary_is_refused_by_name() -> None:
    half = canaries.promoted().model_copy(update={"canary": None})
    with pytest.raises(InvalidDocument, match=r"canary-1: .* no course"):
        render(half, narrative_of(canaries.promoted()), SHA)
    other = canaries.promoted().model_copy(update={"plan": passed().plan})
    with pytest.raises(InvalidDocument, match="no plan"):
        render(other, narrative_of(canaries.promoted()), SHA)


def test_a_canary_is_judged_again_and_a_verdict_that_its_looks_do_not_support_is_said() -> None:
    evidence = canaries.rolled_back()
    paper = text(read(render(evidence, narrative_of(evidence), SHA)))
    assert words_of("en")["basis.agrees"].format(verdict="FAIL") in paper
    better = evidence.model_copy(update={"verdict": Verdict.PASS})
    first = page(read(render(better, narrative_of(better), SHA)), 0)
    assert words_of("en")["verdict.unsupported"].format(again="FAIL") in first
    assert "✓" not in first
