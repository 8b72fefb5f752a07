"""What is said of a canary, in both languages, and that it agrees with what was kept of it."""

import random
import re
from typing import get_args

import pytest

from steadystate.contracts import Failure, Stop
from steadystate.documents.fields import Language
from steadystate.errors import InvalidDocument
from steadystate.evidence import Evidence
from steadystate.report.canary_brief import canary_brief_of
from steadystate.report.check import problems_of
from steadystate.report.compose import compose
from steadystate.report.contracts import Narrative, SectionKey
from steadystate.report.facts import Facts, as_json, facts_of
from steadystate.report.narrative import sentences_of
from steadystate.report.recorded import recorded_in
from steadystate.report.replay import judge_again
from tests.cli.made import made_run
from tests.reporting import canaries

LANGUAGES: tuple[Language, ...] = ("en", "ko")
PROMOTED, ROLLED_BACK, BEGUN = (
    canaries.promoted(),
    canaries.rolled_back(),
    canaries.barely_begun(),
)
GATED, TAKEN_BACK = canaries.with_gate_and_approval(PROMOTED), canaries.taken_back()
ALL = (PROMOTED, ROLLED_BACK, BEGUN, GATED, TAKEN_BACK)


def text_of(narrative: Narrative, key: str) -> str:
    (section,) = [s for s in narrative.sections if s.key == key]
    return "\n".join(p.text for p in section.paragraphs)


def told_by(evidence: Evidence, language: Language) -> tuple[Facts, list[str]]:
    known = canary_brief_of(judge_again(evidence))
    paragraphs = sentences_of(known, language).values()
    return facts_of(known), [s for section in paragraphs for part in section for s in part]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("evidence", ALL)
def test_a_canary_is_told_in_all_seven_sections(evidence: Evidence, language: Language) -> None:
    told = compose(evidence, language)
    assert tuple(s.key for s in told.sections) == get_args(SectionKey)
    assert all(p.text for s in told.sections for p in s.paragraphs)
    assert all(s.paragraphs for s in told.sections)
    assert "None" not in told.to_json()
    if language == "ko":
        assert all(re.search("[가-힣]", p.text) for s in told.sections for p in s.paragraphs)


def test_a_promoted_canary_says_how_far_and_on_what_it_rests() -> None:
    told = compose(PROMOTED, "en")
    assert told.summary == (
        "PASS: the canary was promoted to 100 % in 4 steps, with evidence in 55 looks."
    )
    assert "No way back was needed." in text_of(told, "recovery")
    gated = text_of(compose(GATED, "en"), "happened")
    assert "approved by “kim”" in gated
    assert "gate-1 ran in it with PASS" in gated


def test_a_canary_that_went_back_says_why_in_numbers() -> None:
    told = compose(ROLLED_BACK, "en")
    assert told.summary.startswith("FAIL: the canary went back from 50 %, as errors was 1.34 % on")
    assert "it took 0.2 s to go back" in text_of(told, "recovery")
    assert "errors rolled the canary back at 08:01:13." in text_of(told, "next_steps")
    assert "These steps were not tried: 90 %, 100 %." in text_of(told, "not_tested")
    korean = compose(ROLLED_BACK, "ko")
    assert korean.summary.startswith("FAIL: 카나리를 50 %에서 되돌렸습니다; errors 지표는")
    assert "되돌리는 데 0.2초가 걸렸습니다" in text_of(korean, "recovery")


def test_a_canary_that_was_taken_back_says_of_which_run() -> None:
    assert compose(TAKEN_BACK, "en").summary == "PASS: the canary of run canary-1 was taken back."
    assert "This run took back run canary-1." in text_of(compose(TAKEN_BACK, "en"), "next_steps")


def test_a_metric_that_took_the_canary_back_is_not_said_to_have_come_close() -> None:
    told = text_of(compose(ROLLED_BACK, "en"), "weak_point")
    assert "errors took the canary back: its e-value reached its limit." in told
    assert "closest" not in told
    assert "errors 지표가 카나리를 되돌렸습니다." in text_of(
        compose(ROLLED_BACK, "ko"), "weak_point"
    )


def stopped_by(what: str, looks: int) -> Evidence:
    """The canary that went back at 50 %, after so many looks without a number, for that."""
    canary = ROLLED_BACK.canary
    assert canary is not None
    seen = [k.model_copy(update={"metrics": {}}) for k in canary.looks[:looks]]
    update = {
        "stop": Stop(by=what, reason="it is so", at=1.8e9),
        "canary": canary.model_copy(update={"looks": seen}),
    }
    return ROLLED_BACK.model_copy(update=update)


@pytest.mark.parametrize("what", ["foreign weights", "kill switch", "rejected", "unanswered"])
def test_what_took_a_canary_back_is_what_to_see_to(what: str) -> None:
    told = text_of(compose(stopped_by(what, 9), "en"), "next_steps")
    assert f"went back for “{what}”. See to what that names" in told
    assert "bake longer" not in told


def test_a_canary_without_evidence_is_to_have_more_of_it() -> None:
    told = text_of(compose(stopped_by("no evidence", 1), "en"), "next_steps")
    assert "1 look was kept, which did not suffice. Let the steps bake longer" in told


def test_a_way_back_that_was_not_taken_says_what_to_do() -> None:
    canary = TAKEN_BACK.canary
    assert canary is not None
    update = {"canary": canary.model_copy(update={"weights": []})}
    evidence = TAKEN_BACK.model_copy(update=update)
    told = compose(evidence, "en")
    assert told.summary.endswith("the canary of run canary-1 was not taken back.")
    assert "Run canary-1 was not taken back." in text_of(told, "next_steps")
    assert "되돌리지 못했습니다" in text_of(compose(evidence, "ko"), "next_steps")


def test_a_promotion_that_the_looks_do_not_support_is_said_to_be_unsupported() -> None:
    told = compose(ROLLED_BACK.model_copy(update={"verdict": "PASS", "stop": None}), "en")
    assert told.summary.startswith(
        "The samples do not support the stored verdict PASS; FAIL: the canary"
    )
    nothing = compose(BEGUN.model_copy(update={"verdict": "PASS"}), "ko")
    assert "저장된 판정 PASS를 표본이 뒷받침하지 않습니다" in nothing.summary


def test_a_canary_that_broke_or_was_stopped_says_so() -> None:
    broken = Failure(error="States.TaskFailed", cause="out of memory", state="Bake Step")
    told = compose(PROMOTED.model_copy(update={"failure": broken, "verdict": "ERROR"}), "en")
    assert told.summary == "ERROR: the machinery broke after 55 looks."
    stopped = Failure(error="States.ExecutionAborted", cause="lunch")
    update = {"failure": stopped, "verdict": "INCONCLUSIVE"}
    told = compose(PROMOTED.model_copy(update=update), "ko")
    assert told.summary == "INCONCLUSIVE: 관측 55번 만에 사람이 카나리를 멈췄습니다."


@pytest.mark.parametrize("part", ["canary", "plan"])
def test_a_canary_without_its_parts_is_refused_in_words(part: str) -> None:
    other = None if part == "canary" else made_run().run.plan
    with pytest.raises(InvalidDocument, match="canary-1"):
        compose(PROMOTED.model_copy(update={part: other}), "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_deterministic_text_passes_its_own_check(language: Language) -> None:
    for evidence in ALL:
        facts, sentences = told_by(evidence, language)
        for sentence in sentences:
            assert not problems_of(sentence, facts, language), sentence


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_figure_that_stands_nowhere_is_caught(language: Language) -> None:
    rng = random.Random(3)
    for evidence in (PROMOTED, ROLLED_BACK):
        facts, sentences = told_by(evidence, language)
        known = re.findall(r"\d[\d,]*(?:\.\d+)?", as_json(canary_brief_of(judge_again(evidence))))
        values = {float(number.replace(",", "")) for number in known}
        for sentence in sentences:
            bare = re.sub(r"“[^”]*”", lambda m: " " * len(m[0]), sentence)
            figures = list(re.finditer(r"(?<![\w:.,-])\d[\d,]*(?:\.\d+)?(?![\w:])", bare))
            if not figures:
                continue
            figure = rng.choice(figures)
            wrong = next(v for n in range(10_000) if (v := 1_217.0 + 13 * n) not in values)
            said = f"{sentence[: figure.start()]}{wrong:,.0f}{sentence[figure.end() :]}"
            assert problems_of(said, facts, language), said


def with_promotion(e_value: float) -> Evidence:
    """A promoted canary whose every look had so much evidence for more traffic."""
    canary = PROMOTED.canary
    assert canary is not None
    looks = [
        look.model_copy(
            update={
                "metrics": {
                    name: metric.model_copy(update={"promotion": e_value, "needed": 20.0})
                    for name, metric in look.metrics.items()
                }
            }
        )
        for look in canary.looks
    ]
    return PROMOTED.model_copy(update={"canary": canary.model_copy(update={"looks": looks})})


@pytest.mark.parametrize(
    ("e_value", "english", "korean", "wrong"),
    [
        (3.05e105, "over 1,000,000", "1,000,000 이상", "2,000,000"),
        (1.2e-30, "under 0.001", "0.001 미만", "0.002"),
    ],
)
def test_an_e_value_beyond_what_matters_is_told_as_beyond_it_and_may_be_repeated(
    e_value: float, english: str, korean: str, wrong: str
) -> None:
    evidence = with_promotion(e_value)
    sentences: dict[Language, str] = {
        "en": f"For promotion errors had at best an e-value of {english}, and 20 is needed.",
        "ko": f"errors 지표가 승격되려면 e-값 20이 필요하고, 가장 높은 값은 {korean}입니다.",
    }
    free: dict[Language, str] = {
        "en": f"The evidence for the metric errors came to {english}, an e-value.",
        "ko": f"errors 지표의 증거는 e-값 {korean}까지 갔습니다.",
    }
    for language, sentence in sentences.items():
        facts, told = told_by(evidence, language)
        assert sentence in told
        for said in (sentence, free[language]):
            assert not problems_of(said, facts, language)
            known = re.sub(r"[ㄱ-힣a-z ]", "", english)
            assert problems_of(said.replace(known, wrong), facts, language)
    assert evidence.canary is not None
    assert evidence.canary.looks[0].metrics["errors"].promotion == e_value


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_record_with_an_exponent_in_it_is_told_without(language: Language) -> None:
    canary = PROMOTED.canary
    assert canary is not None
    older = (
        "errors: canary 0 of 580 (0 %) bad against stable 3 of 5220 (0.0575 %), "
        "e-value 3.05e+105 of 20 for a rate under 3 times stable's at 95 % confidence"
    )
    steps = [canary.steps[0].model_copy(update={"reason": older}), *canary.steps[1:]]
    told = recorded_in(
        PROMOTED.model_copy(update={"canary": canary.model_copy(update={"steps": steps})}), language
    )
    assert told.canary is not None
    reason = told.canary.steps[0].reason
    assert "e+" not in reason
    assert (
        "over 1,000,000 of 20" if language == "en" else "1,000,000 이상, 필요한 e-값 20"
    ) in reason


def test_a_model_is_given_a_canary_in_brief() -> None:
    assert len(as_json(canary_brief_of(judge_again(PROMOTED)))) < 12_000
