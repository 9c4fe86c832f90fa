"""What readers ask of a calculated workbook, and that asking changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from sheetml.engine import questions
from sheetml.engine.cells import StoredCells
from sheetml.engine.tracing.graph import Trace
from sheetml.formula.parser import parse
from tests.workbooks import made

CELLS = {
    "A1": 1,
    "A2": 2,
    "B1": "=A1*2",
    "B2": "=A2*2",
    "C1": "=SUM(B1:B2)",
    "D1": "=OFFSET(A1,1,0)",
    "E1": "=NOFUNCTION(A1)",
}


@pytest.fixture
def calculation():
    workbook = made(CELLS)
    workbook.calculate()
    return workbook.calculation


def slots(calculation, *cells):
    return [calculation.slot(0, row, column) for row, column in cells]


def test_a_filled_down_formula_is_one_block_and_each_cell_has_its_own_text(calculation):
    first, second, typed = slots(calculation, (1, 2), (2, 2), (1, 1))
    assert questions.block(calculation, first) is questions.block(calculation, second)
    assert [questions.text(calculation, slot) for slot in (first, second, typed)] == ["A1*2", "A2*2", None]
    assert questions.step(calculation, typed) is None


def test_a_cell_reads_what_its_formula_names_and_what_offset_finds(calculation):
    (total, offset), (a1, a2, b1, b2) = (
        slots(calculation, (1, 3), (1, 4)),
        slots(calculation, (1, 1), (2, 1), (1, 2), (2, 2)),
    )
    assert questions.reads(calculation, total).tolist() == sorted([b1, b2])
    assert a2 in questions.reads(calculation, offset).tolist()
    assert questions.reads(calculation, a1).size == 0


def test_readers_and_dependents_follow_cells_one_by_one(calculation):
    a2, b2, total, offset = slots(calculation, (2, 1), (2, 2), (1, 3), (1, 4))
    readers = np.concatenate(questions.readers(calculation, a2)).tolist()
    assert sorted(readers) == sorted([b2, offset])
    changed = calculation.mask(np.array([a2]))
    assert {b2, total, offset} == set(np.nonzero(questions.dependents(calculation, changed))[0].tolist())


def test_why_a_cell_has_no_value_is_told(calculation):
    (unknown,) = slots(calculation, (1, 5))
    assert "NOFUNCTION" in questions.reason(calculation, unknown)
    assert list(questions.problems(calculation)) == [unknown]


def test_a_borrowed_workspace_is_given_back_as_it_was(calculation):
    workspace = calculation.workspace
    before = dict(vars(workspace))
    problems, pending = dict(workspace.problems), workspace.pending.copy()
    with pytest.raises(ZeroDivisionError), workspace.borrowed(StoredCells(calculation.count), Trace()):
        workspace.problems[1] = "tried"
        workspace.dynamic_reads.append(np.array([1]))
        workspace.pending[:] = True
        workspace.calls, workspace.in_circle, workspace.now = 7, True, 1.0
        raise ZeroDivisionError
    assert all(vars(workspace)[name] is value for name, value in before.items())
    assert workspace.problems == problems
    assert np.array_equal(workspace.pending, pending)


def test_an_edit_says_which_slots_it_changed(calculation):
    formulas = calculation.formulas
    b1, b2 = slots(calculation, (1, 2), (2, 2))
    change = formulas.remove(np.array([b2]))
    assert change.edited.tolist() == [b2]
    assert not change.filled.size
    assert formulas.edited == {(0, 2, 2): None}
    assert formulas.are_filled(np.array([b1, b2])).tolist() == [True, False]
    change = formulas.put(0, parse("A2*3", 2, 2), "A2*3", 2, 2, [(2, 2)])
    assert change.filled.tolist() == [b2]
    assert formulas.own_text(b2) == "A2*3"
    assert not formulas.remove(np.array([0]))


def test_a_function_may_be_stated_by_areas_or_by_slots():
    workbook = made(CELLS)
    named = workbook.function(["Sheet1!A1:A2"], "Sheet1!C1")
    by_area = workbook.function_of(workbook.areas("Sheet1!A1:A2"), workbook.areas("Sheet1!C1"))
    calculation = workbook.calculation
    by_slot = workbook.function_of(
        np.array(slots(calculation, (1, 1), (2, 1))), np.array(slots(calculation, (1, 3), (2, 2)))
    )
    x = np.array([3.0, 5.0])
    assert named(x) == by_area(x) == 16.0
    assert by_slot(x).tolist() == [16.0, 10.0]
    assert by_slot.jacobian(x).tolist() == [[2.0, 2.0], [0.0, 2.0]]


def test_making_room_for_cells_keeps_what_all_others_hold():
    workbook = made({"A1": 1, "C3": "text", "B2": "=A1+1"})
    workbook.calculate()
    workbook["Sheet1"]["A1"] = 5
    workbook.calculation.add_cells(0, [(1, 2), (9, 9)])
    assert workbook["Sheet1"]["C3"] == "text"
    workbook.calculate()
    assert workbook["Sheet1"]["B2"] == 6.0
