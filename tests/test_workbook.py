"""The workbook as its users handle it: reading, setting, calculating, saving."""

from __future__ import annotations

import numpy as np
import pytest

import sheetml
from sheetml import CalculationError, ErrorCode, FormulaError
from tests.cli.books import MINIMISE_B1, PARABOLA, book
from tests.reference import reference
from tests.workbooks import made


def test_a_cell_holds_a_number_a_text_a_truth_value_an_error_or_nothing():
    sheet = made({"A1": 1.5, "A2": "x", "A3": True, "A4": "=1/0", "A6": 1})["Sheet1"]
    sheet.workbook.calculate()
    assert [sheet[f"A{row}"] for row in range(1, 6)] == [1.5, "x", True, ErrorCode.DIV0, None]


def test_an_area_is_an_array_of_its_shape():
    sheet = made({"A1": 1, "B1": 2, "A2": 3, "B2": 4})["Sheet1"]
    assert sheet["A1:B2"].tolist() == [[1, 2], [3, 4]]


def test_changed_cells_are_calculated_with():
    workbook = made({"A1": 1, "A2": 2, "B1": "=SUM(A1:A3)"})
    workbook["Sheet1"]["A1:A3"] = np.array([[10.0], [20.0], [30.0]])
    workbook.calculate()
    assert workbook["Sheet1"]["B1"] == 60


def test_sheets_are_found_whatever_the_case_of_their_names():
    assert made({"A1": 1})["sheet1"]["A1"] == 1


def test_an_unknown_sheet_is_named_with_those_there_are():
    with pytest.raises(KeyError, match=r"no sheet 'data'.*Sheet1"):
        made({"A1": 1})["data"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), [1, 2, 3]])
def test_what_a_cell_cannot_hold_is_refused(value):
    with pytest.raises((ValueError, TypeError)):
        made({"A1": 1})["Sheet1"]["A1:A2"] = value


def test_a_formula_is_not_overwritten_by_a_value():
    with pytest.raises(ValueError, match="Sheet1!B1 holds a formula"):
        made({"A1": 1, "B1": "=A1"})["Sheet1"]["B1"] = 3


def test_formulas_read_as_the_file_states_them():
    sheet = made({"A1": 1, "B1": "=$A$1*2", "B2": "=SUM(A1:A2)"})["Sheet1"]
    assert (sheet.formula("B1"), sheet.formula("B2"), sheet.formula("A1")) == ("$A$1*2", "SUM(A1:A2)", None)


@pytest.mark.parametrize("text", ["nowhere", "Sheet9!A1", "A1+1", "A0", ""])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(FormulaError):
        made({"A1": 1}).areas(text)


def test_the_same_cell_twice_among_the_inputs_is_refused():
    with pytest.raises(CalculationError, match="twice"):
        made({"A1": 1, "B1": "=A1"}).function(["A1:A2", "A2"], "B1")


def test_saving_without_changes_gives_the_same_package(tmp_path):
    path = reference("workbooks", "collab_filter.xlsx")
    workbook = sheetml.open(path)
    workbook.calculate()
    assert workbook.changes() == {}


def test_a_formula_that_depends_on_nothing_changed_keeps_the_value_in_the_file(tmp_path):
    path = book(tmp_path / "book.xlsx", {"A1": 2, "B1": "=A1*3", "C1": 5, "D1": "=C1*3"})
    workbook = sheetml.open(path)
    # the file's value, as another program's arithmetic left it
    workbook.calculation.original.number[workbook.calculation.slot(0, 1, 2)] = 6.000000000000002
    workbook["Sheet1"]["C1"] = 6
    workbook.calculate()
    assert workbook.changes() == {0: {(1, 3): 6.0, (1, 4): 18.0}}
    workbook["Sheet1"]["A1"] = 2.0000000000000013
    workbook.calculate()
    assert (1, 2) in workbook.changes()[0]


def test_a_seed_makes_random_cells_repeatable():
    draws = []
    for _ in (1, 2):
        workbook = made({"A1": "=RAND()", "A2": "=RANDBETWEEN(1,1000000)"})
        workbook.calculate(seed=3)
        draws.append([workbook["Sheet1"]["A1"], workbook["Sheet1"]["A2"]])
    assert draws[0] == draws[1]


def test_a_solved_model_leaves_its_result_in_the_cells(tmp_path):
    workbook = sheetml.open(book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1))
    (model,) = workbook.solver_models
    result = model.solve()
    assert result.success
    assert workbook["Sheet1"]["A1"] == result.x[0]
    assert workbook["Sheet1"]["B1"] == result.fun
