"""The language: what statements and operators do."""

from __future__ import annotations

import pytest

from sheetml.errors import MacroError
from sheetml.macros.modules import Module
from sheetml.xlsx.vba_source import ModuleKind, VbaModule
from tests.macros.running import macro_book, printed, value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 1", "Integer 2"),
        ("32767 + 1&", "Long 32768"),
        ("1 + 1.5", "Double 2.5"),
        ("7 / 2", "Double 3.5"),
        ("7 \\ 2", "Integer 3"),
        ("-7 \\ 2", "Integer -3"),
        ("7.5 \\ 2.5", "Long 4"),
        ("-7 Mod 3", "Integer -1"),
        ("7 Mod -3", "Integer 1"),
        ("5.5 Mod 4", "Long 2"),
        ("2 ^ 3", "Double 8"),
        ("-2 ^ 2", "Double -4"),
        ("2 ^ -1", "Double 0.5"),
        ("2 ^ 3 ^ 2", "Double 64"),
        ("10 - 4 - 3", "Integer 3"),
        ("2 + 3 * 4", "Integer 14"),
        ("24 / 4 * 2", "Double 12"),
        ("20 \\ 3 * 2", "Integer 3"),
        ("10 Mod 4 * 2", "Integer 2"),
        ('"10" + "5"', "String 105"),
        ('"10" + 5', "Double 15"),
        ('"3" * "4"', "Double 12"),
        ('10 & 5', "String 105"),
        ('1 + 2 & 3 + 4', "String 37"),
        ('"a" & 1.50 & True', "String a1.5True"),
        ("True + 1", "Integer 0"),
        ("5 And 3", "Integer 1"),
        ("5 Or 3", "Integer 7"),
        ("5 Xor 3", "Integer 6"),
        ("Not 5", "Integer -6"),
        ("Not True", "Boolean False"),
        ("True And False Or True", "Boolean True"),
        ("True Eqv False", "Boolean False"),
        ("False Imp True", "Boolean True"),
        ("1 < 2", "Boolean True"),
        ('"abc" < "abd"', "Boolean True"),
        ('"A" = "a"', "Boolean False"),
        ('"10" > 9', "Boolean True"),
        ("Not 1 = 2", "Boolean True"),
        ("1 = 1 = True", "Boolean True"),
        ('"abc" Like "a?c"', "Boolean True"),
        ('"a1b22" Like "a#b##"', "Boolean True"),
        ('"file.txt" Like "*.txt"', "Boolean True"),
        ('"b" Like "[!a-c]"', "Boolean False"),
        ("&HFF", "Integer 255"),
        ("&HFFFF", "Integer -1"),
        ("&HFFFF&", "Long 65535"),
        ("&O17", "Integer 15"),
        ("1E3", "Double 1000"),
        ("0.1 + 0.2", "Double 0.3"),
        ("1 / 3", "Double 0.333333333333333"),
        ("100000 * 100000.5", "Double 10000050000"),
        ("1E15", "Double 1E+15"),
        ("123456789012345", "Double 123456789012345"),
        ("0.0001", "Double 0.0001"),
        ("0.00001", "Double 1E-05"),
        ("1.5!", "Single 1.5"),
        ("0.1! + 0.2!", "Single 0.3"),
        ("12.34567@", "Currency 12.3457"),
        ("1.1@ * 3", "Currency 3.3"),
        ("#1/31/2018# + 1", "Date 2/1/2018"),
        ("#3/1/2020# - #2/28/2020#", "Double 2"),
        ("Nothing Is Nothing", "Boolean True"),
        ("Empty + 1", "Integer 1"),
        ('Empty & "x"', "String x"),
    ],
)  # fmt: skip
def test_operators(expression: str, expected: str) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("CInt(2.5)", "Integer 2"),
        ("CInt(3.5)", "Integer 4"),
        ("CLng(-2.5)", "Long -2"),
        ("CInt(\"12\")", "Integer 12"),
        ("Int(-2.5)", "Double -3"),
        ("Fix(-2.5)", "Double -2"),
        ("Round(2.5)", "Double 2"),
        ("Round(3.5)", "Double 4"),
        ("Round(1.005, 2)", "Double 1"),
        ("Round(-0.125, 2)", "Double -0.12"),
        ("Abs(-3)", "Integer 3"),
        ("Sgn(-2.5)", "Integer -1"),
        ("Sqr(16)", "Double 4"),
        ("Exp(0)", "Double 1"),
        ("Log(Exp(1))", "Double 1"),
        ("Atn(1) * 4", "Double 3.14159265358979"),
        ("CBool(\"True\")", "Boolean True"),
        ("CStr(1 = 1)", "String True"),
        ("CDbl(\"1,234.5\")", "Double 1234.5"),
        ("CDbl(\"  -1e3 \")", "Double -1000"),
        ("Val(\"12abc\")", "Double 12"),
        ("Val(\"&H1F\")", "Double 31"),
        ("Str(5)", "String  5"),
        ("Str(-0.5)", "String -.5"),
        ("Hex(255)", "String FF"),
        ("Hex(-1)", "String FFFF"),
        ("Oct(8)", "String 10"),
        ("Len(\"abc\")", "Long 3"),
        ("Left(\"abc\", 2)", "String ab"),
        ("Right(\"abc\", 2)", "String bc"),
        ("Mid(\"abcde\", 2, 3)", "String bcd"),
        ("Mid$(\"abcde\", 4)", "String de"),
        ("InStr(\"hello\", \"l\")", "Long 3"),
        ("InStr(4, \"hello\", \"l\")", "Long 4"),
        ("InStr(1, \"HELLO\", \"l\", vbTextCompare)", "Long 3"),
        ("InStrRev(\"hello\", \"l\")", "Long 4"),
        ("UCase(\"a\") & LCase(\"B\")", "String Ab"),
        ("Trim(\"  a b \")", "String a b"),
        ("Replace(\"aXbX\", \"X\", \"--\")", "String a--b--"),
        ("Replace(\"aXbx\", \"X\", \"-\", , , vbTextCompare)", "String a-b-"),
        ("String(3, \"x\")", "String xxx"),
        ("Space(2) & \"|\"", "String   |"),
        ("StrReverse(\"abc\")", "String cba"),
        ("Chr(65) & Asc(\"A\")", "String A65"),
        ("StrComp(\"a\", \"B\", vbTextCompare)", "Integer -1"),
        ("StrConv(\"some words\", vbProperCase)", "String Some Words"),
        ("Join(Array(1, 2, 3), \"-\")", "String 1-2-3"),
        ("UBound(Split(\"a,b,c\", \",\"))", "Long 2"),
        ("Split(\"a,b,c\", \",\")(1)", "String b"),
        ("Join(Filter(Array(\"ab\", \"c\", \"bd\"), \"b\"), \"\")", "String abbd"),
        ("IIf(1 > 2, \"yes\", \"no\")", "String no"),
        ("Choose(2, \"a\", \"b\")", "String b"),
        ("Switch(False, 1, True, 2)", "Integer 2"),
        ("IsNumeric(\"12\") & IsNumeric(\"x\") & IsNumeric(Empty)", "String TrueFalseTrue"),
        ("TypeName(Array(1)) & VarType(1.5)", "String Variant()5"),
        ("IsError(CVErr(2042)) & IsEmpty(Empty)", "String TrueTrue"),
        ("DateSerial(2018, 2, 30)", "Date 3/2/2018"),
        ("Year(#5/6/2018#) & Month(#5/6/2018#) & Day(#5/6/2018#)", "String 201856"),
        ("Weekday(#5/6/2018#)", "Integer 1"),
        ("DateAdd(\"m\", 1, #1/31/2018#)", "Date 2/28/2018"),
        ("DateDiff(\"d\", #1/1/2018#, #12/31/2018#)", "Long 364"),
        ("CDate(43101.75)", "Date 1/1/2018 6:00:00 PM"),
        ("TimeSerial(13, 5, 0)", "Date 1:05:00 PM"),
        ("RGB(255, 0, 1)", "Long 65791"),
        ("Rnd(-1) = Rnd(-1)", "Boolean True"),
        ("MsgBox(\"sure?\", vbYesNo)", "sure?"),
        ("Format(0.5, \"0.00%\")", "String 50.00%"),
        ("Format(1234.5, \"#,##0.00\")", "String 1,234.50"),
        ("Format(#1/31/2018#, \"yyyy-mm-dd\")", "String 2018-01-31"),
        ("Format(1234.5)", "String 1234.5"),
    ],
)  # fmt: skip
def test_functions(expression: str, expected: str) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("statements", "number"),
    [
        ("Dim i As Integer: i = 40000", 6),
        ("x = 300 * 300", 6),
        ("Dim b As Byte: b = -1", 6),
        ("x = 2 ^ 5000", 6),
        ("x = 1E308 * 10", 6),
        ("x = 1 / 0", 11),
        ("x = 0 / 0", 6),
        ("x = 5 \\ 0.4", 11),
        ("x = 5 Mod 0", 11),
        ("x = \"a\" + 1", 13),
        ("x = \"a\" * 1", 13),
        ("Dim i As Long: i = \"one\"", 13),
        ("If \"maybe\" Then x = 1", 13),
        ("Dim a(3): x = a(4)", 9),
        ("Dim a(): x = UBound(a)", 9),
        ("Dim a(3): ReDim Preserve a(5)", 10),
        ("x = Left(\"a\", -1)", 5),
        ("x = Sqr(-1)", 5),
        ("x = Log(0)", 5),
        ("x = (-8) ^ (1 / 3)", 5),
        ("Dim r As Range: x = r.Value", 91),
        ("Dim r As Range: Set r = ActiveSheet", 13),
        ("Set x = 5", 424),
        ("x = 5: x.Select", 424),
        ("x = Null: y = CStr(x)", 94),
        ("Set o = New Collection: x = o(1)", 9),
        ("x = Range(\"nowhere\").Value", 1004),
        ("x = Range(\"A1\").Offset(-1, 0).Value", 1004),
        ("x = Worksheets(\"nowhere\").Name", 9),
        ("Range(\"A1\").PasteSpecial xlPasteValues", 1004),
        ("x = Application.WorksheetFunction.Match(1, Range(\"A1:A3\"), 0)", 1004),
        ("Err.Raise 513, , \"mine\"", 513),
        ("Resume", 20),
    ],
)  # fmt: skip
def test_run_time_errors(statements: str, number: int) -> None:
    workbook = macro_book(f"Sub test()\n{statements}\nEnd Sub")
    with pytest.raises(MacroError, match=rf"^Module1, line 2: run-time error {number}: ") as error:
        workbook.macros.run("test")
    assert error.value.number == number


def test_a_variant_widens_where_a_declared_integer_overflows() -> None:
    assert printed("a = 300: b = 300: Debug.Print TypeName(a * b); a * b") == ["Long 90000 "]
    assert printed("a = 2147483647: Debug.Print TypeName(a + 1)") == ["Double"]


def test_loops() -> None:
    assert printed("For i = 1 To 3: s = s & i: Next: Debug.Print s; i") == ["123 4 "]
    assert printed("For i = 3 To 1 Step -1: s = s & i: Next i: Debug.Print s") == ["321"]
    assert printed('For x = 0 To 1 Step 0.25: s = s & x & " ": Next: Debug.Print s') == ["0 0.25 0.5 0.75 1 "]
    assert printed('For i = 1 To 0: s = "x": Next: Debug.Print s & "|"') == ["|"]
    assert printed('For i = 1 To 2\nFor j = 1 To 2\ns = s & i & j & " "\nNext j, i\nDebug.Print s') == ["11 12 21 22 "]
    assert printed("Do While n < 3\nn = n + 1\nLoop\nDebug.Print n") == [" 3 "]
    assert printed("Do\nn = n + 1\nLoop Until n >= 3\nDebug.Print n") == [" 3 "]
    assert printed("Do Until n = 2: n = n + 1: Loop: Debug.Print n") == [" 2 "]
    assert printed("Do\nn = n + 1\nIf n = 5 Then Exit Do\nLoop\nDebug.Print n") == [" 5 "]
    assert printed("While n < 4: n = n + 1: Wend: Debug.Print n") == [" 4 "]
    assert printed("For Each x In Array(1, 2, 3): t = t + x: If x = 2 Then Exit For\nNext: Debug.Print t") == [" 3 "]


def test_the_limits_of_a_for_are_taken_once() -> None:
    assert printed("n = 3\nFor i = 1 To n\nn = 10\nc = c + 1\nNext\nDebug.Print c") == [" 3 "]


def test_choices() -> None:
    body = (
        'If {0} = 1 Then\nDebug.Print "one"\nElseIf {0} = 2 Then\nDebug.Print "two"\nElse\nDebug.Print "many"\nEnd If'
    )
    assert [printed(body.format(n))[0] for n in (1, 2, 3)] == ["one", "two", "many"]
    assert printed("If 1 > 2 Then Debug.Print 1: Debug.Print 2 Else Debug.Print 3: Debug.Print 4") == [" 3 ", " 4 "]
    select = """Select Case {0}
    Case 1, 3: Debug.Print "a"
    Case 5 To 9
        Debug.Print "b"
    Case Is > 100: Debug.Print "c"
    Case Else: Debug.Print "d"
    End Select"""
    assert [printed(select.format(n))[0] for n in (3, 7, 101, 4)] == ["a", "b", "c", "d"]
    assert printed('Select Case "b"\nCase "a" To "c": Debug.Print 1\nEnd Select') == [" 1 "]


def test_procedures_take_arguments_by_reference_unless_told_otherwise() -> None:
    before = """
    Sub both(a, ByVal b)
        a = a + 1: b = b + 1
    End Sub
    Function twice(x As Double, Optional y As Double = 10) As Double
        twice = 2 * x + y
    End Function
    Function total(ParamArray items()) As Double
        For Each item In items
            total = total + item
        Next
    End Function
    Function fac(n As Long) As Double
        If n <= 1 Then fac = 1 Else fac = n * fac(n - 1)
    End Function
    """
    assert printed("x = 1: y = 1: both x, y: Debug.Print x; y", before=before) == [" 2  1 "]
    assert printed("x = 1: both (x), 2: Debug.Print x", before=before) == [" 1 "]
    assert printed("Dim a(2): a(1) = 5: both a(1), 0: Debug.Print a(1)", before=before) == [" 6 "]
    assert printed("Debug.Print twice(1); twice(1, 0); twice(y:=1, x:=5)", before=before) == [" 12  2  11 "]
    assert printed("Debug.Print total(1, 2, 3.5); total()", before=before) == [" 6.5  0 "]
    assert printed("Debug.Print fac(10)", before=before) == [" 3628800 "]
    assert printed("Call both(n, 1): Debug.Print n: Module1.both n, 1: Debug.Print n", before=before) == [" 1 ", " 2 "]


def test_variables_of_a_module_live_on_between_runs_and_static_ones_too() -> None:
    source = """
    Public count As Long
    Private Const STEP_SIZE = 2
    Sub test()
        Static calls As Long
        count = count + STEP_SIZE: calls = calls + 1
        Debug.Print count; calls
    End Sub
    """
    macros = macro_book(source).macros
    assert [macros.run("test").output for _ in range(3)] == [[" 2  1 "], [" 4  2 "], [" 6  3 "]]


def test_modules_call_each_other() -> None:
    modules = {
        "Module1": "Sub test()\nDebug.Print helper(2); Module2.helper(3); factor\nSheet1.mark\nEnd Sub",
        "Module2": "Public Const factor = 7\nFunction helper(x)\nhelper = x * own(x)\nEnd Function\n"
        "Private Function own(x)\nown = factor\nEnd Function",
        "Sheet1": 'Sub mark()\nRange("B2").Value = 1\nEnd Sub',
    }
    workbook = macro_book(modules)
    assert workbook.macros.run("test").output == [" 14  21  7 "]
    assert workbook["Sheet1"]["B2"] == 1


def test_enumerations_are_constants() -> None:
    before = "Enum Level\nlow\nhigh = 10\nhigher\nEnd Enum"
    assert printed("Dim x As Level: x = higher: Debug.Print low; x", before=before) == [" 0  11 "]


def test_arrays() -> None:
    assert printed("Dim a(1 To 3) As Long: a(2) = 5: Debug.Print LBound(a); UBound(a); a(1); a(2)") == [" 1  3  0  5 "]
    assert printed("Dim a(): ReDim a(2, 3): a(1, 2) = 9: Debug.Print UBound(a, 2); a(1, 2)") == [" 3  9 "]
    assert printed("ReDim a(1): a(1) = 4: ReDim Preserve a(3): Debug.Print a(1); UBound(a)") == [" 4  3 "]
    assert printed("a = Array(1, 2): b = a: b(0) = 9: Debug.Print a(0); b(0)") == [" 1  9 "]
    assert printed("Dim a(2) As Double: Erase a: Debug.Print a(1)") == [" 0 "]
    before = "Option Base 1\nSub fill(a() As Long)\na(1) = 7\nEnd Sub"
    assert printed("Dim a(2) As Long: fill a: Debug.Print a(1); LBound(a)", before=before) == [" 7  1 "]


def test_a_range_into_an_array_and_back() -> None:
    body = """Dim v
    v = Range("A1:B2").Value
    For i = 1 To UBound(v, 1)
        For j = 1 To UBound(v, 2)
            v(i, j) = v(i, j) * 10
        Next
    Next
    Range("C1").Resize(2, 2) = v
    """
    workbook = macro_book(f"Sub test()\n{body}\nEnd Sub", {"A1": 1, "B1": 2, "A2": 3, "B2": 4})
    workbook.macros.run("test")
    assert workbook["Sheet1"]["C1:D2"].tolist() == [[10, 20], [30, 40]]


def test_errors_are_handled_as_told() -> None:
    assert printed("On Error Resume Next\nx = 1 / 0\nDebug.Print Err.Number; Err.Description") == [
        " 11 Division by zero"
    ]
    assert printed("On Error Resume Next\nx = 1 / 0\nErr.Clear\nDebug.Print Err.Number") == [" 0 "]
    body = 'On Error GoTo oops\nx = 1 / 0\nDebug.Print "not here"\nExit Sub\noops:\nDebug.Print Err.Number\nResume Next'
    assert printed(body) == [" 11 ", "not here"]
    body = "On Error GoTo oops\nd = 0\nx = 1 / d\nDebug.Print x\nExit Sub\noops:\nd = 4\nResume"
    assert printed(body) == [" 0.25 "]
    before = "Sub bad()\nx = 1 / 0\nEnd Sub"
    assert printed("On Error Resume Next\nbad\nDebug.Print Err.Number", before=before) == [" 11 "]
    with pytest.raises(MacroError, match="line 6"):
        printed("On Error Resume Next\nx = 1 / 0\nOn Error GoTo 0\ny = 1 / 0")


def test_with_and_labels() -> None:
    body = """With Range("A1")
        .Value = 3
        .Offset(1, 0).Value = .Value + 1
        With .Offset(2, 0): .Value = 5: End With
    End With
    i = 0
again:
    i = i + 1
    If i < 3 Then GoTo again
    Debug.Print Range("A1"); Range("A2"); Range("A3"); i
    """
    assert printed(body) == [" 3  4  5  3 "]


def test_collections() -> None:
    body = """Dim c As New Collection
    c.Add 5: c.Add "six", "key": c.Add 4, Before:=1
    For Each x In c: s = s & x & " ": Next
    c.Remove "key"
    Debug.Print s; c.Count; c(1)"""
    assert printed(body) == ["4 5 six  2  4 "]


def test_the_mid_statement_and_string_comparison() -> None:
    assert printed('s = "abcdef": Mid(s, 2, 3) = "XY": Debug.Print s') == ["aXYdef"]
    assert printed('Debug.Print "A" = "a"', before="Option Compare Text") == ["True"]


def test_debug_print_lays_out_its_items() -> None:
    assert printed('Debug.Print 1; -2; "a"; True') == [" 1 -2 aTrue"]
    assert printed('Debug.Print 1, "b"') == [" 1            b"]
    assert printed("Debug.Print") == [""]


def test_line_continuations_comments_and_colons() -> None:
    body = "x = 1 + _\n  2 ' a comment\nRem another: y = 5\ny = x: Debug.Print _\n x; y"
    assert printed(body) == [" 3  3 "]


def test_random_numbers_are_those_of_vba() -> None:
    assert printed("Debug.Print Rnd; Rnd; Rnd") == [" 0.7055475  0.533424  0.5795186 "]
    assert printed("x = Rnd(-1): Randomize 42: a = Rnd: x = Rnd(-1): Randomize 42: Debug.Print a = Rnd") == ["True"]
    first = printed("Randomize: Debug.Print Rnd", seed=7)
    assert first == printed("Randomize: Debug.Print Rnd", seed=7) != printed("Randomize: Debug.Print Rnd", seed=8)


def test_undeclared_names_are_refused_under_option_explicit() -> None:
    with pytest.raises(MacroError, match="Module1, line 3: 'x' is not"):
        macro_book("Option Explicit\nSub test()\nx = 1\nEnd Sub").macros.run("test")


def test_conditional_compilation_takes_the_branch_of_today() -> None:
    before = '#If VBA7 Then\nConst which = 7\n#Else\nDeclare Sub Sleep Lib "kernel32" (ByVal ms As Long)\n#End If'
    assert printed("Debug.Print which", before=before) == [" 7 "]


def test_a_message_box_is_printed_and_answers_with_its_default() -> None:
    body = 'If MsgBox("Sure?", vbYesNo + vbDefaultButton2) = vbNo Then MsgBox Prompt:="no", Title:="x"'
    assert printed(body) == ["Sure?", "no"]


def test_undeclared_variables_may_be_named_as_worksheet_functions_are() -> None:
    assert printed("count = count + 1: index = 2: rate = 0.5: cursor = 4: Debug.Print count; index; rate; cursor") == [
        " 1  2  0.5  4 "
    ]


def test_variables_may_be_named_as_libraries_are() -> None:
    assert printed('Dim strings As New Collection: strings.Add 4: Debug.Print strings(1); VBA.Left("ab", 1)') == [
        " 4 a"
    ]


def test_forms_and_classes_are_refused_with_their_line() -> None:
    workbook = macro_book("Sub test()\nModule2.go\nThing.Show\nEnd Sub")
    workbook.macros.project.modules["thing"] = Module(VbaModule("Thing", ModuleKind.FORM, ""))
    with pytest.raises(MacroError, match="Module1, line 2"):
        workbook.macros.run("test")
    workbook = macro_book("Sub test()\nThing.Show\nEnd Sub")
    workbook.macros.project.modules["thing"] = Module(VbaModule("Thing", ModuleKind.FORM, ""))
    with pytest.raises(MacroError, match="Module1, line 2: the form Thing is not supported"):
        workbook.macros.run("test")
