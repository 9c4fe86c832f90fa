"""The law of second derivatives: those of the exact gradient, for every function and kind of block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import test_derivatives
from tests.engine.differences import assert_gradient_equals_differences
from tests.engine.functions import test_gradients
from tests.engine.test_derivatives import recurrence, where_differences_serve
from tests.workbooks import made

A = {"A1": 1.0, "A2": 2.0, "A3": 0.5, "B1": 3.0, "B2": -1.0, "B3": 0.7}
numbers = st.floats(-1.5, 1.5)

SCANS = {
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
BOOKS = {name: case for name, case in test_derivatives.BOOKS.items() if name != "a long recurrence"} | SCANS


class Along:
    """The derivative of a function along a direction, as a function itself."""

    def __init__(self, f, direction):
        self.f, self.direction = f, direction

    def __call__(self, x):
        return float(self.f.gradient(x) @ self.direction)

    def gradient(self, x):
        return self.f.hessian_product(x, self.direction)


@pytest.mark.parametrize("name", test_gradients.CASES)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_every_function_has_second_derivatives(name, data):
    case = test_gradients.CASES[name]
    f = test_gradients.function(case)
    x, steps = data.draw(test_gradients.points(case))
    v = np.array(data.draw(st.lists(numbers, min_size=x.size, max_size=x.size)))
    assert_gradient_equals_differences(Along(f, v), x, steps)


@pytest.mark.parametrize("name", BOOKS)
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_every_kind_of_block_has_second_derivatives(name, data):
    f = function(name)
    x = np.array(data.draw(st.lists(numbers, min_size=f.x0.size, max_size=f.x0.size)))
    x, steps = where_differences_serve(name, x)
    v = np.array(data.draw(st.lists(numbers, min_size=x.size, max_size=x.size)))
    assert_gradient_equals_differences(Along(f, v), x, steps / 2)


@pytest.mark.parametrize("name", BOOKS)
def test_the_hessian_is_symmetric_and_its_products_are_those_along_directions(name):
    f = function(name)
    x = np.linspace(0.4, 1.3, f.x0.size)
    hessian = f.hessian(x)
    size = 1 + np.abs(hessian).max()
    assert hessian == pytest.approx(hessian.T, rel=1e-9, abs=1e-9 * size)
    for v in np.eye(x.size):
        assert hessian @ v == pytest.approx(f.hessian_product(x, v), rel=1e-9, abs=1e-9 * size)


_functions = {}


def function(name):
    if name not in _functions:
        cells, inputs, output = BOOKS[name]
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
