"""The verdict as the samples give it, worked out anew for the document."""

from dataclasses import dataclass, field

from steadystate.domain.verdict import Verdict
from steadystate.errors import InvalidDocument
from steadystate.evidence import Evidence
from steadystate.report.replay import judge_again


@dataclass(frozen=True)
class Again:
    """What judging again gave; `verdict` is None where the evidence contradicts itself."""

    verdict: Verdict | None
    supports: bool
    changed: list[str] = field(default_factory=list)
    missing_looks: int = 0
    error: str = ""


def judged_again(evidence: Evidence) -> Again:
    """Judge a run again from its samples; of a canary nothing is said."""
    if evidence.kind == "canary":
        return Again(None, True)
    try:
        replay = judge_again(evidence)
    except InvalidDocument as error:
        return Again(None, False, error=str(error))
    return Again(replay.evidence.verdict, replay.supported, replay.changed, replay.missing_looks)
