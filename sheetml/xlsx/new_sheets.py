"""Sheets that the output has and the file had not: a part each, and the three places that speak of it.

ECMA-376, part 1, 18.2.19 (sheets of the workbook part), part 2 (content types and relationships). Charts bring a
drawing and a part each (new_charts.py).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sheetml.xlsx.model import CellValue, WorkbookFile
from sheetml.xlsx.new_charts import NewChart, chart_parts, relationships_part
from sheetml.xlsx.package import Package
from sheetml.xlsx.sheet_patch import SheetPatch, utf8_part

LONGEST_NAME = 31  # characters that Excel takes in a sheet's name
FORBIDDEN = re.compile(r"[\\/?*:\[\]]")

_CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"


@dataclass(frozen=True, slots=True)
class NewSheet:
    """A sheet to be added at the end: its values from A1, its columns' widths in characters, charts of its cells."""

    name: str
    rows: Sequence[Sequence[CellValue]]
    widths: Sequence[float] = ()
    charts: Sequence[NewChart] = ()


def free_name(wanted: str, taken: Sequence[str]) -> str:
    """The wanted name with the first number that makes it one of its own: "Answer Report 1"."""
    used = {name.casefold() for name in taken}
    stem = FORBIDDEN.sub("_", wanted)[: LONGEST_NAME - 4].strip("' ")
    return next(name for number in range(1, 10_000) if (name := f"{stem} {number}").casefold() not in used)


def with_new_sheets(
    file: WorkbookFile, sheets: Sequence[NewSheet], patched: Mapping[str, bytes | None]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What changes in parts of the package, and the parts that are new, both by the name of their entry.

    `patched` holds what changes already. Raises ValueError where a name is taken or no name for a sheet.
    """
    from xml.sax.saxutils import quoteattr  # slow to import: with it comes what fetches pages

    package = file.package
    _check_names(file, sheets)
    workbook = package.workbook_part()
    folder = posixpath.dirname(file.sheets[0].part) if file.sheets else posixpath.join("xl", "worksheets")
    namespace = package.check_prolog(workbook, package.read(workbook)).namespace
    taken = {name.casefold() for name in package.names()}
    identifiers = set(package.relationships(workbook))
    number, new = _last_sheet_id(package, workbook), dict[str, bytes]()
    listed, linked, typed = list[str](), list[str](), list[str]()
    relationships = _STRICT if "purl.oclc.org" in namespace else _TRANSITIONAL
    for sheet in sheets:
        number += 1
        part = _free_part(folder, taken)
        identifier = free_identifier(identifiers)
        drawing = _with_drawing(sheet, part, taken, relationships, new, typed) if sheet.charts else ""
        new[part] = _worksheet(sheet, namespace, drawing)
        listed.append(
            f'{{}}sheet xmlns:r="{relationships}" name={quoteattr(sheet.name)} sheetId="{number}" r:id="{identifier}"/>'
        )
        linked.append(f'{{}}Relationship Id="{identifier}" Type="{relationships}/worksheet" Target="/{part}"/>')
        typed.append(f'{{}}Override PartName="/{part}" ContentType="{_CONTENT_TYPE}"/>')
    changed: dict[str, bytes] = {}
    for name, parent, elements in (
        (workbook, "sheets", listed),
        (package.relationships_part(workbook), "Relationships", linked),
        ("[Content_Types].xml", "Types", typed),
    ):
        entry = package.entry(name)
        data = patched.get(entry.filename)
        content = utf8_part(package.read_entry(entry) if data is None else data)
        changed[entry.filename] = inserted(package, name, content, parent, elements)
    return changed, new


def _check_names(file: WorkbookFile, sheets: Sequence[NewSheet]) -> None:
    used = {sheet.name.casefold() for sheet in file.sheets} | {name.casefold() for name in file.other_sheets}
    for sheet in sheets:
        if not sheet.name or len(sheet.name) > LONGEST_NAME or FORBIDDEN.search(sheet.name):
            raise ValueError(f"{sheet.name!r} is no name for a sheet")
        if sheet.name.casefold() in used:
            raise ValueError(f"there is a sheet {sheet.name!r} already")
        used.add(sheet.name.casefold())


def _last_sheet_id(package: Package, workbook: str) -> int:
    numbers = [element.get("sheetId", "0") for element in package.root(workbook).iterfind("{*}sheets/{*}sheet")]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def _free_part(folder: str, taken: set[str]) -> str:
    """A part's name that no other part has; it counts as taken from here on."""
    number = 1
    while (part := posixpath.join(folder, f"sheet{number}.xml")).casefold() in taken:
        number += 1
    taken.add(part.casefold())
    return part


def free_identifier(taken: set[str]) -> str:
    """An identifier of a relationship that no other has; it counts as taken from here on."""
    number = len(taken) + 1
    while (identifier := f"rId{number}") in taken:
        number += 1
    taken.add(identifier)
    return identifier


def _with_drawing(
    sheet: NewSheet, part: str, taken: set[str], relationships: str, new: dict[str, bytes], typed: list[str]
) -> str:
    """Adds the parts of a sheet's charts and their content types; what the sheet says of its drawing."""
    drawing, parts, types = chart_parts(sheet.name, sheet.charts, taken, relationships)
    new.update(parts)
    typed += [f'{{}}Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in types.items()]
    link = f'<Relationship Id="rId1" Type="{relationships}/drawing" Target="/{drawing}"/>'
    new[Package.relationships_part(part)] = relationships_part([link])
    return f'<drawing xmlns:r="{relationships}" r:id="rId1"/>'


def _worksheet(sheet: NewSheet, namespace: str, drawing: str = "") -> bytes:
    """The part of a sheet with these values; `drawing` is the element that comes after them."""
    columns = "".join(
        f'<col min="{number}" max="{number}" width="{width:g}" customWidth="1"/>'
        for number, width in enumerate(sheet.widths, start=1)
    )
    empty = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<worksheet xmlns="{namespace}">{f"<cols>{columns}</cols>" if columns else ""}<sheetData/>{drawing}'
        "</worksheet>"
    )
    values = {
        (row, column): value
        for row, line in enumerate(sheet.rows, start=1)
        for column, value in enumerate(line, start=1)
        if value is not None
    }
    return SheetPatch(empty.encode(), namespace, values, [], {}).apply() if values else empty.encode()


def inserted(package: Package, part: str, data: bytes, parent: str, elements: Sequence[str]) -> bytes:
    """The part with elements before the end of their parent, in the parent's own prefix."""
    ends = list(re.finditer(rb"</((?:[\w.-]+:)?)" + parent.encode() + rb"\s*>", data))
    if not ends:
        raise package.error(f"cannot be given another part: its part {part!r} lists none")
    end = ends[-1]
    text = "".join(element.format("<" + end[1].decode()) for element in elements)
    return data[: end.start()] + text.encode("ascii", "xmlcharrefreplace") + data[end.start() :]
