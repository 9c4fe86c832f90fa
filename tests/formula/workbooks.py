"""Every distinct formula of the reference workbooks, with the cell it stands in."""

from __future__ import annotations

from functools import cache

from sheetml.xlsx.reader import read_workbook
from tests.reference import reference, reference_files

WORKBOOKS = [*reference_files("workbooks/*.xlsx"), *reference_files("functions/*.xlsx")]


@cache
def formulas(workbook: str) -> list[tuple[str, int, int]]:
    """(text, row, column) of the cells' formulas and the names' definitions, each text once."""
    file = read_workbook(reference(workbook))
    found = {name.text: (1, 1) for name in file.names}
    for sheet in file.sheets:
        found.update((cell.text, (cell.row, cell.column)) for cell in sheet.cells.formula.values())
    return [(text, row, column) for text, (row, column) in found.items()]
