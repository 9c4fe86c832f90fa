"""Charts as SVG inside a page: they take its colours, and a cell says its value while it is pointed at."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup, escape

from sheetml.report.words import figure

CELL_WIDEST, CELL_NARROWEST = 26.0, 4.0  # pixels
MAP_WIDTH = 380.0
WIDTH, HEIGHT = 760.0, 240.0
MOST_DOTS = 400  # points of a curve that can be pointed at
LEFT, BOTTOM, TOP, RIGHT = 78.0, 34.0, 10.0, 12.0


def heat_map(values: np.ndarray, scale: float, name: Callable[[int, int], str]) -> Markup:
    """An array as a grid: orange above 0, blue below, full colour at the scale; nothing where there is no number."""
    rows, columns = values.shape
    size = min(CELL_WIDEST, max(CELL_NARROWEST, MAP_WIDTH / max(columns, 1)))
    parts = []
    for (row, column), value in np.ndenumerate(values):
        if math.isfinite(value):
            place = f'x="{column * size:.1f}" y="{row * size:.1f}" width="{size - 0.5:.1f}" height="{size - 0.5:.1f}"'
            colour = f'class="{"up" if value > 0 else "down"}" fill-opacity="{min(1.0, abs(value) / scale):.3f}"'
            title = escape(f"{name(row, column)}: {figure(float(value))}")
            parts.append(f"<rect {place} {colour}><title>{title}</title></rect>")
    size_text = f'viewBox="0 0 {columns * size:.0f} {rows * size:.0f}" width="{columns * size:.0f}"'
    return Markup(f'<svg class="map" {size_text} role="img">{"".join(parts)}</svg>')


def curve(
    points: Sequence[tuple[int, int, float, float]], most: int, what: str = "Objective", step: str = "iteration"
) -> Markup:
    """The objective by iteration; on a logarithmic scale if it is positive and spans more than a decade."""
    chosen = [points[index] for index in np.unique(np.linspace(0, len(points) - 1, min(len(points), most)).astype(int))]
    x = np.array([point[0] for point in chosen], float)
    y = np.array([point[2] for point in chosen], float)
    logarithmic = bool((y > 0).all() and y.max() > 10 * y.min())
    height = np.log10(y) if logarithmic else y
    low, high = float(height.min()), float(height.max())
    high = high if high > low else low + 1.0
    across = LEFT + (x - x.min()) / max(float(np.ptp(x)), 1.0) * (WIDTH - LEFT - RIGHT)
    down = TOP + (high - height) / (high - low) * (HEIGHT - TOP - BOTTOM)
    caption = f"{step}{f' ({what.lower()} on a logarithmic scale)' if logarithmic else ''}"
    parts = _axes((float(x.min()), float(x.max())), (low, high), logarithmic, caption)
    path = " L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across, down))
    parts.append(f'<path class="curve" d="M{path}"/>')
    for point, a, b in zip(chosen, across, down) if len(chosen) <= MOST_DOTS else ():
        title = f"{step} {point[0]:,}: {figure(point[2])}"
        title += f" after {point[1]:,} evaluations, {point[3]:.2f} s" if point[3] else ""
        parts.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6"><title>{escape(title)}</title></circle>')
    frame = f'<svg class="chart" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{what} by {step}">'
    return Markup(f"{frame}{''.join(parts)}</svg>")


def _axes(across: tuple[float, float], upwards: tuple[float, float], logarithmic: bool, caption: str) -> list[str]:
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = upwards[0] + share * (upwards[1] - upwards[0])
        place = TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)
        text = f"{10**value if logarithmic else value:.4g}"
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{text}</text>')
        foot = LEFT + share * (WIDTH - LEFT - RIGHT)
        iteration = across[0] + share * (across[1] - across[0])
        parts.append(f'<text x="{foot:.1f}" y="{HEIGHT - 16}" text-anchor="middle">{iteration:.0f}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 2}" text-anchor="middle">{caption}</text>')
    return parts
