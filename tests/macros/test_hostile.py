"""Macros that reach out of the workbook, never end, or use up the machine: none of it happens."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.api import Workbook
from sheetml.errors import MacroError
from sheetml.macros.modules import Module
from sheetml.macros.session import Macros
from sheetml.xlsx.vba_source import ModuleKind, VbaModule
from tests.macros.running import macro_book


def refused(body: str, before: str = "") -> str:
    """The sentence that refuses the statements; checks that no cell was changed before it."""
    workbook = macro_book(f'{before}\nSub test()\nRange("A1").Value = 99\n{body}\nEnd Sub', {"A1": 1})
    with pytest.raises(MacroError) as error:
        workbook.macros.run("test")
    assert workbook["Sheet1"]["A1"] == 1
    sentence = str(error.value)
    assert sentence.startswith("Module1, line ") and sentence.endswith(".") and "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("statement", "construct"),
    [
        ('Shell "touch /tmp/x"', "Shell"),
        ('x = Shell("cmd", 1)', "Shell"),
        ('VBA.Shell "cmd"', "Shell"),
        ('Set o = CreateObject("WScript.Shell")', "CreateObject"),
        ('CreateObject("WScript.Shell").Run "cmd"', "CreateObject"),
        ('Set o = GetObject("winmgmts:")', "GetObject"),
        ('Set o = New FileSystemObject', "New FileSystemObject"),
        ('Dim o As Scripting.Dictionary', "Dictionary"),
        ('Open "x" For Output As #1', "Open"),
        ('Open "x" For Input As #1: Line Input #1, s: Close #1', "Open"),
        ('Print #1, "x"', "Print"),
        ('Kill "*.*"', "Kill"),
        ('FileCopy "a", "b"', "FileCopy"),
        ('Name "a" As "b"', "end of the statement"),
        ('x = Dir("C:\\*")', "Dir"),
        ('MkDir "x"', "MkDir"),
        ('x = Environ("PATH")', "Environ"),
        ('SendKeys "{ENTER}"', "SendKeys"),
        ('AppActivate "x"', "AppActivate"),
        ('SaveSetting "a", "b", "c", "d"', "SaveSetting"),
        ('x = Application.DDEInitiate("excel", "x")', "Application.DDEInitiate"),
        ('DDEExecute 1, "x"', "DDEExecute"),
        ('x = Evaluate("1+1")', "Evaluate"),
        ('x = Application.Evaluate("A1")', "Application.Evaluate"),
        ("x = [1+1]", "[1+1]"),
        ('x = ExecuteExcel4Macro("EXEC(1)")', "ExecuteExcel4Macro"),
        ('Application.Run "test"', "Application.Run"),
        ('Application.OnTime Now, "test"', "Application.OnTime"),
        ("Application.Quit", "Application.Quit"),
        ('Workbooks.Open "x.xlsx"', "Workbooks"),
        ("ThisWorkbook.SaveAs \"x\"", "Workbook.SaveAs"),
        ("ThisWorkbook.Close", "Workbook.Close"),
        ("ActiveWorkbook.FollowHyperlink \"http://x\"", "Workbook.FollowHyperlink"),
        ("x = ThisWorkbook.VBProject.Name", "Workbook.VBProject"),
        ("ActiveSheet.QueryTables.Add \"URL;http://x\", Range(\"A1\")", "QueryTables"),
        ("x = InputBox(\"password\")", "InputBox"),
        ("CallByName x, \"y\", 1", "CallByName"),
        ("x = VarPtr(y)", "VarPtr"),
        ("x = AddressOf test", "AddressOf"),
        ("Range(\"A1\").Interior.Color = 5", "Range.Interior"),
        ("Range(\"A1\").Font.Bold = True", "Range.Font"),
        ("Range(\"A1\").AutoFilter", "Range.AutoFilter"),
        ("Range(\"A1:A3\").Sort Range(\"A1\")", "Range.Sort"),
        ("Rows(1).Delete", "Range.Delete"),
        ("Sheets.Add", "Sheets.Add"),
        ("Range(\"A1\").PasteSpecial xlPasteFormats", "PasteSpecial with xlPasteFormats"),
        ("Range(\"A1\").Copy Where:=Range(\"A2\")", "the argument Where"),
        ("Set d = Nothing: d.Anything", ".Anything"),
        ("GoSub there", "GoSub"),
        ("On x GoTo a, b", "On ... GoTo"),
        ("LSet a = b", "LSet"),
        ("x = Worksheets(1)!A1", "the operator !"),
        ("frobnicate 1, 2", "frobnicate"),
        ("x = frobnicate(1)", "frobnicate"),
        ("For i = 1 To 3", "'next' is missing"),
        ("If x Then", "'if' is missing"),
        ("x = (1 + ", "expression"),
        ("x = 1 +* 2", "expression"),
        ("x = \"open", "cannot be understood"),
        ("Next", "nothing that it belongs to"),
        ("Exit For", "Exit For"),
        ("Dim x: Dim x", "declared twice"),
        ("GoTo nowhere", "nowhere"),
    ],
)  # fmt: skip
def test_what_is_outside_the_subset_is_refused_before_anything_happens(statement: str, construct: str) -> None:
    assert construct in refused(statement)


def test_a_declared_function_of_a_dll_is_refused_where_it_is_used() -> None:
    before = 'Private Declare PtrSafe Sub Sleep Lib "kernel32" (ByVal milliseconds As Long)'
    assert "line 1: Declare (a function of a DLL) is not supported" in refused("Sleep 1000", before)
    unused = macro_book(f'{before}\nSub test()\nRange("A1").Value = 2\nEnd Sub')
    unused.macros.run("test")
    assert unused["Sheet1"]["A1"] == 2


def test_what_a_called_procedure_uses_counts_too() -> None:
    before = 'Sub helper()\ndeeper\nEnd Sub\nFunction deeper()\nKill "x"\nEnd Function'
    assert "line 5: Kill" in refused("helper", before)


def test_what_is_not_reached_does_not_matter() -> None:
    workbook = macro_book('Sub other()\nShell "x"\n§§§\nEnd Sub\nSub test()\nRange("A1") = 2\nEnd Sub')
    workbook.macros.run("test")
    assert workbook["Sheet1"]["A1"] == 2
    with pytest.raises(MacroError, match="line 3"):
        workbook.macros.run("other")


def test_nothing_of_a_macro_reaches_the_file_system(tmp_path: Path) -> None:
    os.chdir(tmp_path)
    for statement in ('Open "made" For Output As #1', 'MkDir "made"', 'Shell "touch made"', 'FileCopy "a", "made"'):
        refused(statement)
    assert list(tmp_path.iterdir()) == []


# ---- what does not end -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "Do: Loop",
        "While True: Wend",
        "again: GoTo again",
        "For i = 1 To 10 Step 0: Next",
        "On Error Resume Next\nDo\nx = 1 / 0\nLoop",
        "On Error GoTo again\nagain: x = 1 / 0\nResume again",
    ],
)
def test_an_endless_loop_ends_with_the_budget(body: str) -> None:
    workbook = macro_book(f"Sub test()\n{body}\nEnd Sub")
    with pytest.raises(MacroError, match=r"^Module1, line \d+: (stopped after 5,000 statements|run-time error)"):
        workbook.macros.run("test", max_statements=5_000)


def test_the_budget_of_statements_is_exact_and_shared_by_all_times() -> None:
    workbook = macro_book("Sub test()\nx = 1\nx = 2\nEnd Sub")
    assert workbook.macros.run("test", times=5, max_statements=10).statements == 10
    with pytest.raises(MacroError, match="stopped after 9 statements"):
        workbook.macros.run("test", times=5, max_statements=9)


def test_the_budget_of_time_ends_a_loop() -> None:
    workbook = macro_book("Sub test()\nDo: Loop\nEnd Sub")
    with pytest.raises(MacroError, match=r"stopped after 0\.2 seconds"):
        workbook.macros.run("test", max_seconds=0.2, max_statements=0)


@pytest.mark.parametrize(
    "source",
    [
        "Sub test()\ntest\nEnd Sub",
        "Sub test()\nx = f(1)\nEnd Sub\nFunction f(n)\nf = f(n + 1) + (f((n)) * 2)\nEnd Function",
        "Sub test()\na\nEnd Sub\nSub a()\nb\nEnd Sub\nSub b()\na\nEnd Sub",
    ],
)
def test_endless_recursion_is_out_of_stack_space(source: str) -> None:
    with pytest.raises(MacroError, match="run-time error 28: Out of stack space"):
        macro_book(source).macros.run("test")


# ---- what grows --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ('s = "x": Do: s = s & s: Loop', 7),
        ('s = String(100000000, "x")', 7),
        ("s = Space(2147483647)", 7),
        ('s = Replace(String(4000000, "a"), "a", "bbbb")', 7),
        ("Dim a(): ReDim a(1000000, 1000000)", 7),
        ("Dim a(): ReDim a(2147483647)", 7),
        ("x = Cells.Value", 7),
        ("Cells.Value = 1", 7),
        ('Columns("A:Z").Value = 1', 7),
        ('x = "a" Like String(100000, "*")', 7),
        ('Range("A1").Value = String(40000, "x")', 1004),
        ('Range("A1").Formula = "=" & String(40000, "1")', 1004),
        ('Range("A1").Formula = "=SUM("', 1004),
        ('Range("A1:XFD1048576").Copy Range("A1")', 7),
    ],
)
def test_what_would_use_up_memory_is_an_error(body: str, number: int) -> None:
    with pytest.raises(MacroError, match=f"run-time error {number}: "):
        macro_book(f"Sub test()\n{body}\nEnd Sub").macros.run("test")


def test_printing_without_end_ends() -> None:
    with pytest.raises(MacroError, match="prints more than"):
        macro_book("Sub test()\nDo: Debug.Print 1: Loop\nEnd Sub").macros.run("test")


def test_deep_nesting_is_refused() -> None:
    assert "nested too deeply" in refused("x = " + "(" * 500 + "1" + ")" * 500)
    assert "nested too deeply" in refused("x = " + "-" * 500 + "1")
    assert "nested too deeply" in refused("If 1 Then\n" * 500 + "x = 1\n" + "End If\n" * 500)


@cache
def any_book() -> Workbook:
    return macro_book("Sub test()\nEnd Sub")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abx019.,()+-*/&=<>\"' \n:_#%!$ISubEndFr", max_size=60))
def test_any_text_is_run_or_refused_in_a_sentence(text: str) -> None:
    module = VbaModule("Module1", ModuleKind.STANDARD, f"Sub test()\n{text}\nEnd Sub")
    macros = Macros(any_book())
    macros.project.modules["module1"] = Module(module)
    try:
        macros.run("test", max_statements=200, max_seconds=2)
    except MacroError as error:
        assert str(error).startswith("Module1")
