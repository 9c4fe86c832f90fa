"""Functions of a workbook's own VBA compute its cells, and do nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sheetml
from sheetml.errors import NotDifferentiableError
from sheetml.xlsx.model import ErrorCode
from tests.macros.running import macro_book, written
from tests.reference import reference

MODULE = """
Option Explicit
Function Twice(x)
    Twice = x * 2
End Function
Function Total(cells As Range) As Double
    Dim c As Range
    For Each c In cells.Cells
        Total = Total + c.Value
    Next
End Function
Function Joined(ByVal text As String, Optional mark As String = "-", Optional more) As String
    Joined = text & mark
    If Not IsMissing(more) Then Joined = Joined & more
End Function
Function HowMany(ParamArray items()) As Long
    HowMany = UBound(items) + 1
End Function
Function Whole(x As Integer) As Integer
    Whole = x
End Function
Function Squares(n As Long)
    Dim found() As Double, i As Long
    ReDim found(1 To n, 1 To 2)
    For i = 1 To n
        found(i, 1) = i: found(i, 2) = i * i
    Next
    Squares = found
End Function
Function Names()
    Names = Array("a", 1, True)
End Function
Function Write_It()
    Range("Z1").Value = 5
    Write_It = 1
End Function
Function Tell(x)
    MsgBox "hello"
    Tell = x
End Function
Function Note(x)
    Debug.Print x
    Note = x
End Function
Function Broken(x)
    Broken = 1 / (x - x)
End Function
Function NotThere()
    NotThere = CVErr(2042)
End Function
Function Nothing_()
End Function
Function Where() As String
    Where = Application.Caller.Address(False, False)
End Function
Function Beside()
    Beside = Range("A1").Value + 1
End Function
Function Largest(cells As Range)
    Largest = Application.WorksheetFunction.Max(cells)
End Function
Function Fibonacci(n)
    If n < 2 Then Fibonacci = n Else Fibonacci = Fibonacci(n - 1) + Fibonacci(n - 2)
End Function
Function Endless()
    Do
    Loop
End Function
Function Foreign()
    Foreign = CreateObject("Scripting.Dictionary").Count
End Function
Private Function Hidden(x)
    Hidden = x + 1
End Function
"""


def value(formula: str, cells: dict[str, Any] | None = None) -> Any:
    workbook = macro_book(MODULE, {"A1": 3, "A2": 4, "B1": "text"} | (cells or {}) | {"H9": formula})
    workbook.calculate()
    return workbook["Sheet1"]["H9"]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=Twice(A1)", 6.0),
        ("=TWICE(A1+1)+1", 9.0),
        ("=Module1.Twice(A1)", 6.0),
        ('=Twice("5")', 10.0),
        ("=Twice(B1)", ErrorCode.VALUE),
        ("=Twice(C1)", 0.0),
        ("=Twice()", ErrorCode.VALUE),
        ("=Twice(1,2)", ErrorCode.VALUE),
        ("=Twice(1/0)", ErrorCode.VALUE),
        ("=Total(A1:A2)", 7.0),
        ("=Total(5)", ErrorCode.VALUE),
        ("=Total((A1,A2))", 7.0),
        ('=Joined("a")', "a-"),
        ('=Joined("a",,A1)', "a-3"),
        ("=HowMany(1,A1:A2,B1)", 3.0),
        ("=HowMany()", 0.0),
        ("=Whole(2.5)", 2.0),
        ("=Whole(100000)", ErrorCode.VALUE),
        ("=SUM(Squares(3))", 20.0),
        ("=INDEX(Squares(3),3,2)", 9.0),
        ("=INDEX(Names(),1)", "a"),
        ("=INDEX(Names(),3)", True),
        ("=Write_It()", ErrorCode.VALUE),
        ("=Tell(1)", ErrorCode.VALUE),
        ("=Note(1)", 1.0),
        ("=Broken(1)", ErrorCode.VALUE),
        ("=NotThere()", ErrorCode.NA),
        ("=Nothing_()", 0.0),
        ("=Where()", "H9"),
        ("=Largest(A1:A2)", 4.0),
        ("=Fibonacci(12)", 144.0),
        ("=Hidden(A1)", 4.0),
        ("=IFERROR(Broken(1),9)", 9.0),
    ],
)
def test_a_function_computes_as_in_excel(formula: str, expected: Any) -> None:
    found = value(formula)
    assert found == expected and isinstance(found, bool) == isinstance(expected, bool)


def test_nothing_else_changes() -> None:
    workbook = macro_book(MODULE, {"A1": 3, "B1": "=Write_It()", "B2": "=Tell(A1)"})
    workbook.calculate()
    assert workbook["Sheet1"]["Z1"] is None
    assert workbook.macros.host.output == []


def test_a_filled_function_is_computed_for_each_cell() -> None:
    cells = {f"A{row}": row for row in range(1, 6)} | {f"B{row}": f"=Twice(A{row})&Where()" for row in range(1, 6)}
    workbook = macro_book(MODULE, cells)
    workbook.calculate()
    assert workbook["Sheet1"]["B1:B5"].reshape(-1).tolist() == [f"{2 * row}B{row}" for row in range(1, 6)]


def test_a_function_follows_its_arguments_and_what_else_it_reads() -> None:
    workbook = macro_book(
        MODULE, {"B1": "=Total(C1:C2)", "C1": "=D1*2", "C2": 1, "D1": 1, "A1": "=D1", "B2": "=Beside()"}
    )
    workbook.calculate()
    assert (workbook["Sheet1"]["B1"], workbook["Sheet1"]["B2"]) == (3, 2)
    workbook["Sheet1"]["D1"] = 5
    workbook.calculate()
    assert (workbook["Sheet1"]["B1"], workbook["Sheet1"]["B2"]) == (11, 6)


def test_a_volatile_function_runs_at_each_calculation() -> None:
    source = "Dim n\nFunction Ticks()\nApplication.Volatile\nn = n + 1\nTicks = n\nEnd Function\n"
    source += "Function Once()\nStatic m\nm = m + 1\nOnce = m\nEnd Function"
    workbook = macro_book(source, {"A1": "=Ticks()", "A2": "=Once()", "B1": 1})
    for _ in range(3):
        workbook.calculate()
    assert (workbook["Sheet1"]["A1"], workbook["Sheet1"]["A2"]) == (3, 1)


@pytest.mark.parametrize(
    ("formula", "words"),
    [("=Endless()+A1", "stopped after"), ("=Foreign()+A1", "CreateObject"), ("=Missing_(A1)", "MISSING_")],
)
def test_what_cannot_be_run_is_named_and_keeps_its_value_while_nothing_moves(
    tmp_path: Path, formula: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sheetml.macros.cell_functions.MOST_STATEMENTS", 10_000)
    workbook = macro_book(MODULE, {"A1": 1, "B1": formula})
    workbook.calculate()
    assert workbook["Sheet1"]["B1"] is ErrorCode.UNCOMPUTABLE
    assert words in workbook.problems["Sheet1!B1"]
    workbook.calculation.original.set(workbook.calculation.slot(0, 1, 2), 77.0)  # as if Excel had stored it
    workbook.calculate(everything=True)
    assert workbook["Sheet1"]["B1"] == 77.0 and "Sheet1!B1" in workbook.problems
    workbook["Sheet1"]["A1"] = 2.0
    workbook.calculate()
    assert workbook["Sheet1"]["B1"] is ErrorCode.UNCOMPUTABLE


def test_a_function_has_values_and_no_derivative() -> None:
    workbook = macro_book(
        MODULE, {"A1": 1, "A2": 2, "B1": "=Twice(A1)+A2", "B2": "=Total(A1:A2)", "B3": "=Largest(A1:A2)"}
    )
    f = workbook.function("Sheet1!A1:A2", ["Sheet1!B1", "Sheet1!B2", "Sheet1!B3"])
    assert f(np.array([5.0, 1.0])).tolist() == [11, 6, 5]
    assert f(np.array([6.0, 1.0])).tolist() == [13, 7, 6]
    assert f.batch(np.array([[5.0, 1.0], [6.0, 1.0]])).tolist() == [[11, 6, 5], [13, 7, 6]]
    for cell in ("B1", "B2", "B3"):
        with pytest.raises(NotDifferentiableError, match=f"Sheet1!{cell}"):
            workbook.function("Sheet1!A1:A2", f"Sheet1!{cell}").gradient(np.array([1.0, 2.0]))


def test_a_macro_sees_what_functions_compute(tmp_path: Path) -> None:
    source = MODULE + 'Sub go()\nRange("A1").Value = 10\nRange("C1").Value = Range("B1").Value\nEnd Sub'
    workbook = sheetml.open(written(tmp_path / "book.xlsm", source, {"A1": 1, "B1": "=Twice(A1)"}))
    workbook.macros.run("go")
    assert workbook["Sheet1"]["C1"] == 20


def test_a_workbook_without_such_formulas_never_reads_its_macros(monkeypatch: pytest.MonkeyPatch) -> None:
    workbook = macro_book(MODULE, {"A1": 1, "B1": "=SUM(A1)"})
    monkeypatch.setattr("sheetml.macros.cell_functions.read_modules", lambda file: pytest.fail("the macros were read"))
    workbook.calculate()
    assert workbook["Sheet1"]["B1"] == 1


@pytest.mark.parametrize("name", ["closedxml/vba-user-function.xlsm", "poi/testNames.xlsm"])
def test_real_workbooks_come_out_as_excel_stored_them(name: str) -> None:
    workbook = sheetml.open(reference("corpus", *name.split("/")))
    calculation = workbook.calculation
    workbook.calculate(everything=True)
    unknown = [problem for problem in workbook.problems.values() if "CRAPNAME" not in problem]  # nobody knows that one
    assert unknown == []
    assert not calculation.moved().any()
