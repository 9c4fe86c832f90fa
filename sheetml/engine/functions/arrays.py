"""Functions of whole arrays: sums of products and matrix algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine import graph as ops
from sheetml.engine.functions.registry import MOST, error_of_any, over_arrays
from sheetml.engine.graph import Array
from sheetml.engine.values import NA, NUMBER, VALUE, Errors, Value, error_value, first_error


@over_arrays("SUMPRODUCT", 1, MOST)
def sum_of_products(*values: Value) -> Any:
    """Products element by element, summed; what is no number counts as 0."""
    if len({value.shape[1:] for value in values}) > 1:
        return error_value(VALUE)
    errors = error_of_any(*values)
    rows = [_flat(_numbers_only(value)) for value in values]
    if len(rows) == 1:
        return _total(ops.sum(rows[0], axis=1)), errors
    product = rows[0]
    for row in rows[1:-1]:
        product = ops.multiply(product, row)
    return _total(ops.vecdot(product, rows[-1])), errors


def _numbers_only(value: Value) -> Array:
    return value.number if value.kind is None else ops.where(value.kind == NUMBER, value.number, 0.0)


def _flat(array: Array) -> Array:
    return ops.reshape(array, (array.shape[0], array.shape[1] * array.shape[2]))


def _total(sums: Array) -> Array:
    return ops.reshape(sums, (sums.size, 1, 1))


def over_pairs(name: str) -> Callable[[Callable[[Array, Array], Array]], Callable[[Array, Array], Array]]:
    """Registers a sum over pairs of numbers; a pair is left out where either is not a number."""

    def register(compute: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
        @over_arrays(name, 2)
        def evaluate(left: Value, right: Value) -> Any:
            x, y, errors = paired(left, right)
            return _total(compute(x, y)), errors

        return compute

    return register


def paired(left: Value, right: Value) -> tuple[Array, Array, Errors]:
    """The pairs of numbers of two arrays, (b, n) each, both 0 where either is not a number.

    #N/A where the arrays differ in size.
    """
    errors = error_of_any(left, right)
    size = left.shape[1] * left.shape[2]
    if size != right.shape[1] * right.shape[2]:
        wrong = np.full((1, 1, 1), NA, np.uint8)
        return np.zeros((1, 1)), np.zeros((1, 1)), first_error(errors, wrong)
    x, y = _flat(left.number), _flat(right.number)
    if left.kind is None and right.kind is None:
        return x, y, errors
    numeric = (left.kinds == NUMBER).reshape(-1, size) & (right.kinds == NUMBER).reshape(-1, size)
    if numeric.shape[0] == 1:
        keep = np.nonzero(numeric[0])[0]
        return _columns(x, keep), _columns(y, keep), errors
    return ops.where(numeric, x, 0.0), ops.where(numeric, y, 0.0), errors


def _columns(array: Array, keep: np.ndarray) -> Array:
    return ops.take(array, np.arange(array.shape[0])[:, None] * array.shape[1] + keep)


@over_pairs("SUMXMY2")
def sum_of_squared_differences(x: Array, y: Array) -> Array:
    difference = ops.subtract(x, y)
    return ops.vecdot(difference, difference)


@over_pairs("SUMX2MY2")
def sum_of_differences_of_squares(x: Array, y: Array) -> Array:
    return ops.subtract(ops.vecdot(x, x), ops.vecdot(y, y))


@over_pairs("SUMX2PY2")
def sum_of_sums_of_squares(x: Array, y: Array) -> Array:
    return ops.add(ops.vecdot(x, x), ops.vecdot(y, y))


@over_arrays("MMULT", 2)
def matrix_product(left: Value, right: Value) -> Any:
    if left.shape[2] != right.shape[1] or not _all_numbers(left, right):
        return error_value(VALUE)
    x, y = left.number, right.number
    if x.shape[1] == 1 and y.shape[2] == 1:
        # one row by one column a cell, the commonest case: vecdot is much faster than matmul there
        dot = ops.vecdot(ops.reshape(x, (x.shape[0], x.shape[2])), ops.reshape(y, (y.shape[0], y.shape[1])))
        return ops.reshape(dot, (dot.size, 1, 1))
    return ops.matmul(x, y)


def _all_numbers(*values: Value) -> bool:
    return all(value.kind is None or bool((value.kind == NUMBER).all()) for value in values)


@over_arrays("TRANSPOSE", 1)
def transposed(value: Value) -> Value:
    return Value(
        ops.transpose(value.number, axes=(0, 2, 1)),
        None if value.kind is None else value.kind.transpose(0, 2, 1),
        None if value.text is None else value.text.transpose(0, 2, 1),
    )
