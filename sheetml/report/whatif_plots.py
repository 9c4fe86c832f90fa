"""Pictures (PNG) of tables and tornados, drawn with Matplotlib without a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sheetml.report.plots import new_figure, png
from sheetml.report.ticks import short
from sheetml.xlsx.writer import new_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sheetml.whatif.influence import Swing
    from sheetml.whatif.tables import Table
    from sheetml.whatif.variation import Varied

MOST_NUMBERS = 16  # values of an input up to which the cells of a heat map show theirs
MOST_TICKS = 16
LOW, HIGH = "#2563eb", "#d97706"  # the colours of pages: below and above


def table_plot(found: Table, target: Path) -> None:
    """Draws a table into a PNG file: lines over one input, a heat map over two."""
    _write(table_figure(found), target)


def tornado_plot(swings: Sequence[Swing], base: float, output: str, labels: Mapping[str, str], target: Path) -> None:
    """Draws swings into a PNG file, the first at the top."""
    _write(tornado_figure(swings, base, output, labels), target)


def _write(figure: Figure, target: Path) -> None:
    with new_file(target) as stream:
        stream.write(png(figure))


def table_figure(found: Table) -> Figure:
    """The outputs over one input as lines, a picture above another; over two inputs as heat maps side by side."""
    count = len(found.outputs)
    if found.columns is None:
        figure = new_figure(7, 0.6 + 2.9 * count)
        for place, axis in enumerate(np.atleast_1d(figure.subplots(count, 1, sharex=True)).reshape(-1)):
            axis.plot(found.rows.values, found.values[:, 0, place], marker=".", markersize=4)
            axis.set_ylabel(found.outputs[place], parse_math=False)
            axis.grid(alpha=0.3)
        axis.set_xlabel(found.rows.address, parse_math=False)
        return figure
    wide = 1.6 + min(max(0.62 * len(found.columns.values), 3.4), 10)
    figure = new_figure(wide * count, 1.2 + min(max(0.36 * len(found.rows.values), 2.4), 8))
    for place, axis in enumerate(np.atleast_1d(figure.subplots(1, count)).reshape(-1)):
        _heat_map(axis, found.values[..., place], found.rows, found.columns)
        axis.set_title(found.outputs[place], fontsize=10, parse_math=False)
    return figure


def _heat_map(axis: Axes, values: np.ndarray, rows: Varied, columns: Varied) -> None:
    """Values as colours, and as numbers where there is room for them; nothing where there is none."""
    image = axis.imshow(values, cmap="viridis", aspect="auto", interpolation="nearest")
    axis.set_facecolor("#eef1f4")
    for names, ticks in ((columns, axis.set_xticks), (rows, axis.set_yticks)):
        shown = range(0, len(names.values), -(-len(names.values) // MOST_TICKS))
        ticks(list(shown), [short(float(names.values[place]), 4) for place in shown], fontsize=8)
    axis.set_xlabel(columns.address, parse_math=False)
    axis.set_ylabel(rows.address, parse_math=False)
    if max(values.shape) <= MOST_NUMBERS:
        shades: np.ndarray = np.ma.filled(np.ma.asarray(image.norm(values)), 1.0)  # of the colours: 0 is the darkest
        for (row, column), value in np.ndenumerate(values):
            dark = bool(shades[row, column] < 0.6)
            text = short(float(value)) if np.isfinite(value) else ""
            axis.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")
    elif axis.figure is not None:
        axis.figure.colorbar(image, ax=axis, shrink=0.8)


def tornado_figure(swings: Sequence[Swing], base: float, output: str, labels: Mapping[str, str]) -> Figure:
    """A bar for each input from what the output is at its low to what it is at its high, about what it is now."""
    figure = new_figure(7.5, 1.3 + 0.36 * max(len(swings), 1))
    axis = figure.subplots()
    for place, swing in enumerate(swings):
        for at, colour in ((swing.at_low, LOW), (swing.at_high, HIGH)):
            if np.isfinite(at):
                axis.barh(place, at - base, left=base, color=colour, height=0.7)
    names = [" ".join(filter(None, (labels.get(each.address, ""), each.address))) for each in swings]
    limits = [f"{name}\n{short(each.low, 4)} to {short(each.high, 4)}" for name, each in zip(names, swings)]
    axis.set_yticks(range(len(swings)), limits, fontsize=8, parse_math=False)
    axis.invert_yaxis()
    axis.axvline(base, color="#5f6c7b", linewidth=1)
    what = " ".join(filter(None, (labels.get(output, ""), output)))
    axis.set_title(f"{what} = {short(base, 5)}: with each input at its low (blue) and high", fontsize=10,
                   parse_math=False)  # fmt: skip
    axis.grid(axis="x", alpha=0.3)
    return figure
