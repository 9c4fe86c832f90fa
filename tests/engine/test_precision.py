"""Excel's arithmetic: comparisons see 15 digits, whole numbers too, and a last sum may vanish."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sheetml.engine.precision import COMPARISONS, SUMS_THAT_VANISH, order_seen, with_15_digits
from tests.workbooks import computed, made, result

NUMBERS = st.floats(-1e300, 1e300)


@pytest.mark.parametrize(
    "formula, expected",
    [
        ("=52.8-8.8*6", 0.0),
        ("=(52.8-8.8*6)", -7.105427357601002e-15),
        ("=(52.8-8.8*6)*1", -7.105427357601002e-15),
        ("=1*(52.8-8.8*6)", -7.105427357601002e-15),
        ("=2^1023+(2^1023-2^971)-(2^1023+(2^1023-5*2^971))", 0.0),
        ("=2^1023+(2^1023-2^971)-(2^1023+(2^1023-9*2^971))", 8 * 2.0**971),
        ("=0.1+0.2=0.3", True),
        ("=0.1+0.2>0.3", False),
        ("=1.00000000000001=1", False),
        ("=INT(0.29*100)", 29.0),
        ("=INT((0.1+0.7)*10)", 8.0),
        ("=INT(-0.29*100)", -29.0),
        ("=INT(123456789012345678)", 123456789012345680.0),
        ("=0.1+0.2-0.3", 0.0),
        ("=1+1E-15", 1.000000000000001),
    ],
)
def test_a_formula_gives_what_excel_gives(formula, expected):
    assert result(formula) == expected


def test_a_block_vanishes_cell_by_cell():
    sheet = computed({"A1": 52.8, "B1": 8.8 * 6, "A2": 3, "B2": 1, "C1": "=A1-B1", "C2": "=A2-B2"})
    assert [sheet["C1"], sheet["C2"]] == [0.0, 2.0]


def test_an_array_formula_vanishes_element_by_element():
    sheet = computed({"A1": 52.8, "B1": 8.8 * 6, "A2": 3, "B2": 1, "C1:C2": "{=A1:A2-B1:B2}"})
    assert [sheet["C1"], sheet["C2"]] == [0.0, 2.0]


def test_the_derivative_of_a_sum_that_vanishes_is_that_of_the_sum():
    workbook = made({"A1": 52.8, "A2": 52.8, "B1": "=A1-A2"})
    f = workbook.function(["A1", "A2"], "B1")
    assert f(np.array([52.8, 8.8 * 6])) == 0
    assert f.gradient(np.array([52.8, 8.8 * 6])).tolist() == [1.0, -1.0]


def test_what_vanishes_in_a_cell_vanishes_in_a_function_of_cells():
    workbook = made({"A1": 52.8, "A2": 1, "B1": "=A1-A2", "C1": "=IF(B1=0,5,7)"})
    f = workbook.function(["A1", "A2"], "C1")
    assert [f(np.array([52.8, 1.0])), f(np.array([52.8, 8.8 * 6]))] == [7.0, 5.0]


@given(NUMBERS, NUMBERS)
def test_the_order_is_that_of_15_digits(x, y):
    first, second = with_15_digits(x), with_15_digits(y)
    assert order_seen(x, y) == (first > second) - (first < second)


@given(st.lists(st.tuples(NUMBERS, st.integers(-20, 20)), min_size=1, max_size=5), st.sampled_from(sorted(COMPARISONS)))
def test_arrays_are_compared_as_their_numbers(pairs, sign):
    x = np.array([number for number, _ in pairs])
    y = np.array([number + steps * math.ulp(number) for number, steps in pairs])
    order = np.array([order_seen(a, b) for a, b in zip(x.tolist(), y.tolist())])
    expected = {"=": order == 0, "<>": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}
    assert (COMPARISONS[sign](x, y) == expected[sign]).all()


@given(NUMBERS.filter(lambda x: abs(x) > 1e-280), st.integers(1, 30))
def test_a_difference_vanishes_up_to_seven_units_in_the_last_place(x, steps):
    y = x + steps * math.ulp(x)
    assume(math.frexp(y)[1] == math.frexp(x)[1])
    vanished = float(SUMS_THAT_VANISH["-"](np.array([x]), np.array([y]))[0]) == 0
    assert vanished == (steps < 8)
