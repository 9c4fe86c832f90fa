"""Circular references are computed by iteration where the file asks for it, and named where it does not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.errors import UncomputableError
from sheetml.xlsx.model import ErrorCode
from tests.reference import reference
from tests.workbooks import fill, made


def iterating(
    cells: dict[str, Any], *, count: int = 100, delta: float = 0.001, **sheets: dict[str, Any]
) -> sheetml.Workbook:
    """A workbook that allows circular references; not yet calculated, without stored values of formulas."""
    book = openpyxl.Workbook()
    book.active.title = "Sheet1"
    fill(book.active, cells)
    for name, more in sheets.items():
        fill(book.create_sheet(name), more)
    book.calculation.iterate, book.calculation.iterateCount, book.calculation.iterateDelta = True, count, delta
    with tempfile.TemporaryDirectory() as folder:
        book.save(Path(folder) / "book.xlsx")
        return sheetml.open(Path(folder) / "book.xlsx")


def test_rows_come_before_columns_and_the_rounds_end_when_little_changes() -> None:
    # a tax that lowers what it is taken of: the rounds are (0, 712), (71, 641), (64, 648), (65, 647), (65, 647)
    cells = {"A1": 400, "A2": 312, "A3": "=ROUND(A4*0.1,0)", "A4": "=A1+A2-A3"}
    for count, values in enumerate([(0, 712), (71, 641), (64, 648), (65, 647), (65, 647)], start=1):
        workbook = iterating(cells, count=count)
        workbook.calculate()
        assert (workbook["Sheet1"]["A3"], workbook["Sheet1"]["A4"]) == values


def test_a_counter_counts_to_the_most_rounds_at_each_calculation_that_something_asks_for() -> None:
    workbook = iterating({"A1": "=A1+B1", "B1": 1}, count=7)
    sheet = workbook["Sheet1"]
    workbook.calculate()
    workbook.calculate()
    assert sheet["A1"] == 7
    sheet["B1"] = 2
    workbook.calculate()
    assert sheet["A1"] == 21


def test_rounds_go_sheet_by_sheet() -> None:
    # Second!A1 sees First's new value, First sees Second's of the round before
    workbook = iterating({"A1": "=Second!A1+1"}, count=3, Second={"A1": "=Sheet1!A1*2"})
    workbook.calculate()
    assert (workbook["Sheet1"]["A1"], workbook["Second"]["A1"]) == (7, 14)


def test_what_stands_between_two_circles_is_computed_with_them() -> None:
    cells = {"A1": "=0.5*A1+1", "A2": "=A1*10", "A3": "=0.5*A3+A2", "A4": "=A3+1"}
    workbook = iterating(cells, delta=1e-9)
    workbook.calculate()
    assert np.allclose([workbook["Sheet1"][cell] for cell in cells], [2, 20, 40, 41])


def test_a_circle_that_a_switch_opens_does_not_iterate() -> None:
    workbook = iterating({"A1": 0, "B1": "=IF(A1=1,B2/2+1,5)", "B2": "=B1+1"})
    workbook.calculate()
    assert (workbook["Sheet1"]["B1"], workbook["Sheet1"]["B2"]) == (5, 6)
    workbook["Sheet1"]["A1"] = 1
    workbook.calculate()
    assert workbook["Sheet1"]["B1"] == pytest.approx(3, abs=0.01)


def test_texts_and_errors_go_round_too() -> None:
    workbook = iterating({"A1": '=LEFT(A1&"x",3)', "B1": "=1/0+B1"}, count=10)
    workbook.calculate()
    assert (workbook["Sheet1"]["A1"], workbook["Sheet1"]["B1"]) == ("xxx", ErrorCode.DIV0)


def test_a_function_through_an_iteration_is_refused_by_name() -> None:
    workbook = iterating({"A1": 100, "B1": "=A1+0.1*B2", "B2": "=B1", "C1": "=A1*2"})
    with pytest.raises(UncomputableError, match=r"Sheet1!B[12] is calculated by iteration"):
        workbook.function("Sheet1!A1", "Sheet1!B2")(np.array([1.0]))
    assert workbook.function("Sheet1!A1", "Sheet1!C1")(np.array([1.0])) == 2


def test_without_the_files_leave_circles_are_named() -> None:
    workbook = made({"A1": "=B1+1", "B1": "=A1"})
    workbook.calculate()
    assert all("circular" in problem for problem in workbook.problems.values()) and workbook.problems


def test_nothing_moves_while_nothing_changed(tmp_path: Path) -> None:
    workbook = iterating({"A1": 100, "B1": "=A1+0.1*B2", "B2": "=B1", "C1": "=C1+1"})
    workbook.calculate()
    workbook.save(tmp_path / "saved.xlsx")
    again = sheetml.open(tmp_path / "saved.xlsx")
    again.calculate(everything=True)
    assert again.changes() == {} and again["Sheet1"]["C1"] == 100
    again["Sheet1"]["A1"] = 200.0
    again.calculate()
    assert again["Sheet1"]["B2"] == pytest.approx(200 / 0.9, abs=0.001)
    assert again["Sheet1"]["C1"] == 100


def test_a_real_workbook_iterates_from_the_values_that_it_has() -> None:
    workbook = sheetml.open(reference("corpus", "poi", "57535.xlsx"))
    workbook.calculate()
    assert workbook.problems == {} and workbook.changes() == {}
    workbook["Sheet1"]["D4"] = 10.0
    workbook.calculate()
    assert workbook["Sheet1"]["E5"] == pytest.approx(0.1 * 11 * 2 / 0.9, abs=0.001)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_many_cells_go_round_as_one_by_one(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(2, 6)), data.draw(st.integers(1, 4))
    places = [(row, column) for row in range(1, rows + 1) for column in range(1, columns + 1)]
    place = st.sampled_from(places)
    terms = {
        each: data.draw(st.lists(st.tuples(st.sampled_from([0.25, -0.5, 0.125]), place), max_size=3)) for each in places
    }
    guarded = data.draw(st.booleans())  # with decisions no loop on floats can be made
    cells = {}
    for each in places:
        text = "=1" + "".join(f"+{factor}*{_cell(other)}" for factor, other in terms[each])
        cells[_cell(each)] = f"=IF(TRUE,{text[1:]},0)" if guarded else text
    workbook = iterating(cells, count=5, delta=1e-12)
    workbook.calculate()
    values = dict.fromkeys(places, 0.0)
    in_a_circle = _in_circles(places, terms)
    for _ in range(5 if in_a_circle else len(places)):
        for each in places:
            values[each] = 1 + sum(factor * values[other] for factor, other in terms[each])
    for each in in_a_circle:
        assert workbook["Sheet1"][_cell(each)] == pytest.approx(values[each])


def _cell(place: tuple[int, int]) -> str:
    return f"{'ABCD'[place[1] - 1]}{place[0]}"


def _in_circles(places: list[tuple[int, int]], terms: dict[Any, list[Any]]) -> list[tuple[int, int]]:
    """The cells that depend on themselves, if all of them do through each other: several circles do not run in step."""

    def reached(start: Any) -> set[Any]:
        found: set[Any] = set()
        waiting = [other for _, other in terms[start]]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += [other for _, other in terms[each]]
        return found

    all_reached = {each: reached(each) for each in places}
    circular = [each for each in places if each in all_reached[each]]
    return circular if all(all_reached[each] == set(circular) for each in circular) else []
