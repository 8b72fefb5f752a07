"""A model's prose, sentence by sentence held against the evidence and put into a narrative."""

import re
from dataclasses import dataclass
from itertools import groupby

from steadystate.documents.fields import Language
from steadystate.report.check import problems_of
from steadystate.report.contracts import Answer, Narrative, Paragraph, Prose, Section
from steadystate.report.facts import Facts
from steadystate.report.plain_text import plain
from steadystate.report.sentences import split_sentences

LONGEST_SENTENCE = 600


@dataclass(slots=True)
class _Tally:
    sentences: int = 0
    replaced: int = 0


def checked(
    told: Narrative, sentences: dict[str, list[list[str]]], answer: Answer, facts: Facts, model: str
) -> Narrative:
    """Return the narrative with a model's prose in the place of what code says.

    `told` is the deterministic narrative and `sentences` its sentences by section. A sentence of
    the model that fails the check is replaced by the nearest deterministic one of its section that
    does not stand there yet, and counted. A section that the model left out stays as it is.
    """
    prose = answer.prose or Prose(summary=told.summary, sections=[])
    tally = _Tally()
    summary = _summary(prose.summary, told, facts, tally)
    written = {section.key: section.paragraphs for section in reversed(prose.sections)}
    sections = []
    for section in told.sections:
        if section.key not in written:
            sections.append(section)
            continue
        own = [one for paragraph in sentences[section.key] for one in paragraph]
        paragraphs = _paragraphs(written[section.key], own, told.language, facts, tally)
        sections.append(Section(key=section.key, title=section.title, paragraphs=paragraphs))
    by_model = tally.replaced < tally.sentences
    return told.model_copy(
        update={
            "summary": summary,
            "sections": sections,
            "written_by": model if by_model else told.written_by,
            "sentences": tally.sentences,
            "replaced_sentences": tally.replaced,
        }
    )


def _summary(text: str, told: Narrative, facts: Facts, tally: _Tally) -> str:
    """Return the model's summary if it is one true sentence with the verdict in it."""
    tally.sentences += 1
    summary = plain(text, LONGEST_SENTENCE)
    one = len(split_sentences(summary)) == 1
    if one and facts.verdict in summary and not problems_of(summary, facts, told.language):
        return summary
    tally.replaced += 1
    return told.summary


def _paragraphs(
    texts: list[str], own: list[str], language: Language, facts: Facts, tally: _Tally
) -> list[Paragraph]:
    """Return the paragraphs of a section; where the writer changes, a new one begins."""
    spare = list(own)
    paragraphs: list[Paragraph] = []
    for text in texts:
        run: list[Paragraph] = []
        for raw in split_sentences(text):
            tally.sentences += 1
            sentence = plain(raw, LONGEST_SENTENCE + 1)
            fits = 0 < len(sentence) <= LONGEST_SENTENCE
            if fits and not problems_of(sentence, facts, language):
                run.append(Paragraph(text=sentence, source="model"))
                continue
            tally.replaced += 1
            if spare:
                nearest = max(spare, key=lambda one: _likeness(one, sentence))
                spare.remove(nearest)
                run.append(Paragraph(text=nearest, source="deterministic"))
        paragraphs += _joined(run, own)
    if not paragraphs:
        return [Paragraph(text=" ".join(own), source="deterministic")]
    return paragraphs


def _likeness(own: str, other: str) -> float:
    """Return how much of two sentences is the same, by their words."""
    first, second = (set(re.findall(r"\w+", text.lower())) for text in (own, other))
    return len(first & second) / (len(first | second) or 1)


def _joined(run: list[Paragraph], own: list[str]) -> list[Paragraph]:
    """Return a paragraph for each writer in turn; sentences of code in the order of `own`."""
    joined = []
    for source, group in groupby(run, key=lambda one: one.source):
        texts = [one.text for one in group]
        if source == "deterministic":
            texts.sort(key=own.index)
        joined.append(Paragraph(text=" ".join(texts), source=source))
    return joined
