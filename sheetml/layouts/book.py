"""What all layouts share in building a workbook: text that stays text, heat maps, a file that is the same each time.

openpyxl makes the file: it knows hidden names that are local to a sheet (Solver models), it writes
charts without copies of their data that could go stale, and it is a dependency already. sheetml itself
then computes the cells, so that every formula has its value in the file.
"""

from __future__ import annotations

import datetime
import math
import os
import re
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sheetml.api import Workbook
from sheetml.api import open as open_workbook
from sheetml.formula.references import address, column_letters
from sheetml.xlsx.model import MAX_TEXT, Area
from sheetml.xlsx.sheet_patch import escape_text
from sheetml.xlsx.solver_names import SolverModelNames, names_of

if TYPE_CHECKING:
    from openpyxl import Workbook as NewWorkbook
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

EPOCH = datetime.datetime(2000, 1, 1)  # of all built workbooks: the same data make the same file
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can state, as Excel writes it

LOW, MIDDLE, HIGH = "7FA7D1", "FFFFFF", "F2A154"  # blue to orange: a heat map that the colour-blind can read
GREY = "A6A6A6"

_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML 1.0 cannot hold


# ---- cells ------------------------------------------------------------------------------------


def storable(text: str) -> str:
    """The text as a cell can hold it: control characters as U+FFFD, line ends as Excel's, cut where too long."""
    text = _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_TEXT:
        return text
    return units[: 2 * MAX_TEXT - 2].decode("utf-16-le", "ignore") + "…"


def put_text(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    """Writes text that is never anything else, whatever it begins with or looks like; returns the cell.

    Its quote prefix keeps it text when somebody edits the cell in Excel.
    """
    cell = sheet.cell(row, column)
    cell.value = escape_text(storable(text))
    cell.data_type = "s"
    cell.quotePrefix = bool(text) and not text[0].isalpha()
    return cell


def put_value(
    sheet: Worksheet, row: int, column: int, value: int | float | str, number_format: str = "General"
) -> None:
    """Writes a number, or text as `put_text` does."""
    if isinstance(value, str):
        put_text(sheet, row, column, value)
        return
    cell = sheet.cell(row, column, value)
    if number_format != "General":
        cell.number_format = number_format


def put_formula(sheet: Worksheet, row: int, column: int, formula: str, number_format: str = "General") -> None:
    """Writes a formula, stated without "="; nothing in it may come from data."""
    cell = sheet.cell(row, column, f"={formula}")
    if number_format != "General":
        cell.number_format = number_format


def put_comment(sheet: Worksheet, row: int, column: int, text: str) -> None:
    """Explains a cell; the box is as large as its text."""
    from openpyxl.comments import Comment

    lines = sum(1 + len(line) // 46 for line in text.splitlines())
    sheet.cell(row, column).comment = Comment(text, "sheetml", height=24 + 18 * lines, width=320)


# ---- looks ------------------------------------------------------------------------------------


def plain(area: Area, absolute: bool = False) -> str:
    """The address of an area without a sheet."""
    return address(None, area, absolute)


def heat_map(sheet: Worksheet, area: Area, scale: tuple[float, float] | None = None) -> None:
    """Colours numbers from blue (low) over white to orange: on a fixed scale, or by the area's own range."""
    from openpyxl.formatting.rule import ColorScaleRule

    if scale is None:
        ends: list[tuple[str, float | None]] = [("min", None), ("percentile", 50), ("max", None)]
    else:
        ends = [("num", value) for value in (scale[0], sum(scale) / 2, scale[1])]
    settings: dict[str, Any] = {}
    for place, colour, (kind, value) in zip(("start", "mid", "end"), (LOW, MIDDLE, HIGH), ends):
        settings |= {f"{place}_type": kind, f"{place}_value": value, f"{place}_color": colour}
    sheet.conditional_formatting.add(plain(area), ColorScaleRule(**settings))


def set_width(sheet: Worksheet, left: int, right: int, width: float) -> None:
    """The width of columns, in characters."""
    for column in range(left, right + 1):
        sheet.column_dimensions[column_letters(column)].width = width


def bold(sheet: Worksheet, area: Area, size: int = 11, align: str = "right") -> None:
    """Makes an area's cells headings."""
    from openpyxl.styles import Alignment, Font

    for row in sheet.iter_rows(area.top, area.bottom, area.left, area.right):
        for cell in row:
            cell.font = Font(name="Calibri", size=size, bold=True)
            cell.alignment = Alignment(horizontal=align)


def number_format(scale: float) -> str:
    """A format with about five digits for numbers up to a size; with a power of ten for very large and small ones."""
    if not 1e-3 <= scale < 1e6:
        return "0.00E+00"
    decimals = min(6, max(0, 3 - math.floor(math.log10(scale))))
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def prepare_print(sheet: Worksheet, area: Area | None = None, headings: int = 0) -> None:
    """Prints the area, or all, as wide as the page, its first rows again on each; the sheet's name at the foot."""
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_options.horizontalCentered = True
    margins = sheet.page_margins
    margins.left = margins.right = 0.4
    margins.top, margins.bottom, margins.footer = 0.5, 0.75, 0.35
    sheet.oddFooter.left.text, sheet.oddFooter.right.text = "&A", "&P / &N"
    if area is not None:
        sheet.print_area = plain(area)
    if headings:
        sheet.print_title_rows = f"1:{headings}"


# ---- Solver -----------------------------------------------------------------------------------


def put_solver_model(sheet: Worksheet, model: SolverModelNames) -> None:
    """Stores a Solver model as Excel does, in hidden names local to the sheet: its dialog shows it ready to run."""
    from openpyxl.workbook.defined_name import DefinedName

    for name, text in names_of(model).items():
        sheet.defined_names[name] = DefinedName(name, attr_text=text, hidden=True)


# ---- the file ---------------------------------------------------------------------------------


class _TimelessZip(zipfile.ZipFile):
    """A zip file that does not tell when it was made."""

    def writestr(self, zinfo_or_arcname: Any, data: Any, *_: Any, **__: Any) -> None:
        entry = zipfile.ZipInfo(zinfo_or_arcname, ZIP_EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        super().writestr(entry, data)

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        self.writestr(arcname, Path(filename).read_bytes())


def finish(book: NewWorkbook, path: str | os.PathLike[str]) -> Workbook:
    """Writes the workbook to `path`, computed by sheetml, and opens it from there.

    The same cells make the same bytes. Raises WorkbookError where the file cannot be written.
    """
    from openpyxl.writer.excel import ExcelWriter

    book.properties.creator = "sheetml"
    book.properties.created = book.properties.modified = EPOCH
    with tempfile.TemporaryDirectory(prefix="sheetml-") as folder:
        draft = Path(folder) / "draft.xlsx"
        ExcelWriter(book, _TimelessZip(draft, "w")).save()
        computed = open_workbook(draft)
        _restore_numbers(book, computed)
        computed.calculate()
        computed.save(path)
    return open_workbook(path)


def _restore_numbers(book: NewWorkbook, computed: Workbook) -> None:
    """openpyxl writes 16 digits, two floats in three need 17: puts back the last bits it dropped."""
    calculation = computed.calculation
    for position, sheet in enumerate(book.worksheets):
        for cell in sheet._cells.values():
            if isinstance(cell.value, float) and float(f"{cell.value:.16g}") != cell.value:
                calculation.set(calculation.slot(position, cell.row, cell.column), cell.value)
