"""Mathematics: elementary functions, rounding, and sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine import graph as ops
from sheetml.engine.evaluate import raised
from sheetml.engine.functions.registry import Sample, aggregate, elementwise
from sheetml.engine.graph import Array, violated
from sheetml.engine.values import NUM, Errors, error_where


def within(domain_left: Any, x: Array, safe: float) -> tuple[Array, Errors]:
    """The operand with `safe` where it has left the function's domain, and #NUM! there."""
    outside = violated(domain_left)
    if outside is None:
        return x, None
    return ops.where(outside, safe, x), error_where(outside, NUM)


@elementwise("ABS", "number")
def absolute(x: Array) -> Array:
    return ops.absolute(x)


@elementwise("SQRT", "number")
def square_root(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.less(x, 0.0), x, 1.0)
    return ops.sqrt(x), errors


@elementwise("EXP", "number")
def exponential(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return ops.exp(x)


@elementwise("LN", "number")
def natural_logarithm(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.less_equal(x, 0.0), x, 1.0)
    return ops.log(x), errors


@elementwise("POWER", "number", "number")
def to_the_power(x: Array, y: Array) -> tuple[Array, Errors]:
    return raised(x, y)


@elementwise("INT", "number")
def whole_number_below(x: Array) -> Any:
    return floor(x)


floor = ops.undifferentiable("INT", np.floor)


@aggregate("SUM")
def total(sample: Sample) -> Array:
    return ops.sum(sample.number, axis=1)


@aggregate("SUMSQ")
def total_of_squares(sample: Sample) -> Array:
    return ops.vecdot(sample.number, sample.number)
