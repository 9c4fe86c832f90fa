"""A page about a fit: one HTML file in the style of the other reports, which needs no network."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.report.cell_numbers import exact
from sheetml.report.charts import Line, line_chart, scatter, swatch
from sheetml.report.html import page
from sheetml.report.ticks import short
from sheetml.report.words import minus, quantity
from sheetml.xlsx.writer import new_file

if TYPE_CHECKING:
    from sheetml.learn import Epoch, FactorModel, Ratings
    from sheetml.learn.recommender import Scored

METRICS = {
    "mse": "Mean squared error",
    "rmse": "Root mean squared error",
    "mae": "Mean absolute error",
    "r2": "R²: part of the variance explained",
}
LEAST_RATINGS = 20  # of an item whose bias is shown
BIASES = 12  # shown of the highest, and of the lowest
POINTS = 50  # items whose embeddings are shown


def write_fit_page(path: Path, model: FactorModel, ratings: Ratings, measured: Mapping[str, float]) -> None:
    """Writes the page: what the fit came to, its pictures, and the settings and versions to repeat it with."""
    with new_file(path) as stream:
        stream.write(fit_page(model, ratings, measured).encode("utf-8"))


def fit_page(model: FactorModel, ratings: Ratings, measured: Mapping[str, float]) -> str:
    """The page in HTML."""
    history = model.history_
    return page(
        "fit.html",
        name=type(model).__name__,
        ratings=f"{len(ratings):,}",
        items=quantity(ratings.item_count, "item"),
        users=quantity(ratings.user_count, "user"),
        measured=[
            {"name": METRICS.get(name, name), "text": minus(f"{value:.4f}"), "exact": exact(value)}
            for name, value in measured.items()
        ],
        loss=_loss_chart(history) if len(history) > 1 else "",
        swatches=[swatch(0), swatch(1)],
        validated=any(each.valid_loss is not None for each in history),
        **_bias_bars(model),
        components=_components(model),
        history=[_epoch(each) for each in history],
        settings=model.get_params(deep=False),
        versions=versions(),
        time=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _epoch(epoch: Epoch) -> dict[str, Any]:
    return {
        "epoch": epoch.epoch,
        "train": f"{epoch.train_loss:.4f}",
        "valid": "" if epoch.valid_loss is None else f"{epoch.valid_loss:.4f}",
        "rate": "" if epoch.learning_rate is None else short(epoch.learning_rate),
        "seconds": f"{epoch.seconds:.3f}",
    }


def _loss_chart(history: Sequence[Epoch]) -> Any:
    """The losses by epoch: on the ratings fitted to, and on the validation ratings where there are any."""
    sides = {
        "training": [(each.epoch, each.train_loss) for each in history],
        "validation": [(each.epoch, each.valid_loss) for each in history if each.valid_loss is not None],
    }
    lines = [
        Line(
            name,
            np.array([epoch for epoch, _ in points], float),
            np.array([loss for _, loss in points], float),
            [f"{name} loss after epoch {epoch:,}: {loss:.5f}" for epoch, loss in points],
        )
        for name, points in sides.items()
        if points
    ]
    return line_chart(lines, "epoch", "mean squared error")


def _bias_bars(model: FactorModel) -> dict[str, Any]:
    """The items with the highest and the lowest biases, and how many are between them."""
    ranked = model.ranked_biases(least=LEAST_RATINGS) if model.item_biases_ is not None else []
    shown = ranked if len(ranked) <= 2 * BIASES else ranked[:BIASES] + ranked[-BIASES:]
    low, high = min([0.0, *(each.value for each in shown)]), max([0.0, *(each.value for each in shown)])
    bars = [_bar(each, low, (high - low) or 1.0) for each in shown]
    if len(shown) == len(ranked):
        return {"highest": bars, "lowest": [], "between": ""}
    return {"highest": bars[:BIASES], "lowest": bars[BIASES:], "between": quantity(len(ranked) - len(shown), "item")}


def _bar(item: Scored, low: float, span: float) -> dict[str, Any]:
    start, end = sorted((0.0, float(item.value)))
    return {
        "title": item.title,
        "text": minus(f"{item.value:.2f}"),
        "colour": "up" if item.value > 0 else "down",
        "left": f"{100 * (start - low) / span:.2f}",
        "width": f"{100 * (end - start) / span:.2f}",
    }


def _components(model: FactorModel) -> Any:
    """The items with most ratings, by the first two principal components of their embeddings."""
    if model.item_factors_.shape[1] < 2 or model.ratings_.item_count < 3:
        return ""
    items = np.argsort(-model.rating_counts(), kind="stable")[:POINTS]
    projected, parts = model.components(items, 2)
    names = [f"{name} component ({part:.0%} of the variance)" for name, part in zip(("first", "second"), parts)]
    return scatter(projected, model.item_names()[items].tolist(), *names)


def versions() -> str:
    """The versions that a result depends on."""
    found = [f"Python {platform.python_version()}"]
    for package in ("sheetml", "numpy", "numba"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
