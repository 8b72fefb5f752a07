"""The verdict as the samples give it, worked out anew for the document."""

from dataclasses import dataclass, field

from steadystate.canary.judgement import facts_of_evidence, judge_canary
from steadystate.domain.verdict import Verdict
from steadystate.errors import InvalidDocument
from steadystate.evidence import Evidence
from steadystate.report.replay import BROKEN, judge_again


@dataclass(frozen=True)
class Again:
    """What judging again gave; `verdict` is None where the evidence contradicts itself."""

    verdict: Verdict | None
    supports: bool
    changed: list[str] = field(default_factory=list)
    missing_looks: int = 0
    error: str = ""


def judged_again(evidence: Evidence) -> Again:
    """Judge a run again from its samples, or from its looks if it is a canary."""
    try:
        if evidence.kind == "canary":
            verdict = judge_canary(facts_of_evidence(evidence)).verdict
            return Again(verdict, verdict == evidence.verdict, [], _missing_looks(evidence))
        replay = judge_again(evidence)
    except InvalidDocument as error:
        return Again(None, False, error=str(error))
    except BROKEN as error:
        return Again(None, False, error=f"{type(error).__name__}: {error}")
    return Again(replay.evidence.verdict, replay.supported, replay.changed, replay.missing_looks)


def _missing_looks(evidence: Evidence) -> int:
    """Return how many looks of a canary are not in its evidence."""
    seen = {look.look for look in evidence.canary.looks} if evidence.canary else set()
    return max(seen) + 1 - len(seen) if seen else 0
