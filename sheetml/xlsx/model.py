"""What a workbook file holds, as plain data: nothing here computes.

Rows and columns count from 1, as Excel's do.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar, overload

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


@cache
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


@dataclass(frozen=True, slots=True)
class InputCell:
    """The cell of a data table's own sheet that takes the values tried, or where it was before it was deleted."""

    row: int
    column: int
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table of the What-If menu: what formulas come to with other values in one or two input cells.

    It fills an area. With both inputs, the values in the row above the area go into `row_input`, those in
    the column left of it into `column_input`, and the formula stands in the corner between them. With
    `row_input` alone the formulas stand in the column left of the area, with `column_input` alone in the
    row above it.
    """

    area: Area
    row_input: InputCell | None
    column_input: InputCell | None


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A formula as the file states it, without its leading "=".

    `row` and `column` are the cell it was written for: the cells of a shared formula all hold the
    same Formula object, and its relative references count from there. `area` is set for array
    formulas: where the result goes. `dynamic` marks a formula whose result spills. `data_table` is set
    for the cell that states one, whose text is then the formula that Excel shows. `always` (the file's
    ca) asks to compute it each time anything is computed, `whole_array` (aca) all of its array then.
    """

    text: str
    row: int
    column: int
    area: Area | None = None
    dynamic: bool = False
    data_table: DataTable | None = None
    always: bool = False
    whole_array: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class FilledFormula:
    """A formula that each of many cells states for itself, as it comes out when one is filled down or across.

    `first` is what one of them states; `pieces` is its text cut at the relative rows and columns, and in their place
    whether it is a row, and its distance from the cell.
    """

    first: Formula
    pieces: tuple[str | tuple[bool, int], ...]

    def at(self, row: int, column: int) -> Formula:
        """The formula that a cell states."""
        if (row, column) == (self.first.row, self.first.column):
            return self.first
        written = (
            piece if isinstance(piece, str) else str(row + piece[1]) if piece[0] else column_letters(column + piece[1])
            for piece in self.pieces
        )
        return Formula("".join(written), row, column)


class CellFormulas(Mapping[int, Formula]):
    """The formulas of a sheet's cells by their positions among its cells: formulas that are filled are held once.

    `held` are the different ones as the file shows them at once: a formula, which all of its cells share, or one
    that its cells state each for itself. `which` says for each of the `positions` (ascending) which it is.
    """

    def __init__(
        self,
        positions: np.ndarray,
        which: np.ndarray,
        held: Sequence[Formula | FilledFormula],
        row: np.ndarray,
        column: np.ndarray,
    ) -> None:
        """`row` and `column` are those of all cells of the sheet."""
        self.positions, self.which, self.held = positions, which, held
        self._row, self._column = row, column

    @classmethod
    def of(cls, formulas: Mapping[int, Formula], row: np.ndarray, column: np.ndarray) -> CellFormulas:
        """The same from formulas by position, in which cells that share one hold the same object."""
        if isinstance(formulas, cls):
            return formulas
        numbers: dict[int, int] = {}
        positions = sorted(formulas)
        which = [numbers.setdefault(id(formulas[position]), len(numbers)) for position in positions]
        held = list({id(formulas[position]): formulas[position] for position in positions}.values())
        return cls(np.array(positions, np.int64), np.array(which, np.int32), held, row, column)

    def __getitem__(self, position: int) -> Formula:
        place = int(self.positions.searchsorted(position))
        if place == len(self.positions) or self.positions[place] != position:
            raise KeyError(position)
        return self._formula(position, int(self.which[place]))

    def _formula(self, position: int, which: int) -> Formula:
        formula = self.held[which]
        if isinstance(formula, FilledFormula):
            return formula.at(int(self._row[position]), int(self._column[position]))
        return formula

    def __iter__(self) -> Iterator[int]:
        return iter(self.positions.tolist())

    def __len__(self) -> int:
        return len(self.positions)

    def values(self) -> ValuesView[Formula]:
        return {
            position: self._formula(position, which)
            for position, which in zip(self.positions.tolist(), self.which.tolist())
        }.values()

    def shared(self) -> Iterator[tuple[int, Formula]]:
        """The cells that share a formula, or could: all but those that state one each for itself."""
        own = np.array([isinstance(each, Formula) for each in self.held], bool)
        chosen = own[self.which] if len(own) else np.zeros(0, bool)
        for position, which in zip(self.positions[chosen].tolist(), self.which[chosen].tolist()):
            yield position, self._formula(position, which)

    def different(self) -> list[Formula]:
        """The formulas held, each as one of its cells states it."""
        held = (self.held[which] for which in np.unique(self.which).tolist())
        return [each.first if isinstance(each, FilledFormula) else each for each in held]


class CellTexts(Mapping[int, str]):
    """The texts of a sheet's cells by their positions (ascending) among its cells; `texts` is an array of objects."""

    def __init__(self, positions: np.ndarray, texts: np.ndarray) -> None:
        self.positions, self.texts = positions, texts

    @classmethod
    def of(cls, texts: Mapping[int, str]) -> CellTexts:
        """The same from texts by position."""
        if isinstance(texts, cls):
            return texts
        positions = sorted(texts)
        array = np.empty(len(positions), object)
        array[:] = [texts[position] for position in positions]
        return cls(np.array(positions, np.int64), array)

    def __getitem__(self, position: int) -> str:
        place = int(self.positions.searchsorted(position))
        if place == len(self.positions) or self.positions[place] != position:
            raise KeyError(position)
        return str(self.texts[place])

    def __iter__(self) -> Iterator[int]:
        return iter(self.positions.tolist())

    def __len__(self) -> int:
        return len(self.positions)


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
    text: Mapping[int, str]
    formula: Mapping[int, Formula]

    @property
    def formulas(self) -> CellFormulas:
        """The formulas as arrays."""
        return CellFormulas.of(self.formula, self.row, self.column)

    @property
    def texts(self) -> CellTexts:
        """The texts as arrays."""
        return CellTexts.of(self.text)


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
    autofilter: Area | None = None  # the cells with filter buttons and what they filter, conditions or not


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
    autofilter: Area | None = None  # the cells with filter buttons and what they filter, conditions or not
    filter_mode: bool = False  # the file says that some rows are hidden by a filter now


@dataclass(slots=True)
class ExternalSheet:
    """A sheet of another workbook: the values that formulas refer to, as they were when last looked up.

    `cells` holds no formulas; a cell that is not in it was blank, or nothing referred to it. It is None
    where the file keeps no values of the sheet. `stale` says that the last attempt to look them up failed.
    """

    name: str
    cells: FileCells | None = None
    stale: bool = False


@dataclass(slots=True)
class ExternalWorkbook:
    """Another workbook that formulas refer to by a number: what the file keeps of it.

    A name's `scope` is the position in `sheets`. `problem` says why nothing is known of it, if so.
    """

    target: str  # where the file says it is, "" if it does not
    sheets: list[ExternalSheet] = field(default_factory=list)
    names: list[DefinedName] = field(default_factory=list)
    problem: str = ""


class PivotItem(NamedTuple):
    """One of the values by which a field groups; `kind` is "data", or that of a subtotal: "default", "sum" ..."""

    value: float | str | bool | ErrorCode | None
    kind: str = "data"
    caption: str | None = None  # the name that was given to it in the table
    hidden: bool = False


@dataclass(slots=True)
class PivotField:
    """A field of a pivot table, that is a column of its source, by the name that the table shows.

    `items` are in the table's order; none for a field that groups nothing.
    """

    name: str  # in the source
    caption: str  # in the table
    items: list[PivotItem] = field(default_factory=list)
    date: bool = False  # its numbers are dates


class PivotDataField(NamedTuple):
    """A field whose values are summarised: "sum", "count", "average", "max", "min", "product", "stdDev" ..."""

    name: str  # as the table shows it: "Sum of Score"
    field: int
    function: str


class PivotLine(NamedTuple):
    """A row or a column of the table: for each field of its axis, from the first, the position of its item.

    A subtotal names fewer items than there are fields, a grand total none. `kind` is "data", "grand", or
    that of a subtotal: "default", "sum" ...
    """

    items: tuple[int, ...]
    kind: str = "data"
    data_field: int = 0


VALUES_FIELD = -2  # stands among the row or column fields where the data fields are


@dataclass(slots=True)
class PivotTable:
    """A pivot table as it was when last refreshed; its results stand in the cells of its area.

    `data` is the part of `area` that holds the results: its rows are `rows`, its columns `columns`.
    `records` are the source's values, one tuple a row in the order of `fields`; none where the file does
    not keep them.
    """

    name: str
    sheet: int  # position in WorkbookFile.sheets
    area: Area
    data: Area | None
    fields: list[PivotField]
    row_fields: list[int]
    column_fields: list[int]
    page_items: dict[int, int | None]  # by field, the position of the item that is chosen; None is all
    data_fields: list[PivotDataField]
    rows: list[PivotLine]
    columns: list[PivotLine]
    records: list[tuple[float | str | bool | ErrorCode | None, ...]] = field(default_factory=list)


T = TypeVar("T")


class Lazy(Sequence[T]):
    """A sequence whose items are read from the file when they are first asked for."""

    def __init__(self, read: Sequence[Callable[[], T]] = ()) -> None:
        self._read = list(read)
        self._known: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._read)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[position] for position in range(len(self))[index]]
        position = range(len(self))[index]
        if position not in self._known:
            self._known[position] = self._read[position]()
        return self._known[position]


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
    iterate: bool = False  # the file allows circular references, computed by iteration ...
    iterate_count: int = 100  # ... at most so often ...
    iterate_delta: float = 0.001  # ... and no longer once no value changes by more than this
    full_precision: bool = True  # False: numbers are computed with as they are displayed
    external_links: Sequence[ExternalWorkbook] = field(default_factory=list)  # [1] in formulas is the first
    pivot_tables: Sequence[PivotTable | None] = field(default_factory=list)  # None: not to be understood
    macro_parts: list[str] = field(default_factory=list)  # e.g. ["xl/vbaProject.bin"]
    other_sheets: list[str] = field(default_factory=list)  # chart sheets, dialogs: named, never computed
