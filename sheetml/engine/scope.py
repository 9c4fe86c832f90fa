"""What the names in formulas mean: sheets, defined names, tables."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sheetml.engine.areas import Reference
from sheetml.engine.division import together
from sheetml.engine.other_workbooks import OtherWorkbooks
from sheetml.engine.pivot_layout import Layout
from sheetml.engine.values import REF, VALUE, error_where
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.tree import ErrorValue, Node, StructuredReference
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area, Table, WorkbookFile


class Scope:
    """The workbook's names, looked up without regard to case, those of a sheet before global ones."""

    def __init__(self, file: WorkbookFile) -> None:
        self.file = file
        self.sheet_names = [sheet.name for sheet in file.sheets]
        self._sheets = {name.casefold(): position for position, name in enumerate(self.sheet_names)}
        self._names = {(name.scope, name.name.casefold()): name.text for name in file.names}
        self._tables = {table.name.casefold(): table for table in file.tables}
        self._trees: dict[tuple[int | None, str], Node] = {}
        self.others = OtherWorkbooks(file)
        self.titles = [*self.sheet_names, *self.others.titles]  # for messages: of other workbooks' sheets too
        self.cells = [*(sheet.cells for sheet in file.sheets), *self.others.cells]  # what the file holds of each
        last_rows = [int(cells.row.max(initial=1)) for cells in self.cells]
        last_columns = [int(cells.column.max(initial=1)) for cells in self.cells]
        self.row_limit = min(max(last_rows, default=1) + 1, MAX_ROWS)
        self.column_limit = min(max(last_columns, default=1) + 1, MAX_COLUMNS)

    @cached_property
    def pivot_layouts(self) -> list[Layout | None]:
        """The pivot tables by what their cells show; None for one that cannot be read."""
        return [None if table is None else Layout(table) for table in self.file.pivot_tables]

    def sheet(self, name: str) -> int | None:
        """The position of a sheet by its name."""
        return self._sheets.get(name.casefold())

    def name(self, name: str, sheet: int, sheet_name: str | None = None) -> Node | None:
        """The tree of what a name refers to, from a formula on `sheet`; None if there is no such name."""
        if sheet_name is not None:
            stated = self.sheet(sheet_name)
            scopes: tuple[int | None, ...] = (stated,) if stated is not None else (None,)
            scopes = (*scopes, None)
        else:
            scopes = (sheet, None)
        for scope in scopes:
            key = (scope, name.casefold())
            if key in self._names:
                if key not in self._trees:
                    self._trees[key] = self._parse(self._names[key])
                return self._trees[key]
        table = self._tables.get(name.casefold())  # Excel itself writes Table1[]
        return None if table is None or sheet_name is not None else StructuredReference(table.name)

    @staticmethod
    def _parse(text: str) -> Node:
        try:
            return parse(text.removeprefix("="), 1, 1)
        except FormulaError:
            return ErrorValue("#NAME?")

    def structured(
        self, node: StructuredReference, sheet: int, rows: np.ndarray, columns: np.ndarray
    ) -> Reference | None:
        """The cells a structured reference means, seen from each formula cell; None if there is no such."""
        if node.table is not None:
            return self._in_table(self._tables.get(node.table.casefold()), node, rows)
        own = self._tables_of_cells(sheet, rows, columns)
        if (own == own[0]).all():
            return self._in_table(self.file.tables[own[0]] if own[0] >= 0 else None, node, rows)
        parts = []
        for number in range(-1, len(self.file.tables)):
            index = np.nonzero(own == number)[0]
            if len(index):
                found = self._in_table(self.file.tables[number] if number >= 0 else None, node, rows[index])
                parts.append((index, _no_area(sheet) if found is None else found))
        joined = together(parts, len(own))
        assert isinstance(joined, Reference)
        return joined

    def _tables_of_cells(self, sheet: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The number of the table that each cell stands in, -1 for none: (b,)."""
        own = np.full(len(rows), -1, np.intp)
        for number, table in enumerate(self.file.tables):
            if table.sheet == sheet:
                area = table.area
                inside = (area.top <= rows) & (rows <= area.bottom) & (area.left <= columns) & (columns <= area.right)
                own[inside & (own < 0)] = number
        return own

    @staticmethod
    def _in_table(table: Table | None, node: StructuredReference, rows: np.ndarray) -> Reference | None:
        """The cells of a table that a structured reference means from rows; None if there are no such columns."""
        span = None if table is None else _column_span(table, node)
        if table is None or span is None:
            return None
        left, right = span
        width = np.array([right - left + 1])
        if "#This Row" in node.items:
            top, bottom = _item_rows(table, ("#Data",)) or (1, 0)
            errors = error_where((rows < top) | (rows > bottom), VALUE)
            return Reference(table.sheet, rows, np.array([left]), np.array([1]), width, errors)
        extent = _item_rows(table, node.items or ("#Data",))
        if extent is None:
            return _no_area(table.sheet)
        top, bottom = extent
        return Reference(table.sheet, np.array([top]), np.array([left]), np.array([bottom - top + 1]), width)


def _no_area(sheet: int) -> Reference:
    one = np.array([1])
    return Reference(sheet, one, one, one, one, np.array([REF], np.uint8))


def _column_span(table: Table, node: StructuredReference) -> tuple[int, int] | None:
    if node.first_column is None:
        return table.area.left, table.area.right
    places = {name.casefold(): position for position, name in enumerate(table.columns)}
    first = places.get(node.first_column.casefold())
    last = places.get((node.last_column or node.first_column).casefold())
    if first is None or last is None:
        return None
    return table.area.left + min(first, last), table.area.left + max(first, last)


def _item_rows(table: Table, items: tuple[str, ...]) -> tuple[int, int] | None:
    """The rows that #All, #Headers, #Data, #Totals or several of them cover."""
    area: Area = table.area
    data = (area.top + table.header_rows, area.bottom - table.totals_rows)
    extents = {
        "#All": (area.top, area.bottom),
        "#Headers": (area.top, area.top + table.header_rows - 1),
        "#Data": data,
        "#Totals": (area.bottom - table.totals_rows + 1, area.bottom),
    }
    chosen = [extents[item] for item in items if item in extents]
    present = [(top, bottom) for top, bottom in chosen if bottom >= top]
    if not present:
        return None
    return min(top for top, _ in present), max(bottom for _, bottom in present)
