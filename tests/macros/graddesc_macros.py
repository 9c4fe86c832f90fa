"""The gradient-descent workbook with its macros, as its author would have recorded and written them.

The reference workbook has no macros; what they do is known from its notes. The procedures here are
written after those, in the idiom of a macro recorder's user.
"""

from __future__ import annotations

from pathlib import Path

from tests.macros.vba_project import Module, with_macros
from tests.reference import reference

_SOMESTEPS = """
Sub somesteps()
    Application.Calculation = xlManual
    For i = 1 To 5
        onestep
    Next i
    Application.Calculation = xlAutomatic
End Sub
"""

_BASIC = """Option Explicit

Sub onestep()
'
' onestep Macro: one epoch
'
    Application.Calculation = xlManual
    Dim place As Range
    Set place = Range("rmsestart").End(xlDown).Offset(1, 0)
    place.Value = Range("rmse").Value
    Range("slope").Value = Range("lastslope").Value
    Range("const").Value = Range("lastconst").Value
    Application.Calculation = xlAutomatic
End Sub

Sub somesteps()
    Dim i As Integer
    For i = 1 To 5
        onestep
    Next
End Sub

Sub reset()
    Range("slope") = 1: Range("const") = 1
    Range("rmses").ClearContents
    Calculate
End Sub
"""

_MOMENTUM = """
Sub reset()
    Range("momtarget").Value = 0
    Range("slope").Value = 1
    Range("const").Value = 1
    Range("lr").Value = 0.0001
    Range("momlast").Copy
    Range("momtarget").PasteSpecial Paste:=xlPasteValues, Operation:=xlNone, _
        SkipBlanks:=False, Transpose:=False
    Application.CutCopyMode = False
End Sub

Sub onestep()
    Range("momlast").Copy
    Range("momtarget").PasteSpecial Paste:=xlPasteValues
    Application.CutCopyMode = False
    Range("slope").Value = Range("lastslope").Value
    Range("const").Value = Range("lastconst").Value
    Calculate
End Sub
"""

_ADAGRAD = """
Sub reset()
    Range("gradtarget").Select
    Selection.Value = 10000
    Range("slope").Value = 1
    Range("const").Value = 1
    Range("histgrad").Select
    Selection.Copy
    Range("gradtarget").Select
    Selection.PasteSpecial Paste:=xlPasteValues, Operation:=xlNone, SkipBlanks _
        :=False, Transpose:=False
    Application.CutCopyMode = False
    Range("A1").Select
End Sub

Sub onestep()
    Range("histgrad").Copy
    Range("gradtarget").PasteSpecial xlPasteValues
    Range("slope").Value = Range("lastslope").Value
    Range("const").Value = Range("lastconst").Value
    Calculate
End Sub
"""

_RMSPROP = """
Private Sub copygrad()
    Range("ms_last").Copy
    Range("gradtarget").PasteSpecial Paste:=xlPasteValues
    Application.CutCopyMode = False
End Sub

Sub reset()
    Dim i
    With Range("gradtarget")
        .Value = 10000
    End With
    Range("slope").Value = 1
    Range("const").Value = 1
    For i = 1 To 2
        copygrad
    Next i
End Sub

Sub onestep()
    copygrad
    Range("slope").Value = Range("lastslope").Value
    Range("const").Value = Range("lastconst").Value
    Calculate
End Sub
"""

_ADAM = """
Sub copyval(source As String, dest As String)
    Range(source).Copy
    Range(dest).PasteSpecial Paste:=xlPasteValues
End Sub

Sub reset()
    Range("gradtarget").Value = 10000
    Range("momtarget").Value = 0
    Range("slope").Value = 1
    Range("const").Value = 1
    Range("lr").Value = 1
    Dim k As Long
    k = 0
    Do While k < 2
        copyval "ms_last", "gradtarget"
        Call copyval("momlast", "momtarget")
        k = k + 1
    Loop
    Application.CutCopyMode = False
End Sub

Sub onestep()
    copyval "ms_last", "gradtarget"
    copyval "momlast", "momtarget"
    Range("slope").Value = Range("lastslope").Value
    Range("const").Value = Range("lastconst").Value
    Calculate
End Sub
"""

_EVE = """
Sub reset()
    Application.Calculation = xlCalculationManual
    Range("gradtarget").Value = 10000
    Range("momtarget").Value = 0
    Range("slope").Value = 1
    Range("const").Value = 1
    Range("lr").Value = 1
    For i = 1 To 2
        Range("ms_last").Copy
        Range("gradtarget").PasteSpecial Paste:=xlPasteValues
        Range("momlast").Copy
        Range("momtarget").PasteSpecial Paste:=xlPasteValues
    Next i
    Range("dt_1").Value = 1
    Calculate
    Range("ft_1").Value = Range("loss").Value
    Range("ft_2").Value = Range("loss").Value / 2
    Application.CutCopyMode = False
    Application.Calculation = xlCalculationAutomatic
End Sub

Sub onestep()
    Application.Calculation = xlCalculationManual
    Range("ft_2").Value = Range("ft_1").Value
    Range("ft_1").Value = Range("loss").Value
    Range("ms_last").Copy
    Range("gradtarget").PasteSpecial Paste:=xlPasteValues
    Range("momlast").Copy
    Range("momtarget").PasteSpecial Paste:=xlPasteValues
    Range("slope").Value = Range("lastslope").Value
    Range("const").Value = Range("lastconst").Value
    Range("dt_1").Value = Range("dtee").Value
    Calculate
    Application.Calculation = xlCalculationAutomatic
End Sub
"""

_ADAGRAD_ANN = """
Sub reset()
    Application.Calculation = xlManual
    Range("gradtarget").Value = 1000000
    Range("slope").Value = 1
    Range("const").Value = 1
    Range("J1").Value = 100
    Range("D2").Value = 0.5
    Application.Calculation = xlAutomatic
End Sub

Sub onestep()
    Application.Calculation = xlManual
    Range("histgrad").Copy
    Range("gradtarget").PasteSpecial Paste:=xlPasteValues
    Range("slope").Value = Range("lastslope").Value
    Range("const").Value = Range("lastconst").Value
    Calculate
    Application.Calculation = xlAutomatic
End Sub

Sub somesteps()
    Application.Calculation = xlManual
    For i = 1 To 5
        onestep
        While Range("H33").Value > 2 * Range("J1").Value
            Range("D2").Value = Range("D2").Value / 2
            Calculate
        Wend
        Range("J1").Value = Range("H33").Value
    Next i
    Application.Calculation = xlAutomatic
End Sub
"""

_ADAM_ANN = """
Sub reset()
    Application.Calculation = xlManual
    Range("gradtarget").Value = 10000
    Range("momtarget").Value = 0
    Range("slope").Value = 1
    Range("const").Value = 1
    Range("lr").Value = 1
    Range("prev_grad2").Value = Range("avg_grad2").Value
    Calculate
    For i = 1 To 2
        Range("ms_last").Copy
        Range("gradtarget").PasteSpecial Paste:=xlPasteValues
        Range("momlast").Copy
        Range("momtarget").PasteSpecial Paste:=xlPasteValues
        If i = 1 Then Calculate
    Next i
    Range("prev_grad2").Value = Range("avg_grad2").Value
    Application.CutCopyMode = False
    Application.Calculation = xlAutomatic
End Sub

Sub onestep()
    Range("ms_last").Copy
    Range("gradtarget").PasteSpecial Paste:=xlPasteValues
    Range("momlast").Copy
    Range("momtarget").PasteSpecial Paste:=xlPasteValues
    Range("slope").Value = Range("lastslope").Value
    Range("const").Value = Range("lastconst").Value
    Calculate
End Sub

Sub somesteps()
    Application.Calculation = xlManual
    For i = 1 To 5
        onestep
        If Range("gradrat").Value > 2 Then Range("lr").Value = Range("lr").Value / 4
        If Range("avg_grad2").Value < Range("prev_grad2").Value Then
            Range("prev_grad2").Value = Range("avg_grad2").Value
        End If
        Calculate
    Next i
    Application.Calculation = xlAutomatic
End Sub
"""

# By the sheets' code names; the sheet of "basic" is "basic SGD", that of "annealing" is "adagrad_ann".
SOURCES = {
    "basic": _BASIC,
    "momentum": _MOMENTUM + _SOMESTEPS,
    "adagrad": _ADAGRAD + _SOMESTEPS,
    "rmsprop": _RMSPROP + _SOMESTEPS,
    "adam": _ADAM + _SOMESTEPS,
    "eve": _EVE + _SOMESTEPS,
    "annealing": _ADAGRAD_ANN,
    "adam_ann": _ADAM_ANN,
}


def macro_workbook(path: Path) -> Path:
    """The reference workbook with its macros, written to `path` (an .xlsm); the test is skipped without it."""
    modules = [Module("ThisWorkbook", "", "workbook"), Module("data", "", "sheet"), Module("Intro", "", "sheet")]
    modules += [Module(name, source, "sheet") for name, source in SOURCES.items()]
    source = reference("workbooks", "graddesc_without_macros.xlsx")
    return with_macros(source, path, modules, {"xl/worksheets/sheet1.xml": "Intro"})
