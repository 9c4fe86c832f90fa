"""Models written into workbooks, and models read out of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sheetml
from sheetml.errors import DataError, ModelError
from sheetml.formula.references import cell_name
from sheetml.layouts.collab_filter import export, read_workbook_model, recognise
from sheetml.learn import (
    ALS,
    Adam,
    BayesianFactors,
    Biases,
    DotProduct,
    EmbeddingDot,
    EmbeddingDotBias,
    EmbeddingNet,
    FactorModel,
    Ratings,
    load_model,
)
from tests.cli.command import sheetml as command
from tests.learn.made_ratings import made_ratings
from tests.libreoffice import recalculated
from tests.reference import reference

MODELS: list[FactorModel] = [
    EmbeddingDot(factors=3, epochs=2, batch=16),
    EmbeddingDot(factors=3, epochs=2, batch=16, rating_range="wide"),
    EmbeddingDotBias(factors=3, epochs=4, batch=16, optimizer=Adam(0.05)),
    EmbeddingDotBias(factors=3, epochs=2, batch=16, rating_range=None),
    EmbeddingDotBias(factors=3, epochs=4, batch=16, optimizer=Adam(0.05), dtype="float32"),
    DotProduct(factors=2, bias=True, iterations=50),
    ALS(factors=2, epochs=3),
]


def predictions_in_cells(book: sheetml.Workbook) -> np.ndarray:
    """What the formulas of the first recognised sheet give."""
    layout = recognise(book)[0]
    area = layout.predictions
    assert book[layout.sheet].formula(cell_name(area.top, area.left))  # live, not only values
    slots = book.held_slots([(book.sheet_names.index(layout.sheet), area)])
    values = [book.calculation.cells.get(int(slot)) for slot in slots]
    return np.array(values, float).reshape(area.height, area.width)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_predictions_in_the_cells_are_those_of_the_model(model: FactorModel, tmp_path: Path) -> None:
    ratings = made_ratings()
    model.fit(ratings)
    export(model, tmp_path / "book.xlsx", users=6, items=5)
    book = sheetml.open(tmp_path / "book.xlsx")
    book.calculate(everything=True)
    users = np.sort(ratings.user_ids[ratings.top_users(6)])
    items = np.sort(ratings.item_ids[ratings.top_items(5)])
    expected = model.predict([(user, item) for user in users for item in items]).reshape(6, 5)
    np.testing.assert_allclose(predictions_in_cells(book), expected, rtol=1e-9)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_model_read_back_from_its_workbook_predicts_the_same(model: FactorModel, tmp_path: Path) -> None:
    export(model.fit(made_ratings()), tmp_path / "book.xlsx", users=6, items=5)
    again = read_workbook_model(tmp_path / "book.xlsx")
    pairs = [(user, item) for user in again.ratings_.user_ids for item in again.ratings_.item_ids]
    assert len(pairs) == 30
    np.testing.assert_allclose(again.predict(pairs), model.predict(pairs), rtol=1e-9)
    assert again.item_names().tolist() == [
        model.item_names()[model.find_item(item)] for item in again.ratings_.item_ids
    ]
    again.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(load_model(tmp_path / "model.npz").predict(pairs), again.predict(pairs))


def test_libreoffice_computes_the_same_predictions(tmp_path: Path) -> None:
    model = EmbeddingDotBias(factors=3, epochs=4, batch=16, optimizer=Adam(0.05)).fit(made_ratings())
    path = tmp_path / "book.xlsx"
    export(model, path, users=4, items=3)
    book = sheetml.open(path)
    layout, values = recognise(book)[0], recalculated(path)
    expected = predictions_in_cells(book)
    for row in range(layout.predictions.height):
        for column in range(layout.predictions.width):
            cell = cell_name(layout.predictions.top + row, layout.predictions.left + column)
            assert values[layout.sheet][cell] == pytest.approx(expected[row, column], rel=1e-9)


@pytest.mark.parametrize(
    "model",
    [
        EmbeddingNet(factors=3, epochs=1),
        BayesianFactors(factors=2, epochs=4, burn_in=1),
        Biases(),
    ],
    ids=repr,
)
def test_a_model_that_no_sheet_can_hold_is_refused(model: FactorModel, tmp_path: Path) -> None:
    model.fit(made_ratings())
    with pytest.raises(ModelError, match="cannot be written into the sheet of dot products"):
        export(model, tmp_path / "book.xlsx")
    assert not list(tmp_path.iterdir())


def test_embeddings_solved_in_the_lessons_sheet_are_a_model() -> None:
    book = sheetml.open(reference("workbooks", "collab_filter.xlsx"))
    before = read_workbook_model(book, "dotprod", DotProduct)
    assert np.sqrt(before.loss_) == pytest.approx(book.value("dotprod!V41"), rel=1e-9)
    next(model for model in book.solver_models if model.sheet == "dotprod").solve()
    solved = read_workbook_model(book, "dotprod", DotProduct)
    assert solved.factors == 5
    assert solved.evaluate(solved.ratings_)["rmse"] == pytest.approx(book.value("dotprod!V41"), rel=1e-9)
    assert solved.evaluate(solved.ratings_)["rmse"] < 0.39291


def test_the_dot_product_finds_what_solver_finds() -> None:
    """The library's solution of the lesson's 225 ratings, from a start of its own, is as good as the sheet's."""
    ratings = read_workbook_model(reference("workbooks", "collab_filter.xlsx"), "dotprod", DotProduct).ratings_
    best = min(DotProduct(factors=5, seed=seed, iterations=2000).fit(ratings).loss_ for seed in range(2))
    assert np.sqrt(best) < 0.3929008


def test_a_sheet_must_be_named_where_there_are_several_or_none(tmp_path: Path) -> None:
    book = reference("workbooks", "collab_filter.xlsx")
    with pytest.raises(ModelError, match=r"several sheets hold one: .*dotprod.*; say which"):
        read_workbook_model(book)
    with pytest.raises(ModelError, match="the sheet 'nowhere' holds no model of dot products; these do: "):
        read_workbook_model(book, "nowhere")
    with pytest.raises(ModelError, match="holds what a DotProduct computes, not a EmbeddingDotBias"):
        read_workbook_model(book, "dotprod", EmbeddingDotBias)


def test_the_command_writes_a_workbook_once(tmp_path: Path) -> None:
    EmbeddingDotBias(factors=3, epochs=2).fit(made_ratings()).save(tmp_path / "model.npz")
    book = tmp_path / "book.xlsx"
    done = command("export", tmp_path / "model.npz", "-o", book, "--users", "4", "--items", "50")
    assert done.code == 0
    assert "4 users and 40 items on sheet bias" in done.out
    assert command("check", book).code == 0
    again = command("export", tmp_path / "model.npz", "-o", book)
    assert again.code == 2
    assert "exists" in again.err and "--overwrite" in again.err
    assert command("export", tmp_path / "model.npz", "-o", book, "--overwrite", "-q").code == 0


def test_titles_that_look_like_formulas_stay_text(tmp_path: Path) -> None:
    ratings = made_ratings().with_titles({number: f"={number}+1" for number in range(10, 90, 2)})
    export(EmbeddingDotBias(factors=3, epochs=2).fit(ratings), tmp_path / "book.xlsx", 4, 4)
    again = read_workbook_model(tmp_path / "book.xlsx")
    assert all(name.startswith("=") for name in again.item_names().tolist())


def test_text_ids_go_through_the_sheet(tmp_path: Path) -> None:
    ratings = Ratings.from_arrays(["ann", "ann", "bob", "bob"], ["x", "y", "x", "y"], [1.0, 2.0, 3.0, 4.0])
    model = EmbeddingDotBias(factors=2, epochs=2).fit(ratings)
    export(model, tmp_path / "book.xlsx")
    again = read_workbook_model(tmp_path / "book.xlsx")
    assert again.predict([("ann", "y")]) == pytest.approx(model.predict([("ann", "y")]), rel=1e-9)
    assert again.recommend("bob", rated=True)


def test_a_model_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    model = EmbeddingDot(factors=2, epochs=1).fit(made_ratings())
    model.item_factors_[:] = np.inf
    with pytest.raises(DataError, match="not finite"):
        export(model, tmp_path / "book.xlsx")
