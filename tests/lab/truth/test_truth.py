"""The truth document, built from lines."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.truth import TruthError, build, build_from_files, percentile

moments = st.floats(1000.0, 1060.0)


@st.composite
def requests(draw: st.DrawFn) -> list[dict[str, Any]]:
    one = st.builds(
        lambda sent, latency, ok: {
            "kind": "request",
            "name": "transfer",
            "sent_at": sent,
            "done_at": sent + latency,
            "ok": ok,
            "status": 200 if ok else 502,
        },
        moments,
        st.floats(0.0, 5.0),
        st.booleans(),
    )
    return draw(st.lists(one, max_size=60))


@given(requests(), moments, moments)
def test_seconds_cover_the_range_and_add_up(
    lines: list[dict[str, Any]], one: float, other: float
) -> None:
    start, end = min(one, other), max(one, other)
    truth = build(lines, start, end)
    inside = [line for line in lines if start <= line["sent_at"] < end]
    assert [second["at"] for second in truth["seconds"]] == list(
        range(math.floor(start), math.ceil(end))
    )
    assert sum(second["requests"] for second in truth["seconds"]) == len(inside)
    assert truth["clients"]["requests"] == len(inside)
    errors = [line for line in inside if not line["ok"]]
    assert sum(second["errors"] for second in truth["seconds"]) == len(errors)
    assert truth["clients"]["errors"] == len(errors)
    assert (truth["clients"]["first_error_sent_at"] is None) == (not errors)
    for second in truth["seconds"]:
        latency = second["latency_ms"]
        assert (latency is None) == (second["requests"] == 0)
        if latency:
            assert latency["p50"] <= latency["p95"] <= latency["max"] <= 5000.01
    json.dumps(truth)


@given(requests(), st.randoms())
def test_the_order_of_lines_does_not_matter(lines: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert build(lines, 1000, 1060) == build(shuffled, 1000, 1060)


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(
    values: list[float], share: float
) -> None:
    value = percentile(sorted(values), share)
    assert value in values
    assert sum(one <= value for one in values) >= share * len(values)
    assert sum(one < value for one in values) < share * len(values)


def test_clients_are_told_by_when_they_asked_and_when_they_knew() -> None:
    def ask(sent: float, done: float, ok: bool) -> dict[str, Any]:
        return {"kind": "request", "sent_at": sent, "done_at": done, "ok": ok}

    truth = build(
        [ask(1, 1.1, True), ask(2, 7, False), ask(3, 3.5, False), ask(9, 9.1, True)], 0, 10
    )
    assert truth["clients"] == {
        "requests": 4,
        "errors": 2,
        "first_error_sent_at": 2,
        "last_error_sent_at": 3,
        "last_error_done_at": 7,
    }


def test_instances_are_those_that_lived_in_the_range_and_nothing_of_later() -> None:
    def event(name: str, what: str, at: float) -> dict[str, Any]:
        return {"kind": "instance", "id": name, "what": what, "at": at}

    truth = build(
        [
            event("i-before", "launched", 1),
            event("i-before", "gone", 5),
            event("i-hit", "launched", 1),
            event("i-hit", "healthy", 3),
            event("i-hit", "killed", 12),
            event("i-hit", "gone", 14),
            event("i-new", "launched", 13),
            event("i-new", "started", 14),
            event("i-new", "healthy", 25),
            event("i-late", "launched", 21),
            {**event("i-hit", "fault", 11), "action": "cpu"},
        ],
        10,
        20,
    )
    assert list(truth["instances"]) == ["i-hit", "i-new"]
    hit, new = truth["instances"]["i-hit"], truth["instances"]["i-new"]
    assert (hit["launched"], hit["healthy"], hit["killed"], hit["gone"]) == (1, 3, 12, 14)
    assert {"what": "fault", "at": 11, "action": "cpu"} in hit["events"]
    assert (new["launched"], new["started"], new["healthy"], new["killed"]) == (13, 14, None, None)


def test_the_first_time_counts_when_something_happened_twice() -> None:
    lines = [{"kind": "instance", "id": "i-1", "what": "healthy", "at": at} for at in (5, 2, 9)]
    instance = build(lines, 0, 10)["instances"]["i-1"]
    assert instance["healthy"] == 2
    assert [event["at"] for event in instance["events"]] == [2, 5, 9]


def test_without_an_integrity_line_nothing_is_claimed() -> None:
    assert build([], 0, 10)["integrity"] is None


def test_integrity_of_several_processes_is_added_up() -> None:
    lines = [
        {"kind": "integrity", "at": 99, "acknowledged": 3, "missing": ["a"], "duplicated": []},
        {"kind": "integrity", "at": 98, "acknowledged": 4, "missing": [], "duplicated": ["b"]},
    ]
    assert build(lines, 0, 10)["integrity"] == {
        "acknowledged": 7,
        "missing": ["a"],
        "duplicated": ["b"],
    }


def test_files_are_read_without_the_line_that_is_still_being_written(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text('{"kind":"request","sent_at":1.5,"done_at":2,"ok":true}\n{"kind":"requ')
    two.write_text('{"kind":"request","sent_at":2.5,"done_at":3,"ok":false}\n')
    assert build_from_files([one, two], 0, 10)["clients"]["requests"] == 2


@pytest.mark.parametrize("text", ["{broken\n", "[]\n", "{}\n"])
def test_a_broken_line_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log"
    path.write_text('{"kind":"other"}\n' + text)
    with pytest.raises(TruthError, match=r"log, line 2"):
        build_from_files([path], 0, 10)
