"""What a report shows, read back from the PDF."""

import hashlib
import math
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.document import render
from reporting.parts import narrative_part
from reporting.words import words_of
from steadystate.domain.verdict import Verdict
from steadystate.errors import InvalidDocument
from steadystate.report.contracts import Language
from steadystate.report.replay import experiment_of, judge_again
from tests.report.evidences import experiment
from tests.reporting import canaries, evidences
from tests.reporting.evidences import CASES, SHA, narrative_of
from tests.reporting.papers import fonts, outline, page, paper_of, read, text

LANGUAGES: list[Language] = ["en", "ko"]
PARTS = ["narrative", "objectives", "guardrails", "charts", "plan", "timeline", "recovery"]
PARTS += ["undo", "basis", "cost", "identity"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_has_the_verdict_the_three_numbers_and_the_facts(language: Language) -> None:
    first = page(paper_of(evidences.failed(), language), 0)
    words = words_of(language)
    shown = ["FAIL", words["verdict.FAIL"], "18.4 %", "8.97 %", "350", "3,900", "pytest", "$0.1075"]
    shown += {"en": ["69.9–71.1 s", "6 of 7"], "ko": ["69.9~71.1초", "7개 중 6개"]}[language]
    assert [s for s in shown if s not in first] == []


@pytest.mark.parametrize(
    ("case", "language"), [(case, LANGUAGES[k % 2]) for k, case in enumerate(CASES)]
)
def test_every_run_becomes_a_document_with_all_its_parts(case: str, language: Language) -> None:
    evidence = CASES[case]()
    paper = paper_of(evidence, language)
    words = words_of(language)
    titles = outline(paper)
    assert [words[f"part.{p}"] for p in PARTS if words[f"part.{p}"] not in titles] == []
    assert evidence.verdict in page(paper, 0)
    assert SHA in text(paper)
    total = len(paper.pages)
    assert 4 <= total <= 12
    for number in range(total):
        foot = words["page_number"].format(number=number + 1) + words["page_total"].format(
            total=total
        )
        assert foot in page(paper, number)


def test_outline_entries_lead_to_the_pages_on_which_their_parts_stand() -> None:
    paper = paper_of(evidences.passed())
    flat = [e for e in paper.outline if not isinstance(e, list)]
    pages = [paper.get_destination_page_number(e) for e in flat]
    assert all(a <= b for a, b in pairwise(pages))
    for entry, number in zip(flat, pages, strict=True):
        assert str(entry.title) in page(paper, number)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_part_that_begins_with_a_chart_has_it_on_the_page_of_its_heading(
    language: Language,
) -> None:
    words = words_of(language)
    for evidence, part, chart in (
        (evidences.failed(), "part.charts", "error_rate ·"),
        (canaries.promoted(), "part.course", words["canary.weights"]),
        (canaries.rolled_back(), "part.course", words["canary.weights"]),
    ):
        paper = paper_of(evidence, language)
        pages = [page(paper, k) for k in range(1, len(paper.pages))]
        assert any(words[part] in p and chart in p for p in pages), part


def test_who_wrote_the_run_in_words_stays_with_its_last_paragraph() -> None:
    *_, end, _ = narrative_part(narrative_of(evidences.passed()), words_of("en"))
    assert end.getKeepWithNext()


def test_a_guardrail_says_how_many_points_in_a_row_break_it() -> None:
    evidence = evidences.passed()
    plan, _ = experiment_of(evidence)
    rails = {n: g.model_copy(update={"points": 317}) for n, g in plan.guardrails.items()}
    assert rails
    plan = plan.model_copy(update={"guardrails": rails})
    told = text(paper_of(evidence.model_copy(update={"plan": plan})))
    (name,) = rails
    assert f"{name} probe_errors < 90 % 317 held" in told


def test_what_the_document_was_made_of_stands_on_one_page_wherever_it_begins() -> None:
    evidence = evidences.passed()
    first, last = words_of("en")["identity.intro"].split(",")[0], evidence.plan.execution_arn[:40]
    for more in range(0, 30, 3):
        moments = evidence.timeline + evidence.timeline[:1] * more
        paper = paper_of(evidence.model_copy(update={"timeline": moments}))
        pages = [page(paper, k) for k in range(len(paper.pages))]
        assert any(first in p and last in p for p in pages), more


def test_the_longest_name_of_an_action_stands_on_one_line() -> None:
    evidence = evidences.passed()
    plan, _ = experiment_of(evidence)
    longest = "AWSFIS-Run-Network-Latency-Sources"
    faults = {n: a.model_copy(update={"action": longest}) for n, a in plan.faults.items()}
    plan = plan.model_copy(update={"faults": faults})
    paper = paper_of(evidence.model_copy(update={"plan": plan}))
    title = words_of("en")["part.plan"]
    told = " ".join(p for k in range(1, len(paper.pages)) if title in (p := page(paper, k)))
    assert longest in told.partition(title)[2]


def test_all_fonts_are_embedded_and_draw_korean() -> None:
    paper = paper_of(evidences.passed(), "ko")
    used = fonts(paper)
    assert used
    assert [name for name, embedded in used.items() if not embedded] == []
    assert all("SteadystateSans" in name for name in used)
    assert "서비스가 약속을 지켰습니다." in page(paper, 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_document_says_what_it_is_in_which_language_and_when(language: Language) -> None:
    evidence = evidences.passed()
    paper = paper_of(evidence, language)
    assert paper.trailer["/Root"]["/Lang"] == language
    about = paper.metadata
    assert about is not None
    assert about.title == narrative_of(evidence, language).title
    assert about.author == "Steadystate"
    assert "bank-instance-loss" in str(about.subject)
    assert about.creation_date == evidence.ended_at.replace(microsecond=0)
    assert evidence.ended_at > datetime(2020, 1, 1, tzinfo=UTC)


def test_the_same_run_gives_the_same_bytes() -> None:
    hashes = set()
    for _ in range(2):
        evidence = evidences.failed()
        hashes.add(hashlib.sha256(render(evidence, narrative_of(evidence), SHA)).digest())
    assert len(hashes) == 1


def test_a_verdict_that_its_samples_do_not_support_is_shown_as_such() -> None:
    first = page(paper_of(evidences.unsupported()), 0)
    assert "Its samples do not support this: judged again, they give FAIL." in first
    assert "✓" not in first
    assert "Its samples do not support" not in page(paper_of(evidences.passed()), 0)


def test_the_numbers_of_a_run_without_samples_are_not_those_that_it_came_with() -> None:
    evidence = evidences.passed().model_copy(update={"samples": []})
    first = page(paper_of(evidence), 0)
    assert words_of("en")["recovery.not_measured"] in first
    assert f"0 of {len(evidence.objectives)}" in first


def test_evidence_that_contradicts_itself_is_refused_by_name() -> None:
    evidence = evidences.passed()
    gone = {n: s for n, s in evidence.plan.slis.items() if n != "error_rate"}
    broken = evidence.model_copy(update={"plan": evidence.plan.model_copy(update={"slis": gone})})
    with pytest.raises(InvalidDocument, match="made-pass: the evidence contradicts itself"):
        render(broken, narrative_of(evidence), SHA)


def test_a_bound_that_is_none_is_drawn_as_it_stands() -> None:
    evidence = evidences.passed()
    objectives = [o.model_copy(update={"bound": "not a bound"}) for o in evidence.objectives]
    odd = evidence.model_copy(update={"objectives": objectives})
    assert "not a bound" in text(read(render(odd, narrative_of(evidence), SHA)))


def test_times_that_cannot_be_are_refused_by_name() -> None:
    evidence = evidences.passed()
    samples = [s.model_copy(update={"ended_at": math.inf}) for s in evidence.samples]
    endless = evidence.model_copy(update={"samples": samples})
    with pytest.raises(InvalidDocument, match="made-pass: the evidence contradicts itself"):
        render(endless, narrative_of(evidence), SHA)


def test_a_run_without_samples_says_so_and_draws_nothing() -> None:
    paper = paper_of(evidences.broken())
    assert "no data" in page(paper, 0)
    assert "not measured" in page(paper, 0)
    assert words_of("en")["basis.none"] in text(paper)
    assert "Lambda.Unknown" in text(paper)


def test_markup_in_names_is_drawn_as_it_stands() -> None:
    shown = text(paper_of(evidences.named(evidences.HOSTILE)))
    assert "<b>bold</b> & <script>alert(1)</script> </para><br/>" in shown
    assert "□" in shown


def test_an_undo_that_is_open_is_said() -> None:
    evidence = evidences.passed()
    undo = [u.model_copy(update={"state": "open", "verified_at": None}) for u in evidence.undo]
    words = words_of("en")
    assert words["undo.open"] in text(paper_of(evidence.model_copy(update={"undo": undo})))
    assert words["undo.open"] not in text(paper_of(evidence))


def test_who_wrote_the_narrative_and_what_was_replaced_is_said() -> None:
    evidence = evidences.passed()
    plain = narrative_of(evidence)
    by_model = plain.model_copy(
        update={
            "written_by": "a-model-v1",
            "sentences": 31,
            "replaced_sentences": 2,
            "note": "2 of its 31 sentences were replaced.",
            "input_tokens": 8123,
            "output_tokens": 1999,
            "cost_dollars": 0.012345,
        }
    )
    shown = text(read(render(evidence, by_model, SHA)))
    wanted = ["Written by the model a-model-v1", "Each of its 31 sentences"]
    wanted += ["2 of its 31 sentences were replaced.", "8,123", "1,999", "$0.012345"]
    assert [w for w in wanted if w not in shown] == []
    without = by_model.model_copy(update={"note": ""})
    assert "2 of them did not agree" in text(read(render(evidence, without, SHA)))
    assert plain.note in text(read(render(evidence, plain, SHA)))
    silent = plain.model_copy(update={"note": ""})
    assert "no model wrote any of it" in text(read(render(evidence, silent, SHA)))


def test_an_experiment_without_a_recovery_is_refused_by_name() -> None:
    evidence = evidences.passed()
    half = evidence.model_copy(update={"recovery": None})
    with pytest.raises(InvalidDocument, match=r"made-pass: .* no recovery"):
        render(half, narrative_of(evidence), SHA)


def test_ten_thousand_samples_stay_within_a_megabyte() -> None:
    evidence = evidences.of_many_samples(10_000, indicators=8)
    assert len(render(evidence, narrative_of(evidence, "ko"), SHA)) <= 1_000_000


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from(LANGUAGES))
def test_any_run_becomes_a_document(seed: int, language: Language) -> None:
    evidence = judge_again(experiment(seed)).evidence
    assert evidence.verdict in page(paper_of(evidence, language), 0)


@settings(max_examples=15)
@given(st.text(max_size=60), st.floats(allow_nan=False, width=32), st.floats(0, 1e7))
def test_no_text_and_no_number_breaks_the_document(name: str, size: float, seconds: float) -> None:
    evidence = evidences.named(name)
    objectives = [
        o.model_copy(update={"observed": size, "margin": -size, "verdict": Verdict.FAIL})
        for o in evidence.objectives
    ]
    recovery = evidence.recovery
    assert recovery is not None
    recovery = recovery.model_copy(update={"target_seconds": seconds, "reason": name})
    samples = [
        s.model_copy(update={"points": {n: [p._replace(value=size) for p in v]
                                        for n, v in s.points.items()}})
        for s in evidence.samples
    ]  # fmt: skip
    update = {"objectives": objectives, "recovery": recovery, "samples": samples}
    narrative = narrative_of(evidences.passed()).model_copy(
        update={"title": name, "summary": name, "written_by": name, "note": name}
    )
    paper = read(render(evidence.model_copy(update=update), narrative, SHA))
    assert len(paper.pages) > 3
