"""Runs that a report must be able to show: usual ones, bad ones, and hostile ones."""

import math
from collections.abc import Callable

from steadystate.contracts import Failure, Plan, Sample
from steadystate.domain.recovery import Tick
from steadystate.domain.series import Point
from steadystate.domain.verdict import Verdict
from steadystate.evidence import Evidence
from steadystate.report.compose import compose
from steadystate.report.contracts import Language, Narrative
from steadystate.report.replay import judge_again
from tests.cli.made import BEGAN, INJECTED, made_run

SHA = "0123456789abcdef" * 4
HOSTILE = "<b>bold</b> & <script>alert(1)</script> </para><br/> \x00\x1b[31m 🔥 مرحبا 漢字 \u202e"
LONG = "a-service-with-a-name-that-somebody-made-longer-than-any-line-of-any-page-" * 6


def narrative_of(evidence: Evidence, language: Language = "en") -> Narrative:
    """Return the narrative that needs no model."""
    return compose(evidence, language)


def passed() -> Evidence:
    """A run that kept all its objectives, after two seconds of failures."""
    return made_run("made-pass", looks=24).evidence()


def failed() -> Evidence:
    """A run with too many errors and a long outage."""
    return made_run("made-fail", looks=40, error_rate=18.4, failed_seconds=70).evidence()


def inconclusive() -> Evidence:
    """A run that ended before recovery could be proven."""
    return made_run("made-inconclusive", looks=4, failed_seconds=14).evidence()


def broken() -> Evidence:
    """A run whose machinery broke before its first look."""
    evidence = made_run("made-error").evidence()
    failure = Failure(error="Lambda.Unknown", cause="the runtime exited", state="Plan Run")
    update = {"samples": [], "failure": failure, "fault": None, "baseline": {}, "undo": []}
    return judge_again(evidence.model_copy(update=update)).evidence


def unsupported() -> Evidence:
    """A run that says PASS, with samples that say FAIL."""
    return failed().model_copy(update={"verdict": Verdict.PASS, "run_id": "made-unsupported"})


def named(name: str, evidence: Evidence | None = None) -> Evidence:
    """A run in which all that people can name bears one name."""
    evidence = evidence or passed()
    plan = evidence.plan
    assert isinstance(plan, Plan)
    objectives = [
        o.model_copy(update={"name": f"{name}{k}", "reason": name})
        for k, o in enumerate(evidence.objectives)
    ]
    faults = {f"{name}{k}": f for k, f in enumerate(plan.faults.values())}
    return evidence.model_copy(
        update={
            "scenario": name,
            "workload": name,
            "requested_by": name,
            "reason": name,
            "verdict_reason": name,
            "objectives": objectives,
            "timeline": [t.model_copy(update={"detail": name}) for t in evidence.timeline],
            "undo": [u.model_copy(update={"found": name}) for u in evidence.undo],
            "guardrails": [g.model_copy(update={"name": name}) for g in evidence.guardrails],
            "plan": plan.model_copy(
                update={"faults": faults, "description": name, "overrides": {name: name}}
            ),
        }
    )


def of_many_samples(seconds: int = 10_000, indicators: int = 0) -> Evidence:
    """A long run, with a sample for each second and so many indicators more."""
    made = made_run("made-long", looks=4)
    plan = made.run.plan
    sli = plan.slis["latency_p95"]
    more = {f"latency_{k}": sli for k in range(indicators)}
    plan = plan.model_copy(update={"slis": plan.slis | more})
    names = ["error_rate", "latency_p95", *more]
    samples = [_second(k, names) for k in range(seconds)]
    evidence = made.evidence().model_copy(update={"plan": plan, "samples": samples})
    return judge_again(evidence).evidence


def _second(number: int, names: list[str]) -> Sample:
    at = BEGAN + number
    wave = 30 + 12 * math.sin(number / 400) + (number * 7919 % 13)
    points = {n: [Point(at, wave + 3 * k, 25)] for k, n in enumerate(names)}
    bad = INJECTED <= at < INJECTED + 40
    tick = Tick(at, 20, 5, at + 0.1, at + 0.9, 12.0) if bad else Tick(at, 20, 0, None, None, wave)
    return Sample(
        look=number,
        phase="recovering" if at >= INJECTED else "baseline",
        started_at=at,
        ended_at=at + 1,
        points=points,
        ticks=[tick],
    )


CASES: dict[str, Callable[[], Evidence]] = {
    "pass": passed,
    "fail": failed,
    "inconclusive": inconclusive,
    "error": broken,
    "unsupported": unsupported,
    "hostile": lambda: named(HOSTILE),
    "long": lambda: named(LONG),
    "many": lambda: of_many_samples(3000),
}
