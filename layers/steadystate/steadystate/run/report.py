"""Writes the report of a run: first in words, then as a PDF."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from steadystate.contracts import Composed, Rendered, ReportInput
from steadystate.errors import InvalidDocument, ReportMissing
from steadystate.evidence import Evidence
from steadystate.keys import narrative_key, report_key
from steadystate.ports import EvidenceStore, NarrativeModel, ReportStore
from steadystate.report.compose import compose
from steadystate.report.contracts import Narrative
from steadystate.run.stored import read_evidence


@dataclass(frozen=True, slots=True)
class Composing:
    """What composing needs of the world; without a model, the text is deterministic."""

    evidence: EvidenceStore
    reports: ReportStore
    model: NarrativeModel | None


@dataclass(frozen=True, slots=True)
class Rendering:
    """What rendering needs of the world. `draw` makes the PDF of evidence, narrative and hash."""

    evidence: EvidenceStore
    reports: ReportStore
    draw: Callable[[Evidence, Narrative, str], bytes]


def compose_report(request: ReportInput, world: Composing) -> Composed:
    """Put the run into words, and store them. Raises ReportMissing."""
    evidence = read_evidence(request.run_id, world.evidence).evidence
    language = request.language or evidence.plan.language
    with _explained(request.run_id):
        narrative = compose(evidence, language, world.model)
    key = narrative_key(request.run_id, language)
    world.reports.put(key, narrative.to_json().encode(), "application/json")
    return Composed(run_id=request.run_id, language=language, narrative=key)


def render_report(request: Composed, world: Rendering) -> Rendered:
    """Draw the PDF, and store it. Raises ReportMissing."""
    stored = read_evidence(request.run_id, world.evidence)
    try:
        narrative = Narrative.model_validate_json(world.reports.get(request.narrative))
    except ValidationError as error:
        raise ReportMissing(
            f"{request.narrative} is no narrative: {error.error_count()} problems; compose it again"
        ) from None
    key = report_key(request.run_id, request.language)
    with _explained(request.run_id):
        content = world.draw(stored.evidence, narrative, stored.sha256)
    world.reports.put(key, content, "application/pdf")
    return Rendered(run_id=request.run_id, language=request.language, report=key)


@contextmanager
def _explained(run_id: str) -> Iterator[None]:
    """Say of what run the evidence is that contradicts itself, or lacks what its kind must have."""
    try:
        yield
    except InvalidDocument as error:
        raise ReportMissing(f"the evidence of run {run_id} cannot be told: {error}") from error
