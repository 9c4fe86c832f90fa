"""Pictures (PNG) of comparisons and of runs, drawn with Matplotlib without a screen."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.formula.references import column_letters
from sheetml.optional import needed
from sheetml.report.compare.result import ADDED, FORMULA, MOVED, REMOVED, CellChange, Comparison, SheetComparison
from sheetml.report.words import quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 110
MOST_SHEETS = 12  # in one picture
MOST_LINES = 600  # of a sheet that are told apart in a picture
CATEGORIES = {FORMULA: "#7e3ac8", ADDED: "#168c46", REMOVED: "#c82832", MOVED: "#0d828e"}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches wide and high, that belongs to no window."""
    needed("matplotlib", extra="plots")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


# ---- comparisons -----------------------------------------------------------------------------------


def comparison_figure(comparison: Comparison) -> Figure:
    """A map of each changed sheet: where cells changed, and by how much."""
    changed = [sheet for sheet in comparison.sheets if sheet.changes][:MOST_SHEETS]
    if not changed:
        figure = new_figure(6, 1.2)
        figure.text(0.5, 0.5, "No cell changed.", ha="center", va="center", fontsize=13)
        return figure
    columns = min(len(changed), 3)
    rows = math.ceil(len(changed) / columns)
    figure = new_figure(5.2 * columns, 4.2 * rows + 0.5)
    axes = np.atleast_1d(figure.subplots(rows, columns)).reshape(-1)
    for axis, sheet in zip(axes, changed):
        image = _change_map(axis, sheet)
    for axis in axes[len(changed) :]:
        axis.set_visible(False)
    if image is not None:
        bar = figure.colorbar(image, ax=list(axes), shrink=0.7)
        bar.set_label("relative change (log10), smaller | larger")
        bar.set_ticks([-4, -2, 0, 2, 4], labels=["−100%", "−1%", "0", "+1%", "+100%"])
    figure.suptitle(f"{comparison.before.name} → {comparison.after.name}", fontsize=12)
    return figure


def _change_map(axis: Axes, sheet: SheetComparison) -> Any:
    """One sheet as a grid of pixels, coloured as the page colours cells."""
    from matplotlib.colors import to_rgb

    row_at = [{line[side]: i for i, line in enumerate(sheet.rows)} for side in (0, 1)]
    column_at = [{line[side]: i for i, line in enumerate(sheet.columns)} for side in (0, 1)]
    step = max(1, math.ceil(len(sheet.rows) / MOST_LINES))
    shape = (math.ceil(len(sheet.rows) / step), max(1, len(sheet.columns)))
    sizes = np.full(shape, np.nan)
    marks = np.ones((*shape, 4))
    marks[..., 3] = 0.0
    for change in sheet.changes:
        side, own = (change.after, 1) if change.after is not None else (change.before, 0)
        assert side is not None
        place = row_at[own][side.row] // step, column_at[own][side.column]
        signed = _signed(change)
        if change.what in CATEGORIES or signed is None:
            marks[place] = (*to_rgb(CATEGORIES.get(change.what, CATEGORIES[FORMULA])), 0.85)
        elif not abs(sizes[place]) > abs(signed):  # the largest change of those that share a pixel
            sizes[place] = signed
    extent = (-0.5, shape[1] - 0.5, shape[0] - 0.5, -0.5)
    image = axis.imshow(
        sizes, cmap="RdBu_r", vmin=-4.5, vmax=4.5, aspect="auto", interpolation="nearest", extent=extent
    )
    axis.imshow(marks, aspect="auto", interpolation="nearest", extent=extent)
    axis.set_title(f"{sheet.name}: {quantity(len(sheet.changes), 'change')}", fontsize=10, parse_math=False)
    axis.set_facecolor("#eef1f4")
    _label_lines(axis, sheet, step, shape)
    return image


def _signed(change: CellChange) -> float | None:
    """The size of a change on a scale from −4 (all of it) over 0 (1e-4 or less) to 4, its direction as the sign."""
    size, difference = change.size, change.difference
    if size is None or difference is None:
        return None
    return math.copysign(min(4.5, max(0.3, 4 + math.log10(max(size, 1e-12)))), difference)


def _label_lines(axis: Axes, sheet: SheetComparison, step: int, shape: tuple[int, int]) -> None:
    columns = range(0, shape[1], max(1, shape[1] // 12))
    names = [sheet.columns[i][1] or sheet.columns[i][0] if sheet.columns else 1 for i in columns]
    axis.set_xticks(list(columns), [column_letters(name) if name else "" for name in names], fontsize=7)
    rows = range(0, shape[0], max(1, shape[0] // 10))
    numbers = [sheet.rows[i * step][1] or sheet.rows[i * step][0] for i in rows]
    axis.set_yticks(list(rows), [str(number) for number in numbers], fontsize=7)


# ---- runs ------------------------------------------------------------------------------------------


def curve_figure(
    points: list[tuple[int, int, float, float]], title: str, what: str = "objective", step: str = "iteration"
) -> Figure:
    """The objective by iteration: (iteration, evaluations, objective, seconds)."""
    figure = new_figure(7, 3.4)
    axis = figure.subplots()
    values = [point[2] for point in points]
    axis.plot([point[0] for point in points], values, marker=".", markersize=4)
    if min(values) > 0 and max(values) > 10 * min(values):
        axis.set_yscale("log")
    axis.set_xlabel(step)
    axis.set_ylabel(what)
    axis.set_title(title, fontsize=10, parse_math=False)
    axis.grid(alpha=0.3)
    return figure


def map_figure(maps: list[tuple[str, np.ndarray]], scale: float | None = None, title: str = "") -> Figure:
    """Arrays side by side as heat maps in one colour scale, with 0 in its middle."""
    values = np.concatenate([array.reshape(-1) for _, array in maps])
    largest = scale or float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0
    figure = new_figure(4.2 * len(maps) + 0.6, 3.8)
    axes = np.atleast_1d(figure.subplots(1, len(maps))).reshape(-1)
    for axis, (name, array) in zip(axes, maps):
        image = axis.imshow(array, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
        axis.set_aspect("auto")
        axis.set_title(name, fontsize=9, parse_math=False)
        axis.set_xticks([])
        axis.set_yticks([])
    figure.colorbar(image, ax=list(axes), shrink=0.8)
    if title:
        figure.suptitle(title, fontsize=10, parse_math=False)
    return figure
