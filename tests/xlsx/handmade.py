"""Workbooks made by hand, part by part, for what no program would write or not on demand."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from sheetml.xlsx.model import ErrorCode, FileCells, Kind
from sheetml.xlsx.writer import CellValue

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
STRICT_RELATIONSHIPS = "http://purl.oclc.org/ooxml/officeDocument/relationships"


def relationships(links: Mapping[str, tuple[str, str]], namespace: str = RELATIONSHIPS, mode: str = "") -> bytes:
    """A relationships part from id -> (kind, target)."""
    body = "".join(
        f'<Relationship Id="{key}" Type="{namespace}/{kind}" Target="{target}"{mode}/>'
        for key, (kind, target) in links.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{body}</Relationships>'.encode()


def worksheet(rows: str, before: str = "", after: str = "", namespace: str = MAIN) -> bytes:
    """A worksheet part from the XML of its rows."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
        f'<worksheet xmlns="{namespace}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'
    ).encode()


def workbook_parts(
    sheets: Mapping[str, bytes | str],
    *,
    strings: str = "",
    names: str = "",
    properties: str = "",
    calculation: str = "",
    namespace: str = MAIN,
    links: str = RELATIONSHIPS,
) -> dict[str, bytes]:
    """The parts of a workbook; a sheet is a worksheet part or the XML of its rows."""
    targets = {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)}
    if strings:
        targets["strings"] = ("sharedStrings", "sharedStrings.xml")
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, start=1))
    parts = {
        "[Content_Types].xml": (
            f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>'
        ).encode(),
        "_rels/.rels": relationships({"a": ("officeDocument", "xl/workbook.xml")}, links),
        "xl/_rels/workbook.xml.rels": relationships(targets, links),
        "xl/workbook.xml": (
            f'<workbook xmlns="{namespace}" xmlns:r="{links}">{properties}<sheets>{listed}</sheets>'
            f"<definedNames>{names}</definedNames>{calculation}</workbook>"
        ).encode(),
    }
    if strings:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{namespace}">{strings}</sst>'.encode()
    for n, content in enumerate(sheets.values(), start=1):
        part = worksheet(content, namespace=namespace) if isinstance(content, str) else content
        parts[f"xl/worksheets/sheet{n}.xml"] = part
    return parts


def with_dynamic_arrays(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The parts with the metadata that makes cm="1" on a cell say that its array formula spills."""
    links = parts["xl/_rels/workbook.xml.rels"].replace(
        b"</Relationships>", relationships({"metadata": ("sheetMetadata", "metadata.xml")}).split(b">", 1)[1]
    )
    metadata = (
        f'<metadata xmlns="{MAIN}"><metadataTypes count="1"><metadataType name="XLDAPR" cellMeta="1"/></metadataTypes>'
        '<futureMetadata name="XLDAPR" count="1"><bk><extLst><ext><dynamicArrayProperties fDynamic="1"/></ext></extLst>'
        '</bk></futureMetadata><cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata></metadata>'
    )
    return {**parts, "xl/_rels/workbook.xml.rels": links, "xl/metadata.xml": metadata.encode()}


def save(path: Path, parts: Mapping[str, bytes]) -> Path:
    """Zip the parts into a file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def save_rows(path: Path, rows: str, **options: str) -> Path:
    """A workbook of one sheet, "Sheet", from the XML of its rows."""
    return save(path, workbook_parts({"Sheet": rows}, **options))


def cell_values(cells: FileCells) -> dict[tuple[int, int], CellValue]:
    """The values of a sheet's cells as Python has them, by (row, column)."""
    values: dict[tuple[int, int], CellValue] = {}
    for position in range(len(cells.row)):
        number = float(cells.number[position])
        kind = cells.kind[position]
        value: CellValue = number
        if kind == Kind.TEXT:
            value = cells.text[position]
        elif kind == Kind.BOOLEAN:
            value = bool(number)
        elif kind == Kind.ERROR:
            value = ErrorCode(int(number))
        elif kind == Kind.BLANK:
            value = None
        values[int(cells.row[position]), int(cells.column[position])] = value
    return values
