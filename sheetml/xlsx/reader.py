"""Reads a workbook file into plain data: cells, formulas, names and tables."""

from __future__ import annotations

import copyreg
import os
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from lxml import etree

from sheetml.errors import WorkbookError
from sheetml.xlsx.cell_text import FALSE, TRUE, date_serial, parse_address, parse_area, rich_text, states, unescape
from sheetml.xlsx.external_links import external_links
from sheetml.xlsx.model import (
    ERROR_CODE,
    MAX_COLUMNS,
    MAX_ROWS,
    Area,
    DataTable,
    DefinedName,
    ErrorCode,
    FileCells,
    Formula,
    InputCell,
    Kind,
    Sheet,
    Table,
    WorkbookFile,
    cell_address,
)
from sheetml.xlsx.package import Package, Relationship
from sheetml.xlsx.pivot_tables import pivot_tables

MACRO_CONTENT_TYPE = "application/vnd.ms-office.vbaProject"

MOST_ITERATIONS = 32_767  # that Excel allows

# The value's kind, its number and its text; no value at all is None.
Value = tuple[Kind, float, str | None]


def read_workbook(path: str | os.PathLike[str]) -> WorkbookFile:
    """Read a workbook (.xlsx, .xlsm); raises WorkbookError if the file is not one."""
    return _WorkbookReader(Package.open(path)).read()


def read_workbook_bytes(content: bytes, path: Path) -> WorkbookFile:
    """The same of a file's content; the path is what messages call it."""
    return _WorkbookReader(Package.of_bytes(path, content)).read()


def _read_again(content: bytes, path: Path, names: list[DefinedName]) -> WorkbookFile:
    file = read_workbook_bytes(content, path)
    file.names[:] = names  # as they were stated since
    return file


def _reduced(file: WorkbookFile) -> tuple[Callable[..., WorkbookFile], tuple[object, ...]]:
    return _read_again, (file.package.content, file.path, file.names)


copyreg.pickle(WorkbookFile, _reduced)  # a copy, and one that is sent, is read anew


# --- the workbook ------------------------------------------------------------------------------


@dataclass
class CellMetadata:
    """What the cells' cm and vm attributes refer to."""

    dynamic: set[str] = field(default_factory=set)  # cm values that mark a dynamic array
    errors: dict[str, ErrorCode] = field(default_factory=dict)  # vm values that state the true error


class _WorkbookReader:
    def __init__(self, package: Package) -> None:
        self.package = package
        self.part = package.workbook_part()
        self.root = package.root(self.part)
        self.links = package.relationships(self.part)
        self.date_1904 = self._flag("workbookPr", "date1904")
        self.strings = self._shared_strings()
        self.metadata = read_metadata(package)

    def read(self) -> WorkbookFile:
        file = WorkbookFile(
            path=self.package.path,
            package=self.package,
            sheets=[],
            date_1904=self.date_1904,
            manual_calculation=self._stated("calcPr", "calcMode") == "manual",
            iterate=self._flag("calcPr", "iterate"),
            iterate_count=_bounded_count(self._stated("calcPr", "iterateCount")),
            iterate_delta=_change(self._stated("calcPr", "iterateDelta")),
            full_precision=self._stated("calcPr", "fullPrecision").lower() not in FALSE,
            macro_parts=self._macro_parts(),
        )
        positions = self._read_sheets(file)
        file.names = list(self._names(positions))
        for position, sheet in enumerate(file.sheets):
            file.tables.extend(self._tables(position, sheet.part))
        file.external_links = external_links(self.package, self.root, self.links)
        file.pivot_tables = pivot_tables(self.package, [sheet.part for sheet in file.sheets], self.date_1904)
        return file

    def _flag(self, element: str, attribute: str) -> bool:
        return self._stated(element, attribute).lower() in TRUE

    def _stated(self, element: str, attribute: str) -> str:
        found = self.root.find(f"{{*}}{element}")
        return "" if found is None else str(found.get(attribute, ""))

    def _parts_of_kind(self, kind: str) -> list[str]:
        return [link.target for link in self.links.values() if link.kind == kind and not link.external]

    def _shared_strings(self) -> list[str]:
        parts = self._parts_of_kind("sharedStrings")
        if not parts or not self.package.has(parts[0]):
            return []
        items = self.package.elements(parts[0], "si", "sstItem")  # "sstItem" in files of Excel 2007's beta
        return [rich_text(item) for item in items]

    def _macro_parts(self) -> list[str]:
        parts = dict.fromkeys(self._parts_of_kind("vbaProject"))
        for override in self.package.root("[Content_Types].xml").iterfind("{*}Override"):
            if override.get("ContentType") == MACRO_CONTENT_TYPE:
                parts[override.get("PartName", "").lstrip("/")] = None
        return [part for part in parts if self.package.has(part)]

    def _read_sheets(self, file: WorkbookFile) -> list[int | None]:
        """Add the sheets; returns for each sheet of the file its position among the worksheets."""
        positions: list[int | None] = []
        seen: set[str] = set()
        for element in self.root.iterfind("{*}sheets/{*}sheet"):
            name = unescape(element.get("name", ""))
            if name.lower() in seen:
                raise self.package.error(f"is damaged: it has two sheets named {name!r}")
            seen.add(name.lower())
            link = self._sheet_link(name, element)
            if link is not None and link.kind == "worksheet":
                positions.append(len(file.sheets))
                file.sheets.append(self._read_sheet(name, link.target, element.get("state", "visible")))
            else:
                positions.append(None)
                file.other_sheets.append(name)
        if not positions:
            raise self.package.error("is damaged: its workbook part lists no sheet")
        return positions

    def _sheet_link(self, name: str, element: etree._Element) -> Relationship | None:
        """The link to a sheet's part; None for a sheet without one, as the module sheets of old macros are.

        The part of a worksheet must be there; of other sheets nothing is computed.
        """
        ids = [value for key, value in element.items() if key.endswith("}id")]
        if ids == [""]:
            return None
        link = self.links.get(ids[0]) if ids else None
        missing = link is None or link.external or not self.package.has(link.target)
        if missing and (link is None or link.kind == "worksheet"):
            raise self.package.error(f"is damaged: the part of sheet {name!r} is missing")
        return link

    def _read_sheet(self, name: str, part: str, state: str) -> Sheet:
        reader = _SheetReader(self, name, part)
        cells = reader.read()
        return Sheet(
            name,
            part,
            cells,
            state == "visible",
            frozenset(reader.hidden_rows),
            reader.filters,
            reader.autofilter,
            reader.filter_mode,
        )

    def _names(self, positions: list[int | None]) -> Iterator[DefinedName]:
        for element in self.root.iterfind("{*}definedNames/{*}definedName"):
            name, local = unescape(element.get("name", "")), element.get("localSheetId")
            scope = None
            if local is not None:
                if not local.isdecimal() or int(local) >= len(positions):
                    raise self.package.error(f"is damaged: the name {name!r} belongs to no sheet")
                scope = positions[int(local)]
                if scope is None:
                    continue
            hidden = element.get("hidden", "").lower() in TRUE
            yield DefinedName(name, (element.text or "").strip(), scope, hidden)

    def _tables(self, position: int, sheet_part: str) -> Iterator[Table]:
        for link in self.package.relationships(sheet_part).values():
            if link.kind == "table" and not link.external:
                yield self._read_table(position, link.target)

    def _read_table(self, position: int, part: str) -> Table:
        root = self.package.root(part)
        name = unescape(root.get("displayName") or root.get("name") or "")
        area = parse_area(root.get("ref", ""))
        header, totals = root.get("headerRowCount", "1"), root.get("totalsRowCount", "0")
        if not name or area is None or not (header.isdecimal() and totals.isdecimal()):
            raise self.package.error(f"is damaged: its part {part!r} does not describe a table")
        columns = [unescape(c.get("name", "")) for c in root.iterfind("{*}tableColumns/{*}tableColumn")]
        autofilter = root.find("{*}autoFilter")
        filtered = autofilter is not None and autofilter.find("{*}filterColumn") is not None
        place = None if autofilter is None else parse_area(autofilter.get("ref", ""))
        return Table(name, position, area, columns, int(header), int(totals), filtered, place)


def _bounded_count(text: str) -> int:
    """How often to iterate: Excel's own number where the file states none that Excel allows."""
    known = text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_ITERATIONS
    return int(text[:9]) if known else 100


def _change(text: str) -> float:
    """The change at which iterating ends: Excel's own where the file states none."""
    try:
        change = float(text)
    except ValueError:
        return 0.001
    return change if 0 <= change < float("inf") else 0.001


# --- cell metadata -----------------------------------------------------------------------------


def read_metadata(package: Package) -> CellMetadata:
    """Read xl/metadata.xml and, for the newer errors, the rich values that it refers to."""
    parts = package.parts_by_kind
    part = parts.get("sheetMetadata")
    if part is None or not package.has(part):
        return CellMetadata()
    root = package.root(part)
    types = [element.get("name") for element in root.iterfind("{*}metadataTypes/{*}metadataType")]
    dynamic = _future_records(root, "XLDAPR", "dynamicArrayProperties", "fDynamic")
    values = _future_records(root, "XLRICHVALUE", "rvb", "i")
    codes = _rich_errors(package, parts) if values else {}

    metadata = CellMetadata()
    for position, (name, index) in _records(root, "cellMetadata", types):
        if name == "XLDAPR" and dynamic.get(index, "").lower() in TRUE:
            metadata.dynamic.add(position)
    for position, (name, index) in _records(root, "valueMetadata", types):
        if name == "XLRICHVALUE" and values.get(index) in codes:
            metadata.errors[position] = codes[values[index]]
    return metadata


def _records(root: etree._Element, block: str, types: list[str | None]) -> Iterator[tuple[str, tuple[str | None, int]]]:
    """For each record of a metadata block: its number as cells state it, its type and index."""
    for number, record in enumerate(root.iterfind(f"{{*}}{block}/{{*}}bk"), start=1):
        for reference in record.iterfind("{*}rc"):
            kind, index = reference.get("t", ""), reference.get("v", "")
            if kind.isdecimal() and index.isdecimal() and 1 <= int(kind) <= len(types):
                yield str(number), (types[int(kind) - 1], int(index))


def _future_records(root: etree._Element, name: str, element: str, attribute: str) -> dict[int, str]:
    records: dict[int, str] = {}
    for block in root.iterfind("{*}futureMetadata"):
        if block.get("name") == name:
            for index, record in enumerate(block.iterfind("{*}bk")):
                found = record.find(f".//{{*}}{element}")
                if found is not None:
                    records[index] = found.get(attribute, "")
    return records


def _rich_errors(package: Package, parts: dict[str, str]) -> dict[str, ErrorCode]:
    """The newer errors, such as #SPILL!, by rich value; their cells say #VALUE! for old programs."""
    values, structures = parts.get("rdRichValue", ""), parts.get("rdRichValueStructure", "")
    if not (package.has(values) and package.has(structures)):
        return {}
    fields: list[list[str | None]] = [
        [key.get("n") for key in structure.iterfind("{*}k")] if structure.get("t") == "_error" else []
        for structure in package.root(structures).iterfind("{*}s")
    ]
    errors: dict[str, ErrorCode] = {}
    for index, value in enumerate(package.root(values).iterfind("{*}rv")):
        structure = value.get("s", "")
        if structure.isdecimal() and int(structure) < len(fields):
            content = dict(zip(fields[int(structure)], (v.text or "" for v in value.iterfind("{*}v"))))
            kind = content.get("errorType", "")
            # Error types count from 0 where ERROR.TYPE counts from 1: 8 is #SPILL!, 13 is #CALC!
            if kind.isdecimal() and ErrorCode.SPILL <= int(kind) + 1 <= ErrorCode.CALC:
                errors[str(index)] = ErrorCode(int(kind) + 1)
    return errors


# --- the cells of a sheet ----------------------------------------------------------------------


class _SheetReader:
    """Reads the cells of one sheet, row by row, into arrays."""

    def __init__(self, workbook: _WorkbookReader, name: str, part: str) -> None:
        self.package = workbook.package
        self.strings = workbook.strings
        self.date_1904 = workbook.date_1904
        self.metadata = workbook.metadata
        self.name = name
        self.part = part
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
        self.masters: dict[str, Formula] = {}
        self.column_of: dict[str, int] = {}
        self.decoders = {
            "s": self._shared_string,
            "str": self._string,
            "b": self._boolean,
            "e": self._error,
            "d": self._date,
        }

    def read(self) -> FileCells:
        row = 0
        for element in self.package.elements(self.part, "row", "autoFilter", "sheetPr"):
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

    def error(self, row: int, column: int, cause: str) -> WorkbookError:
        place = cell_address(row, column)
        return WorkbookError(f"{self.package.path}, sheet {self.name!r}, cell {place}: {cause}.")

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
                    formula = self._formula(child, cell, row, column)
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

    def _formula(self, element: etree._Element, cell: etree._Element, row: int, column: int) -> Formula | None:
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

    def _shared_formula(self, element: etree._Element, text: str, row: int, column: int) -> Formula:
        group = element.get("si", "")
        if text.strip():
            formula = Formula(text, row, column, always=states(element, "ca"))
            if element.get("ref") is not None or group not in self.masters:
                self.masters[group] = formula
            return formula
        if group not in self.masters:
            raise self.error(row, column, f"shares formula {group[:20]!r}, which no cell before it states")
        return self.masters[group]

    def _area(self, element: etree._Element, row: int, column: int) -> Area:
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


def _formula_text(element: etree._Element) -> str:
    """A formula without the "=" that some programs write before it."""
    text = element.text or ""
    return text.lstrip()[1:] if text.lstrip().startswith("=") else text


def _data_table(element: etree._Element, area: Area) -> DataTable:
    first = _input_cell(element, "r1", "del1")
    if states(element, "dt2D"):
        return DataTable(area, first, _input_cell(element, "r2", "del2"))
    return DataTable(area, first, None) if states(element, "dtr") else DataTable(area, None, first)


def _input_cell(element: etree._Element, attribute: str, deleted: str) -> InputCell | None:
    place = parse_address(element.get(attribute, "").replace("$", ""))
    return None if place is None else InputCell(*place, states(element, deleted))


def _shown(table: DataTable) -> str:
    """A data table's formula as Excel shows it: TABLE(row input cell, column input cell)."""
    inputs = (table.row_input, table.column_input)
    return "TABLE(" + ",".join("" if each is None else cell_address(each.row, each.column) for each in inputs) + ")"
