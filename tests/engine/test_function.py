"""Cells as functions of cells: values, exact gradients, and what they say where there are none."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import CalculationError, NotDifferentiableError
from tests.workbooks import made

numbers = st.floats(-3, 3, allow_nan=False).map(lambda x: round(x, 3))


@settings(max_examples=20, deadline=None)
@given(st.lists(numbers, min_size=3, max_size=3))
def test_a_function_gives_what_the_workbook_computes(x):
    workbook = made({"A1": 1, "A2": 2, "A3": 0, "B1": "=IF(A1>A2,A1*A3,SQRT(A2-A1))", "C1": "=B1+SUM(A1:A3)"})
    f = workbook.function(inputs="A1:A3", output="C1")
    value = f(np.array(x))
    workbook["Sheet1"]["A1:A3"] = np.array(x).reshape(3, 1)
    workbook.calculate()
    assert value == pytest.approx(workbook["Sheet1"]["C1"], rel=1e-12, abs=1e-12)


def test_a_function_leaves_the_workbook_alone_until_assigned():
    workbook = made({"A1": 1, "B1": "=A1*2"})
    f = workbook.function(inputs="A1", output="B1")
    assert f(np.array([5.0])) == 10
    assert workbook["Sheet1"]["B1"] == 2
    f.assign(np.array([5.0]))
    assert workbook["Sheet1"]["B1"] == 10


def test_a_function_sees_later_changes_of_the_workbook():
    workbook = made({"A1": 1, "D1": 3, "B1": "=A1*D1"})
    f = workbook.function(inputs="A1", output="B1")
    assert f(np.array([2.0])) == 6
    workbook["Sheet1"]["D1"] = 10
    assert f(np.array([2.0])) == 20


def test_a_formula_cell_can_be_an_input_cut_off_from_what_it_depends_on():
    f = made({"A1": 1, "B1": "=A1*2", "C1": "=B1^2+A1"}).function(inputs=["B1", "A1"], output="C1")
    assert f.gradient(np.array([3.0, 1.0])) == pytest.approx([6.0, 1.0])


def test_several_outputs_have_a_jacobian():
    f = made({"A1": 1, "A2": 2, "B1": "=A1*A2", "B2": "=A1^2"}).function(inputs="A1:A2", output="B1:B2")
    assert f(np.array([3.0, 4.0])).tolist() == [12, 9]
    assert f.jacobian(np.array([3.0, 4.0])).tolist() == [[4, 3], [6, 0]]


MANY_OUTPUTS = {
    "more outputs than inputs": ({"A1": 1.5, "A2": 2} | {f"C{r}": f"=EXP(A1*{r}/9)*A2^2" for r in range(1, 8)}, 2, 7),
    "more inputs than outputs": (
        {f"A{r}": r / 4 for r in range(1, 8)} | {"C1": "=SUMSQ(A1:A7)", "C2": "=A1*A7/MAX(A1:A7)"}, 7, 2,
    ),
    "a gather through an index": (
        {"A1": 1, "A2": 2, "A3": 3} | {f"C{r}": f"=OFFSET($A$1,MOD({r},3),0)^3" for r in range(1, 6)}, 3, 5,
    ),
    "a recurrence of which every step is an output": (
        {"A1": 0.5, "A2": 1.25, "C1": "=A1"} | {f"C{r}": f"=C{r - 1}*$A$2+SIN(C{r - 1})" for r in range(2, 20)}, 2, 19,
    ),
    "outputs that do not depend on an input": ({"A1": 1, "A2": 2, "C1": 5, "C2": "=A1*3", "C3": "=C1*2"}, 2, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", MANY_OUTPUTS)
def test_each_row_of_a_jacobian_is_the_gradient_of_an_output(name):
    cells, inputs, outputs = MANY_OUTPUTS[name]
    workbook = made(cells)
    f = workbook.function(f"A1:A{inputs}", f"C1:C{outputs}")
    rows = [workbook.function(f"A1:A{inputs}", f"C{r}") for r in range(1, outputs + 1)]
    for x in (f.x0, f.x0[::-1].copy(), f.x0 * 1.5):
        jacobian = f.jacobian(x)
        assert jacobian.shape == (outputs, inputs)
        assert jacobian == pytest.approx(np.array([row.gradient(x) for row in rows]), rel=1e-12, abs=1e-12)


def test_a_jacobian_that_was_given_out_stays_as_it_is():
    f = made({"A1": 1, "A2": 2, "B1": "=A1*2+A2", "B2": "=A2*5"}).function("A1:A2", "B1:B2")
    first = f.jacobian(f.x0)
    first[:] = 7
    assert f.jacobian(f.x0).tolist() == [[2, 1], [0, 5]]


def test_a_jacobian_follows_a_decision():
    f = made({"A1": 1, "B1": "=IF(A1>0,A1*2,A1*3)", "B2": "=A1"}).function("A1", "B1:B2")
    assert [f.jacobian(np.array([x]))[0, 0] for x in (1.0, -1.0, 2.0)] == [2, 3, 2]


@pytest.mark.parametrize("ask", ["gradient", "jacobian", "__call__"])
@pytest.mark.parametrize(
    "formula", ["EXP(A1*A1)", "SQRT(A1)", "LN(A1+1)", "1/A1", "A1^0.5+10^(A1*A1)", "IF(A1>0,A1,NA())"]
)
def test_a_function_recovers_from_where_it_has_no_value(formula, ask):
    cells = {"A1": 1, "B1": f"={formula}", "C1": "=B1*2"}
    f = made(cells).function("A1", "C1")
    for x in (2.0, 0.0, -1.0, 1000.0, 1.5, 1.5, 1000.0, 0.5, -1.0, 3.0):
        try:
            expected = getattr(made(cells).function("A1", "C1"), ask)(np.array([x]))
        except CalculationError as error:
            with pytest.raises(CalculationError, match=re.escape(str(error))):
                getattr(f, ask)(np.array([x]))
        else:
            assert np.array_equal(np.ravel(getattr(f, ask)(np.array([x]))), np.ravel(expected), equal_nan=True)


@pytest.mark.parametrize("ask", ["value_and_gradient", "jacobian", "__call__"])
def test_an_error_value_is_never_taken_for_a_number_however_often_it_is_asked_for(ask):
    f = made({"A1": 1, "B1": "=IF(A1>0,A1,NA())"}).function(inputs="A1", output="B1")
    for x in (1.0, -1.0, -1.0, -2.0, 3.0):
        if x > 0:
            getattr(f, ask)(np.array([x]))
        else:
            with pytest.raises(CalculationError, match="Sheet1!B1 is #N/A"):
                getattr(f, ask)(np.array([x]))


def test_an_output_that_does_not_depend_on_the_inputs_has_gradient_zero():
    f = made({"A1": 1, "A2": 2, "B1": "=A2*3"}).function(inputs="A1", output="B1")
    assert f.value_and_gradient(np.array([1.0])) == (6.0, np.zeros(1))
    assert not f.depends


def test_a_path_without_derivative_names_function_and_cell():
    f = made({"A1": 1, "B1": '=LEN(A1&"ab")', "C1": "=B1*2"}).function(inputs="A1", output="C1")
    assert f(np.array([1.5])) == 10
    with pytest.raises(NotDifferentiableError, match=r"&.*Sheet1!B1"):
        f.gradient(np.array([1.5]))


def test_an_error_value_names_the_cell():
    f = made({"A1": 1, "B1": "=1/A1"}).function(inputs="A1", output="B1")
    assert f(np.array([2.0])) == 0.5
    with pytest.raises(CalculationError, match="Sheet1!B1 is #DIV/0!"):
        f(np.array([0.0]))
    assert f(np.array([4.0])) == 0.25


def test_overflow_is_excels_num_error():
    f = made({"A1": 1, "B1": "=EXP(A1)*EXP(A1)"}).function(inputs="A1", output="B1")
    assert f(np.array([1.0])) == pytest.approx(np.exp(2))
    with pytest.raises(CalculationError, match="#NUM!"):
        f(np.array([500.0]))


def test_an_unsupported_function_on_the_way_is_named():
    f = made({"A1": 1, "B1": "=NOSUCH(A1)", "C1": "=B1+1"}).function(inputs="A1", output="C1")
    with pytest.raises(CalculationError, match="NOSUCH"):
        f(np.array([1.0]))


def test_a_decision_that_changes_is_taken_anew():
    f = made({"A1": 1, "B1": 10, "B2": 20, "B3": 30, "C1": "=OFFSET(B1,A1,0)*A1"}).function(inputs="A1", output="C1")
    assert [f(np.array([x])) for x in (1.0, 2.0, 1.0, 0.0)] == [20, 60, 20, 0]


@pytest.mark.parametrize("formula", ["=SQRT(A1)", "=A1^0.5", "=ACOS(1-A1)"])
def test_where_the_value_exists_but_no_derivative_does_it_is_infinite(formula):
    function = made({"A1": 0, "B1": formula}).function("A1", "B1")
    value, gradient = function.value_and_gradient(function.x0)
    assert value == 0
    assert np.isinf(gradient).all()


@pytest.mark.parametrize(
    "formula",
    [
        '=SUMIF(A1:A3,">0")',
        '=COUNTIF(A1:A3,"<0")',
        "=COUNTIF(A1:A3,A2)",
        '=AVERAGEIFS(D1:D3,A1:A3,">=0",A1:A3,"<>2")',
        '=MAXIFS(D1:D3,A1:A3,"=0")',
        '=DSUM(C5:D8,"n",F5:F6)',
    ],
)
def test_which_cells_meet_a_criterion_is_decided_anew_at_each_point(formula):
    cells = {"A1": 1, "A2": 2, "A3": 3, "D1": 4, "D2": 5, "D3": 6, "B1": f"=IFERROR({formula[1:]},-1)"}
    cells |= {"C5": "x", "D5": "n", "C6": "=A1", "C7": "=A2", "C8": "=A3", "D6": "=A1*2", "D7": 20, "D8": 30}
    workbook = made({**cells, "F5": "x", "F6": ">0"})
    f = workbook.function("A1:A3", "B1")
    for point in [[0.0, 0, 0], [0, 0, 1], [1, -2, -3], [0, 2, 2]]:
        value = f(np.array(point))
        workbook["Sheet1"]["A1:A3"] = np.array(point).reshape(3, 1)
        workbook.calculate()
        assert value == workbook["Sheet1"]["B1"]
