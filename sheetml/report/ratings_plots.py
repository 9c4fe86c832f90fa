"""Pictures of a fit and of what a model of ratings has learned, as matplotlib figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sheetml.optional import needed
from sheetml.report.labelling import placed
from sheetml.xlsx.writer import new_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sheetml.learn import Epoch, FactorModel, RateSearch

LONGEST = 40  # characters of a title in a picture


def loss_plot(history: Sequence[Epoch]) -> Figure:
    """The losses by epoch: on the ratings fitted to, and on the validation ratings where there are any."""
    needed("matplotlib", extra="plots")
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure(7, 4)
    epochs = [each.epoch for each in history]
    axes.plot(epochs, [each.train_loss for each in history], marker="o", label="training")
    valid = [(each.epoch, each.valid_loss) for each in history if each.valid_loss is not None]
    if valid:
        axes.plot(*zip(*valid), marker="o", label="validation")
    axes.set(xlabel="epoch", ylabel="mean squared error")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def rate_plot(search: RateSearch) -> Figure:
    """The loss by learning rate, with the rate that the search suggests."""
    figure, axes = _figure(7, 4)
    axes.plot(search.rates, search.losses)
    axes.axvline(search.suggestion, linestyle="--", color="tab:red", label=f"steepest at {search.suggestion:.2g}")
    low = float(search.losses.min())
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss, smoothed")
    axes.set_ylim(low - 0.1 * (search.losses[0] - low), float(search.losses[0]) * 1.3)
    axes.legend()
    return figure


def bias_plot(model: FactorModel, *, least: int = 20, count: int = 15) -> Figure:
    """The items with the highest and with the lowest biases, among those with `least` ratings."""
    ranked = model.ranked_biases(least=least)
    shown = ranked if len(ranked) <= 2 * count else ranked[:count] + ranked[-count:]
    figure, axes = _figure(8, 1.2 + 0.22 * len(shown))
    values = [each.value for each in reversed(shown)]
    axes.barh(range(len(shown)), values, color=["tab:blue" if value >= 0 else "tab:orange" for value in values])
    axes.set_yticks(range(len(shown)), [_short(each.title) for each in reversed(shown)], fontsize=8)
    axes.set(xlabel="bias")
    return figure


def component_plot(model: FactorModel, *, count: int = 50) -> Figure:
    """The items with most ratings, by the first two principal components of their embeddings.

    A title that would run into another is left out.
    """
    items = np.argsort(-model.rating_counts(), kind="stable")[:count]
    projected, parts = model.components(items, 2)
    figure, axes = _figure(10, 9)
    axes.scatter(projected[:, 0], projected[:, 1], s=12)
    axes.margins(x=0.15)  # room for the titles
    axes.set(
        xlabel=f"first component ({parts[0]:.0%} of the variance)",
        ylabel=f"second component ({parts[1]:.0%} of the variance)",
    )
    _put_titles(figure, axes, projected, [_short(name) for name in model.item_names()[items].tolist()])
    return figure


def _put_titles(figure: Figure, axes: Axes, points: np.ndarray, titles: Sequence[str]) -> None:
    """Titles beside points, as far as there is room, in the figure's present layout."""
    figure.draw_without_rendering()  # settles where the axes are
    height = float(figure.bbox.height)
    pixels = [(float(x), height - float(y)) for x, y in axes.transData.transform(points)]
    frame = axes.get_window_extent()
    inside = (frame.x0, height - frame.y1, frame.x1, height - frame.y0)
    point = figure.dpi / 72  # pixels
    places = placed(pixels, titles, 3.7 * point, 9 * point, inside)
    for at, (x, y), place, title in zip(points.tolist(), pixels, places, titles):
        if place is None:
            continue
        a, b, anchor = place
        offset = (a - x) / point, (y - b) / point
        axes.annotate(
            title, at, xytext=offset, textcoords="offset points", fontsize=7, parse_math=False,
            ha={"start": "left", "end": "right", "middle": "center"}[anchor], va="baseline",
        )  # fmt: skip


def plots_of(model: FactorModel) -> dict[str, Figure]:
    """All pictures that the model has something to show for, by name."""
    plots = {}
    if model.history_:
        plots["loss"] = loss_plot(model.history_)
    if model.item_biases_ is not None and model.ranked_biases(least=20):
        plots["biases"] = bias_plot(model)
    if model.item_factors_.shape[1] >= 2 and model.ratings_.item_count >= 3:
        plots["components"] = component_plot(model)
    return plots


def png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120)
    return stream.getvalue()


def save_png(figure: Figure, path: Path) -> None:
    """Writes the picture, whole or not at all."""
    with new_file(path) as stream:
        stream.write(png(figure))


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    needed("matplotlib", extra="plots")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(alpha=0.3)
    return figure, axes


def _short(title: str) -> str:
    return title if len(title) <= LONGEST else title[: LONGEST - 1] + "…"
