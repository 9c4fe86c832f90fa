"""Data tables of the What-If menu follow all that their formulas depend on, and are differentiated through."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest

import sheetml
from sheetml.xlsx.model import ErrorCode
from tests.reference import reference
from tests.xlsx.handmade import save, workbook_parts

Cells = dict[str, Any]


def opened(tmp_path: Path, cells: Cells, table: str, calculation: str = "", **sheets: Cells) -> sheetml.Workbook:
    """A workbook with these cells (formulas as "=..."), and in the first sheet a data table stated by attributes."""
    rows = {"Sheet1": _rows(cells, table), **{name: _rows(more, "") for name, more in sheets.items()}}
    return sheetml.open(save(tmp_path / "book.xlsx", workbook_parts(rows, calculation=calculation)))


def _rows(cells: Cells, table: str) -> str:
    by_row: dict[int, list[str]] = {}
    anchor = table.partition('ref="')[2].partition(":")[0]
    for address in sorted({*cells, *([anchor] if table else [])}, key=lambda each: (int(each[1:]), each[0])):
        value = cells.get(address)
        if address == anchor:
            content = f'<c r="{address}"><f t="dataTable" {table}/></c>'
        elif isinstance(value, str) and value.startswith("="):
            content = f'<c r="{address}"><f>{escape(value[1:])}</f></c>'
        elif isinstance(value, str):
            content = f'<c r="{address}" t="str"><v>{value}</v></c>'
        else:
            content = f'<c r="{address}"><v>{value}</v></c>'
        by_row.setdefault(int(address[1:]), []).append(content)
    return "".join(f'<row r="{row}">{"".join(found)}</row>' for row, found in by_row.items())


COLUMN = {"A1": 2, "B9": 100, "C2": 1, "C3": 2, "C4": 5, "D1": "=A1^2*10+B9", "F1": "=SUM(D2:D4)"}
IN_A_COLUMN = 'ref="D2:D4" r1="A1"'


def values(workbook: sheetml.Workbook, area: str) -> list[Any]:
    found: list[Any] = workbook["Sheet1"][area].reshape(-1).tolist()
    return found


def test_each_value_beside_a_table_goes_into_its_input_cell(tmp_path: Path) -> None:
    workbook = opened(tmp_path, COLUMN, IN_A_COLUMN)
    workbook.calculate()
    assert values(workbook, "D1:D4") == [140, 110, 140, 350]
    assert workbook["Sheet1"]["A1"] == 2 and workbook["Sheet1"]["F1"] == 600


def test_a_table_follows_what_its_formula_depends_on_and_the_values_tried(tmp_path: Path) -> None:
    workbook = opened(tmp_path, COLUMN, IN_A_COLUMN)
    workbook.calculate()
    workbook["Sheet1"]["B9"] = 0.0
    workbook.calculate()
    assert values(workbook, "D2:D4") == [10, 40, 250]
    workbook["Sheet1"]["C3"] = 3.0
    workbook.calculate()
    assert values(workbook, "D2:D4") == [10, 90, 250] and workbook["Sheet1"]["F1"] == 350


def test_a_row_of_values_and_formulas_beside_them(tmp_path: Path) -> None:
    cells = {"A1": 2, "B1": 10, "C1": 20, "A3": "=B9*2", "A4": '="n"&B9', "B2": 1, "C2": 2}
    workbook = opened(tmp_path, cells, 'ref="B3:C4" dtr="1" r1="B9"')
    workbook.calculate()
    assert workbook["Sheet1"]["B3:C4"].tolist() == [[2, 4], ["n1", "n2"]]


def test_two_inputs_and_a_formula_that_goes_by_another_sheet(tmp_path: Path) -> None:
    cells = {"A1": 1, "A2": 1, "C3": "=Other!A1+1", "D3": 10, "E3": 20, "C4": 1, "C5": 2, "C6": "x"}
    workbook = opened(
        tmp_path, cells, 'ref="D4:E6" dt2D="1" dtr="1" r1="A1" r2="A2"', Other={"A1": "=Sheet1!A1*Sheet1!A2"}
    )
    workbook.calculate()
    assert workbook["Sheet1"]["D4:E6"].tolist() == [[11, 21], [21, 41], [ErrorCode.VALUE, ErrorCode.VALUE]]


def test_a_value_that_matters_only_for_another_input_is_followed_too(tmp_path: Path) -> None:
    cells = {"A1": 0, "B9": 7, "C2": 0, "C3": 1, "D1": "=IF(A1=1,E9,5)", "E9": "=B9*1"}
    workbook = opened(tmp_path, cells, 'ref="D2:D3" r1="A1"')
    workbook.calculate()
    assert values(workbook, "D2:D3") == [5, 7]
    workbook["Sheet1"]["B9"] = 8.0  # D1 itself stays 5
    workbook.calculate()
    assert values(workbook, "D2:D3") == [5, 8]


def test_chance_gives_each_cell_of_a_table_another_value(tmp_path: Path) -> None:
    workbook = opened(tmp_path, {"C2": 1, "C3": 2, "C4": 3, "D1": "=RAND()"}, 'ref="D2:D4" r1="H1"')
    workbook.calculate(seed=1)
    assert len(set(values(workbook, "D1:D4"))) == 4


def test_a_table_is_a_function_of_its_values_and_of_all_that_its_formula_depends_on(tmp_path: Path) -> None:
    workbook = opened(tmp_path, COLUMN, IN_A_COLUMN)
    f = workbook.function(["Sheet1!C2:C4", "Sheet1!B9", "Sheet1!A1"], ["Sheet1!D2:D4", "Sheet1!F1"])
    x = np.array([1.0, 2.0, 3.0, 50.0, 9.0])
    assert np.allclose(f(x), [60, 90, 140, 290])
    slopes = np.array([[20.0, 0, 0, 1, 0], [0, 40, 0, 1, 0], [0, 0, 60, 1, 0]])
    assert np.allclose(f.jacobian(x), np.vstack([slopes, slopes.sum(axis=0)]))
    assert np.allclose(f.batch(np.stack([x, x])), [f(x), f(x)])
    assert workbook["Sheet1"]["A1"] == 2


def test_a_table_that_cannot_be_computed_is_named_and_never_left_stale(tmp_path: Path) -> None:
    workbook = opened(tmp_path, COLUMN | {"D1": "=NOSUCH(A1)+B9"}, IN_A_COLUMN)
    workbook.calculate()
    assert values(workbook, "D2:D4") == [ErrorCode.UNCOMPUTABLE] * 3
    assert "NOSUCH" in workbook.problems["Sheet1!D2"]


def test_a_tables_circles_by_iteration_are_named(tmp_path: Path) -> None:
    cells = COLUMN | {"D1": "=A1+E1", "E1": "=E1/2+1"}
    workbook = opened(tmp_path, cells, IN_A_COLUMN, calculation='<calcPr iterate="1"/>')
    workbook.calculate()
    assert values(workbook, "D2:D4") == pytest.approx([3, 4, 7], abs=0.01)  # the circle does not depend on A1
    workbook = opened(tmp_path, COLUMN | {"D1": "=A1+E1", "E1": "=E1/2+A1"}, IN_A_COLUMN, '<calcPr iterate="1"/>')
    workbook.calculate()
    assert "iteration" in workbook.problems["Sheet1!D2"]


def test_saved_and_opened_again_a_table_holds_its_values(tmp_path: Path) -> None:
    workbook = opened(tmp_path, COLUMN, IN_A_COLUMN)
    workbook["Sheet1"]["B9"] = 0.0
    workbook.calculate()
    workbook.save(tmp_path / "saved.xlsx")
    again = sheetml.open(tmp_path / "saved.xlsx")
    assert values(again, "D2:D4") == [10, 40, 250]
    again.calculate(everything=True)
    assert again.changes() == {}
    again["Sheet1"]["B9"] = 1.0
    again.calculate()
    assert values(again, "D2:D4") == [11, 41, 251]


@pytest.mark.parametrize("name", ["one-variable", "multi-table", "DataTableFormula-Excel-Input"])
def test_real_tables_come_out_as_excel_stored_them(name: str) -> None:
    workbook = sheetml.open(reference("corpus", "closedxml", f"{name}.xlsx"))
    calculation = workbook.calculation
    stored = [calculation.stored_value(slot) for slot in range(calculation.count)]
    calculation.original.clear(np.nonzero(calculation.is_formula(np.arange(calculation.count)))[0])
    workbook.calculate(everything=True)
    assert workbook.problems == {}
    assert [calculation.value(slot) for slot in range(calculation.count)] == stored
