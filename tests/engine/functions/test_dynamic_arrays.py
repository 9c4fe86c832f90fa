"""Functions of dynamic arrays: what they spill, with other sizes, blanks and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import ErrorCode
from tests.workbooks import computed, made, result

VALUE, NA, CALC, NUM, REF = ErrorCode.VALUE, ErrorCode.NA, ErrorCode.CALC, ErrorCode.NUM, ErrorCode.REF
TABLE = {"A1": 1, "A2": 2, "A3": 3, "B1": "x", "B2": "y", "B3": "x", "C1": True, "C3": 7}


def spilled(formula: str, height: int, width: int, **cells):
    """What an array formula fills an area of this size with."""
    area = f"Q1:{chr(ord('Q') + width - 1)}{height}"
    found = computed({**TABLE, **cells, area: "{" + formula + "}"})[area]
    return found.tolist() if height * width > 1 else [[found]]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=TAKE(A1:B3,2)", [[1, "x"], [2, "y"]]),
        ("=TAKE(A1:B3,-1,1)", [[3]]),
        ("=TAKE(A1:B3,,-1)", [["x"], ["y"], ["x"]]),
        ("=TAKE(A1:A3,9)", [[1], [2], [3]]),
        ("=DROP(A1:B3,1,1)", [["y"], ["x"]]),
        ("=DROP(A1:A3,-2)", [[1]]),
        ("=CHOOSEROWS(A1:B3,3,1,-3)", [[3, "x"], [1, "x"], [1, "x"]]),
        ("=CHOOSECOLS(A1:B2,{2,1})", [["x", 1], ["y", 2]]),
        ("=TOCOL(A1:B2)", [[1], ["x"], [2], ["y"]]),
        ("=TOCOL(A1:B2,,TRUE)", [[1], [2], ["x"], ["y"]]),
        ("=TOROW(C1:C3,1)", [[True, 7]]),
        ("=WRAPROWS(A1:A3,2)", [[1, 2], [3, NA]]),
        ("=WRAPCOLS(A1:A3,2,0)", [[1, 3], [2, 0]]),
        ("=EXPAND(A1:A2,3,2,9)", [[1, 9], [2, 9], [9, 9]]),
        ("=HSTACK(A1:A2,B1:B3)", [[1, "x"], [2, "y"], [NA, "x"]]),
        ("=VSTACK(A1:B1,A3)", [[1, "x"], [3, NA]]),
        ("=TRIMRANGE(A1:F9)", [[1, "x", True], [2, "y", 0], [3, "x", 7]]),
        ("=TRIMRANGE(C1:C3,0)", [[True], [0], [7]]),
        ("=SEQUENCE(2,2,5,-1)", [[5, 4], [3, 2]]),
        ("=MUNIT(2)", [[1, 0], [0, 1]]),
        ("=MMULT({1,2;3,4},{1;1})", [[3], [7]]),
        ("=MINVERSE({2,0;0,4})", [[0.5, 0], [0, 0.25]]),
        ('=FILTER(A1:A3,B1:B3="x")', [[1], [3]]),
        ("=FILTER(A1:C1,{1,0,1})", [[1, True]]),
        ('=FILTER(A1:A3,A1:A3>9,"none")', [["none"]]),
        ("=SORT(A1:B3,2,-1)", [[2, "y"], [1, "x"], [3, "x"]]),
        ("=SORT(A1:B3,{2,1},{1,-1})", [[3, "x"], [1, "x"], [2, "y"]]),
        ("=SORT({3,1,2},,,TRUE)", [[1, 2, 3]]),
        ("=SORTBY(A1:A3,B1:B3,-1,A1:A3,-1)", [[2], [3], [1]]),
        ("=UNIQUE(B1:B3)", [["x"], ["y"]]),
        ("=UNIQUE(B1:B3,,TRUE)", [["y"]]),
        ('=UNIQUE({"a","A","b"},TRUE)', [["a", "b"]]),
        ("=LET(a,SEQUENCE(3),FILTER(a,a<>2))", [[1], [3]]),
        ("=_xlfn._TRO_TRAILING(A1:A9)", [[1], [2], [3]]),
    ],
)
def test_arrays_are_those_of_the_documentation(formula, expected):
    assert spilled(formula, len(expected), len(expected[0])) == expected


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ("=TAKE(A1:A3,0)", CALC),
        ("=DROP(A1:A3,3)", CALC),
        ("=CHOOSEROWS(A1:A3,4)", VALUE),
        ("=CHOOSECOLS(A1:A3,0)", VALUE),
        ("=TOCOL(A9:B9,1)", CALC),
        ("=TOCOL(A1:A3,4)", VALUE),
        ("=WRAPROWS(A1:B3,2)", VALUE),
        ("=WRAPROWS(A1:A3,0)", NUM),
        ("=EXPAND(A1:A3,2)", VALUE),
        ("=TRIMRANGE(E5:F9)", CALC),
        ("=SEQUENCE(0)", CALC),
        ("=SEQUENCE(-1)", VALUE),
        ("=SEQUENCE(1048577)", VALUE),
        ("=MUNIT(0)", VALUE),
        ("=MINVERSE({1,2;2,4})", NUM),
        ("=MINVERSE({1,2,3})", VALUE),
        ("=MINVERSE(B1:C2)", VALUE),
        ("=MDETERM({1,2})", VALUE),
        ("=MMULT({1,2},{1,2})", VALUE),
        ("=MMULT({1,#N/A},{1;2})", NA),
        ("=FILTER(A1:A3,A1:A3>9)", CALC),
        ("=FILTER(A1:A3,B1:B3)", VALUE),
        ("=FILTER(A1:A3,{TRUE;TRUE})", VALUE),
        ("=FILTER(A1:A3,A1:A3/0)", ErrorCode.DIV0),
        ("=SORT(A1:A3,2)", VALUE),
        ("=SORT(A1:A3,1,0)", VALUE),
        ("=SORTBY(A1:A3,{1;2})", VALUE),
        ("=UNIQUE({1;1},,TRUE)", CALC),
        ("=RANDARRAY(2,2,5,1)", VALUE),
        ("=RANDARRAY(1,1,0.5,2,TRUE)", VALUE),
        ("=RANDARRAY(0)", VALUE),
        ("=TAKE(A1:A3,1/0)", ErrorCode.DIV0),
    ],
)
def test_what_gives_no_array_is_the_error_excel_shows(formula, error):
    assert spilled(formula, 1, 1) == [[error]]


@pytest.mark.parametrize("formula", ["=SEQUENCE(1048576,16384)", "=EXPAND(A1,1048576,16384)", "=MUNIT(50000)"])
def test_an_array_too_large_to_compute_with_is_refused_by_its_size(formula):
    workbook = made({"B1": f"=SUM({formula[1:]})"})
    workbook.calculate()
    assert "too large" in workbook.problems["Sheet1!B1"]


def test_sorting_puts_numbers_before_text_before_booleans_and_blanks_last_either_way():
    cells = {"A1": "b", "A2": True, "A4": 2, "A5": "A", "A6": 1}
    sheet = computed({**cells, "C1:C6": "{=SORT(A1:A6)}", "D1:D6": "{=SORT(A1:A6,,-1)}"})
    assert sheet["C1:C6"].ravel().tolist() == [1, 2, "A", "b", True, 0]
    assert sheet["D1:D6"].ravel().tolist() == [True, "b", "A", 2, 1, 0]


def test_a_filter_of_each_row_has_its_own_size():
    cells = {"A1": 1, "B1": 2, "C1": 3, "A2": 4, "B2": 5, "C2": 6}
    counts = {f"E{row}": f"=COUNT(FILTER(A{row}:C{row},A{row}:C{row}>2))" for row in (1, 2)}
    assert computed(cells | counts)["E1:E2"].ravel().tolist() == [1, 3]


def test_matrices_with_and_without_an_error_are_computed_beside_each_other():
    cells = {"A1": 1, "B1": 2, "A2": 3, "B2": "x"}
    products = {f"D{row}": f"=SUM(MMULT(A{row}:B{row},{{1;1}}))" for row in (1, 2)}
    assert computed(cells | products)["D1:D2"].ravel().tolist() == [3, VALUE]


def test_random_arrays_are_within_their_bounds_and_computed_anew():
    workbook = made({"A1": "=SUM(RANDARRAY(50,2,3,4))", "A2": "=MAX(RANDARRAY(50,2,1,6,TRUE))", "A3": "=RAND()"})
    workbook.calculate()
    first = workbook["Sheet1"]["A1"]
    assert 300 < first < 400
    assert workbook["Sheet1"]["A2"] in range(1, 7)
    workbook.calculate()
    assert workbook["Sheet1"]["A1"] != first


def test_a_trimmed_area_is_still_an_area():
    assert result("=ROWS(TRIMRANGE(A1:D9))*10+COLUMN(TRIMRANGE(A1:D9))", B2=1, C5=2) == 42


matrices = st.integers(1, 4).flatmap(
    lambda n: st.lists(
        st.lists(st.floats(-9, 9).map(lambda x: round(x, 2)), min_size=n, max_size=n), min_size=n, max_size=n
    )
)


def literal(rows) -> str:
    return "{" + ";".join(",".join(map(repr, row)) for row in rows) + "}"


@settings(max_examples=30, deadline=None)
@given(matrices)
def test_the_determinant_is_that_of_numpy_and_the_inverse_gives_the_unit_matrix(rows):
    determinant = np.linalg.det(np.array(rows))
    assert result(f"=MDETERM({literal(rows)})") == pytest.approx(determinant, rel=1e-9, abs=1e-9)
    if abs(determinant) > 1e-3:
        gap = result(f"=SUMXMY2(MMULT(MINVERSE({literal(rows)}),{literal(rows)}),MUNIT({len(rows)}))")
        assert gap < 1e-12


numbers = st.lists(st.integers(-5, 5), min_size=1, max_size=9)


@settings(max_examples=30, deadline=None)
@given(numbers)
def test_sorting_and_picking_out_agree_with_python(items):
    column = literal([[item] for item in items])
    count = len(items)
    assert spilled(f"=SORT({column})", count, 1) == [[item] for item in sorted(items)]
    assert spilled(f"=SORT({column},,-1)", count, 1) == [[item] for item in sorted(items, reverse=True)]
    distinct = list(dict.fromkeys(items))
    assert spilled(f"=UNIQUE({column})", len(distinct), 1) == [[item] for item in distinct]
    kept = [item for item in items if item > 0]
    if kept:
        assert spilled(f"=LET(a,{column},FILTER(a,a>0))", len(kept), 1) == [[item] for item in kept]


@settings(max_examples=30, deadline=None)
@given(numbers, st.integers(1, 4))
def test_wrapping_undoes_what_taking_apart_does(items, width):
    column = literal([[item] for item in items])
    assert spilled(f"=TOCOL(WRAPROWS({column},{width}),2)", len(items), 1) == [[item] for item in items]
    assert spilled(f"=TOCOL(WRAPCOLS({column},{width}),2,TRUE)", len(items), 1) == [[item] for item in items]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ('=SUM({"a"})', 0),
        ('=SUM("a")', VALUE),
        ('=COUNT({"2"})', 0),
        ('=COUNT("2")', 1),
        ("=SUM({TRUE})", 0),
        ("=TYPE({1})", 64),
        ('=SUM(FILTER(B1:B3,B1:B3="y"))', 0),
        ('=SUM(FILTER(B1:B3,B1:B3="z","no"))', VALUE),
        ('=COUNT(LET(x,TAKE({"1";"2"},1),x))', 0),
        ('=MAX(UNIQUE({"a";"a"}))', 0),
    ],
)
def test_an_array_of_one_element_is_still_an_array(formula, expected):
    assert result(formula, **TABLE) == expected


def test_functions_of_groups_and_rows_are_given_arrays():
    assert spilled('=GROUPBY({"a";"b"},{"x";1},SUM,0,0)', 2, 2) == [["a", 0], ["b", 1]]
    assert spilled('=BYROW({"a";1},LAMBDA(r,SUM(r)))', 2, 1) == [[0], [1]]
    assert spilled('=MAP({"a";1},LAMBDA(x,SUM(x)))', 2, 1) == [[VALUE], [1]]
