"""Ranges: which cells are meant, and what copying, pasting, filling and clearing do to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml import ErrorCode
from sheetml.errors import MacroError
from sheetml.formula.references import parse_area
from sheetml.macros.grid import _end
from sheetml.macros.paste import pasted_area
from sheetml.xlsx.model import Area, cell_address
from tests.macros.running import macro_book, printed, ran
from tests.macros.vba_project import Module, with_macros

SQUARE = {"A1": 1, "B1": 2, "A2": 3, "B2": 4}


def cells(workbook: Any, area: str) -> list[list[Any]]:
    """The values of an area, row by row."""
    bounds = parse_area(area)
    columns = range(bounds.left, bounds.right + 1)
    sheet = workbook["Sheet1"]
    return [[sheet[cell_address(row, column)] for column in columns] for row in range(bounds.top, bounds.bottom + 1)]


# ---- which cells -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "address"),
    [
        ('Range("B2")', "$B$2"),
        ('Range("B2:A1")', "$A$1:$B$2"),
        ('Range("A1", "C3")', "$A$1:$C$3"),
        ('Range(Cells(1, 2), Cells(3, 4))', "$B$1:$D$3"),
        ('Range("A1:B2,D4")', "$A$1:$B$2,$D$4"),
        ('Range("A:B")', "$A:$B"),
        ('Range("2:3")', "$2:$3"),
        ("Cells(2, 3)", "$C$2"),
        ('Cells(2, "AB")', "$AB$2"),
        ("Range(\"B2:D9\").Cells(2, 3)", "$D$3"),
        ("Range(\"B2:D9\")(4)", "$B$3"),
        ("Range(\"B2\")(0, 1)", "$B$1"),
        ("Range(\"B2:D4\").Offset(1, -1)", "$A$3:$C$5"),
        ("Range(\"B2:D4\").Offset(, 1)", "$C$2:$E$4"),
        ("Range(\"B2\").Resize(3, 2)", "$B$2:$C$4"),
        ("Range(\"B2:D4\").Resize(1)", "$B$2:$D$2"),
        ("Range(\"B2:D4\").Rows(2)", "$B$3:$D$3"),
        ("Range(\"B2:D4\").Columns(2)", "$C$2:$C$4"),
        ("Rows(3)", "$3:$3"),
        ("Columns(\"C\")", "$C:$C"),
        ("Columns(\"C:D\")", "$C:$D"),
        ("Range(\"B2\").EntireRow", "$2:$2"),
        ("Range(\"B2:C3\").EntireColumn", "$B:$C"),
        ("Range(\"B2:D4\").Range(\"B2\")", "$C$3"),
        ("Union(Range(\"A1\"), Range(\"C3\"))", "$A$1,$C$3"),
        ("Intersect(Range(\"A1:C3\"), Range(\"B2:D4\"))", "$B$2:$C$3"),
        ("ActiveSheet.UsedRange", "$A$1:$B$2"),
        ("Range(\"A1\").CurrentRegion", "$A$1:$B$2"),
        ("[B2]", "$B$2"),
        ("Worksheets(1).Range(\"A1\")", "$A$1"),
        ("Sheets(\"Sheet1\").Cells(1, 1)", "$A$1"),
        ("ThisWorkbook.Worksheets(\"Sheet1\").Cells(1)", "$A$1"),
        ("Application.ActiveSheet.Cells(1)", "$A$1"),
        ("Sheet1.Range(\"A2\")", "$A$2"),
    ],
)  # fmt: skip
def test_ranges_are_found(expression: str, address: str) -> None:
    assert printed(f"Debug.Print {expression}.Address", SQUARE) == [address]


def test_addresses_take_many_forms() -> None:
    body = (
        'Debug.Print Range("B2:C3").Address(False, False); " "; Range("B2").Address(1, 0); " "; Range("B2").Address(0)'
    )
    assert printed(body) == ["B2:C3 B$2 $B2"]


def test_the_counts_of_a_range() -> None:
    body = 'With Range("B2:D5"): Debug.Print .Count; .Rows.Count; .Columns.Count; .Row; .Column; .Areas.Count: End With'
    assert printed(body) == [" 12  4  3  2  2  1 "]
    assert printed("Debug.Print Rows.Count; Columns.Count") == [" 1048576  16384 "]
    assert printed("Debug.Print Cells.CountLarge") == [" 17179869184 "]
    assert printed("On Error Resume Next\nx = Cells.Count\nDebug.Print Err.Number") == [" 6 "]


@pytest.mark.parametrize(
    ("start", "direction", "address"),
    [
        ("A1", "xlDown", "$A$3"),
        ("A3", "xlDown", "$A$6"),
        ("A2", "xlUp", "$A$1"),
        ("A6", "xlUp", "$A$3"),
        ("A6", "xlDown", "$A$1048576"),
        ("A4", "xlDown", "$A$6"),
        ("B1", "xlDown", "$B$1048576"),
        ("A1", "xlToRight", "$C$1"),
        ("C1", "xlToRight", "$XFD$1"),
        ("C1", "xlToLeft", "$A$1"),
        ("B1", "xlToLeft", "$A$1"),
        ("D1", "xlToLeft", "$C$1"),
        ("A1048576", "xlUp", "$A$6"),
    ],
)
def test_end_moves_as_control_and_an_arrow_do(start: str, direction: str, address: str) -> None:
    held = {"A1": 1, "A2": "x", "A3": "=1", "A6": 0, "C1": 4}
    assert printed(f'Debug.Print Range("{start}").End({direction}).Address', held) == [address]


@given(st.sets(st.integers(1, 12)), st.integers(1, 12), st.sampled_from([1, -1]))
def test_end_agrees_with_walking_cell_by_cell(filled: set[int], start: int, step: int) -> None:
    import numpy as np

    limit = 12
    place = start

    def inside(number: int) -> bool:
        return 1 <= number <= limit

    if start in filled and start + step in filled:
        while place + step in filled:
            place += step
    else:
        place += step
        while inside(place) and place not in filled:
            place += step
        place = place if inside(place) else (limit if step > 0 else 1)
    assert _end(np.array(sorted(filled), np.int64), start, step, limit) == place


# ---- copying -----------------------------------------------------------------------------------


def test_a_single_cell_fills_the_area_it_is_pasted_into() -> None:
    workbook = ran('Range("A1").Copy\nRange("D1:E2").PasteSpecial Paste:=xlPasteValues', SQUARE)
    assert cells(workbook, "D1:E2") == [[1, 1], [1, 1]]


def test_a_block_tiles_an_area_of_its_multiples() -> None:
    workbook = ran('Range("A1:B2").Copy\nRange("D1:E4").PasteSpecial xlPasteValues', SQUARE)
    assert cells(workbook, "D1:E5") == [[1, 2], [3, 4], [1, 2], [3, 4], [None, None]]


def test_a_block_that_does_not_fit_is_pasted_once_at_the_corner() -> None:
    workbook = ran('Range("A1:B2").Copy\nRange("D1:F3").PasteSpecial xlPasteValues', SQUARE)
    assert cells(workbook, "D1:F3") == [[1, 2, None], [3, 4, None], [None, None, None]]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 12), st.integers(1, 12))
def test_what_is_pasted_covers_the_area_or_is_the_block(height: int, width: int, rows: int, columns: int) -> None:
    area = pasted_area(Area(1, 1, rows, columns), height, width)
    if (area.height, area.width) != (height, width):
        assert (area.height, area.width) == (rows, columns)
        assert rows % height == 0 and columns % width == 0


def test_values_are_pasted_without_their_formulas() -> None:
    workbook = ran(
        'Range("A2").Copy\nRange("B2").PasteSpecial xlPasteValues\nRange("A1") = 5', {"A1": 1, "A2": "=A1*2"}
    )
    assert cells(workbook, "A2:B2") == [[10, 2]]


def test_copying_moves_relative_references_along() -> None:
    held = {"A1": 1, "A2": 2, "B1": "=A1*10+$A$1"}
    workbook = ran('Range("B1").Copy Destination:=Range("B2:C2")', held)
    assert workbook["Sheet1"].formula("C2") == "B2*10+$A$1"
    assert cells(workbook, "B1:C2") == [[11, None], [21, 211]]


def test_copies_to_another_sheet_refer_to_that_sheet() -> None:
    workbook = ran('Range("B1").Copy Worksheets("Other").Range("B1")', {"A1": 1, "B1": "=A1+1"}, Other={"A1": 10})
    assert workbook["Other"]["B1"] == 11


def test_pasting_with_an_operation_and_transposed() -> None:
    workbook = ran('Range("A1:B2").Copy\nRange("D1").PasteSpecial xlPasteValues, xlNone, False, True', SQUARE)
    assert cells(workbook, "D1:E2") == [[1, 3], [2, 4]]
    paste = 'Range("A2:B2").PasteSpecial Paste:=xlPasteValues, Operation:=xlMultiply'
    body = f'Range("A1").Value = 10\nRange("A1").Copy\n{paste}'
    assert cells(ran(body, SQUARE), "A2:B2") == [[30, 40]]


def test_blanks_are_skipped_if_asked() -> None:
    body = 'Range("A1:A2").Copy\nRange("B1").PasteSpecial Paste:=xlPasteValues, SkipBlanks:=True'
    assert cells(ran(body, {"A1": 1, "B1": 5, "B2": 6}), "B1:B2") == [[1], [6]]


def test_what_is_copied_is_read_when_it_is_pasted() -> None:
    body = 'Range("A1").Copy\nRange("A1").Value = 9\nRange("B1").PasteSpecial xlPasteValues'
    assert cells(ran(body, SQUARE), "A1:B1") == [[9, 9]]


def test_cut_copy_mode_false_forgets_what_was_copied() -> None:
    with pytest.raises(MacroError, match="PasteSpecial method of Range class failed"):
        ran('Range("A1").Copy\nApplication.CutCopyMode = False\nRange("B1").PasteSpecial xlPasteValues', SQUARE)


def test_filling_down_and_to_the_right() -> None:
    workbook = ran(
        'Range("B1:B3").FillDown\nRange("A5:C5").FillRight', {"A1": 1, "A2": 2, "A3": 3, "B1": "=A1^2", "A5": 7}
    )
    assert cells(workbook, "B1:B3") == [[1], [4], [9]]
    assert cells(workbook, "A5:C5") == [[7, 7, 7]]


# ---- values ------------------------------------------------------------------------------------


def test_values_are_entered_as_if_typed() -> None:
    typed = ['"12"', '"1e3"', '"true"', '"\'7"', '"#N/A"', '"x"', '"=1+1"', '""', "CVErr(xlErrDiv0)", '"50%"']
    body = "\n".join(f'Range("A{row}") = {text}' for row, text in enumerate(typed, 1))
    found = [row[0] for row in cells(ran(body), "A1:A10")]
    assert found == [12, 1000, True, "7", ErrorCode.NA, "x", 2, None, ErrorCode.DIV0, 0.5]


def test_an_array_larger_than_the_area_is_cut_and_a_smaller_one_leaves_errors() -> None:
    workbook = ran('Range("A1:B1") = Array(1, 2, 3)\nRange("A2:C2") = Array(1, 2)\nRange("A4:B5") = Array(8, 9)')
    assert cells(workbook, "A1:C2") == [[1, 2, None], [1, 2, ErrorCode.NA]]
    assert cells(workbook, "A4:B5") == [[8, 9], [8, 9]]


def test_errors_in_cells_are_values_of_their_own() -> None:
    assert printed('Debug.Print IsError(Range("A1").Value); CStr(Range("A1").Value)', {"A1": "=1/0"}) == [
        "TrueError 2007"
    ]


def test_clearing_ends_formulas_too() -> None:
    workbook = ran(
        'Range("B1:B2").ClearContents\nRange("A1").Clear', {"A1": 1, "B1": "=A1", "B2": 5, "C1": "=B1+B2+A1"}
    )
    assert cells(workbook, "A1:C1") == [[None, None, 0]]
    assert workbook["Sheet1"].formula("B1") is None


def test_a_whole_column_can_be_cleared_and_read() -> None:
    workbook = ran('Columns("A").ClearContents', SQUARE)
    assert cells(workbook, "A1:B2") == [[None, 2], [None, 4]]


def test_for_each_goes_through_the_cells_row_by_row() -> None:
    assert printed(
        'For Each c In Range("A1:B2"): s = s & c.Value & c.Address(0, 0) & " ": Next: Debug.Print s', SQUARE
    ) == ["1A1 2B1 3A2 4B2 "]
    assert printed('For Each r In Range("A1:B2").Rows: s = s & r.Cells(1, 2): Next: Debug.Print s', SQUARE) == ["24"]
    assert printed("For Each w In Worksheets: Debug.Print w.Name; w.Index: Next") == ["Sheet1 1 "]


def test_selecting_as_a_recorder_does() -> None:
    body = """Range("B2").Select
    ActiveCell.FormulaR1C1 = "=R[-1]C*2"
    Selection.Copy
    Range("B3:B4").Select
    ActiveSheet.Paste
    Application.CutCopyMode = False
    ActiveCell.Offset(5, 0).Range("A1:B1").Select
    Selection.Value = 1
    Debug.Print Selection.Address; " "; ActiveCell.Address
    Sheets("Other").Select
    Range("A1").Value = 2
    Debug.Print ActiveSheet.Name"""
    workbook = macro_book(f"Sub test()\n{body}\nEnd Sub", {"B1": 1}, Other={})
    assert workbook.macros.run("test").output == ["$B$8:$C$8 $B$8", "Other"]
    assert cells(workbook, "B1:B4") == [[1], [2], [4], [8]]
    assert workbook["Other"]["A1"] == 2


def test_a_range_of_a_sheet_that_is_not_active_cannot_be_selected() -> None:
    with pytest.raises(MacroError, match="Select method of Range class failed"):
        ran('Worksheets("Other").Range("A1").Select', Other={})


def test_unqualified_ranges_of_a_sheets_module_are_its_own() -> None:
    modules = {
        "Sheet1": 'Sub mine()\nRange("A1") = Me.Name: Cells(2, 1) = ActiveSheet.Name\nEnd Sub',
        "Module1": 'Sub test()\nWorksheets("Other").Activate\nSheet1.mine\nRange("A1") = "here"\nEnd Sub',
    }
    workbook = macro_book(modules, {}, Other={})
    workbook.macros.run("test")
    assert cells(workbook, "A1:A2") == [["Sheet1"], ["Other"]]
    assert workbook["Other"]["A1"] == "here"


# ---- worksheet functions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('WorksheetFunction.Sum(Range("A1:B2"))', " 10 "),
        ('Application.WorksheetFunction.SumProduct(Range("A1:A2"), Range("B1:B2"))', " 14 "),
        ("Application.Max(1, 5, 3)", " 5 "),
        ('Application.WorksheetFunction.Average(Range("A1:B2"), 20)', " 6 "),
        ("WorksheetFunction.Norm_S_Inv(0.975)", " 1.95996398454005 "),
        ('WorksheetFunction.Match(3, Range("A1:A2"), 0)', " 2 "),
        ('WorksheetFunction.VLookup(3, Range("A1:B2"), 2, False)', " 4 "),
        ('WorksheetFunction.Index(Range("A1:B2"), 2, 1)', " 3 "),
        ('WorksheetFunction.CountIf(Range("A1:B2"), ">1")', " 3 "),
        ("WorksheetFunction.Round(2.5, 0)", " 3 "),
        ("WorksheetFunction.Sum(Array(1, 2, 3))", " 6 "),
        ('UBound(WorksheetFunction.Transpose(Range("A1:B1")), 1)', " 2 "),
        ("IsError(Application.Match(9, Range(\"A1:A2\"), 0))", "True"),
    ],
)  # fmt: skip
def test_worksheet_functions_are_the_engines(expression: str, expected: str) -> None:
    assert printed(f"Debug.Print {expression}", SQUARE) == [expected]


# ---- calculation -------------------------------------------------------------------------------

CHAIN = {"A1": 1, "B1": "=A1*2", "C1": "=B1+1"}


def test_automatic_calculation_follows_every_write() -> None:
    assert printed('Range("A1") = 5: Debug.Print Range("C1")', CHAIN) == [" 11 "]


def test_manual_calculation_waits() -> None:
    body = """Application.Calculation = xlCalculationManual
    Range("A1") = 5: Debug.Print Range("C1")
    Calculate
    Debug.Print Range("C1")
    Range("A1") = 6: Debug.Print Range("C1")
    Application.Calculation = xlCalculationAutomatic
    Debug.Print Range("C1"); Application.Calculation = xlAutomatic"""
    assert printed(body, CHAIN) == [" 3 ", " 11 ", " 11 ", " 13 True"]


def test_a_sheets_calculate_leaves_the_other_sheets() -> None:
    body = """Application.Calculation = xlManual
    Range("A1") = 5
    ActiveSheet.Calculate
    Debug.Print Range("B1"); Worksheets("Other").Range("A1")
    Application.Calculate
    Debug.Print Worksheets("Other").Range("A1")"""
    workbook = macro_book(f"Sub test()\n{body}\nEnd Sub", CHAIN, Other={"A1": "=Sheet1!B1"})
    assert workbook.macros.run("test").output == [" 10  2 ", " 10 "]


def test_the_calculation_mode_outlives_the_macro() -> None:
    source = (
        'Sub manual()\nApplication.Calculation = xlManual\nEnd Sub\nSub put()\nRange("A1") = Range("A1") + 1\nEnd Sub'
    )
    workbook = macro_book(source, CHAIN)
    workbook.macros.run("put")
    workbook.macros.run("manual")
    workbook.macros.run("put")
    assert cells(workbook, "A1:C1") == [[3, 4, 5]]
    workbook.calculate()
    assert cells(workbook, "A1:C1") == [[3, 6, 7]]


def test_one_paste_is_one_recalculation() -> None:
    """A volatile cell tells how often was recalculated."""
    workbook = macro_book(
        'Sub test()\nRange("A1:A50").Copy\nRange("B1").PasteSpecial xlPasteValues\nEnd Sub',
        {f"A{row}": row for row in range(1, 51)} | {"C1": "=SUM(B1:B50)"},
    )
    workbook.calculate()
    counted = 0
    calculate = workbook.calculation.calculate

    def counting(everything: bool = False) -> None:
        nonlocal counted
        counted += 1
        calculate(everything)

    workbook.calculation.calculate = counting  # type: ignore[method-assign]
    workbook.macros.run("test")
    assert counted == 1
    assert workbook["Sheet1"]["C1"] == 1275


def test_writing_does_not_plan_again() -> None:
    """Also not where cells are filled that the workbook did not hold, once there is room for them."""
    workbook = macro_book('Sub test()\nFor i = 1 To 60: Cells(i, 4) = i: Range("A1") = i: Next\nEnd Sub', CHAIN)
    plans = set()
    run_stage = workbook.calculation._run_stage

    def noting(*arguments: Any) -> None:
        plans.add(id(workbook.calculation.plan))
        run_stage(*arguments)

    workbook.calculation._run_stage = noting  # type: ignore[method-assign]
    workbook.macros.run("test")
    assert len(plans) <= 3
    assert workbook["Sheet1"]["C1"] == 121


@pytest.mark.parametrize("cell", ["Cells(i, 4)", "Cells(9, i)"])
def test_filling_a_line_of_cells_that_were_not_there_makes_room_for_many_at_once(cell: str) -> None:
    workbook = macro_book(f"Sub test()\nFor i = 1 To 400: {cell} = i: Next\nEnd Sub")
    added = 0
    add_cells = workbook.calculation.add_cells

    def counting(*arguments: Any) -> None:
        nonlocal added
        added += 1
        add_cells(*arguments)

    workbook.calculation.add_cells = counting  # type: ignore[method-assign]
    workbook.macros.run("test")
    assert added <= 5
    assert sum(value is not None for line in cells(workbook, "A1:OJ400") for value in line) == 400


@pytest.mark.parametrize("cell", ["Cells(i, i)", "Cells(500 - i, 3)", "Cells(i \\ 2 + 1, i Mod 2 + 1)"])
def test_cells_can_be_filled_in_any_order(cell: str) -> None:
    workbook = ran(f"For i = 1 To 60: {cell} = i: Next")
    assert sum(value is not None for line in cells(workbook, "A1:BH500") for value in line) == 60


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), st.integers(1, 4), st.integers(-9, 9)), max_size=12))
def test_any_writes_leave_the_sheet_as_a_full_recalculation_would(writes: list[tuple[str, int, int]]) -> None:
    lines = [f'Range("{column}{row}").Value = {number}' for column, row, number in writes]
    held = {
        "A1": 1,
        "A2": "=A1+1",
        "A3": "=A2*2",
        "B1": "=SUM(A1:A4)",
        "B2": "=B1-A1",
        "C1": "=B2*B1",
        "C2": "=SUM(B1:B4)",
    }
    workbook = ran("\n".join(lines), held)
    before = cells(workbook, "A1:C4")
    workbook.calculate(everything=True)
    assert cells(workbook, "A1:C4") == before


# ---- events ------------------------------------------------------------------------------------

WATCHED = """Private Sub Worksheet_Change(ByVal Target As Range)
    If Intersect(Target, Range("A1:A3")) Is Nothing Then Exit Sub
    Application.EnableEvents = False
    Range("C1").Value = Target.Address & Range("B1").Value
    Application.EnableEvents = True
End Sub
"""


def test_a_sheets_change_is_told_to_the_procedure_that_waits_for_it() -> None:
    source = 'Sub test()\nRange("A2") = 5\nEnd Sub\nSub other()\nRange("A9") = 1\nEnd Sub'
    workbook = macro_book({"Sheet1": WATCHED, "Module1": source}, {"A2": 1, "B1": "=A2*2"})
    workbook.macros.run("other")
    assert workbook["Sheet1"]["C1"] is None
    workbook.macros.run("test")
    assert workbook["Sheet1"]["C1"] == "$A$210"


def test_the_workbook_hears_of_changes_and_selections_on_all_sheets() -> None:
    book = """Sub Workbook_SheetChange(ByVal Sh As Object, ByVal Target As Range)
    Debug.Print "changed " & Sh.Name & Target.Address(0, 0)
    End Sub
    Sub Workbook_SheetSelectionChange(ByVal Sh As Object, ByVal Target As Range)
    Debug.Print "selected " & Target.Address(0, 0)
    End Sub"""
    body = 'Worksheets("Other").Range("B2") = 1\nRange("A1:A2").Select\nSelection.ClearContents'
    workbook = macro_book({"ThisWorkbook": book, "Module1": f"Sub test()\n{body}\nEnd Sub"}, {}, Other={})
    assert workbook.macros.run("test").output == ["changed OtherB2", "selected A1:A2", "changed Sheet1A1:A2"]


def test_a_procedure_that_waits_for_what_is_not_supported_keeps_macros_from_running() -> None:
    calculate = 'Private Sub Worksheet_Calculate()\nRange("A1") = 1\nEnd Sub'
    with pytest.raises(MacroError, match="Sheet1, line 1: Worksheet_Calculate, which would have to run"):
        macro_book({"Sheet1": calculate, "Module1": "Sub test()\nx = 1\nEnd Sub"}).macros.run("test")
    colours = "Private Sub Worksheet_SelectionChange(ByVal Target As Range)\nTarget.Interior.Color = 5\nEnd Sub"
    source = 'Sub test()\nRange("A1") = 1\nEnd Sub\nSub pick()\nRange("A1").Select\nEnd Sub'
    workbook = macro_book({"Sheet1": colours, "Module1": source})
    workbook.macros.run("test")
    with pytest.raises(MacroError, match=r"Sheet1, line 2: Range\.Interior is not supported"):
        workbook.macros.run("pick")


# ---- formats, and what was on the screen -------------------------------------------------------


def test_numbers_in_a_dates_or_a_currencys_format_are_dates_and_amounts(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["A2"], sheet["A3"], sheet["A4"] = 43131, 12.34567, 0.5, 43131.75
    for cell, code in (("A1", "m/d/yyyy"), ("A2", "$#,##0.00"), ("A3", "0%"), ("A4", "yyyy-mm-dd hh:mm")):
        sheet[cell].number_format = code
    book.save(tmp_path / "plain.xlsx")
    source = """Sub test()
    For Each c In Range("A1:A4"): Debug.Print TypeName(c.Value); " "; c.Value & ""; " "; TypeName(c.Value2): Next
    v = Range("A1:A2").Value
    Debug.Print TypeName(v(1, 1)); TypeName(v(2, 1)); Year(Range("A1")); Range("A3").NumberFormat
    Range("B1").Value = Range("A1").Value + 1
    End Sub"""
    path = with_macros(tmp_path / "plain.xlsx", tmp_path / "book.xlsm", [Module("Module1", source)])
    workbook = sheetml.open(path)
    assert workbook.macros.run("test").output == [
        "Date 1/31/2018 Double",
        "Currency 12.3457 Double",
        "Double 0.5 Double",
        "Date 1/31/2018 6:00:00 PM Double",
        "DateCurrency 2018 0%",
    ]
    assert workbook["Sheet"]["B1"] == 43132


def test_a_macro_begins_with_the_sheet_and_the_selection_that_were_saved(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    other = book.create_sheet("Other")
    book.active = 1
    other.sheet_view.selection[0].activeCell, other.sheet_view.selection[0].sqref = "C3", "B2:C3"
    book.save(tmp_path / "plain.xlsx")
    source = "Sub test()\nDebug.Print ActiveSheet.Name; Selection.Address; ActiveCell.Address\nEnd Sub"
    path = with_macros(tmp_path / "plain.xlsx", tmp_path / "book.xlsm", [Module("Module1", source)])
    assert sheetml.open(path).macros.run("test").output == ["Other$B$2:$C$3$C$3"]


def test_chart_sheets_are_not_counted_wrongly(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet("Picture", 0)
    book.save(tmp_path / "plain.xlsx")
    source = 'Sub named()\nDebug.Print Sheets("Sheet").Name; Worksheets(1).Name; Worksheets.Count\nEnd Sub\n'
    source += "Sub counted()\nDebug.Print Sheets(1).Name\nEnd Sub"
    path = with_macros(tmp_path / "plain.xlsx", tmp_path / "book.xlsm", [Module("Module1", source)])
    macros = sheetml.open(path).macros
    assert macros.run("named").output == ["SheetSheet 1 "]
    with pytest.raises(MacroError, match="Module1, line 5: counting Sheets, of which some are chart sheets"):
        macros.run("counted")
