"""The pictures of the state machines."""

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from docs.layout import Layout, edges_of, lay_out
from docs.pictures import MACHINES, draw, picture_of

FILES = sorted(MACHINES.glob("*.asl.yaml"))


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("machine", FILES, ids=named)
def test_the_committed_picture_is_that_of_the_definition(machine: Path) -> None:
    drawn = picture_of(machine).read_text(encoding="utf-8")
    assert drawn == draw(machine), "run `make pictures`, and look at what it drew"


@pytest.mark.parametrize("machine", FILES, ids=named)
def test_a_picture_is_sound_and_names_every_state(machine: Path) -> None:
    root = ElementTree.fromstring(draw(machine))  # noqa: S314 - drawn here
    words = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
    definition = yaml.safe_load(machine.read_text(encoding="utf-8"))
    assert words >= {n for n, s in definition["States"].items() if s["Type"] != "Map"}


@pytest.mark.parametrize("machine", FILES, ids=named)
def test_no_state_lies_on_another_and_no_line_crosses_one(machine: Path) -> None:
    check(lay_out(yaml.safe_load(machine.read_text(encoding="utf-8"))))


def check(layout: Layout) -> None:
    for one, other in combinations(layout.boxes.values(), 2):
        beside = abs(one.x - other.x) >= (one.width + other.width) / 2
        assert beside or abs(one.y - other.y) >= (one.height + other.height) / 2
    for line in layout.lines:
        for (x, y), (to_x, to_y) in zip(line.points, line.points[1:], strict=False):
            for box in layout.boxes.values():
                left, right = sorted((x, to_x))
                top, bottom = sorted((y, to_y))
                inside = (
                    right > box.x - box.width / 2 + 1
                    and left < box.x + box.width / 2 - 1
                    and bottom > box.y - box.height / 2 + 1
                    and top < box.y + box.height / 2 - 1
                )
                # A choice has pointed ends: a line may reach into its corner.
                assert not inside or box.kind == "Choice", (box.name, line)
    for box in layout.boxes.values():
        if box.inner:
            check(box.inner)


def test_errors_caught_by_one_state_are_one_edge_and_named_unless_they_are_all() -> None:
    machine = {
        "States": {
            "A": {
                "Catch": [
                    {"ErrorEquals": ["X", "Y"], "Next": "B"},
                    {"ErrorEquals": ["Z"], "Next": "C"},
                    {"ErrorEquals": ["States.ALL"], "Next": "C"},
                ]
            }
        }
    }
    edges = [(e.target, e.way, e.label) for e in edges_of(machine)]
    assert edges == [("B", "catch", "X\nY"), ("C", "catch", "")]


def test_a_choice_is_labelled_by_the_word_that_it_asks_for() -> None:
    machine = {
        "States": {
            "A?": {
                "Choices": [
                    {"Condition": "{% $states.input.next = 'watch' %}", "Next": "B"},
                    {"Condition": "{% $count($states.input[open]) > 0 %}", "Next": "C"},
                ],
                "Default": "D",
            }
        }
    }
    assert [e.label for e in edges_of(machine)] == ["watch", "count(open) > 0", "otherwise"]
