"""Where the states of a machine stand in its picture, and which way its edges go.

States stand in rows, in the order in which an execution can reach them, and in zones from left to
right: a state's zone is the number of errors that must be caught to reach it. Within a row, states
from which the execution only goes back stand outside. Lengths are pixels.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean, median_low
from typing import Any, Final, Literal

LETTER: Final = 7.4
ROW_GAP: Final = 46.0
COLUMN_GAP: Final = 30.0
LANE: Final = 18.0
ZONE_GAP: Final = 56.0
HEIGHT: Final = 38.0
TITLE: Final = 26.0
PADDING: Final = 18.0
CORNER: Final = 14.0
"""How far a choice's pointed ends reach out."""

Way = Literal["next", "catch"]
Point = tuple[float, float]


@dataclass
class Box:
    """A state. `x`, `y` is its centre; `inner` is the machine inside a Map."""

    name: str
    kind: str
    width: float
    height: float = HEIGHT
    inner: "Layout | None" = None
    zone: int = 0
    row: int = 0
    column: float = 0.0
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Edge:
    """A transition."""

    source: str
    target: str
    way: Way
    label: str = ""


@dataclass
class Line:
    """A drawn edge: the corners that it goes through, and its label."""

    points: list[Point]
    way: Way
    arrow: bool = True
    label: str = ""
    label_at: Point = (0.0, 0.0)
    label_anchor: str = "start"


@dataclass
class Layout:
    """A picture that can be drawn: its origin is its upper left corner."""

    boxes: dict[str, Box]
    lines: list[Line]
    start: Point
    width: float
    height: float


def lay_out(machine: Mapping[str, Any]) -> Layout:
    """Place the states of a machine and route its edges."""
    return _Placing(machine).layout()


def edges_of(machine: Mapping[str, Any]) -> Iterator[Edge]:
    """Return the transitions of a machine; several errors caught by one target are one edge."""
    for name, state in machine["States"].items():
        for choice in state.get("Choices", []):
            yield Edge(name, choice["Next"], "next", _condition(choice["Condition"]))
        if "Default" in state:
            yield Edge(name, state["Default"], "next", "otherwise")
        if "Next" in state:
            yield Edge(name, state["Next"], "next")
        caught: dict[str, list[str]] = {}
        for catch in state.get("Catch", []):
            caught.setdefault(catch["Next"], []).extend(catch["ErrorEquals"])
        for target, errors in caught.items():
            yield Edge(name, target, "catch", "" if "States.ALL" in errors else "\n".join(errors))


def _condition(text: str) -> str:
    """Return a JSONata condition in a few words: the word compared with, else the expression."""
    expression = text.removeprefix("{%").removesuffix("%}").strip()
    if match := re.fullmatch(r"\$states\.input\.\w+ = '(.+)'", expression):
        return match[1]
    return re.sub(r"\$states\.input(?:\.|\[)(\w+)\]?", r"\1", expression).replace("$", "")


@dataclass
class _Placing:
    machine: Mapping[str, Any]
    boxes: dict[str, Box] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    back: set[Edge] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    lanes: list[tuple[int, int, int, int, int]] = field(default_factory=list)

    def layout(self) -> Layout:
        for name, state in self.machine["States"].items():
            self.boxes[name] = _box(name, state)
        self.edges = list(edges_of(self.machine))
        self._set_zones()
        self._set_rows()
        for zone, row in sorted({(b.zone, b.row) for b in self.boxes.values()}):
            self._set_columns(zone, row)
        self._set_places()
        self._route()
        first = self.boxes[self.machine["StartAt"]]
        start = (first.x, first.y - first.height / 2 - 22)
        return self._moved(start)

    def _set_zones(self) -> None:
        zones = {self.machine["StartAt"]: 0}
        waiting = [self.machine["StartAt"]]
        while waiting:
            name = waiting.pop(0)
            for edge in (e for e in self.edges if e.source == name):
                zone = zones[name] + (edge.way == "catch")
                if zone < zones.get(edge.target, 99):
                    zones[edge.target] = zone
                    waiting.append(edge.target)
        for name, box in self.boxes.items():
            box.zone = zones[name]

    def _inside(self, edge: Edge) -> bool:
        return self.boxes[edge.source].zone == self.boxes[edge.target].zone

    def _set_rows(self) -> None:
        """The longest way without going back says the row; a zone begins near what it catches."""
        within = [e for e in self.edges if self._inside(e)]
        self.back = _back_edges(self.boxes, within)
        rows = {name: 0 for name in self.boxes}
        for _ in self.boxes:
            for edge in within:
                if edge not in self.back:
                    rows[edge.target] = max(rows[edge.target], rows[edge.source] + 1)
        for zone in sorted({b.zone for b in self.boxes.values()}):
            taken: set[int] = set()
            for members in self._families(zone, within):
                depth = max(rows[m] for m in members) + 1
                first = self._first_row(members, depth) if zone else 0
                while taken & set(range(first, first + depth)):
                    first += 1
                taken |= set(range(first, first + depth))
                for member in members:
                    self.boxes[member].row = first + rows[member]

    def _families(self, zone: int, within: Iterable[Edge]) -> list[list[str]]:
        """Return the states of a zone that hang together, those caught first at the front."""
        family = {name: name for name, box in self.boxes.items() if box.zone == zone}
        for _ in self.boxes:
            for edge in within:
                if edge.source in family:
                    one = min(family[edge.source], family[edge.target])
                    family[edge.source] = family[edge.target] = one
        names = dict.fromkeys(family.values())
        return [[n for n, f in family.items() if f == name] for name in names]

    def _first_row(self, members: list[str], depth: int) -> int:
        rows = [self.boxes[e.source].row for e in self.edges if e.target in members
                and self.boxes[e.source].zone < self.boxes[e.target].zone]  # fmt: skip
        last = max(b.row for b in self.boxes.values() if b.zone == 0)
        return max(0, min(median_low(rows), last + 1 - depth)) if rows else 0

    def _set_columns(self, zone: int, row: int) -> None:
        boxes = [b for b in self.boxes.values() if (b.zone, b.row) == (zone, row)]
        outer: list[Box] = []
        inner: list[Box] = []
        for box in boxes:
            onward = [e for e in self.edges if e.source == box.name and self._inside(e)]
            (outer if onward and self.back.issuperset(onward) else inner).append(box)
        parents = {
            b.name: fmean([self.boxes[e.source].column for e in self.edges if e.target == b.name
                           and self._inside(e) and e not in self.back] or [0.0])
            for b in inner
        }  # fmt: skip
        inner.sort(key=lambda b: parents[b.name])
        for box in outer:
            inner.insert(0 if outer.index(box) % 2 == 0 else len(inner), box)
        wanted = [parents[b.name] for b in inner if b.name in parents] or [0.0]
        centre = fmean(wanted)
        odd = (len(outer) % 2) * (0.5 if parents else 0.0)
        for place, box in enumerate(inner):
            box.column = centre + place - (len(inner) - 1) / 2 - odd

    def _set_places(self) -> None:
        y = 0.0
        for row in range(max(b.row for b in self.boxes.values()) + 1):
            boxes = [b for b in self.boxes.values() if b.row == row]
            tallest = max((b.height for b in boxes), default=0.0)
            for box in boxes:
                box.y = y + tallest / 2
            y += tallest + ROW_GAP
        left = 0.0
        for zone in range(max(b.zone for b in self.boxes.values()) + 1):
            boxes = [b for b in self.boxes.values() if b.zone == zone]
            pitch = max(b.width for b in boxes) + COLUMN_GAP
            west = min(b.column * pitch - b.width / 2 for b in boxes)
            for box in boxes:
                box.x = left + box.column * pitch - west
            left = max(b.x + b.width / 2 for b in boxes) + ZONE_GAP
            left += LANE * sum(self._by_lane(e) and self.boxes[e.source].zone == zone
                               for e in self.edges)  # fmt: skip

    def _by_lane(self, edge: Edge) -> bool:
        """Whether an edge within a zone goes around other rows instead of straight down."""
        distance = self.boxes[edge.target].row - self.boxes[edge.source].row
        return self._inside(edge) and (edge in self.back or distance != 1)

    def _route(self) -> None:
        sides = _Sides(self.boxes)
        for edge in self.edges:
            if self._by_lane(edge):
                self._route_by_lane(edge, sides)
            elif self._inside(edge):
                self._route_down(edge)
        across = [e for e in self.edges if not self._inside(e)]
        for target in dict.fromkeys(e.target for e in across):
            self._route_across([e for e in across if e.target == target], sides)

    def _route_down(self, edge: Edge) -> None:
        source, target = self.boxes[edge.source], self.boxes[edge.target]
        twin = any(e.way == "next" and (e.source, e.target) == (edge.source, edge.target)
                   for e in self.edges if e is not edge)  # fmt: skip
        aside = min(source.width, target.width) * 0.3 if edge.way == "catch" and twin else 0.0
        start = (source.x + aside, source.y + source.height / 2)
        end = (target.x + aside, target.y - target.height / 2)
        points = [start, end]
        if start[0] != end[0]:
            half = end[1] - ROW_GAP * 0.6
            points = [start, (start[0], half), (end[0], half), end]
        label_at = (end[0] + 8, end[1] - 12)
        self.lines.append(Line(points, edge.way, True, edge.label, label_at))

    def _route_by_lane(self, edge: Edge, sides: "_Sides") -> None:
        source, target = self.boxes[edge.source], self.boxes[edge.target]
        zone = [b for b in self.boxes.values() if b.zone == source.zone]
        middle = fmean(b.column for b in zone if b.row == target.row)
        side = 1 if source.column > middle else -1
        low, high = sorted((source.row, target.row))
        spanned = [b for b in zone if low <= b.row <= high]
        edge_x = max(side * b.x + b.width / 2 for b in spanned)
        lane = 1
        while any(z == source.zone and s == side and number == lane and low < h and high > first
                  for z, s, number, first, h in self.lanes):  # fmt: skip
            lane += 1
        self.lanes.append((source.zone, side, lane, low, high))
        x = side * (edge_x + lane * LANE)
        start, end = sides.at(source, side), sides.at(target, side)
        label_at = (x + side * 6, (start[1] + end[1]) / 2 + 4)
        anchor = "start" if side > 0 else "end"
        points = [start, (x, start[1]), (x, end[1]), end]
        self.lines.append(Line(points, edge.way, True, edge.label, label_at, anchor))

    def _route_across(self, edges: list[Edge], sides: "_Sides") -> None:
        """Join what goes to one state of another zone in one trunk before it."""
        target = self.boxes[edges[0].target]
        side = 1 if self.boxes[edges[0].source].zone < target.zone else -1
        end = sides.at(target, -side)
        rows = [target.row, *(self.boxes[e.source].row for e in edges)]
        passed = [b for b in self.boxes.values()
                  if b.zone == target.zone and min(rows) <= b.row <= max(rows)]  # fmt: skip
        trunk = side * min(side * b.x - b.width / 2 for b in passed) - side * 26
        way = edges[0].way
        heights, tracks = [end[1]], dict[float, float]()
        for edge in edges:
            source = self.boxes[edge.source]
            if self._is_outermost(source, side):
                start = sides.at(source, side)
                label_at = (start[0] + side * 8, start[1] - 5)
                heights.append(start[1])
                if len(edges) == 1 and source.row == target.row:
                    self.lines.append(
                        Line([(start[0], end[1]), end], way, True, edge.label, label_at)
                    )
                    return
                points = [start, (trunk, start[1])]
                self.lines.append(Line(points, way, False, edge.label, label_at))
            else:
                x = source.x + side * source.width * 0.3
                below = self._bottom(source) + 14
                heights.append(below)
                tracks[below] = side * min(side * x, side * tracks.get(below, x))
                points = [(x, source.y + source.height / 2), (x, below)]
                self.lines.append(Line(points, way, False))
        for y, x in tracks.items():
            self.lines.append(Line([(x, y), (trunk, y)], way, False))
        if len(set(heights)) > 1:
            self.lines.append(Line([(trunk, min(heights)), (trunk, max(heights))], way, False))
        self.lines.append(Line([(trunk, end[1]), end], way))

    def _is_outermost(self, box: Box, side: int) -> bool:
        return all(side * b.x <= side * box.x for b in self._beside(box))

    def _bottom(self, box: Box) -> float:
        return max(b.y + b.height / 2 for b in self._beside(box))

    def _beside(self, box: Box) -> list[Box]:
        return [b for b in self.boxes.values() if (b.zone, b.row) == (box.zone, box.row)]

    def _moved(self, start: Point) -> Layout:
        """Move everything so that the upper left corner is 0, 0."""
        xs = [x for line in self.lines for x, _ in line.points]
        xs += [b.x + s * b.width / 2 for b in self.boxes.values() for s in (-1, 1)]
        ys = [y for line in self.lines for _, y in line.points] + [start[1] - 6]
        ys += [b.y + b.height / 2 for b in self.boxes.values()]
        left, top = min(xs), min(ys)
        for box in self.boxes.values():
            box.x, box.y = box.x - left, box.y - top
        for line in self.lines:
            line.points = [(x - left, y - top) for x, y in line.points]
            line.label_at = (line.label_at[0] - left, line.label_at[1] - top)
        begin = (start[0] - left, start[1] - top)
        return Layout(self.boxes, self.lines, begin, max(xs) - left, max(ys) - top)


class _Sides:
    """Gives out places on the left and right sides of boxes, from the middle outwards."""

    def __init__(self, boxes: Mapping[str, Box]) -> None:
        self._used = {(name, side): 0 for name in boxes for side in (-1, 1)}

    def at(self, box: Box, side: int) -> Point:
        """Return the next free place on a side: 1 is right, -1 is left."""
        used = self._used[box.name, side]
        self._used[box.name, side] = used + 1
        shift = (0.0, 10.0, -10.0)[used % 3]
        slant = CORNER * abs(shift) / (box.height / 2) if box.kind == "Choice" else 0.0
        return box.x + side * (box.width / 2 - slant), box.y + shift


def _box(name: str, state: Mapping[str, Any]) -> Box:
    width = len(name) * LETTER + (46 if state["Type"] == "Choice" else 26)
    if "ItemProcessor" not in state:
        return Box(name, state["Type"], width)
    inner = lay_out(state["ItemProcessor"])
    return Box(
        name,
        state["Type"],
        max(width, inner.width + 2 * PADDING),
        inner.height + TITLE + 2 * PADDING,
        inner,
    )


def _back_edges(boxes: Mapping[str, Box], edges: list[Edge]) -> set[Edge]:
    """Return the edges that lead back to a state on the way to their source."""
    back: set[Edge] = set()
    done: set[str] = set()

    def go(name: str, path: tuple[str, ...]) -> None:
        for edge in (e for e in edges if e.source == name):
            if edge.target in (*path, name):
                back.add(edge)
            elif edge.target not in done:
                go(edge.target, (*path, name))
        done.add(name)

    for name in boxes:
        if name not in done:
            go(name, ())
    return back
