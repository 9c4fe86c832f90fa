"""Lookup and reference: positions, cells at a distance, tables."""

from __future__ import annotations

import numpy as np

from sheetml.engine.areas import moved
from sheetml.engine.evaluate import Context, Result
from sheetml.engine.functions.registry import Arguments, function
from sheetml.engine.graph import concrete
from sheetml.engine.values import (
    NA,
    VALUE,
    Errors,
    Value,
    as_number,
    error_where,
    first_error,
    number_value,
)
from sheetml.formula.tree import Missing, Node


def integers(context: Context, node: Node | None, default: int = 0) -> tuple[np.ndarray, Errors]:
    """An argument as whole numbers, one a cell, (b,): positions, sizes, choices. Cut off, not rounded."""
    if node is None:
        return np.array([default]), None
    number, errors = as_number(context.value(node))
    whole = np.trunc(np.clip(concrete(number), -2e9, 2e9)).astype(np.int64)
    if whole.shape[1:] != (1, 1):
        return np.zeros(1, np.int64), np.array([VALUE], np.uint8)
    return whole.reshape(-1), None if errors is None else errors.reshape(-1)


@function("OFFSET", 3, 5, by_position=(0,))
def offset(context: Context, arguments: Arguments) -> Result:
    """The area so many rows and columns away, of the same or a stated size."""
    origin = context.reference(arguments[0])
    if isinstance(origin, Value):
        return origin
    rows, row_errors = integers(context, arguments[1])
    columns, column_errors = integers(context, arguments[2])
    height, height_errors = _size(context, arguments, 3, origin.height)
    width, width_errors = _size(context, arguments, 4, origin.width)
    errors = first_error(origin.errors, row_errors, column_errors, height_errors, width_errors)
    return moved(origin.sheet, origin.top + rows, origin.left + columns, height, width, errors)


def _size(context: Context, arguments: Arguments, position: int, default: np.ndarray) -> tuple[np.ndarray, Errors]:
    if position >= len(arguments) or isinstance(arguments[position], Missing):
        return default, None
    return integers(context, arguments[position])


@function("MATCH", 2, 3)
def match(context: Context, arguments: Arguments) -> Result:
    wanted = context.value(arguments[0])
    table = context.array_value(arguments[1])
    rule, errors = integers(context, arguments[2] if len(arguments) > 2 else None, 1)
    ranks = np.where(wanted.number >= table.number.reshape(table.shape[0], 1, -1), 1, 0)
    position = ranks.sum(axis=2, keepdims=True)
    return number_value(position, error_where(position == 0, NA))
