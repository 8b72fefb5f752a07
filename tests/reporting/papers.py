"""Documents read back, as a reader's program does."""

import io
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader

from reporting.document import render
from steadystate.evidence import Evidence
from steadystate.report.contracts import Language
from tests.reporting.evidences import SHA, narrative_of


def paper_of(evidence: Evidence, language: Language = "en") -> PdfReader:
    """Draw a run, and read the document."""
    return read(render(evidence, narrative_of(evidence, language), SHA))


def read(content: bytes) -> PdfReader:
    """Read a document; what is not sound in it is an error."""
    return PdfReader(io.BytesIO(content), strict=True)


def page(paper: PdfReader, number: int) -> str:
    """Return the text of a page (from 0), on one line."""
    return " ".join(paper.pages[number].extract_text().split())


def text(paper: PdfReader) -> str:
    """Return the text of all pages, on one line."""
    return " ".join(page(paper, k) for k in range(len(paper.pages)))


def outline(paper: PdfReader) -> list[str]:
    """Return the titles of the outline, in order, of all levels."""

    def titles(entries: list[Any]) -> Iterator[str]:
        for entry in entries:
            if isinstance(entry, list):
                yield from titles(entry)
            else:
                yield str(entry.title)

    return list(titles(paper.outline))


def fonts(paper: PdfReader) -> dict[str, bool]:
    """Return the fonts that the pages use, and whether each is embedded."""
    found: dict[str, bool] = {}
    for one in paper.pages:
        for font in one["/Resources"]["/Font"].values():
            descriptor = font.get_object().get("/FontDescriptor")
            embedded = descriptor is not None and "/FontFile2" in descriptor.get_object()
            found[str(font.get_object()["/BaseFont"])] = embedded
    return found
