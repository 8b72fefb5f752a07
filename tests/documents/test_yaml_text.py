"""Texts that strangers wrote: small and plain, or refused with the place."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from steadystate.documents.loading import load
from steadystate.documents.yaml_text import MAXIMUM_BYTES, MAXIMUM_DEPTH, read_mapping
from steadystate.errors import InvalidDocument
from tests.documents.lines import LONGEST_SECONDS, accepted_or_refused, refused

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a: [1, 2", ["line", "not valid YAML"]),
        ("a: 1\n\tb: 2", ["line 2", "not valid YAML"]),
        ("a: 'x\nb: 2", ["not valid YAML"]),
        ("a: 1\n---\nb: 2", ["not valid YAML"]),
        ("a: \x00", ["not valid YAML"]),
        ("a: 1\na: 2", ["line 2", "'a'", "twice"]),
        ("a:\n  b: 1\n  c: 2\n  b: 3", ["line 4", "'b'", "twice"]),
        ("a: [{b: 1, b: 2}]", ["line 1", "'b'", "twice"]),
        ("a: &x 1\nb: *x", ["line 2", "aliases (*x) are not allowed"]),
        ("a: &x {c: 1}\nb:\n  <<: *x", ["line 3", "aliases"]),
        (BOMB, ["aliases", "not allowed"]),
        ("a: " + "[" * 50 + "]" * 50, [f"nested deeper than {MAXIMUM_DEPTH} levels"]),
        ("[" * 30_000 + "]" * 30_000, ["nested deeper"]),
        ("a: " + "{a: " * 9_000, ["nested deeper"]),
        ("a: !!python/object/apply:os.system [echo]", ["tag"]),
        ("a: !custom 1", ["tag"]),
        ("a: !!timestamp never", ["tag"]),
        ("a: !!bool perhaps", ["tag"]),
        ("a: !!int ''", ["tag"]),
        ("a: !!binary AAAA", ["tag"]),
        ("a: !!set {b, c}", ["tag"]),
        ("a: 2026-99-99", ["cannot be read"]),
        ("a: 0b_", ["cannot be read"]),
        ("a: " + "9" * 5_000, ["cannot be read"]),
        ("a: \ud800", ["cannot be read"]),
        ("? [a, b]\n: 1", ["not valid YAML"]),
        ("", ["one mapping of names to values"]),
        ("just words", ["one mapping"]),
        ("- a\n- b", ["one mapping"]),
        ("1: a", ["one mapping of names to values"]),
        ("yes: a", ["one mapping of names to values"]),
        ("null: a", ["one mapping of names to values"]),
    ],
    ids=lambda value: ascii(value)[:30] if isinstance(value, str) else "",
)
def test_a_bad_text_is_refused_with_the_place(text: str, parts: list[str]) -> None:
    with refused("bad.yaml: ", *parts, source="bad.yaml: "):
        read_mapping(text, "bad.yaml")


def test_ten_megabytes_are_refused_by_their_size_at_once() -> None:
    text = "a: " + "x" * 10_000_000
    with refused("big.yaml", "10,000,003 bytes", "at most 65,536 are allowed", source="big.yaml"):
        read_mapping(text, "big.yaml")


def test_the_largest_text_allowed_is_read_soon() -> None:
    text = "a:\n" + "- {b: 1}\n" * 7_000
    text += "#" * (MAXIMUM_BYTES - len(text))
    began = time.thread_time()
    assert len(read_mapping(text, "full.yaml")["a"]) == 7_000
    assert time.thread_time() - began < LONGEST_SECONDS
    with refused("bytes"):
        read_mapping(text + "#", "full.yaml")


def test_bytes_are_counted_and_not_characters() -> None:
    with refused("bytes"):
        read_mapping("a: " + "가" * 30_000, "korean.yaml")


@pytest.mark.parametrize("unit", [":59", "_9", "9"])
def test_a_number_of_sixty_thousand_digits_is_answered_soon(unit: str) -> None:
    text = "a: 0x1" + "f" * 60_000 if unit == "9" else "a: 1" + unit * (60_000 // len(unit))
    began = time.thread_time()
    accepted_or_refused(lambda: read_mapping(text, "digits.yaml"), "digits.yaml")
    assert time.thread_time() - began < LONGEST_SECONDS


def test_plain_values_keep_their_meaning() -> None:
    text = "a: 1\nb: [x, 2.5, true, null]\nc: {d: '5 %', e: \"${url}\"}\n"
    expected = {"a": 1, "b": ["x", 2.5, True, None], "c": {"d": "5 %", "e": "${url}"}}
    assert read_mapping(text, "plain.yaml") == expected


@pytest.mark.parametrize(
    "kind",
    [
        *["", "document: 1", "document: steadystate/experiment/v9", "document: [a]"],
        *["document: 0x" + "f" * 20_000, 'document: "a\\nb"', "document: " + "x" * 50_000],
    ],
    ids=lambda value: value[:25],
)
def test_an_unknown_kind_of_document_is_refused_with_those_that_are_known(kind: str) -> None:
    with refused("document", "allowed are steadystate/workload/v1, steadystate/experiment/v1"):
        load(f"name: a\n{kind}", "kind.yaml")


_PIECES = st.sampled_from(
    [
        *list("abc019:-?[]{}&*!|>'\"%@`#,~\n\t \\"),
        *["a: ", "- ", "\n  ", "<<: ", "!!int ", "!!float ", "!!null ", "&a ", "*a", "---\n"],
        *["...\n", "2026-01-01", "1:30", "0x", "0o7", ".inf", ".nan", "%YAML 1.1\n", "? "],
        *["\u2028", "\ufeff"],
    ]
)


@settings(max_examples=400)
@given(st.lists(_PIECES, max_size=30).map("".join))
@example("!!float ''")
@example("%YAML 9.9\n---\na: 1")
@example("=: 1")
@example("a: =")
@example("a: !<> b")
def test_any_text_is_a_mapping_or_refused_in_lines(text: str) -> None:
    value = accepted_or_refused(lambda: read_mapping(text, "fuzz.yaml"), "fuzz.yaml")
    assert value is None or isinstance(value, dict)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_mapping_or_refused_in_lines(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    accepted_or_refused(lambda: read_mapping(text, "binary.yaml"), "binary.yaml")


def test_a_refusal_hides_no_cause_behind_it() -> None:
    """A chained traceback would be shown to people who cannot use it."""
    with pytest.raises(InvalidDocument) as caught:
        read_mapping("a: [", "bad.yaml")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
