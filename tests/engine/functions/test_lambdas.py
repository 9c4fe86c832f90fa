"""Names and functions within formulas: LET, LAMBDA, what applies them, and how far they go."""

from __future__ import annotations

import tempfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from sheetml import ErrorCode
from sheetml.engine import evaluate
from tests.workbooks import computed, made, result

VALUE, NUM, CALC = ErrorCode.VALUE, ErrorCode.NUM, ErrorCode.CALC


def named(names: dict[str, str], cells: dict[str, object]) -> sheetml.Workbook:
    """A workbook with defined names, calculated."""
    book = openpyxl.Workbook()
    for name, text in names.items():
        book.defined_names[name] = DefinedName(name, attr_text=text)
    for address, value in cells.items():
        book.active[address] = value
    with tempfile.TemporaryDirectory() as folder:
        book.save(Path(folder) / "book.xlsx")
        workbook = sheetml.open(Path(folder) / "book.xlsx")
    workbook.calculate()
    return workbook


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=LET(x,2,y,x*3,x+y)", 8),
        ("=LET(x,2,x,3)", VALUE),
        ("=LAMBDA(x,y,x-y)(5,3)", 2),
        ("=LAMBDA(x,x)", CALC),
        ("=LAMBDA(x,x)(1,2)", VALUE),
        ("=LET(f,LAMBDA(x,x^2),f(f(3)))", 81),
        ("=SUM(MAP({1,2,3},LAMBDA(x,x^2)))", 14),
        ("=SUM(MAP({1,2},{10,20},LAMBDA(x,y,x*y)))", 50),
        ("=SUM(BYROW({1,2;3,4},LAMBDA(r,MAX(r))))", 6),
        ("=SUM(BYCOL({1,2;3,4},LAMBDA(c,MIN(c))))", 3),
        ("=SUM(BYROW({1,2;3,4},SUM))", 10),
        ("=REDUCE(1,{2,3,4},LAMBDA(a,b,a*b))", 24),
        ("=REDUCE(,{2,3,4},LAMBDA(a,b,a*b))", 24),
        ("=INDEX(SCAN(0,{1,2,3},LAMBDA(a,b,a+b)),1,3)", 6),
        ("=SUM(MAKEARRAY(2,3,LAMBDA(r,c,r*c)))", 18),
        ("=MAKEARRAY(0,3,LAMBDA(r,c,1))", VALUE),
        ("=SUM(MAP({1,2},LAMBDA(x,SUM(SEQUENCE(x)))))", 4),
    ],
)
def test_functions_within_formulas_are_those_of_the_documentation(formula, expected):
    assert result(formula) == expected


def test_a_function_may_call_itself_by_its_name():
    workbook = named(
        {"FACTORIAL": "LAMBDA(n,IF(n<2,1,n*FACTORIAL(n-1)))", "DEEP": "LAMBDA(n,IF(n<1,0,1+DEEP(n-1)))"},
        {"A1": "=FACTORIAL(10)", "A2": "=DEEP(500)"},
    )
    assert workbook["Sheet"]["A1:A2"].ravel().tolist() == [3628800, 500]


def test_a_function_that_calls_itself_without_end_is_num():
    assert named({"ENDLESS": "LAMBDA(n,ENDLESS(n+1))"}, {"A1": "=ENDLESS(1)"})["Sheet"]["A1"] == NUM


@pytest.mark.parametrize(
    ("names", "formula"),
    [
        ({"FIB": "LAMBDA(n,IF(n<2,n,FIB(n-1)+FIB(n-2)))"}, "=FIB(40)"),
        ({f"NAME.{n}": f"NAME.{n + 1}+NAME.{n + 1}" for n in range(40)} | {"NAME.40": "1"}, "=NAME.0"),
    ],
)
def test_a_formula_that_asks_for_more_than_any_machine_does_is_refused(monkeypatch, names, formula):
    monkeypatch.setattr(evaluate, "_MOST_CALLS", 2**19)
    workbook = named(names, {"A1": formula, "B1": "=1+1"})
    assert "too often" in workbook.problems["Sheet!A1"]
    assert workbook["Sheet"]["B1"] == 2


def test_an_array_of_calls_too_large_to_make_is_refused_by_its_size():
    workbook = made({"A1": "=SUM(MAKEARRAY(100000,1000,LAMBDA(r,c,r)))"})
    workbook.calculate()
    assert "100000 rows and 1000 columns is too large" in workbook.problems["Sheet1!A1"]


def test_a_function_sees_the_cells_of_its_formula_not_of_its_definition():
    cells = {"A1": 1, "A2": 2} | {f"B{row}": f"=LET(f,LAMBDA(x,x+A{row}),f(10))" for row in (1, 2)}
    assert computed(cells)["B1:B2"].ravel().tolist() == [11, 12]
