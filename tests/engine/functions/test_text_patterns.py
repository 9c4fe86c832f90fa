"""Regular expressions in formulas: as Excel's documentation and workbooks have them, and never without bounds."""

from __future__ import annotations

import time

import pytest

from sheetml import ErrorCode
from tests.workbooks import made, result

VALUE, NA = ErrorCode.VALUE, ErrorCode.NA


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        '=REGEXTEST("Mr. Sherlock Holmes","[A-Z]her")': True,
        '=REGEXTEST("Mr. Sherlock Holmes","[0-9]+")': False,
        '=REGEXTEST("ABC","abc")': False,
        '=REGEXTEST("ABC","abc",1)': True,
        '=REGEXTEST("ABC","abc",2)': VALUE,
        '=REGEXTEST("x","(")': VALUE,
        '=REGEXEXTRACT("LonelyPlanet","[A-Z][a-z]+")': "Lonely",
        '=INDEX(REGEXEXTRACT("LonelyPlanet","[A-Z][a-z]+",1),2)': "Planet",
        r'=TEXTJOIN("/",FALSE,REGEXEXTRACT("on 2024-05-06","(\d+)-(\d+)-(\d+)",2))': "2024/05/06",
        '=REGEXEXTRACT("x","y")': NA,
        '=REGEXEXTRACT("x","x",3)': VALUE,
        '=REGEXEXTRACT(1/0,"x")': ErrorCode.DIV0,
        '=REGEXREPLACE("JamesBond","([A-Z][a-z]+)([A-Z][a-z]+)","$2, $1 $2")': "Bond, James Bond",
        '=REGEXREPLACE("a1b2c3","[0-9]","-")': "a-b-c-",
        '=REGEXREPLACE("a1b2c3","[0-9]","-",2)': "a1b-c3",
        '=REGEXREPLACE("a1b2c3","[0-9]","-",-1)': "a1b2c-",
        '=REGEXREPLACE("a1b2c3","[0-9]","-",4)': "a1b2c3",
        '=REGEXREPLACE("ab","(?<first>a)","<${first}$0$$>")': "<aa$>b",
        '=REGEXREPLACE("x","x","$2")': VALUE,
        '=XMATCH("[A-Z][a-z]+y",{"Spain","Italy","Germany"},3)': 2,
        '=XMATCH("[A-Z][a-z]+y",{"Spain","Italy","Germany"},3,-1)': 3,
        '=XLOOKUP("^b",{"ab","ba"},{1,2},,3)': 2,
        '=XMATCH(42,{"apple","banana"},3)': NA,
        '=XMATCH("a",{"a"},3,2)': VALUE,
    }.items(),
)
def test_patterns_find_what_they_find_in_excel(formula, expected):
    assert result(formula) == expected


def test_a_pattern_that_runs_away_is_named_and_does_not_hold_up_the_others():
    workbook = made({"A1": "ab" * 30 + "!", "B1": '=REGEXTEST(A1,"^((ab)+|(abab|ab)+|(ab)*)+$")', "B2": "=1+1"})
    start = time.monotonic()
    workbook.calculate()
    assert time.monotonic() - start < 30
    assert workbook["Sheet1"]["B1:B2"].ravel().tolist() == [ErrorCode.UNCOMPUTABLE, 2]


SPLIT = '"<t><s>"&SUBSTITUTE("ab,12,,c d, 3.50 ",",","</s><s>")&"</s></t>"'
DEEP = '"<t>"&REPT("<s>x</s>",3000)&"</t>"'


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        f'=FILTERXML({SPLIT},"//s[2]")': 12,
        f'=FILTERXML({SPLIT},"//s[last()]")': 3.5,
        f'=FILTERXML({SPLIT},"/t/s[.*1=.]")': 12,
        f'=FILTERXML({SPLIT},"//s[9]")': ErrorCode.NA,
        f'=FILTERXML({SPLIT},"//s[")': VALUE,
        f'=FILTERXML({SPLIT},"count(//s)")': VALUE,
        f'=COUNTA(FILTERXML({SPLIT},"//s"))': 5,
        f'=SUM(FILTERXML({SPLIT},"//s[number()=.]"))': 15.5,
        '=FILTERXML("<a b=""7"">x<c>y</c></a>","//@b")': 7,
        '=FILTERXML("<a b=""7"">x<c>y</c></a>","/a")': "xy",
        '=FILTERXML("<a><b></a>","//b")': VALUE,
        '=FILTERXML("<!DOCTYPE a [<!ENTITY e ""x"">]><a>&e;</a>","/a")': VALUE,
        '=FILTERXML("","//b")': VALUE,
        f'=FILTERXML({DEEP},"//s[//s[//s[//s=1]]]")': ErrorCode.UNCOMPUTABLE,
    }.items(),
)
def test_nodes_of_an_xml_text(formula, expected):
    assert result(formula) == expected
