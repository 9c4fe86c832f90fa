"""The law of derivatives: exact gradients equal differences, for every function there is.

A function is added to sheetml together with its line in one of the tables of derivatives.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sheetml import NotDifferentiableError
from sheetml.engine.functions import FUNCTIONS
from tests.engine.differences import assert_gradient_equals_differences
from tests.engine.functions.derivatives import FLAT, ROUNDING, SMOOTH, WITHOUT, Case
from tests.workbooks import made

CASES = {
    f"{name} {number}" if number else name: case
    for name, cases in SMOOTH.items()
    for number, case in enumerate(cases if isinstance(cases, list) else [cases])
}
_functions = {}


def function(case: Case):
    """The formula as a function of its inputs; made once."""
    if case.formula not in _functions:
        inputs = [f"A{n}" for n in range(1, len(case.domains) + 1)]
        numbers = {cell: (low + high) / 2 for cell, (low, high) in zip(inputs, case.domains)}
        workbook = made({**numbers, **case.cells, "Z1": case.formula})
        _functions[case.formula] = workbook.function(inputs=inputs, output="Z1")
    return _functions[case.formula]


@st.composite
def points(draw, case: Case):
    """A point among the domains, and for each input a step that meets no kink."""
    widths = np.array([high - low for low, high in case.domains])
    shares = draw(st.lists(st.floats(0.1, 0.9), min_size=len(widths), max_size=len(widths)))
    x = np.array([low for low, _ in case.domains]) + widths * shares
    room = widths / 20
    for i in range(x.size):
        kinks = [*case.away, *(np.delete(x, i) if case.apart else ())]
        nearest = min((abs(x[i] - kink) for kink in kinks), default=np.inf)
        room[i] = min(room[i], nearest / 3)
    assume((room > widths / 1000).all())
    return x, room


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_gradient_equals_differences(name, data):
    case = CASES[name]
    x, steps = data.draw(points(case))
    assert_gradient_equals_differences(function(case), x, steps)


@pytest.mark.parametrize("name", FLAT)
def test_the_gradient_of_comparisons_counts_and_positions_is_exactly_zero(name):
    f = function(Case(FLAT[name], ((0.2, 1.7), (0.3, 2.6))))
    assert not f.gradient(f.x0).any()


@pytest.mark.parametrize("name", ROUNDING)
def test_what_jumps_and_is_flat_between_has_a_gradient_of_zero_and_says_so_by_function_and_cell(name):
    f = function(Case(ROUNDING[name], ((2.2, 3.3), (4.2, 5.3))))
    assert not f.gradient(f.x0).any()
    assert f.flat == [f"{name} in Sheet1!Z1"]


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_derivative_says_so_by_function_and_cell(name):
    f = function(Case(WITHOUT[name], ((2.2, 3.3), (4.2, 5.3))))
    f(f.x0)
    with pytest.raises(NotDifferentiableError) as found:
        f.gradient(f.x0)
    assert name in str(found.value)
    assert "Sheet1!Z1" in str(found.value)


def test_every_function_has_its_line_in_one_of_the_tables():
    known = {**SMOOTH, **FLAT, **ROUNDING, **WITHOUT}
    computed = {FUNCTIONS[name].evaluate for name in known.keys() & FUNCTIONS.keys()}  # also under other names
    missing = sorted(name for name, function in FUNCTIONS.items() if function.evaluate not in computed)
    assert missing == [], "add a line for these to tests/engine/functions/derivatives.py"
    assert sorted(set(known) - set(FUNCTIONS)) == [], "these are in derivatives.py, but are no functions"
    assert len(known) == len(SMOOTH) + len(FLAT) + len(ROUNDING) + len(WITHOUT), "a function stands in two tables"


def test_functions_say_of_themselves_whether_they_have_a_derivative():
    assert [name for name in SMOOTH if not FUNCTIONS[name].differentiable] == []
    assert [name for name in WITHOUT if FUNCTIONS[name].differentiable] == []


def test_every_line_uses_its_function():
    cases = {name: case if isinstance(case, list) else [case] for name, case in SMOOTH.items()}
    texts = {name: [each.formula for each in case] for name, case in cases.items()}
    texts |= {name: [formula] for name, formula in (FLAT | WITHOUT).items()}
    assert [name for name, formulas in texts.items() if not all(f"{name}(" in formula for formula in formulas)] == []
