"""Statistics: counts, means, spread, order, distributions, regression."""

from __future__ import annotations

import numpy as np

from sheetml.engine import graph as ops
from sheetml.engine.areas import Areas, Reference
from sheetml.engine.evaluate import Context, Result
from sheetml.engine.functions.registry import Arguments, Sample, aggregate, function
from sheetml.engine.graph import Array
from sheetml.engine.values import DIV0, NUMBER, TEXT, Errors, Value, error_where, parse_number


def mean_of(sample: Sample) -> tuple[Array, Errors]:
    """The mean of each cell's numbers, (b,); #DIV/0! where there are none."""
    count = sample.count
    errors = error_where(count == 0, DIV0)
    return ops.divide(ops.sum(sample.number, axis=1), np.maximum(count, 1.0)), errors


@aggregate("AVERAGE")
def mean(sample: Sample) -> tuple[Array, Errors]:
    return mean_of(sample)


@function("COUNT", 1)
def count_of_numbers(context: Context, arguments: Arguments) -> Result:
    """How many numbers there are; errors and text are passed over."""
    total: np.ndarray = np.zeros((1, 1, 1))
    for argument in arguments:
        result = context.evaluate(argument)
        parts = result.parts if isinstance(result, Areas) else [result]
        for part in parts:
            direct = not isinstance(part, Reference)
            value = context.read_padded(part) if isinstance(part, Reference) else context.dereference(part)
            total = total + _numbers_in(value, direct and value.shape[1:] == (1, 1))
    return Value(total)


def _numbers_in(value: Value, direct: bool) -> np.ndarray:
    kinds = value.kinds
    counted = kinds == NUMBER
    if direct:
        # written into the formula itself, booleans and text that reads as a number count too
        counted = counted | (kinds == 2) | (kinds == 1)
        for place in zip(*np.nonzero(kinds == TEXT)):
            counted[place] = parse_number(value.texts[place]) is not None
    return counted.sum(axis=(1, 2), keepdims=True).astype(np.float64)
