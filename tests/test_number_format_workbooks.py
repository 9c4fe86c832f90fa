"""Excel is the referee of number formats: what it stored for TEXT, and LibreOffice where it agrees with Excel."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import openpyxl
import pytest

import sheetml
from sheetml.report.check import check
from tests.libreoffice import recalculated
from tests.reference import reference, reference_files

NUMBERS = ["0", "1", "-1", "0.5", "-0.3", "2.675", "1234.567", "-9876543.21", "0.0000001", "123456.789", "0.99999"]
OF_NUMBERS = [
    *("0", "0.00", "#,##0", "#,##0.00;(#,##0.00)", "$#,##0.00", "0%", "0.00%", "0.0##", "000", "00000-0000"),
    *("# ?/?", "# ??/??", "?/?", "# #/##", "#,##0,", "0.0,,", '#,##0.0,"K"', "[Red]0;[Blue]-0", '0;-0;"zero"'),
    *('[<0]"neg" 0;0', "0.0_)", "(0)", '"a"0"b"', "0\\x", "???.??", "?0.0?", "#,##0.??", "(###) ###-####"),
    *("0.0 %", "+0;-0;0", "0.00;@", "0.00E+00", "0.0E-0", "[$€-407] #,##0.00", "00.00E+00"),
]
TIMES = ["0.25", "0.75", "61", "1.5", "45322.125"]
OF_TIMES = [
    *("hh:mm:ss", "h:mm AM/PM", "h:mm a/p", "hh:mm:ss.000", "mm:ss.0", "[h]:mm", "[mm]:ss", "[ss]", "[hh]:mm:ss.00"),
    *('hh "h" mm', "AM/PM", "hhmm", "mmss"),
]
DATES = ["61", "36526.75", "45322.5", "45352.125", "73000.0625"]  # before March 1900 LibreOffice counts otherwise
OF_DATES = [
    *("yyyy-mm-dd", "m/d/yy", "d-mmm-yy", "dddd, mmmm d, yyyy", "ddd mmmmm", "d/m/yyyy h:mm", "mmm-yy", "yy", "m"),
    *("d h:mm:ss", "yyyymmddhhmmss", "[$-407]mmmm", "[$-40C]dddd d mmmm", "[$-410]mmmm", "[$-C0A]dddd", "[$-816]mmmm"),
    *("[$-413]dddd mmmm", "[$-406]mmmm", "[$-414]mmmm", "[$-41D]dddd mmmm", "[$-F800]dddd, mmmm dd, yyyy"),
]


@pytest.mark.parametrize("name", reference_files("corpus/poi/*Format*Tests.xlsx"))
def test_every_text_is_what_excel_made_of_the_format(name: str) -> None:
    for sheet in check(sheetml.open(reference(*name.split("/")))):
        assert sheet.differences == []
        assert sheet.not_computed == {}


def formulas() -> list[str]:
    pairs = [*product(NUMBERS, OF_NUMBERS), *product(TIMES, OF_TIMES), *product(DATES, OF_DATES)]
    return [f'=TEXT({number},"{text.replace(chr(34), chr(34) * 2)}")' for number, text in pairs]


def test_libreoffice_shows_numbers_and_moments_the_same(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    asked = formulas()
    for row, formula in enumerate(asked, start=1):
        book.active.cell(row, 1).value = formula
    path = tmp_path / "formats.xlsx"
    book.save(path)
    theirs = recalculated(path)["Sheet"]
    workbook = sheetml.open(path)
    workbook.calculate()
    ours = workbook["Sheet"]
    cells = {formula: f"A{row}" for row, formula in enumerate(asked, start=1)}
    assert {f: ours[cell] for f, cell in cells.items()} == {f: theirs.get(cell, "") for f, cell in cells.items()}
