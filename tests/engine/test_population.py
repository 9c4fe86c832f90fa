"""Many points at once: the same values as one by one, whatever the cells do."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import CalculationError
from sheetml.engine.population import Population
from tests.workbooks import made

numbers = st.floats(-4, 4, allow_nan=False).map(lambda x: round(x, 1))

FORMULAS = [
    "=SUM(A1:A3)+D1*A2",
    "=IF(A1>A2,A1*A3,SQRT(A2-A1))",
    "=SQRT(A1)",  # an error for some of the points
    "=IFERROR(SQRT(A1),IF(A2>0,LN(A2),-1))",
    "=INDEX(D1:D4,1+MOD(INT(ABS(A1)),4))",
    "=VLOOKUP(ROUND(ABS(A1),0),D1:E4,2)",
    "=MATCH(A1,{-3,-1,0,2})",
    "=CHOOSE(1+(A1>0)+(A2>0),A1,A2*10,OFFSET(D1,(A3>0)*1,0))",
    '=SUMIF(A1:A3,">0")+COUNTIF(A1:A3,"<"&A1)',
    "=SUMPRODUCT(A1:A3*D1:D3)+MAX(A1:A3)-SMALL(A1:A3,2)",
    '=LEN(TEXT(A1,"0.00")&D1)',
    '=IF(A1>0,"text",A2)',  # no number for some of the points
    "=LET(x,A1,y,x*2,IF(y>A2,y,x))",
    "=LAMBDA(x,IF(x>0,x,-x*A2))(A1)",
    "=AND(A1>0,A2>0)+OR(A1>1,A3>1)*2",
    "=IFS(A1>2,1,A2>2,2,TRUE,A3)",
    "=SUMXMY2(A1:A3,D1:D3)/COUNT(A1:A3)",
    "=RANK(A1,A1:A3)+ROUND(A2,0)*INT(A3)",
    '=SUBTOTAL(9,A1:A3)+AVERAGEIFS(D1:D3,A1:A3,">="&MIN(A1:A3))',
]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=6))
def test_many_points_at_once_have_the_values_of_each_alone(points):
    cells = {f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[5 + i]}1": formula for i, formula in enumerate(FORMULAS)}
    given_cells = {
        "A1": 1,
        "A2": 2,
        "A3": 0.5,
        "D1": 0.0,
        "D2": 1,
        "D3": 2.5,
        "D4": 4,
        "E1": 7,
        "E2": -3,
        "E3": 5,
        "E4": 1,
    }
    workbook = made({**given_cells, **cells})
    inputs = "A1:A3"
    outputs = [f"Sheet1!{address}" for address in cells]
    together = workbook.function(inputs, outputs).batch(np.array(points))
    for column, output in enumerate(outputs):
        alone = workbook.function(inputs, output)
        for row, point in enumerate(points):
            try:
                expected = alone(np.array(point))
            except CalculationError:
                expected = np.nan
            assert together[row, column] == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True), FORMULAS[column]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=2, max_size=5))
def test_filled_formulas_and_recurrences_follow_the_points(points):
    cells = {"A1": 1.0, "A2": 0.5, "B1": "=A1", "D1": "=SUM(B1:B12)+SUM(C1:C12)"}
    for row in range(2, 13):
        cells[f"B{row}"] = f"=B{row - 1}*$A$2+C{row - 1}"
    for row in range(1, 13):
        cells[f"C{row}"] = f"=IF(B{row}>0,B{row}/2,-B{row})"
    f = made(cells).function("A1:A2", "D1")
    assert f.batch(np.array(points)) == pytest.approx([f(np.array(point)) for point in points], rel=1e-12, abs=1e-12)


def test_array_formulas_and_other_sheets_follow_the_points():
    cells = {"A1": 1, "A2": 2, "B1:B2": "{=TRANSPOSE(A1:A2*Other!A1)}", "C1": "=SUM(B1:B2)+Other!B1"}
    f = made(cells, Other={"A1": 3, "B1": "=Sheet1!A1^2"}).function("Sheet1!A1:A2", "Sheet1!C1")
    points = np.array([[1.0, 2.0], [3.0, -4.0], [0.0, 0.5]])
    assert f.batch(points) == pytest.approx([f(point) for point in points])


def test_cells_read_through_offset_are_computed_before_they_are_read():
    f = made({"A1": 1, "B1": "=A1*10", "B2": "=A1*100", "C1": "=OFFSET(B1,IF(A1>2,1,0),0)"}).function("A1", "C1")
    assert f.batch(np.array([[1.0], [3.0], [2.0]])).tolist() == [10, 300, 20]


def test_many_points_see_later_changes_of_the_workbook():
    workbook = made({"A1": 1, "D1": 3, "B1": "=A1*D1"})
    f = workbook.function("A1", "B1")
    assert f.batch(np.array([[1.0], [2.0]])).tolist() == [3, 6]
    workbook["Sheet1"]["D1"] = 5
    assert f.batch(np.array([[1.0], [2.0]])).tolist() == [5, 10]
    assert workbook["Sheet1"]["A1"] == 1


def test_cells_in_a_circle_are_evaluated_point_by_point():
    f = made({"A1": 1, "B1": "=IF(A1>0,A1,C1)", "C1": "=IF(A1>0,B1,A1)"}).function("A1", "C1")
    try:
        alone = [f(np.array([1.0])), f(np.array([2.0]))]
    except CalculationError:
        alone = [np.nan, np.nan]
    assert f.batch(np.array([[1.0], [2.0]])) == pytest.approx(alone, nan_ok=True)


def test_points_that_are_no_numbers_have_no_value():
    f = made({"A1": 1, "B1": "=A1*2"}).function("A1", "B1")
    assert f.batch(np.array([[1.0], [np.inf], [np.nan]])) == pytest.approx([2.0, np.nan, np.nan], nan_ok=True)
    assert f.batch(np.zeros((0, 1))).shape == (0,)


def test_two_functions_become_one():
    workbook = made({"A1": 1, "A2": 2, "B1": "=A1+A2", "C1": "=A1*A2", "C2": "=A1-A2"})
    both = workbook.function("A1:A2", "B1").joined(workbook.function("A1:A2", "C1:C2"))
    assert both(np.array([3.0, 5.0])).tolist() == [8, 15, -2]
    assert both.batch(np.array([[3.0, 5.0], [1.0, 1.0]])).tolist() == [[8, 15, -2], [2, 1, 0]]


def test_more_points_than_fit_are_taken_in_turns(monkeypatch):
    monkeypatch.setattr("sheetml.engine.population.NUMBERS_AT_ONCE", 10)
    f = made({"A1": 1, "B1": "=A1*2", "C1": "=B1+A1"}).function("A1", "C1")
    assert f.batch(np.arange(11.0)[:, None]).tolist() == (3 * np.arange(11.0)).tolist()


def test_decisions_of_many_points_cost_few_operations():
    """A point alone takes a new trace at each decision; together they are one array operation a formula."""
    cells = {f"A{i}": i for i in range(1, 31)} | {f"D{i}": i * i % 31 for i in range(1, 31)}
    cells |= {f"B{i}": f"=OFFSET($D$1,A{i}-1,0)*IF(A{i}>A{i % 30 + 1},1,-1)" for i in range(1, 31)}
    f = made({**cells, "C1": "=SUM(B1:B30)"}).function("A1:A30", "C1")
    points = np.array([np.random.default_rng(seed).permutation(30) + 1.0 for seed in range(400)])
    calls = []
    original = Population._evaluated

    def counted(self, step, lane):
        calls.append(step)
        return original(self, step, lane)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Population, "_evaluated", counted)
        started = time.perf_counter()
        values = f.batch(points)
        seconds = time.perf_counter() - started
    assert len(calls) == 3, f"{seconds} s"  # the last row of B reads A1 again: a formula of its own
    assert values[:20] == pytest.approx([f(point) for point in points[:20]])
