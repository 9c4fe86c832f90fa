"""The real LibreOffice as a referee: it opens a workbook, recalculates every formula, and tells the values."""

from __future__ import annotations

import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sheetml import ErrorCode
from sheetml.xlsx.model import ERROR_CODE, Kind, cell_address
from sheetml.xlsx.reader import read_workbook

Values = dict[str, dict[str, Any]]

TOLERANCE = 1e-9  # relative; LibreOffice writes 15 digits
SECONDS = 180

# A fresh LibreOffice asks, or takes the stored values for granted where it wrote the file itself: 0 is "always".
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""
PIVOT_TABLE = re.compile(rb'<Relationship\b[^>]*/relationships/pivotTable"[^>]*/>')


def recalculated(path: str | os.PathLike[str]) -> Values:
    """The values of all filled cells after LibreOffice recalculated the workbook: by sheet, by address.

    Numbers and dates are floats; errors ErrorCodes (text where Excel knows no such error); text and
    booleans themselves. Where LibreOffice is absent the test is skipped, or fails if SHEETML_REQUIRE_ALL
    is 1; it fails where LibreOffice does not open the file.
    """
    return all_recalculated([path])[0]


def all_recalculated(paths: Sequence[str | os.PathLike[str]], *, pivot_tables: bool = False) -> list[Values]:
    """The same for several workbooks in one start of LibreOffice, which takes longer than recalculating.

    LibreOffice lays pivot tables out anew as it loads them, over cells that are beside them in Excel's
    layout; so it is given the workbook without them unless `pivot_tables`.
    """
    program = soffice()
    with tempfile.TemporaryDirectory(prefix="libreoffice-") as name:
        folder = Path(name)
        inputs = [folder / f"{position}{Path(path).suffix}" for position, path in enumerate(paths)]
        for path, copied in zip(paths, inputs):
            shutil.copyfile(path, copied)
            if not pivot_tables:
                _remove_pivot_tables(copied)
        said = _convert(program, folder, inputs)
        outputs = [folder / "out" / f"{position}.xlsx" for position in range(len(inputs))]
        for path, output in zip(paths, outputs):
            if not output.exists():
                pytest.fail(f"LibreOffice did not open {path}: {said}")
        return [_values(output) for output in outputs]


def disagreements(
    path: str | os.PathLike[str], values: Values | None = None, left_out: Collection[str] = ()
) -> list[str]:
    """Where the values stored in a workbook's formula cells differ from LibreOffice's: a line for each cell.

    `left_out` are cells not to be compared (volatile ones), as "Sheet1!A1"; `values` what `recalculated`
    gave, if it has been asked already.
    """
    values = recalculated(path) if values is None else values
    found = []
    for sheet in read_workbook(Path(path)).sheets:
        cells, theirs = sheet.cells, values[sheet.name]
        for position in cells.formula:
            address = cell_address(int(cells.row[position]), int(cells.column[position]))
            stored, recomputed = _stored(cells, position), theirs.get(address)
            if f"{sheet.name}!{address}" not in left_out and not same(stored, recomputed):
                found.append(f"{sheet.name}!{address}: stored {stored!r}, LibreOffice has {recomputed!r}")
    return found


def same(stored: Any, recomputed: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two values are the same cell value: numbers within a relative tolerance, "" as a blank."""
    if isinstance(stored, ErrorCode) or isinstance(recomputed, ErrorCode):
        return stored is recomputed
    if isinstance(stored, (float, int)) and isinstance(recomputed, (float, int)):
        return math.isclose(stored, recomputed, rel_tol=tolerance, abs_tol=1e-14)
    return stored == recomputed or {stored, recomputed} == {"", None}


def soffice() -> str:
    """The program; where it is absent the test is skipped, or fails if SHEETML_REQUIRE_ALL is 1."""
    program = shutil.which("soffice")
    if program is None:
        reason = "LibreOffice (soffice) is not on this machine"
        if os.environ.get("SHEETML_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


def _remove_pivot_tables(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as package:
        parts = [(info, package.read(info)) for info in package.infolist()]
    if any(PIVOT_TABLE.search(content) for info, content in parts if info.filename.endswith(".rels")):
        with zipfile.ZipFile(path, "w") as package:
            for info, content in parts:
                package.writestr(info, PIVOT_TABLE.sub(b"", content) if info.filename.endswith(".rels") else content)


def _convert(program: str, folder: Path, inputs: list[Path]) -> str:
    """Opens, recalculates and saves the workbooks with a profile of its own; what LibreOffice said."""
    settings = folder / "profile" / "user" / "registrymodifications.xcu"
    settings.parent.mkdir(parents=True)
    settings.write_text(PROFILE, encoding="utf-8")
    command = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--norestore"]
    command += ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "out"), *map(str, inputs)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            return process.communicate(timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # soffice is a script: the work is done by its children
            pytest.fail(f"LibreOffice took longer than {SECONDS} s over {', '.join(map(str, inputs))}")


def _values(path: Path) -> Values:
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    book._date_formats = book._timedelta_formats = set()  # serial numbers are wanted, as in Excel's cells
    try:
        return {
            sheet.title: {
                cell.coordinate: _value(cell) for row in sheet.iter_rows() for cell in row if cell.value is not None
            }
            for sheet in book.worksheets
        }
    finally:
        book.close()


def _value(cell: Any) -> Any:
    if cell.data_type == "e":
        return ERROR_CODE.get(cell.value, cell.value)
    if cell.data_type == "n":
        return float(cell.value)
    return cell.value


def _stored(cells: Any, position: int) -> Any:
    kind, number = Kind(int(cells.kind[position])), float(cells.number[position])
    if kind is Kind.ERROR:
        return ErrorCode(int(number))
    return {Kind.NUMBER: number, Kind.BOOLEAN: bool(number), Kind.TEXT: cells.text.get(position)}.get(kind)
