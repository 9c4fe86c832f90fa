"""Workbooks for the tests of commands, written as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from tests.workbooks import fill


def book(path: Path, cells: dict[str, Any], solver: dict[str, str] | None = None, **sheets: dict[str, Any]) -> Path:
    """A workbook whose cells hold the values that sheetml computes, as a spreadsheet would have stored them.

    `solver` holds the names of a Solver model on Sheet1, without their prefix.
    """
    workbook = openpyxl.Workbook()
    workbook.active.title = "Sheet1"
    fill(workbook.active, cells)
    for name, more in sheets.items():
        fill(workbook.create_sheet(name), more)
    for name, text in (solver or {}).items():
        sheet = workbook["Sheet1"]
        sheet.defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)
    workbook.save(path)
    calculated = sheetml.open(path)
    calculated.calculate()
    calculated.save(path, overwrite=True)
    return path


PARABOLA: dict[str, Any] = {"A1": 5, "A2": 7, "B1": "=(A1-2)^2+(A2+3)^2+1"}
MINIMISE_B1 = {"opt": "Sheet1!$B$1", "adj": "Sheet1!$A$1:$A$2", "typ": "2", "neg": "2", "eng": "1"}
