"""The document of a run."""

from reporting.canary import canary_story
from reporting.experiment import experiment_story
from reporting.sheet import Cover, build
from reporting.words import words_of
from steadystate.evidence import Evidence
from steadystate.report.contracts import Narrative
from steadystate.report.recorded import recorded_in
from steadystate.report.replay import BROKEN, contradicts, judge_again


def render(evidence: Evidence, narrative: Narrative, evidence_sha256: str) -> bytes:
    """Return the report of a run as PDF, in the narrative's language.

    The same arguments give the same bytes. `evidence_sha256` is printed as it is given: the hash of
    run.json in hexadecimal digits. Texts of the evidence are drawn as they are, never as markup.

    Raises
    ------
    InvalidDocument
        The evidence lacks what its kind must have, or contradicts itself.
    """
    words = words_of(narrative.language)
    cover = Cover(
        title=narrative.title,
        subject=f"{words['report.' + evidence.kind]} · {evidence.scenario} · {evidence.verdict}",
        run=evidence.run_id,
        at=evidence.ended_at,
        words=words,
    )
    story_of = canary_story if evidence.kind == "canary" else experiment_story
    again = judge_again(evidence)
    told = recorded_in(evidence, narrative.language)
    try:
        return build(story_of(told, again, narrative, evidence_sha256, words), cover)
    except BROKEN as error:
        raise contradicts(evidence.run_id, error) from error
