"""CELL and INFO: what a file tells of how its cells look, and of what it is calculated by."""

from __future__ import annotations

import openpyxl
import pytest
from openpyxl.styles import Alignment, Protection

import sheetml
from sheetml import ErrorCode
from sheetml.engine.functions.information import format_letters
from tests.workbooks import fill, result

# From the table of Microsoft's page on CELL.
LETTERS = {
    "General": "G",
    "0": "F0",
    "#,##0": ",0",
    "0.00": "F2",
    "#,##0.00": ",2",
    "$#,##0_);($#,##0)": "C0",
    "$#,##0_);[Red]($#,##0)": "C0-",
    "$#,##0.00_);($#,##0.00)": "C2",
    "$#,##0.00_);[Red]($#,##0.00)": "C2-",
    "0%": "P0",
    "0.00%": "P2",
    "0.00E+00": "S2",
    "# ?/?": "G",
    "# ??/??": "G",
    "m/d/yy": "D4",
    "m/d/yy h:mm": "D4",
    "mm/dd/yy": "D4",
    "d-mmm-yy": "D1",
    "dd-mmm-yy": "D1",
    "d-mmm": "D2",
    "dd-mmm": "D2",
    "mmm-yy": "D3",
    "mm/dd": "D5",
    "h:mm AM/PM": "D7",
    "h:mm:ss AM/PM": "D6",
    "h:mm": "D9",
    "h:mm:ss": "D8",
    "(0.00);0.00": "F2()",
    '0.0" years"': "F1",
}


@pytest.mark.parametrize("code", LETTERS)
def test_number_formats_have_the_letters_of_the_documentation(code):
    assert format_letters(code) == LETTERS[code]


@pytest.fixture
def looks(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    fill(sheet, {"A1": 1.5, "A2": "text", "A3": "right", "A4": 4})
    sheet["A1"].number_format = "$#,##0.00_);[Red]($#,##0.00)"
    sheet["A3"].alignment = Alignment(horizontal="right")
    sheet["A4"].protection = Protection(locked=False)
    sheet.column_dimensions["B"].width = 20.7109375
    questions = {
        "D1": '=CELL("format",A1)',
        "D2": '=CELL("color",A1)+10*CELL("parentheses",A1)+100*CELL("color",A2)',
        "D3": '=CELL("prefix",A2)&CELL("prefix",A3)&CELL("prefix",A4)',
        "D4": '=CELL("protect",A1)*10+CELL("protect",A4)',
        "D5": '=INDEX(CELL("width",B1),1)*100+INDEX(CELL("width",C1),1)',
        "D6": '=INDEX(CELL("width",C9),2)',
        "D7": '=CELL("format",Z99)',
    }
    fill(sheet, questions)
    book.save(tmp_path / "book.xlsx")
    workbook = sheetml.open(tmp_path / "book.xlsx")
    workbook.calculate()
    return workbook["Sheet"]["D1:D7"].ravel().tolist()


def test_cells_are_described_as_the_file_has_them(looks):
    assert looks == ["C2-", 1, "'\"", 10, 2008, True, "G"]


def test_info_answers_as_excel_for_windows_does():
    assert result('=INFO("system")&INFO("recalc")&INFO("numfile")') == "pcdosAutomatic1"
    assert result('=INFO("memused")') == ErrorCode.NA
    assert result('=INFO("weather")') == ErrorCode.VALUE
