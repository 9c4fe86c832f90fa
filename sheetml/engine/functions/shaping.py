"""Arrays in another shape: parts of them, columns and rows, several put together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.elements import (
    Elements,
    places,
    refuse_where,
    same_for_all,
    shared_integer,
    shared_integers,
    shared_truth,
)
from sheetml.engine.functions.lookup import argument
from sheetml.engine.functions.registry import function
from sheetml.engine.sizes import check_size
from sheetml.engine.values import BLANK, CALC, ERROR, NA, NUM, VALUE, Value, error_value
from sheetml.formula.tree import Missing, Node
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS

Choice = Callable[[int, int], np.ndarray | int]  # of lines: from how many there are, and a count


def padding(context: Context, node: Node | None) -> Value:
    """What fills up an array: #N/A unless stated otherwise."""
    return error_value(NA) if node is None or isinstance(node, Missing) else context.value(node)


# ---- parts ---------------------------------------------------------------------------------------


def _of_lines(name: str, about: str, choose: Callable[[int, int], slice]) -> None:
    """TAKE and DROP: `choose` gives the lines that stay, from a count and how many there are."""

    @function(name, 2, 3, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        value = context.array_value(arguments[0])
        chosen = places(value)
        for axis in (0, 1):
            node = argument(arguments, 1 + axis)
            if node is None or isinstance(node, Missing):
                continue
            count = shared_integer(context, node)
            kept = np.arange(chosen.shape[axis])[choose(count, chosen.shape[axis])]
            chosen = chosen.take(kept, axis)
        return Elements(value).laid_out(chosen) if chosen.size else error_value(CALC)


_of_lines(
    "TAKE",
    "The first rows and columns of an array, or the last if their count is negative.",
    lambda count, size: slice(0, count) if count >= 0 else slice(max(size + count, 0), size),
)
_of_lines(
    "DROP",
    "An array without its first rows and columns, or without the last if their count is negative.",
    lambda count, size: slice(count, size) if count >= 0 else slice(0, max(size + count, 0)),
)


def _chosen_lines(name: str, about: str, axis: int) -> None:
    @function(name, 2, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        value = context.array_value(arguments[0])
        size = value.shape[1 + axis]
        wanted = [place for node in arguments[1:] for place in shared_integers(context, node)]
        if any(place == 0 or abs(place) > size for place in wanted):
            return error_value(VALUE)
        lines = np.array([place - 1 if place > 0 else size + place for place in wanted], np.intp)
        return Elements(value).laid_out(places(value).take(lines, axis))


_chosen_lines("CHOOSEROWS", "The rows of an array with these numbers, from the end if negative.", 0)
_chosen_lines("CHOOSECOLS", "The columns of an array with these numbers, from the end if negative.", 1)


# ---- rows, columns and rectangles ----------------------------------------------------------------


def _line_of(name: str, about: str, column: bool) -> None:
    """TOCOL and TOROW."""

    @function(name, 1, 3, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        value = context.array_value(arguments[0])
        ignored = shared_integer(context, argument(arguments, 1))
        by_column = shared_truth(context, argument(arguments, 2))
        if not 0 <= ignored <= 3:
            return error_value(VALUE)
        order = (places(value).T if by_column else places(value)).reshape(-1)
        kept = same_for_all([order[_kept(kinds, ignored)[order]] for kinds in value.kinds.reshape(value.shape[0], -1)])
        if not kept.shape[1]:
            return error_value(CALC)
        return Elements(value).laid_out(kept[:, :, None] if column else kept[:, None, :])


def _kept(kinds: np.ndarray, ignored: int) -> np.ndarray:
    """Which elements stay: 1 leaves out blanks, 2 errors, 3 both."""
    keep = np.ones(kinds.shape, bool)
    if ignored & 1:
        keep &= kinds != BLANK
    if ignored & 2:
        keep &= kinds < ERROR
    return keep


_line_of("TOCOL", "All elements of an array as one column, row by row or column by column.", True)
_line_of("TOROW", "All elements of an array as one row, row by row or column by column.", False)


def _wrapping(name: str, about: str, by_rows: bool) -> None:
    @function(name, 2, 3, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        value = context.array_value(arguments[0])
        width = shared_integer(context, arguments[1])
        if min(value.shape[1:]) > 1:
            return error_value(VALUE)
        if width < 1:
            return error_value(NUM)
        size = value.shape[1] * value.shape[2]
        lines, width = -(-size // width), min(width, max(size, 1)) if size < width else width
        check_size(context.count, lines, width)
        index = np.full(lines * width, size)
        index[:size] = np.arange(size)
        table = index.reshape(lines, width)
        return Elements(value, padding(context, argument(arguments, 2))).laid_out(table if by_rows else table.T)


_wrapping("WRAPROWS", "A row or column wrapped into rows of a stated length.", True)
_wrapping("WRAPCOLS", "A row or column wrapped into columns of a stated length.", False)


@function("EXPAND", 2, 4)
def expand(context: Context, arguments: Arguments) -> Result:
    """An array made larger, filled up with #N/A or a stated value."""
    value = context.array_value(arguments[0])
    height, width = value.shape[1:]
    rows = shared_integer(context, arguments[1], height)
    columns = shared_integer(context, argument(arguments, 2), width)
    if rows < height or columns < width or rows > MAX_ROWS or columns > MAX_COLUMNS:
        return error_value(VALUE)
    check_size(context.count, rows, columns)
    index = np.full((rows, columns), height * width)
    index[:height, :width] = places(value)
    return Elements(value, padding(context, argument(arguments, 3))).laid_out(index)


def _stacking(name: str, about: str, axis: int) -> None:
    @function(name, 1, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        values: list[Value] = []
        for node in arguments:
            values += _arrays(context, node)
            across = max(value.shape[2 - axis] for value in values)
            along = sum(value.shape[1 + axis] for value in values)
            check_size(context.count, *((along, across) if axis == 0 else (across, along)))
        start, end = 0, sum(value.shape[1] * value.shape[2] for value in values)
        tables = []
        for value in values:
            own = places(value) + start
            start += own.size
            missing = across - own.shape[1 - axis]
            tables.append(
                np.pad(own, ((0, 0), (0, missing)) if axis == 0 else ((0, missing), (0, 0)), constant_values=end)
            )
        return Elements(*values, error_value(NA)).laid_out(np.concatenate(tables, axis))


def _arrays(context: Context, node: Node) -> list[Value]:
    """The array that an argument is; of several areas (the sheets of a 3-D reference) one array each."""
    inner = context.in_array_mode()
    result = inner.evaluate(node)
    return [inner.dereference(part) for part in (result.parts if isinstance(result, Areas) else [result])]


_stacking("VSTACK", "Arrays one below the other.", 0)
_stacking("HSTACK", "Arrays side by side.", 1)


# ---- without the blanks around -------------------------------------------------------------------

LEADING, TRAILING, BOTH = 1, 2, 3


@function("TRIMRANGE", 1, 3)
def trim_range(context: Context, arguments: Arguments) -> Result:
    """An area without the blank rows and columns around it."""
    rows = shared_integer(context, argument(arguments, 1), BOTH)
    columns = shared_integer(context, argument(arguments, 2), BOTH)
    if not (0 <= rows <= BOTH and 0 <= columns <= BOTH):
        return error_value(VALUE)
    return _trimmed(context, arguments[0], rows, columns)


def _trimming(name: str, sides: int) -> None:
    """What the operators .: and :. and .:. become in a file."""

    @function(name, 1, 1, about="An area without the blank rows and columns before it, after it, or both.")
    def evaluate(context: Context, arguments: Arguments) -> Result:
        return _trimmed(context, arguments[0], sides, sides)


_trimming("_TRO_LEADING", LEADING)
_trimming("_TRO_TRAILING", TRAILING)
_trimming("_TRO_ALL", BOTH)


def _trimmed(context: Context, node: Node, rows: int, columns: int) -> Result:
    area = context.in_array_mode().evaluate(node)
    if isinstance(area, Areas):
        return error_value(VALUE)
    value = context.in_array_mode().dereference(area)
    filled = value.kinds != BLANK
    down, across = filled.any(axis=2), filled.any(axis=1)
    refuse_where(~down.any(axis=1), CALC)
    whole = (value.shape[1], value.shape[2])
    if isinstance(area, Reference):
        whole = (int(area.height[0]), int(area.width[0]))
    top, height = _extent(down, rows, whole[0])
    left, width = _extent(across, columns, whole[1])
    if isinstance(area, Reference):
        return Reference(area.sheet, area.top + top, area.left + left, height, width, area.errors, dynamic=True)
    bounds = zip(top.tolist(), left.tolist(), height.tolist(), width.tolist())
    index = places(value)
    return Elements(value).laid_out(same_for_all([index[t : t + h, x : x + w] for t, x, h, w in bounds]))


def _extent(filled: np.ndarray, sides: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the lines that stay begin, and how many they are, for each cell."""
    first = filled.argmax(axis=1) if sides & LEADING else np.zeros(len(filled), np.intp)
    last = filled.shape[1] - 1 - filled[:, ::-1].argmax(axis=1) if sides & TRAILING else size - 1
    return first, last - first + 1
