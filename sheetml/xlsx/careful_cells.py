"""Reads the cells of a worksheet part element by element, whatever form it has."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Protocol, overload

import numpy as np
from lxml import etree

from sheetml.errors import WorkbookError
from sheetml.xlsx.cell_metadata import CellMetadata
from sheetml.xlsx.cell_text import TRUE, date_serial, parse_address, parse_area, rich_text, states, unescape
from sheetml.xlsx.model import (
    ERROR_CODE,
    MAX_COLUMNS,
    MAX_ROWS,
    Area,
    DataTable,
    ErrorCode,
    FileCells,
    Formula,
    InputCell,
    Kind,
    cell_address,
)
from sheetml.xlsx.package import Package

# The value's kind, its number and its text; no value at all is None.
Value = tuple[Kind, float, str | None]


class Stated(Protocol):
    """An element, or what else says the same: its attributes and its text."""

    @property
    def text(self) -> str | None: ...

    @overload
    def get(self, key: str) -> str | None: ...

    @overload
    def get(self, key: str, default: str) -> str: ...


@dataclass(frozen=True)
class SheetSource:
    """Where a sheet is read from, and what of the workbook its cells refer to."""

    package: Package
    part: str
    name: str
    strings: list[str]
    metadata: CellMetadata
    date_1904: bool = False

    def error(self, row: int, column: int, cause: str) -> WorkbookError:
        """A WorkbookError about one cell."""
        place = cell_address(row, column)
        return WorkbookError(f"{self.package.path}, sheet {self.name!r}, cell {place}: {cause}.")


class CarefulReader:
    """Reads cells row by row into arrays, and what the part says of rows and filters.

    `masters` are the shared formulas stated before, to which those found are added.
    """

    def __init__(self, source: SheetSource, masters: dict[str, Formula] | None = None) -> None:
        self.package = source.package
        self.strings = source.strings
        self.date_1904 = source.date_1904
        self.metadata = source.metadata
        self.name = source.name
        self.part = source.part
        self.error = source.error
        self.row_starts: dict[int, int] = {}  # for each row, the position of its first cell
        self.hidden_rows: list[int] = []
        self.filters: list[Area] = []
        self.autofilter: Area | None = None
        self.filter_mode = False
        self.columns = array("i")
        self.numbers = array("d")
        self.kinds: dict[int, Kind] = {}  # of all cells but numbers
        self.text: dict[int, str] = {}
        self.formula: dict[int, Formula] = {}
        self.masters = {} if masters is None else masters
        self.column_of: dict[str, int] = {}
        self.decoders = {
            "s": self._shared_string,
            "str": self._string,
            "b": self._boolean,
            "e": self._error,
            "d": self._date,
        }

    def read(self, data: bytes, row: int = 0) -> FileCells:
        """The cells of a part with this content, whose rows come after the row given."""
        for element in self.package.elements_of(self.part, data, "row", "autoFilter", "sheetPr"):
            if not element.tag.endswith("row"):
                self._read_properties(element)
                continue
            row = self._row_number(element, row + 1)
            if row in self.row_starts:
                raise self.error(row, 1, "its row is stated twice")
            self.row_starts[row] = len(self.columns)
            if element.get("hidden", "").lower() in TRUE:
                self.hidden_rows.append(row)
            self._read_row(element, row)
        return self._sorted(self._cells())

    def _read_properties(self, element: etree._Element) -> None:
        if element.tag.endswith("sheetPr"):
            self.filter_mode = element.get("filterMode", "").lower() in TRUE
            return
        parent = element.getparent()
        if parent is None or parent.getparent() is not None:
            return  # the filter of a custom view, which is not the one in force
        self.autofilter = parse_area(element.get("ref", ""))
        if self.autofilter is not None and element.find("{*}filterColumn") is not None:
            self.filters.append(self.autofilter)

    # --- rows

    def _row_number(self, element: etree._Element, expected: int) -> int:
        stated = element.get("r")
        if stated is None:  # the first cell that states its address tells
            addresses = (parse_address(cell.get("r") or "") for cell in element)
            return next((address[0] for address in addresses if address), expected)
        if stated.isascii() and stated.isdecimal() and 1 <= int(stated[:9]) <= MAX_ROWS:
            return int(stated)
        raise WorkbookError(
            f"{self.package.path}, sheet {self.name!r}: row {stated[:20]!r} lies beyond Excel's limits."
        )

    def _read_row(self, element: etree._Element, row: int) -> None:
        # The one loop that runs for every cell of a sheet: a number, the usual content, calls nothing.
        namespace = element.tag[: -len("row")]
        value_tag, formula_tag, inline_tag = namespace + "v", namespace + "f", namespace + "is"
        columns, numbers = self.columns, self.numbers
        column_of, row_text = self.column_of, str(row)
        digits = len(row_text)
        column = 0
        for cell in element.iterchildren(namespace + "c"):
            address = cell.get("r")
            known = None
            if address is not None and address.endswith(row_text):
                known = column_of.get(address[:-digits])
            column = known or self._column(address, row, column + 1)
            value = formula = inline = None
            for child in cell:
                tag = child.tag
                if tag == value_tag:
                    value = child.text
                elif tag == formula_tag:
                    formula = self.stated_formula(child, cell, row, column)
                elif tag == inline_tag:
                    inline = child
            kind = cell.get("t")
            if value is not None and (kind is None or kind == "n"):
                if formula is not None:
                    self.formula[len(columns)] = formula
                columns.append(column)
                try:
                    numbers.append(float(value))
                except ValueError:
                    raise self._not_a_number(value, row, column) from None
                if not value.isascii() or "_" in value:  # float() takes "1_000" and digits of any script
                    raise self._not_a_number(value, row, column)
            elif kind is not None or formula is not None:
                self._read_other(cell, "n" if kind is None else kind, value, inline, formula, row, column)

    def _column(self, address: str | None, row: int, expected: int) -> int:
        if address is None:
            if expected > MAX_COLUMNS:
                raise self.error(row, MAX_COLUMNS, "the cell after it lies beyond Excel's limits")
            return expected
        place = parse_address(address)
        if place is None or place[0] != row:
            raise WorkbookError(
                f"{self.package.path}, sheet {self.name!r}: {address[:20]!r} is not a cell of row {row}."
            )
        self.column_of[address[: -len(str(row))]] = place[1]
        return place[1]

    def _add(self, column: int, kind: Kind, number: float, formula: Formula | None) -> None:
        position = len(self.columns)
        if formula is not None:
            self.formula[position] = formula
        if kind != Kind.NUMBER:
            self.kinds[position] = kind
        self.columns.append(column)
        self.numbers.append(number)

    # --- values

    def _not_a_number(self, text: str, row: int, column: int) -> WorkbookError:
        return self.error(row, column, f"{text[:40]!r} is not a number that Excel can hold")

    def _read_other(
        self,
        cell: etree._Element,
        kind: str,
        text: str | None,
        inline: etree._Element | None,
        formula: Formula | None,
        row: int,
        column: int,
    ) -> None:
        """Add a cell that is not a plain number."""
        if kind == "inlineStr":
            value = self._inline_string(text, inline)
        elif kind != "n" and kind not in self.decoders:
            raise self.error(row, column, f"unknown cell type {kind[:20]!r}")
        elif text is None and kind != "str":
            value = None
        else:
            try:
                value = self.decoders[kind](text or "")
            except (ValueError, OverflowError):
                raise self.error(row, column, f"{(text or '')[:40]!r} does not fit its type {kind!r}") from None
        if value is None:
            if formula is None:
                return
            value = Kind.BLANK, 0.0, None
        code, number, content = value
        if code == Kind.ERROR:
            number = float(self.metadata.errors.get(cell.get("vm", ""), int(number)))
        if content is not None:
            self.text[len(self.columns)] = content
        self._add(column, code, number, formula)

    def _inline_string(self, text: str | None, inline: etree._Element | None) -> Value | None:
        if inline is not None:
            return Kind.TEXT, 0.0, rich_text(inline)
        return None if text is None else self._string(text)

    def _shared_string(self, text: str) -> Value:
        index = int(text)
        if not 0 <= index < len(self.strings):
            raise ValueError("no such shared string")
        return Kind.TEXT, 0.0, self.strings[index]

    def _string(self, text: str) -> Value:
        return Kind.TEXT, 0.0, unescape(text)

    def _boolean(self, text: str) -> Value:
        states = {"1": 1.0, "true": 1.0, "0": 0.0, "false": 0.0}
        if text.strip().lower() not in states:
            raise ValueError("not a boolean")
        return Kind.BOOLEAN, states[text.strip().lower()], None

    def _error(self, text: str) -> Value:
        text = text.strip()
        if not text.startswith("#"):
            raise ValueError("not an error")
        return Kind.ERROR, float(ERROR_CODE.get(text.upper(), ErrorCode.UNKNOWN)), None

    def _date(self, text: str) -> Value:
        return Kind.NUMBER, date_serial(text, self.date_1904), None

    # --- formulas

    def stated_formula(self, element: Stated, cell: Stated, row: int, column: int) -> Formula | None:
        kind = element.get("t", "normal")
        text = _formula_text(element)
        if kind == "shared":
            return self._shared_formula(element, text, row, column)
        if kind == "dataTable":
            area = self._area(element, row, column)
            table = _data_table(element, area)
            return Formula(_shown(table), row, column, area, data_table=table, always=states(element, "ca"))
        if not text.strip():
            return None
        always, whole = states(element, "ca"), states(element, "aca")
        if kind == "array":
            dynamic = cell.get("cm") in self.metadata.dynamic
            area = self._area(element, row, column)
            return Formula(text, row, column, area, dynamic, always=always, whole_array=whole)
        return Formula(text, row, column, always=always)

    def _shared_formula(self, element: Stated, text: str, row: int, column: int) -> Formula:
        group = element.get("si", "")
        if text.strip():
            formula = Formula(text, row, column, always=states(element, "ca"))
            if element.get("ref") is not None or group not in self.masters:
                self.masters[group] = formula
            return formula
        if group not in self.masters:
            raise self.error(row, column, f"shares formula {group[:20]!r}, which no cell before it states")
        return self.masters[group]

    def _area(self, element: Stated, row: int, column: int) -> Area:
        reference = element.get("ref")
        area = Area(row, column, row, column) if reference is None else parse_area(reference)
        if area is None:
            raise self.error(row, column, f"{(reference or '')[:40]!r} is not an area for an array formula")
        return area

    # --- the whole

    def _cells(self) -> FileCells:
        """What was read, as arrays in the file's order."""
        count = len(self.columns)
        numbers = np.array(self.numbers, dtype=np.float64)
        kinds = np.zeros(count, dtype=np.uint8)
        kinds[np.fromiter(self.kinds, np.int64, len(self.kinds))] = list(self.kinds.values())
        row_numbers = np.array(list(self.row_starts), dtype=np.int32)
        starts = np.array([*self.row_starts.values(), count], dtype=np.int64)
        cells = FileCells(
            row=np.repeat(row_numbers, np.diff(starts)),
            column=np.array(self.columns, dtype=np.int32),
            kind=kinds,
            number=numbers,
            text=self.text,
            formula=self.formula,
        )
        infinite = np.flatnonzero(~np.isfinite(numbers))  # "1E999", which float() takes
        if infinite.size:
            first = infinite[0]
            row, column = int(cells.row[first]), int(cells.column[first])
            raise self.error(row, column, "its number is not one that Excel can hold")
        return cells

    def _sorted(self, cells: FileCells) -> FileCells:
        key = cells.row.astype(np.int64) * (MAX_COLUMNS + 1) + cells.column
        if np.all(np.diff(key) > 0):
            return cells
        order = np.argsort(key, kind="stable")
        repeated = np.flatnonzero(np.diff(key[order]) == 0)
        if repeated.size:
            first = order[repeated[0]]
            raise self.error(int(cells.row[first]), int(cells.column[first]), "the cell is stated twice")
        position = np.empty_like(order)
        position[order] = np.arange(order.size)
        return FileCells(
            row=cells.row[order],
            column=cells.column[order],
            kind=cells.kind[order],
            number=cells.number[order],
            text={int(position[old]): text for old, text in cells.text.items()},
            formula={int(position[old]): formula for old, formula in cells.formula.items()},
        )


def _formula_text(element: Stated) -> str:
    """A formula without the "=" that some programs write before it."""
    text = element.text or ""
    return text.lstrip()[1:] if text.lstrip().startswith("=") else text


def _data_table(element: Stated, area: Area) -> DataTable:
    first = _input_cell(element, "r1", "del1")
    if states(element, "dt2D"):
        return DataTable(area, first, _input_cell(element, "r2", "del2"))
    return DataTable(area, first, None) if states(element, "dtr") else DataTable(area, None, first)


def _input_cell(element: Stated, attribute: str, deleted: str) -> InputCell | None:
    place = parse_address(element.get(attribute, "").replace("$", ""))
    return None if place is None else InputCell(*place, states(element, deleted))


def _shown(table: DataTable) -> str:
    """A data table's formula as Excel shows it: TABLE(row input cell, column input cell)."""
    inputs = (table.row_input, table.column_input)
    return "TABLE(" + ",".join("" if each is None else cell_address(each.row, each.column) for each in inputs) + ")"
