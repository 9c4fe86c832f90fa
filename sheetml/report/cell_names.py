"""What the rows and columns of an area are called: by the sheet, and by the texts and numbers beside them."""

from __future__ import annotations

from sheetml.engine.values import describe
from sheetml.formula.references import cell_name, column_letters
from sheetml.report.charts import Names
from sheetml.workbook import Book
from sheetml.xlsx.model import Area, CellValue, ErrorCode

ENOUGH = 0.5  # of the cells beside an area that must be filled to be taken for names


def names_of(workbook: Book, sheet: str | int, area: Area) -> Names:
    """The names of an area's rows and columns: numbers and letters, and what stands left and above, if it is names."""
    position = sheet if isinstance(sheet, int) else workbook.sheet_names.index(sheet)
    rows, columns = range(area.top, area.bottom + 1), range(area.left, area.right + 1)
    left = [_value(workbook, position, row, area.left - 1) for row in rows]
    above = [_value(workbook, position, area.top - 1, column) for column in columns]
    return Names(
        [str(row) for row in rows],
        [column_letters(column) for column in columns],
        _titles(left),
        _titles(above),
        lambda row, column: cell_name(area.top + row, area.left + column),
    )


def _value(workbook: Book, sheet: int, row: int, column: int) -> CellValue:
    if row < 1 or column < 1:
        return None
    calculation = workbook.calculation
    return calculation.value(calculation.slot(sheet, row, column))


def _titles(values: list[CellValue]) -> list[str]:
    """The values as names; none at all where few cells are filled, or where the numbers are no labels."""
    filled = [value for value in values if value is not None and value != ""]
    whole = [value for value in filled if isinstance(value, str) or (isinstance(value, float) and value.is_integer())]
    if len(filled) < max(1, ENOUGH * len(values)) or len(whole) < len(filled):
        return []
    if not any(isinstance(value, str) for value in filled) and len(set(filled)) < len(filled):
        return []
    return [_text(value) for value in values]


def _text(value: CellValue) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}"
    return (
        " ".join(value.split())
        if isinstance(value, str)
        else describe(value)
        if not isinstance(value, ErrorCode)
        else ""
    )
