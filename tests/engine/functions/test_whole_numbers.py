"""Whole numbers, rounding and subtotals."""

from __future__ import annotations

import math

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml import ErrorCode
from tests.workbooks import computed, fill, result

VALUE, NUM, NA, DIV0 = ErrorCode.VALUE, ErrorCode.NUM, ErrorCode.NA, ErrorCode.DIV0


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=FACT(5.9)", 120),
        ("=FACT(171)", NUM),
        ("=FACTDOUBLE(7)", 105),
        ("=FACTDOUBLE(-1)", 1),
        ("=FACTDOUBLE(TRUE)", VALUE),
        ("=COMBIN(8,2)", 28),
        ("=COMBIN(2,3)", NUM),
        ("=COMBIN(1000000,500000)", NUM),
        ("=COMBINA(4,3)", 20),
        ("=COMBINA(0,0)", 1),
        ("=PERMUT(100,3)", 970200),
        ("=GCD(24,36,A1)", 12),
        ("=GCD(A1)", VALUE),
        ("=GCD(,5)", NA),
        ("=GCD(TRUE,5)", VALUE),
        ('=GCD("8",12)', 4),
        ("=GCD(-1)", NUM),
        ("=LCM(24,36)", 72),
        ("=LCM(2^52,3^30)", NUM),
        ("=MULTINOMIAL(2,3,4)", 1260),
        ("=MULTINOMIAL(1000000,1000000)", NUM),
        ("=ROMAN(499)&ROMAN(499,1)&ROMAN(499,4)", "CDXCIXLDVLIVID"),
        ("=ROMAN(0)", ""),
        ("=ROMAN(4000)", VALUE),
        ("=ROMAN(5,5)", VALUE),
        ('=ARABIC("mcmlxxxiv")', 1984),
        ('=ARABIC("-X")', -10),
        ('=ARABIC("")', 0),
        ('=ARABIC("XA")', VALUE),
        ("=BASE(255,16,4)", "00FF"),
        ("=BASE(-1,2)", NUM),
        ("=BASE(1,37)", NUM),
        ('=DECIMAL("ff",16)', 255),
        ('=DECIMAL("12",2)', NUM),
        ("=MROUND(1.3,0.2)", 1.4),
        ("=MROUND(-10,-3)", -9),
        ("=MROUND(5,-2)", NUM),
        ("=MROUND(TRUE,2)", VALUE),
        ("=CEILING(2.5,1)", 3),
        ("=CEILING(-2.5,-2)", -4),
        ("=CEILING(-2.5,2)", -2),
        ("=CEILING(2.5,-2)", NUM),
        ("=CEILING(-1E-307,-1)", -1),
        ("=FLOOR(3.7,2)", 2),
        ("=FLOOR(3.7,0)", DIV0),
        ("=CEILING.MATH(-5.5,2,-1)", -6),
        ("=FLOOR.MATH(-5.5,2,-1)", -4),
        ("=ROUND(2.675,2)", 2.68),
        ("=ROUND(-2.5,0)", -3),
        ("=ROUNDUP(3.2,0)", 4),
        ("=ROUNDDOWN(-3.9,0)", -3),
        ("=TRUNC(-8.9)", -8),
        ("=INT(-8.9)", -9),
        ("=EVEN(-1)", -2),
        ("=ODD(0)", 1),
        ("=QUOTIENT(-10,3)", -3),
        ("=MOD(-3,2)", 1),
    ],
)
def test_whole_numbers_are_those_of_the_documentation(formula, expected):
    found = result(formula)
    assert found == (pytest.approx(expected, rel=1e-12) if type(expected) is float else expected)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3999), st.integers(0, 4))
def test_a_roman_numeral_of_any_form_stands_for_its_number(number, form):
    assert result(f"=ARABIC(ROMAN({number},{form}))") == number


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**53 - 1), st.integers(2, 36))
def test_a_number_in_any_base_is_read_back(number, radix):
    assert result(f"=DECIMAL(BASE({number},{radix}),{radix})") == number


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=5))
def test_divisors_and_multiples_are_those_of_python(numbers):
    listed = ",".join(map(str, numbers))
    assert result(f"=GCD({listed})") == math.gcd(*numbers)
    multiple = math.lcm(*numbers)
    assert result(f"=LCM({listed})") == (multiple if multiple < 2**53 else NUM)


# ---- subtotals -----------------------------------------------------------------------------------

COLUMN = {"A1": 1, "A2": 2, "A3": "=SUBTOTAL(9,A1:A2)", "A4": 4, "A5": "=1/0", "A6": "text", "A8": 8}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=SUBTOTAL(9,A1:A4)", 7),
        ("=SUBTOTAL(109,A1:A4,A8)", 15),
        ("=SUBTOTAL(2,A1:A4)", 3),
        ("=SUBTOTAL(3,A6:A8)", 2),
        ("=SUBTOTAL(1,A8)", 8),
        ("=SUBTOTAL(1,A6)", DIV0),
        ("=SUBTOTAL(9,A1:A5)", DIV0),
        ("=SUBTOTAL(12,A1:A4)", VALUE),
        ("=SUBTOTAL(9,5)", VALUE),
        ("=AGGREGATE(9,6,A1:A8)", 18),
        ("=AGGREGATE(9,2,A1:A8)", 15),
        ("=AGGREGATE(9,4,A1:A4)", 10),
        ("=AGGREGATE(4,3,A1:A8)", 8),
        ("=AGGREGATE(14,6,A1:A8,2)", 4),
        ("=AGGREGATE(15,6,A1:A2/(A1:A2>1),1)", 2),
        ("=AGGREGATE(12,6,A1:A4)", 2.5),
        ("=AGGREGATE(20,6,A1:A4)", VALUE),
        ("=AGGREGATE(9,8,A1:A4)", VALUE),
        ("=AGGREGATE(9,6,{1,2})", VALUE),
        ("=AGGREGATE(14,6,A1:A4)", VALUE),
    ],
)
def test_totals_pass_over_other_totals_and_errors(formula, expected):
    assert computed({**COLUMN, "C1:C1": "{" + formula + "}"})["C1"] == expected


@pytest.mark.parametrize(("filtered", "expected"), [(True, [13, 13, 31, 13]), (False, [31, 13, 31, 13])])
def test_rows_hidden_by_hand_count_unless_asked_for_or_where_a_filter_hides_others(tmp_path, filtered, expected):
    book = openpyxl.Workbook()
    sheet = book.active
    fill(sheet, {"A1": "n", "A2": 1, "A3": 2, "A4": 4, "A5": 8, "A6": 16})
    totals = {
        "C1": "=SUBTOTAL(9,A2:A6)",
        "C2": "=SUBTOTAL(109,A2:A6)",
        "C3": "=SUM(A2:A6)",
        "C4": "=AGGREGATE(9,5,A2:A6)",
    }
    fill(sheet, totals)
    sheet.auto_filter.ref = "A1:A4"
    if filtered:
        sheet.auto_filter.add_filter_column(0, ["1", "4"])
    sheet.row_dimensions[3].hidden = True
    sheet.row_dimensions[6].hidden = True  # below the filter
    book.save(tmp_path / "book.xlsx")
    workbook = sheetml.open(tmp_path / "book.xlsx")
    workbook.calculate()
    assert workbook["Sheet"]["C1:C4"].ravel().tolist() == expected
