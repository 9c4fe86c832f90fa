"""Sheets of the collaborative-filtering layout are found in any workbook, by their formulas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sheetml
from sheetml.errors import DataError
from sheetml.layouts.collab_filter import CROSSTAB, build, read_model, recognise
from sheetml.layouts.collab_filter.layout import by_rating, crosstab
from sheetml.xlsx.model import Area
from tests.layouts.ratings import made_up
from tests.layouts.test_build import MODELS, exported, fitted
from tests.reference import reference
from tests.workbooks import made


def test_what_was_built_is_found_where_it_was_put(tmp_path: Path) -> None:
    ratings = made_up(6, 5).assign(title="some film")
    book = build(ratings, tmp_path / "book.xlsx", users=6, items=5, factors=3)
    assert recognise(book) == [
        crosstab("dotprod", 6, 5, 3, titles=True),
        by_rating("movielens_emb", 6, 5, 3, len(ratings)),
        crosstab("bias", 6, 5, 3, bias=True, titles=True),
    ]


def test_both_forms_of_a_sheet_hold_the_same_model(tmp_path: Path) -> None:
    book = build(made_up(6, 5), tmp_path / "book.xlsx", users=6, items=5, factors=3)
    first, second, third = (read_model(book, layout) for layout in recognise(book))
    np.testing.assert_array_equal(first.ratings, second.ratings)
    np.testing.assert_array_equal(first.user_factors, second.user_factors)
    np.testing.assert_array_equal(first.item_factors, third.item_factors)
    assert first.user_ids == second.user_ids == [10, 11, 12, 13, 14, 15]
    assert third.has_bias
    assert not second.has_bias


@pytest.mark.parametrize("shape", MODELS)
def test_an_exported_model_comes_back_bit_for_bit(tmp_path: Path, shape: Any) -> None:
    model = fitted(*shape)
    book = exported(model, tmp_path / "book.xlsx")
    (layout,) = recognise(book)
    back = read_model(book, layout)
    for name in model.__slots__:
        np.testing.assert_array_equal(getattr(back, name), getattr(model, name), name)


def test_the_lessons_sheets_are_found_with_their_solved_factors() -> None:
    book = sheetml.open(reference("workbooks", "collab_filter.xlsx"))
    layouts = recognise(book)
    assert layouts == [
        crosstab("dotprod", 15, 15, 5),
        by_rating("movielens_emb", 15, 15, 5, 206),
        crosstab("bias", 15, 15, 5, bias=True),
    ]
    book.solver_models[2].solve(max_iterations=20)
    model = read_model(book, layouts[2])
    assert model.user_bias is not None
    assert model.user_bias[0] == book["bias"]["A26"]
    rated = ~np.isnan(model.ratings)
    errors = (model.ratings - model.predictions())[rated]
    assert np.sqrt(np.sum(errors**2)) == pytest.approx(book["bias"]["V42"], rel=1e-9)


def test_other_workbooks_have_none() -> None:
    assert recognise(sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx"))) == []
    assert recognise(made({"A1": 1, "B1": "=A1*2", "C1": "=MMULT(A1:A1,B1:B1)"})) == []


# ---- sheets that other people might make ------------------------------------------------------

USERS = {"A10": "ann", "A11": "bob", "B10": 1, "C10": 2, "B11": 3, "C11": 4}
ITEMS = {"E5": 1, "F5": 0.5, "G5": 2, "E6": -1, "F6": 1, "G6": 0.25}
RATINGS = {"E1": "x", "F1": "y", "G1": "z", "E2": 4, "F2": 3, "G3": 5}


def sheet(formula: str, objective: str = "=SQRT(SUMXMY2(E2:G3,E10:G11)/COUNT(E2:G3))", **more: Any) -> sheetml.Workbook:
    """Two users, three items, two factors; {r}, {c} and {s} are a prediction's row and column and its rating's row."""
    cells: dict[str, Any] = {**USERS, **ITEMS, **RATINGS, **more}
    for row in (10, 11):
        for column in "EFG":
            cells[f"{column}{row}"] = formula.format(r=row, c=column, s=row - 8)
    return made(cells | {"I1": objective})


@pytest.mark.parametrize(
    "product",
    [
        "MMULT($B{r}:$C{r},{c}$5:{c}$6)",
        "SUMPRODUCT($B{r}:$C{r},TRANSPOSE({c}$5:{c}$6))",
        "SUMPRODUCT(TRANSPOSE({c}$5:{c}$6)*$B{r}:$C{r})",
    ],
)
def test_products_are_known_in_several_forms(product: str) -> None:
    book = sheet("=IF(ISBLANK({c}{s}),0," + product + ")")
    (layout,) = recognise(book)
    assert layout.form == CROSSTAB
    assert (layout.user_factors, layout.item_factors) == (Area(10, 2, 11, 3), Area(5, 5, 6, 7))
    assert (layout.ratings, layout.objective) == (Area(2, 5, 3, 7), Area(1, 9, 1, 9))
    assert (layout.item_ids, layout.user_ids) == (Area(1, 5, 1, 7), None)


def test_ratings_are_found_by_the_objective_where_no_if_looks_at_them() -> None:
    (layout,) = recognise(sheet("=MMULT($B{r}:$C{r},{c}$5:{c}$6)"))
    assert layout.ratings == Area(2, 5, 3, 7)


def test_a_sigmoid_with_numbers_in_the_formula_is_understood() -> None:
    book = sheet("=0.5+4.5/(1+EXP(-(MMULT($B{r}:$C{r},{c}$5:{c}$6)+$D{r}+{c}$7+$I$3)))", D10=0.1, E7=0.2, I3=0.3)
    (layout,) = recognise(book)
    assert (layout.minimum, layout.maximum, layout.mean) == (0.5, 5.0, Area(3, 9, 3, 9))
    assert (layout.user_bias, layout.item_bias) == (Area(10, 4, 11, 4), Area(7, 5, 7, 7))
    model = read_model(book, layout)
    assert model.rating_range == (0.5, 5.0)
    assert model.predictions()[0, 0] == pytest.approx(book["Sheet1"]["E10"], rel=1e-12)


def test_a_formula_that_does_something_else_is_not_read_silently() -> None:
    book = sheet("=2*MMULT($B{r}:$C{r},{c}$5:{c}$6)")
    (layout,) = recognise(book)
    with pytest.raises(DataError, match="its formula is not understood"):
        read_model(book, layout)


def test_a_factor_that_is_no_number_is_named() -> None:
    book = sheet("=MMULT($B{r}:$C{r},{c}$5:{c}$6)", B11="three")
    (layout,) = recognise(book)
    with pytest.raises(DataError, match="Sheet1!B11 holds no number"):
        read_model(book, layout)


def test_a_product_that_is_compared_with_no_ratings_is_not_this_layout() -> None:
    assert recognise(sheet("=MMULT($B{r}:$C{r},{c}$5:{c}$6)", objective="=SUM(E10:G11)")) == []


def test_a_table_by_rating_may_use_index_and_stand_anywhere() -> None:
    cells: dict[str, Any] = {"N5": 7, "N6": 9, "O5": 1, "P5": 2, "O6": 3, "P6": 4}
    cells |= {"N10": "a", "N11": "b", "O10": 0.5, "P10": 1, "O11": 2, "P11": -1}
    for row, (user, item, rating) in enumerate([(7, "a", 3), (9, "b", 4), (9, "a", 5)], start=20):
        cells |= {f"A{row}": user, f"B{row}": item, f"C{row}": rating}
        cells[f"D{row}"] = f"=MATCH(A{row},$N$5:$N$6,0)"
        cells[f"E{row}"] = f"=MATCH(B{row},$N$10:$N$11,0)"
        for table, place, first in (("$O$5:$P$6", "D", "F"), ("$O$10:$P$11", "E", "H")):
            cells[f"{first}{row}"] = f"=INDEX({table},${place}{row},1)"
            cells[f"{chr(ord(first) + 1)}{row}"] = f"=INDEX({table},${place}{row},2)"
        cells[f"J{row}"] = f"=SUMPRODUCT(F{row}:G{row},H{row}:I{row})"
        cells[f"K{row}"] = f"=(J{row}-C{row})^2"
    book = made(cells | {"M1": "=AVERAGE(K20:K22)"})
    (layout,) = recognise(book)
    assert (layout.user_ids, layout.item_ids) == (Area(5, 14, 6, 14), Area(10, 14, 11, 14))
    assert (layout.user_factors, layout.item_factors) == (Area(5, 15, 6, 16), Area(10, 15, 11, 16))
    assert (layout.ratings, layout.objective) == (Area(20, 3, 22, 3), Area(1, 13, 1, 13))
    model = read_model(book, layout)
    assert model.ratings.tolist()[1] == [5, 4]
    assert np.isnan(model.ratings[0, 1])
    assert model.item_ids == ["a", "b"]
