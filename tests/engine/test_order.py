"""The order of calculation follows what formulas turn out to read, without being planned anew for each discovery."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.engine import plan
from sheetml.engine.plan import Stage
from tests.workbooks import made

DISCOVERIES = 12


def looking_ahead() -> dict[str, object]:
    """Formulas that each read a later one, which reads the next of them, so that all must be turned round."""
    cells: dict[str, object] = {f"A{row}": f"=B{row}*{row}" for row in range(1, 40)}
    cells |= {f"B{row}": row for row in range(1, 40)}
    for number in range(1, DISCOVERIES + 1):
        cells[f"C{number}"] = f'=INDIRECT("D{number}")+{number}'
        cells[f"D{number}"] = f"=C{number + 1}+A{number}+{number}" if number < DISCOVERIES else "=A1"
    return cells


def test_no_formula_is_looked_into_again_for_a_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[object, ...]] = []
    made_stage = plan._stage

    def counting(*arguments: object) -> Stage:
        counted.append(arguments)
        return made_stage(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(plan, "_stage", counting)
    workbook = made(looking_ahead())
    workbook.calculate()
    expected = sum(number + number**2 for number in range(1, DISCOVERIES)) + 1 + sum(range(1, DISCOVERIES + 1))
    assert workbook["Sheet1"]["C1"] == expected
    assert len(counted) == len({id(block) for block, *_ in counted}) > 0


def test_the_order_that_was_found_is_kept() -> None:
    workbook = made(looking_ahead())
    workbook.calculate()
    before = workbook["Sheet1"]["C1"]
    workbook["Sheet1"]["B1"] = 100
    workbook.calculate()
    assert workbook["Sheet1"]["C1"] == before + 99 + 99  # by A1 in D1, and in the last of them
    assert workbook.function("Sheet1!B1", "Sheet1!C1").gradient(np.array([1.0])).tolist() == [2.0]


def test_cells_of_one_formula_that_look_each_other_up_are_ordered_among_themselves() -> None:
    cells: dict[str, object] = {f"A{row}": f'=IF(B{row}=0,1,INDIRECT("A"&B{row})+1)' for row in range(1, 30)}
    cells |= {f"B{row}": row + 1 for row in range(1, 29)} | {"B29": 0}
    workbook = made(cells)
    workbook.calculate()
    assert workbook["Sheet1"]["A1"] == 29


def test_a_circle_by_looking_up_is_named() -> None:
    workbook = made({"A1": '=INDIRECT("B1")+1', "B1": "=A1+1", "C1": 5, "D1": "=C1*2"})
    workbook.calculate()
    assert workbook["Sheet1"]["D1"] == 10
    assert set(workbook.problems) == {"Sheet1!A1", "Sheet1!B1"}


def test_a_formula_that_looks_where_it_did_not_before_follows_the_new_place() -> None:
    workbook = made({"A1": 1, "B1": '=INDIRECT("C"&A1)', "C1": "=E1", "C2": "=E2", "E1": 10, "E2": 20})
    sheet = workbook["Sheet1"]
    workbook.calculate()
    sheet["A1"] = 2
    workbook.calculate()
    assert sheet["B1"] == 20
    sheet["E2"] = 21
    workbook.calculate()
    assert sheet["B1"] == 21
    sheet["A1"] = 3
    workbook.calculate()
    assert sheet["B1"] == 0
    sheet["C3"] = 7  # where there was no cell
    workbook.calculate()
    assert sheet["B1"] == 7
