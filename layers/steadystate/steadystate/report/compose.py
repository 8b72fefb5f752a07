"""The entry to the report's text: from evidence to a narrative."""

from dataclasses import replace

from steadystate.documents.fields import Language
from steadystate.evidence import Evidence
from steadystate.ports import NarrativeModel
from steadystate.report.briefing import brief_of
from steadystate.report.canary_brief import canary_brief_of
from steadystate.report.contracts import Narrative
from steadystate.report.facts import as_json, facts_of
from steadystate.report.narrative import AnyBrief, narrative_of, sentences_of
from steadystate.report.notes import replaced, without_model
from steadystate.report.prose import checked
from steadystate.report.recorded import recorded_in
from steadystate.report.replay import judge_again


def compose(
    evidence: Evidence, language: Language, model: NarrativeModel | None = None
) -> Narrative:
    """Tell a run in words: its verdict is judged again first, and what differs is said.

    A model's sentences are taken where all their figures and names stand in the evidence; without
    a model, or without a usable answer of it, all text is deterministic, and `note` says why.

    Raises
    ------
    InvalidDocument
        The evidence contradicts itself.
    """
    replay = judge_again(evidence)
    replay = replace(replay, evidence=recorded_in(replay.evidence, language))
    brief: AnyBrief = canary_brief_of(replay) if evidence.kind == "canary" else brief_of(replay)
    told = narrative_of(brief, language)
    if model is None:
        return told.model_copy(update={"note": without_model("no model", language)})
    answer = model.write(as_json(brief), language)
    used = {
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cost_dollars": answer.cost_dollars,
    }
    if answer.prose is None:
        note = without_model(answer.trouble or "nonsense", language)
        return told.model_copy(update={**used, "note": note})
    sentences = {str(key): told for key, told in sentences_of(brief, language).items()}
    narrative = checked(told, sentences, answer, facts_of(brief), model.model_id)
    note = replaced(narrative.replaced_sentences, narrative.sentences, language)
    return narrative.model_copy(update={**used, "note": note})
