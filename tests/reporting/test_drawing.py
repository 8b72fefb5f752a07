"""Texts, scales and lines, before they are drawn."""

import json
import re
import string
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reporting
from reporting import figures
from reporting.chart import apart
from reporting.fonts import MISSING, REGULAR, drawable, shortened, width_of, wrapped
from reporting.scales import TimeAxis, linear, logarithmic, written_time
from reporting.series import stretches, thinned, usual_gap
from reporting.words import words_of
from steadystate.evidence import IntervalEvidence

TEXTS = Path(reporting.__file__).parent / "texts"


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    english, korean = (
        json.loads((TEXTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("en", "ko")
    )
    assert list(english) == list(korean)

    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert {k: places(v) for k, v in english.items()} == {k: places(v) for k, v in korean.items()}


def test_every_word_is_used_and_every_used_word_is_there() -> None:
    sources = [p.read_text(encoding="utf-8") for p in TEXTS.parent.glob("*.py")]
    used = set(re.findall(r'words\["([\w.-]+)"\]', "".join(sources)))
    english = words_of("en").texts
    assert used <= set(english)
    whole = "".join(sources)
    unused = [k for k in english if f'"{k}"' not in whole and f'"{k.split(".")[0]}' not in whole
              and f"{k.split('.')[0]}." not in whole]  # fmt: skip
    assert unused == []


def test_all_hangul_and_the_signs_of_both_languages_can_be_drawn() -> None:
    syllables = "".join(map(chr, range(0xAC00, 0xD7A4)))
    assert drawable(syllables) == syllables
    for language in ("en", "ko"):
        for text in words_of(language).texts.values():
            assert MISSING not in drawable(text)


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("plain", "plain"),
        ("a\tb\nc", "a b c"),
        ("a\x00b\x1b", f"a{MISSING}b{MISSING}"),
        ("🔥", MISSING),
        ("سلام", MISSING * 4),
        ("x\u202ey\u200d", "xy"),
        ("\u1112\u1161\u11ab", "한"),
        ("", ""),
    ],
)
def test_what_cannot_be_drawn_is_replaced_and_seen(written: str, drawn: str) -> None:
    assert drawable(written) == drawn


@given(st.text(max_size=200), st.floats(20, 300), st.integers(1, 5))
def test_lines_never_exceed_their_width_or_their_number(text: str, width: float, most: int) -> None:
    lines = wrapped(text, REGULAR, 9, width, most)
    assert len(lines) <= most
    assert all(width_of(line, REGULAR, 9) <= width for line in lines)


def test_a_text_that_fits_is_not_touched_and_one_that_does_not_is_marked() -> None:
    assert shortened("short", REGULAR, 9, 100) == "short"
    assert shortened("a long text that cannot fit", REGULAR, 9, 50).endswith("…")
    assert wrapped("one two three", REGULAR, 9, 500, 3) == ["one two three"]
    whole = " ".join(wrapped("one two three four five", REGULAR, 9, 40, 9))
    assert whole == "one two three four five"


def test_thinning_keeps_every_extreme_and_the_order_of_time() -> None:
    dots = [(float(k), float(k * 7919 % 1000)) for k in range(50_000)]
    dots[31_415] = (31_415.0, 9999.0)
    dots[27_182] = (27_182.0, -9999.0)
    kept = thinned(dots, 0.0, 50_000.0, 500)
    assert len(kept) <= 2001
    assert {(31_415.0, 9999.0), (27_182.0, -9999.0), dots[0], dots[-1]} <= set(kept)
    assert kept == sorted(kept)
    assert set(kept) <= set(dots)


def test_few_points_are_all_drawn_except_those_that_are_no_number() -> None:
    dots = [(0.0, 1.0), (1.0, float("nan")), (2.0, float("inf")), (3.0, 2.0)]
    assert thinned(dots, 0.0, 4.0, 100) == [(0.0, 1.0), (3.0, 2.0)]


def test_a_line_is_cut_where_nothing_was_measured() -> None:
    dots = [(float(k), 1.0) for k in (*range(10), *range(60, 70))]
    parts = stretches(dots, usual_gap(dots, 1.0))
    assert [len(p) for p in parts] == [10, 10]


@given(st.lists(st.floats(-1e12, 1e12), max_size=6))
def test_an_axis_of_values_holds_all_of_them(values: list[float]) -> None:
    axis = linear(values)
    assert all(axis.low <= v <= axis.high for v in values)
    assert axis.low <= 0 <= axis.high
    assert 1 <= len(axis.ticks) <= 9


@given(st.lists(st.floats(0, 1e200), max_size=6))
def test_a_logarithmic_axis_holds_what_is_above_nothing(values: list[float]) -> None:
    axis = logarithmic(values)
    assert all(0 <= axis.share(v) <= 1 for v in values)
    assert 2 <= len(axis.ticks) <= 8


@given(st.floats(1, 1e6), st.floats(0, 1))
def test_times_on_the_axis_are_few_and_lie_on_it(length: float, origin: float) -> None:
    axis = TimeAxis(1000.0, 1000.0 + length, 1000.0 + origin * length)
    ticks = axis.ticks(words_of("en"))
    assert len(ticks) <= 10
    assert all(axis.start - 1e-6 <= at <= axis.end + 1e-6 for at, _ in ticks)


def test_times_are_written_in_the_unit_that_fits() -> None:
    english, korean = words_of("en"), words_of("ko")
    assert [written_time(t, english) for t in (0, -5, 90, 120, 7200)] == [
        "0", "−5 s", "+90 s", "+2 min", "+2 h",
    ]  # fmt: skip
    assert written_time(120, korean) == "+2분"
    assert figures.seconds(0.44, english) == "0.4 s"
    assert figures.seconds(245, korean) == "4분 5초"
    assert figures.seconds(7380, english) == "2 h 3 min"


def test_an_interval_says_what_is_known() -> None:
    words = words_of("en")
    assert figures.interval(IntervalEvidence(low=0.31, high=0.62), words) == "0.3–0.6 s"
    assert figures.interval(IntervalEvidence(low=12, high=None), words) == "at least 12 s"
    assert figures.interval(IntervalEvidence(low=90, high=400), words) == "90 s – 6 min 40 s"
    assert figures.interval(None, words) == "–"


@given(st.lists(st.floats(0, 500), max_size=12))
def test_numbers_of_marks_never_cover_each_other_nor_leave_the_chart(places: list[float]) -> None:
    moved = apart(sorted(places), 8.6, 50.0, 500.0)
    assert all(b - a >= 8.6 - 1e-9 for a, b in pairwise(moved))
    assert all(50.0 <= at <= 500.0 for at in moved)


def test_marks_that_are_far_from_each_other_stay_where_they_are() -> None:
    assert apart([60.0, 100.0, 400.0], 8.6, 50.0, 500.0) == [60.0, 100.0, 400.0]
