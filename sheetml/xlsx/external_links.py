"""Reads what a file keeps of other workbooks: the values that its formulas refer to there."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import partial
from itertools import chain

import numpy as np
from lxml import etree

from sheetml.errors import WorkbookError
from sheetml.xlsx.cell_text import TRUE, parse_address, states, unescape
from sheetml.xlsx.model import (
    ERROR_CODE,
    DefinedName,
    ErrorCode,
    ExternalSheet,
    ExternalWorkbook,
    FileCells,
    Kind,
    Lazy,
)
from sheetml.xlsx.package import Package, Relationship

MOST_CELLS = 5_000_000  # of one other workbook


def external_links(
    package: Package, workbook: etree._Element, links: dict[str, Relationship]
) -> Sequence[ExternalWorkbook]:
    """The other workbooks in the order in which formulas number them, each read when first asked for.

    What cannot be read is no error of the file's, whose own cells do not need it: its `problem` says why.
    """
    found = []
    for element in workbook.iterfind("{*}externalReferences/{*}externalReference"):
        key = next((value for name, value in element.items() if name.endswith("}id")), "")
        link = links.get(key)
        found.append(partial(_read_or_say_why, package, None if link is None or link.external else link.target))
    return Lazy(found)


def _read_or_say_why(package: Package, part: str | None) -> ExternalWorkbook:
    if part is None or not package.has(part):
        return ExternalWorkbook("", problem="the file's part for that workbook is missing")
    try:
        return _read(package, part)
    except WorkbookError as error:
        return ExternalWorkbook("", problem=str(error))


def _read(package: Package, part: str) -> ExternalWorkbook:
    root = package.root(part)
    targets = [link.target for link in package.relationships(part).values() if link.external]
    book = root.find("{*}externalBook")
    if book is None:  # a link to another program (DDE, OLE)
        return ExternalWorkbook("".join(targets[:1]), problem="it is a link to another program, not to a workbook")
    found = ExternalWorkbook("".join(targets[:1]))
    found.sheets = [
        ExternalSheet(unescape(name.get("val", ""))) for name in book.iterfind("{*}sheetNames/{*}sheetName")
    ]
    for name in book.iterfind("{*}definedNames/{*}definedName"):
        scope = _position(name, found)
        text = name.get("refersTo", "").strip().removeprefix("=")
        found.names.append(DefinedName(unescape(name.get("name", "")), text, scope))
    room = MOST_CELLS
    for data in book.iterfind("{*}sheetDataSet/{*}sheetData"):
        position = _position(data, found)
        if position is not None:
            sheet = found.sheets[position]
            sheet.stale = states(data, "refreshError")
            sheet.cells = _cells(package, data, room)
            room -= len(sheet.cells.row)
    return found


def _position(element: etree._Element, workbook: ExternalWorkbook) -> int | None:
    text = element.get("sheetId", "")
    known = text.isascii() and text.isdecimal() and int(text[:9]) < len(workbook.sheets)
    return int(text[:9]) if known else None


def _cells(package: Package, data: etree._Element, room: int) -> FileCells:
    """The values of a sheet, sorted; where a cell is stated twice, the first holds."""
    rows, columns, numbers, kinds = array("i"), array("i"), array("d"), array("B")
    texts: dict[int, str] = {}
    for cell in chain.from_iterable(row.iterfind("{*}cell") for row in data.iterfind("{*}row")):
        place, value = parse_address(cell.get("r", "")), cell.findtext("{*}v")
        if place is None or value is None:
            continue
        if len(rows) == room:
            raise package.error(f"keeps more than {MOST_CELLS:,} cells of another workbook")
        kind, number = _value(cell.get("t", "n"), value)
        if kind == Kind.TEXT:
            texts[len(rows)] = unescape(value)
        rows.append(place[0])
        columns.append(place[1])
        kinds.append(kind)
        numbers.append(number)
    row, column = np.array(rows, np.int32), np.array(columns, np.int32)
    order = np.lexsort((column, row))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(row[order]) != 0) | (np.diff(column[order]) != 0)
    order = order[new]
    return FileCells(
        row=row[order],
        column=column[order],
        kind=np.array(kinds, np.uint8)[order],
        number=np.array(numbers, np.float64)[order],
        text={position: texts[old] for position, old in enumerate(order.tolist()) if old in texts},
        formula={},
    )


def _value(kind: str, text: str) -> tuple[Kind, float]:
    """The kind and the number of a cell's value; what does not fit its type is an error that says so."""
    if kind == "str":
        return Kind.TEXT, 0.0
    if kind == "b":
        return Kind.BOOLEAN, float(text.strip().lower() in TRUE)
    if kind == "e":
        return Kind.ERROR, float(ERROR_CODE.get(text.strip().upper(), ErrorCode.UNKNOWN))
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    return (Kind.NUMBER, number) if np.isfinite(number) else (Kind.ERROR, float(ErrorCode.UNCOMPUTABLE))
