"""Continuous distributions: densities, probabilities and quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.functions.registry import also_named, elementwise
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing import special
from sheetml.engine.tracing.graph import Array, concrete, frozen, violated
from sheetml.engine.values import DIV0, NUM, Errors, Value, as_number, error_where, first_error


def sound(wrong: Array, *operands: tuple[Array, float]) -> tuple[list[Array], Errors]:
    """The operands, or values that do no harm where `wrong` holds: there it is #NUM!."""
    mask = violated(wrong, flagged=False)
    if mask is None:
        return [operand for operand, _ in operands], None
    return [ops.where(mask, safe, operand) for operand, safe in operands], error_where(mask, NUM)


def either(*conditions: Array) -> Array:
    """Where any of the conditions holds."""
    result = conditions[0]
    for condition in conditions[1:]:
        result = ops.logical_or(result, condition)
    return result


def whole(x: Array) -> np.ndarray:
    """A count or degrees of freedom: rounded down to a whole number, and so without a derivative."""
    return np.floor(frozen(x))


def by_kind(cumulative: Array, probability: Callable[[], Array], density: Callable[[], Array]) -> Array:
    """The probability up to x, or the density at x, as the last argument of most distributions asks."""
    chosen = concrete(cumulative)
    if chosen.all():
        return probability()
    return density() if not chosen.any() else ops.where(chosen, probability(), density())


def positive(x: Array) -> tuple[Array, Errors]:
    """#NUM! unless x > 0."""
    (x,), errors = sound(ops.less_equal(x, 0.0), (x, 1.0))
    return x, errors


def inside(p: Array) -> tuple[Array, Errors]:
    """A probability: #NUM! unless 0 < p < 1."""
    (p,), errors = sound(either(ops.less_equal(p, 0.0), ops.greater_equal(p, 1.0)), (p, 0.5))
    return p, errors


def outside(p: Array) -> Array:
    """Where a probability is not in 0 to 1."""
    return either(ops.less(p, 0.0), ops.greater(p, 1.0))


# ---- normal and lognormal ----------------------------------------------------------------------


@elementwise("NORM.S.DIST", "number", "boolean")
def standard_normal(z: Array, cumulative: Array) -> Array:
    """The standard normal distribution: its probability up to z, or its density there."""
    return by_kind(cumulative, lambda: special.normal_probability(z), lambda: special.normal_density(z))


@elementwise("NORMSDIST", "number")
def standard_normal_probability(z: Array) -> Array:
    """The standard normal distribution's probability up to z."""
    return special.normal_probability(z)


@elementwise("PHI", "number")
def standard_normal_density(z: Array) -> Array:
    """The standard normal distribution's density."""
    return special.normal_density(z)


@elementwise("GAUSS", "number")
def probability_from_mean(z: Array) -> Array:
    """The probability that a standard normal variable is between 0 and z."""
    return ops.multiply(0.5, special.error_function(ops.divide(z, math.sqrt(2))))


@elementwise("NORM.DIST", "number", "number", "number", "boolean")
def normal(x: Array, mean: Array, deviation: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The normal distribution: its probability up to x, or its density there."""
    deviation, errors = positive(deviation)
    z = ops.divide(ops.subtract(x, mean), deviation)
    density = lambda: ops.divide(special.normal_density(z), deviation)  # noqa: E731
    return by_kind(cumulative, lambda: special.normal_probability(z), density), errors


also_named("NORMDIST", "NORM.DIST")


@elementwise("NORM.S.INV", "number")
def standard_normal_inverse(p: Array) -> tuple[Array, Errors]:
    """The number below which a standard normal variable is with probability p."""
    p, errors = inside(p)
    return special.normal_quantile(p), errors


also_named("NORMSINV", "NORM.S.INV")


@elementwise("NORM.INV", "number", "number", "number")
def normal_inverse(p: Array, mean: Array, deviation: Array) -> tuple[Array, Errors]:
    """The number below which a normal variable is with probability p."""
    p, wrong = inside(p)
    deviation, errors = positive(deviation)
    return ops.add(mean, ops.multiply(deviation, special.normal_quantile(p))), first_error(wrong, errors)


also_named("NORMINV", "NORM.INV")


@elementwise("LOGNORM.DIST", "number", "number", "number", "boolean")
def lognormal(x: Array, mean: Array, deviation: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The lognormal distribution: its probability up to x, or its density there."""
    x, wrong = positive(x)
    deviation, errors = positive(deviation)
    z = ops.divide(ops.subtract(ops.log(x), mean), deviation)
    density = lambda: ops.divide(special.normal_density(z), ops.multiply(x, deviation))  # noqa: E731
    return by_kind(cumulative, lambda: special.normal_probability(z), density), first_error(wrong, errors)


@elementwise("LOGNORMDIST", "number", "number", "number")
def lognormal_probability(x: Array, mean: Array, deviation: Array) -> tuple[Array, Errors]:
    """The lognormal distribution's probability up to x."""
    return lognormal(x, mean, deviation, np.ones((1, 1, 1), bool))


@elementwise("LOGNORM.INV", "number", "number", "number")
def lognormal_inverse(p: Array, mean: Array, deviation: Array) -> tuple[Array, Errors]:
    """The number below which a lognormal variable is with probability p."""
    found, errors = normal_inverse(p, mean, deviation)
    return ops.exp(found), errors


also_named("LOGINV", "LOGNORM.INV")


@elementwise("FISHER", "number")
def fisher(x: Array) -> tuple[Array, Errors]:
    """The Fisher transformation; from the logarithm of the quotient, which is how Excel rounds it."""
    outside = either(ops.less_equal(x, -1.0), ops.greater_equal(x, 1.0))
    (x,), errors = sound(outside, (x, 0.0))
    return ops.multiply(0.5, ops.log(ops.divide(ops.add(1.0, x), ops.subtract(1.0, x)))), errors


@elementwise("FISHERINV", "number")
def fisher_inverse(y: Array) -> Array:
    """The inverse of the Fisher transformation."""
    return ops.tanh(y)


# ---- the error function and the gamma function ---------------------------------------------------


@elementwise("ERF", "strict", "value", defaults=("",))
def error_function_between(lower: Array, upper: Value) -> tuple[Array, Errors]:
    """The error function: integrated from 0 to the number, or from one number to another."""
    first = special.error_function(lower)
    if upper.text is not None and (upper.texts == "").all():
        return first, None
    last, errors = as_number(upper)
    return ops.subtract(special.error_function(last), first), errors


@elementwise("ERF.PRECISE", "strict")
def error_function(x: Array) -> Array:
    """The error function."""
    return special.error_function(x)


@elementwise("ERFC", "strict")
def complementary_error_function(x: Array) -> Array:
    """1 minus the error function."""
    return special.error_function_complement(x)


@elementwise("ERFC.PRECISE", "strict")
def complementary_error_function_of(x: Array) -> Array:
    """1 minus the error function."""
    return special.error_function_complement(x)


@elementwise("GAMMALN", "number")
def logarithm_of_gamma(x: Array) -> tuple[Array, Errors]:
    """The natural logarithm of the gamma function."""
    x, errors = positive(x)
    return special.log_gamma(x), errors


also_named("GAMMALN.PRECISE", "GAMMALN")


@elementwise("GAMMA", "number")
def gamma(x: Array) -> tuple[Array, Errors]:
    """The gamma function."""
    pole = ops.logical_and(ops.less_equal(x, 0.0), ops.equal(x, _truncated(x)))
    (x,), errors = sound(pole, (x, 1.0))
    return special.gamma(x), errors


_truncated = ops.position_of("truncated", np.trunc)

# ---- gamma, exponential and Weibull --------------------------------------------------------------


def _shaped(x: Array, shape: Array, scale: Array) -> tuple[list[Array], Errors]:
    """#NUM! unless x >= 0 and shape and scale > 0."""
    wrong = either(ops.less(x, 0.0), ops.less_equal(shape, 0.0), ops.less_equal(scale, 0.0))
    return sound(wrong, (x, 1.0), (shape, 1.0), (scale, 1.0))


@elementwise("GAMMA.DIST", "number", "number", "number", "boolean")
def gamma_distribution(x: Array, shape: Array, scale: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The gamma distribution: its probability up to x, or its density there."""
    (x, shape, scale), errors = _shaped(x, shape, scale)
    ratio = ops.divide(x, scale)
    density = lambda: ops.divide(special.gamma_density(shape, ratio), scale)  # noqa: E731
    return by_kind(cumulative, lambda: special.lower_gamma(shape, ratio), density), errors


also_named("GAMMADIST", "GAMMA.DIST")


@elementwise("GAMMA.INV", "number", "number", "number")
def gamma_inverse(p: Array, shape: Array, scale: Array) -> tuple[Array, Errors]:
    """The number below which a gamma variable is with probability p."""
    wrong = either(ops.less(p, 0.0), ops.greater_equal(p, 1.0), ops.less_equal(shape, 0.0), ops.less_equal(scale, 0.0))
    (p, shape, scale), errors = sound(wrong, (p, 0.5), (shape, 1.0), (scale, 1.0))
    return ops.multiply(scale, special.lower_gamma_quantile(shape, p)), errors


also_named("GAMMAINV", "GAMMA.INV")


@elementwise("EXPON.DIST", "number", "number", "boolean")
def exponential(x: Array, rate: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The exponential distribution: its probability up to x, or its density there."""
    (x, rate), errors = sound(either(ops.less(x, 0.0), ops.less_equal(rate, 0.0)), (x, 1.0), (rate, 1.0))
    exponent = ops.negative(ops.multiply(rate, x))
    density = lambda: ops.multiply(rate, ops.exp(exponent))  # noqa: E731
    return by_kind(cumulative, lambda: ops.negative(ops.expm1(exponent)), density), errors


also_named("EXPONDIST", "EXPON.DIST")


@elementwise("WEIBULL.DIST", "number", "number", "number", "boolean")
def weibull(x: Array, shape: Array, scale: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The Weibull distribution: its probability up to x, or its density there."""
    (x, shape, scale), errors = _shaped(x, shape, scale)
    ratio = ops.divide(x, scale)
    hazard = ops.power(ratio, shape)

    def density() -> Array:
        slope = ops.multiply(ops.divide(shape, scale), ops.power(ratio, ops.subtract(shape, 1.0)))
        return ops.multiply(slope, ops.exp(ops.negative(hazard)))

    return by_kind(cumulative, lambda: ops.negative(ops.expm1(ops.negative(hazard))), density), errors


also_named("WEIBULL", "WEIBULL.DIST")

# ---- beta --------------------------------------------------------------------------------------


@elementwise("BETA.DIST", "number", "number", "number", "boolean", "number", "number", defaults=(0.0, 1.0))
def beta(x: Array, a: Array, b: Array, cumulative: Array, low: Array, high: Array) -> tuple[Array, Errors]:
    """The beta distribution between two bounds: its probability up to x, or its density there."""
    wrong = either(ops.less_equal(a, 0.0), ops.less_equal(b, 0.0), ops.less(x, low), ops.greater(x, high))
    wrong = either(wrong, ops.equal(low, high))
    (x, a, b, low, high), errors = sound(wrong, (x, 0.5), (a, 1.0), (b, 1.0), (low, 0.0), (high, 1.0))
    width = ops.subtract(high, low)
    share = ops.divide(ops.subtract(x, low), width)
    density = lambda: ops.divide(special.beta_density(a, b, share), width)  # noqa: E731
    return by_kind(cumulative, lambda: special.lower_beta(a, b, share), density), errors


@elementwise("BETADIST", "number", "number", "number", "number", "number", defaults=(0.0, 1.0))
def beta_probability(x: Array, a: Array, b: Array, low: Array, high: Array) -> tuple[Array, Errors]:
    """The beta distribution's probability up to x."""
    return beta(x, a, b, np.ones((1, 1, 1), bool), low, high)


@elementwise("BETA.INV", "number", "number", "number", "number", "number", defaults=(0.0, 1.0))
def beta_inverse(p: Array, a: Array, b: Array, low: Array, high: Array) -> tuple[Array, Errors]:
    """The number below which a beta variable is with probability p."""
    wrong = either(ops.less_equal(p, 0.0), ops.greater_equal(p, 1.0), ops.less_equal(a, 0.0), ops.less_equal(b, 0.0))
    wrong = either(wrong, ops.equal(low, high))
    (p, a, b), errors = sound(wrong, (p, 0.5), (a, 1.0), (b, 1.0))
    share = special.lower_beta_quantile(a, b, p)
    return ops.add(low, ops.multiply(ops.subtract(high, low), share)), errors


also_named("BETAINV", "BETA.INV")

# ---- chi-squared -------------------------------------------------------------------------------

_MOST_FREEDOM = 1e10


def _freedom(x: Array) -> tuple[np.ndarray, Errors]:
    """Degrees of freedom, whole: #NUM! below 1 and beyond what Excel takes."""
    n = whole(x)
    wrong = (n < 1) | (n > _MOST_FREEDOM)
    return np.where(wrong, 1.0, n), error_where(wrong, NUM) if wrong.any() else None


@elementwise("CHISQ.DIST", "number", "number", "boolean")
def chi_squared(x: Array, freedom: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The chi-squared distribution: its probability up to x, or its density there."""
    n, wrong = _freedom(freedom)
    (x,), errors = sound(ops.less(x, 0.0), (x, 1.0))
    half = ops.divide(x, 2.0)
    density = lambda: ops.multiply(0.5, special.gamma_density(n / 2, half))  # noqa: E731
    return by_kind(cumulative, lambda: special.lower_gamma(n / 2, half), density), first_error(errors, wrong)


@elementwise("CHISQ.DIST.RT", "number", "number")
def chi_squared_beyond(x: Array, freedom: Array) -> tuple[Array, Errors]:
    """The probability that a chi-squared variable is beyond x."""
    n, wrong = _freedom(freedom)
    (x,), errors = sound(ops.less(x, 0.0), (x, 1.0))
    return special.upper_gamma(n / 2, ops.divide(x, 2.0)), first_error(errors, wrong)


also_named("CHIDIST", "CHISQ.DIST.RT")


@elementwise("CHISQ.INV", "number", "number")
def chi_squared_inverse(p: Array, freedom: Array) -> tuple[Array, Errors]:
    """The number below which a chi-squared variable is with probability p."""
    n, wrong = _freedom(freedom)
    (p,), errors = sound(either(ops.less(p, 0.0), ops.greater_equal(p, 1.0)), (p, 0.5))
    return ops.multiply(2.0, special.lower_gamma_quantile(n / 2, p)), first_error(errors, wrong)


@elementwise("CHISQ.INV.RT", "number", "number")
def chi_squared_inverse_beyond(p: Array, freedom: Array) -> tuple[Array, Errors]:
    """The number beyond which a chi-squared variable is with probability p."""
    n, wrong = _freedom(freedom)
    (p,), errors = sound(either(ops.less_equal(p, 0.0), ops.greater(p, 1.0)), (p, 0.5))
    return ops.multiply(2.0, special.upper_gamma_quantile(n / 2, p)), first_error(errors, wrong)


also_named("CHIINV", "CHISQ.INV.RT")

# ---- F -----------------------------------------------------------------------------------------


def _f_density(x: Array, m: np.ndarray, n: np.ndarray) -> Array:
    """By the beta distribution of z = m x / (m x + n)."""
    total = ops.add(ops.multiply(m, x), n)
    slope = ops.divide(m * n, ops.square(total))
    return ops.multiply(special.beta_density(m / 2, n / 2, ops.divide(ops.multiply(m, x), total)), slope)


def f_beyond(x: Array, m: np.ndarray, n: np.ndarray) -> Array:
    """The probability that an F variable with m and n degrees of freedom is beyond x."""
    return special.lower_beta(n / 2, m / 2, ops.divide(n, ops.add(ops.multiply(m, x), n)))


def _f_quantile(m: np.ndarray, n: np.ndarray, p: np.ndarray, beyond: bool) -> np.ndarray:
    """From the beta quantile and its complement, each found from its own side so that no digits are lost."""
    quantile = special.scipy_special("betaincinv")
    complement = special.scipy_special("betainccinv")
    z, rest = (quantile, complement) if not beyond else (complement, quantile)
    with np.errstate(divide="ignore"):
        result: np.ndarray = n * z(m / 2, n / 2, p) / (m * rest(n / 2, m / 2, p))
    return result


f_quantile = ops.smooth(
    "F quantile",
    lambda m, n, p: _f_quantile(m, n, p, False),
    None,
    None,
    lambda x, m, n, p: ops.divide(1.0, _f_density(x, m, n)),
)
f_quantile_beyond = ops.smooth(
    "F quantile",
    lambda m, n, p: _f_quantile(m, n, p, True),
    None,
    None,
    lambda x, m, n, p: ops.divide(-1.0, _f_density(x, m, n)),
)


@elementwise("F.DIST", "number", "number", "number", "boolean")
def f_distribution(x: Array, first: Array, second: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The F distribution: its probability up to x, or its density there."""
    (m, wrong), (n, wrong_too) = _freedom(first), _freedom(second)
    (x,), errors = sound(ops.less(x, 0.0), (x, 1.0))

    def probability() -> Array:
        share = ops.divide(ops.multiply(m, x), ops.add(ops.multiply(m, x), n))
        return special.lower_beta(m / 2, n / 2, share)

    return by_kind(cumulative, probability, lambda: _f_density(x, m, n)), first_error(errors, wrong, wrong_too)


@elementwise("F.DIST.RT", "number", "number", "number")
def f_distribution_beyond(x: Array, first: Array, second: Array) -> tuple[Array, Errors]:
    """The probability that an F variable is beyond x."""
    (m, wrong), (n, wrong_too) = _freedom(first), _freedom(second)
    (x,), errors = sound(ops.less(x, 0.0), (x, 1.0))
    return f_beyond(x, m, n), first_error(errors, wrong, wrong_too)


also_named("FDIST", "F.DIST.RT")


@elementwise("F.INV", "number", "number", "number")
def f_inverse(p: Array, first: Array, second: Array) -> tuple[Array, Errors]:
    """The number below which an F variable is with probability p."""
    (m, wrong), (n, wrong_too) = _freedom(first), _freedom(second)
    (p,), errors = sound(either(ops.less(p, 0.0), ops.greater_equal(p, 1.0)), (p, 0.5))
    return f_quantile(m, n, p), first_error(errors, wrong, wrong_too)


@elementwise("F.INV.RT", "number", "number", "number")
def f_inverse_beyond(p: Array, first: Array, second: Array) -> tuple[Array, Errors]:
    """The number beyond which an F variable is with probability p."""
    (m, wrong), (n, wrong_too) = _freedom(first), _freedom(second)
    (p,), errors = sound(either(ops.less_equal(p, 0.0), ops.greater(p, 1.0)), (p, 0.5))
    return f_quantile_beyond(m, n, p), first_error(errors, wrong, wrong_too)


also_named("FINV", "F.INV.RT")

# ---- Student's t -------------------------------------------------------------------------------


def t_density(n: Any, t: Array) -> Array:
    """Student's density with n degrees of freedom (n constant)."""
    scale = np.exp(-special.scipy_special("betaln")(n / 2, 0.5)) / np.sqrt(n)
    power = ops.multiply(-(n + 1) / 2, ops.log1p(ops.divide(ops.square(t), n)))
    return ops.multiply(scale, ops.exp(power))


def _t_beyond(n: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The probability beyond t, for t of either sign."""
    beta = special.scipy_special("betainc")
    square = t * t
    near, far = 1 - beta(0.5, n / 2, square / (n + square)), beta(n / 2, 0.5, n / (n + square))
    tail = 0.5 * np.where(square < n, near, far)
    result: np.ndarray = np.where(t < 0, 1 - tail, tail)
    return result


def _t_quantile(n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The t beyond which the probability is p; near the middle and far from it by different sides of the beta."""
    quantile, complement = special.scipy_special("betaincinv"), special.scipy_special("betainccinv")
    both = 2 * np.minimum(p, 1 - p)
    z, rest = quantile(n / 2, 0.5, both), complement(0.5, n / 2, both)
    with np.errstate(divide="ignore"):
        size = np.sqrt(n * rest / z)
    result: np.ndarray = np.where(p > 0.5, -size, size)
    return result


t_beyond = ops.smooth("Student's probability", _t_beyond, None, lambda r, n, t: ops.negative(t_density(n, t)))
t_quantile = ops.smooth("Student's quantile", _t_quantile, None, lambda t, n, p: ops.divide(-1.0, t_density(n, t)))


@elementwise("T.DIST", "number", "number", "boolean")
def student(t: Array, freedom: Array, cumulative: Array) -> tuple[Array, Errors]:
    """Student's distribution: its probability up to t, or its density there."""
    n, errors = _freedom(freedom)
    return by_kind(cumulative, lambda: t_beyond(n, ops.negative(t)), lambda: t_density(n, t)), errors


@elementwise("T.DIST.RT", "number", "number")
def student_beyond(t: Array, freedom: Array) -> tuple[Array, Errors]:
    """The probability that Student's variable is beyond t."""
    n, errors = _freedom(freedom)
    return t_beyond(n, t), errors


@elementwise("T.DIST.2T", "number", "number")
def student_beyond_both(t: Array, freedom: Array) -> tuple[Array, Errors]:
    """The probability that Student's variable is beyond t or below -t."""
    n, wrong = _freedom(freedom)
    (t,), errors = sound(ops.less(t, 0.0), (t, 1.0))
    return ops.multiply(2.0, t_beyond(n, t)), first_error(errors, wrong)


@elementwise("TDIST", "number", "number", "number")
def student_tails(t: Array, freedom: Array, tails: Array) -> tuple[Array, Errors]:
    """The probability of one tail or of both tails of Student's distribution."""
    n, wrong = _freedom(freedom)
    (t,), errors = sound(ops.less(t, 0.0), (t, 1.0))
    count = whole(tails)
    bad = (count < 1) | (count > 2)
    return ops.multiply(count, t_beyond(n, t)), first_error(errors, wrong, error_where(bad, NUM))


@elementwise("T.INV", "number", "number")
def student_inverse(p: Array, freedom: Array) -> tuple[Array, Errors]:
    """The number below which Student's variable is with probability p."""
    n, wrong = _freedom(freedom)
    p, errors = inside(p)
    return ops.negative(t_quantile(n, p)), first_error(errors, wrong)


@elementwise("T.INV.2T", "number", "number")
def student_inverse_of_both(p: Array, freedom: Array) -> tuple[Array, Errors]:
    """The t with probability p beyond t or below -t."""
    n, wrong = _freedom(freedom)
    (p,), errors = sound(either(ops.less_equal(p, 0.0), ops.greater(p, 1.0)), (p, 0.5))
    return t_quantile(n, ops.divide(p, 2.0)), first_error(errors, wrong)


also_named("TINV", "T.INV.2T")

# ---- confidence --------------------------------------------------------------------------------


@elementwise("CONFIDENCE.NORM", "number", "number", "number")
def confidence(alpha: Array, deviation: Array, size: Array) -> tuple[Array, Errors]:
    """Half the width of a mean's confidence interval, by the normal distribution."""
    alpha, wrong = inside(alpha)
    deviation, errors = positive(deviation)
    count = whole(size)
    half = ops.negative(special.normal_quantile(ops.divide(alpha, 2.0)))
    width = ops.multiply(half, ops.divide(deviation, np.sqrt(np.maximum(count, 1))))
    return width, first_error(wrong, errors, error_where(count < 1, NUM))


also_named("CONFIDENCE", "CONFIDENCE.NORM")


@elementwise("CONFIDENCE.T", "number", "number", "number")
def confidence_by_student(alpha: Array, deviation: Array, size: Array) -> tuple[Array, Errors]:
    """Half the width of a mean's confidence interval, by Student's distribution."""
    alpha, wrong = inside(alpha)
    deviation, errors = positive(deviation)
    count = whole(size)
    half = t_quantile(np.maximum(count - 1, 1), ops.divide(alpha, 2.0))
    width = ops.multiply(half, ops.divide(deviation, np.sqrt(np.maximum(count, 1))))
    few = first_error(error_where(count < 1, NUM), error_where(count == 1, DIV0))
    return width, first_error(wrong, errors, few)
