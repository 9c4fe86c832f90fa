"""What recalculation promises: order, propagation, only what is needed, and nothing silently wrong."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml import ErrorCode
from tests.workbooks import computed, made, result


def test_cells_are_computed_in_the_order_of_their_dependencies_wherever_they_stand():
    sheet = computed({"A1": "=B9*2", "B9": "=C5+1", "C5": 20})
    assert sheet["A1"] == 42


def test_a_changed_cell_changes_what_depends_on_it():
    workbook = made({"A1": 1, "B1": "=A1+1", "C1": "=B1*10"})
    workbook.calculate()
    workbook["Sheet1"]["A1"] = 5
    workbook.calculate()
    assert workbook["Sheet1"]["C1"] == 60


def test_only_what_depends_on_a_change_is_computed_again():
    workbook = made({"A1": 1, "A2": 2, "B1": "=SUBTOTAL(9,A1)", "B2": "=SUBTOTAL(9,A2)"})
    workbook.calculate()
    ran = []
    original = workbook.calculation.evaluate_step
    workbook.calculation.evaluate_step = lambda step: ran.append(step.block.text) or original(step)
    workbook["Sheet1"]["A1"] = 9
    workbook.calculate()
    assert ran == ["SUBTOTAL(9,A1)"]


def test_a_result_that_stays_the_same_stops_the_recalculation():
    workbook = made({"A1": 1, "B1": "=SUBTOTAL(2,A1)", "C1": "=SUBTOTAL(9,B1)"})
    workbook.calculate()
    ran = []
    original = workbook.calculation.evaluate_step
    workbook.calculation.evaluate_step = lambda step: ran.append(step.block.text) or original(step)
    workbook["Sheet1"]["A1"] = 1.5
    workbook.calculate()
    assert ran == ["SUBTOTAL(2,A1)"]


@pytest.mark.parametrize("rows", [4, 40])
def test_a_recurrence_down_two_columns_is_computed_row_by_row(rows):
    cells = {"A1": 1.0, "B1": "=A1*1.5+$D$1", "D1": 0.25}
    for row in range(2, rows + 1):
        cells[f"A{row}"] = f"=B{row - 1}"
        cells[f"B{row}"] = f"=A{row}*1.5+$D$1"
    sheet = computed(cells)
    expected = 1.0
    for _ in range(rows):
        expected = expected * 1.5 + 0.25
    assert sheet[f"B{rows}"] == pytest.approx(expected, rel=1e-12)


def test_a_recurrence_upwards_and_across_works_as_well():
    cells = {"J1": 1.0} | {f"{letter}1": f"={after}1*2" for letter, after in zip("ABCDEFGHI", "BCDEFGHIJ")}
    assert computed(cells)["A1"] == 512


def test_a_recurrence_follows_a_changed_start_and_a_changed_parameter():
    cells = {"A1": 1.0, "D1": 2.0} | {f"A{row}": f"=A{row - 1}*$D$1+B{row}" for row in range(2, 31)}
    workbook = made(cells)
    workbook.calculate()
    workbook["Sheet1"]["D1"] = 1.0
    workbook["Sheet1"]["B30"] = 7.0
    workbook.calculate()
    assert workbook["Sheet1"]["A30"] == 8.0


def test_a_recurrence_that_leaves_its_domain_ends_in_the_error_excel_shows():
    cells = {"A1": 4.0} | {f"A{row}": f"=SQRT(A{row - 1}-1)" for row in range(2, 31)}
    sheet = computed(cells)
    assert sheet["A2"] == pytest.approx(3**0.5)
    assert sheet["A30"] is ErrorCode.NUM or sheet["A30"] == ErrorCode.NUM


def test_a_recurrence_with_a_condition_takes_its_branches_cell_by_cell():
    cells = {"A1": 10.0} | {f"A{row}": f"=IF(A{row - 1}>5,A{row - 1}-2,A{row - 1}+3)" for row in range(2, 41)}
    expected = 10.0
    for _ in range(39):
        expected = expected - 2 if expected > 5 else expected + 3
    assert computed(cells)["A40"] == expected


def test_a_circular_reference_is_reported_by_its_cells_and_spreads():
    workbook = made({"A1": "=B1+1", "B1": "=A1+1", "C1": "=B1*2", "D1": 5, "E1": "=D1"})
    workbook.calculate()
    assert set(workbook.problems) == {"Sheet1!A1", "Sheet1!B1"}
    assert "circular" in workbook.problems["Sheet1!A1"]
    assert workbook["Sheet1"]["C1"] == ErrorCode.UNCOMPUTABLE
    assert workbook["Sheet1"]["E1"] == 5


def test_an_unknown_function_names_the_cell_and_the_function():
    workbook = made({"A1": 1, "B1": "=NOSUCH(A1)+1", "C1": "=IFERROR(B1,0)"})
    workbook.calculate()
    assert workbook.problems == {"Sheet1!B1": "the function NOSUCH is not supported"}
    assert workbook["Sheet1"]["C1"] == ErrorCode.UNCOMPUTABLE


def test_errors_spread_and_keep_their_kind():
    sheet = computed({"A1": "=1/0", "B1": "=A1+1", "C1": "=SUM(A1:B1)", "D1": "=IFERROR(C1,7)"})
    assert sheet["B1"] == ErrorCode.DIV0
    assert sheet["C1"] == ErrorCode.DIV0
    assert sheet["D1"] == 7


def test_ranges_that_grow_down_a_column_hold_what_stands_in_them():
    cells = {f"A{row}": float(row) for row in range(1, 21)} | {f"B{row}": f"=SUM($A$1:A{row})" for row in range(1, 21)}
    sheet = computed(cells)
    assert sheet["B20"] == 210
    assert sheet["B3"] == 6


def test_whole_columns_are_read_without_their_million_blanks():
    assert result("=SUM(A:A)+COUNT(A:B)", A1=1, A5=2, B2=3) == 6


def test_a_range_where_one_value_belongs_is_intersected_with_the_formulas_row():
    sheet = computed({"A1": 1, "A2": 2, "A3": 3, "B2": "=A1:A3*10", "B9": "=A1:A3*10"})
    assert sheet["B2"] == 20
    assert sheet["B9"] == ErrorCode.VALUE


def test_an_array_formula_fills_its_area():
    sheet = computed({"A1": 1, "A2": 2, "A3": 3, "C1:D4": "{=A1:A3*10}"})
    assert sheet["C1:D3"].tolist() == [[10, 10], [20, 20], [30, 30]]
    assert sheet["D4"] == ErrorCode.NA


def test_names_of_a_sheet_come_before_those_of_the_workbook():
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName

    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["A2"], sheet["B1"] = 1, 2, "=rate*10"
    book.defined_names["rate"] = DefinedName("rate", attr_text="Sheet!$A$1")
    sheet.defined_names["rate"] = DefinedName("rate", attr_text="Sheet!$A$2")
    other = book.create_sheet("other")
    other["B1"] = "=rate*10"
    workbook = opened(book)
    workbook.calculate()
    assert workbook["Sheet"]["B1"] == 20
    assert workbook["other"]["B1"] == 10


def opened(book):
    import tempfile
    from pathlib import Path

    import sheetml

    with tempfile.TemporaryDirectory() as folder:
        book.save(Path(folder) / "book.xlsx")
        return sheetml.open(Path(folder) / "book.xlsx")


def test_cells_on_other_sheets_are_found_whatever_their_names():
    workbook = made({"A1": "='it''s here'!B2+Other!A1"}, **{"it's here": {"B2": 40}, "Other": {"A1": 2}})
    workbook.calculate()
    assert workbook["Sheet1"]["A1"] == 42


def test_a_formula_cannot_be_overwritten_by_accident():
    workbook = made({"A1": 1, "B1": "=A1"})
    with pytest.raises(ValueError, match="Sheet1!B1 holds a formula"):
        workbook["Sheet1"]["B1"] = 3


def test_an_area_is_set_from_an_array_and_read_as_one():
    workbook = made({"A1": 1, "C1": "=SUM(A1:B3)"})
    workbook["Sheet1"]["A1:B3"] = np.arange(6).reshape(3, 2)
    workbook.calculate()
    assert workbook["Sheet1"]["C1"] == 15
    assert workbook["Sheet1"]["A1:B3"].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_dates_text_and_booleans_are_coerced_as_in_excel():
    assert result('="3"+1') == 4
    assert result("=TRUE+1") == 2
    assert result('="x"+1') == ErrorCode.VALUE
    assert result('=A1&""') == ""
    assert result("=A1+1") == 1
    assert result("=A1") == 0


def test_what_offset_reads_is_computed_before_it():
    sheet = computed({"A1": "=OFFSET(A1,2,1)+1", "B3": "=C9*2", "C9": 20})
    assert sheet["A1"] == 41


def test_a_change_of_what_offset_reads_is_noticed():
    workbook = made({"A1": "=OFFSET(B1,D1,0)", "B2": 5, "B3": 6, "D1": 1})
    workbook.calculate()
    workbook["Sheet1"]["B2"] = 7
    workbook.calculate()
    assert workbook["Sheet1"]["A1"] == 7
    workbook["Sheet1"]["D1"] = 2
    workbook.calculate()
    assert workbook["Sheet1"]["A1"] == 6


def test_a_sum_up_to_the_row_above_is_not_circular():
    assert computed({"A1": 1, "A2": 2, "A3": "=SUM(A1:OFFSET(A3,-1,0))"})["A3"] == 3
