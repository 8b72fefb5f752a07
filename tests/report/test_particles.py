"""Korean particles follow the sound in which a word, a number or a unit ends."""

import pytest

from steadystate.report.korean.particles import joined


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("목표", "을/를", "목표를"),
        ("실험", "을/를", "실험을"),
        ("3", "을/를", "3을"),
        ("2", "을/를", "2를"),
        ("10", "은/는", "10은"),
        ("1,000", "이/가", "1,000이"),
        ("120,000", "이/가", "120,000이"),
        ("0.6", "으로/로", "0.6으로"),
        ("0.7", "으로/로", "0.7로"),
        ("0.5", "으로/로", "0.5로"),
        ("1", "으로/로", "1로"),
        ("5 %", "은/는", "5 %는"),
        ("25.5 ms", "으로/로", "25.5 ms로"),
        ("0.3초", "을/를", "0.3초를"),
        ("10분", "을/를", "10분을"),
        ("0원", "으로/로", "0원으로"),
        ("서울", "으로/로", "서울로"),
        ("latency_p95", "은/는", "latency_p95는"),
        ("channel", "을/를", "channel을"),
        ("“지연”", "을/를", "“지연”을"),
        ("(EXP1)", "은/는", "(EXP1)은"),
        ("FAIL", "이라고/라고", "FAIL이라고"),
        ("PASS", "이라고/라고", "PASS라고"),
        ("🙂", "을/를", "🙂를"),
        ("", "을/를", "를"),
    ],
)
def test_the_form_of_a_particle_follows_the_last_sound(
    word: str, particle: str, expected: str
) -> None:
    assert joined(word, particle) == expected
