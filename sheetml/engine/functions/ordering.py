"""Rows (or columns) of an array in order, by conditions, and each only once."""

from __future__ import annotations

from functools import partial

import numpy as np

from sheetml.engine.division import Refused, alike, refuse_errors
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.elements import (
    Elements,
    decided,
    places,
    ranks,
    refuse_where,
    same_for_all,
    shared_integers,
    shared_truth,
)
from sheetml.engine.functions.lookup import argument
from sheetml.engine.functions.registry import function
from sheetml.engine.tracing.graph import concrete
from sheetml.engine.values import BLANK, CALC, VALUE, Value, as_boolean, error_value
from sheetml.formula.tree import Missing, Node

ASCENDING, DESCENDING = 1, -1


def lines_taken(value: Value, lines: list[np.ndarray], columns: bool) -> Value:
    """The rows, or the columns, of each cell's array by their numbers, (b or 1) lists of them."""
    index = places(value)
    return Elements(value).laid_out(same_for_all([index.take(own, 1 if columns else 0) for own in lines]))


@function("FILTER", 2, 3)
def filter_(context: Context, arguments: Arguments) -> Result:
    """The rows (or columns) of an array beside which a condition is true."""
    value, condition = context.array_value(arguments[0]), context.array_value(arguments[1])
    tall = condition.shape[2] == 1 and condition.shape[1] == value.shape[1]
    if not tall and (condition.shape[1] != 1 or condition.shape[2] != value.shape[2]):
        return error_value(VALUE)
    truth, errors = as_boolean(condition)
    refuse_errors(errors)
    kept = [np.nonzero(row)[0] for row in concrete(truth).reshape(condition.shape[0], -1)]
    none = np.array([not len(own) for own in kept])
    alike(none)
    if none[0]:
        other = argument(arguments, 2)
        return error_value(CALC) if other is None or isinstance(other, Missing) else context.value(other)
    return lines_taken(value, kept, columns=not tall)


# ---- sorting -------------------------------------------------------------------------------------


def _order(keys: list[tuple[Value, int]]) -> list[np.ndarray]:
    """For each cell the order of lines by keys, the first key first; each a row or column of values, (b, R, C).

    Equal lines stay in their order; blanks come last, whatever the direction.
    """
    count = max(key.shape[0] for key, _ in keys)
    columns = []
    for key, direction in keys:
        own = decided("a place in order", partial(_ranked, key.kinds, key.texts, direction), key)
        columns.append(np.broadcast_to(own, (count, own.shape[1])))
    return [np.lexsort([column[cell] for column in reversed(columns)]) for cell in range(count)]


def _ranked(kinds: np.ndarray, texts: np.ndarray, direction: int, number: np.ndarray) -> np.ndarray:
    """The places in order of each cell's elements, (b, n)."""
    rows = zip(*(array.reshape(kinds.shape[0], -1) for array in (number, kinds, texts)))
    result = np.stack([ranks(*row) for row in rows])
    if direction == DESCENDING:
        last = result.max(axis=1, initial=0)[:, None] + 1
        result = np.where(kinds.reshape(result.shape) == BLANK, last, -result)
    return result


def _directions(context: Context, node: Node | None) -> list[int]:
    """The directions of a sort, -1 or 1."""
    directions = [ASCENDING] if node is None or isinstance(node, Missing) else shared_integers(context, node)
    if not all(direction in (ASCENDING, DESCENDING) for direction in directions):
        raise Refused(VALUE)
    return directions


@function("SORT", 1, 4)
def sort(context: Context, arguments: Arguments) -> Result:
    """The rows (or columns) of an array in order of one of its columns (rows), or of several."""
    value = context.array_value(arguments[0])
    second = argument(arguments, 1)
    numbers = [1] if second is None or isinstance(second, Missing) else shared_integers(context, second)
    directions = _directions(context, argument(arguments, 2))
    by_column = shared_truth(context, argument(arguments, 3))
    size = value.shape[1] if by_column else value.shape[2]
    if not all(1 <= place <= size for place in numbers) or len(directions) not in (1, len(numbers)):
        return error_value(VALUE)
    directions = directions * len(numbers) if len(directions) == 1 else directions
    index, elements = places(value), Elements(value)
    lines = [index[place - 1 : place] if by_column else index[:, place - 1 : place] for place in numbers]
    keys = [(elements.laid_out(line), direction) for line, direction in zip(lines, directions)]
    return lines_taken(value, _order(keys), columns=by_column)


@function("SORTBY", 2)
def sort_by(context: Context, arguments: Arguments) -> Result:
    """The rows (or columns) of an array in the order of other values beside them."""
    value = context.array_value(arguments[0])
    keys: list[tuple[Value, int]] = []
    tall: bool | None = None
    for place in range(1, len(arguments), 2):
        key = context.array_value(arguments[place])
        directions = _directions(context, argument(arguments, place + 1))
        own = key.shape[2] == 1 and key.shape[1] == value.shape[1]
        if not own and (key.shape[1] != 1 or key.shape[2] != value.shape[2]):
            return error_value(VALUE)
        if tall not in (None, own) or len(directions) > 1:
            return error_value(VALUE)
        tall = own
        keys.append((key, directions[0]))
    return lines_taken(value, _order(keys), columns=not tall)


# ---- each only once ------------------------------------------------------------------------------


@function("UNIQUE", 1, 3)
def unique(context: Context, arguments: Arguments) -> Result:
    """The rows (or columns) of an array, each only once, or only those that occur exactly once."""
    value = context.array_value(arguments[0])
    by_column = shared_truth(context, argument(arguments, 1))
    once = shared_truth(context, argument(arguments, 2))
    shape = value.shape

    def compute(number: np.ndarray) -> np.ndarray:
        return np.stack([ranks(*row) for row in zip(number.reshape(shape), value.kinds, value.texts)])

    codes = decided("a value met before", compute, value)
    lines = [_first_lines(rows.T if by_column else rows, once) for rows in codes]
    refuse_where(np.array([not len(own) for own in lines]), CALC)
    return lines_taken(value, lines, columns=by_column)


def _first_lines(codes: np.ndarray, once: bool) -> np.ndarray:
    """Where each distinct row first stands."""
    _, first, counts = np.unique(codes, axis=0, return_index=True, return_counts=True)
    return np.sort(first[counts == 1] if once else first)
