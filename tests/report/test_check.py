"""Every figure, time and name of a text must stand in the evidence: right ones pass, wrong ones do
not, in many forms and both languages."""

import functools
import random
import re
from typing import Any

import pytest

from steadystate.documents.fields import Language
from steadystate.evidence import Evidence
from steadystate.report.brief import Brief
from steadystate.report.briefing import brief_of
from steadystate.report.check import problems_of
from steadystate.report.facts import Facts, facts_of
from steadystate.report.narrative import AnyBrief, sentences_of
from steadystate.report.replay import judge_again
from steadystate.report.sentences import split_sentences
from tests.cli.made import made_run
from tests.report import evidences
from tests.report.canary_paraphrases import CanaryWriter, canary
from tests.report.paraphrases import MARK, Writer, plain
from tests.report.true_sentences import TRUE

LANGUAGES: tuple[Language, ...] = ("en", "ko")
NARRATIVES = 100
"""For each language: two hundred together, of experiments and of canaries."""


def brief(evidence: Evidence) -> Brief:
    return brief_of(judge_again(evidence))


Written = tuple[int, AnyBrief, Facts, Writer, list[str]]


@functools.cache
def narratives(language: Language, kind: str = "experiment") -> list[Written]:
    made: list[Written] = []
    for seed in range(NARRATIVES):
        known: AnyBrief
        if kind == "canary":
            known = canary(seed)
            writer: Writer = CanaryWriter(known, language, seed)
        else:
            evidence = evidences.experiment(seed)
            known, writer = brief(evidence), Writer(evidence, language, seed)
        made.append((seed, known, facts_of(known), writer, writer.sentences()))
    return made


def numbers_in(value: Any) -> list[float]:
    """All numbers of a document, whatever they are about."""
    if isinstance(value, dict):
        return [n for one in value.values() for n in numbers_in(one)]
    if isinstance(value, list | tuple):
        return [float(len(value)), *(n for one in value for n in numbers_in(one))]
    if isinstance(value, str):
        return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", value)]
    return [float(value)] if isinstance(value, int | float) else []


def wrong_value(value: float, known: AnyBrief, clock: bool, rng: random.Random) -> float:
    """Return a value that stands nowhere in what is known of the run, nor close to it."""
    numbers = numbers_in(known.model_dump())
    times = {re.sub(r"\D", "", t) for t in re.findall(r"\d\d:\d\d:\d\d", known.model_dump_json())}
    others = {f * n for n in numbers for f in (1.0, 0.001, 1000.0)}
    reach = 0.2 * value + 2
    while True:
        if clock:
            new = float((int(value) + rng.randint(90, 80_000)) % 86_400)
            hms = f"{int(new) // 3600:02}{int(new) // 60 % 60:02}{int(new) % 60:02}"
            if hms not in times:
                return new
            continue
        reach *= 1.1
        new = value + rng.choice([-1, 1]) * rng.uniform(0.1, 1) * reach
        new = float(round(new)) if value == int(value) else new
        if new > 0 and all(abs(new - n) > max(0.6, 0.01 * n) for n in others):
            return new


@pytest.mark.parametrize("kind", ["experiment", "canary"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_right_narrative_is_refused(language: Language, kind: str) -> None:
    refused = [
        (seed, plain(sentence), found)
        for seed, _, facts, _, sentences in narratives(language, kind)
        for sentence in sentences
        if (found := problems_of(plain(sentence), facts, language))
    ]
    assert not refused


@pytest.mark.parametrize("kind", ["experiment", "canary"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_narrative_with_one_wrong_figure_is_caught(language: Language, kind: str) -> None:
    missed, tried = [], 0
    for seed, known, facts, writer, sentences in narratives(language, kind):
        rng = random.Random(seed)
        marked = [s for s in sentences if MARK.search(s)]
        sentence = rng.choice(marked)
        mark = rng.choice(list(MARK.finditer(sentence)))
        form = writer.forms[mark[1]]
        clock = bool(re.search(r":|시", mark[3]))
        said = mark[3]
        while said == mark[3]:
            said = form(wrong_value(float(mark[2]), known, clock, rng))
        wrong = plain(sentence[: mark.start()] + said + sentence[mark.end() :])
        tried += 1
        if not problems_of(wrong, facts, language):
            missed.append((seed, mark[3], wrong))
    assert not missed
    assert tried == NARRATIVES


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_deterministic_narrative_passes_its_own_check(language: Language) -> None:
    for _, known, facts, _, _ in narratives(language)[::2]:
        for paragraphs in sentences_of(known, language).values():
            for sentence in (one for paragraph in paragraphs for one in paragraph):
                assert not problems_of(sentence, facts, language), sentence


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_figures_that_are_right_elsewhere_are_caught_too(language: Language) -> None:
    """A figure of the run in the wrong place: four in five are told by their noun, unit or
    neighbours. What is left is what the words of a sentence do not settle."""
    tried = caught = 0
    for _, _, facts, writer, sentences in narratives(language):
        marks = [m for s in sentences for m in MARK.finditer(s)]
        for sentence in sentences:
            for mark in MARK.finditer(sentence):
                other = writer.rng.choice(marks)
                if re.search(r":|시", mark[3] + other[3]):
                    continue
                said = writer.forms[mark[1]](float(other[2]))
                if said == mark[3] or float(other[2]) == float(mark[2]):
                    continue
                tried += 1
                wrong = plain(sentence[: mark.start()] + said + sentence[mark.end() :])
                caught += bool(problems_of(wrong, facts, language))
    assert tried > 500
    assert caught / tried > 0.8


KNOWN = brief(made_run().evidence())
FACTS = facts_of(KNOWN)

RIGHT: list[tuple[Language, str]] = [
    ("en", "errors was 0.5%, under 5 percent."),
    ("en", "The 95th percentile, latency_p95, was 40 ms, that is 0.04 seconds."),
    ("en", "Recovery had a 10-minute target, i.e. 600 s."),
    ("en", "At 10:13:30 p.m. on 14 November 2023 the fault EXP1 started."),
    ("en", "On 2023-11-14 at 22:13 all seven objectives were kept."),
    ("en", "Only one instance, i-0123456789abcdef0, was terminated."),
    ("en", "Two things stand out, and both are good."),
    ("en", "The service recovered in 1.9–3.0 s."),
    ("en", "The “too-many-errors” guardrail held."),
    ("en", "Look at the load-balancer's health checks and at follow-up work."),
    ("ko", "errors 목표는 0.5%로 5퍼센트 미만이었습니다."),
    ("ko", "장애는 오후 10시 13분 30초에 시작되었습니다."),
    ("ko", "2023년 11월 14일 22시 13분에 인스턴스 한 대가 종료되었습니다."),
    ("ko", "목표 일곱 개를 모두 지켰습니다."),
    ("ko", "회복에는 1.9초에서 3.0초가 걸렸고 목표는 10분(600초)입니다."),
    ("ko", "프로브 700건 가운데 10건이 실패했습니다."),
]

WRONG: list[tuple[Language, str]] = [
    ("en", "errors was 0.6%."),
    ("en", "errors was 5.5 percent."),
    ("en", "latency was 0.05 seconds."),
    ("en", "latency was 40 s."),
    ("en", "Recovery had a 12-minute target."),
    ("en", "At 10:13:30 a.m. the fault started."),
    ("en", "At 22:15 the fault started."),
    ("en", "At 22:13:47.5 UTC the fault started."),
    ("en", "On 15 November 2023 the fault started."),
    ("en", "On 2024-11-14 the fault started."),
    ("en", "All eight objectives were kept."),
    ("en", "Three instances were terminated."),
    ("en", "The instance i-0123456789abcdef1 was terminated."),
    ("en", "It hit arn:aws:ec2:ap-northeast-2:123456789012:instance/i-0123456789abcdef1."),
    ("en", "The scenario bank-latency was run."),
    ("en", "The indicator latency_p99 was not asked for."),
    ("en", "The p99 was not asked for."),
    ("en", "A cache called Redis was lost."),
    ("en", "The “too-few-errors” guardrail held."),
    ("en", "The `orders` service held."),
    ("en", "Half of the probes failed."),
    ("en", "A quarter of the requests was slow by a factor of 1/2."),
    ("en", "Twice as many requests failed."),
    ("en", "The verdict is FAIL."),
    ("en", "errors is judged FAIL."),
    ("en", "errors missed its bound."),
    ("en", "The run cost $9.99."),
    ("en", "The run cost 12 cents."),
    ("en", "The service recovered in 3.0–1.9 s."),
    ("en", "10 of 7 objectives were kept."),
    ("en", "See https://example.com/report for more."),
    ("en", "The imbalance was 1,000 KRW."),
    ("ko", "errors 목표는 0.6%였습니다."),
    ("ko", "장애는 오전 10시 13분 30초에 시작되었습니다."),
    ("ko", "장애는 22시 14분 30초에 시작되었습니다."),
    ("ko", "11월 15일에 인스턴스가 종료되었습니다."),
    ("ko", "목표 여덟 개를 판정했습니다."),
    ("ko", "인스턴스 세 대가 종료되었습니다."),
    ("ko", "회복에는 1.9초에서 3.2초가 걸렸습니다."),
    ("ko", "프로브의 3분의 1이 실패했습니다."),
    ("ko", "요청의 절반이 실패했습니다."),
    ("ko", "응답 시간이 두 배로 늘었습니다."),
    ("ko", "응답 시간이 1.5배로 늘었습니다."),
    ("ko", "bank-latency 시나리오를 실행했습니다."),
    ("ko", "redis 장애였습니다."),
    ("ko", "잔액이 1,000원 어긋났습니다."),
    ("ko", "판정은 FAIL입니다."),
    ("ko", "errors 목표는 기준을 벗어났습니다."),
]


@pytest.mark.parametrize(("language", "sentence"), RIGHT)
def test_what_stands_in_the_evidence_may_be_said(language: Language, sentence: str) -> None:
    assert problems_of(sentence, FACTS, language) == []


@pytest.mark.parametrize(("language", "sentence"), WRONG)
def test_what_does_not_stand_in_the_evidence_may_not_be_said(
    language: Language, sentence: str
) -> None:
    assert problems_of(sentence, FACTS, language)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "The run passed."),
        ("en", "All objectives were kept."),
        ("ko", "실험은 통과했습니다."),
        ("ko", "목표를 모두 지켰습니다."),
    ],
)
def test_success_may_not_be_claimed_of_a_run_that_failed(language: Language, sentence: str) -> None:
    failed = facts_of(brief(made_run(error_rate=12.0).evidence()))
    assert problems_of(sentence, failed, language)
    assert not problems_of(sentence, FACTS, language)


FAILED = facts_of(brief(made_run(error_rate=12.0, failed_seconds=20).evidence()))


@pytest.mark.parametrize(("language", "sentence"), TRUE)
def test_natural_sentences_that_are_true_may_stand(language: Language, sentence: str) -> None:
    assert problems_of(sentence, FAILED, language) == []


def test_what_people_wrote_proves_no_figure() -> None:
    told = made_run().evidence()
    plan = told.plan.model_copy(update={"description": "Availability is 99.99 %."})
    known = facts_of(brief(told.model_copy(update={"plan": plan, "reason": "99.99 % is due"})))
    assert problems_of("Availability is 99.99 %.", known, "en")
    assert not problems_of("The scenario says “Availability is 99.99 %.”.", known, "en")


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It took 0.5 s. Then 1.5 s.", ["It took 0.5 s.", "Then 1.5 s."]),
        ("It said “a. b. c.”. Next.", ["It said “a. b. c.”.", "Next."]),
        ("하나입니다. 둘입니다.", ["하나입니다.", "둘입니다."]),
        ("1. First.\n2. Second.", ["1. First.", "2. Second."]),
        ("", []),
    ],
)
def test_a_text_is_taken_apart_at_the_ends_of_its_sentences(
    text: str, sentences: list[str]
) -> None:
    assert split_sentences(text) == sentences
