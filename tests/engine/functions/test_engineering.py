"""Bits, number systems, complex numbers, units, Bessel functions, and databases in cells."""

from __future__ import annotations

import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import ErrorCode
from sheetml.engine.functions.complex_numbers import parsed, written
from sheetml.engine.functions.units import MEASURES
from tests.workbooks import computed, made, result

TEXTS = {
    "=COMPLEX(3,4)": "3+4i",
    '=COMPLEX(3,4,"j")': "3+4j",
    "=COMPLEX(0,-1)": "-i",
    '=IMCONJUGATE("3+4i")': "3-4i",
    '=IMDIV("-238+240i","10+24i")': "5+12i",
    '=IMEXP("1+i")': "1.46869393991589+2.28735528717884i",
    '=IMLN("3+4i")': "1.6094379124341+0.927295218001612i",
    '=IMPOWER("2+3i",3)': "-46+9.00000000000001i",
    '=IMPRODUCT("3+4i","5-3i")': "27+11i",
    '=IMPRODUCT("1+2i",30)': "30+60i",
    '=IMSQRT("1+i")': "1.09868411346781+0.455089860562227i",
    '=IMSUB("13+4i","5+3i")': "8+i",
    '=IMSUM("3+4i","5-3i")': "8+i",
    "=BIN2HEX(11111011,4)": "00FB",
    "=BIN2OCT(1001,3)": "011",
    "=DEC2BIN(-100)": "1110011100",
    "=DEC2HEX(-54)": "FFFFFFFFCA",
    '=HEX2BIN("F",8)': "00001111",
    "=OCT2HEX(100,4)": "0040",
}
NUMBERS = {
    '=IMABS("5+12i")': 13,
    '=IMAGINARY("0-j")': -1,
    '=IMARGUMENT("3+4i")': 0.927295218,
    '=IMREAL("1e-3+2i")': 0.001,
    "=BIN2DEC(1111111111)": -1,
    '=HEX2DEC("FFFFFFFF5B")': -165,
    "=OCT2DEC(7777777533)": -165,
    '=CONVERT(1,"lbm","kg")': 0.45359237,
    '=CONVERT(68,"F","C")': 20,
    '=CONVERT(CONVERT(100,"ft","m"),"ft","m")': 9.290304,
    "=BITXOR(5,3)": 6,
    "=BITLSHIFT(4,2)": 16,
    "=BESSELJ(1.9,2)": scipy.special.jv(2, 1.9),
    "=BESSELI(1.5,1)": scipy.special.iv(1, 1.5),
    "=BESSELK(1.5,1)": scipy.special.kv(1, 1.5),
    "=BESSELY(2.5,1)": scipy.special.yv(1, 2.5),
}
ERRORS = {
    '=IMREAL("3i4")': ErrorCode.NUM,
    '=IMSUM("i","j")': ErrorCode.VALUE,
    "=DEC2BIN(512)": ErrorCode.NUM,
    '=HEX2DEC("G")': ErrorCode.NUM,
    "=DEC2BIN(9,2)": ErrorCode.NUM,
    '=CONVERT(1,"ft","sec")': ErrorCode.NA,
    "=BITAND(-1,2)": ErrorCode.NUM,
    "=BESSELK(-1,1)": ErrorCode.NUM,
}


@pytest.mark.parametrize(("formula", "expected"), [*TEXTS.items(), *ERRORS.items()])
def test_texts_and_errors_as_documented(formula, expected):
    assert result(formula) == expected


@pytest.mark.parametrize("formula", NUMBERS)
def test_numbers_as_documented(formula):
    assert result(formula) == pytest.approx(NUMBERS[formula], rel=1e-9)


@given(st.complex_numbers(max_magnitude=1e9, allow_nan=False), st.sampled_from("ij"))
def test_a_complex_number_that_was_written_is_read_again(number, unit):
    text = written(number, unit)
    found, _ = parsed(text)
    assert found == pytest.approx(number, rel=1e-13, abs=1e-300)  # beyond 1E-98 Excel writes 14 digits


@settings(max_examples=60)
@given(st.text("0123456789+-.eEij", max_size=14))
def test_any_text_is_a_complex_number_or_an_error(text):
    found = parsed(text)
    assert isinstance(found, (tuple, ErrorCode))


@given(st.sampled_from(sorted(MEASURES)), st.floats(-1e3, 1e3))
def test_a_converted_number_is_converted_back(unit, number):
    _, offset, size = MEASURES[unit]
    base = (number + offset) * size
    assert base / size - offset == pytest.approx(number, rel=1e-9, abs=1e-9 * (1 + abs(offset)))


DATABASE = {
    "A1": "Tree",
    "B1": "Height",
    "C1": "Profit",
    "A2": "Apple",
    "B2": 18,
    "C2": 105,
    "A3": "Pear",
    "B3": 12,
    "C3": 96,
    "A4": "Cherry",
    "B4": 13,
    "C4": 105,
    "A5": "Apple",
    "B5": 14,
    "C5": 75,
    "A6": "Pear",
    "B6": 9,
    "A7": "Apricot",
    "B7": 8,
    "C7": 45,
    "E1": "Tree",
    "F1": "Height",
    "E2": '="=Apple"',
    "F2": ">10",
    "E3": "Pear",
    "H1": "Tree",
    "H2": "Ap",
    "J1": "Tree",
    "J2": "Cherry",
    "L1": "Nothing",
    "L2": True,
}


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        '=DSUM(A1:C7,"Profit",E1:F3)': 276,
        "=DAVERAGE(A1:C7,3,E1:F3)": 92,
        '=DCOUNT(A1:C7,"Profit",E1:F3)': 3,
        "=DCOUNT(A1:C7,,E1:F3)": 4,
        '=DMAX(A1:C7,"Height",E1:F3)': 18,
        '=DMIN(A1:C7,"height",H1:H2)': 8,
        '=DPRODUCT(A1:C7,"Height",H1:H2)': 18 * 14 * 8,
        '=DGET(A1:C7,"Profit",J1:J2)': 105,
        '=DGET(A1:C7,"Profit",H1:H2)': ErrorCode.NUM,
        '=DSUM(A1:C7,"Nothing",H1:H2)': ErrorCode.VALUE,
    }.items(),
)
def test_records_that_meet_criteria(formula, expected):
    assert result(formula, **DATABASE) == expected


def test_criteria_that_are_formulas_are_put_to_each_record():
    criteria = {
        "N2": "=C2>AVERAGE($C$2:$C$7)",
        "O1": "calculated",
        "O2": '=AND(LEFT(A2,1)="P",B2>$Y$9)',
        "Y9": 8,
        "P2": "=C2>C3",
        "Q2": "=IF(C2>90,NA(),TRUE)",
        "R1": "Profit",
        "R2": '=">"&80',
    }
    sums = {f"Z{row}": f'=DSUM(A1:C7,"Profit",{area})' for row, area in enumerate(["N1:N2", "M1:N2", "R1:R2"], 1)}
    counts = {f"Z{row}": f"=DCOUNTA(A1:C7,1,{area})" for row, area in enumerate(["O1:O2", "P1:P2", "Q1:Q2"], 4)}
    workbook = made(DATABASE | criteria | {"M1": "Tree", "M2": "Apple"} | sums | counts)
    workbook.calculate()
    sheet = workbook["Sheet1"]
    assert sheet["Z1:Z6"].ravel().tolist() == [306, 105, 306, 2, 4, 3]
    sheet["Y9"], sheet["C7"] = 9.5, 300
    workbook.calculate()
    assert sheet["Z1:Z6"].ravel().tolist() == [300, 0, 606, 1, 4, 2]


def test_a_condition_about_no_field_that_is_no_formula_is_not_silently_wrong():
    sheet = computed(DATABASE | {"Z1": '=DSUM(A1:C7,"Profit",L1:L2)'})
    assert sheet["Z1"] == ErrorCode.UNCOMPUTABLE
