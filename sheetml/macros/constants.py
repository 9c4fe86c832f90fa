"""The constants of VBA and Excel that macros name, and the names that lead out of the workbook."""

from __future__ import annotations

from typing import Any

# name: value; all are Longs but the strings.
_VBA: dict[str, Any] = {
    "vbCr": "\r", "vbLf": "\n", "vbCrLf": "\r\n", "vbNewLine": "\r\n", "vbTab": "\t", "vbNullChar": "\0",
    "vbNullString": "", "vbBack": "\b", "vbFormFeed": "\f", "vbVerticalTab": "\v",
    "vbOKOnly": 0, "vbOKCancel": 1, "vbAbortRetryIgnore": 2, "vbYesNoCancel": 3, "vbYesNo": 4, "vbRetryCancel": 5,
    "vbCritical": 16, "vbQuestion": 32, "vbExclamation": 48, "vbInformation": 64,
    "vbDefaultButton1": 0, "vbDefaultButton2": 256, "vbDefaultButton3": 512, "vbApplicationModal": 0,
    "vbSystemModal": 4096, "vbMsgBoxSetForeground": 65536,
    "vbOK": 1, "vbCancel": 2, "vbAbort": 3, "vbRetry": 4, "vbIgnore": 5, "vbYes": 6, "vbNo": 7,
    "vbEmpty": 0, "vbNull": 1, "vbInteger": 2, "vbLong": 3, "vbSingle": 4, "vbDouble": 5, "vbCurrency": 6, "vbDate": 7,
    "vbString": 8, "vbObject": 9, "vbError": 10, "vbBoolean": 11, "vbVariant": 12, "vbByte": 17, "vbLongLong": 20,
    "vbArray": 8192,
    "vbBinaryCompare": 0, "vbTextCompare": 1, "vbUpperCase": 1, "vbLowerCase": 2, "vbProperCase": 3,
    "vbUseSystemDayOfWeek": 0, "vbSunday": 1, "vbMonday": 2, "vbTuesday": 3, "vbWednesday": 4, "vbThursday": 5,
    "vbFriday": 6, "vbSaturday": 7, "vbUseDefault": -2, "vbTrue": -1, "vbFalse": 0, "vbObjectError": -2147221504,
    "vbBlack": 0, "vbRed": 255, "vbGreen": 65280, "vbYellow": 65535, "vbBlue": 16711680, "vbWhite": 16777215,
}  # fmt: skip
_EXCEL: dict[str, Any] = {
    "xlCalculationAutomatic": -4105, "xlCalculationManual": -4135, "xlCalculationSemiautomatic": 2,
    "xlAutomatic": -4105, "xlManual": -4135, "xlSemiautomatic": 2,
    "xlUp": -4162, "xlDown": -4121, "xlToLeft": -4159, "xlToRight": -4161,
    "xlPasteAll": -4104, "xlPasteValues": -4163, "xlPasteFormulas": -4123, "xlPasteFormats": -4122,
    "xlPasteComments": -4144, "xlPasteValidation": 6, "xlPasteAllExceptBorders": 7, "xlPasteColumnWidths": 8,
    "xlPasteFormulasAndNumberFormats": 11, "xlPasteValuesAndNumberFormats": 12, "xlPasteAllUsingSourceTheme": 13,
    "xlNone": -4142, "xlPasteSpecialOperationNone": -4142, "xlPasteSpecialOperationAdd": 2,
    "xlPasteSpecialOperationSubtract": 3, "xlPasteSpecialOperationMultiply": 4,
    "xlPasteSpecialOperationDivide": 5, "xlAdd": 2, "xlSubtract": 3, "xlMultiply": 4, "xlDivide": 5,
    "xlA1": 1, "xlR1C1": -4150, "xlCopy": 1, "xlCut": 2,
    "xlErrNull": 2000, "xlErrDiv0": 2007, "xlErrValue": 2015, "xlErrRef": 2023, "xlErrName": 2029, "xlErrNum": 2036,
    "xlErrNA": 2042, "xlWorksheet": -4167, "xlSheetVisible": -1, "xlSheetHidden": 0, "xlSheetVeryHidden": 2,
    "xlDefault": -4143, "xlWait": 2, "xlNorthwestArrow": 1, "xlIBeam": 3,
}  # fmt: skip
CONSTANT_NAMES = [*_VBA, *_EXCEL]
CONSTANTS: dict[str, Any] = {name.casefold(): value for name, value in {**_VBA, **_EXCEL}.items()}

# The members of Application that need not be qualified, in lower case.
GLOBAL_MEMBERS = frozenset(
    {
        "activecell", "activesheet", "activeworkbook", "application", "calculate", "cells", "columns", "intersect",
        "names", "range", "rows", "selection", "sheets", "thisworkbook", "union", "worksheets", "worksheetfunction",
    }
)  # fmt: skip

# Functions and statements that reach out of the workbook. They exist nowhere in the interpreter; their
# names are here so that the sentence that refuses them can say what they are.
FORBIDDEN: dict[str, str] = {
    "shell": "Shell (starting a program)",
    "createobject": "CreateObject (COM)",
    "getobject": "GetObject (COM)",
    "environ": "Environ (the environment)",
    "command": "Command (the command line)",
    "dir": "Dir (files)",
    "curdir": "CurDir (files)",
    "filelen": "FileLen (a file)",
    "filedatetime": "FileDateTime (a file)",
    "getattr": "GetAttr (a file)",
    "freefile": "FreeFile (a file)",
    "eof": "EOF (a file)",
    "lof": "LOF (a file)",
    "loc": "Loc (a file)",
    "fileattr": "FileAttr (a file)",
    "getsetting": "GetSetting (the registry)",
    "getallsettings": "GetAllSettings (the registry)",
    "callbyname": "CallByName",
    "inputbox": "InputBox (asking the user)",
    "imestatus": "IMEStatus",
    "varptr": "VarPtr (a memory address)",
    "strptr": "StrPtr (a memory address)",
    "objptr": "ObjPtr (a memory address)",
    "evaluate": "Evaluate (evaluating a text)",
    "executeexcel4macro": "ExecuteExcel4Macro",
    "ddeinitiate": "DDEInitiate (another program)",
    "ddeexecute": "DDEExecute (another program)",
    "ddepoke": "DDEPoke (another program)",
    "dderequest": "DDERequest (another program)",
    "ddeterminate": "DDETerminate (another program)",
    "sendkeys": "SendKeys",
    "run": "Run (a macro by its name)",
    "workbooks": "Workbooks (other workbooks)",
    "windows": "Windows",
    "activewindow": "ActiveWindow",
    "activechart": "ActiveChart",
    "charts": "Charts",
    "addins": "AddIns",
    "commandbars": "CommandBars",
    "dialogs": "Dialogs",
    "activeprinter": "ActivePrinter",
    "userforms": "UserForms",
    "kill": "Kill (deletes files)",
    "filecopy": "FileCopy",
    "mkdir": "MkDir",
    "rmdir": "RmDir",
    "chdir": "ChDir",
    "appactivate": "AppActivate",
}
