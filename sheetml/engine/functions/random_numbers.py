"""Random numbers: new ones at each calculation, the same again for the same seed."""

from __future__ import annotations

import numpy as np

from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.elements import shared_integer
from sheetml.engine.functions.lookup import argument, value_or
from sheetml.engine.functions.registry import function
from sheetml.engine.sizes import check_size
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import concrete
from sheetml.engine.values import (
    NUM,
    VALUE,
    Value,
    as_boolean,
    as_number,
    error_value,
    error_where,
    first_error,
    number_value,
)


@function("RAND", 0, 0, volatile=True)
def random_number(context: Context, arguments: Arguments) -> Result:
    """A random number of at least 0 and less than 1."""
    return Value(context.workspace.random.random((context.count, 1, 1)))


@function("RANDBETWEEN", 2, 2, volatile=True)
def random_integer(context: Context, arguments: Arguments) -> Result:
    """A random whole number between two, both included."""
    low, low_errors = context.number(arguments[0])
    high, high_errors = context.number(arguments[1])
    shape = np.broadcast_shapes(np.shape(ops.value_of(low)), np.shape(ops.value_of(high)), (context.count, 1, 1))
    smallest, largest = np.ceil(concrete(low)), np.floor(concrete(high))
    draws = context.workspace.random.random(shape)
    numbers = smallest + np.floor(draws * np.maximum(largest - smallest + 1, 1))
    return number_value(numbers, first_error(low_errors, high_errors, error_where(smallest > largest, NUM)))


@function("RANDARRAY", 0, 5, volatile=True)
def random_array(context: Context, arguments: Arguments) -> Result:
    """An array of random numbers between two, or of whole ones."""
    rows = shared_integer(context, argument(arguments, 0), 1)
    columns = shared_integer(context, argument(arguments, 1), 1)
    if rows < 1 or columns < 1:
        return error_value(VALUE)
    check_size(context.count, rows, columns)
    low, low_errors = as_number(value_or(context, argument(arguments, 2), 0.0))
    high, high_errors = as_number(value_or(context, argument(arguments, 3), 1.0))
    whole, whole_errors = as_boolean(value_or(context, argument(arguments, 4), 0.0))
    smallest, largest, integers = concrete(low), concrete(high), concrete(whole)
    broken = (smallest != np.floor(smallest)) | (largest != np.floor(largest))
    wrong = (smallest > largest) | (integers & broken)
    draws = context.workspace.random.random((context.count, rows, columns))
    numbers = smallest + np.where(integers, np.floor(draws * (largest - smallest + 1)), draws * (largest - smallest))
    return number_value(numbers, first_error(low_errors, high_errors, whole_errors, error_where(wrong, VALUE)))
