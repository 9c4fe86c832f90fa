"""The law of single values: a formula computed for one cell on plain Python values gives what the engine gives it.

Whichever of the cells that it reads are computed with it, and whatever they hold.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.engine.block_values import evaluated
from sheetml.engine.compiled.item_formulas import item_formula
from sheetml.engine.compiled.items import checked, items_of, value_of_items
from sheetml.engine.compiled.numbers import FAULTS, Fault, code_of
from sheetml.engine.dependencies import reads_of
from sheetml.engine.plan import Step, is_volatile
from sheetml.engine.signals import Signal
from sheetml.engine.values import to_objects
from sheetml.errors import SheetmlError
from sheetml.xlsx.model import ErrorCode
from tests.engine.filling import filled
from tests.engine.test_blocks_equal_cells import CASES, CELLS, Drawing
from tests.workbooks import made

HELD = [None, 0.0, 1.0, 2.0, 3.0, -1.5, 0.1, 0.2, 0.3, 1e200, True, False, "", "x", "X", "2", "true", "#N/A", "#DIV/0!"]


def compared(workbook, formula, places, seed):
    """How many of the cells were computed one by one; each had the engine's value."""
    block, context = filled(workbook, formula, places)
    step = Step(block, context, context.readers.reshape(-1, 1, 1), is_volatile(context, block.tree))
    stored = workbook.calculation.cells
    draw = random.Random(seed)
    reads = reads_of(context, block.tree)
    live = np.zeros(len(stored.number), bool)
    live[[slot for slot in reads.tolist() if draw.random() < draw.choice([0.2, 1.0])]] = True
    expected = [_alone(context, block, cell) for cell in range(len(places))]
    everything = items_of(stored.gather(np.arange(len(stored.number))))
    for slot in np.nonzero(live)[0].tolist():  # what the live cells held before is not to be seen
        stored.set(slot, "old")
    workbook.calculation.workspace.pending[live] = True
    known = 0
    with np.errstate(all="ignore"):
        try:
            function = item_formula(step, live, watched=draw.random() < 0.5).prepared(everything)
        except (Signal, SheetmlError):
            return 0
        for cell in range(len(places)):
            try:
                item = function(cell)
            except FAULTS as fault:
                item = ErrorCode(code_of(fault))
            except (Signal, SheetmlError):
                continue
            if item == ErrorCode.UNCOMPUTABLE and type(item) is ErrorCode:
                continue
            known += 1
            message = f"{formula}, cell {cell + 1}: {item!r} alone, {expected[cell]!r} by the engine"
            assert type(item) is type(expected[cell]) and item == expected[cell], message
    return known


def _alone(context, block, cell):
    with np.errstate(all="ignore"):
        try:
            return to_objects(evaluated(context.select(np.array([cell])), block))[0, 0, 0]
        except (Signal, SheetmlError) as error:
            return error


@pytest.mark.parametrize("case", CASES)
def test_every_function_gives_single_values_what_it_gives_arrays(case: str) -> None:
    name, words = CASES[case]
    for example in range(2):
        drawing = Drawing(f"one by one {case} {example}", turned=example % 2 == 1)
        formula = drawing.formula(name, words)
        places = [(drawing.column + 3, row) if drawing.turned else (row, drawing.column + 3) for row in range(1, CELLS)]
        compared(made(drawing.cells), formula, places, case)


CELL = st.sampled_from(["A1", "B1", "C1", "$D$1", "A2"])
AREA = st.sampled_from(["A1:B1", "A$1:A1", "$A$1:$D$2", "B1:B3"])
CONSTANT = st.sampled_from(["0", "1", "2.5", '""', '"x"', "TRUE", "#N/A", "0.3"])


def deeper(part):
    operator = st.sampled_from(["+", "-", "*", "/", "^", "&", "=", "<>", "<", "<=", ">", ">="])
    two = st.tuples(part, operator, part).map(lambda of: f"({of[0]}{of[1]}{of[2]})")
    choice = st.tuples(part, part, part).map(lambda of: f"IF({of[0]},{of[1]},{of[2]})")
    short = st.tuples(part, part).map(lambda of: f"IF({of[0]},{of[1]})")
    instead = st.tuples(st.sampled_from(["IFERROR", "IFNA"]), part, part).map(lambda of: f"{of[0]}({of[1]},{of[2]})")
    one = st.tuples(st.sampled_from(["-({})", "({})%", "NOT({})", "ABS({})", "INT({})", "LEN({})", "LEFT({},1)"]), part)
    several = st.sampled_from(["SUM", "MIN", "MAX", "AVERAGE", "AND", "OR", "XOR"])
    of_parts = st.tuples(several, st.lists(part | AREA, min_size=1, max_size=3))
    counts = st.tuples(st.sampled_from(["COUNT", "COUNTA"]), st.lists(CELL | AREA, min_size=1, max_size=2))
    calls = (of_parts | counts).map(lambda of: f"{of[0]}({','.join(of[1])})")
    looked_up = st.tuples(part, part).map(lambda of: f"INDEX($A$1:$D$3,{of[0]},{of[1]})")
    found = part.map(lambda of: f"MATCH({of},$A$1:$A$3,0)") | part.map(lambda of: f"VLOOKUP({of},$A$1:$D$3,2,FALSE)")
    picked = st.tuples(part, part, part).map(lambda of: f"CHOOSE({of[0]},{of[1]},{of[2]})")
    first_of = st.tuples(part, part, part, part).map(lambda of: f"IFS({of[0]},{of[1]},{of[2]},{of[3]})")
    case = st.tuples(part, part, part, part).map(lambda of: f"SWITCH({of[0]},{of[1]},{of[2]},{of[3]})")
    meeting = st.sampled_from(
        ["COUNTIF({1},{0})", "SUMIF({1},{0})", "SUMIF({1},{0},B$1:B1)", "SUMIFS({1},{1},{0})", "AVERAGEIF({1},{0})"]
    )
    measured = st.tuples(meeting, part, AREA | st.just("A$1:A1")).map(lambda of: of[0].format(of[1], of[2]))
    return (
        picked
        | first_of
        | case
        | measured
        | two
        | two
        | choice
        | short
        | instead
        | one.map(lambda of: of[0].format(of[1]))
        | calls
        | looked_up
        | found
    )


@settings(max_examples=350, deadline=None)
@given(st.recursive(CELL | CONSTANT, deeper, max_leaves=9), st.lists(st.sampled_from(HELD), min_size=16, max_size=16))
def test_formulas_of_all_kinds_give_single_values_what_they_give_arrays(formula, held):
    cells = {
        f"{letter}{row}": held[4 * (row - 1) + place] for row in range(1, 5) for place, letter in enumerate("ABCD")
    }
    compared(made({"Z99": 1, **cells}), f"={formula}", [(row, 7) for row in range(1, 4)], formula)


def test_the_law_is_about_something() -> None:
    cells = {"A1": 1.0, "A2": "x", "A3": "#N/A", "B1": 2.0, "B2": 2.0, "B3": 2.0}
    formulas = ['=IF(A1=1,B1,"")', "=IFERROR(A1+B1,0)", "=SUM(A$1:A1,B1)", "=ROUND(B1,1)&A1", "=INDEX(A$1:B$3,B1,1)"]
    assert [compared(made(cells), formula, [(1, 7), (2, 7), (3, 7)], "") for formula in formulas] == [3] * 5


def test_items_are_values_and_back() -> None:
    items = [1.5, "text", True, None, ErrorCode.NA, ""]
    assert items_of(value_of_items(items)) == items
    assert items_of(value_of_items([1.0, -0.0])) == [1.0, 0.0]


def test_what_functions_give_are_items() -> None:
    assert [type(checked(item)) for item in (2, np.float64(0.5), np.bool_(True), True, None, "x")] == [
        *(float, float, bool, bool, type(None), str)
    ]
    for wrong in (float("inf"), ErrorCode.NA, "x" * 40_000):
        with pytest.raises(Fault):
            checked(wrong)
