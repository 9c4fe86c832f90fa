"""Worksheet functions at their edges: the results are Excel's, read off workbooks that it saved."""

from __future__ import annotations

import pytest

from sheetml import ErrorCode
from tests.workbooks import computed, result

VALUE, NUM, NA, DIV0, REF = ErrorCode.VALUE, ErrorCode.NUM, ErrorCode.NA, ErrorCode.DIV0, ErrorCode.REF

RANKED = {f"A{row}": number for row, number in enumerate((12, -1, 7.5, 56, 12, -4, 3), start=1)}


def same(found, expected):
    close = isinstance(expected, float) and isinstance(found, float)
    return found == pytest.approx(expected, rel=1e-9) if close else found == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        "=DEC2BIN(-25,0)": NUM,
        "=DEC2BIN(-25,11)": NUM,
        "=BIN2HEX(1100011011,-2)": NUM,
        '=DEC2HEX("E",0)': NUM,
        '=DEC2HEX("E")': VALUE,
        '=BIN2HEX(110,"5")': "00006",
        "=DEC2HEX(-25,3)": "FFFFFFFFE7",
        "=DEC2BIN(1/0,0)": DIV0,
        "=COMPLEX(1.23,9.5121,Z1)": "1.23+9.5121i",
        "=COMPLEX(1E-18,0)": "0.000000000000000001",
        "=COMPLEX(1E-20,0)": "1E-20",
        '=IMCONJUGATE("0.0000000000000001")': "0.0000000000000001",
        "=IMPRODUCT(Z1,Z2)": "0",
        "=IMPRODUCT(7,Z2)": "0",
        "=IMSUM(7,Y1:Z2)": "7",
        "=ERF.PRECISE(TRUE)": VALUE,
        "=LCM(Y1:Z1)": 0.0,
        "=GCD(Y1:Z1)": 0.0,
        "=LCM(Y1,5)": 5.0,
        "=LCM(Y1)": VALUE,
        "=COMBINA(0,5)": NUM,
        "=COMBINA(0,0)": 1.0,
        "=SERIESSUM(0,0,2,{1,2,3})": NUM,
        "=SERIESSUM(TRUE,0,1,{1,2})": VALUE,
        "=SERIESSUM(-1,0,2,{1,2,3})": 6.0,
    }.items(),
)
def test_whole_and_complex_numbers(formula, expected):
    assert same(result(formula), expected)


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        "=PERCENTRANK.INC(A1:A7,40)": 0.939,
        "=PERCENTRANK.EXC(A1:A7,40)": 0.829,
        "=PERCENTRANK.INC(A1:A7,12)": 0.666,
        "=PERCENTRANK.INC(A1:A7,57)": NA,
        '=SMALL("3.4",1)': 3.4,
        "=LARGE(TRUE,1)": 1.0,
        '=SMALL("Hello",1)': VALUE,
        "=LARGE((A1:A2,A4),2)": 12.0,
        '=MODE(2,"1",2)': VALUE,
        '=MODE("1",1,1/0)': VALUE,
        "=MODE(1/0,TRUE)": DIV0,
        "=MODE(A1,12,Z1)": VALUE,
        "=MODE(A1:A7,Y1:Z1)": 12.0,
        '=AVERAGEA({1;2;4;"Text";TRUE})': 1.75,
        '=SUMX2MY2({"a","b"},{1,2})': DIV0,
        "=SUMXMY2(Y1:Z1,A1:A2)": DIV0,
        "=SUMX2PY2({1,2},{3,4})": 30.0,
        '=SUMPRODUCT("4",2)': VALUE,
        '=SUMPRODUCT({"4",1},{2,3})': 3.0,
        "=BINOM.INV(10,0.7,0)": NUM,
        "=BINOM.INV(10,0.7,1)": NUM,
        "=NEGBINOM.DIST(2,10,0,TRUE)": NUM,
        "=BETA.INV(1,2,2.5,0.234,1.2)": NUM,
        '=PROB({"a","b"},{"a","b"},1)': DIV0,
        "=SUM(PROB({1,2,3},{0.2,0.3,0.5},{1,3}))": 0.7,
        '=CHISQ.TEST({"a","b"},{"a","b"})': DIV0,
        "=TREND({5;6},{1,3;2,4},{1;2;3},FALSE)": REF,
        "=TREND({2;4;6},{1;2;3},Z1)": 0.0,
        "=AVERAGE(0,0,1,1E-5,2,1.1,534,1.00001,9999999999,2.99999,-9999999999,999999.99999,-534,-999999.99999,"
        "-2,-2.99999,-1,-1.00001,-1.1,-1E-5)": -4.089355473190933e-09,
    }.items(),
)
def test_statistics(formula, expected):
    assert same(result(formula, **RANKED), expected)


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        "=INDEX({1,2;3,4},-1,1)": VALUE,
        "=ISREF(INDEX(B5,1,2,2))": False,
        "=ISREF(INDEX(B5:B6,2))": True,
        "=ISREF((A1,B1))": True,
        '=SWITCH(FALSE,Z1,"match")': NA,
        '=SWITCH(0,Z1,"match")': "match",
        '=ISODD("1")': True,
        '=ISODD("x")': VALUE,
        "=ISEVEN(TRUE)": VALUE,
        "=N(A1:A3)": 12.0,
        '=T(A1:A3)&"|"': "|",
        "=DAYS360(45992.000001,46000.999999)": 9.0,
        "=YEARFRAC(1/0,200,-1)": NUM,
        "=YEARFRAC(1/0,200,1)": DIV0,
        "=YEARFRAC(1,2,1/0)": DIV0,
        "=DATEVALUE(NA())": NA,
        "=TIMEVALUE(NA())": NA,
        '=ADDRESS(2,3,3,TRUE,"[Book1]Sheet1")': "[Book1]Sheet1!$C2",
        '=ADDRESS(2,3,3,TRUE,"[Book1]my sheet")': "'[Book1]my sheet'!$C2",
        '=ADDRESS(1,1,1,TRUE,"")': "!$A$1",
        "=MATCH(12,A1:A7,)": 1.0,
        "=WORKDAY(45667,3,{45671,#DIV/0!,#N/A})": DIV0,
    }.items(),
)
def test_information_and_dates(formula, expected):
    assert same(result(formula, **RANKED), expected)


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        "=COT(3.141592653588793)": -999788629259.2037,
        "=CSC(3.141592653588793)": 999788629259.2037,
        "=SEC(1.5707963267938965)": 999849864538.9548,
        "=SEC(1.5707963267958966)": -999972357604.5276,
        "=TAN(PI()/2)": 1.63245522776191e16,
        "=SIN(PI())*1E16": 1.22514845490862,
    }.items(),
)
def test_angles_are_reduced_by_excels_pi(formula, expected):
    assert same(result(formula), expected)


def test_formulas_are_shown_as_they_were_typed():
    cells = {"A1": 4, "B1": "=sqrt((A1/1)+( A1/2))", "B2": "=_xlfn.STDEV.S((A1),2)"}
    assert result("=FORMULATEXT(B1)", **cells) == "=sqrt((A1/1)+( A1/2))"
    assert result("=FORMULATEXT(B2)", **cells) == "=STDEV.S((A1),2)"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ('=FORECAST("x",A1:A3,B1:B3)', ErrorCode.VALUE),
        ('=FORECAST("4",A1:A3,B1:B3)', 8.0),
        ('=NUMBERVALUE("2.5",",","a")', ErrorCode.VALUE),
        ('=NUMBERVALUE("2,5",",",".")', 2.5),
        ("=STEYX({3,2.91,3},{3,2.91,3})", pytest.approx(0, abs=1e-7)),
    ],
)
def test_what_libreoffice_found_as_a_referee(formula, expected):
    assert result(formula, A1=2, A2=4, A3=6, B1=1, B2=2, B3=3) == expected


def test_the_order_of_a_rank_may_differ_by_cell_where_all_else_is_the_same():
    cells = {"A1": 1, "A2": 2, "A3": 3, "B1": 0, "B2": 1, **{f"C{row}": f"=RANK(3,$A$1:$A$3,B{row})" for row in (1, 2)}}
    sheet = computed(cells)
    assert (sheet["C1"], sheet["C2"]) == (1, 3)
