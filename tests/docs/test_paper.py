"""The picture of a report's first page."""

import io

import pytest
from PIL import Image, ImageChops, ImageStat

from docs.paper import LANGUAGES, RUN, first_page
from docs.pictures import PICTURES
from steadystate.documents.fields import Language


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_committed_page_looks_like_the_one_that_is_drawn(language: Language) -> None:
    kept = Image.open(PICTURES / LANGUAGES[language]).convert("L")
    drawn = Image.open(io.BytesIO(first_page(RUN, language))).convert("L")
    assert kept.size == drawn.size
    difference = ImageStat.Stat(ImageChops.difference(kept, drawn)).mean[0]
    assert difference < 3, "run `make pictures`, and look at what it drew"
