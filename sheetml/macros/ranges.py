"""The object Range: areas of cells on one sheet, and what macros do with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from sheetml.engine import questions
from sheetml.engine.number_format import FormatError, parsed
from sheetml.engine.reading import parse_number
from sheetml.errors import FormulaError
from sheetml.formula.prefixes import without_prefixes
from sheetml.formula.r1c1 import from_r1c1
from sheetml.formula.references import address
from sheetml.formula.text import to_r1c1
from sheetml.macros.errors import APPLICATION, OUT_OF_MEMORY, TYPE_MISMATCH, VbaError
from sheetml.macros.grid import MOST_CELLS, area_of
from sheetml.macros.machine import Refusal
from sheetml.macros.members import HostObject, getter, method, setter
from sheetml.macros.paste import paste_into
from sheetml.macros.values import (
    MISSING,
    NULL,
    Array,
    Date,
    Failure,
    array_of_rows,
    from_cell,
    let,
    to_boolean,
    to_cell,
    to_currency,
    to_long,
    to_string,
)
from sheetml.xlsx.model import ERROR_CODE, ERROR_TEXT, MAX_COLUMNS, MAX_ROWS, MAX_TEXT, Area, ErrorCode, column_number

if TYPE_CHECKING:
    from sheetml.macros.host import Host

UP, DOWN, TO_LEFT, TO_RIGHT = -4162, -4121, -4159, -4161
_DIRECTIONS = {
    UP: (-1, 0),
    DOWN: (1, 0),
    TO_LEFT: (0, -1),
    TO_RIGHT: (0, 1),
    1: (0, -1),
    2: (0, 1),
    3: (-1, 0),
    4: (1, 0),
}
PASTE_ALL, PASTE_VALUES, PASTE_FORMULAS = -4104, -4163, -4123
_PASTES = {
    PASTE_ALL: "all", 7: "all", 13: "all", PASTE_FORMULAS: "formulas", 11: "formulas", PASTE_VALUES: "values",
    12: "values",
}  # fmt: skip
_OPERATIONS = {-4142: None, 2: "+", 3: "-", 4: "*", 5: "/"}


class Range(HostObject, name="Range"):
    """One or more areas; `unit` says what its items are: "cells", "rows" or "columns"."""

    item_type = "Range"

    def __init__(self, host: Host, sheet: int, areas: tuple[Area, ...], unit: str = "cells") -> None:
        self.host = host
        self.sheet = sheet
        self.areas = areas
        self.unit = unit

    @property
    def area(self) -> Area:
        return self.areas[0]

    def of(self, area: Area) -> Range:
        """Another range of the same sheet."""
        return Range(self.host, self.sheet, (area,))

    def with_areas(self, areas: tuple[Area, ...]) -> Range:
        return Range(self.host, self.sheet, areas)

    def by(self, unit: str) -> Range:
        return Range(self.host, self.sheet, self.areas, unit)

    def first_cell(self) -> Range:
        return self.of(Area(self.area.top, self.area.left, self.area.top, self.area.left))

    # ---- values

    def default_value(self) -> Any:
        return self.get_value()

    @getter("Value")
    def get_value(self, range_value_data_type: Any = MISSING) -> Any:
        """The value, or an array of the values; numbers in a date's or a currency's format are that."""
        return self._values(self._in_format if self.host.formats.matter else lambda value, row, column: value)

    def _values(self, convert: Callable[[float, int, int], Any]) -> Any:
        """The cells as Variants, their numbers converted."""
        area, grid = self.area, self.host.grid
        if area.height == 1 and area.width == 1:
            value = from_cell(grid.cell(self.sheet, area.top, area.left))
            return convert(value, area.top, area.left) if type(value) is float else value
        return array_of_rows(
            [
                [convert(cell, row, column) if type(cell) is float else from_cell(cell) for column, cell in line]
                for row, line in enumerate((enumerate(v, area.left) for v in grid.values(self.sheet, area)), area.top)
            ]
        )

    def _in_format(self, value: float, row: int, column: int) -> Any:
        kind = kind_of_format(self.host.formats.of_cell(self.sheet, row, column))
        if kind == "currency":
            return to_currency(value)
        if kind == "date":
            return Date(value + (1462 if self.host.workbook.file.date_1904 else 0))
        return value

    @getter("Value2")
    def get_value2(self) -> Any:
        return self._values(lambda value, row, column: value)

    @getter("NumberFormat")
    def get_number_format(self) -> Any:
        """The format that all cells have; Null where they differ."""
        formats = {
            self.host.formats.of_cell(self.sheet, row, column)
            for area in self.areas
            for row in range(area.top, min(area.bottom, area.top + MOST_CELLS) + 1)
            for column in range(area.left, area.right + 1)
        }
        return formats.pop() if len(formats) == 1 else NULL

    @setter("Value")
    @setter("Value2")
    @setter("Formula")
    def set_value(self, value: Any) -> None:
        for area in self.areas:
            self._enter(area, value, lambda text, row, column: text)
        self.after_change()

    def after_change(self) -> None:
        """What follows a change of these cells: a recalculation, then the procedures that wait for it."""
        self.host.grid.after_write()
        self.host.fire(self.sheet, "Change", self)

    def _enter(self, area: Area, value: Any, in_a1: Callable[[str, int, int], str]) -> None:
        """Puts into an area what is typed in: values, or formulas, which `in_a1` translates."""
        grid = self.host.grid
        if area.height * area.width > MOST_CELLS:
            raise VbaError(OUT_OF_MEMORY)
        value = let(value)
        if _is_formula(value):
            text = in_a1(value[1:], area.top, area.left)
            grid.store_formulas(self.sheet, area, text, area.top, area.left)
            return
        rows = _spread(value, area)
        days = 1462 if self.host.workbook.file.date_1904 else 0
        grid.store(self.sheet, area, [[entered(item, days) for item in row] for row in rows])
        if isinstance(value, Array) and any(_is_formula(item) for item in value.items):
            for i, row in enumerate(rows, area.top):
                for j, item in enumerate(row, area.left):
                    if _is_formula(item):
                        grid.store_formulas(self.sheet, Area(i, j, i, j), in_a1(item[1:], i, j), i, j)

    @getter("Formula")
    def get_formula(self) -> Any:
        return self._each_cell(self._formula_of)

    def _formula_of(self, row: int, column: int) -> str:
        """A cell's formula, or its constant as it would be typed in."""
        text = self.host.grid.formula(self.sheet, row, column)
        if text is not None:
            return f"={text}"
        value = self.host.grid.cell(self.sheet, row, column)
        if isinstance(value, ErrorCode):
            return ERROR_TEXT[value]
        return to_string(value).upper() if isinstance(value, bool) else to_string(value)

    @getter("FormulaR1C1")
    def get_formula_r1c1(self) -> Any:
        return self._each_cell(self._formula_r1c1_of)

    def _formula_r1c1_of(self, row: int, column: int) -> str:
        grid = self.host.grid
        if not grid.has_formula(self.sheet, row, column):
            return self._formula_of(row, column)
        tree = questions.tree(grid.calculation, grid.calculation.slot(self.sheet, row, column))
        if tree is None:
            raise Refusal("FormulaR1C1 of an array formula, or of one that is not understood, is not supported")
        return f"={without_prefixes(to_r1c1(tree))}"

    @setter("FormulaR1C1")
    def set_formula_r1c1(self, value: Any) -> None:
        for area in self.areas:
            self._enter(area, value, from_r1c1)
        self.after_change()

    @getter("HasFormula")
    def get_has_formula(self) -> Any:
        grid = self.host.grid
        found = {
            bool(held)
            for area in self.areas
            for held in grid.calculation.is_formula(grid.slots(self.sheet, area).reshape(-1))
        }
        return found.pop() if len(found) == 1 else NULL

    def _each_cell(self, read: Callable[[int, int], Any]) -> Any:
        """What `read` says of the one cell, or an array of what it says of all."""
        area = self.area
        if area.height == 1 and area.width == 1:
            return read(area.top, area.left)
        if area.height * area.width > MOST_CELLS:
            raise VbaError(OUT_OF_MEMORY)
        columns = range(area.left, area.right + 1)
        return array_of_rows([[read(row, column) for column in columns] for row in range(area.top, area.bottom + 1)])

    def set_item(self, value: Any, *arguments: Any) -> None:
        target = self.item(*arguments) if arguments else self
        target.set_value(value)

    # ---- where it is

    @getter("Row", "Long")
    def get_row(self) -> Any:
        return self.area.top

    @getter("Column", "Long")
    def get_column(self) -> Any:
        return self.area.left

    @getter("Address", "String", allowed={"referencestyle": frozenset({1})})
    def get_address(
        self, row_absolute: Any = MISSING, column_absolute: Any = MISSING, reference_style: Any = MISSING,
        external: Any = MISSING, relative_to: Any = MISSING,
    ) -> Any:  # fmt: skip
        rows = row_absolute is MISSING or to_boolean(let(row_absolute))
        columns = column_absolute is MISSING or to_boolean(let(column_absolute))
        if reference_style is not MISSING and int(to_long(let(reference_style))) != 1:
            raise Refusal("Address in R1C1 notation is not supported")
        text = ",".join(_address(area, rows, columns) for area in self.areas)
        if external is MISSING or not to_boolean(let(external)):
            return text
        book, sheet = self.host.workbook.path.name, self.host.workbook.sheet_names[self.sheet]
        prefix = address(f"[{book}]{sheet}", Area(1, 1, 1, 1)).rpartition("!")[0]
        return f"{prefix}!{text}"

    @getter("Worksheet", "Worksheet")
    @getter("Parent", "Worksheet")
    def get_sheet(self) -> Any:
        return self.host.sheets[self.sheet]

    @getter("Application", "Application")
    def get_application(self) -> Any:
        return self.host.application

    # ---- parts

    def _units(self) -> int:
        if self.unit == "rows":
            return self.area.height
        if self.unit == "columns":
            return self.area.width
        return sum(area.height * area.width for area in self.areas)

    @getter("Count", "Long")
    def get_count(self) -> Any:
        return to_long(float(self._units()))

    @getter("CountLarge", "Variant")
    def get_count_large(self) -> Any:
        return float(self._units())

    @getter("Rows", "Range")
    def get_rows(self) -> Any:
        return self.by("rows")

    @getter("Columns", "Range")
    def get_columns(self) -> Any:
        return self.by("columns")

    @getter("Cells", "Range")
    def get_cells(self) -> Any:
        return self.by("cells")

    @getter("Areas", "Areas")
    def get_areas(self) -> Any:
        return AreasObject(self)

    def each(self) -> Iterator[Range]:
        if self.unit == "rows":
            for row in range(self.area.top, self.area.bottom + 1):
                yield self.of(Area(row, self.area.left, row, self.area.right))
        elif self.unit == "columns":
            for column in range(self.area.left, self.area.right + 1):
                yield self.of(Area(self.area.top, column, self.area.bottom, column))
        else:
            for area in self.areas:
                for row in range(area.top, area.bottom + 1):
                    for column in range(area.left, area.right + 1):
                        yield self.of(Area(row, column, row, column))

    @getter("Item", "Range")
    def item(self, row_index: Any, column_index: Any = MISSING) -> Any:
        """Cells(row, column), Cells(number), Rows(2), Columns("B"), counted from the range's corner."""
        area = self.area
        if self.unit != "cells":
            return self._line(let(row_index))
        if column_index is MISSING:
            place = int(to_long(let(row_index))) - 1
            row, column = divmod(place, area.width)
        else:
            row, column = int(to_long(let(row_index))) - 1, _column(let(column_index)) - 1
        return self.of(area_of(area.top + row, area.left + column, 1, 1))

    def _line(self, index: Any) -> Range:
        area = self.area
        first, _, last = index.partition(":") if isinstance(index, str) else (index, "", "")
        if self.unit == "rows":
            top = int(to_long(first))
            height = int(to_long(last)) - top + 1 if last else 1
            return self.of(area_of(area.top + top - 1, area.left, height, area.width))
        left = _column(first)
        width = _column(last) - left + 1 if last else 1
        return self.of(area_of(area.top, area.left + left - 1, area.height, width))

    @getter("Range", "Range")
    def get_range(self, cell1: Any, cell2: Any = MISSING) -> Any:
        """An address counted from this range's corner."""
        found = range_argument(self.host, self.sheet, cell1, cell2)
        if isinstance(cell1, Range):
            return found
        down, across = self.area.top - 1, self.area.left - 1
        areas = tuple(area_of(a.top + down, a.left + across, a.height, a.width) for a in found.areas)
        return Range(self.host, self.sheet, areas)

    # ---- other ranges from this one

    @getter("Offset", "Range")
    def get_offset(self, row_offset: Any = MISSING, column_offset: Any = MISSING) -> Any:
        down = 0 if row_offset is MISSING else int(to_long(let(row_offset)))
        across = 0 if column_offset is MISSING else int(to_long(let(column_offset)))
        areas = tuple(area_of(a.top + down, a.left + across, a.height, a.width) for a in self.areas)
        return Range(self.host, self.sheet, areas)

    @getter("Resize", "Range")
    def get_resize(self, row_size: Any = MISSING, column_size: Any = MISSING) -> Any:
        height = self.area.height if row_size is MISSING else int(to_long(let(row_size)))
        width = self.area.width if column_size is MISSING else int(to_long(let(column_size)))
        return self.of(area_of(self.area.top, self.area.left, height, width))

    @getter("End", "Range")
    def get_end(self, direction: Any) -> Any:
        chosen = _DIRECTIONS.get(int(to_long(let(direction))))
        if chosen is None:
            raise VbaError(APPLICATION)
        row, column = self.host.grid.end(self.sheet, self.area.top, self.area.left, *chosen)
        return self.of(Area(row, column, row, column))

    @getter("EntireRow", "Range")
    def get_entire_row(self) -> Any:
        areas = tuple(Area(a.top, 1, a.bottom, MAX_COLUMNS) for a in self.areas)
        return Range(self.host, self.sheet, areas, "rows")

    @getter("EntireColumn", "Range")
    def get_entire_column(self) -> Any:
        areas = tuple(Area(1, a.left, MAX_ROWS, a.right) for a in self.areas)
        return Range(self.host, self.sheet, areas, "columns")

    @getter("CurrentRegion", "Range")
    def get_current_region(self) -> Any:
        return self.of(_region(self.host, self.sheet, self.area))

    # ---- changing cells

    @method("Clear")
    @method("ClearContents")
    def clear_contents(self) -> None:
        for area in self.areas:
            self.host.grid.blank(self.sheet, area)
        self.after_change()

    @method("Copy")
    def copy(self, destination: Any = MISSING) -> None:
        if destination is MISSING:
            self.host.copied = self
            return
        if not isinstance(destination, Range):
            raise VbaError(TYPE_MISMATCH)
        destination.paste_all(self)

    @method("FillDown")
    def fill_down(self) -> None:
        for area in self.areas:
            if area.height > 1:
                below = self.of(Area(area.top + 1, area.left, area.bottom, area.right))
                below.paste_all(self.of(Area(area.top, area.left, area.top, area.right)))

    @method("FillRight")
    def fill_right(self) -> None:
        for area in self.areas:
            if area.width > 1:
                beside = self.of(Area(area.top, area.left + 1, area.bottom, area.right))
                beside.paste_all(self.of(Area(area.top, area.left, area.bottom, area.left)))

    @method("PasteSpecial", allowed={"paste": frozenset(_PASTES), "operation": frozenset(_OPERATIONS)})
    def paste_special(
        self, paste: Any = MISSING, operation: Any = MISSING, skip_blanks: Any = MISSING, transpose: Any = MISSING
    ) -> None:
        source = self.host.copied
        if source is None:
            raise VbaError(APPLICATION, "PasteSpecial method of Range class failed")
        what = _PASTES.get(PASTE_ALL if paste is MISSING else int(to_long(let(paste))))
        if what is None:
            raise Refusal("PasteSpecial of anything but values and formulas is not supported")
        symbol = -4142 if operation is MISSING else int(to_long(let(operation)))
        if symbol not in _OPERATIONS:
            raise VbaError(APPLICATION, "PasteSpecial method of Range class failed")
        skip = skip_blanks is not MISSING and to_boolean(let(skip_blanks))
        turn = transpose is not MISSING and to_boolean(let(transpose))
        places = paste_into(self, source, what, _OPERATIONS[symbol], skip, turn)
        if self.sheet == self.host.active:
            self.with_areas(places).select()

    def paste_all(self, source: Range) -> None:
        paste_into(self, source, "all", None, False, False)

    # ---- what is selected

    @method("Select")
    def select(self) -> None:
        if self.sheet != self.host.active:
            raise VbaError(APPLICATION, "Select method of Range class failed")
        self.host.selections[self.sheet] = self
        self.host.active_cells[self.sheet] = self.area.top, self.area.left
        self.host.fire(self.sheet, "SelectionChange", self)

    @method("Activate")
    def activate(self) -> None:
        """Makes a cell of the selection the active one; selects it where it is not selected."""
        row, column = self.area.top, self.area.left
        selected = self.host.selection(self.sheet)
        inside = any(a.top <= row <= a.bottom and a.left <= column <= a.right for a in selected.areas)
        if self.sheet == self.host.active and inside:
            self.host.active_cells[self.sheet] = row, column
        else:
            self.select()


class AreasObject(HostObject, name="Areas"):
    item_type = "Range"

    def __init__(self, whole: Range) -> None:
        self.whole = whole

    def each(self) -> Iterator[Range]:
        return (self.whole.of(area) for area in self.whole.areas)

    @getter("Count", "Long")
    def count(self) -> Any:
        return len(self.whole.areas)

    @getter("Item", "Range")
    def item(self, index: Any) -> Any:
        place = int(to_long(let(index)))
        if not 1 <= place <= len(self.whole.areas):
            raise VbaError(9)
        return self.whole.of(self.whole.areas[place - 1])


# ---- which range is meant ----------------------------------------------------------------------


def range_argument(host: Host, sheet: int, first: Any, second: Any = MISSING) -> Range:
    """Range("A1"), Range("name"), Range(cell, cell): looked up from a sheet, its own names first."""
    found = _one_range(host, sheet, first)
    if second is MISSING:
        return found
    other = _one_range(host, sheet, second)
    if found.sheet != other.sheet:
        raise VbaError(APPLICATION, "Method 'Range' of object '_Worksheet' failed")
    a, b = found.area, other.area
    around = Area(min(a.top, b.top), min(a.left, b.left), max(a.bottom, b.bottom), max(a.right, b.right))
    return Range(host, found.sheet, (around,))


def _one_range(host: Host, sheet: int, argument: Any) -> Range:
    if isinstance(argument, Range):
        return argument
    text = to_string(let(argument))
    try:
        areas = host.workbook.areas(text, host.workbook.sheet_names[sheet])
    except FormulaError:
        areas = []
    if not areas or any(position != areas[0][0] for position, _ in areas):
        raise VbaError(APPLICATION, f"Method 'Range' of object '_Worksheet' failed ({text!r})")
    return Range(host, areas[0][0], tuple(area for _, area in areas))


def _column(index: Any) -> int:
    """A column by its number or its letters."""
    if isinstance(index, str) and index.strip("$").isalpha():
        return column_number(index.strip("$"))
    return int(to_long(index))


def _address(area: Area, rows: bool, columns: bool) -> str:
    if rows == columns:
        return address(None, area, absolute=rows)
    text = address(None, area)
    letters_dollar, digits_dollar = "$" if columns else "", "$" if rows else ""
    parts = []
    for part in text.split(":"):
        letters = part.rstrip("0123456789")
        digits = part[len(letters) :]
        parts.append((letters_dollar + letters if letters else "") + (digits_dollar + digits if digits else ""))
    return ":".join(parts)


def _region(host: Host, sheet: int, area: Area) -> Area:
    """The filled cells around an area, up to blank rows and columns on all sides."""
    rows, columns = host.grid.filled(sheet)
    while True:
        near = (rows >= area.top - 1) & (rows <= area.bottom + 1)
        near &= (columns >= area.left - 1) & (columns <= area.right + 1)
        if not near.any():
            return area
        wider = Area(
            min(area.top, int(rows[near].min())),
            min(area.left, int(columns[near].min())),
            max(area.bottom, int(rows[near].max())),
            max(area.right, int(columns[near].max())),
        )
        if wider == area:
            return area
        area = wider


# ---- formats -----------------------------------------------------------------------------------


@cache
def kind_of_format(code: str) -> str:
    """What a number in this format is to VBA: "date", "currency" or "number"."""
    try:
        section = parsed(code)[0]
    except FormatError:
        return "number"
    if section.is_date:
        return "date"
    return "currency" if "$" in re.sub(r"\[\$-[^\]]*\]", "", code) else "number"


# ---- values into cells -------------------------------------------------------------------------


def _spread(value: Any, area: Area) -> list[list[Any]]:
    """What an assignment puts into each cell: one value everywhere, or an array's elements, #N/A beyond them."""
    if not isinstance(value, Array):
        return [[value] * area.width] * area.height
    rows = value.rows()
    height, width = len(rows), len(rows[0]) if rows else 0
    beyond = Failure(2042)

    def element(i: int, j: int) -> Any:
        row, column = (0 if height == 1 else i), (0 if width == 1 else j)
        return rows[row][column] if row < height and column < width else beyond

    return [[element(i, j) for j in range(area.width)] for i in range(area.height)]


def _is_formula(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("=") and len(value) > 1


def entered(value: Any, days: int = 0) -> Any:
    """A value as a cell takes it when it is typed in: texts that read as numbers become numbers.

    `days` is by how much the workbook's dates count less than VBA's.
    """
    value = let(value)
    if isinstance(value, Date):
        return float(value) - days
    if not isinstance(value, str):
        return to_cell(value)
    return read_entry(value)


def read_entry(text: str) -> Any:
    """A text as a cell takes it: a number, a date, a boolean, an error, or itself."""
    if len(text) > MAX_TEXT:
        raise VbaError(APPLICATION)
    stripped = text.strip()
    if text.startswith("'"):
        return text[1:]
    if not stripped:
        return None if text == "" else text
    if stripped.upper() in ("TRUE", "FALSE"):
        return stripped.upper() == "TRUE"
    if stripped.upper() in ERROR_CODE:
        return ERROR_CODE[stripped.upper()]
    found = parse_number(text)
    return text if found is None else found
