"""The entry to the report's text: from evidence to a narrative."""

from steadystate.documents.fields import Language
from steadystate.evidence import Evidence
from steadystate.report.brief import brief_of
from steadystate.report.contracts import Narrative
from steadystate.report.narrative import narrative_of
from steadystate.report.replay import judge_again


def compose(evidence: Evidence, language: Language) -> Narrative:
    """Tell a run in words: its verdict is judged again first, and what differs is said.

    Raises
    ------
    InvalidDocument
        The evidence contradicts itself.
    """
    brief = brief_of(judge_again(evidence))
    return narrative_of(brief, language)
