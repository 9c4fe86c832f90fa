"""Lookup and reference: positions, cells at a distance, tables."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from sheetml.engine.areas import AreaArray, Areas, Reference, moved
from sheetml.engine.division import alike, refuse_errors
from sheetml.engine.evaluate import Arguments, Context, Lambda, LambdaArray, Result
from sheetml.engine.functions.growing import growing, growing_at, stretched
from sheetml.engine.functions.logic import Branch, branch_result, chosen, evaluation, one_of_two
from sheetml.engine.functions.registry import elementwise, function, with_errors
from sheetml.engine.functions.search import EXACT, PATTERN, SORTED_DOWN, SORTED_UP, WILDCARD, last_before, positions
from sheetml.engine.sizes import Split
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, Traced, concrete, frozen, violated
from sheetml.engine.values import (
    NA,
    NUMBER,
    REF,
    UNCOMPUTABLE,
    VALUE,
    Errors,
    Value,
    as_boolean,
    as_number,
    error_value,
    error_where,
    first_error,
    number_value,
    rearranged,
    scalar_value,
    text_value,
)
from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.references import column_letters, from_r1c1, quote_sheet
from sheetml.formula.tree import (
    Binary,
    ExternalReference,
    Missing,
    Name,
    Node,
    Range,
    StructuredReference,
    Text,
    Unary,
)
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS


def integers(context: Context, node: Node | None, default: int = 0) -> tuple[np.ndarray, Errors]:
    """An argument as whole numbers, one a cell, (b,): positions, sizes, choices. Cut off, not rounded."""
    if node is None or isinstance(node, Missing):
        return np.array([default]), None
    number, errors = as_number(context.value(node))
    whole = np.trunc(np.clip(concrete(number), -2e9, 2e9)).astype(np.int64)
    if whole.shape[1:] != (1, 1):
        return np.zeros(1, np.int64), np.array([VALUE], np.uint8)
    return whole.reshape(-1), None if errors is None else errors.reshape(-1)


def argument(arguments: Arguments, position: int) -> Node | None:
    """An argument that may be left out."""
    return arguments[position] if position < len(arguments) else None


def value_or(context: Context, node: Node | None, default: float) -> Value:
    """The value of an argument, or a number where it is left out."""
    return scalar_value(default) if node is None or isinstance(node, Missing) else context.value(node)


def shaped(errors: Errors) -> Errors:
    """Errors one a cell, (b,), as those of values, (b, 1, 1)."""
    return None if errors is None else errors.reshape(-1, 1, 1)


# ---- references --------------------------------------------------------------------------------


@function("OFFSET", 3, 5, by_position=(0,))
def offset(context: Context, arguments: Arguments) -> Result:
    """The area so many rows and columns away, of the same or a stated size."""
    origin = context.reference(arguments[0])
    if isinstance(origin, Value):
        return origin
    rows, row_errors = _whole(context, arguments[1])
    columns, column_errors = _whole(context, arguments[2])
    height, height_errors = _size(context, argument(arguments, 3), origin.height)
    width, width_errors = _size(context, argument(arguments, 4), origin.width)
    own = None if origin.errors is None else origin.errors.reshape(-1, 1, 1)
    errors = first_error(own, row_errors, column_errors, height_errors, width_errors)
    top, left = origin.top.reshape(-1, 1, 1) + rows, origin.left.reshape(-1, 1, 1) + columns
    shape = np.broadcast_shapes(top.shape, left.shape, height.shape, width.shape)
    if shape[1:] == (1, 1):
        return _moved(origin.sheet, top, left, height, width, errors)
    top, left, height, width = (np.broadcast_to(part, shape) for part in (top, left, height, width))
    areas = _moved(origin.sheet, top, left, height, width, None if errors is None else np.broadcast_to(errors, shape))
    top, left, height, width = (part.reshape(shape) for part in (areas.top, areas.left, areas.height, areas.width))
    wrong = None if areas.errors is None else areas.errors.reshape(shape)
    return AreaArray(np.array(areas.sheet), top, left, height, width, wrong)


def _moved(
    sheet: int, top: np.ndarray, left: np.ndarray, height: np.ndarray, width: np.ndarray, errors: Errors
) -> Reference:
    """Areas of any shape as those of as many cells."""
    flat = None if errors is None else errors.reshape(-1)
    return moved(sheet, top.reshape(-1), left.reshape(-1), height.reshape(-1), width.reshape(-1), flat)


def _whole(context: Context, node: Node) -> tuple[np.ndarray, Errors]:
    """An argument as whole numbers, cut off, (b, R, C)."""
    number, errors = as_number(context.value(node))
    return np.trunc(np.clip(concrete(number), -2e9, 2e9)).astype(np.int64), errors


def _size(context: Context, node: Node | None, default: np.ndarray) -> tuple[np.ndarray, Errors]:
    """Heights or widths: any part of a first row or column counts as one (0.9 is 1, but 1.9 is 1, too)."""
    if node is None or isinstance(node, Missing):
        return default.reshape(-1, 1, 1), None
    number, errors = as_number(context.value(node))
    size = np.clip(concrete(number), -2e9, 2e9)
    return (np.trunc(size - np.sign(size)) + np.sign(size)).astype(np.int64), errors


@function("INDEX", 2, 4, chooses=True)
def index(context: Context, arguments: Arguments) -> Result:
    """The cell at a row and a column of an area or array; row or column 0 means all of them."""
    if context.for_values:
        context = context.for_arguments()
        element = _element_followed(context, arguments) if context.workspace.trace is not None else None
        if element is not None:
            return element
    result = context.in_array_mode().evaluate(arguments[0])
    if isinstance(result, Areas):
        chosen_area, _ = integers(context, argument(arguments, 3), 1)
        alike(chosen_area)
        if not 1 <= chosen_area[0] <= len(result.parts):
            return error_value(REF)
        result = result.parts[int(chosen_area[0]) - 1]
    elif len(arguments) > 3 and not isinstance(arguments[3], Missing):
        chosen_area, _ = integers(context, arguments[3])
        if (chosen_area != 1).any():
            if context.count > 1 and not (chosen_area != 1).all():
                raise Split
            return error_value(REF)
    if isinstance(result, LambdaArray):
        return _function_at(context, result, arguments)
    if isinstance(result, (Lambda, AreaArray)):
        return error_value(VALUE)
    if context.array and isinstance(result, (Reference, Value)) and _asks_for_arrays(context, arguments):
        return _elements(context, context.dereference(result), arguments)
    rows, row_errors = integers(context, arguments[1])
    columns, column_errors = integers(context, argument(arguments, 2))
    errors = first_error(row_errors, column_errors)
    if isinstance(result, Reference):
        return _part_of_reference(result, rows, columns, errors, len(arguments) == 2)
    return _part_of_array(result, rows, columns, errors, len(arguments) == 2)


def _function_at(context: Context, functions: LambdaArray, arguments: Arguments) -> Result:
    """The function at a row and a column of an array of functions."""
    rows, row_errors = integers(context, arguments[1])
    columns, column_errors = integers(context, argument(arguments, 2), 1)
    refuse_errors(first_error(row_errors, column_errors))
    alike(rows, columns)
    row, column = int(rows[0]), int(columns[0])
    if len(arguments) == 2 and functions.rows == 1:
        row, column = 1, row
    if not (1 <= row <= functions.rows and 1 <= column <= functions.columns):
        return error_value(REF)
    return functions.element((row - 1) * functions.columns + column - 1)


def _asks_for_arrays(context: Context, arguments: Arguments) -> bool:
    return any(context.value(node).shape[1:] != (1, 1) for node in arguments[1:3] if not isinstance(node, Missing))


def _elements(context: Context, value: Value, arguments: Arguments) -> Value:
    """INDEX with arrays of rows and columns: element by element."""
    rows, row_errors = context.number(arguments[1])
    third = argument(arguments, 2)
    columns, column_errors = (np.ones((1, 1, 1)), None) if third is None else context.number(third)
    row, column = np.trunc(concrete(rows)).astype(int), np.trunc(concrete(columns)).astype(int)
    if third is None and value.shape[1] == 1:
        row, column = np.ones_like(row), row
    outside = (row < 1) | (row > value.shape[1]) | (column < 1) | (column > value.shape[2])
    errors = first_error(row_errors, column_errors, error_where(outside, REF))
    safe_row, safe_column = np.where(outside, 1, row) - 1, np.where(outside, 1, column) - 1
    return picked(value, safe_row, safe_column, errors)


def picked(value: Value, row: np.ndarray, column: np.ndarray, errors: Errors) -> Value:
    """Elements of each cell's array by positions from 0, with errors where there are any."""
    cells = np.arange(value.shape[0])[:, None, None] if value.shape[0] > 1 else np.zeros((1, 1, 1), np.intp)
    flat = (cells * value.shape[1] + row) * value.shape[2] + column
    result = rearranged(value, flat.astype(np.intp))
    return result if errors is None else with_errors(result, errors)


def followed(line: Value, place: Array) -> Value | None:
    """The element of each cell's line, (b or 1, n), at positions from 0 that depend on the inputs.

    A trace then holds wherever else in the line they point. None if it must hold for these positions only: where
    the line does not consist of numbers, or is left.
    """
    if not isinstance(place, Traced) or line.kind is not None:
        return None
    size = line.shape[1] * line.shape[2]
    beyond = ops.logical_or(ops.less(place, 0.0), ops.greater(place, float(size - 1)))
    if violated(beyond, flagged=False) is not None:
        return None
    count = max(line.shape[0], place.shape[0])
    numbers = ops.broadcast_to(ops.reshape(line.number, (line.shape[0], size)), (count, size))
    index = ops.reshape(ops.broadcast_to(place, (count, *place.shape[1:])), (count, place.size // place.shape[0]))
    return Value(ops.reshape(ops.take_along(numbers, index), (count, *place.shape[1:])))


def _element_followed(context: Context, arguments: Arguments) -> Value | None:
    """INDEX at one row and column of numbers, where one of the two depends on the inputs."""
    inner = context.in_array_mode()
    area = inner.evaluate(arguments[0])
    if isinstance(area, Reference) and (area.dynamic or not area.uniform or context.workspace.in_circle):
        return None
    if len(arguments) > 3 or not isinstance(area, (Reference, Value)):
        return None
    positions_given = [context.number(node) for node in arguments[1:] if not isinstance(node, Missing)]
    if len(positions_given) < len(arguments) - 1 or any(errors is not None for _, errors in positions_given):
        return None
    places = [ops.subtract(_truncated(number), 1.0) for number, _ in positions_given]
    if not any(isinstance(place, Traced) for place in places) or any(place.shape[1:] != (1, 1) for place in places):
        return None
    if isinstance(area, Reference) and area.height[0] * area.width[0] > _MOST_FOLLOWED:
        return None
    table = inner.dereference(area)
    height, width = table.shape[1:]
    if len(places) == 1:
        return followed(table, places[0]) if 1 in (height, width) else None
    return _crossing(table, *places)


def _crossing(table: Value, row: Array, column: Array) -> Value | None:
    """The elements at rows and columns from 0; of a constant row or column only that one is to hold numbers."""
    height, width = table.shape[1:]
    flat = np.arange(table.shape[0] * height * width).reshape(table.shape)
    if isinstance(column, np.ndarray) and column.size == 1 and 0 <= column.item() < width:
        return followed(rearranged(table, flat[:, :, [int(column.item())]]), row)
    if isinstance(row, np.ndarray) and row.size == 1 and 0 <= row.item() < height:
        return followed(rearranged(table, flat[:, [int(row.item())], :]), column)
    beyond = ops.logical_or(ops.less(column, 0.0), ops.greater(column, float(width - 1)))
    if violated(beyond, flagged=False) is not None:
        return None
    return followed(table, ops.add(ops.multiply(row, float(width)), column))


_MOST_FOLLOWED = 10_000  # elements of a table
_truncated = ops.position_of("truncated", np.trunc)


def _part_of_reference(
    area: Reference, rows: np.ndarray, columns: np.ndarray, errors: Errors, one_given: bool
) -> Reference:
    if one_given:  # the position in an area of one row is that of a column
        flat = area.height == 1
        columns = np.where(flat, rows, np.where(area.width == 1, 1, columns))
        rows = np.where(flat, 1, rows)
    negative = (rows < 0) | (columns < 0)
    outside = negative | (rows > area.height) | (columns > area.width)
    errors = first_error(area.errors, errors, error_where(negative, VALUE), error_where(outside, REF))
    rows, columns = np.where(outside, 1, rows), np.where(outside, 1, columns)
    return Reference(
        area.sheet,
        np.where(rows == 0, area.top, area.top + rows - 1),
        np.where(columns == 0, area.left, area.left + columns - 1),
        np.where(rows == 0, area.height, 1),
        np.where(columns == 0, area.width, 1),
        errors,
        area.dynamic,
    )


def _part_of_array(value: Value, rows: np.ndarray, columns: np.ndarray, errors: Errors, one_given: bool) -> Value:
    height, width = value.shape[1:]
    if one_given:
        rows, columns = (np.ones(1, np.int64), rows) if height == 1 else (rows, np.zeros(1, np.int64))
    negative = (rows < 0) | (columns < 0)
    outside = negative | (rows > height) | (columns > width)
    errors = first_error(errors, error_where(negative, VALUE), error_where(outside, REF))
    rows, columns = np.where(outside, 1, rows), np.where(outside, 1, columns)
    alike(rows == 0)
    alike(columns == 0)
    down = np.arange(height)[None, :, None] if (rows == 0).all() else (rows.reshape(-1, 1, 1) - 1).clip(0)
    across = np.arange(width)[None, None, :] if (columns == 0).all() else (columns.reshape(-1, 1, 1) - 1).clip(0)
    return picked(value, down, across, shaped(errors))


@function("INDIRECT", 1, 2)
def indirect(context: Context, arguments: Arguments) -> Result:
    """The area that a text names, in A1 or (if the second argument is FALSE) R1C1 notation."""
    texts, errors = context.text(arguments[0])
    relative = np.zeros(1, bool)
    if len(arguments) > 1 and not isinstance(arguments[1], Missing):
        a1, wrong = context.boolean(arguments[1])
        errors = first_error(errors, wrong)
        relative = ~concrete(a1).reshape(a1.shape[0], -1)[:, 0].astype(bool)
    if errors is not None and errors.all():
        return error_value(int(errors.reshape(-1)[0]))
    if texts.shape[1:] != (1, 1):
        return _named_areas(context, texts, relative, errors)
    names = texts.reshape(texts.shape[0], -1)[:, 0]
    count = max(len(names), len(relative), context.count if relative.any() else 1)
    cells = zip(np.broadcast_to(names, (count,)).tolist(), np.broadcast_to(relative, (count,)).tolist())
    found = [_named_area(context, cell, name, r1c1) for cell, (name, r1c1) in enumerate(cells)]
    sheets = np.array([-1 if area is None else area.sheet for area in found])
    sheet = max(int(sheets.max(initial=-1)), 0)
    alike(np.where(sheets < 0, sheet, sheets))
    corners = np.array([_corners(area) for area in found], np.int64)
    missing = first_error(
        None if errors is None else errors.reshape(errors.shape[0], -1)[:, 0],
        np.array([REF if area is None else 0 if area.errors is None else area.errors[0] for area in found], np.uint8),
    )
    top, left, height, width = corners.T
    return Reference(sheet, top, left, height, width, missing, dynamic=True)


def _named_areas(context: Context, texts: np.ndarray, relative: np.ndarray, errors: Errors) -> AreaArray:
    """The areas that an array of texts names."""
    cells = np.broadcast_to(np.arange(texts.shape[0])[:, None, None], texts.shape).reshape(-1).tolist()
    notation = np.broadcast_to(relative.reshape(-1, 1, 1), texts.shape).reshape(-1).tolist()
    found = [
        _named_area(context, cell, name, r1c1) for cell, name, r1c1 in zip(cells, texts.reshape(-1).tolist(), notation)
    ]
    sheets = np.array([-1 if area is None else area.sheet for area in found]).reshape(texts.shape)
    top, left, height, width = (part.reshape(texts.shape) for part in np.array([_corners(area) for area in found]).T)
    missing = error_where(np.array([area is None or area.errors is not None for area in found]), REF)
    assert missing is not None
    sheets = np.where(sheets < 0, max(int(sheets.max()), 0), sheets)
    return AreaArray(sheets, top, left, height, width, first_error(errors, missing.reshape(texts.shape)))


def _corners(area: Reference | None) -> tuple[int, int, int, int]:
    if area is None:
        return 1, 1, 1, 1
    return int(area.top[0]), int(area.left[0]), int(area.height[0]), int(area.width[0])


def _named_area(context: Context, cell: int, text: str, r1c1: bool) -> Reference | None:
    one = context.select(np.array([min(cell, context.count - 1)]))
    row, column = int(one.rows[0]), int(one.columns[0])
    sheet, mark, place = text.strip().rpartition("!")
    try:
        place = from_r1c1(place, row, column) if r1c1 else _LEADING_ZEROS.sub(r"\1", place)
        tree = parse(sheet + mark + place, row, column)
    except FormulaError:
        return None
    if isinstance(tree, ExternalReference):
        one.workspace.reads_others = True
        one.uncomputable(f"INDIRECT({text!r}) looks into another workbook, which is not open")
        here = np.array([1])
        return Reference(one.sheet, here, here, here, here, np.array([UNCOMPUTABLE], np.uint8))
    result = one.evaluate(tree) if _names_cells(tree) else None
    return result if isinstance(result, Reference) else None


_LEADING_ZEROS = re.compile(r"(?<![\w.])(\$?[A-Za-z]{0,3}\$?)0+(?=[1-9])", re.ASCII)


def _names_cells(tree: Node) -> bool:
    """Whether a text names cells, and does not compute them."""
    if isinstance(tree, Binary):
        return tree.operator == ":" and _names_cells(tree.left) and _names_cells(tree.right)
    if isinstance(tree, Unary):
        return tree.operator == "#" and _names_cells(tree.operand)
    return isinstance(tree, (Range, Name, StructuredReference))


def _along(name: str, about: str, rows: bool, count: bool) -> None:
    """ROW, COLUMN (positions) and ROWS, COLUMNS (how many)."""

    @function(name, 0 if not count else 1, 1, by_position=(0,), about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        if not arguments:
            return Value((context.rows if rows else context.columns).reshape(-1, 1, 1).astype(np.float64))
        result = context.in_array_mode().evaluate(arguments[0])
        if isinstance(result, Value):
            if not count or result.errors() is not None:
                return result if result.errors() is not None else error_value(VALUE)
            return Value(np.full((1, 1, 1), float(result.shape[1 if rows else 2])))
        if not isinstance(result, Reference):
            return error_value(REF)
        if count:
            size = result.height if rows else result.width
            return number_value(size.reshape(-1, 1, 1), shaped(result.errors))
        first, size = (result.top, result.height) if rows else (result.left, result.width)
        number = first.reshape(-1, 1, 1).astype(np.float64)
        longest = min(int(size.max()), context.workspace.scope.row_limit if rows else 16384)
        if context.array and longest > 1:
            steps = np.arange(longest)
            number = number + (steps[None, :, None] if rows else steps[None, None, :])
        return number_value(number, shaped(result.errors))


_along("ROW", "The number of a cell's row.", rows=True, count=False)
_along("COLUMN", "The number of a cell's column.", rows=False, count=False)
_along("ROWS", "How many rows an area or array has.", rows=True, count=True)
_along("COLUMNS", "How many columns an area or array has.", rows=False, count=True)


@function("AREAS", 1, 1, by_position=(0,))
def areas(context: Context, arguments: Arguments) -> Result:
    """How many areas a reference consists of."""
    result = context.evaluate(arguments[0])
    count = len(result.parts) if isinstance(result, Areas) else 1
    return Value(np.full((1, 1, 1), float(count)))


_NO_SHEET = "…"  # where none is stated: an empty text is one


@elementwise(
    "ADDRESS", "number", "number", "number", "boolean", "text", defaults=(1.0, True, _NO_SHEET), differentiable=False
)
def address_text(row: Array, column: Array, style: Array, a1: Array, sheet: np.ndarray) -> Value:
    """The address of a row and a column as text."""
    operands = [np.trunc(frozen(array)) for array in (row, column, style)]
    numbers = np.broadcast_arrays(*operands, concrete(a1), sheet)
    texts = np.full(numbers[0].shape, "", object)
    wrong = (numbers[0] < 1) | (numbers[0] > MAX_ROWS) | (numbers[1] < 1) | (numbers[1] > MAX_COLUMNS)
    wrong |= (numbers[2] < 1) | (numbers[2] > 4)
    for place in zip(*np.nonzero(~wrong)):
        r, c, kind, letters, name = (array[place] for array in numbers)
        row_absolute, column_absolute = kind in (1, 2), kind in (1, 3)
        if letters:
            text = f"{'$' * column_absolute}{column_letters(int(c))}{'$' * row_absolute}{int(r)}"
        else:
            text = f"R{int(r) if row_absolute else f'[{int(r)}]'}C{int(c) if column_absolute else f'[{int(c)}]'}"
        texts[place] = text if name == _NO_SHEET else f"{_shown_sheet(name) if name else name}!{text}"
    return text_value(texts, error_where(wrong, VALUE))


def _shown_sheet(name: str) -> str:
    """A sheet's name before an address; that of a workbook in brackets needs no quotes for its own sake."""
    book, bracket, sheet = name.rpartition("]")
    return (
        name
        if bracket and book.startswith("[") and quote_sheet(book[1:] + sheet) == book[1:] + sheet
        else (quote_sheet(name))
    )


@function("HYPERLINK", 1, 2)
def hyperlink(context: Context, arguments: Arguments) -> Result:
    """What the link shows."""
    return context.value(arguments[-1])


@function("CHOOSE", 2, chooses=True)
def choose(context: Context, arguments: Arguments) -> Result:
    """The argument of a number; only those chosen are evaluated."""
    number, errors = context.for_arguments().number(arguments[0])
    if isinstance(number, Traced) and errors is None:
        beyond = ops.logical_or(ops.less(number, 1.0), ops.greater_equal(number, float(len(arguments))))
        if violated(beyond, flagged=False) is None:
            return _choice(context, arguments, 1)
    choice = np.trunc(concrete(number))
    outside = (choice < 1) | (choice > len(arguments) - 1)
    codes = first_error(errors, error_where(outside, VALUE))
    assert codes is not None
    branches = [
        ((choice == place) & (codes == 0), evaluation(node)) for place, node in enumerate(arguments[1:], start=1)
    ]
    return chosen(context, branches, codes)


def _choice(context: Context, arguments: Arguments, place: int) -> Result:
    """CHOOSE among the arguments from a place on, one after the other: the number is none before it."""
    own = evaluation(arguments[place])
    if place == len(arguments) - 1:
        return branch_result(own, context)
    number, _ = context.for_arguments().number(arguments[0])
    here = ops.less(number, place + 1.0)
    return one_of_two(context, here, None, [own, lambda part: _choice(part, arguments, place + 1)])


# ---- finding -----------------------------------------------------------------------------------


@function("MATCH", 2, 3)
def match(context: Context, arguments: Arguments) -> Result:
    """The position of a value in a row or column; type 1 (ascending, the default), 0 (exact), -1."""
    wanted = context.value(arguments[0])
    last = argument(arguments, 2)
    kind, errors = (np.zeros(1, np.int64), None) if isinstance(last, Missing) else integers(context, last, 1)
    if (kind == 0).all():
        grown = growing_at(context, arguments[1])
        line = None if grown is None else grown.plain(context)
        if grown is not None and line is not None and 1 in line.shape[1:]:
            found = within(positions(wanted, line, WILDCARD), grown.sizes)
            return _position(found, first_error(wanted.errors(), shaped(errors)))
    line, length = _line(context, arguments[1])
    if line.shape[1] > 1 and line.shape[2] > 1:
        return error_value(NA)
    alike(np.sign(kind))
    if kind[0] == 0:
        found = positions(wanted, line, WILDCARD)
    else:
        found = positions(wanted, line, order=SORTED_UP if kind[0] > 0 else SORTED_DOWN, length=length)
    return _position(found, first_error(wanted.errors(), shaped(errors)))


def within(found: Array, sizes: np.ndarray) -> Array:
    """Positions found in the longest of growing areas, (b, R, C), as each formula's cell has them in its own, which is
    so long, (b,)."""
    beyond = concrete(ops.greater_equal(found, sizes.reshape(-1, 1, 1).astype(np.float64)))
    return ops.where(beyond, -1.0, found) if beyond.any() else found


def _line(context: Context, node: Node) -> tuple[Value, int | None]:
    """A row or column of values, and how long it is, with the blanks below all cells that are not among them."""
    inner = context.in_array_mode()
    result = inner.evaluate(node)
    length = int((result.height * result.width).max()) if isinstance(result, Reference) else None
    return inner.dereference(result), length


def _position(found: Array, errors: Errors) -> Value:
    if isinstance(found, Traced) and errors is None and violated(ops.less(found, 0.0), flagged=False) is None:
        return Value(ops.add(found, 1.0))
    place = concrete(found)
    return number_value(place + 1, first_error(errors, error_where(place < 0, NA)))


def _search_rule(context: Context, arguments: Arguments, first: int) -> tuple[dict[str, Any], bool]:
    """How `positions` is to search, and whether the modes are valid.

    The binary searches (2 and -2) rely on order and end at the first, and at the last, of equal values.
    """
    mode, mode_errors = integers(context, argument(arguments, first), 0)
    search, search_errors = integers(context, argument(arguments, first + 1), 1)
    alike(mode)
    alike(search)
    for errors in (mode_errors, search_errors):
        if errors is not None:
            alike(errors)
    chosen_mode, direction = int(mode[0]), int(search[0])
    valid = chosen_mode in (-1, 0, 1, 2, 3) and direction in (1, -1, 2, -2) and mode_errors is None
    valid = valid and search_errors is None and not (chosen_mode in (WILDCARD, PATTERN) and abs(direction) == 2)
    rule = {"mode": chosen_mode, "last": direction < 0, "halving": abs(direction) == 2, "blanks": True}
    return rule, valid


@function("XMATCH", 2, 4)
def match_by_mode(context: Context, arguments: Arguments) -> Result:
    """The position of a value in a row or column, by modes of matching and searching."""
    wanted = context.value(arguments[0])
    rule, valid = _search_rule(context, arguments, 2)
    grown = growing_at(context, arguments[1]) if valid and _is_in_longest(rule, wanted) else None
    known = None if grown is None else grown.plain(context)
    if grown is not None and known is not None and 1 in known.shape[1:]:
        return _position(_found_in_growing(wanted, known, rule, grown.sizes), wanted.errors())
    line = context.array_value(arguments[1])
    if not valid or (line.shape[1] > 1 and line.shape[2] > 1):
        return error_value(VALUE)
    return _position(positions(wanted, line, **rule), wanted.errors())


def _is_in_longest(rule: dict[str, Any], wanted: Value) -> bool:
    """Whether what is found in areas that grow can be told from the longest: the first, or last, of what is equal."""
    if rule["halving"] or rule["mode"] not in (EXACT, WILDCARD, PATTERN):
        return False
    return not rule["last"] or (
        rule["mode"] == EXACT and wanted.shape[1:] == (1, 1) and not isinstance(wanted.number, Traced)
    )


def _found_in_growing(wanted: Value, line: Value, rule: dict[str, Any], sizes: np.ndarray) -> Array:
    """The positions in areas that grow up to so many cells, (b,), of which the line is the longest."""
    return last_before(wanted, line, sizes) if rule["last"] else within(positions(wanted, line, **rule), sizes)


@function("XLOOKUP", 3, 6, chooses=True)
def lookup_by_mode(context: Context, arguments: Arguments) -> Result:
    """The value, row or column of the result area that is level with the value found: an area of cells, as such."""
    inner = context.for_arguments()
    whole = inner.in_array_mode()
    wanted, lines, results = inner.value(arguments[0]), whole.evaluate(arguments[1]), whole.evaluate(arguments[2])
    rule, valid = _search_rule(inner, arguments, 4)
    grown, beside = growing(whole, lines), growing(whole, results)
    sizes: np.ndarray | None = None
    alike_both = grown and beside and np.array_equal(grown.sizes, beside.sizes)
    alike_both = alike_both and valid and _is_in_longest(rule, wanted)
    if grown and beside and alike_both and grown.plain(whole) and beside.plain(whole):
        lines, results, sizes = grown.longest, beside.longest, grown.sizes
    line = whole.dereference(lines)
    tall = line.shape[2] == 1
    if not valid or (not tall and line.shape[1] > 1) or _length(whole, lines, tall) != _length(whole, results, tall):
        return error_value(VALUE)
    wrong = wanted.errors()
    search = positions(wanted, line, **rule) if sizes is None else _found_in_growing(wanted, line, rule, sizes)
    if context.for_values and wrong is None and isinstance(search, Traced) and _is_line(results):
        element = followed(whole.dereference(results), search)
        if element is not None:
            return element
    place = concrete(search).astype(np.intp)
    missing = place < 0 if wrong is None else (place < 0) & (wrong == 0)
    none = len(arguments) < 4 or isinstance(arguments[3], Missing)
    errors = first_error(wrong, error_where(missing, NA) if none else None)
    if isinstance(results, Reference) and place.shape[1:] == (1, 1):
        found: Value | Reference = _area_beside(results, place.reshape(-1).clip(0), tall, errors)
    else:
        values = _beside(whole.dereference(results), place.clip(0), tall)
        found = values if errors is None else with_errors(values, np.broadcast_to(errors, values.shape))
    if none or not missing.any():
        return inner.dereference(found) if context.for_values else found
    branches: list[tuple[np.ndarray, Branch]] = [(~missing, found), (missing, evaluation(arguments[3]))]
    return chosen(context, branches, np.zeros(missing.shape, np.uint8))


def _is_line(results: Result) -> bool:
    """Whether it is one row or column that can be read at once."""
    if isinstance(results, Reference):
        return not results.dynamic and results.uniform and 1 in (results.height[0], results.width[0])
    return isinstance(results, Value) and 1 in results.shape[1:]


def _length(context: Context, result: Result, tall: bool) -> int:
    """How many rows (or columns) an area or array has, also where an area is not read to its end."""
    if isinstance(result, Reference):
        size = result.height if tall else result.width
        alike(size)
        return int(size[0])
    return context.dereference(result).shape[1 if tall else 2]


def _area_beside(results: Reference, place: np.ndarray, tall: bool, errors: Errors) -> Reference:
    """The rows (or columns) of areas at the places, (b,)."""
    one = np.ones(1, np.int64)
    wrong = first_error(results.errors, None if errors is None else errors.reshape(-1))
    return Reference(
        results.sheet,
        results.top + place if tall else results.top,
        results.left if tall else results.left + place,
        one if tall else results.height,
        results.width if tall else one,
        wrong,
        results.dynamic,
    )


def _beside(results: Value, place: np.ndarray, tall: bool) -> Value:
    """The rows (or columns) of results at the places; a single wanted value gets all its columns."""
    if place.shape[1:] == (1, 1):
        across = np.arange(results.shape[2])[None, None, :] if tall else place
        down = place if tall else np.arange(results.shape[1])[None, :, None]
        return picked(results, down, across, None)
    zero = np.zeros_like(place)
    return picked(results, place if tall else zero, zero if tall else place, None)


def _table_lookup(name: str, about: str, vertical: bool) -> None:
    """VLOOKUP and HLOOKUP: found in the first column (row), taken from another of the same row (column)."""

    @function(name, 3, 4, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        if isinstance(arguments[1], Text):
            return error_value(VALUE)
        wanted = context.value(arguments[0])
        number, errors = context.number(arguments[2])
        approximate = True
        if len(arguments) > 3 and not isinstance(arguments[3], Missing):
            truth, wrong = as_boolean(context.value(arguments[3]))
            errors = first_error(errors, wrong)
            chosen_ways = concrete(truth).reshape(truth.shape[0], -1)
            alike(chosen_ways)
            approximate = bool(chosen_ways[0, 0])
        inner = context.in_array_mode()
        area = inner.evaluate(arguments[1])
        grown = growing(inner, area) if vertical and not approximate else None
        known = None if grown is None else grown.plain(inner)
        table, length = inner.dereference(area) if known is None else known, None
        if isinstance(area, Reference):
            length = int((area.height if vertical else area.width).max())
        height, width = table.shape[1:]
        first = np.arange(height) * width if vertical else np.arange(width)
        cells = np.arange(table.shape[0])[:, None] * (height * width)
        line = rearranged(table, (cells + first[None, :])[:, :, None])
        if approximate:
            found = positions(wanted, line, order=SORTED_UP, length=length)
        else:
            found = positions(wanted, line, WILDCARD)
            if known is not None and isinstance(area, Reference):
                found = within(found, area.height)
        other = np.trunc(concrete(number)).astype(np.intp)
        if (
            errors is None
            and wanted.kind is None
            and other.size == 1
            and 1 <= other.item() <= table.shape[1 + vertical]
        ):
            flat = np.arange(table.shape[0] * height * width).reshape(table.shape)
            level = flat[:, :, [other.item() - 1]] if vertical else flat[:, [other.item() - 1], :]
            element = followed(rearranged(table, level), found)
            if element is not None:
                return element
        place = concrete(found).astype(np.intp)
        place, other = np.broadcast_arrays(place, other)
        beyond = other > (width if vertical else height)
        errors = first_error(
            wanted.errors(), errors, error_where(other < 1, VALUE), error_where(beyond, REF), error_where(place < 0, NA)
        )
        safe_place, safe_other = place.clip(0), np.where((other < 1) | beyond, 1, other) - 1
        down, across = (safe_place, safe_other) if vertical else (safe_other, safe_place)
        return picked(table, down, across, errors)


_table_lookup("VLOOKUP", "The value in a column of a table, level with one found in its first column.", vertical=True)
_table_lookup("HLOOKUP", "The value in a row of a table, below one found in its first row.", vertical=False)


@function("LOOKUP", 2, 3)
def lookup(context: Context, arguments: Arguments) -> Result:
    """The last value not beyond the wanted one in a sorted row or column, or its fellow in another.

    Of an area of several rows and columns it is the first of the longer ones, or of columns.
    """
    wanted = context.value(arguments[0])
    known = _last_in_growing(context, wanted, arguments)
    if known is not None:
        return known
    inner = context.in_array_mode()
    area = inner.evaluate(arguments[1])
    table = inner.dereference(area)
    height, width = table.shape[1:]
    length = None
    if isinstance(area, Reference):
        height, width = int(area.height.max()), int(area.width.max())
        length = max(height, width)
    down = height >= width
    cells = np.arange(table.shape[0])[:, None] * (table.shape[1] * table.shape[2])
    own = np.arange(table.shape[1]) * table.shape[2] if down else np.arange(table.shape[2])
    line = rearranged(table, (cells + own)[:, :, None])
    if len(arguments) == 3:
        results = context.array_value(arguments[2])
    else:
        last = table.shape[2] - 1 if down else (table.shape[1] - 1) * table.shape[2]
        results = rearranged(table, (cells + own + last)[:, :, None])
    found = positions(wanted, line, order=SORTED_UP, length=length)
    element = followed(results, found) if wanted.kind is None else None
    if element is not None:
        return element
    place = concrete(found).astype(np.intp)
    flat = results.shape[1] * results.shape[2]
    outside = place >= flat
    errors = first_error(wanted.errors(), error_where((place < 0) | outside, NA))
    row, column = np.divmod(np.clip(place, 0, flat - 1), results.shape[2])
    return picked(results, row, column, errors)


def _last_in_growing(context: Context, wanted: Value, arguments: Arguments) -> Value | None:
    """LOOKUP(2,1/(A$1:A9=A9),B$1:B9), filled down: the last number of each line is found, as all are smaller."""
    results = growing_at(context, arguments[2]) if len(arguments) == 3 else None
    if results is None or wanted.kind is not None or isinstance(wanted.number, Traced) or wanted.shape[1:] != (1, 1):
        return None
    grown, table = stretched(context, (arguments[1],)), results.plain(context)
    if grown is None or table is None or not np.array_equal(grown.sizes, results.sizes):
        return None
    if 1 not in grown.shape or 1 not in table.shape[1:]:
        return None
    place = np.empty(context.count, np.intp)
    searched = np.broadcast_to(np.asarray(wanted.number).reshape(-1), place.shape)
    for cells, which, part in grown.parts():
        try:
            value = part.value(arguments[1])
        except Split:
            return None
        if not grown.fits(value):
            return None
        kinds, numbers = (array.reshape(value.shape[0], -1) for array in (value.kinds, np.asarray(value.number)))
        own = kinds == NUMBER
        largest = np.maximum.accumulate(np.where(own, numbers, -np.inf), axis=1)
        last = np.maximum.accumulate(np.where(own, np.arange(own.shape[1]), -1), axis=1)
        at = (which if len(own) > 1 else np.zeros_like(which)), grown.sizes[cells] - 1
        if (largest[at] >= searched[cells]).any():
            return None
        place[cells] = last[at]
    row, column = np.divmod(place.clip(0).reshape(-1, 1, 1), table.shape[2])
    return picked(table, row, column, error_where(place.reshape(-1, 1, 1) < 0, NA))
