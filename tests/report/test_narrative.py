"""What code alone says of a run, in both languages."""

import re
from typing import get_args

import pytest

from steadystate.contracts import Failure, Plan
from steadystate.documents.fields import Language
from steadystate.evidence import Evidence, UndoEvidence
from steadystate.report.briefing import brief_of
from steadystate.report.compose import compose
from steadystate.report.contracts import Narrative, SectionKey
from steadystate.report.replay import judge_again
from tests.cli.made import made_run
from tests.report import evidences

LANGUAGES: tuple[Language, ...] = ("en", "ko")


def text_of(narrative: Narrative, key: str) -> str:
    (section,) = [s for s in narrative.sections if s.key == key]
    return "\n".join(p.text for p in section.paragraphs)


def changed(evidence: Evidence, **fields: object) -> Evidence:
    return evidence.model_copy(update=fields)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_narrative_has_all_seven_sections_and_each_says_something(language: Language) -> None:
    for seed in range(40):
        told = compose(evidences.experiment(seed), language)
        assert tuple(s.key for s in told.sections) == get_args(SectionKey)
        for section in told.sections:
            assert section.title
            assert section.paragraphs
            for paragraph in section.paragraphs:
                assert paragraph.text
                assert paragraph.source == "deterministic"
        assert told.written_by == "deterministic"
        assert not re.search("None(?! of)", told.to_json())


def test_a_korean_narrative_is_written_in_korean() -> None:
    told = compose(made_run().evidence(), "ko")
    for section in told.sections:
        assert re.search("[가-힣]", section.title)
        for paragraph in section.paragraphs:
            assert re.search("[가-힣]", paragraph.text)


def test_the_summary_is_one_sentence_with_the_verdict_and_the_recovery() -> None:
    told = compose(made_run().evidence(), "en")
    assert told.summary == (
        "PASS: all 7 objectives were kept, and the service was whole again 1.9 to 3.0 s after the "
        "fault, against a target of 10 min."
    )
    assert compose(made_run().evidence(), "ko").summary == (
        "PASS: 목표 7개를 모두 지켰고, 서비스는 장애 뒤 1.9~3.0초 만에 온전해졌습니다(목표 10분)."
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "FAIL: recovery took 1.9 to 3.0 s, over the target of 1 s."),
        ("ko", "FAIL: 회복에 1.9~3.0초 걸려 목표 1초를 넘겼습니다."),
    ],
)
def test_a_recovery_that_took_too_long_is_told_as_such(language: Language, said: str) -> None:
    evidence = made_run().evidence()
    plan = evidence.plan
    assert isinstance(plan, Plan)
    strict = plan.recovery.model_copy(update={"target_seconds": 1.0})
    plan = plan.model_copy(update={"recovery": strict})
    judged = judge_again(changed(evidence, plan=plan)).evidence
    assert compose(judged, language).summary == said


def test_a_missed_objective_leads_the_summary_and_the_next_steps() -> None:
    told = compose(made_run(error_rate=12.0).evidence(), "en")
    assert told.summary == "FAIL: errors missed its bound: 12 %, asked for below 5 %."
    assert "Look at the errors between 22:13:30 and 22:13:31" in text_of(told, "next_steps")
    assert "140 % past 5 %" in text_of(told, "weak_point")


@pytest.mark.parametrize(("language", "answer"), [("en", "700 probes"), ("ko", "700건")])
def test_each_minute_says_how_many_probes_failed(language: Language, answer: str) -> None:
    told = text_of(compose(made_run().evidence(), language), "happened")
    assert "22:13: " in told
    assert "22:14: " in told
    assert answer in told


def test_few_probes_between_two_failures_do_not_tell_what_was_answered() -> None:
    told: dict[bool, set[bool]] = {True: set(), False: set()}
    for seed in range(200):
        evidence = evidences.experiment(seed)
        probes = brief_of(judge_again(evidence)).recovery.outage_probes
        if probes:
            said = "From the first to the last failure" in text_of(
                compose(evidence, "en"), "weak_point"
            )
            told[probes < 10].add(said)
    assert told == {True: {False}, False: {True}}


def test_a_verdict_that_the_samples_do_not_support_is_judged_again_and_said() -> None:
    failed = made_run(error_rate=12.0).evidence()
    told = compose(changed(failed, verdict="PASS", verdict_reason="all is well"), "en")
    assert told.summary.startswith("The samples do not support the stored verdict PASS; FAIL: ")
    assert told.title.endswith("FAIL")
    assert "The document says PASS, and its samples say FAIL." in text_of(told, "next_steps")
    korean = compose(changed(failed, verdict="PASS"), "ko")
    assert "저장된 판정 PASS를 표본이 뒷받침하지 않습니다" in korean.summary


@pytest.mark.parametrize("language", LANGUAGES)
def test_evidence_without_any_sample_is_told_as_what_it_is(language: Language) -> None:
    told = compose(changed(made_run().evidence(), samples=[]), language)
    assert "INCONCLUSIVE" in told.summary
    assert "PASS" in told.summary


def test_missing_samples_are_counted_and_said() -> None:
    evidence = made_run().evidence()
    kept = [s for s in evidence.samples if s.look not in (3, 4)]
    told = compose(changed(evidence, samples=kept), "en")
    assert "Of 2 looks nothing was kept." in text_of(told, "happened")
    assert "Of 2 looks the samples are missing." in text_of(told, "next_steps")


def test_an_undo_that_is_open_is_the_first_thing_to_do() -> None:
    left = UndoEvidence(what="fis-experiment", state="open", verified_at=None, found="")
    evidence = changed(made_run(error_rate=12.0).evidence(), undo=[left])
    first = compose(evidence, "en").sections[5].paragraphs[0].text
    assert first.startswith("The undo of fis-experiment has not been read back.")


def test_broken_machinery_says_nothing_about_the_workload() -> None:
    told = compose(evidences.broken(made_run().evidence()), "en")
    assert told.summary == (
        "ERROR: the machinery broke after 8 looks, so the run says nothing about bank."
    )
    assert "in Watch Window" in text_of(told, "next_steps")


def test_a_run_that_a_person_stopped_is_not_blamed_on_the_machinery() -> None:
    failure = Failure(error="States.ExecutionAborted", cause="lunch")
    told = compose(changed(made_run().evidence(), failure=failure, verdict="INCONCLUSIVE"), "en")
    assert told.summary == "INCONCLUSIVE: a person stopped the run after 8 looks."
    assert "“lunch”" in text_of(told, "verdict")


def test_texts_of_people_come_out_as_plain_text() -> None:
    hostile = "a\u202eb\x1b[31m<b>\u2066x\u2069</b>\n\n# head 🙂 עברית\ud800"
    told = compose(changed(made_run().evidence(), scenario=hostile, requested_by=hostile), "ko")
    shown = "ab [31m<b>x</b> # head 🙂 עברית\ufffd"
    assert shown in told.title
    assert shown in text_of(told, "tested")
    told.to_json().encode()


def test_a_long_run_is_told_in_few_rows() -> None:
    evidence = made_run(looks=3000, failed_seconds=9000).evidence()
    told = compose(evidence, "en")
    assert len(told.sections[1].paragraphs) < 40
