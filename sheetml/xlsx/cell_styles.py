"""How cells look, as far as CELL asks: number formats, alignment, protection and the widths of columns.

Read only when somebody asks, and once for each sheet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sheetml.xlsx.cell_text import parse_address
from sheetml.xlsx.model import WorkbookFile
from sheetml.xlsx.number_formats import NumberFormats
from sheetml.xlsx.package import Package

_PADDING = 5 / 7  # of a column, in widths of the digit 0 (ECMA-376 part 1, 18.3.1.13)
_DEFAULT_WIDTH = 8


@dataclass(slots=True)
class _SheetStyles:
    """The styles of one sheet's cells, rows and columns by their numbers, and the columns' widths."""

    cells: dict[tuple[int, int], int] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    columns: list[tuple[int, int, int, float | None]] = field(default_factory=list)  # first, last, style, width
    default_width: float = _DEFAULT_WIDTH

    def style(self, row: int, column: int) -> int:
        if (row, column) in self.cells:
            return self.cells[row, column]
        if row in self.rows:
            return self.rows[row]
        return next((style for first, last, style, _ in self.columns if first <= column <= last), 0)

    def width(self, column: int) -> tuple[float, bool]:
        """The width of a column in characters, and whether it is the default."""
        for first, last, _, width in self.columns:
            if first <= column <= last and width is not None:
                return width - _PADDING, False
        return self.default_width, True


class CellStyles:
    """How the cells of a workbook look, as its file says."""

    def __init__(self, file: WorkbookFile) -> None:
        self._file = file
        self._formats = NumberFormats(file)
        self._sheets: dict[int, _SheetStyles] = {}
        self._looks: list[tuple[str, bool]] | None = None

    @staticmethod
    def of(file: WorkbookFile) -> CellStyles:
        """The styles of a file, kept as long as its package is."""
        known = _KNOWN.get(file.package)
        if known is None:
            known = _KNOWN[file.package] = CellStyles(file)
        return known

    def number_format(self, sheet: int, row: int, column: int) -> str:
        """The code of a cell's number format."""
        style = self._sheet(sheet).style(row, column)
        return self._formats.styles[style] if style < len(self._formats.styles) else "General"

    def alignment(self, sheet: int, row: int, column: int) -> str:
        """How a cell is aligned across: "general", "left", "center", "right", "fill" ..."""
        return self._look(sheet, row, column)[0]

    def locked(self, sheet: int, row: int, column: int) -> bool:
        """Whether a cell is locked when its sheet is protected."""
        return self._look(sheet, row, column)[1]

    def width(self, sheet: int, column: int) -> tuple[float, bool]:
        """The width of a column in characters, and whether it is the default."""
        return self._sheet(sheet).width(column)

    def _look(self, sheet: int, row: int, column: int) -> tuple[str, bool]:
        if self._looks is None:
            self._looks = _looks(self._file.package)
        style = self._sheet(sheet).style(row, column)
        return self._looks[style] if style < len(self._looks) else ("general", True)

    def _sheet(self, sheet: int) -> _SheetStyles:
        if sheet not in self._sheets:
            self._sheets[sheet] = _sheet_styles(self._file.package, self._file.sheets[sheet].part)
        return self._sheets[sheet]


_KNOWN: WeakKeyDictionary[Package, CellStyles] = WeakKeyDictionary()


def _looks(package: Package) -> list[tuple[str, bool]]:
    """Alignment and protection of each cell style, by its number."""
    part = package.parts_by_kind.get("styles")
    if part is None or not package.has(part):
        return []
    looks = []
    for style in package.root(part).iterfind("{*}cellXfs/{*}xf"):
        alignment, protection = style.find("{*}alignment"), style.find("{*}protection")
        across = "general" if alignment is None else alignment.get("horizontal", "general")
        locked = protection is None or protection.get("locked", "1") in ("1", "true")
        looks.append((across, locked))
    return looks


def _sheet_styles(package: Package, part: str) -> _SheetStyles:
    found = _SheetStyles()
    for element in package.elements(part, "sheetFormatPr", "col", "row", "c"):
        name = element.tag.rpartition("}")[2]
        style = _number(element.get("s" if name in ("c", "row") else "style")) or 0.0
        if name == "sheetFormatPr":
            stated = _number(element.get("defaultColWidth"))
            base = _number(element.get("baseColWidth"))
            found.default_width = stated - _PADDING if stated is not None else base or _DEFAULT_WIDTH
        elif name == "col":
            first, last = _number(element.get("min")), _number(element.get("max"))
            if first is not None and last is not None:
                found.columns.append((int(first), int(last), int(style), _number(element.get("width"))))
        elif name == "row" and element.get("customFormat", "0") in ("1", "true"):
            row = _number(element.get("r"))
            if row is not None:
                found.rows[int(row)] = int(style)
        elif name == "c":
            place = parse_address(element.get("r", ""))
            if place is not None:
                found.cells[place] = int(style)
    return found


def _number(text: str | None) -> float | None:
    """A number of a file; None where there is none, or none that is finite."""
    try:
        number = None if text is None else float(text)
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None
