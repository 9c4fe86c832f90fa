"""Reads a workbook file into plain data: cells, formulas, names and tables."""

from __future__ import annotations

import copyreg
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lxml import etree

from sheetml.garbage import collection_paused
from sheetml.xlsx.careful_cells import SheetSource
from sheetml.xlsx.cell_metadata import read_metadata
from sheetml.xlsx.cell_text import FALSE, TRUE, parse_area, rich_text, unescape
from sheetml.xlsx.external_links import external_links
from sheetml.xlsx.model import DefinedName, Sheet, Table, WorkbookFile
from sheetml.xlsx.package import Package, Relationship
from sheetml.xlsx.pivot_tables import pivot_tables
from sheetml.xlsx.sheet_cells import read_sheet

MACRO_CONTENT_TYPE = "application/vnd.ms-office.vbaProject"

MOST_ITERATIONS = 32_767  # that Excel allows


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


class _WorkbookReader:
    def __init__(self, package: Package) -> None:
        self.package = package
        self.part = package.workbook_part()
        self.root = package.root(self.part)
        self.links = package.relationships(self.part)
        self.date_1904 = self._flag("workbookPr", "date1904")
        self.strings = self._shared_strings()
        self.metadata = read_metadata(package)

    @collection_paused()
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
        source = SheetSource(self.package, part, name, self.strings, self.metadata, self.date_1904)
        return read_sheet(source, state == "visible")

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
