"""Second derivatives: those of the exact gradient, for every kind of block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import NotDifferentiableError
from tests.engine.test_function import BOOKS, numbers, recurrence
from tests.workbooks import made

A = {"A1": 1.0, "A2": 2.0, "A3": 0.5, "B1": 3.0, "B2": -1.0, "B3": 0.7}


def of(formula):
    return A | {"D1": formula}, ["A1:A3"], "D1"


CASES = BOOKS | {
    "a root of a sum of squares": of("=SQRT(SUMSQ(A1:A3)+1)"),
    "sums of products": of("=SUMPRODUCT(A1:A3,B1:B3,A1:A3)^2"),
    "sums over pairs": of("=SUMXMY2(A1:A3,B1:B3)^2+SUMX2PY2(A1:A3,B1:B3)*SUMX2MY2(A1:A3,B1:B3)"),
    "quotients": of("=A1/(1+A2^2)/(2+A3^2)"),
    "elementary functions": of("=EXP(A1/3)*SIN(A2)+TANH(A3)*COS(A1)+ATAN(A2)*LN(1+A3^2)"),
    "powers": of("=(1+A1^2)^1.5*(2+A2^2)^(A3/3)"),
    "extremes": of("=MAX(A1:A3)^2*MIN(A1,A2)"),
    "conditions within": of("=IF(A1>A2,A1^2*A3,A2^3)"),
    "a mean and a spread": of("=AVERAGE(A1:A3)*STDEV.S(A1:A3,10)"),
    "a correlation": of("=CORREL(A1:A3,B1:B3)*A1"),
    "products of matrices": (
        A | {"D1:E2": "{=MMULT(MMULT(A1:B2,TRANSPOSE(A1:B2)),A1:B2)}", "F1": "=SUMSQ(D1:E2)/10"},
        ["A1:A2", "B1:B2"],
        "F1",
    ),
    "the normal distribution": of("=NORM.S.DIST(A1,TRUE)*NORM.S.DIST(A2,FALSE)+A3"),
    "a gather by position": of("=INDEX(A1:A3,2)^2*OFFSET(A1,2,0)*VLOOKUP(3,A1:B3,1,TRUE)"),
    "a chosen number": of("=CHOOSE(2,A1,A2^2)*A3"),
    "a scan over rows, with a division": (
        {"A1": 1.0, "D1": 0.5, "E1": "=B12^2*A1"}
        | {f"A{row}": f"=B{row - 1}" for row in range(2, 13)}
        | {f"B{row}": f"=A{row}*$D$1/(1+A{row}^2)+$D$1^2" for row in range(1, 13)},
        ["A1", "D1"],
        "E1",
    ),
    "a scan by momentum": (
        {"A1": 1.0, "B1": 0.0, "D1": 0.1, "E1": 0.8, "F1": "=(A20-2)^2"}
        | {f"B{row}": f"=B{row - 1}*$E$1+(1-$E$1)*2*(A{row - 1}-2)" for row in range(2, 21)}
        | {f"A{row}": f"=A{row - 1}-$D$1*B{row}" for row in range(2, 21)},
        ["A1", "D1", "E1"],
        "F1",
    ),
}
SHORT = {name: case for name, case in CASES.items() if name != "a long recurrence"}


@pytest.mark.parametrize("name", SHORT)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_second_derivatives_equal_differences_of_the_gradient(name, data):
    f = function(name)
    x = np.array(data.draw(st.lists(numbers, min_size=f.x0.size, max_size=f.x0.size)))
    x += np.arange(x.size) * 1e-2  # away from where a maximum or a condition changes
    v = np.array(data.draw(st.lists(numbers, min_size=x.size, max_size=x.size)))
    near, far = ((f.gradient(x + step * v) - f.gradient(x - step * v)) / (2 * step) for step in (1e-5, 2e-5))
    differences = (4 * near - far) / 3  # Richardson's extrapolation: the error is of step**4
    size = 1 + np.abs(differences).max() + np.abs(f.gradient(x)).max()
    assert f.hessian_product(x, v) == pytest.approx(differences, rel=1e-4, abs=1e-5 * size)


@pytest.mark.parametrize("name", SHORT)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_the_hessian_is_symmetric_and_its_products_are_those_along_directions(name, data):
    f = function(name)
    x = np.array(data.draw(st.lists(numbers, min_size=f.x0.size, max_size=f.x0.size))) + np.arange(f.x0.size) * 1e-2
    v = np.array(data.draw(st.lists(numbers, min_size=x.size, max_size=x.size)))
    hessian = f.hessian(x)
    size = 1 + np.abs(hessian).max()
    assert hessian == pytest.approx(hessian.T, rel=1e-9, abs=1e-9 * size)
    assert hessian @ v == pytest.approx(f.hessian_product(x, v), rel=1e-9, abs=1e-9 * size)


_functions = {}


def function(name):
    if name not in _functions:
        cells, inputs, output = CASES[name]
        _functions[name] = made(cells).function(inputs=inputs, output=output)
    return _functions[name]


def test_the_hessian_of_a_quadratic_form_is_its_matrix():
    f = made(A | {"D1": "=3*A1^2+4*A1*A2-A2^2+7*A3"}).function("A1:A3", "D1")
    assert f.hessian(np.array([1.0, 2.0, 3.0])).tolist() == [[6, 4, 0], [4, -2, 0], [0, 0, 0]]


def test_a_long_recurrence_has_second_derivatives():
    f = made(recurrence(150)).function(["A1", "D1"], "E1")
    x, shift = f.x0, np.array([0, 1e-6])
    differences = (f.gradient(x + shift) - f.gradient(x - shift)) / 2e-6
    assert f.hessian_product(x, np.array([0.0, 1.0])) == pytest.approx(differences, rel=1e-4)


def test_of_several_outputs_a_weighted_sum_has_derivatives():
    f = made(A | {"D1": "=A1^2*A2", "D2": "=A3^3"}).function("A1:A3", "D1:D2")
    x, weights = np.array([1.0, 2.0, 3.0]), np.array([2.0, 10.0])
    assert f.weighted_gradient(x, weights) == pytest.approx(weights @ f.jacobian(x))
    assert f.hessian_product(x, np.array([1.0, 0.0, 1.0]), weights) == pytest.approx([8, 4, 180])
    with pytest.raises(ValueError, match="weights"):
        f.hessian_product(x, x)


def test_what_does_not_depend_on_the_inputs_has_second_derivatives_zero():
    f = made(A | {"D1": "=B1*2"}).function("A1:A3", "D1")
    assert not f.hessian(f.x0).any()
    linear = made(A | {"D1": "=A1*2+A2"}).function("A1:A3", "D1")
    assert not linear.hessian_product(linear.x0, np.ones(3)).any()


def test_second_derivatives_are_compiled_once_and_follow_a_decision_that_changes():
    f = made(A | {"D1": "=OFFSET(B1,A1,0)*A2^2*A1"}).function(["A1", "A2"], "D1")
    v = np.array([0.0, 1.0])
    assert f.hessian_product(np.array([1.0, 2.0]), v).tolist() == [-4, -2]
    recording = f._recording
    assert f.hessian_product(np.array([1.0, 3.0]), v).tolist() == [-6, -2]
    assert f._recording is recording
    assert f.hessian_product(np.array([2.0, 2.0]), v) == pytest.approx([2.8, 2.8])


def test_a_second_derivative_that_does_not_exist_is_named():
    f = made(A | {"D1": "=GAMMALN(A1+5)"}).function("A1", "D1")
    assert np.isfinite(f.gradient(np.array([1.0]))).all()
    with pytest.raises(NotDifferentiableError, match="DIGAMMA"):
        f.hessian(np.array([1.0]))
