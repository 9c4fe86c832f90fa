"""How much every cell moves one: all at once, against the function of each alone."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.engine.influence import influences
from sheetml.errors import CalculationError, NotDifferentiableError
from sheetml.report.lineage import upstream
from tests.workbooks import made

CELLS = {
    "A1": 2.0, "A2": 3.0, "A3": "text", "A4": True, "A5": 7.0, "B1": "=A1*A2", "B2": "=EXP(B1/10)",
    "B3": "=SUM(A1:A3,B1:B2)",
    "C1": "=B2*B3+A4", "C2": "=C1^2-SUMPRODUCT(A1:A2,B1:B2)", "D1": "=C2+D2", "D2": "=IF(A5>1,LN(A5),0)",
    "E1": '=VALUE(B1&"")', "E2": "=1/0",
}  # fmt: skip


def found(workbook, cell):
    (sheet, area), = workbook.areas(f"Sheet1!{cell}")  # fmt: skip
    slot = workbook.calculation.slot(sheet, area.top, area.left)
    slots, slopes = influences(workbook.calculation, slot, upstream(workbook.calculation, np.array([slot])))
    return {workbook.calculation.describe([slot]): slope for slot, slope in zip(slots.tolist(), slopes.tolist())}


def test_every_cell_moves_the_target_as_its_own_function_says():
    workbook = made(CELLS)
    workbook.calculate()
    moves = found(workbook, "D1")
    assert set(moves) == {f"Sheet1!{cell}" for cell in ("A1", "A2", "A5", "B1", "B2", "B3", "C1", "C2", "D2")}
    for cell, slope in moves.items():
        function = workbook.function(inputs=cell, output="Sheet1!D1")
        assert np.isclose(slope, function.gradient(function.x0)[0], rtol=1e-12), cell


def test_values_and_plan_are_left_as_they_were():
    workbook = made(CELLS)
    workbook.calculate()
    before = [workbook["Sheet1"][cell] for cell in CELLS]
    found(workbook, "D1")
    assert [workbook["Sheet1"][cell] for cell in CELLS] == before
    workbook["Sheet1"]["A1"] = 5.0
    workbook.calculate()
    assert workbook["Sheet1"]["B1"] == 15.0


def test_where_there_is_no_derivative_it_is_said():
    workbook = made(CELLS)
    workbook.calculate()
    with pytest.raises(NotDifferentiableError):
        found(workbook, "E1")
    with pytest.raises(CalculationError):
        found(workbook, "E2")
