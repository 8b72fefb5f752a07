"""The document's own words in its two languages; `texts/*.json` hold them, key by key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

_FOLDER = Path(__file__).parent / "texts"


@dataclass(frozen=True)
class Words:
    """Labels and sentences in one language."""

    language: Literal["en", "ko"]
    texts: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        """Return the text of a key; a key without a text is a mistake of ours."""
        return self.texts[key]

    def named(self, group: str, name: str) -> str:
        """Return the word for a name that the evidence uses, or the name itself."""
        return self.texts.get(f"{group}.{name}", name)


@cache
def words_of(language: Literal["en", "ko"]) -> Words:
    """Return the words of a language."""
    texts = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return Words(language, texts)
