"""What is called linear or quadratic is, at every point and not only where it was looked at; and what is, is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.engine.cell_function import CellFunction
from sheetml.solve.linear.polynomials import Polynomials, polynomials
from tests.solve.models import solver_model

LOW, HIGH = 0.0, 4.0
CELLS = {"A1": 1.5, "A2": 2.5, "A3": 0.5, "D1": 3, "D2": -2, "D3": 0.5, "D4": "x", "E1": "x", "E2": "y", "E3": "x"}
CELLS |= {"F1": "=A1+2*A2", "F2": "=A3-A1", "F3": "=D1*A2", "F4": "=A1*A3"}


def function_of(formula: str) -> CellFunction:
    model = solver_model(CELLS | {"B1": formula}, adjustable="A1:A3")
    return model.workbook.function("Sheet1!A1:A3", "Sheet1!B1")


def read(function: CellFunction) -> Polynomials:
    return polynomials(function, function.x0, np.full(3, LOW), np.full(3, HIGH))


leaves = st.sampled_from(["A1", "A2", "A3", "F1", "F2", "F3", "F4", "D1", "D2", "D3", "2", "0.5", "0", "-1"])
functions = st.sampled_from(
    ["({0}+{1})", "({0}-{1})", "({0}*{1})", "({0}/4)", "SUM(A1:A3,{0})", "SUMPRODUCT(A1:A3,D1:D3)*{0}", "MAX({0},{1})",
     "MIN({0},{1})", "ABS({0})", "IF({0}>{1},{0},{1})", "IF({0}>=0,{1},{0})", "({0})^2", "({0})^1", "AVERAGE({0},{1})",
     "PRODUCT({0},{1})", "SUMSQ({0},{1})", "SUMIF(E1:E3,\"x\",A1:A3)", "INDEX(A1:A3,2)", "N({0})", "-{0}", "({0})%",
     "SUMXMY2(A1:A3,D1:D3)", "SUMPRODUCT(F1:F3,A1:A3)", "({0}>{1})*{0}", "CHOOSE(2,{0},{1})", "ROUND({0},0)",
     "IFERROR({0},{1})", "SUM(OFFSET(A1,1,0,2,1))", "NPV(0.5,{0},{1})", "MEDIAN({0},{1})", "LARGE(A1:A3,1)", "EXP({0})",
     "DEVSQ(A1:A3)", "VAR({0},{1})", "MMULT(A1:C1,D1:D3)", "TRUNC({0})", "SUBTOTAL(9,A1:A3)", "VLOOKUP(D1,D1:F3,3)"]
)  # fmt: skip
formulas = st.recursive(leaves, lambda inner: st.builds(str.format, functions, inner, inner), max_leaves=6)


@settings(max_examples=250, deadline=None)
@given(formulas, st.lists(st.floats(LOW + 0.1, HIGH - 0.1), min_size=3, max_size=3))
def test_what_is_read_off_a_formula_holds_at_every_point_within_the_bounds(formula, point):
    function = function_of("=" + formula)
    try:
        found = read(function)
    except sheetml.SheetmlError:
        assume(False)
    assert "do not give" not in found.reason
    if found.quadratic is None:
        return
    x = np.array(point)
    expected = function(x)
    assert found.values(x)[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    if not found.quadratic.size:
        assert found.is_linear
        slope = function.jacobian(x) if found.matrix.nnz else np.zeros((1, 3))
        assert found.matrix.toarray() == pytest.approx(slope, abs=1e-9)
    else:
        assert found.hessian(0).toarray() == pytest.approx(function.hessian(x), abs=1e-9)


@pytest.mark.parametrize(
    "formula",
    [
        "=3*A1-A2/7+SUM(A1:A3)*2-(A3-4)/3", "=SUMPRODUCT(A1:A3,D1:D3)-F1+2*F2", "=IF(D1>2,F1,F4)",
        "=SUMIF(E1:E3,\"x\",A1:A3)+AVERAGE(F1:F3)", "=SUMPRODUCT((E1:E3=\"x\")*A1:A3)", "=MAX(A1,-1)+ABS(A2+1)",
        "=SUMPRODUCT(--(E1:E3=\"x\"),A1:A3)", "=IFERROR(A1/D1,0)+N(A2)+CHOOSE(2,A1*A2,A3)",
        "=SUM(INDEX(A1:A3,0))+LOOKUP(3,D1:D1,A1:A1)",
    ],
)  # fmt: skip
def test_formulas_of_linear_models_are_linear(formula):
    assert read(function_of(formula)).is_linear


@pytest.mark.parametrize(
    "formula",
    ["=A1*A2", "=A1^2", "=MAX(A1,A2)", "=IF(A1>2,A1,A2)", "=1/(1+A1)", "=ROUND(A1,1)", '=COUNTIF(A1:A3,">1")'],
)
def test_formulas_that_are_not_linear_are_not_called_so(formula):
    assert not read(function_of(formula)).is_linear


def test_what_cancels_is_nothing():
    found = read(function_of("=A1*A2-A2*A1+(A1+1)*3-3*A1"))
    assert found.is_linear and not found.matrix.nnz and found.constant == pytest.approx([3])


def test_a_comparison_whose_bounds_overflow_is_a_decision_that_is_not_settled():
    model = solver_model({"A1": 1, "A2": 2, "B1": "=IF(1E300*A1-1E300*A2>0,A1,A2)"}, adjustable="A1:A2")
    function = model.workbook.function("Sheet1!A1:A2", "Sheet1!B1")
    found = polynomials(function, function.x0, np.zeros(2), np.full(2, 1e300))
    assert "decides by" in found.reason
