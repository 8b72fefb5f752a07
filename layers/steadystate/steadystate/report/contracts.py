"""The narrative of a run, `steadystate/narrative/v1`, and what a model may give to it."""

from typing import Annotated, Literal

from pydantic import Field

from steadystate.contracts import Contract
from steadystate.documents.fields import Language

SectionKey = Literal[
    "tested", "happened", "verdict", "recovery", "weak_point", "next_steps", "not_tested"
]

Paragraphs = list[list[str]]
"""The sentences of each paragraph of a section."""

DETERMINISTIC = "deterministic"
"""What `written_by` says where no model wrote a sentence of the narrative."""


class Paragraph(Contract):
    """Plain text, without markup; `source` is who wrote it."""

    text: str
    source: Literal["deterministic", "model"]


class Section(Contract):
    """One part of a narrative; all seven are there, in the order of `SectionKey`."""

    key: SectionKey
    title: str
    paragraphs: list[Paragraph]


class Narrative(Contract):
    """A run in words.

    `summary` is one sentence with the verdict and its main number. `written_by` is "deterministic"
    or the model's id. Of the model's `sentences`, `replaced_sentences` did not agree with the
    evidence. `note` says why the text is not the model's, or not all of it; else it is empty.
    """

    schema_: Literal["steadystate/narrative/v1"] = Field("steadystate/narrative/v1", alias="schema")
    run_id: str
    language: Language
    title: str
    summary: str
    sections: list[Section]
    written_by: str
    sentences: int
    replaced_sentences: int
    note: str
    input_tokens: int
    output_tokens: int
    cost_dollars: float

    def to_json(self) -> str:
        """Return the document as it is stored."""
        return self.model_dump_json(by_alias=True)


class ProseSection(Contract):
    """What a model wrote for one section."""

    key: SectionKey
    paragraphs: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=2000)]],
        Field(min_length=1, max_length=12),
    ]


class Prose(Contract):
    """What a model wrote; nothing of it is believed before it is checked."""

    summary: Annotated[str, Field(min_length=1, max_length=600)]
    sections: Annotated[list[ProseSection], Field(max_length=7)]


Trouble = Literal[
    "no model",
    "too dear",
    "slow",
    "throttled",
    "denied",
    "unknown model",
    "unavailable",
    "refused",
    "truncated",
    "nonsense",
]
"""Why there is no prose of a model."""


class Answer(Contract):
    """A model's answer: `prose`, or None and the `trouble` that was in the way.

    Tokens are those that were used, and `cost_dollars` what they cost, also where no prose came.
    """

    prose: Prose | None
    trouble: Trouble | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_dollars: float = 0.0
