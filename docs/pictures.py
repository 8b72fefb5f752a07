"""Draws the state machines from their definitions: `python -m docs.pictures`.

Writes docs/pictures/<machine>.svg, the same bytes for the same definition. Solid lines are
transitions, dashed ones are Catch; the colours can be read on light and on dark backgrounds.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import yaml

from docs.layout import (
    CORNER,
    HEIGHT,
    LETTER,
    PADDING,
    TITLE,
    Box,
    Layout,
    Line,
    Point,
    Way,
    lay_out,
)

ROOT: Final = Path(__file__).resolve().parents[1]
MACHINES: Final = ROOT / "statemachines"
PICTURES: Final = ROOT / "docs" / "pictures"
ENDING: Final = ".asl.yaml"
MARGIN: Final = 16.0
RADIUS: Final = 7.0

COLOURS: Final = {
    "Task": ("#ddf4ff", "#0969da", "#0a3069"),
    "Choice": ("#fff8c5", "#9a6700", "#4d2d00"),
    "Succeed": ("#dafbe1", "#1a7f37", "#044f1e"),
    "Fail": ("#ffebe9", "#cf222e", "#82071e"),
}
"""Fill, border and text of a state by its type."""

OTHER: Final = ("#f6f8fa", "#6e7781", "#24292f")
NEXT: Final = "#757e88"
CATCH: Final = "#d1424b"


def main() -> None:
    """Draw every machine."""
    PICTURES.mkdir(exist_ok=True)
    for path in sorted(MACHINES.glob(f"*{ENDING}")):
        target = picture_of(path)
        target.write_text(draw(path), encoding="utf-8")
        print(target.relative_to(ROOT))


def picture_of(machine: Path) -> Path:
    """Return where the picture of a machine is kept."""
    return PICTURES / f"{machine.name.removesuffix(ENDING)}.svg"


def draw(machine: Path) -> str:
    """Return the picture of a machine as SVG."""
    definition = yaml.safe_load(machine.read_text(encoding="utf-8"))
    layout = lay_out(definition)
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN + 26
    name = machine.name.removesuffix(ENDING)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" role="img" '
            "font-family=\"-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\">",
            f"<title>{escape(f'The state machine {name}')}</title>",
            f"<desc>{escape(definition['Comment'])}</desc>",
            *_heads(),
            *_machine(layout, MARGIN, MARGIN),
            *_legend(MARGIN, height - MARGIN),
            "</svg>",
            "",
        ]
    )


def _heads() -> Iterator[str]:
    yield "<defs>"
    for way, colour in (("next", NEXT), ("catch", CATCH)):
        yield (
            f'<marker id="{way}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" '
            f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 0.5 L8 4 L0 7.5 Z" fill="{colour}"/></marker>'
        )
    yield "</defs>"


def _machine(layout: Layout, left: float, top: float) -> Iterator[str]:
    yield f'<g transform="translate({left:.1f} {top:.1f})">'
    for box in layout.boxes.values():
        if box.inner:
            yield from _frame(box, box.inner)
    for line in layout.lines:
        yield _line(line)
    x, y = layout.start
    first = Line([(x, y + 6), (x, y + 22)], "next")
    yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{NEXT}"/>'
    yield _line(first)
    for box in layout.boxes.values():
        if not box.inner:
            yield from _state(box)
    for line in layout.lines:
        yield from _label(line)
    yield "</g>"


def _frame(box: Box, inner: Layout) -> Iterator[str]:
    fill, border, text = COLOURS["Task"]
    x, y = box.x - box.width / 2, box.y - box.height / 2
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6" '
        f'fill="{border}" fill-opacity="0.06" stroke="{border}" stroke-width="1.2"/>'
    )
    yield (
        f'<path d="M{x:.1f} {y + TITLE:.1f} v{6 - TITLE:.1f} a6 6 0 0 1 6 -6 h{box.width - 12:.1f} '
        f'a6 6 0 0 1 6 6 v{TITLE - 6:.1f} Z" fill="{fill}" stroke="{border}" stroke-width="1.2"/>'
    )
    yield _text(f"{box.name} ({box.kind})", (box.x, y + TITLE / 2), text)
    aside = (box.width - inner.width) / 2
    yield from _machine(inner, x + aside, y + TITLE + PADDING)


def _state(box: Box) -> Iterator[str]:
    fill, border, text = COLOURS.get(box.kind, OTHER)
    x, y = box.x - box.width / 2, box.y - box.height / 2
    style = f'fill="{fill}" stroke="{border}" stroke-width="1.2"'
    if box.kind == "Choice":
        half = box.height / 2
        yield (
            f'<path d="M{x:.1f} {box.y:.1f} l{CORNER} {-half:.1f} h{box.width - 2 * CORNER:.1f} '
            f'l{CORNER} {half:.1f} l{-CORNER} {half:.1f} h{2 * CORNER - box.width:.1f} Z" {style}/>'
        )
    else:
        round_ = HEIGHT / 2 if box.kind in ("Succeed", "Fail") else 6
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
            f'rx="{round_:.0f}" {style}/>'
        )
    yield _text(box.name, (box.x, box.y), text)


def _text(text: str, at: Point, colour: str) -> str:
    return (
        f'<text x="{at[0]:.1f}" y="{at[1] + 4.5:.1f}" font-size="13" text-anchor="middle" '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _line(line: Line) -> str:
    colour, dashes = (NEXT, "") if line.way == "next" else (CATCH, ' stroke-dasharray="5 4"')
    head = f' marker-end="url(#{line.way})"' if line.arrow else ""
    return (
        f'<path d="{_path(line)}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}{head}/>'
    )


def _path(line: Line) -> str:
    """Return a path through the corners, each of them rounded."""
    points = line.points
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        parts.append(_towards(corner, before, "L") + " Q" + _at(corner) + _towards(corner, after))
    return " ".join([*parts, "L" + _at(points[-1])])


def _towards(corner: Point, other: Point, command: str = " ") -> str:
    """Return the point on the way from a corner where its rounding begins."""
    (x, y), (to_x, to_y) = corner, other
    length = abs(to_x - x) + abs(to_y - y)
    share = min(RADIUS, length / 2) / length if length else 0.0
    return command + _at((x + (to_x - x) * share, y + (to_y - y) * share))


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _label(line: Line) -> Iterator[str]:
    words = line.label.split("\n") if line.label else []
    x, y = line.label_at
    colour = NEXT if line.way == "next" else CATCH
    for number, word in enumerate(reversed(words)):
        yield (
            f'<text x="{x:.1f}" y="{y - 13 * number:.1f}" font-size="11.5" '
            f'text-anchor="{line.label_anchor}" fill="{colour}">{escape(word)}</text>'
        )


def _legend(left: float, bottom: float) -> Iterator[str]:
    x = left
    kinds: tuple[tuple[Way, str], ...] = (("next", "goes on to"), ("catch", "an error is caught"))
    for way, words in kinds:
        yield _line(Line([(x, bottom - 4), (x + 34, bottom - 4)], way))
        yield (
            f'<text x="{x + 42:.1f}" y="{bottom:.1f}" font-size="11.5" fill="{NEXT}">{words}</text>'
        )
        x += 42 + len(words) * LETTER + 16


if __name__ == "__main__":
    main()
