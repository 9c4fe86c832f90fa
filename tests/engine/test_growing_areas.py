"""Areas that grow from cell to cell are read once; what a cell gets is what it gets alone, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.engine.block_values import evaluated
from sheetml.engine.values import to_objects
from tests.engine.filling import filled
from tests.workbooks import made

ROWS = 12
KEYS = st.sampled_from(["a", "A", "b", "c*", "2", 2, 2.0000000000000004, 3, True, None, "", "#N/A"])
NUMBERS = st.one_of(st.floats(-1e6, 1e6).map(lambda x: x or 0.0), st.sampled_from([0.1, 0.2, 1e16, 1, -1]))
VALUES = st.one_of(NUMBERS, NUMBERS, st.sampled_from(["x", "7", True, None, "#DIV/0!", "#REF!"]))
COLUMNS = {"A": KEYS, "B": VALUES, "C": NUMBERS, "D": NUMBERS}

FORMULAS = [
    "=COUNTIF(A$1:A1,A1)",
    '=COUNTIF(A$1:A1,A1&"*")',
    '=COUNTIF(B$1:B1,">"&C1)',
    "=COUNTIFS(A$1:A1,A1,B$1:B1,B1)",
    "=SUMIF(A$1:A1,A1,B$1:B1)",
    "=SUMIF(B$1:B1,B1)",
    '=SUMIFS(C$1:C1,A$1:A1,A1,B$1:B1,">0")',
    "=AVERAGEIF(A$1:A1,A1,B$1:B1)",
    "=MAXIFS(C$1:C1,A$1:A1,A1)",
    "=MINIFS(B$1:B1,A$1:A1,A1)",
    "=COUNTIF(A1:A$13,A1)",
    "=COUNTIF(A2:A$13,A1)",
    "=SUMIF(A1:A$13,A1,B1:B$13)",
    '=AVERAGEIFS(C1:C$13,A1:A$13,A1,B1:B$13,">0")',
    "=MAXIFS(C1:C$13,A1:A$13,A1)",
    "=SUM(B$1:B1)",
    "=SUM(C$1:C1)",
    "=SUM(C$1:D1)",
    "=AVERAGE(B$1:B1)",
    "=MAX(B$1:B1)",
    "=MIN(C$1:C1)",
    "=COUNT(B$1:B1)",
    "=COUNTA(B$1:B1)",
    "=MATCH(A1,A$1:A1,0)",
    "=MATCH(A2,A$1:A1,0)",
    "=MATCH(C1,C$1:C1,1)",
    "=XMATCH(A2,A$1:A1)",
    "=XMATCH(A2,A$1:A1,0,-1)",
    "=VLOOKUP(A2,A$1:C1,3,FALSE)",
    "=VLOOKUP(A2,A$1:C1,D1,FALSE)",
    '=XLOOKUP(A2,A$1:A1,B$1:B1,"none")',
    "=XLOOKUP(A2,A$1:A1,B$1:B1,,0,-1)",
    "=XLOOKUP(C2,B$1:B1,D$1:D1,,0,-1)",
    "=XLOOKUP(B2,B$1:B1,D$1:D1,C1,0,-1)",
    "=SUMPRODUCT(B$1:B1,C$1:C1)",
    "=SUMPRODUCT(B$1:B1)",
    "=SUMPRODUCT(C$1:C1,D$1:D1,C$1:C1)",
    "=SUMPRODUCT((A$1:A1=A1)*C$1:C1)",
    "=SUMPRODUCT(--(A$1:A1=A1),--(C$1:C1>D1))",
    "=SUMPRODUCT((A$1:A1<=A1)*1)",
    "=SUMPRODUCT(ABS(C$1:C1-D1))",
    "=LOOKUP(2,1/(A$1:A1=A1),B$1:B1)",
    "=LOOKUP(2,1/(A$1:A1=A2),C$1:C1)",
    "=LOOKUP(0.5,1/(A$1:A1=A1),C$1:C1)",
    "=LOOKUP(C1,C$1:C1,D$1:D1)",
]


def cells_of(columns: list[list[Any]]) -> dict[str, Any]:
    return {f"{name}{row}": item for name, column in zip(COLUMNS, columns) for row, item in enumerate(column, 1)}


DRAWN = st.tuples(*(st.lists(each, min_size=ROWS + 1, max_size=ROWS + 1) for each in COLUMNS.values())).map(cells_of)


@pytest.mark.parametrize("formula", FORMULAS)
@settings(max_examples=12, deadline=None)
@given(DRAWN)
def test_a_cell_gets_what_it_gets_alone(formula: str, cells: dict[str, Any]) -> None:
    block, context = filled(made(cells), formula, [(row, 6) for row in range(1, ROWS + 1)])
    with np.errstate(all="ignore"):
        together = to_objects(evaluated(context, block)).reshape(-1)
        for cell in range(ROWS):
            alone = to_objects(evaluated(context.select(np.array([cell])), block)).reshape(-1)[0]
            assert exactly(together[cell % together.size]) == exactly(alone), f"cell {cell + 1}"


def exactly(item: Any) -> Any:
    """A value with its type, and all digits of a number."""
    return type(item).__name__, (item + 0.0).hex() if type(item) is float else item


def test_a_function_of_an_area_that_grows_has_its_derivative() -> None:
    cells: dict[str, Any] = {f"A{row}": float(row) for row in range(1, 6)}
    cells |= {f"B{row}": f"=SUM(A$1:A{row})*2+SUMPRODUCT(A$1:A{row},A$1:A{row})" for row in range(1, 6)}
    f = made(cells).function("Sheet1!A1:A5", "Sheet1!B4")
    assert f.gradient(f.x0).tolist() == [4.0, 6.0, 8.0, 10.0, 0.0]


def test_a_cell_that_cannot_be_computed_costs_only_those_that_read_it() -> None:
    cells: dict[str, Any] = {f"A{row}": float(row) for row in range(1, 6)}
    cells["A4"] = "=NOSUCH(1)"
    cells |= {f"B{row}": f"=SUM(A$1:A{row})" for row in range(1, 6)}
    cells |= {f"C{row}": f"=COUNTIF(A$1:A{row},2)" for row in range(1, 6)}
    workbook = made(cells)
    workbook.calculate()
    found = workbook["Sheet1"]["B1:C5"]
    assert found[:3].tolist() == [[1.0, 0.0], [3.0, 1.0], [6.0, 1.0]]
    assert {str(item) for item in found[3:].reshape(-1)} == {str(found[3, 0])}


@pytest.mark.parametrize("formula", ["=SUM(C$1:C1)", "=SUMIF(A$1:A1,A1,C$1:C1)", "=SUMPRODUCT(C$1:C1,D$1:D1)"])
def test_long_sums_are_added_as_alone(formula: str) -> None:
    random = np.random.default_rng(1)
    cells: dict[str, Any] = {f"A{row}": float(random.integers(3)) for row in range(1, 701)}
    cells |= {f"{name}{row}": float(random.normal()) for name in "CD" for row in range(1, 701)}
    block, context = filled(made(cells), formula, [(row, 6) for row in range(1, 701)])
    together = to_objects(evaluated(context, block)).reshape(-1)
    for cell in (0, 9, 254, 255, 256, 257, 600, 699):
        alone = to_objects(evaluated(context.select(np.array([cell])), block)).reshape(-1)[0]
        assert exactly(together[cell]) == exactly(alone)
