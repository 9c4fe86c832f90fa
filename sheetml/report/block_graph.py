"""A picture of what a cell depends on: blocks and areas as boxes, from the inputs on the left to the cell.

The layout is the layered one of Sugiyama, Tagawa and Toda (1981): layers by the longest way from the
inputs, the order within a layer by the mean place of the neighbours, long edges bent around boxes.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from itertools import pairwise

from sheetml.engine.calculation import Calculation
from sheetml.report.lineage import Lineage, Source
from sheetml.report.words import quantity, summary, without_sheet

LONGEST_LINE = 46  # characters of a line in a box
MOST_LINES = 9
CHARACTER, LINE, PADDING = 7.0, 16.0, 9.0  # in pixels, of 12 px monospace text
GAP_ACROSS, GAP_DOWN, BEND_HEIGHT = 70.0, 16.0, 8.0
SWEEPS = 8


@dataclass(slots=True, eq=False)
class Box:
    """A formula block, an area of cells with values, or the blocks of one recurrence."""

    title: str
    lines: list[str]
    kind: str  # "input", "formula", "recurrence" or "target"
    details: str = ""  # shown while pointing at it
    before: list[Box] = field(default_factory=list)  # the boxes it is computed from
    layer: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    column: float = 0.0  # the width of the widest box of its layer


def boxes_of(calculation: Calculation, found: Lineage) -> list[Box]:
    """The boxes of a lineage, those a box depends on before it; the last is the cell's own."""
    home = found.target.area.rpartition("!")[0]
    boxes: list[Box] = []
    of_source: dict[int, Box] = {}
    for members in _groups(found):
        kind = "target" if found.target in members else "recurrence" if len(members) > 1 else "formula"
        if members[0].block is None and kind != "target":
            kind = "input"
        box = _box(calculation, members, kind, home)
        boxes.append(box)
        of_source.update((id(member), box) for member in members)
    for source in found.sources:
        box = of_source[id(source)]
        for read in source.reads:
            other = of_source[id(read)]
            if other is not box and other not in box.before:
                box.before.append(other)
    return boxes


def _groups(found: Lineage) -> list[list[Source]]:
    """The sources, those that one stage of the plan computes together."""
    groups: dict[int, list[Source]] = {}
    for position, source in enumerate(found.sources):
        groups.setdefault(source.stage if source.block is not None else -1 - position, []).append(source)
    return list(groups.values())


def _box(calculation: Calculation, members: list[Source], kind: str, home: str) -> Box:
    first = members[0]
    details = [_in_words(source, home) for source in members]
    if kind == "recurrence" or len(members) > 1:
        title = f"recurrence of {len(members)} blocks"
        lines = details
    else:
        title = without_sheet(first.area, home)
        lines = [] if first.formula is None else [f"= {first.formula}"]
        lines.append(summary(calculation.kinds(first.slots), calculation.numbers(first.slots)))
        if first.slots.size > 1:
            details.append(quantity(first.slots.size, "cell"))
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"and {len(lines) - MOST_LINES + 1} more"]
    return Box(title, lines, kind, "\n".join(details))


def _in_words(source: Source, home: str) -> str:
    area = without_sheet(source.area, home)
    return area if source.formula is None else f"{area} = {source.formula}"


# ---- as Graphviz reads it ----------------------------------------------------------------------


def to_dot(boxes: list[Box]) -> str:
    """The graph in the language of Graphviz."""
    number = {id(box): position for position, box in enumerate(boxes)}
    lines = ["digraph blocks {", "  rankdir=LR;", '  node [shape=box, fontname="monospace", fontsize=10];']
    for box in boxes:
        text = "\\l".join(_dot_text(_shortened(line)) for line in (box.title, *box.lines)) + "\\l"
        style = {"input": ', style="rounded"', "target": ", penwidth=2"}.get(box.kind, "")
        lines.append(f'  b{number[id(box)]} [label="{text}"{style}];')
    for box in boxes:
        lines += [f"  b{number[id(other)]} -> b{number[id(box)]};" for other in box.before]
    return "\n".join([*lines, "}"]) + "\n"


def _dot_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


# ---- as a picture ------------------------------------------------------------------------------

_STYLE = """
svg { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
.page { fill: #ffffff; } text { fill: #1f2933; } .title { font-weight: 600; }
.box { stroke: #52606d; fill: #f5f7fa; stroke-width: 1; } .input { fill: #e3f2e1; stroke: #3f7d3a; }
.recurrence { fill: #efe7fb; stroke: #6b46a8; } .target { fill: #fff1d6; stroke: #b7791f; stroke-width: 2; }
.edge { fill: none; stroke: #7b8794; stroke-width: 1.2; } .tip { fill: #7b8794; }
@media (prefers-color-scheme: dark) {
  .page { fill: #15191e; } text { fill: #e4e7eb; }
  .box { stroke: #9aa5b1; fill: #242b33; } .input { fill: #1d3320; stroke: #7fbf78; }
  .recurrence { fill: #2c2440; stroke: #b794f4; } .target { fill: #3d2f12; stroke: #f0b429; }
  .edge { stroke: #7b8794; } .tip { fill: #7b8794; }
}
"""


def to_svg(boxes: list[Box], title: str) -> str:
    """The graph as an SVG picture that needs nothing else; dark where the reader's screen is."""
    layers, ways = _laid_out(boxes)
    width = max(box.x + box.width for box in boxes) + PADDING
    height = max(box.y + box.height for layer in layers for box in layer) + PADDING
    name = html.escape(title)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{name}" style="max-width:100%;height:auto">',
        f"<title>{name}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        *(_edge(way) for way in ways),
        *(_drawn(box) for box in boxes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _drawn(box: Box) -> str:
    texts = [
        f'<text class="{"title" if position == 0 else "line"}" x="{box.x + PADDING:.1f}" '
        f'y="{box.y + PADDING + LINE * (position + 0.75):.1f}">{html.escape(_shortened(line))}</text>'
        for position, line in enumerate((box.title, *box.lines))
    ]
    shape = (
        f'<rect class="box {box.kind}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{6 if box.kind == "input" else 2}"/>'
    )
    return f"<g><title>{html.escape(box.details)}</title>{shape}{''.join(texts)}</g>"


def _edge(way: list[Box]) -> str:
    """A line from box to box, through the bends in between; straight as far as its column is wide."""
    first, last = way[0], way[-1]
    x, y = first.x + first.column, first.y + first.height / 2
    path = f"M{first.x + first.width:.1f} {y:.1f} L{x:.1f} {y:.1f}"
    for box in way[1:]:
        to_x, to_y = box.x, box.y + box.height / 2
        middle = (x + to_x) / 2
        path += f" C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = box.x + (box.width if box is not last else 0), to_y
        if box is not last:
            path += f" L{x:.1f} {y:.1f}"
    return f'<path class="edge" d="{path}" marker-end="url(#tip)"/>'


def _laid_out(boxes: list[Box]) -> tuple[list[list[Box]], list[list[Box]]]:
    """Places the boxes; the layers with the bends of long edges in them, and each edge's way."""
    for box in boxes:
        lines = [_shortened(line) for line in (box.title, *box.lines)]
        box.width = max(len(line) for line in lines) * CHARACTER + 2 * PADDING + 6
        box.height = len(lines) * LINE + 2 * PADDING
        box.layer = max((other.layer + 1 for other in box.before), default=0)
    _pull_inputs(boxes)
    layers: list[list[Box]] = [[] for _ in range(max(box.layer for box in boxes) + 1)]
    for box in boxes:
        layers[box.layer].append(box)
    neighbours: dict[int, tuple[list[Box], list[Box]]] = {id(box): ([], []) for box in boxes}
    ways = [_way(other, box, layers, neighbours) for box in boxes for other in box.before]
    _order(layers, neighbours)
    _place(layers, neighbours)
    return layers, ways


def _pull_inputs(boxes: list[Box]) -> None:
    """Inputs stand next to the first box that reads them, not all at the far left."""
    for box in boxes:
        followers = [other.layer for other in boxes if box in other.before]
        if not box.before and followers:
            box.layer = min(followers) - 1


def _way(
    source: Box, target: Box, layers: list[list[Box]], neighbours: dict[int, tuple[list[Box], list[Box]]]
) -> list[Box]:
    """An edge as the boxes it goes through: in each layer between its ends it gets a bend of its own."""
    way = [source]
    for layer in range(source.layer + 1, target.layer):
        bend = Box("", [], "bend", layer=layer, height=BEND_HEIGHT)
        layers[layer].append(bend)
        neighbours[id(bend)] = ([], [])
        way.append(bend)
    way.append(target)
    for one, next_one in pairwise(way):
        neighbours[id(one)][1].append(next_one)
        neighbours[id(next_one)][0].append(one)
    return way


def _order(layers: list[list[Box]], neighbours: dict[int, tuple[list[Box], list[Box]]]) -> None:
    """Sorts each layer by the mean place of the neighbours, to and fro."""
    place = {id(box): position for layer in layers for position, box in enumerate(layer)}

    def key(box: Box, side: int) -> float:
        others = neighbours[id(box)][side]
        return sum(place[id(other)] for other in others) / len(others) if others else place[id(box)]

    for sweep in range(SWEEPS):
        side = sweep % 2
        for layer in layers if side == 0 else layers[::-1]:
            layer.sort(key=lambda box: key(box, side))
            place.update((id(box), position) for position, box in enumerate(layer))


def _place(layers: list[list[Box]], neighbours: dict[int, tuple[list[Box], list[Box]]]) -> None:
    """Gives the boxes their places: columns from the left, each box near the middle of its neighbours."""
    x = PADDING
    for layer in layers:
        widest = max((box.width for box in layer), default=0.0)
        y = PADDING
        for box in layer:
            box.x, box.y, box.column = x, y, widest
            if box.kind == "bend":
                box.width = widest
            y += box.height + GAP_DOWN
        x += widest + GAP_ACROSS
    for sweep in range(SWEEPS):
        side = sweep % 2
        for layer in layers if side == 0 else layers[::-1]:
            _settle(layer, [_wished(box, neighbours[id(box)][side]) for box in layer])
    highest = min(box.y for layer in layers for box in layer)
    for layer in layers:
        for box in layer:
            box.y += PADDING - highest


def _wished(box: Box, others: list[Box]) -> float:
    if not others:
        return box.y
    return sum(other.y + other.height / 2 for other in others) / len(others) - box.height / 2


def _settle(layer: list[Box], wished: list[float]) -> None:
    """Moves a layer's boxes to where they wish to be, kept apart and in order.

    Boxes that would overlap are put together and share the mean of their wishes: the pool-adjacent-
    violators method for isotonic regression.
    """
    groups: list[tuple[float, float, list[Box]]] = []  # top, height with gaps, boxes
    for box, wish in zip(layer, wished):
        top, height, boxes = wish, box.height + GAP_DOWN, [box]
        while groups and groups[-1][0] + groups[-1][1] > top:
            above_top, above_height, above = groups.pop()
            weight = len(above) / (len(above) + len(boxes))
            top = above_top * weight + (top - above_height) * (1 - weight)
            height += above_height
            boxes = above + boxes
        groups.append((top, height, boxes))
    for top, _, boxes in groups:
        y = top
        for box in boxes:
            box.y = y
            y += box.height + GAP_DOWN
