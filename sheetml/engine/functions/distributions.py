"""Distributions: densities, probabilities and quantiles. SciPy's special functions are loaded when first used."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sheetml.engine import graph as ops
from sheetml.engine.functions.registry import also_named, elementwise
from sheetml.engine.graph import Array, concrete, violated
from sheetml.engine.values import NUM, Errors, error_where, first_error


def _special(name: str) -> Any:
    def compute(x: np.ndarray) -> np.ndarray:
        import scipy.special

        result: np.ndarray = getattr(scipy.special, name)(x)
        return result

    return compute


def normal_density(x: Array) -> Array:
    return ops.multiply(1 / math.sqrt(2 * math.pi), ops.exp(ops.multiply(-0.5, ops.square(x))))


normal_probability = ops.unary("normal probability", _special("ndtr"), lambda x, y: normal_density(x))
normal_quantile = ops.unary("normal quantile", _special("ndtri"), lambda x, y: ops.divide(1.0, normal_density(y)))
error_function = ops.unary(
    "ERF", _special("erf"), lambda x, y: ops.multiply(2 / math.sqrt(math.pi), ops.exp(ops.negative(ops.square(x))))
)
digamma = ops.undifferentiable("DIGAMMA", _special("digamma"))
log_gamma = ops.unary("GAMMALN", _special("gammaln"), lambda x, y: digamma(x))
gamma_function = ops.unary("GAMMA", _special("gamma"), lambda x, y: ops.multiply(y, digamma(x)))


def _by_kind(cumulative: Array, probability: Array, density: Array) -> Array:
    chosen = concrete(cumulative)
    if chosen.all():
        return probability
    return density if not chosen.any() else ops.where(chosen, probability, density)


def _positive(x: Array) -> tuple[Array, Errors]:
    wrong = violated(ops.less_equal(x, 0.0), flagged=False)
    return (x, None) if wrong is None else (ops.where(wrong, 1.0, x), error_where(wrong, NUM))


def _probability(p: Array) -> tuple[Array, Errors]:
    """#NUM! outside of 0 < p < 1."""
    wrong = violated(ops.logical_or(ops.less_equal(p, 0.0), ops.greater_equal(p, 1.0)), flagged=False)
    return (p, None) if wrong is None else (ops.where(wrong, 0.5, p), error_where(wrong, NUM))


@elementwise("NORM.S.DIST", "number", "boolean")
def standard_normal(z: Array, cumulative: Array) -> Array:
    return _by_kind(cumulative, normal_probability(z), normal_density(z))


@elementwise("NORMSDIST", "number")
def standard_normal_probability(z: Array) -> Array:
    return normal_probability(z)


@elementwise("PHI", "number")
def standard_normal_density(z: Array) -> Array:
    return normal_density(z)


@elementwise("GAUSS", "number")
def probability_from_mean(z: Array) -> Array:
    return ops.multiply(0.5, error_function(ops.divide(z, math.sqrt(2))))


@elementwise("NORM.DIST", "number", "number", "number", "boolean")
def normal(x: Array, mean: Array, deviation: Array, cumulative: Array) -> tuple[Array, Errors]:
    deviation, errors = _positive(deviation)
    z = ops.divide(ops.subtract(x, mean), deviation)
    return _by_kind(cumulative, normal_probability(z), ops.divide(normal_density(z), deviation)), errors


also_named("NORMDIST", "NORM.DIST")


@elementwise("NORM.S.INV", "number")
def standard_normal_inverse(p: Array) -> tuple[Array, Errors]:
    p, errors = _probability(p)
    return normal_quantile(p), errors


also_named("NORMSINV", "NORM.S.INV")


@elementwise("NORM.INV", "number", "number", "number")
def normal_inverse(p: Array, mean: Array, deviation: Array) -> tuple[Array, Errors]:
    p, wrong = _probability(p)
    deviation, errors = _positive(deviation)
    return ops.add(mean, ops.multiply(deviation, normal_quantile(p))), first_error(wrong, errors)


also_named("NORMINV", "NORM.INV")


@elementwise("LOGNORM.DIST", "number", "number", "number", "boolean")
def lognormal(x: Array, mean: Array, deviation: Array, cumulative: Array) -> tuple[Array, Errors]:
    x, wrong = _positive(x)
    deviation, errors = _positive(deviation)
    z = ops.divide(ops.subtract(ops.log(x), mean), deviation)
    density = ops.divide(normal_density(z), ops.multiply(x, deviation))
    return _by_kind(cumulative, normal_probability(z), density), first_error(wrong, errors)


@elementwise("LOGNORM.INV", "number", "number", "number")
def lognormal_inverse(p: Array, mean: Array, deviation: Array) -> tuple[Array, Errors]:
    p, wrong = _probability(p)
    deviation, errors = _positive(deviation)
    return ops.exp(ops.add(mean, ops.multiply(deviation, normal_quantile(p)))), first_error(wrong, errors)


also_named("LOGINV", "LOGNORM.INV")


@elementwise("EXPON.DIST", "number", "number", "boolean")
def exponential(x: Array, rate: Array, cumulative: Array) -> tuple[Array, Errors]:
    rate, errors = _positive(rate)
    wrong = violated(ops.less(x, 0.0), flagged=False)
    decay = ops.exp(ops.negative(ops.multiply(rate, x)))
    result = _by_kind(cumulative, ops.subtract(1.0, decay), ops.multiply(rate, decay))
    return result, first_error(error_where(wrong, NUM), errors)


also_named("EXPONDIST", "EXPON.DIST")


@elementwise("ERF.PRECISE", "number")
def error_function_of(x: Array) -> Array:
    return error_function(x)


@elementwise("ERF", "number", "value", defaults=(0.0,))
def error_function_between(x: Array, upper: Any) -> Array:
    return error_function(x)


@elementwise("ERFC", "number")
def complementary_error_function(x: Array) -> Array:
    return ops.subtract(1.0, error_function(x))


@elementwise("GAMMALN", "number")
def logarithm_of_gamma(x: Array) -> tuple[Array, Errors]:
    x, errors = _positive(x)
    return log_gamma(x), errors


also_named("GAMMALN.PRECISE", "GAMMALN")


@elementwise("GAMMA", "number")
def gamma(x: Array) -> tuple[Array, Errors]:
    whole = concrete(ops.less_equal(x, 0.0)) & (np.trunc(ops.value_of(x)) == ops.value_of(x))
    return gamma_function(ops.where(whole, 1.0, x) if whole.any() else x), error_where(whole, NUM)


@elementwise("FISHER", "number")
def fisher(x: Array) -> tuple[Array, Errors]:
    wrong = violated(ops.greater_equal(ops.absolute(x), 1.0))
    return ops.arctanh(x if wrong is None else ops.where(wrong, 0.0, x)), error_where(wrong, NUM)


@elementwise("FISHERINV", "number")
def fisher_inverse(y: Array) -> Array:
    return ops.tanh(y)


@elementwise("CONFIDENCE.NORM", "number", "number", "number")
def confidence(alpha: Array, deviation: Array, size: Array) -> tuple[Array, Errors]:
    alpha, wrong = _probability(alpha)
    deviation, errors = _positive(deviation)
    count = np.trunc(concrete(size))
    half = normal_quantile(ops.subtract(1.0, ops.divide(alpha, 2.0)))
    width = ops.multiply(half, ops.divide(deviation, np.sqrt(np.maximum(count, 1))))
    return width, first_error(wrong, errors, error_where(count < 1, NUM))


also_named("CONFIDENCE", "CONFIDENCE.NORM")
