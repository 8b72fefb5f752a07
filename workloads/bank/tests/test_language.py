from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import bank
from bank import language

TEMPLATES = Path(bank.__file__).parent / "templates"
KO, EN = language.texts("ko"), language.texts("en")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    assert KO.keys() == EN.keys()
    for key in KO:
        assert placeholders(KO[key]) == placeholders(EN[key]), key
        assert KO[key].strip(), key
        assert EN[key].strip(), key


def test_korean_texts_are_korean_and_english_ones_are_not() -> None:
    hangul = re.compile("[가-힣]")
    for key in KO.keys() - {"other_language"}:
        bare = re.sub(r"\{\w+\}", "", KO[key])
        assert hangul.search(bare) or not re.search("[A-Za-z]", bare), key
        assert not hangul.search(EN[key]), key


def test_every_text_is_used_and_every_used_text_exists() -> None:
    sources = "\n".join(path.read_text() for path in TEMPLATES.iterdir())
    used = set(re.findall(r"\bt\.(\w+)", sources))
    prefixes = tuple(re.findall(r't\["(\w+_)" ~', sources))
    assert used <= KO.keys()
    assert {"kind_", "login_", "nav_", "error_"} <= set(prefixes)
    assert KO.keys() - used - {k for k in KO if k.startswith((*prefixes, "problem_"))} == set()


def test_templates_hold_no_text_of_their_own() -> None:
    for path in TEMPLATES.iterdir():
        source = re.sub(
            r"\{% (macro wrong|block width).*?\{% end(macro|block) %\}", "", path.read_text()
        )
        tags_only = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", source)
        text = re.sub(r"<[^>]*>", " ", tags_only)
        assert not re.search("[A-Za-z가-힣]{2,}", text), path.name


@pytest.mark.parametrize(
    ("query", "cookie", "header", "expected"),
    [
        ("en", "ko", "ko", "en"),
        ("fr", "en", "ko", "en"),
        (None, None, "en-US,en;q=0.9,ko;q=0.8", "en"),
        (None, None, "fr, ko;q=0.4, en;q=0.3", "ko"),
        (None, None, "fr", "ko"),
        (None, None, "en;q=nonsense", "ko"),
        (None, None, "", "ko"),
    ],
)
def test_the_language_is_that_of_link_cookie_browser_in_this_order(
    query: str | None, cookie: str | None, header: str, expected: str
) -> None:
    assert language.choose(query, cookie, header) == expected


def test_money_and_times_are_written_as_each_language_does() -> None:
    assert language.money(-1234567, "ko") == "−1,234,567원"
    assert language.money(1234567, "en") == "₩1,234,567"
    assert language.moment("2026-03-31T16:05:00.000+00:00", "ko") == "2026.04.01 01:05"
    assert language.moment("2026-03-31T16:05:00.000+00:00", "en") == "1 Apr 2026, 01:05"
