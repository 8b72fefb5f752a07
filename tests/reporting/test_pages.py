"""Pages as pictures: what is drawn stays on the page, whatever the names are."""

import pypdfium2
import pytest
from PIL import Image, ImageChops

from reporting.document import render
from reporting.style import BOTTOM, PAGE_HEIGHT, PAGE_WIDTH, SIDE, TOP
from reporting.trend import render_trend
from steadystate.domain.trend import trend_of
from tests.domain.records import NOW, objective, record
from tests.reporting import canaries, evidences
from tests.reporting.evidences import CASES, SHA, narrative_of

SLACK = 6.0
"""Points: a mark on the edge of a chart may reach so far into the margin."""


def pictures(content: bytes) -> list[Image.Image]:
    """Draw all pages, a pixel a point."""
    document = pypdfium2.PdfDocument(content)
    try:
        return [page.render(scale=1).to_pil().convert("L") for page in document]
    finally:
        document.close()


def drawn_box(picture: Image.Image) -> tuple[int, int, int, int]:
    """Return what is not white: left, top, right, bottom."""
    box = ImageChops.invert(picture).getbbox()
    assert box is not None
    return box


def check(content: bytes) -> None:
    for picture in pictures(content):
        left, top, right, bottom = drawn_box(picture)
        assert left >= SIDE - SLACK
        assert right <= PAGE_WIDTH - SIDE + SLACK
        assert top >= 20
        assert bottom <= PAGE_HEIGHT - 20
        middle = picture.crop((0, int(TOP), picture.width, int(PAGE_HEIGHT - BOTTOM + 8)))
        assert ImageChops.invert(middle).getbbox() is not None


@pytest.mark.parametrize("case", CASES)
def test_nothing_of_a_run_is_drawn_into_the_margins(case: str) -> None:
    evidence = CASES[case]()
    check(render(evidence, narrative_of(evidence, "ko"), SHA))


def test_nothing_of_a_canary_is_drawn_into_the_margins() -> None:
    for evidence in (canaries.rolled_back(), canaries.promoted(), canaries.barely_begun()):
        check(render(evidence, narrative_of(evidence), SHA))


def test_nothing_of_a_trend_is_drawn_into_the_margins() -> None:
    names = [evidences.LONG, evidences.HOSTILE, "한글" * 80]
    runs = [
        record(k, scenario=f"{name}{k % 3}", objectives=(objective(name=name),))
        for name in names
        for k in range(9)
    ]
    check(render_trend(trend_of("bank", runs, NOW), "en"))


def test_the_first_page_ends_above_its_foot_whatever_its_texts_are() -> None:
    evidence = evidences.named(evidences.LONG)
    narrative = narrative_of(evidence).model_copy(
        update={"title": evidences.LONG * 9, "summary": evidences.LONG * 9}
    )
    first = pictures(render(evidence, narrative, SHA))[0]
    foot = first.crop((0, int(PAGE_HEIGHT - BOTTOM), first.width, int(PAGE_HEIGHT - 42)))
    assert ImageChops.invert(foot).getbbox() is None
