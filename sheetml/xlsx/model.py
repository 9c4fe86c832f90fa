"""What a workbook file holds, as plain data: nothing here computes.

Rows and columns count from 1, as Excel's do.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sheetml.xlsx.package import Package

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_TEXT = 32_767  # characters that a cell can hold
EPOCH, EPOCH_1904 = datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1)  # day 0 of serial numbers


def column_letters(column: int) -> str:
    """The letters of a column: 1 is A, 27 is AA."""
    letters = ""
    while column:
        column, remainder = divmod(column - 1, 26)
        letters = chr(ord("A") + remainder) + letters
    return letters


def column_number(letters: str) -> int:
    """The number of a column: A is 1, AA is 27, whatever the letters' case."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def cell_address(row: int, column: int) -> str:
    """The A1 address of a cell: row 3, column 28 is AB3."""
    return f"{column_letters(column)}{row}"


class Kind(IntEnum):
    """What a cell's value is; BLANK is not NUMBER 0."""

    NUMBER = 0
    BLANK = 1
    BOOLEAN = 2
    TEXT = 3
    ERROR = 4


class ErrorCode(IntEnum):
    """Excel's error values, numbered as ERROR.TYPE does; those from 64 are sheetml's own.

    An UNCOMPUTABLE value is one that sheetml does not know (an unsupported function, a circular
    reference): it spreads like an error, and IFERROR and its kind do not hide it.
    """

    NULL = 1
    DIV0 = 2
    VALUE = 3
    REF = 4
    NAME = 5
    NUM = 6
    NA = 7
    GETTING_DATA = 8
    SPILL = 9
    CONNECT = 10
    BLOCKED = 11
    UNKNOWN = 12
    FIELD = 13
    CALC = 14
    UNCOMPUTABLE = 64


ERROR_TEXT: dict[ErrorCode, str] = {
    ErrorCode.NULL: "#NULL!",
    ErrorCode.DIV0: "#DIV/0!",
    ErrorCode.VALUE: "#VALUE!",
    ErrorCode.REF: "#REF!",
    ErrorCode.NAME: "#NAME?",
    ErrorCode.NUM: "#NUM!",
    ErrorCode.NA: "#N/A",
    ErrorCode.GETTING_DATA: "#GETTING_DATA",
    ErrorCode.SPILL: "#SPILL!",
    ErrorCode.CONNECT: "#CONNECT!",
    ErrorCode.BLOCKED: "#BLOCKED!",
    ErrorCode.UNKNOWN: "#UNKNOWN!",
    ErrorCode.FIELD: "#FIELD!",
    ErrorCode.CALC: "#CALC!",
    ErrorCode.UNCOMPUTABLE: "#UNCOMPUTABLE!",
}
ERROR_CODE: dict[str, ErrorCode] = {text: code for code, text in ERROR_TEXT.items()}

CellValue = float | str | bool | ErrorCode | None


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of cells on a sheet, all four bounds included."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top + 1

    @property
    def width(self) -> int:
        return self.right - self.left + 1

    @property
    def is_cell(self) -> bool:
        """Whether it is one cell."""
        return self.top == self.bottom and self.left == self.right


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A formula as the file states it, without its leading "=".

    `row` and `column` are the cell it was written for: the cells of a shared formula all hold the
    same Formula object, and its relative references count from there. `area` is set for array
    formulas: where the result goes. `dynamic` marks a formula whose result spills.
    """

    text: str
    row: int
    column: int
    area: Area | None = None
    dynamic: bool = False


@dataclass(slots=True)
class FileCells:
    """All stored cells of a sheet, sorted by row, then column; arrays of one length n.

    `number` holds the number, 0 or 1 for a BOOLEAN, the ErrorCode for an ERROR, else 0.
    `text` and `formula` are keyed by the position in those arrays. A cell with a formula has the
    value Excel last computed for it.
    """

    row: np.ndarray  # int32 (n,)
    column: np.ndarray  # int32 (n,)
    kind: np.ndarray  # uint8 (n,), Kind
    number: np.ndarray  # float64 (n,)
    text: dict[int, str]
    formula: dict[int, Formula]


@dataclass(slots=True)
class Table:
    """A table ("list object"): its whole area with header and totals rows, and its columns' names."""

    name: str
    sheet: int  # position in Workbook.sheets
    area: Area
    columns: list[str]
    header_rows: int = 1
    totals_rows: int = 0
    filtered: bool = False  # some of its rows may be hidden by its filter


@dataclass(slots=True)
class DefinedName:
    """A defined name; `scope` is the position of the sheet it is local to, None for the workbook."""

    name: str
    text: str  # what it refers to, without "="
    scope: int | None = None
    hidden: bool = False


@dataclass(slots=True)
class Sheet:
    name: str
    part: str  # the package part the sheet was read from, e.g. "xl/worksheets/sheet1.xml"
    cells: FileCells
    visible: bool = True
    hidden_rows: frozenset[int] = frozenset()
    filters: list[Area] = field(default_factory=list)  # areas whose hidden rows a filter hides


@dataclass(slots=True)
class WorkbookFile:
    """A workbook as read: data only, and the package it came from."""

    path: Path
    package: Package
    sheets: list[Sheet]
    names: list[DefinedName] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    date_1904: bool = False
    manual_calculation: bool = False  # the file asks to be recalculated only when told
    iterate: bool = False  # the file allows circular references, computed by iteration
    macro_parts: list[str] = field(default_factory=list)  # e.g. ["xl/vbaProject.bin"]
    other_sheets: list[str] = field(default_factory=list)  # chart sheets, dialogs: named, never computed
