"""Charts for pages: SVG and a little HTML that take the page's colours, with text of one size on any screen."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup, escape

from sheetml.report.labelling import placed
from sheetml.report.ticks import Axis, axis, short, value_axis

WIDTH, HEIGHT = 1000.0, 300.0  # of the drawing's own coordinates; it is stretched to the page
MOST_DOTS = 400  # points of a line that can be pointed at
MOST_SEEN_DOTS = 60  # and that are drawn as dots
COLOURS = 8  # of lines, which then repeat with dashes

MOST_NUMBERED = 24, 60  # columns and rows of a heat map that has numbers in its cells
CELL_HEIGHT, CELL_NARROWEST, CHARACTER = 21.0, 26.0, 6.7  # pixels
SMALL_CELL, SMALLEST_CELL, MAP_WIDTH = 14.0, 3.0, 640.0
MOST_CELLS = 4000  # of a heat map whose cells can be pointed at; a larger one is a plain picture
LONGEST_NAME = 22  # characters of a row's or column's name that are shown
LONGEST_TITLE = 32  # of a point's
FAINT = 0.02  # of the scale, below which a number in a heat map is dimmed

SCATTER_WIDTH, SCATTER_HEIGHT, MARGIN = 1000.0, 680.0, 46.0


# ---- lines -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart: its points, a text for each of them, and what it is called."""

    name: str
    across: np.ndarray
    up: np.ndarray
    texts: Sequence[str] = ()
    faint: bool = False  # beside the one that matters


def line_chart(lines: Sequence[Line], across: str, up: str, *, small: bool = False, all_of: str = "") -> Markup:
    """Lines over whole numbers (iterations, epochs); logarithmic upwards where the values span more than a decade."""
    everything = np.concatenate([line.up for line in lines])
    every = np.concatenate([line.across for line in lines])
    upwards = value_axis(everything)
    along = axis(float(every.min()), float(every.max()), 4 if small else 6, whole=True, tight=True)
    drawn, dots = [], []
    for number, line in enumerate(lines):
        x, y = along.place(line.across) * WIDTH, (1 - upwards.place(line.up)) * HEIGHT
        colour = "faint" if line.faint else _colour(number if len(lines) > 1 and not small else 0)
        points = " L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y))
        name = f"<title>{escape(line.name)}</title>" if len(lines) > 1 else ""
        drawn.append(f'<path class="line {colour}" d="M{points}">{name}</path>')
        if not line.faint and line.texts and len(line.texts) <= MOST_DOTS:
            seen = " seen" if len(line.texts) <= MOST_SEEN_DOTS and len(lines) <= 2 else ""
            dots += [
                f'<path class="dot{seen} {colour}" d="M{a:.1f} {b:.1f}h0"><title>{escape(text)}</title></path>'
                for a, b, text in zip(x, y, line.texts)
            ]
    scale = " (logarithmic)" if upwards.logarithmic else ""
    label = all_of or f"{up} by {across}"
    return framed(along, upwards, "".join(drawn + dots), across, f"{up}{scale}", label, "small" if small else "")


def _colour(number: int) -> str:
    return f"c{number % COLOURS}" + (" dashed" if number >= COLOURS else "")


def swatch(number: int) -> Markup:
    """The colour of a chart's line, for a list of what the lines are."""
    return Markup('<svg class="swatch" viewBox="0 0 26 8" aria-hidden="true"><path class="line {}" d="M1 4h24"/></svg>'
                  ).format(_colour(number))  # fmt: skip


def framed(along: Axis, upwards: Axis, inside: str, across: str, up: str, label: str, size: str) -> Markup:
    """A drawing with its axes around it; texts keep their size however the drawing is stretched."""
    rules, texts = [], []
    for place, text in zip(upwards.place(upwards.ticks).tolist(), upwards.texts):
        rules.append(f'<path class="rule" d="M0 {(1 - place) * HEIGHT:.1f}H{WIDTH}"/>')
        texts.append(f'<span class="up" style="top:{100 * (1 - place):.2f}%">{text}</span>')
    for place, text in zip(along.place(along.ticks).tolist(), along.texts):
        texts.append(f'<span class="across" style="left:{100 * place:.2f}%">{text}</span>')
    gutter = max(len(text) for text in upwards.texts)
    return Markup(
        f'<div class="chart {size}" style="--gutter:{gutter}ch"><div class="axis-name">{escape(up)}</div>'
        f'<div class="plot"><svg class="chart" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label)}">{"".join(rules)}{inside}</svg>{"".join(texts)}</div>'
        f'<div class="axis-name below">{escape(across)}</div></div>'
    )


# ---- heat maps ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Names:
    """What the rows and columns of a heat map are called: as the sheet counts them, and what stands beside them."""

    rows: Sequence[str]
    columns: Sequence[str]
    row_titles: Sequence[str] = ()
    column_titles: Sequence[str] = ()
    cell: Callable[[int, int], str] | None = field(default=None)  # how a cell is called; by row and column

    def of_cell(self, row: int, column: int) -> str:
        return self.cell(row, column) if self.cell is not None else f"{self.columns[column]}{self.rows[row]}"


def heat_map(
    values: np.ndarray, scale: float, names: Names, text: Callable[[int, int], str], label: str, room: int = 0
) -> Markup:
    """An array as a grid: orange above 0, blue below, strongest at the scale; nothing where there is no number.

    `text` is what a cell shows, `room` for how many characters there is to be room at least. A small map has the
    numbers in its cells; a very large one is a plain picture.
    """
    rows, columns = values.shape
    numbered = columns <= MOST_NUMBERED[0] and rows <= MOST_NUMBERED[1]
    texts = {place: text(*place) for place, value in np.ndenumerate(values) if math.isfinite(value)} if (
        numbered or values.size <= MOST_CELLS) else {}  # fmt: skip
    if numbered:
        longest = max((len(shown) for shown in texts.values()), default=0)
        width, height = max(CELL_NARROWEST, max(longest, room) * CHARACTER + 8), CELL_HEIGHT
    else:
        width = height = min(SMALL_CELL, max(SMALLEST_CELL, MAP_WIDTH / max(columns, 1)))
    left = 10 + CHARACTER * max([len(name) for name in names.rows] + [0])
    titles_left = 8 + CHARACTER * max([len(_cut(title)) for title in names.row_titles] + [0]) if names.row_titles else 0
    titles_top = 8 + CHARACTER * max([len(_cut(title)) for title in names.column_titles] + [0]) if (
        names.column_titles and width >= 12) else 0  # fmt: skip
    at_x, at_y = titles_left + left, titles_top + 18.0
    parts = _line_names(names, width, height, titles_left, titles_top, at_x, at_y)
    if values.size > MOST_CELLS:
        size = f'x="{at_x:.1f}" y="{at_y:.1f}" width="{columns * width:.1f}" height="{rows * height:.1f}"'
        for sign, colour in ((1, "up"), (-1, "down")):
            parts.append(f'<mask id="MASK-{colour}"><image {size} preserveAspectRatio="none" '
                         f'style="image-rendering:pixelated" href="{_grey_picture(sign * values / scale)}"/></mask>'
                         f'<rect class="{colour} whole" {size} mask="url(#MASK-{colour})"/>')  # fmt: skip
    else:
        for (row, column), shown in texts.items():
            value = float(values[row, column])
            share = min(1.0, abs(value) / scale)
            x, y = at_x + column * width, at_y + row * height
            title = escape(f"{names.of_cell(row, column)}: {shown}")
            parts.append(
                f'<g><title>{title}</title><rect class="{"up" if value > 0 else "down"}" style="--s:{share:.3f}" '
                f'x="{x:.1f}" y="{y:.1f}" width="{width - 1:.1f}" height="{height - 1:.1f}"/>'
                + (f'<text class="{"faint" if share < FAINT else ""}" x="{x + width - 5:.1f}" y="{y + 14.5:.1f}" '
                   f'text-anchor="end">{escape(shown)}</text>' if numbered else "")
                + "</g>"
            )  # fmt: skip
    wide, high = at_x + columns * width, at_y + rows * height
    drawing = "".join(parts).replace("MASK", f"m{zlib.crc32(values.tobytes()):x}")
    return Markup(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}"><svg class="map" '
        f'width="{wide:.0f}" height="{high:.0f}" role="img" aria-label="{escape(label)}">{drawing}</svg></div>'
    )


def _line_names(
    names: Names, width: float, height: float, titles_left: float, titles_top: float, at_x: float, at_y: float
) -> list[str]:
    """The names of rows and columns, as many as there is room for."""
    parts = []
    for names_of, step, room in ((names.columns, width, 22.0), (names.rows, height, 13.0)):
        room = max(room, CHARACTER * max((len(name) for name in names_of), default=0)) if step is width else room
        every = max(1, math.ceil(room / step))
        for index in range(0, len(names_of), every):
            if names_of is names.columns:
                x, y, anchor = at_x + (index + 0.5) * width, titles_top + 13, "middle"
            else:
                x, y, anchor = at_x - 6, at_y + (index + 0.5) * height + 4, "end"
            text = escape(names_of[index])
            parts.append(f'<text class="name" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>')
    if titles_top:
        for index, title in enumerate(names.column_titles):
            x = at_x + (index + 0.5) * width + 4
            parts.append(f'<text class="title" transform="translate({x:.1f} {titles_top - 2:.1f}) rotate(-90)">'
                         f"{escape(_cut(title))}<title>{escape(title)}</title></text>")  # fmt: skip
    for index, title in enumerate(names.row_titles if height >= 12 else ()):
        y = at_y + (index + 0.5) * height + 4
        parts.append(f'<text class="title" x="{titles_left - 6:.1f}" y="{y:.1f}" text-anchor="end">'
                     f"{escape(_cut(title))}<title>{escape(title)}</title></text>")  # fmt: skip
    return parts


def _cut(text: str, longest: int = LONGEST_NAME) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _grey_picture(shares: np.ndarray) -> str:
    """An array of shares (0 to 1, what is outside or no number cut off) as a PNG in grey, a pixel a cell."""
    grey = (255 * np.clip(np.nan_to_num(shares), 0, 1)).astype(np.uint8)
    rows, columns = grey.shape
    lines = b"".join(b"\0" + line.tobytes() for line in grey)  # each line begins with its filter: none

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def colour_key(scale: float, *, below: bool = True) -> Markup:
    """What the colours of heat maps mean: from minus the scale, or from 0, to the scale."""
    low = f"<span>{short(-scale)}</span>" if below else ""
    label = f"Colours from {short(-scale if below else 0)} to {short(scale)}"
    return Markup(
        f'<div class="colour-key" role="img" aria-label="{label}">'
        f'{low}<span class="ramp{"" if below else " half"}"></span><span>{short(scale)}</span></div>'
    )


# ---- scatter -----------------------------------------------------------------------------------


def scatter(points: np.ndarray, names: Sequence[str], across: str, up: str) -> Markup:
    """Points (n, 2) with their names beside them, as far as these do not run into each other; the others on hover."""
    along, upwards = (axis(float(side.min()), float(side.max()), 6) for side in (points[:, 0], points[:, 1]))
    x = MARGIN + along.place(points[:, 0]) * (SCATTER_WIDTH - 2 * MARGIN)
    y = MARGIN / 2 + (1 - upwards.place(points[:, 1])) * (SCATTER_HEIGHT - 2 * MARGIN)
    shown = [_cut(name, LONGEST_TITLE) for name in names]
    places = placed(list(zip(x.tolist(), y.tolist())), shown, CHARACTER * 0.92, 13.0,
                    (MARGIN, 0.0, SCATTER_WIDTH, SCATTER_HEIGHT - MARGIN))  # fmt: skip
    bottom = SCATTER_HEIGHT - 1.5 * MARGIN
    parts = []
    for place, text in zip(along.place(along.ticks).tolist(), along.texts):
        at = MARGIN + place * (SCATTER_WIDTH - 2 * MARGIN)
        parts.append(
            f'<path class="rule" d="M{at:.1f} {MARGIN / 2}V{bottom}"/>'
            f'<text class="name" x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{text}</text>'
        )  # fmt: skip
    for place, text in zip(upwards.place(upwards.ticks).tolist(), upwards.texts):
        at = MARGIN / 2 + (1 - place) * (SCATTER_HEIGHT - 2 * MARGIN)
        parts.append(
            f'<path class="rule" d="M{MARGIN} {at:.1f}H{SCATTER_WIDTH - MARGIN}"/>'
            f'<text class="name" x="{MARGIN - 6}" y="{at + 4:.1f}" text-anchor="end">{text}</text>'
        )
    for a, b, name in zip(x.tolist(), y.tolist(), names):
        parts.append(f'<circle class="point" cx="{a:.1f}" cy="{b:.1f}" r="3.5"><title>{escape(name)}</title></circle>')
    for place, text in zip(places, shown):
        if place is not None:
            a, b, anchor = place
            parts.append(f'<text class="title" x="{a:.1f}" y="{b:.1f}" text-anchor="{anchor}">{escape(text)}</text>')
    return Markup(
        f'<div class="axis-name">{escape(up)}</div><div class="scroll" tabindex="0" role="region" aria-label="'
        f'{escape(up)} over {escape(across)}"><svg class="scatter" viewBox="0 0 {SCATTER_WIDTH:.0f} {bottom + 26:.0f}" '
        f'role="img" aria-label="{escape(up)} over {escape(across)}">{"".join(parts)}</svg></div>'
        f'<div class="axis-name below">{escape(across)}</div>'
    )
