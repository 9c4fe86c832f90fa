"""Small workbooks of the kinds that came out wrong once, each with Excel's values or with what must hold of it."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

import sheetml
from sheetml import ErrorCode
from sheetml.engine.values import plain
from sheetml.report.check import check
from tests.reference import case, case_files
from tests.workbooks import computed

# What only Microsoft's servers know: the stored value is kept, the cell is named, and all others are equal.
NOT_COMPUTED = {"excel/case_11.xlsx": {"S!A1": "the function STOCKHISTORY is not supported"}}

# INDIRECT reads a workbook that is open in Excel, not what a file keeps of one: the cell is named, its value kept.
NOT_OPEN = {"04_external_link_lookups.xlsx": ["B34"]}


@pytest.mark.parametrize("name", case_files("excel/*.xls?"))
def test_every_formula_equals_the_value_that_excel_stored(name: str) -> None:
    workbook = sheetml.open(case(name))
    sheets = check(workbook)
    assert [difference for sheet in sheets for difference in sheet.differences] == []
    not_computed = {f"{sheet.sheet}!{cell}": why for sheet in sheets for cell, why in sheet.not_computed.items()}
    assert not_computed == NOT_COMPUTED.get(name, {})
    assert sum(sheet.compared for sheet in sheets) > 0


def expected() -> dict[str, Any]:
    path = case("expected.json")
    return dict(json.loads(path.read_text()))


@pytest.mark.parametrize("name", case_files("bugs/*.xls?") + case_files("solver/*.xlsx"))
def test_every_cell_has_the_value_that_excel_gives_it(name: str) -> None:
    sheets = expected().get(name, {})
    workbook = calculated(case(name))
    wrong = {
        f"{sheet}!{cell}": (workbook[sheet].formula(cell), value, plain(workbook[sheet][cell]))
        for sheet, cells in sheets.items()
        for cell, value in cells.items()
        if not same(plain(workbook[sheet][cell]), value)
    }
    assert wrong == {}
    assert list(workbook.problems) == [f"Sheet1!{cell}" for cell in NOT_OPEN.get(name.split("/")[1], [])]


def calculated(path: Path) -> sheetml.Workbook:
    workbook = sheetml.open(path)
    workbook.calculate(everything=True)
    return workbook


def same(ours: Any, excels: Any) -> bool:
    if isinstance(excels, (str, bool)):
        return type(ours) is type(excels) and bool(ours == excels)
    numbers = isinstance(ours, (int, float)) and not isinstance(ours, bool)
    return numbers and math.isclose(ours, excels, rel_tol=1e-9, abs_tol=1e-15)


# ---- cases without values of Excel's, and what must hold of them -------------------------------


def test_02_pairs_with_a_blank_are_dropped_row_by_row() -> None:
    sheet = calculated(case("bugs", "02_correl_filled_down_with_blanks.xlsx"))["Sheet1"]
    cells = {f"{column}{row}": sheet[f"{column}{row}"] for column in "ABCDEFGH" for row in (1, 2, 3)}
    data = {place: value for place, value in cells.items() if value is not None}
    compared = 0
    for column in "JKLMNOPQRSV":
        for row in (1, 2, 3):
            formula = sheet.formula(f"{column}{row}")
            alone = computed({**data, f"{column}{row}": f"={formula}"})
            assert same(plain(sheet[f"{column}{row}"]), plain(alone[f"{column}{row}"])), formula
            compared += 1
    assert compared == 33
    for row in (1, 2, 3):
        x = np.array([cells[f"{column}{row}"] for column in "ABCD"], float)
        y = np.array([cells[f"{column}{row}"] for column in "EFGH"], float)
        both = ~(np.isnan(x) | np.isnan(y))
        assert sheet[f"J{row}"] == pytest.approx(np.corrcoef(x[both], y[both])[0, 1], rel=1e-12)
        assert sheet[f"M{row}"] == pytest.approx(np.polyfit(y[both], x[both], 1)[0], rel=1e-12)


OTHER_WORKBOOKS = ["04_external_link_lookups.xlsx", "04b_external_link_cached_values.xlsx"]


@pytest.mark.parametrize("name", OTHER_WORKBOOKS)
def test_04_nothing_changes_while_nothing_changed(name: str) -> None:
    workbook = calculated(case("bugs", name))
    formulas = formula_cells(workbook)
    assert {plain(workbook["Sheet1"][cell]) for cell in formulas} == {777.0} or name.startswith("04b")
    calculation = workbook.calculation
    slots = np.array([calculation.slot(0, *address(cell)) for cell in formulas])
    assert not calculation.moved(slots).any()


@pytest.mark.parametrize("name", OTHER_WORKBOOKS)
def test_04_formulas_on_another_workbook_are_computed_when_a_cell_changes(name: str, tmp_path: Path) -> None:
    workbook = calculated(case("bugs", name))
    workbook["Sheet1"]["A1"] = 10
    workbook.calculate()
    values = {cell: plain(workbook["Sheet1"][cell]) for cell in formula_cells(workbook)}
    assert list(workbook.problems) == [f"Sheet1!{cell}" for cell in NOT_OPEN.get(name, [])]
    workbook.save(tmp_path / "saved.xlsx")
    again = calculated(tmp_path / "saved.xlsx")
    assert {cell: plain(again["Sheet1"][cell]) for cell in values} == values


def test_06_a_spill_grows_and_says_so_in_the_saved_file(tmp_path: Path) -> None:
    workbook = calculated(case("bugs", "06_spill_before.xlsx"))
    sheet = workbook["Sheet1"]
    assert sheet["C1:C5"].tolist()[:3] == [[4], [5], [6]]
    sheet["E1"] = 1
    workbook.calculate()
    assert [sheet[f"C{row}"] for row in range(1, 7)] == [2, 3, 4, 5, 6, None]
    assert sheet["G1"] == 20
    workbook.save(tmp_path / "saved.xlsx")
    again = sheetml.open(tmp_path / "saved.xlsx")
    assert [again["Sheet1"][f"C{row}"] for row in range(1, 7)] == [2, 3, 4, 5, 6, None]
    (checked,) = check(again)
    assert checked.differences == []
    assert 'ref="C1:C5"' in sheet_xml(tmp_path / "saved.xlsx")


def sheet_xml(path: Path) -> str:
    with zipfile.ZipFile(path) as package:
        return package.read("xl/worksheets/sheet1.xml").decode()


@pytest.mark.parametrize(("cell", "value"), [("B9", 200.0), ("D1", 8.0), ("A1", 5.0)])
def test_07_a_data_table_follows_what_it_depends_on(cell: str, value: float) -> None:
    """D2:D4 are what C1 (=A3) shows with each of C2:C4 in A1 and D1 in A2, where A3 is A1*10+A2+B9."""
    workbook = calculated(case("bugs", "07_data_table_stale.xlsx"))
    sheet = workbook["Sheet1"]
    assert [sheet[f"D{row}"] for row in (2, 3, 4)] == [117, 127, 157]
    sheet[cell] = value
    workbook.calculate()
    assert workbook.problems == {}
    table = [sheet[f"C{row}"] * 10 + sheet["D1"] + sheet["B9"] for row in (2, 3, 4)]
    assert [sheet[f"D{row}"] for row in (2, 3, 4)] == table
    assert sheet["F1"] == sum(table)


def test_18_blank_rows_at_the_end_of_xirrs_areas_are_ignored() -> None:
    sheet = calculated(case("bugs", "18_xirr_with_blank_rows.xlsx"))["Sheet1"]
    rate = sheet["D1"]
    flows = zip((-10, 1, 5, 8), (1, 99, 155, 704))
    assert sum(flow / (1 + rate) ** ((day - 1) / 365) for flow, day in flows) == pytest.approx(0, abs=1e-7)
    assert sheet["D2"] == rate


# The values that the case's description states, and those of Excel's documentation for the others.
EXCEL_23 = {
    "C1": True,
    "C2": ErrorCode.DIV0,
    "C3": 2.3,
    "C4": ErrorCode.VALUE,
    "C5": ErrorCode.NA,
    "C6": ErrorCode.NUM,
    "C11": 1.75,
    "C12": ErrorCode.VALUE,
    "C14": ErrorCode.VALUE,
    "C16": ErrorCode.NAME,
    "C17": ErrorCode.VALUE,
}


def test_23_kinds_and_errors_are_excels() -> None:
    workbook = calculated(case("bugs", "23_kinds_and_errors.xlsx"))
    sheet = workbook["Sheet1"]
    assert {cell: sheet[cell] for cell in EXCEL_23} == EXCEL_23
    assert workbook.problems == {}


def test_24c_areas_that_do_not_fit_are_an_error_value() -> None:
    workbook = calculated(case("bugs", "24c_trend_misshapen.xlsx"))
    assert workbook["Sheet1"]["D1"] in (ErrorCode.REF, ErrorCode.VALUE)
    assert workbook.problems == {}


# ---- models of the Solver ----------------------------------------------------------------------


def solved(name: str) -> tuple[sheetml.Workbook, Any]:
    workbook = calculated(case("solver", name))
    (model,) = workbook.solver_models
    return workbook, model.solve()


@pytest.mark.parametrize("name", ["empty_cell_in_constraint.xlsx", "empty_cell_filled.xlsx"])
def test_an_empty_cell_in_a_constraint_is_0(name: str) -> None:
    _, result = solved(name)
    assert result.success
    assert result.fun == pytest.approx(8, rel=1e-9)


def test_a_start_near_the_largest_number_ends_in_an_answer() -> None:
    """Minimise 2a+3b+4c with 21a+22b-23c >= 200 and 19a+34b-32c <= 180, none below 0."""
    best = linprog([2, 3, 4], A_ub=[[-21, -22, 23], [19, 34, -32]], b_ub=[-200, 180])
    _, result = solved("huge_start.xlsx")
    assert not result.success or result.fun == pytest.approx(best.fun, rel=1e-6)
    assert result.message


def test_a_relaxed_binary_keeps_its_bounds() -> None:
    workbook, result = solved("relaxed_binary.xlsx")
    assert (result.success, result.fun, workbook["S"]["A1"]) == (True, 3, 1)


def test_a_right_hand_side_may_be_a_formula() -> None:
    _, result = solved("rhs_formula.xlsx")
    assert result.success
    assert result.fun == pytest.approx(36, rel=1e-9)


def test_an_objective_without_a_best_value_says_so() -> None:
    _, result = solved("unbounded_constrained.xlsx")
    assert not result.success
    assert "no best value" in result.message


def formula_cells(workbook: sheetml.Workbook) -> list[str]:
    sheet = workbook["Sheet1"]
    return [f"{column}{row}" for column in "BCD" for row in range(1, 60) if sheet.formula(f"{column}{row}")]


def address(cell: str) -> tuple[int, int]:
    return int(cell[1:]), ord(cell[0]) - ord("A") + 1
