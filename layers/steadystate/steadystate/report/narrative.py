"""The deterministic narrative: what code alone says of a run, in either language."""

from types import ModuleType

from steadystate.documents.fields import Language
from steadystate.report.brief import Brief
from steadystate.report.canary_brief import CanaryBrief
from steadystate.report.contracts import (
    DETERMINISTIC,
    Narrative,
    Paragraph,
    Paragraphs,
    Section,
    SectionKey,
)
from steadystate.report.english import canary as english_canary
from steadystate.report.english import experiment as english
from steadystate.report.korean import canary as korean_canary
from steadystate.report.korean import experiment as korean

AnyBrief = Brief | CanaryBrief

_TOLD: dict[Language, ModuleType] = {"en": english, "ko": korean}
_TOLD_OF_CANARIES: dict[Language, ModuleType] = {"en": english_canary, "ko": korean_canary}


def _teller(brief: AnyBrief, language: Language) -> ModuleType:
    return (_TOLD_OF_CANARIES if isinstance(brief, CanaryBrief) else _TOLD)[language]


def sentences_of(brief: AnyBrief, language: Language) -> dict[SectionKey, Paragraphs]:
    """Return the sentences of each section, paragraph by paragraph."""
    told: dict[SectionKey, Paragraphs] = _teller(brief, language).sections(brief)
    return told


def narrative_of(brief: AnyBrief, language: Language) -> Narrative:
    """Return the narrative that needs no model."""
    told = _teller(brief, language)
    return Narrative(
        schema="steadystate/narrative/v1",
        run_id=brief.run_id,
        language=language,
        title=told.title(brief),
        summary=told.summary(brief),
        sections=[
            Section(
                key=key,
                title=told.TITLES[key],
                paragraphs=[
                    Paragraph(text=" ".join(sentences), source="deterministic")
                    for sentences in paragraphs
                ],
            )
            for key, paragraphs in sentences_of(brief, language).items()
        ],
        written_by=DETERMINISTIC,
        sentences=0,
        replaced_sentences=0,
        note="",
        input_tokens=0,
        output_tokens=0,
        cost_dollars=0.0,
    )
