"""Recurrences compiled to loops: they give what the array steps give, whatever way they run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.engine.compiled.floats import pairwise_sum
from sheetml.engine.compiled.recurrence import Loop, runs
from sheetml.xlsx.model import cell_address
from tests.workbooks import made

ROWS = 30
numbers = st.floats(-3, 3, allow_nan=False).map(lambda x: round(x, 3))


def down(text):
    """A1 and below: each from the one above by a formula in which @ stands for it."""
    return {"A1": 0.7, "AZ99": 0.3} | {f"A{row}": "=" + text.replace("@", f"A{row - 1}") for row in range(2, ROWS)}


def two_columns():
    cells = {"A1": 1.0, "B1": 0.5}
    for row in range(1, ROWS):
        cells |= {f"C{row}": f"=A{row}*0.6+B{row}", f"D{row}": f"=C{row}^2*0.1-B{row}"}
        cells |= {f"A{row + 1}": f"=C{row}", f"B{row + 1}": f"=D{row}+E{row}", f"E{row}": row / 10}
    return cells


def table(text, size=7):
    """Each cell from those to its left (<) and above (^)."""
    cells = {cell_address(1, i): i / 3 for i in range(1, size + 1)} | {f"A{i}": i / 5 for i in range(1, size + 1)}
    for row in range(2, size + 1):
        for column in range(2, size + 1):
            left, above = cell_address(row, column - 1), cell_address(row - 1, column)
            cells[cell_address(row, column)] = "=" + text.replace("<", left).replace("^", above)
    return cells


RECURRENCES = {
    "down a column": down("@*0.9+$AZ$99"),
    "with a root and a division": down("SQRT(@*@+1)/(1+@*@)"),
    "with elementary functions": down("(EXP(0-@*@)+COS(@)*0.5-LN(1+@*@))*0.4"),
    "with a sum of many": down("SUM(@,$AZ$99,$AZ$99,1,2,3,4,5,6,7,8,9)/60"),
    "with the largest of several": down("MAX(@-0.1,0.2,$AZ$99)*0.9+MIN(@,1)"),
    "with conditions": down("IF(@>0.5,@*0.5,@+0.4)"),
    "with a remainder": down("MOD(@*7,3)"),
    "with products summed": down("SUMPRODUCT(A$1:A$1,A$1:A$1)*0.1+@*0.5"),
    "two columns that feed each other": two_columns(),
    "upwards": {"A30": 1.0} | {f"A{row}": f"=A{row + 1}*0.5+0.1" for row in range(1, 30)},
    "across": {"A1": 1.0} | {cell_address(1, i): f"={cell_address(1, i - 1)}*0.5+0.1" for i in range(2, 30)},
    "across and down at once": table("<*0.4+^*0.5+MIN(<,^,1)"),
    "the two before": {"A1": 1.0, "A2": 1.0} | {f"A{row}": f"=A{row - 1}+A{row - 2}" for row in range(3, ROWS)},
    "every other row": {"A1": 1.0, "A2": 2.0} | {f"A{row}": f"=A{row - 2}*0.5+1" for row in range(3, ROWS)},
}


@pytest.mark.parametrize("name", RECURRENCES)
@settings(max_examples=10, deadline=None)
@given(start=numbers, parameter=numbers)
def test_a_loop_gives_what_array_steps_give(name, start, parameter):
    looped, stepped = prepared(name)
    values = []
    for workbook in (looped, stepped):
        sheet = workbook["Sheet1"]
        sheet["A30" if name == "upwards" else "A1"] = start
        sheet["AZ99"] = parameter
        workbook.calculate()
        values.append(workbook.calculation.cells.number.copy())
    assert values[0] == pytest.approx(values[1], rel=1e-12, abs=1e-12)


_prepared = {}


def prepared(name):
    if name not in _prepared:
        looped, stepped = made(RECURRENCES[name]), made(RECURRENCES[name])
        for workbook in (looped, stepped):
            workbook["Sheet1"]["AZ99"] = 0.0
        stepped.calculation._run_loop = lambda stage, dirty: False
        looped.calculate()
        assert any(stage.loop is not None for stage in looped.calculation.plan.stages), "no loop was compiled"
        _prepared[name] = looped, stepped
    return _prepared[name]


def sources_of_loops(workbook: sheetml.Workbook) -> list[str]:
    return [stage.loop.source for stage in workbook.calculation.plan.stages if isinstance(stage.loop, Loop)]


def test_the_source_of_a_loop_does_not_grow_with_its_rows():
    sources = []
    for rows in (50, 500):
        cells = {"A1": 1.0} | {f"A{row}": f"=B{row - 1}" for row in range(2, rows)}
        workbook = made(cells | {f"B{row}": f"=A{row}*0.5+C{row}" for row in range(1, rows)})
        workbook.calculate()
        sources += sources_of_loops(workbook)
    assert sources[0].count("\n") == sources[1].count("\n") < 10


def test_nothing_of_the_workbook_stands_in_the_source_of_a_loop():
    cells = down('@*0.123456789+IF("__import__(\'os\')"="x",1,0)')
    workbook = made(cells)
    workbook.calculate()
    sources = sources_of_loops(workbook)
    assert len(sources) == 1
    assert "import" not in sources[0]
    assert "0.123" not in sources[0]


@settings(max_examples=60)
@given(st.integers(0, 700), st.integers(0, 2**32 - 1))
def test_sums_are_written_in_the_order_in_which_numpy_adds(count, seed):
    terms = np.random.default_rng(seed).normal(0, 1e3, count) ** 3
    source = pairwise_sum([f"t[{i}]" for i in range(count)])
    assert eval(source, {"t": terms.tolist()}) == float(np.add.reduce(terms))


def test_repetition_is_found_with_formulas_that_move_on_by_several_cells():
    order = [(5, 0)]
    for row in range(6):
        order += [(0, row), (1, 2 * row), (2, row), (1, 2 * row + 1)]
    order += [(9, 0), (9, 1), (9, 2), (9, 3)]
    assert list(runs(order)) == [(0, 1, 1), (1, 4, 6), (25, 1, 4)]
