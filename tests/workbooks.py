"""Small workbooks made in tests: cells by address, written by openpyxl, opened by sheetml."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.worksheet.formula import ArrayFormula

import sheetml


def made(cells: dict[str, Any], **sheets: dict[str, Any]) -> sheetml.Workbook:
    """A workbook with these cells on "Sheet1" (texts that begin with "=" are formulas, with "{=" array
    formulas over the area that is their key, as "A1:B2"), and further sheets by name; not yet calculated."""
    book = openpyxl.Workbook()
    book.active.title = "Sheet1"
    fill(book.active, cells)
    for name, more in sheets.items():
        fill(book.create_sheet(name), more)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        book.save(path)
        return sheetml.open(path)


def fill(sheet: Any, cells: dict[str, Any]) -> None:
    for address, value in cells.items():
        if isinstance(value, str) and value.startswith("{="):
            sheet[address.split(":")[0]] = ArrayFormula(address, value[1:-1])
        else:
            sheet[address] = value


def computed(cells: dict[str, Any], **sheets: dict[str, Any]) -> sheetml.Worksheet:
    """The same, calculated: its first sheet."""
    workbook = made(cells, **sheets)
    workbook.calculate()
    return workbook["Sheet1"]


def result(formula: str, **cells: Any) -> Any:
    """What a formula gives among these cells: result("=A1+1", A1=2)."""
    return computed({**cells, "Z99": formula})["Z99"]
