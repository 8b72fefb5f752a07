"""Draws the first page of a report as a picture: `python -m docs.paper`.

Writes docs/pictures/first-page.png and first-page.ko.png from first-page.json beside them, the
evidence of a run in the lab.
"""

import hashlib
import io
from pathlib import Path
from typing import Final

import pypdfium2
from PIL import Image

from docs.pictures import PICTURES, ROOT
from reporting.document import render
from steadystate.documents.fields import Language
from steadystate.report.compose import compose
from steadystate.report.replay import read_evidence

RUN: Final = PICTURES / "first-page.json"
LANGUAGES: Final[dict[Language, str]] = {"en": "first-page.png", "ko": "first-page.ko.png"}
SCALE: Final = 1.2
COLOURS: Final = 48


def main() -> None:
    """Draw the page in both languages."""
    for language, name in LANGUAGES.items():
        target = PICTURES / name
        target.write_bytes(first_page(RUN, language))
        print(target.relative_to(ROOT))


def first_page(run: Path, language: Language) -> bytes:
    """Return the first page of a run's report as PNG."""
    content = run.read_bytes()
    evidence = read_evidence(content, run.name)
    paper = render(evidence, compose(evidence, language), hashlib.sha256(content).hexdigest())
    document = pypdfium2.PdfDocument(paper)
    try:
        picture = document[0].render(scale=SCALE).to_pil().convert("RGB")
    finally:
        document.close()
    target = io.BytesIO()
    few = picture.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(target, "PNG", optimize=True)
    return target.getvalue()


if __name__ == "__main__":
    main()
