"""Mathematics: elementary functions, rounding, sums, and random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine import graph as ops
from sheetml.engine.evaluate import Context, Result, divided, raised
from sheetml.engine.functions.registry import (
    Arguments,
    Sample,
    aggregate,
    elementwise,
    function,
    sample_of,
    spread,
)
from sheetml.engine.graph import Array, concrete, frozen, violated
from sheetml.engine.values import (
    DIV0,
    NUM,
    VALUE,
    Errors,
    Value,
    as_number,
    error_value,
    error_where,
    first_error,
    number_value,
)


def within(outside_domain: Any, x: Array, safe: float, *, flagged: bool = True) -> tuple[Array, Errors]:
    """The operand with `safe` where it has left the function's domain, and #NUM! there."""
    outside = violated(outside_domain, flagged=flagged)
    if outside is None:
        return x, None
    return ops.where(outside, safe, x), error_where(outside, NUM)


# ---- elementary functions ----------------------------------------------------------------------


def _register_unary(name: str, compute: Callable[[Array], Array]) -> None:
    @elementwise(name, "number")
    def evaluate(x: Array) -> Array:
        with np.errstate(over="ignore"):
            return compute(x)


_UNARY: dict[str, Callable[[Array], Array]] = {
    "ABS": ops.absolute,
    "EXP": ops.exp,
    "SIGN": ops.sign,
    "SIN": ops.sin,
    "COS": ops.cos,
    "TAN": ops.tan,
    "ATAN": ops.arctan,
    "SINH": ops.sinh,
    "COSH": ops.cosh,
    "TANH": ops.tanh,
    "ASINH": ops.arcsinh,
    "SEC": lambda x: ops.divide(1.0, ops.cos(x)),
    "SECH": lambda x: ops.divide(1.0, ops.cosh(x)),
    "DEGREES": lambda x: ops.multiply(180 / math.pi, x),
    "RADIANS": lambda x: ops.multiply(math.pi / 180, x),
}
for _name, _compute in _UNARY.items():
    _register_unary(_name, _compute)


@elementwise("SQRT", "number")
def square_root(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.less(x, 0.0), x, 1.0)
    return ops.sqrt(x), errors


@elementwise("SQRTPI", "number")
def square_root_of_pi_times(x: Array) -> tuple[Array, Errors]:
    return square_root(ops.multiply(math.pi, x))


@elementwise("LN", "number")
def natural_logarithm(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.less_equal(x, 0.0), x, 1.0)
    return ops.log(x), errors


@elementwise("LOG10", "number")
def common_logarithm(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.less_equal(x, 0.0), x, 1.0)
    return ops.log10(x), errors


@elementwise("LOG", "number", "number", defaults=(10.0,))
def logarithm(x: Array, base: Array) -> tuple[Array, Errors]:
    """LOG(8,2) is exactly 3 in Excel: base 10 and base 2 have their own logarithms."""
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
    return raised(x, y)


@elementwise("ASIN", "number")
def arcsine(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.greater(ops.absolute(x), 1.0), x, 0.0)
    return ops.arcsin(x), errors


@elementwise("ACOS", "number")
def arccosine(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.greater(ops.absolute(x), 1.0), x, 0.0)
    return ops.arccos(x), errors


@elementwise("ACOSH", "number")
def inverse_hyperbolic_cosine(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.less(x, 1.0), x, 2.0)
    return ops.arccosh(x), errors


@elementwise("ATANH", "number")
def inverse_hyperbolic_tangent(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.greater_equal(ops.absolute(x), 1.0), x, 0.0)
    return ops.arctanh(x), errors


@elementwise("ATAN2", "number", "number")
def angle_of_point(x: Array, y: Array) -> tuple[Array, Errors]:
    """Excel's order is x before y."""
    origin = violated(ops.logical_and(ops.equal(x, 0.0), ops.equal(y, 0.0)), flagged=False)
    return ops.arctan2(y, x), error_where(origin, DIV0)


@elementwise("ACOT", "number")
def arccotangent(x: Array) -> Array:
    return ops.subtract(math.pi / 2, ops.arctan(x))


def _register_reciprocal(name: str, compute: Callable[[Array], Array]) -> None:
    @elementwise(name, "number")
    def evaluate(x: Array) -> tuple[Array, Errors]:
        return divided(np.ones(np.shape(ops.value_of(x))), compute(x))


for _name, _compute in {"CSC": ops.sin, "CSCH": ops.sinh, "COT": ops.tan, "COTH": ops.tanh}.items():
    _register_reciprocal(_name, _compute)


@elementwise("ACOTH", "number")
def inverse_hyperbolic_cotangent(x: Array) -> tuple[Array, Errors]:
    x, errors = within(ops.less_equal(ops.absolute(x), 1.0), x, 2.0, flagged=False)
    return ops.arctanh(ops.divide(1.0, x)), errors


@function("PI", 0, 0)
def pi(context: Context, arguments: Arguments) -> Result:
    return Value(np.full((1, 1, 1), math.pi))


# ---- remainders and rounding -------------------------------------------------------------------

floor_position = ops.position_of("floor", np.floor)


@elementwise("MOD", "number", "number")
def remainder(x: Array, y: Array) -> tuple[Array, Errors]:
    """x - y * floor(x / y): of the divisor's sign. Its derivative is that between the jumps."""
    zero = violated(ops.equal(y, 0.0))
    if zero is not None:
        y = ops.where(zero, 1.0, y)
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return np.mod(x, y), error_where(zero, DIV0)
    whole = floor_position(ops.divide(x, y))
    return ops.subtract(x, ops.multiply(y, whole)), error_where(zero, DIV0)


@elementwise("QUOTIENT", "number", "number", differentiable=False)
def integer_quotient(x: Array, y: Array) -> tuple[Array, Errors]:
    quotient, errors = divided(x, y)
    return ops.undifferentiable("QUOTIENT", np.trunc)(quotient), errors


def _rounding(name: str, compute: Callable[..., np.ndarray], *kinds: str, defaults: tuple[float, ...] = ()) -> None:
    """Registers a function that is constant between its jumps: it has no useful derivative, by name."""
    primitive = ops.undifferentiable(name, compute)

    @elementwise(name, *(kinds or ("number",)), defaults=defaults, differentiable=False)
    def evaluate(*operands: Array) -> Array:
        return primitive(*operands)


def _exact(x: np.ndarray) -> np.ndarray:
    """The number that Excel takes x for when rounding: 15 significant digits, so that 2.675 is 2.675."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        digits = 14 - np.floor(np.log10(np.abs(x)))
        digits = np.where(np.isfinite(digits), np.clip(digits, -290, 290), 0)
        scale = 10.0 ** np.abs(digits)
        nudged = np.where(digits >= 0, np.rint(x * scale) / scale, np.rint(x / scale) * scale)
    return np.where(np.isfinite(nudged), nudged, x)


def _scaled(rounding: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Rounding of magnitudes to a number of decimal places (negative: tens, hundreds)."""

    def compute(x: np.ndarray, places: np.ndarray) -> np.ndarray:
        digits = np.clip(np.trunc(places), -300, 300)
        scale = 10.0 ** np.abs(digits)
        with np.errstate(over="ignore", invalid="ignore"):
            magnitude = np.where(digits >= 0, np.abs(x) * scale, np.abs(x) / scale)
            whole = rounding(_exact(magnitude))
            result = np.where(digits >= 0, whole / scale, whole * scale)
        # beyond the digits a number has there is nothing to round
        return np.where(np.isfinite(result) & (magnitude < 1e15), np.copysign(result, x) + 0.0, x)

    return compute


_rounding("ROUND", _scaled(lambda x: np.floor(x + 0.5)), "number", "number")
_rounding("ROUNDUP", _scaled(np.ceil), "number", "number")
_rounding("ROUNDDOWN", _scaled(np.floor), "number", "number")
_rounding("TRUNC", _scaled(np.floor), "number", "number", defaults=(0.0,))
_rounding("INT", np.floor)
_rounding("EVEN", lambda x: np.copysign(np.ceil(np.abs(x) / 2) * 2, x) + 0.0)
_rounding("ODD", lambda x: np.where(x < 0, -1.0, 1.0) * (np.ceil((np.abs(x) - 1) / 2).clip(0) * 2 + 1))


def _to_multiple(rounding: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def compute(x: np.ndarray, step: np.ndarray) -> np.ndarray:
        safe = np.where(step == 0, 1.0, step)
        return np.where(step == 0, 0.0, rounding(_exact(x / safe)) * safe) + 0.0

    return compute


def _multiples(name: str, rounding: Callable[[np.ndarray], np.ndarray], *, zero_divides: bool) -> None:
    """CEILING and FLOOR: #NUM! for a positive number and a negative step."""
    primitive = ops.undifferentiable(name, _to_multiple(rounding))

    @elementwise(name, "number", "number", differentiable=False)
    def evaluate(x: Array, step: Array) -> tuple[Array, Errors]:
        number, size = concrete(x) if name == "MROUND" else ops.value_of(x), concrete(step)
        wrong = (number * size < 0) if name == "MROUND" else (number > 0) & (size < 0)
        errors = error_where(wrong, NUM)
        if zero_divides:
            errors = first_error(errors, error_where((size == 0) & (number != 0), DIV0))
        return primitive(x, step), errors


_multiples("CEILING", np.ceil, zero_divides=False)
_multiples("FLOOR", np.floor, zero_divides=True)
_multiples("MROUND", lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x), zero_divides=False)
for _name in ("CEILING.PRECISE", "ISO.CEILING"):
    _rounding(_name, lambda x, step: _to_multiple(np.ceil)(x, np.abs(step)), "number", "number", defaults=(1.0,))
_rounding("FLOOR.PRECISE", lambda x, step: _to_multiple(np.floor)(x, np.abs(step)), "number", "number", defaults=(1.0,))


def _with_mode(upwards: bool) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """CEILING.MATH and FLOOR.MATH: a mode turns the direction round for negative numbers."""
    first, second = (np.ceil, np.floor) if upwards else (np.floor, np.ceil)

    def compute(x: np.ndarray, step: np.ndarray, mode: np.ndarray) -> np.ndarray:
        size = np.abs(step)
        turned = (x < 0) & (mode != 0)
        return np.where(turned, _to_multiple(second)(x, size), _to_multiple(first)(x, size))

    return compute


_rounding("CEILING.MATH", _with_mode(True), "number", "number", "number", defaults=(1.0, 0.0))
_rounding("FLOOR.MATH", _with_mode(False), "number", "number", "number", defaults=(1.0, 0.0))


# ---- whole numbers -----------------------------------------------------------------------------


@elementwise("FACT", "number", differentiable=False)
def factorial(x: Array) -> tuple[Array, Errors]:
    number = np.trunc(frozen(x))
    wrong = (number < 0) | (number > 170)
    table = np.array([float(math.factorial(n)) for n in range(171)])
    return table[np.clip(number, 0, 170).astype(int)], error_where(wrong, NUM)


def _counting(name: str, compute: Callable[[int, int], int]) -> None:
    @elementwise(name, "number", "number", differentiable=False)
    def evaluate(n: Array, k: Array) -> tuple[Array, Errors]:
        whole, chosen = np.broadcast_arrays(np.trunc(frozen(n)), np.trunc(frozen(k)))
        wrong = (whole < 0) | (chosen < 0) | (whole < chosen) | (whole > 1e6)
        result = np.zeros(whole.shape)
        for place in zip(*np.nonzero(~wrong)):
            try:
                result[place] = float(compute(int(whole[place]), int(chosen[place])))
            except OverflowError:
                result[place] = math.inf
        return result, error_where(wrong, NUM)


_counting("COMBIN", math.comb)
_counting("PERMUT", math.perm)


def _over_whole_numbers(name: str, compute: Callable[..., int]) -> None:
    @aggregate(name, differentiable=False)
    def evaluate(sample: Sample) -> tuple[np.ndarray, Errors]:
        numbers = np.trunc(frozen(sample.filled(0.0 if name == "GCD" else 1.0)))
        wrong = (numbers < 0).any(axis=1) | (numbers >= 2**53).any(axis=1)
        results = [float(compute(*map(int, row))) if not bad else 0.0 for row, bad in zip(numbers, wrong)]
        return np.array(results), error_where(wrong, NUM)


_over_whole_numbers("GCD", math.gcd)
_over_whole_numbers("LCM", math.lcm)


# ---- sums --------------------------------------------------------------------------------------


@aggregate("SUM")
def total(sample: Sample) -> Array:
    return ops.sum(sample.number, axis=1)


@aggregate("SUMSQ")
def total_of_squares(sample: Sample) -> Array:
    return ops.vecdot(sample.number, sample.number)


_product = ops.Primitive(
    "product",
    lambda x: np.multiply.reduce(x, axis=1),
    (lambda g, r, x: _product_slope(g, x),),
)


def _product_slope(gradient: Array, x: Array) -> Array:
    """The product of all others, for each factor: without dividing, as factors may be 0."""
    count = np.shape(ops.value_of(x))[1]
    rows = np.shape(ops.value_of(x))[0]
    parts = []
    for i in range(count):
        others = [j for j in range(count) if j != i]
        index = np.arange(rows)[:, None] * count + np.array(others, np.intp)[None, :]
        rest = _product(ops.take(x, index)) if others else np.ones(rows)
        parts.append(ops.reshape(ops.multiply(gradient, rest), (rows, 1)))
    return ops.concatenate(parts, axis=1)


@aggregate("PRODUCT")
def product(sample: Sample) -> Array:
    """0 where there are no numbers at all."""
    result = _product(sample.filled(1.0))
    return ops.where(sample.count > 0, result, 0.0)


@function("SUBTOTAL", 2)
def subtotal(context: Context, arguments: Arguments) -> Result:
    """Like the function of its first argument (hidden rows count, as no file says which are filtered)."""
    number, errors = as_number(context.value(arguments[0]))
    code = int(concrete(number).reshape(-1)[0]) % 100
    names = ("AVERAGE", "COUNT", "COUNTA", "MAX", "MIN", "PRODUCT", "STDEV", "STDEVP", "SUM", "VAR", "VARP")
    if errors is not None or not 1 <= code <= len(names):
        return error_value(VALUE)
    return context.workspace.functions[names[code - 1]].evaluate(context, arguments[1:])


@function("SERIESSUM", 4, 4)
def power_series(context: Context, arguments: Arguments) -> Result:
    x, first, step = (context.value(argument) for argument in arguments[:3])
    coefficients = sample_of(context, arguments[3:])
    powers = np.arange(np.shape(ops.value_of(coefficients.number))[1], dtype=np.float64)[None, None, :]

    def compute(x: Array, first: Array, step: Array) -> Array:
        exponents = ops.add(first, ops.multiply(step, powers))
        spread_x, _ = raised(x, exponents)
        terms = ops.multiply(ops.reshape(coefficients.number, (-1, 1, powers.size)), spread_x)
        return ops.reshape(ops.sum(terms, axis=2), (-1, 1, 1))

    return spread(compute, ("number", "number", "number"), [x, first, step])


# ---- random numbers ----------------------------------------------------------------------------


@function("RAND", 0, 0, volatile=True)
def random_number(context: Context, arguments: Arguments) -> Result:
    return Value(context.workspace.random.random((context.count, 1, 1)))


@function("RANDBETWEEN", 2, 2, volatile=True)
def random_integer(context: Context, arguments: Arguments) -> Result:
    low, low_errors = context.number(arguments[0])
    high, high_errors = context.number(arguments[1])
    shape = np.broadcast_shapes(np.shape(ops.value_of(low)), np.shape(ops.value_of(high)), (context.count, 1, 1))
    smallest, largest = np.ceil(concrete(low)), np.floor(concrete(high))
    draws = context.workspace.random.random(shape)
    numbers = smallest + np.floor(draws * np.maximum(largest - smallest + 1, 1))
    return number_value(numbers, first_error(low_errors, high_errors, error_where(smallest > largest, NUM)))


@function("RANDARRAY", 0, 5, volatile=True)
def random_array(context: Context, arguments: Arguments) -> Result:
    given = [1.0, 1.0, 0.0, 1.0, 0.0]
    for position, argument in enumerate(arguments):
        number, errors = context.number(argument)
        if errors is not None:
            return error_value(VALUE)
        given[position] = float(concrete(number).reshape(-1)[0])
    rows, columns, low, high, whole = given
    if not (rows >= 1 and columns >= 1 and rows * columns <= 1e7) or low > high:
        return error_value(VALUE)
    draws = context.workspace.random.random((context.count, int(rows), int(columns)))
    if whole:
        return Value(low + np.floor(draws * (high - low + 1)))
    return Value(low + draws * (high - low))
