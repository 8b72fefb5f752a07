"""What the code records of a run is said in Korean, all of it; what people wrote stays."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import steadystate
from steadystate.canary_contracts import Weights
from steadystate.contracts import Failure, Halt
from steadystate.documents.fields import Language
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence
from steadystate.report.compose import compose
from steadystate.report.korean.records import PHRASES, in_korean
from steadystate.report.recorded import recorded_in
from steadystate.report.replay import judge_again
from steadystate.run.judgement import ABORTED
from tests.canary.test_chaos import gated
from tests.canary.test_gate import APPROVED, REJECTED, waiting, without_evidence
from tests.canary.worlds import CANARY
from tests.canary.worlds import World as CanaryWorld
from tests.cli.made import made_run
from tests.reporting import canaries
from tests.run.test_runs import RUNS
from tests.run.worlds import RUN, World

LIBRARY = Path(steadystate.__file__).parent
RECORDERS = [p for n in ("domain", "run", "canary", "adapters") for p in (LIBRARY / n).glob("*.py")]


def words_of_the_code() -> set[str]:
    """All words in the texts of the code that records."""
    nodes = (n for p in RECORDERS for n in ast.walk(ast.parse(p.read_text(encoding="utf-8"))))
    texts = (n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return {word for text in texts for word in re.findall("[a-z']+", text)}


def test_every_phrase_is_made_of_words_that_the_code_records() -> None:
    known = words_of_the_code()
    bare = {phrase: re.sub(r"\{\w+\}", "", phrase) for phrase in PHRASES}
    strange = {p: set(re.findall("[a-z']+", text)) - known for p, text in bare.items()}
    assert {p: words for p, words in strange.items() if words} == {}


PLACES = {
    "number": ("0", "-1.5", "1,234", "1e+06"),
    "evidence": ("0.689", "over 1,000,000", "under 0.001", "3.05e+105"),
    "name": ("error_rate", "run-1-at-10"),
    "amount": ("12 %", "0.5 ms", "1,000 KRW", "3"),
    "bound": ("< 5 %", ">= 3", "<= 2 x baseline = 250 ms"),
    "weights": ("90/10", "-/100", "unknown"),
    "side": ("3 of 100 (3 %)", "0 of 0"),
    "time": ("2026-11-21 10:00:00",),
    "place": ("arn:aws:elasticloadbalancing:x:1:targetgroup/a/1",),
    "words": ("Kim",),
    "note": ("the bake is not over",),
    "why": ("no reason given",),
    "said": ("no look", "no look; no look"),
}


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_phrase_is_understood_with_all_that_may_stand_in_its_places(phrase: str) -> None:
    for turn in range(4):
        text = re.sub(
            r"\{(\w+?)\d?\}", lambda m, k=turn: PLACES[m[1]][k % len(PLACES[m[1]])], phrase
        )
        assert english(in_korean(text)) == []
        assert re.search("[가-힣]", in_korean(text))
        assert "baseline" not in in_korean(text)


def experiments() -> Iterator[Evidence]:
    for make in RUNS:
        world = World()
        make(world)
        world.run()
        yield Evidence.model_validate_json(world.account.evidence[RUN])
    for spoil in (silent, unsteady, failing_once_planned, halted_once_planned):
        world = World()
        spoil(world)
        world.run()
        yield Evidence.model_validate_json(world.account.evidence[RUN])
    for looks, failed in ((4, 14), (24, 0), (2, 0)):
        yield judge_again(made_run(looks=looks, failed_seconds=failed).evidence()).evidence
    stopped = Failure(error=ABORTED, cause="")
    yield judge_again(made_run().evidence().model_copy(update={"failure": stopped})).evidence


def silent(world: World) -> None:
    world.service.silent = True


def unsteady(world: World) -> None:
    world.service.always_failing = True


def failing_once_planned(world: World) -> None:
    once_planned(world, unsteady)


def halted_once_planned(world: World) -> None:
    def halt(world: World) -> None:
        world.account.halted = Halt(who="mina")

    once_planned(world, halt)


def once_planned(world: World, spoil: Callable[[World], None]) -> None:
    plan = world.plan

    def planned(run_id: str = RUN) -> None:
        plan(run_id)
        spoil(world)

    world.plan = planned  # type: ignore[method-assign]


def canaries_of_all_ends() -> Iterator[Evidence]:
    yield from (canaries.promoted(), canaries.rolled_back(), canaries.taken_back())
    yield canaries.barely_begun()

    def quiet(world: CanaryWorld) -> None:
        world.sides.requests_per_second = 0

    def thin(world: CanaryWorld) -> None:
        world.sides.requests_per_second = 4

    def worse_than_acceptable(world: CanaryWorld) -> None:
        world.sides.rates["errors"] = (0.06, 0.06)

    def refused(world: CanaryWorld) -> None:
        world.balancer.refuses = "not allowed"

    def straggling(world: CanaryWorld) -> None:
        world.sides.stragglers = 3

    for spoil in (quiet, thin, worse_than_acceptable, refused, straggling):
        world = CanaryWorld(
            steps=[100] if spoil in (worse_than_acceptable, straggling) else [10, 100]
        )
        spoil(world)
        world.run()
        yield world.evidence()
    for trouble in (foreign, unhealthy, failing_probes, told_to_halt):
        world = CanaryWorld()
        world.plan()
        world.until("bake")
        world.bake()
        trouble(world)
        world.until("evaluate", "bake")
        world.evaluate()
        yield world.evidence()
    for says in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, None):
        world = gated()
        world.children.verdict = says
        world.run()
        yield world.evidence()
    for begin, answer in ((waiting, APPROVED), (waiting, REJECTED), (waiting, None)):
        world = begin()
        world.until("evaluate", world.answered(answer))
        world.evaluate()
        yield world.evidence()
    world = without_evidence(steps=[10, 100])
    state = world.answered(APPROVED)
    world.sides.requests_per_second = 200
    world.until("evaluate", state)
    world.evaluate()
    yield world.evidence()


def foreign(world: CanaryWorld) -> None:
    world.balancer.become(Weights(stable=70, canary=30))


def unhealthy(world: CanaryWorld) -> None:
    world.sides.healthy_targets[CANARY] = 0


def failing_probes(world: CanaryWorld) -> None:
    world.sides.probes_fail_from = world.clock.at


def told_to_halt(world: CanaryWorld) -> None:
    world.account.halted = Halt(who="mina", why="incident")


def recorded(evidence: Evidence) -> Iterator[str]:
    """The words of a record that a reader is shown; those of failures are a machine's."""
    if evidence.failure is None:
        yield evidence.verdict_reason
    yield from (o.reason for o in evidence.objectives)
    yield from (g.reason for g in evidence.guardrails if g.reason != "held")
    yield from (t.detail for t in evidence.timeline)
    yield from (u.found for u in evidence.undo)
    if evidence.recovery:
        yield evidence.recovery.reason
    if evidence.stop:
        yield evidence.stop.reason
        yield in_korean(evidence.stop.by)
    if evidence.canary:
        yield from (s.reason for s in evidence.canary.steps)
        yield from (w.what for w in evidence.canary.weights)
        if evidence.canary.rollback and evidence.stop:
            yield evidence.canary.rollback.reason


PEOPLES = (
    "errors are known",
    "not today",
    "customers complain",
    "release 7",
    "not allowed",
    "it is",
)


def english(text: str) -> list[str]:
    """Return what is left of English prose: two words of it in a row."""
    for words in PEOPLES:
        text = text.replace(words, "")
    return re.findall(r"\b[a-z]{2,} [a-z]{2,}\b", text)


@pytest.mark.parametrize("kind", [experiments, canaries_of_all_ends])
def test_nothing_that_a_run_records_stays_english_in_a_korean_report(
    kind: Callable[[], Iterator[Evidence]],
) -> None:
    left = {
        words: english(words)
        for evidence in kind()
        for words in recorded(recorded_in(evidence, "ko"))
        if english(words)
    }
    assert left == {}


@pytest.mark.parametrize("kind", [experiments, canaries_of_all_ends])
def test_a_korean_narrative_has_no_english_prose(kind: Callable[[], Iterator[Evidence]]) -> None:
    for evidence in kind():
        plan = evidence.plan.model_copy(update={"description": ""})
        told = compose(evidence.model_copy(update={"plan": plan, "failure": None}), "ko")
        for paragraph in (p.text for s in told.sections for p in s.paragraphs):
            assert english(paragraph) == [], paragraph
        assert english(told.summary) == []


def test_a_record_keeps_its_numbers_in_korean() -> None:
    said = (
        "errors: 12 % misses < 5 % (1,234 observations in 3 points, worst point 33 %); "
        "latency: 300 ms misses < 2 x baseline = 250 ms (the worst of 4 points)"
    )
    assert in_korean(said) == (
        "errors: 12 %, 기준 < 5 % 벗어남(점 3개에 관측 1,234건, 가장 나쁜 점 33 %); "
        "latency: 300 ms, 기준 < 2 × 기준값 = 250 ms 벗어남(점 4개 가운데 가장 나쁜 점)"
    )


@pytest.mark.parametrize(
    "words",
    ["", "lunch", "we ran; it broke: see #42", "a: " * 3000, "x; " * 3000, "halted by " * 500],
)
def test_words_of_people_stay_whatever_they_are(words: str) -> None:
    assert in_korean(words) == words


@pytest.mark.parametrize("language", ["en", "ko"])
def test_who_and_why_that_nobody_stated_are_left_out(language: Language) -> None:
    evidence = made_run().evidence()
    unstated = evidence.model_copy(update={"requested_by": "not stated", "reason": "not stated"})
    told = recorded_in(unstated, language)
    assert (told.requested_by, told.reason) == ("", "")
    assert "not stated" not in compose(unstated, language).to_json()
    kept = recorded_in(evidence, language)
    assert (kept.requested_by, kept.reason) == (evidence.requested_by, evidence.reason)
