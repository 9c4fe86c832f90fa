"""From a fitted model to a workbook of the lesson's layout, and from such a workbook to a model.

The sheets hold what the models hold: embeddings and biases as cells, predictions as live formulas. So a
model trained on many ratings can be looked at and solved further in a spreadsheet, and what Solver found
there can be asked for recommendations.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from sheetml.api import Workbook
from sheetml.api import open as open_workbook
from sheetml.errors import ModelError
from sheetml.layouts.collab_filter.build import build_from_model
from sheetml.layouts.collab_filter.factors import SheetModel
from sheetml.layouts.collab_filter.reading import read_model
from sheetml.layouts.collab_filter.recognition import recognise
from sheetml.learn.bayesian import BayesianFactors
from sheetml.learn.dot_product import DotProduct
from sheetml.learn.embedding import EmbeddingDot, EmbeddingDotBias, EmbeddingModel, EmbeddingNet
from sheetml.learn.factors import FactorModel
from sheetml.learn.metrics import mean_squared_error
from sheetml.learn.ratings import Ratings
from sheetml.learn.training import Tables
from sheetml.workbook import Book

Model = TypeVar("Model", bound=FactorModel)


def export(
    model: FactorModel, path: str | os.PathLike[str], users: int = 15, items: int = 15, *, about: Sequence[str] = ()
) -> Workbook:
    """Writes a workbook with the users and the items that have most ratings, in the order of their ids.

    Its predictions are those of `predict`. Raises ModelError for a model that the sheet cannot hold,
    DataError or WorkbookError where the workbook cannot be made.
    """
    model._require_fit()
    _require_a_sheet(model)
    ratings = model.ratings_
    u, i = np.sort(ratings.top_users(users)), np.sort(ratings.top_items(items))
    limits = model.rating_range_ if isinstance(model, EmbeddingModel) else None
    has_biases = model.user_biases_ is not None and model.item_biases_ is not None
    return build_from_model(
        path,
        ratings.user_ids[u].tolist(),
        ratings.item_ids[i].tolist(),
        None if ratings.titles is None else ratings.titles[i].tolist(),
        _crosstab(ratings, u, i),
        np.asarray(model.user_factors_[u], np.float64),
        np.asarray(model.item_factors_[i], np.float64),
        np.asarray(model.user_biases_[u], np.float64) if has_biases and model.user_biases_ is not None else None,
        np.asarray(model.item_biases_[i], np.float64) if has_biases and model.item_biases_ is not None else None,
        mean=model.mean_,
        rating_range=limits,
        about=about,
    )


def _require_a_sheet(model: FactorModel) -> None:
    """The sheet predicts by dot products and biases, perhaps through a sigmoid, and by nothing else."""
    if isinstance(model, (EmbeddingNet, BayesianFactors)) or model.item_factors_.shape[1] == 0:
        raise ModelError(
            f"a {type(model).__name__} cannot be written into the sheet of dot products; "
            "fit a dot, dot-bias, dot-product or als model."
        )


def _crosstab(ratings: Ratings, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """The ratings of these users and items, (users, items), NaN where there is none."""
    row, column = np.full(ratings.user_count, -1), np.full(ratings.item_count, -1)
    row[users], column[items] = np.arange(len(users)), np.arange(len(items))
    rows, columns = row[ratings.users], column[ratings.items]
    chosen = (rows >= 0) & (columns >= 0)
    table = np.full((len(users), len(items)), np.nan)
    table[rows[chosen], columns[chosen]] = ratings.values[chosen]
    return table


def read_workbook_model(
    book: str | os.PathLike[str] | Book,
    sheet: str | None = None,
    kind: type[Model] = FactorModel,  # type: ignore[assignment]  # any kind
) -> Model:
    """The model in a sheet of the lesson's layout, with the values its cells have: its predictions are the sheet's.

    A DotProduct, or where the sheet squeezes its predictions by a sigmoid an EmbeddingDotBias or an
    EmbeddingDot. `sheet` may be left out where only one sheet has the layout. Raises ModelError where
    none has or its model is not of this `kind`, DataError where the sheet's cells do not make a model.
    """
    workbook = open_workbook(book) if isinstance(book, (str, os.PathLike)) else book
    layouts = {layout.sheet.casefold(): layout for layout in recognise(workbook)}
    if sheet is None and len(layouts) == 1:
        sheet = next(iter(layouts))
    names = ", ".join(layout.sheet for layout in layouts.values())
    if sheet is None:
        held = f"several sheets hold one: {names}; say which." if layouts else "none of its sheets holds one."
        raise ModelError(f"{workbook.path}: a model was looked for, and {held}")
    if sheet.casefold() not in layouts:
        others = f"; these do: {names}" if layouts else ""
        raise ModelError(f"{workbook.path}: the sheet {sheet!r} holds no model of dot products{others}.")
    model = _model_of(read_model(workbook, layouts[sheet.casefold()]))
    if not isinstance(model, kind):
        raise ModelError(f"the sheet holds what a {type(model).__name__} computes, not a {kind.__name__}.")
    return model


def _model_of(found: SheetModel) -> FactorModel:
    """The fitted model that predicts as the sheet's model does."""
    ratings = _ratings_of(found)
    user_bias = None if found.user_bias is None else found.user_bias + found.mean
    if found.rating_range is None:
        model = DotProduct(factors=found.factors, bias=found.has_bias)
        model.user_factors_, model.item_factors_ = found.user_factors, found.item_factors
        model.user_biases_, model.item_biases_ = user_bias, found.item_bias
        model.mean_ = 0.0 if found.has_bias else found.mean
        model.ratings_, model.history_ = ratings, []
        model.loss_ = mean_squared_error(model.predict(ratings), ratings.values) if len(ratings) else float("nan")
        return model
    has_bias = found.has_bias or found.mean != 0
    kind: type[EmbeddingModel] = EmbeddingDotBias if has_bias else EmbeddingDot
    squeezed = kind(factors=found.factors, rating_range=found.rating_range)
    squeezed.ratings_, squeezed.history_, squeezed.rating_range_ = ratings, [], found.rating_range
    users, items = found.user_factors, found.item_factors
    if has_bias:
        users = np.column_stack([users, np.full(len(users), found.mean) if user_bias is None else user_bias])
        items = np.column_stack([items, np.zeros(len(items)) if found.item_bias is None else found.item_bias])
    squeezed._adopt(Tables(users, items, np.empty((1, 0))))
    return squeezed


def _ratings_of(found: SheetModel) -> Ratings:
    """The ratings in a sheet, with the ids and titles of its users and items in their order."""
    users, items = np.nonzero(np.isfinite(found.ratings))
    return Ratings(
        users.astype(np.int32),
        items.astype(np.int32),
        found.ratings[users, items],
        _ids(found.user_ids),
        _ids(found.item_ids),
        titles=None if found.titles is None else np.array([str(title) for title in found.titles]),
    )


def _ids(ids: Sequence[int | float | str]) -> np.ndarray:
    """Ids as one array: of numbers if all are, else of text."""
    return np.array(ids if all(not isinstance(each, str) for each in ids) else [str(each) for each in ids])
