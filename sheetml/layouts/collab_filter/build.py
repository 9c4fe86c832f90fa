"""Builds a collaborative-filtering workbook in the lesson's layout, from ratings or from a fitted model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sheetml.errors import DataError
from sheetml.layouts.book import finish
from sheetml.layouts.collab_filter.factors import Id, SheetModel
from sheetml.layouts.collab_filter.layout import Layout, crosstab
from sheetml.layouts.collab_filter.layout import by_rating as by_rating_layout
from sheetml.layouts.collab_filter.ratings import ChosenRatings, choose, from_frame, plain_ids
from sheetml.layouts.collab_filter.sheets import (
    Labels,
    write_about,
    write_by_rating,
    write_crosstab,
    write_items,
)
from sheetml.learn.ratings import Ratings
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS

if TYPE_CHECKING:
    import pandas as pd
    from openpyxl import Workbook as NewWorkbook

    from sheetml.api import Workbook

EXCEL_SOLVER_LIMIT = 200  # adjustable cells that Excel's own Solver takes
LESSON_FACTORS = 5


def build(
    ratings: Ratings | pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    users: int = 15,
    items: int = 15,
    factors: int = 5,
    bias: bool = True,
    by_rating: bool = True,
    seed: int = 1,
    titles: Mapping[str, str] | None = None,
    labels: Labels | None = None,
    about: Sequence[str] = (),
    source: str = "the ratings",
) -> Workbook:
    """Writes a workbook whose Solver models find factors for the users and items with most ratings.

    `ratings` may be a data frame with columns user, item, rating and perhaps title (of the item); else
    `titles` are by the item's id as text. See `choose` for which users and items are taken. The sheets:
    `dotprod` (crosstab), `movielens_emb` (a row for each rating) if `by_rating`, `bias` (crosstab with
    biases) if asked for, `items`, and `about`, to which the lines of `about` are added. All models start
    from the same random numbers, drawn by `seed` (see `start`).

    Returns the workbook, opened from `path`. Raises DataError for data that cannot be used, WorkbookError
    where the file cannot be written.
    """
    if not isinstance(ratings, Ratings):
        ratings, stated = from_frame(ratings, source)
        titles = titles or stated
    chosen = choose(ratings, users, items, titles, source)
    model = start(chosen, factors, seed)
    labels = labels or Labels()
    sizes = len(model.user_ids), len(model.item_ids), factors
    book = _new_book()
    dotprod = crosstab("dotprod", *sizes, titles=model.titles is not None)
    _check_size(dotprod, source)
    write_crosstab(book, dotprod, model, labels, predict_all=False)
    if by_rating:
        layout = by_rating_layout("movielens_emb", *sizes, ratings=int(np.isfinite(model.ratings).sum()))
        _check_size(layout, source)
        write_by_rating(book, layout, model, labels)
    last = dotprod
    if bias:
        last = crosstab("bias", *sizes, bias=True, titles=model.titles is not None)
        write_crosstab(book, last, model, labels, predict_all=False)
    write_items(book, last, model, labels)
    write_about(book, [*_description(model, bias, by_rating, seed), *about])
    return finish(book, path)


def build_from_model(
    path: str | os.PathLike[str],
    user_ids: Sequence[Id],
    item_ids: Sequence[Id],
    titles: Sequence[str] | None,
    ratings: np.ndarray,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    user_bias: np.ndarray | None = None,
    item_bias: np.ndarray | None = None,
    mean: float = 0.0,
    rating_range: tuple[float, float] | None = None,
    *,
    labels: Labels | None = None,
    about: Sequence[str] = (),
) -> Workbook:
    """Writes a workbook that holds a fitted model as live cells; shapes and meaning as in SheetModel.

    Its crosstab, `bias` or without biases `dotprod`, predicts every pair, also those without a rating; the
    predictions equal `SheetModel.predictions`. A Solver model is stored too, to go on from there.

    Returns the workbook, opened from `path`. Raises DataError where the arrays do not fit together,
    WorkbookError where the file cannot be written.
    """
    model = SheetModel(
        plain_ids(user_ids),
        plain_ids(item_ids),
        titles,
        ratings,
        user_factors,
        item_factors,
        user_bias,
        item_bias,
        mean,
        rating_range,
    )
    labels = labels or Labels()
    layout = crosstab(
        "bias" if model.has_bias else "dotprod",
        len(model.user_ids),
        len(model.item_ids),
        model.factors,
        bias=model.has_bias,
        titles=titles is not None,
        mean=mean != 0,
        squeezed=rating_range is not None,
    )
    _check_size(layout, "the model")
    book = _new_book()
    write_crosstab(book, layout, model, labels, predict_all=True)
    write_items(book, layout, model, labels)
    write_about(book, [*_exported(model, layout), *about])
    return finish(book, path)


def start(chosen: ChosenRatings, factors: int, seed: int) -> SheetModel:
    """The model before Solver: numbers drawn evenly from 0 to sqrt(5 / factors), biases from 0 to 1.

    With the lesson's 5 factors that is from 0 to 1, as its RAND(); with more or fewer the predictions
    start as large as with 5. The draws come in the order user factors, item factors, user biases, item
    biases, so that sheets with and without biases start from the same factors.
    """
    if factors < 1:
        raise DataError("there must be at least one factor.")
    random = np.random.default_rng(seed)
    users, items = chosen.matrix.shape
    high = np.sqrt(LESSON_FACTORS / factors)
    return SheetModel(
        chosen.user_ids,
        chosen.item_ids,
        chosen.titles,
        chosen.matrix,
        user_factors=random.uniform(0, high, (users, factors)),
        item_factors=random.uniform(0, high, (items, factors)),
        user_bias=random.uniform(0, 1, (users,)),
        item_bias=random.uniform(0, 1, (items,)),
    )


def _new_book() -> NewWorkbook:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    return book


def _check_size(layout: Layout, source: str) -> None:
    """The sheet must end within Excel's rows and columns."""
    for area in (layout.predictions, layout.objective, layout.item_factors):
        if area is not None and (area.bottom > MAX_ROWS or area.right > MAX_COLUMNS):
            raise DataError(
                f"{source}: sheet {layout.sheet!r} would need {area.bottom:,} rows and {area.right:,} columns; "
                f"Excel has {MAX_ROWS:,} and {MAX_COLUMNS:,}."
            )


# ---- the sheet about --------------------------------------------------------------------------


def _description(model: SheetModel, bias: bool, by_rating: bool, seed: int) -> list[str]:
    users, items = model.ratings.shape
    count = int(np.isfinite(model.ratings).sum())
    lines = [
        "# Collaborative filtering in cells",
        f"{count:,} ratings of {items:,} items by {users:,} users: those with most ratings. Every user and every item "
        f"is {model.factors} numbers (factors); a prediction is the sum of their products.",
        "dotprod: ratings as a crosstab, factors around the predictions.",
    ]
    if by_rating:
        lines.append("movielens_emb: the same model with a row for each rating, which looks its factors up.")
    if bias:
        lines.append("bias: the crosstab with a bias for each user and each item added.")
    lines += [
        "items: the items, with what their columns come to.",
        "",
        "# How to solve it",
        "In Excel: Data > Solver > Solve on one of the first sheets; its Solver model is stored with it. "
        "Without Excel: sheetml run WORKBOOK",
        f"Excel's own Solver takes at most {EXCEL_SOLVER_LIMIT} adjustable cells; "
        f"{_adjustable_words(model, bias)}. sheetml has no such limit.",
        f"The factors start from random numbers (seed {seed}); all sheets start from the same.",
        "",
    ]
    return lines


def _adjustable_words(model: SheetModel, bias: bool) -> str:
    ids = sum(model.ratings.shape)
    words = f"here dotprod has {ids * model.factors:,}"
    return f"{words}, bias {ids * (model.factors + 1):,}" if bias else words


def _exported(model: SheetModel, layout: Layout) -> list[str]:
    users, items = model.ratings.shape
    squeezed = "" if model.rating_range is None else ", squeezed between the lowest and the highest rating by a sigmoid"
    return [
        "# A fitted model in cells",
        f"{layout.sheet}: the model for {users:,} users and {items:,} items as live cells; a prediction is the sum of "
        f"the products of {model.factors} factors{', plus biases' if model.has_bias else ''}{squeezed}. Predictions "
        "for pairs without a rating are bold.",
        "items: the items, with what their columns come to.",
        "",
    ]
