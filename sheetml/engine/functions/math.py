"""Mathematics: elementary functions, remainders, sums and products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.division import alike
from sheetml.engine.evaluate import Arguments, Context, Result, divided, raised
from sheetml.engine.functions.registry import (
    Sample,
    added_up,
    aggregate,
    elementwise,
    first_of_each_cell,
    function,
    of_sample,
    sample_of,
    spread,
    strict_value,
)
from sheetml.engine.precision import EXCESS_OF_PI, NEAR_ZERO
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, Traced, violated
from sheetml.engine.values import (
    DIV0,
    NUM,
    Errors,
    Value,
    error_where,
    first_error,
)


def within(outside_domain: Any, x: Array, safe: float, *, flagged: bool = True) -> tuple[Array, Errors]:
    """The operand with `safe` where it has left the function's domain, and #NUM! there."""
    outside = violated(outside_domain, flagged=flagged)
    if outside is None:
        return x, None
    return ops.where(outside, safe, x), error_where(outside, NUM)


# ---- elementary functions ----------------------------------------------------------------------


def _reduced(compute: Callable[[Array], Array], slope: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Sine or cosine as Excel has it, by its derivative; a derivative is taken of the function itself."""

    def evaluate(x: Array) -> Array:
        result = compute(x)
        if isinstance(result, Traced):
            return result
        near = np.abs(result) < NEAR_ZERO
        if not near.any():
            return result
        return ops.subtract(result, ops.multiply(np.where(near, EXCESS_OF_PI, 0.0), ops.multiply(x, slope(x))))

    return evaluate


_sine = _reduced(ops.sin, ops.cos)
_cosine = _reduced(ops.cos, lambda x: ops.negative(ops.sin(x)))


def _tangent(x: Array) -> Array:
    result = ops.tan(x)
    if isinstance(result, Traced):
        return result
    size = np.abs(result)
    usual = (size > NEAR_ZERO) & (size < 1 / NEAR_ZERO)
    return result if usual.all() else np.where(usual, result, ops.divide(_sine(x), _cosine(x)))


def _register_unary(name: str, about: str, compute: Callable[[Array], Array]) -> None:
    @elementwise(name, "number", about=about)
    def evaluate(x: Array) -> Array:
        with np.errstate(over="ignore"):
            return compute(x)


_UNARY: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "ABS": ("The size of a number, without its sign.", ops.absolute),
    "EXP": ("The number e raised to a power.", ops.exp),
    "SIGN": ("1, 0 or -1, by a number's sign.", ops.sign),
    "SIN": ("The sine of an angle in radians.", _sine),
    "COS": ("The cosine of an angle in radians.", _cosine),
    "TAN": ("The tangent of an angle in radians.", _tangent),
    "ATAN": ("The angle whose tangent it is.", ops.arctan),
    "SINH": ("The hyperbolic sine.", ops.sinh),
    "COSH": ("The hyperbolic cosine.", ops.cosh),
    "TANH": ("The hyperbolic tangent.", ops.tanh),
    "ASINH": ("The inverse hyperbolic sine.", ops.arcsinh),
    "SEC": ("The secant of an angle.", lambda x: ops.divide(1.0, _cosine(x))),
    "SECH": ("The hyperbolic secant.", lambda x: ops.divide(1.0, ops.cosh(x))),
    "DEGREES": ("Radians in degrees.", lambda x: ops.multiply(180 / math.pi, x)),
    "RADIANS": ("Degrees in radians.", lambda x: ops.multiply(math.pi / 180, x)),
}
for _name, (_about, _compute) in _UNARY.items():
    _register_unary(_name, _about, _compute)


@elementwise("SQRT", "number")
def square_root(x: Array) -> tuple[Array, Errors]:
    """The square root."""
    x, errors = within(ops.less(x, 0.0), x, 1.0)
    return ops.sqrt(x), errors


@elementwise("SQRTPI", "number")
def square_root_of_pi_times(x: Array) -> tuple[Array, Errors]:
    """The square root of pi times a number."""
    return square_root(ops.multiply(math.pi, x))


@elementwise("LN", "number")
def natural_logarithm(x: Array) -> tuple[Array, Errors]:
    """The natural logarithm."""
    x, errors = within(ops.less_equal(x, 0.0), x, 1.0)
    return ops.log(x), errors


@elementwise("LOG10", "number")
def common_logarithm(x: Array) -> tuple[Array, Errors]:
    """The logarithm to base 10."""
    x, errors = within(ops.less_equal(x, 0.0), x, 1.0)
    return ops.log10(x), errors


@elementwise("LOG", "number", "number", defaults=(10.0,))
def logarithm(x: Array, base: Array) -> tuple[Array, Errors]:
    """The logarithm to any base. LOG(8,2) is exactly 3 in Excel: bases 10 and 2 have their own logarithms."""
    x, wrong = within(ops.less_equal(x, 0.0), x, 1.0)
    base, wrong_base = within(ops.less_equal(base, 0.0), base, 10.0)
    if isinstance(base, np.ndarray) and (base == 10.0).all():
        return ops.log10(x), first_error(wrong, wrong_base)
    if isinstance(base, np.ndarray) and (base == 2.0).all() and isinstance(x, np.ndarray):
        return np.log2(x), first_error(wrong, wrong_base)
    quotient, zero = divided(ops.log(x), ops.log(base))
    return quotient, first_error(wrong, wrong_base, zero)


@elementwise("POWER", "number", "number")
def to_the_power(x: Array, y: Array) -> tuple[Array, Errors]:
    """A number raised to a power."""
    return raised(x, y)


@elementwise("ASIN", "number")
def arcsine(x: Array) -> tuple[Array, Errors]:
    """The angle whose sine it is."""
    x, errors = within(ops.greater(ops.absolute(x), 1.0), x, 0.0)
    return ops.arcsin(x), errors


@elementwise("ACOS", "number")
def arccosine(x: Array) -> tuple[Array, Errors]:
    """The angle whose cosine it is."""
    x, errors = within(ops.greater(ops.absolute(x), 1.0), x, 0.0)
    return ops.arccos(x), errors


@elementwise("ACOSH", "number")
def inverse_hyperbolic_cosine(x: Array) -> tuple[Array, Errors]:
    """The inverse hyperbolic cosine."""
    x, errors = within(ops.less(x, 1.0), x, 2.0)
    return ops.arccosh(x), errors


@elementwise("ATANH", "number")
def inverse_hyperbolic_tangent(x: Array) -> tuple[Array, Errors]:
    """The inverse hyperbolic tangent."""
    x, errors = within(ops.greater_equal(ops.absolute(x), 1.0), x, 0.0)
    return ops.arctanh(x), errors


@elementwise("ATAN2", "number", "number")
def angle_of_point(x: Array, y: Array) -> tuple[Array, Errors]:
    """The angle of a point. Excel's order is x before y."""
    origin = violated(ops.logical_and(ops.equal(x, 0.0), ops.equal(y, 0.0)), flagged=False)
    return ops.arctan2(y, x), error_where(origin, DIV0)


@elementwise("ACOT", "number")
def arccotangent(x: Array) -> Array:
    """The angle whose cotangent it is."""
    return ops.subtract(math.pi / 2, ops.arctan(x))


def _register_reciprocal(name: str, about: str, compute: Callable[[Array], Array]) -> None:
    @elementwise(name, "number", about=about)
    def evaluate(x: Array) -> tuple[Array, Errors]:
        return divided(np.ones(np.shape(ops.value_of(x))), compute(x))


_register_reciprocal("CSC", "The cosecant of an angle.", _sine)
_register_reciprocal("CSCH", "The hyperbolic cosecant.", ops.sinh)
_register_reciprocal("COT", "The cotangent of an angle.", _tangent)
_register_reciprocal("COTH", "The hyperbolic cotangent.", ops.tanh)


@elementwise("ACOTH", "number")
def inverse_hyperbolic_cotangent(x: Array) -> tuple[Array, Errors]:
    """The inverse hyperbolic cotangent."""
    x, errors = within(ops.less_equal(ops.absolute(x), 1.0), x, 2.0, flagged=False)
    return ops.arctanh(ops.divide(1.0, x)), errors


@function("PI", 0, 0)
def pi(context: Context, arguments: Arguments) -> Result:
    """The number pi."""
    return Value(np.full((1, 1, 1), math.pi))


# ---- remainders -------------------------------------------------------------------------------

floor_position = ops.position_of("floor", np.floor)


@elementwise("MOD", "number", "number")
def remainder(x: Array, y: Array) -> tuple[Array, Errors]:
    """The remainder x - y * floor(x / y), of the divisor's sign. Its derivative is that between the jumps."""
    zero = violated(ops.equal(y, 0.0))
    if zero is not None:
        y = ops.where(zero, 1.0, y)
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return np.mod(x, y), error_where(zero, DIV0)
    whole = floor_position(ops.divide(x, y))
    return ops.subtract(x, ops.multiply(y, whole)), error_where(zero, DIV0)


@elementwise("QUOTIENT", "strict", "strict", differentiable=False)
def integer_quotient(x: Array, y: Array) -> tuple[Array, Errors]:
    """The whole part of a quotient."""
    quotient, errors = divided(x, y)
    return ops.constant_between_jumps("QUOTIENT", np.trunc)(quotient), errors


# ---- sums --------------------------------------------------------------------------------------


@aggregate("SUM", running=lambda growing: growing.at_ends(np.add.accumulate(growing.number)))
def total(sample: Sample) -> Array:
    """The sum of all numbers."""
    return added_up(sample.number)


@aggregate("SUMSQ")
def total_of_squares(sample: Sample) -> Array:
    """The sum of the squares of all numbers."""
    return ops.vecdot(sample.number, sample.number)


def _products_of_others(x: np.ndarray) -> np.ndarray:
    """For each number of a row the product of all others, without dividing, as they may be 0."""
    before, after = np.ones_like(x), np.ones_like(x)
    np.cumprod(x[:, :-1], axis=1, out=before[:, 1:])
    np.cumprod(x[:, :0:-1], axis=1, out=after[:, -2::-1])
    return before * after


def _slope_of_others(gradient: Array, result: Array, x: Array) -> Array:
    """The derivative of the products of others: for each number those of the rows that lack another one."""
    rows, count = np.shape(ops.value_of(x))
    parts = []
    for i in range(count):
        others = np.arange(rows)[:, None] * count + np.delete(np.arange(count), i)[None, :]
        rest = ops.vecdot(ops.take(gradient, others), _others(ops.take(x, others))) if count > 1 else np.zeros(rows)
        parts.append(ops.reshape(rest, (rows, 1)))
    return ops.concatenate(parts, axis=1)


_others = ops.Primitive("products of others", _products_of_others, (_slope_of_others,), by_cell=True)
_product = ops.Primitive(
    "product",
    lambda x: np.multiply.reduce(x, axis=1),
    (lambda g, r, x: ops.multiply(ops.reshape(g, (g.size, 1)), _others(x)),),
    by_cell=True,
)


@aggregate("PRODUCT")
def product(sample: Sample) -> Array:
    """The product of all numbers; 0 where there are none at all."""
    result = _product(sample.filled(1.0))
    return ops.where(sample.count > 0, result, 0.0)


@function("PERCENTOF", 2, 2)
def share_of_total(context: Context, arguments: Arguments) -> Result:
    """The sum of some numbers as a share of the sum of all."""
    part, whole = (of_sample(total, sample_of(context, (argument,))) for argument in arguments)
    return spread(divided, ("number", "number"), [part, whole])


@function("SERIESSUM", 4, 4)
def power_series(context: Context, arguments: Arguments) -> Result:
    """A power series: coefficients times ascending powers of a number, summed."""
    x, first, step = (strict_value(context, argument) for argument in arguments[:3])
    coefficients = sample_of(context, arguments[3:])
    if coefficients.included is not None:
        alike(coefficients.included)  # what is left out shifts the powers of the others
    powers = np.arange(np.shape(ops.value_of(coefficients.number))[1], dtype=np.float64)[None, None, :]

    def compute(x: Array, first: Array, step: Array) -> tuple[Array, Errors]:
        exponents = ops.add(first, ops.multiply(step, powers))
        spread_x, undefined = raised(x, exponents)
        terms = ops.multiply(ops.reshape(coefficients.number, (-1, 1, powers.size)), spread_x)
        wrong = None if undefined is None else first_of_each_cell(undefined, undefined.shape[0])
        errors = first_error(coefficients.errors, wrong)
        total = ops.reshape(ops.sum(terms, axis=2), (-1, 1, 1))
        return total, None if errors is None else errors.reshape(-1, 1, 1)

    return spread(compute, ("strict", "strict", "strict"), [x, first, step])
