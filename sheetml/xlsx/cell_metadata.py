"""What cells' cm and vm attributes refer to: which formulas spill, and which errors are meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from sheetml.xlsx.cell_text import TRUE
from sheetml.xlsx.model import ErrorCode
from sheetml.xlsx.package import Package


@dataclass
class CellMetadata:
    """What the cells' cm and vm attributes refer to."""

    dynamic: set[str] = field(default_factory=set)  # cm values that mark a dynamic array
    errors: dict[str, ErrorCode] = field(default_factory=dict)  # vm values that state the true error


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
