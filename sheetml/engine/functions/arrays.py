"""Functions of whole arrays: sums of products and matrix algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.division import alike
from sheetml.engine.evaluate import Arguments, Context, Result, first_element
from sheetml.engine.functions.elements import shared_integer
from sheetml.engine.functions.growing import Stretched, stretched
from sheetml.engine.functions.lookup import argument, value_or
from sheetml.engine.functions.registry import MOST, error_of_any, finished, function, over_arrays, spread
from sheetml.engine.sizes import ELEMENTS_MADE, Split, check_size
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, value_of
from sheetml.engine.values import (
    CALC,
    DIV0,
    ERROR,
    NA,
    NUM,
    NUMBER,
    TEXT,
    VALUE,
    Errors,
    Value,
    error_value,
    error_where,
    first_error,
    number_value,
)
from sheetml.errors import CalculationError
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS


@function("SUMPRODUCT", 1, MOST)
def sum_of_products(context: Context, arguments: Arguments) -> Result:
    """Products element by element, summed; what is no number counts as 0."""
    grown = stretched(context, arguments)
    found = None if grown is None else _growing_sums(grown, arguments)
    if found is not None:
        return found
    return finished(_sum_of_products([context.array_value(argument) for argument in arguments]))


def _sum_of_products(values: list[Value]) -> Any:
    if len({value.shape[1:] for value in values}) > 1:
        return error_value(VALUE)
    errors = error_of_any(*values)
    if values[0].shape[1:] == (1, 1):  # text that stands alone is not passed over
        errors = first_error(errors, *(error_where(value.kinds == TEXT, VALUE) for value in values))
    return _total(_summed(*_factors(values))), errors


def _factors(values: list[Value]) -> list[Array]:
    """What is multiplied and summed, (b, n): the last of the values, and before it the product of the others."""
    rows = [_flat(_numbers_only(value)) for value in values]
    product = rows[0]
    for row in rows[1:-1]:
        product = ops.multiply(product, row)
    return [product, rows[-1]] if len(rows) > 1 else [product]


def _summed(first: Array, second: Array | None = None) -> Array:
    return ops.sum(first, axis=1) if second is None else ops.vecdot(first, second)


def _growing_sums(grown: Stretched, arguments: Arguments) -> Value | None:
    """The sums over areas that grow: each adds the products that it has alone, which are computed once."""
    numbers, codes = np.zeros(grown.sizes.size), np.zeros(grown.sizes.size, np.uint8)
    for cells, which, context in grown.parts():
        try:
            values = [context.value(argument) for argument in arguments]
        except Split:
            return None
        if not all(map(grown.fits, values)):
            return None
        factors = [np.asarray(factor) for factor in _factors(values)]
        sizes = grown.sizes[cells]
        for cell, row, size in zip(cells.tolist(), which.tolist(), sizes.tolist()):
            numbers[cell] = np.asarray(_summed(*(_begin(factor, row, size) for factor in factors)))[0]
        for value in values:
            wrong = _first_errors(value, which, sizes)
            if wrong is not None:
                codes[cells] = np.where(codes[cells] != 0, codes[cells], wrong)
    return number_value(numbers.reshape(-1, 1, 1), codes.reshape(-1, 1, 1))


def _begin(array: np.ndarray, row: int, size: int) -> np.ndarray:
    """The first so many elements of a row, (1, size)."""
    row = row if len(array) > 1 else 0
    return array[row : row + 1, :size]


def _first_errors(value: Value, rows: np.ndarray, sizes: np.ndarray) -> np.ndarray | None:
    """The first error among the first so many elements of rows; a text that is the only one is one, too."""
    if value.kind is None:
        return None
    kinds = value.kind.reshape(value.shape[0], -1)
    rows = rows if len(kinds) > 1 else np.zeros_like(rows)
    wrong = kinds >= ERROR
    place = wrong.argmax(axis=1)[rows]
    code = kinds[rows, place].astype(np.int64) - ERROR
    found = np.where((code > 0) & (place < sizes), code, 0)
    return np.where((found == 0) & (sizes == 1) & (kinds[rows, 0] == TEXT), VALUE, found).astype(np.uint8)


def _numbers_only(value: Value) -> Array:
    return value.number if value.kind is None else ops.where(value.kind == NUMBER, value.number, 0.0)


def _flat(array: Array) -> Array:
    return ops.reshape(array, (array.shape[0], array.shape[1] * array.shape[2]))


def _total(sums: Array) -> Array:
    return ops.reshape(sums, (sums.size, 1, 1))


def over_pairs(name: str, about: str) -> Callable[[Callable[[Array, Array], Array]], Callable[[Array, Array], Array]]:
    """Registers a sum over pairs of numbers; a pair is left out where either is not a number.

    Without any pair it is #DIV/0!.
    """

    def register(compute: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
        @over_arrays(name, 2, about=about)
        def evaluate(left: Value, right: Value) -> Any:
            x, y, errors = paired(left, right)
            return _total(compute(x, y)), first_error(errors, error_where(without_pairs(left, right), DIV0))

        return compute

    return register


def paired(left: Value, right: Value) -> tuple[Array, Array, Errors]:
    """The pairs of numbers of two arrays, (b, n) each, both 0 where either is not a number.

    #N/A where the arrays differ in size.
    """
    x, y, _, errors = paired_where(left, right)
    return x, y, errors


def paired_where(left: Value, right: Value) -> tuple[Array, Array, np.ndarray | None, Errors]:
    """The same, and which pairs there are: (b, n), None where all are."""
    errors = error_of_any(left, right)
    size = left.shape[1] * left.shape[2]
    if size != right.shape[1] * right.shape[2]:
        wrong = np.full((1, 1, 1), NA, np.uint8)
        return np.zeros((1, 1)), np.zeros((1, 1)), None, first_error(errors, wrong)
    x, y = _flat(left.number), _flat(right.number)
    if left.kind is None and right.kind is None:
        return x, y, None, errors
    numeric = (left.kinds == NUMBER).reshape(-1, size) & (right.kinds == NUMBER).reshape(-1, size)
    if (numeric == numeric[:1]).all():
        # the same pairs are there in every cell: the others can be dropped for good
        keep = np.nonzero(numeric[0])[0]
        return _columns(x, keep), _columns(y, keep), None, errors
    return ops.where(numeric, x, 0.0), ops.where(numeric, y, 0.0), numeric, errors


def without_pairs(left: Value, right: Value) -> np.ndarray | None:
    """Where two arrays have no pair of numbers at all, (b, 1, 1); None where they all have."""
    size = left.shape[1] * left.shape[2]
    if (left.kind is None and right.kind is None) or size != right.shape[1] * right.shape[2]:
        return None
    numeric = (left.kinds == NUMBER).reshape(-1, size) & (right.kinds == NUMBER).reshape(-1, size)
    empty = ~numeric.any(axis=1).reshape(-1, 1, 1)
    return empty if empty.any() else None


def _columns(array: Array, keep: np.ndarray) -> Array:
    return ops.take(array, np.arange(array.shape[0])[:, None] * array.shape[1] + keep)


@over_pairs("SUMXMY2", "The sum of the squared differences of pairs of numbers.")
def sum_of_squared_differences(x: Array, y: Array) -> Array:
    difference = ops.subtract(x, y)
    return ops.vecdot(difference, difference)


@over_pairs("SUMX2MY2", "The sum of the differences of squares of pairs of numbers.")
def sum_of_differences_of_squares(x: Array, y: Array) -> Array:
    return ops.subtract(ops.vecdot(x, x), ops.vecdot(y, y))


@over_pairs("SUMX2PY2", "The sum of the squares of pairs of numbers.")
def sum_of_sums_of_squares(x: Array, y: Array) -> Array:
    return ops.add(ops.vecdot(x, x), ops.vecdot(y, y))


# ---- matrices ------------------------------------------------------------------------------------


@over_arrays("MMULT", 2)
def matrix_product(left: Value, right: Value) -> Any:
    """The product of two matrices."""
    errors = _no_numbers(left, right)
    if left.shape[2] != right.shape[1]:
        errors = first_error(errors, _value_error())
    if errors is not None and errors.all():
        return np.zeros((1, 1, 1)), errors
    x, y = _numbers_only(left), _numbers_only(right)
    if x.shape[1] == 1 and y.shape[2] == 1:
        # one row by one column a cell, the commonest case: vecdot is much faster than matmul there
        dot = ops.vecdot(ops.reshape(x, (x.shape[0], x.shape[2])), ops.reshape(y, (y.shape[0], y.shape[1])))
        return ops.reshape(dot, (dot.size, 1, 1)), errors
    return _of_each_cell(ops.matmul(x, y), errors)


def _no_numbers(*values: Value) -> Errors:
    """The error, (b, 1, 1), of a cell whose matrices hold an error, or (#VALUE!) anything else but numbers."""
    errors = error_of_any(*values)
    for value in values:
        if value.kind is not None:
            errors = first_error(errors, error_where((value.kind != NUMBER).any(axis=(1, 2), keepdims=True), VALUE))
    return errors


def _of_each_cell(matrix: Array, errors: Errors) -> tuple[Array, Errors]:
    """Matrices with the errors, (b, 1, 1), of cells that have none; numbers too large are #NUM!.

    An error is one value, not a matrix of them: cells with and without one are computed apart.
    """
    infinite = ~np.isfinite(value_of(matrix)).all(axis=(1, 2), keepdims=True)
    errors = first_error(errors, error_where(infinite if infinite.any() else None, NUM))
    if errors is None or not errors.any():
        return matrix, None
    alike(np.broadcast_to(errors != 0, (matrix.shape[0], 1, 1)))
    return np.zeros((1, 1, 1)), errors


def _value_error() -> np.ndarray:
    return np.full((1, 1, 1), VALUE, np.uint8)


@over_arrays("TRANSPOSE", 1)
def transposed(value: Value) -> Value:
    """Rows as columns and columns as rows."""
    return Value(
        ops.transpose(value.number, axes=(0, 2, 1)),
        None if value.kind is None else value.kind.transpose(0, 2, 1),
        None if value.text is None else value.text.transpose(0, 2, 1),
    )


@function("MUNIT", 1, 1)
def unit_matrix(context: Context, arguments: Arguments) -> Result:
    """The unit matrix of a size."""
    size = shared_integer(context, arguments[0])
    if size < 1:
        return error_value(VALUE)
    check_size(context.count, size, size)
    return Value(np.eye(size)[None])


@over_arrays("MINVERSE", 1)
def inverse_matrix(matrix: Value) -> Any:
    """The inverse of a square matrix; #NUM! if it has none."""
    errors = _unless_square(matrix)
    if errors is not None and errors.all():
        return np.zeros((1, 1, 1)), errors
    number = _numbers_only(matrix)
    singular = np.array([not _is_invertible(own) for own in value_of(number)]).reshape(-1, 1, 1)
    if singular.any():
        number = ops.where(singular, np.eye(matrix.shape[1])[None], number)
    return _of_each_cell(
        ops.inverse(number), first_error(errors, error_where(singular if singular.any() else None, NUM))
    )


@over_arrays("MDETERM", 1)
def determinant(matrix: Value) -> Any:
    """The determinant of a square matrix."""
    errors = _unless_square(matrix)
    if errors is not None and errors.all():
        return np.zeros((1, 1, 1)), errors
    return _total(ops.determinant(_numbers_only(matrix))), errors


def _unless_square(matrix: Value) -> Errors:
    """The error, (b, 1, 1), where the value is not a square matrix of numbers."""
    if matrix.shape[1] != matrix.shape[2]:
        return first_error(error_of_any(matrix), _value_error())
    if matrix.shape[1] ** 2 > ELEMENTS_MADE:
        raise CalculationError(f"a matrix of {matrix.shape[1]} rows is too large to compute with")
    return _no_numbers(matrix)


def _is_invertible(matrix: np.ndarray) -> bool:
    try:
        return bool(np.isfinite(np.linalg.inv(matrix)).all())
    except np.linalg.LinAlgError:
        return False


# ---- made of a few numbers -----------------------------------------------------------------------


@function("SEQUENCE", 1, 4)
def sequence(context: Context, arguments: Arguments) -> Result:
    """An array of numbers in equal steps, row by row, each the one before it and a step."""
    rows = shared_integer(context, arguments[0], 1)
    columns = shared_integer(context, argument(arguments, 1), 1)
    if rows < 0 or columns < 0 or rows > MAX_ROWS or columns > MAX_COLUMNS:
        return error_value(VALUE)
    if rows == 0 or columns == 0:
        return error_value(CALC)
    check_size(context.count, rows, columns)
    start, step = (value_or(context, argument(arguments, place), 1.0) for place in (2, 3))

    def compute(start: Array, step: Array) -> Array:
        count = max(start.shape[0], step.shape[0])
        steps = [ops.broadcast_to(ops.reshape(start, (start.shape[0], 1)), (count, 1))]
        if rows * columns > 1:
            steps.append(ops.broadcast_to(ops.reshape(step, (step.shape[0], 1)), (count, rows * columns - 1)))
        return ops.reshape(ops.cumulative_sum(ops.concatenate(steps, axis=1)), (count, rows, columns))

    return spread(compute, ("number", "number"), [first_element(start), first_element(step)])
