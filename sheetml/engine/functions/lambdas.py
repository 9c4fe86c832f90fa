"""Names within a formula (LET), functions made in one (LAMBDA), and what applies them to arrays.

MAP, BYROW, BYCOL and MAKEARRAY evaluate their function once, for all elements of all cells together:
an element becomes a cell of a larger batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sheetml.engine.areas import Areas, Reference
from sheetml.engine.division import alike, together
from sheetml.engine.evaluate import Arguments, Context, Lambda, LambdaArray, Result, apply
from sheetml.engine.functions.lookup import integers
from sheetml.engine.functions.registry import function
from sheetml.engine.sizes import Split, check_size
from sheetml.engine.tracing import graph as ops
from sheetml.engine.values import (
    CALC,
    VALUE,
    OneElementArray,
    Value,
    array_of,
    broadcast,
    error_value,
    first_error,
    rearranged,
)
from sheetml.formula.tree import Call, Missing, Name, Node

_FUNCTION_NAME_PREFIX = "_xleta."  # of a function given by its name: BYROW(A1:B3,SUM)


@function("LET", 3)
def let(context: Context, arguments: Arguments) -> Result:
    """Names for values; each may use those before it."""
    if len(arguments) % 2 == 0:
        return error_value(VALUE)
    for name, value in zip(arguments[:-1:2], arguments[1::2]):
        if not isinstance(name, Name):
            return error_value(VALUE)
        context = context.with_variables({name.name.casefold(): context.evaluate(value)})
    return context.evaluate(arguments[-1])


@function("LAMBDA", 1)
def lambda_(context: Context, arguments: Arguments) -> Result:
    """A function of the parameters, to be called or given to others."""
    parameters = tuple(argument for argument in arguments[:-1] if isinstance(argument, Name))
    if len(parameters) < len(arguments) - 1:
        return error_value(VALUE)
    return Lambda(parameters, arguments[-1], context)


# ---- applied to every element, row or column ---------------------------------------------------


@function("MAP", 2)
def map_(context: Context, arguments: Arguments) -> Result:
    """The function's value for each element of an array, or for the elements of several side by side."""
    context = context.in_array_mode()
    applied = function_of(context, arguments[-1], len(arguments) - 1)
    if isinstance(applied, Value):
        return applied
    arrays = [context.evaluate(argument) for argument in arguments[:-1]]
    sizes = [_size(array) for array in arrays]
    rows, columns = max(size[0] for size in sizes), max(size[1] for size in sizes)
    arrays = [
        array if size == (rows, columns) else _widened(context, array, rows, columns)
        for array, size in zip(arrays, sizes)
    ]
    parts = [_parts(array, context.count, 1, 1) for array in arrays]
    return _applied(context, applied, parts, rows, columns)


def _widened(context: Context, array: Result, rows: int, columns: int) -> Value:
    """The values of an array in the extent of a larger one: repeated if one row or column, else #N/A beyond."""
    value = context.dereference(array)
    return broadcast(value, (value.shape[0], rows, columns))


@function("BYROW", 2, 2)
def by_row(context: Context, arguments: Arguments) -> Result:
    """A function's value for each row of an array."""
    return _by_lines(context, arguments, along_rows=True)


@function("BYCOL", 2, 2)
def by_column(context: Context, arguments: Arguments) -> Result:
    """A function's value for each column of an array."""
    return _by_lines(context, arguments, along_rows=False)


def _by_lines(context: Context, arguments: Arguments, along_rows: bool) -> Result:
    context = context.in_array_mode()
    applied = function_of(context, arguments[1], 1)
    if isinstance(applied, Value):
        return applied
    array = context.evaluate(arguments[0])
    rows, columns = _size(array)
    lines = _parts(array, context.count, *((1, columns) if along_rows else (rows, 1)))
    given = array_of(lines) if isinstance(lines, Value) else lines
    return _applied(context, applied, [given], *((rows, 1) if along_rows else (1, columns)))


@function("MAKEARRAY", 3, 3)
def make_array(context: Context, arguments: Arguments) -> Result:
    """An array of a stated size from a function of the row and the column, counted from 1."""
    context = context.in_array_mode()
    applied = function_of(context, arguments[2], 2)
    if isinstance(applied, Value):
        return applied
    (rows, row_errors), (columns, column_errors) = integers(context, arguments[0]), integers(context, arguments[1])
    errors = first_error(row_errors, column_errors)
    if errors is not None:
        alike(errors)
        if errors[0]:
            return error_value(int(errors[0]))
    alike(rows)
    alike(columns)
    height, width = int(rows[0]), int(columns[0])
    if height < 1 or width < 1:
        return error_value(VALUE)
    check_size(context.count, height, width)
    row, column = np.divmod(np.tile(np.arange(height * width), context.count), width)
    positions: list[Result] = [Value((place + 1.0).reshape(-1, 1, 1)) for place in (row, column)]
    return _applied(context, applied, positions, height, width)


def _applied(
    context: Context, applied: Lambda, arguments: list[Result], rows: int, columns: int
) -> Value | LambdaArray:
    """An array of the function's values: `arguments` hold an element for each cell, row and column."""
    check_size(context.count, rows, columns)
    every = np.repeat(np.arange(context.count), rows * columns)
    value = _scalars(context.select(every), applied.select(every), arguments)
    if isinstance(value, Lambda):
        return LambdaArray(value, rows, columns)
    spread = broadcast(value, (context.count * rows * columns, 1, 1))
    return rearranged(spread, np.arange(spread.shape[0]).reshape(context.count, rows, columns))


def _scalars(context: Context, applied: Lambda, arguments: list[Result]) -> Value | Lambda:
    """The function's value for each cell of a batch; halves of it where areas differ in size or are large."""
    try:
        result = apply(context, applied, arguments)
        if isinstance(result, Lambda):
            return result
        value = context.dereference(result)
        return value if value.shape[1:] == (1, 1) else error_value(CALC)
    except Split as split:
        if context.count == 1:
            raise
        groups = split.groups(context.count)
    parts: list[tuple[np.ndarray, Result]] = []
    for index in groups:
        given = [_selected(each, index) for each in arguments]
        parts.append((index, _scalars(context.select(index), applied.select(index), given)))
    whole = together(parts, context.count)
    return whole if isinstance(whole, Value) else error_value(CALC)


def _selected(result: Result, index: np.ndarray) -> Result:
    if not isinstance(result, Value):
        return result.select(index)
    chosen = rearranged(result, np.arange(result.number.size).reshape(result.shape)[index])
    return array_of(chosen) if isinstance(result, OneElementArray) else chosen


def _size(array: Result) -> tuple[int, int]:
    if isinstance(array, Reference):
        alike(array.height)
        alike(array.width)
        return int(array.height[0]), int(array.width[0])
    return (array.shape[1], array.shape[2]) if isinstance(array, Value) else (1, 1)


def _parts(array: Result, count: int, height: int, width: int) -> Result:
    """Each cell's array cut into pieces of one size, row by row: a batch of all the pieces.

    The pieces of a reference are references, as in Excel: ROW and ISFORMULA see them as such.
    """
    if isinstance(array, Reference):
        down, across = np.divmod(
            np.arange(array.height[0] // height * (array.width[0] // width)), array.width[0] // width
        )
        whole = array.select(np.zeros(count, np.intp)) if array.count == 1 else array
        top = (np.broadcast_to(whole.top, (count,))[:, None] + down * height).reshape(-1)
        left = (np.broadcast_to(whole.left, (count,))[:, None] + across * width).reshape(-1)
        errors = None if array.errors is None else np.repeat(np.broadcast_to(array.errors, (count,)), len(down))
        return Reference(array.sheet, top, left, np.array([height]), np.array([width]), errors, array.dynamic)
    if not isinstance(array, Value):
        return error_value(VALUE) if isinstance(array, Areas) else error_value(CALC)
    _, rows, columns = array.shape
    index = np.broadcast_to(np.arange(array.number.size).reshape(array.shape), (count, rows, columns))
    blocks = index.reshape(count, rows // height, height, columns // width, width).swapaxes(2, 3)
    return rearranged(array, blocks.reshape(-1, height, width))


def function_of(context: Context, node: Node, parameters: int) -> Lambda | Value:
    """The function an argument gives: a LAMBDA, or a worksheet function's name."""
    if isinstance(node, Name):
        name = node.name.lower().removeprefix(_FUNCTION_NAME_PREFIX).upper()
        known = node.name.casefold() in context.variables or context.workspace.scope.name(node.name, context.sheet)
        if not known and name in context.workspace.functions:
            names = tuple(Name(f"argument {position}") for position in range(parameters))
            return Lambda(names, Call(name, names), context)
    result = context.evaluate(node)
    if isinstance(result, Lambda):
        return result
    return result if isinstance(result, Value) and result.errors() is not None else error_value(VALUE)


# ---- from element to element -------------------------------------------------------------------


@function("REDUCE", 2, 3)
def reduce(context: Context, arguments: Arguments) -> Result:
    """The value that goes through all elements, row by row: each step makes the next of it."""
    return _through(context, arguments, keep_all=False)


@function("SCAN", 2, 3)
def scan(context: Context, arguments: Arguments) -> Result:
    """The value that goes through all elements, as it was after each of them."""
    return _through(context, arguments, keep_all=True)


def _through(context: Context, arguments: Arguments, keep_all: bool) -> Result:
    context = context.in_array_mode()
    applied = function_of(context, arguments[-1], 2)
    if isinstance(applied, Value):
        return applied
    rows, columns, elements = _elements_of(context, arguments[-2])
    states: list[Value] = []
    if len(arguments) == 3 and not isinstance(arguments[0], Missing):
        state = context.array_value(arguments[0])
    else:  # without an initial value the first element is one
        state = context.dereference(next(elements))
        states.append(state)
    for element in elements:
        state = context.dereference(apply(context, applied, [state, element]))
        if keep_all:
            states.append(state)
    return as_array(states, rows, columns) if keep_all else state


def _elements_of(context: Context, node: Node) -> tuple[int, int, Iterator[Result]]:
    """Rows and columns of an array, and its elements one after the other, each that of all cells."""
    result = context.evaluate(node)
    if isinstance(result, LambdaArray):
        functions = result
        return functions.rows, functions.columns, (functions.element(i) for i in range(functions.size))
    values = context.dereference(result)
    check_size(context.count, *values.shape[1:])
    places = np.arange(values.number.size).reshape(values.shape[0], -1)
    elements = (rearranged(values, places[:, i, None, None]) for i in range(places.shape[1]))
    return values.shape[1], values.shape[2], elements


def as_array(states: list[Value], rows: int, columns: int) -> Value:
    if any(state.shape[1:] != (1, 1) for state in states):
        return error_value(CALC)
    count = max(state.shape[0] for state in states)
    spread = [broadcast(state, (count, 1, 1)) for state in states]
    number = ops.concatenate([state.number for state in spread], axis=1)
    kind = np.concatenate([state.kinds for state in spread], axis=1)
    text = np.concatenate([state.texts for state in spread], axis=1)
    index = np.arange(count * rows * columns).reshape(count, rows, columns)
    return rearranged(Value(number, kind, text), index)
