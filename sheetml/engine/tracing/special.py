"""Special functions as traceable operations: SciPy's values, and their derivatives.

SciPy is loaded when one is first used. The formulas of derivatives are those of the NIST Digital
Library of Mathematical Functions (DLMF); where only a series is known, it is summed to full precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array

_TERMS = 256  # of a series, summed at once
_MOST_TERMS = 1_000_000


def scipy_special(name: str) -> Callable[..., Any]:
    """A function of scipy.special, looked up when it is called."""

    def compute(*operands: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*operands)

    compute.__name__ = f"special.{name}"  # by which its source is written
    return compute


# ---- the normal distribution and the error function --------------------------------------------


def normal_density(x: Array) -> Array:
    return ops.multiply(1 / math.sqrt(2 * math.pi), ops.exp(ops.multiply(-0.5, ops.square(x))))


normal_probability = ops.unary("normal probability", scipy_special("ndtr"), lambda x, y: normal_density(x))
normal_quantile = ops.unary("normal quantile", scipy_special("ndtri"), lambda x, y: ops.divide(1.0, normal_density(y)))


def _bell(x: Array) -> Array:
    return ops.multiply(2 / math.sqrt(math.pi), ops.exp(ops.negative(ops.square(x))))


error_function = ops.unary("error function", scipy_special("erf"), lambda x, y: _bell(x))
error_function_complement = ops.unary(
    "complementary error function", scipy_special("erfc"), lambda x, y: ops.negative(_bell(x))
)

# ---- logarithms that vanish with their factor --------------------------------------------------

x_log_y = ops.smooth("x log y", scipy_special("xlogy"), lambda r, x, y: ops.log(y), lambda r, x, y: ops.divide(x, y))
x_log_1_plus_y = ops.smooth(
    "x log (1 + y)",
    scipy_special("xlog1py"),
    lambda r, x, y: ops.log1p(y),
    lambda r, x, y: ops.divide(x, ops.add(1.0, y)),
)

# ---- the gamma function ------------------------------------------------------------------------


def _compute_polygamma(x: np.ndarray, order: int) -> np.ndarray:
    """SciPy's are for positive x only, beyond order 0; the first derivative is reflected (DLMF 5.15.6)."""
    from scipy.special import polygamma

    x = np.asarray(x)
    if order == 1 and (x < 0).any():
        negative = x < 0
        far = polygamma(1, np.where(negative, 1 - x, x))
        return np.where(negative, (np.pi / np.sin(np.pi * x)) ** 2 - far, far)
    return np.asarray(polygamma(order, x))


_polygamma: ops.Primitive = ops.Primitive(
    "polygamma",
    _compute_polygamma,
    (lambda g, r, x, order: ops.multiply(g, _polygamma(x, order=order + 1)),),
)


def digamma(x: Array) -> Array:
    """The derivative of the logarithm of the gamma function."""
    return _polygamma(x, order=0)


log_gamma = ops.unary("log gamma", scipy_special("gammaln"), lambda x, y: digamma(x))
gamma = ops.unary("gamma", scipy_special("gamma"), lambda x, y: ops.multiply(y, digamma(x)))
log_beta = ops.smooth(
    "log beta",
    scipy_special("betaln"),
    lambda r, a, b: ops.subtract(digamma(a), digamma(ops.add(a, b))),
    lambda r, a, b: ops.subtract(digamma(b), digamma(ops.add(a, b))),
)


def gamma_density(shape: Array, x: Array) -> Array:
    """x^(a-1) e^-x / Γ(a)."""
    exponent = ops.subtract(x_log_y(ops.subtract(shape, 1.0), x), ops.add(x, log_gamma(shape)))
    return ops.exp(exponent)


def _shape_series(order: int) -> Callable[..., Any]:
    """The first or second derivative of P(a, x) by a, from its series P = Σ p, term by term.

    p = e^-x x^(a+n) / Γ(a+n+1) (DLMF 8.7.1); the logarithmic derivative of a term is log x - ψ(a+n+1).
    """

    def series(a: float, x: float) -> float:
        from scipy.special import gammaln, polygamma, psi

        if x <= 0:
            return 0.0
        spread = 45 * math.sqrt(x) + 60  # beyond which the terms, Poisson weights, vanish
        first = max(0, math.floor(x - a - spread))
        n = a + np.arange(first, max(math.ceil(x - a + spread), first) + 60, dtype=np.float64)
        weights = np.exp(n * math.log(x) - x - gammaln(n + 1))
        slopes = math.log(x) - psi(n + 1)
        if order == 2:
            slopes = slopes**2 - polygamma(1, n + 1)
        return float((weights * slopes).sum())

    return np.vectorize(series, otypes=[np.float64])


gamma_by_shape = ops.smooth(
    "incomplete gamma function by its shape",
    _shape_series(1),
    lambda r, a, x: _gamma_by_shape_twice(a, x),
    lambda r, a, x: ops.multiply(gamma_density(a, x), ops.subtract(ops.log(x), digamma(a))),
)
_gamma_by_shape_twice: ops.Primitive = ops.undifferentiable(
    "third derivative of the incomplete gamma function", _shape_series(2)
)

lower_gamma = ops.smooth(
    "incomplete gamma function P",
    scipy_special("gammainc"),
    lambda r, a, x: gamma_by_shape(a, x),
    lambda r, a, x: gamma_density(a, x),
)
upper_gamma = ops.smooth(
    "incomplete gamma function Q",
    scipy_special("gammaincc"),
    lambda r, a, x: ops.negative(gamma_by_shape(a, x)),
    lambda r, a, x: ops.negative(gamma_density(a, x)),
)
# of a quantile: its probability does not change, whatever the shape does
lower_gamma_quantile = ops.smooth(
    "gamma quantile",
    scipy_special("gammaincinv"),
    lambda x, a, p: ops.negative(ops.divide(gamma_by_shape(a, x), gamma_density(a, x))),
    lambda x, a, p: ops.divide(1.0, gamma_density(a, x)),
)
upper_gamma_quantile = ops.smooth(
    "gamma quantile",
    scipy_special("gammainccinv"),
    lambda x, a, p: ops.negative(ops.divide(gamma_by_shape(a, x), gamma_density(a, x))),
    lambda x, a, p: ops.divide(-1.0, gamma_density(a, x)),
)

# ---- the beta function -------------------------------------------------------------------------


def beta_density(a: Array, b: Array, x: Array) -> Array:
    """x^(a-1) (1-x)^(b-1) / B(a, b)."""
    powers = ops.add(x_log_y(ops.subtract(a, 1.0), x), x_log_1_plus_y(ops.subtract(b, 1.0), ops.negative(x)))
    return ops.exp(ops.subtract(powers, log_beta(a, b)))


def _beta_by_shapes(a: float, b: float, x: float) -> np.ndarray:
    """dI/da, dI/db, d²I/da², d²I/dadb and d²I/db² of I(x; a, b), from its series I = Σ t, term by term.

    t = x^(a+n) (1-x)^b Γ(a+b+n) / (Γ(a+n+1) Γ(b)) (DLMF 8.17.22), all of them positive.
    """
    from scipy.special import gammaln, polygamma, psi

    if not 0 < x < 1:
        return np.zeros(5)
    if x > (a + 1) / (a + b + 2):  # there the series of the other end converges faster
        return -_beta_by_shapes(b, a, 1 - x)[[1, 0, 4, 3, 2]]
    log_x, log_rest = math.log(x), math.log1p(-x)
    found, total = np.zeros(5), 0.0
    for first in range(0, _MOST_TERMS, _TERMS):
        n = np.arange(first, first + _TERMS, dtype=np.float64)
        terms = np.exp((a + n) * log_x + b * log_rest + gammaln(a + b + n) - gammaln(a + n + 1) - gammaln(b))
        common, bend = psi(a + b + n), polygamma(1, a + b + n)
        by_a, by_b = log_x + common - psi(a + n + 1), log_rest + common - psi(b)
        twice = by_a**2 + bend - polygamma(1, a + n + 1), by_a * by_b + bend, by_b**2 + bend - polygamma(1, b)
        found += (terms * np.stack([by_a, by_b, *twice])).sum(axis=1)
        total += terms.sum()
        if terms[-1] <= 1e-20 * total:
            break
    return found


def _one_of_beta(position: int) -> Callable[..., Any]:
    return np.vectorize(lambda a, b, x: _beta_by_shapes(a, b, x)[position], otypes=[np.float64])


def _beta_twice(position: int) -> ops.Primitive:
    return ops.undifferentiable("third derivative of the incomplete beta function", _one_of_beta(position))


def _by_shape_and_x(shape: Array, other: Array, log: Array, density: Array) -> Array:
    """How a density changes with a shape: log is that of what the shape is an exponent of."""
    change = ops.add(log, ops.subtract(digamma(ops.add(shape, other)), digamma(shape)))
    return ops.multiply(density, change)


_first_twice, _mixed, _second_twice = _beta_twice(2), _beta_twice(3), _beta_twice(4)
beta_by_first = ops.smooth(
    "incomplete beta function by its first shape",
    _one_of_beta(0),
    lambda r, a, b, x: _first_twice(a, b, x),
    lambda r, a, b, x: _mixed(a, b, x),
    lambda r, a, b, x: _by_shape_and_x(a, b, ops.log(x), beta_density(a, b, x)),
)
beta_by_second = ops.smooth(
    "incomplete beta function by its second shape",
    _one_of_beta(1),
    lambda r, a, b, x: _mixed(a, b, x),
    lambda r, a, b, x: _second_twice(a, b, x),
    lambda r, a, b, x: _by_shape_and_x(b, a, ops.log1p(ops.negative(x)), beta_density(a, b, x)),
)

lower_beta = ops.smooth(
    "incomplete beta function",
    scipy_special("betainc"),
    lambda r, a, b, x: beta_by_first(a, b, x),
    lambda r, a, b, x: beta_by_second(a, b, x),
    lambda r, a, b, x: beta_density(a, b, x),
)
lower_beta_quantile = ops.smooth(
    "beta quantile",
    scipy_special("betaincinv"),
    lambda x, a, b, p: ops.negative(ops.divide(beta_by_first(a, b, x), beta_density(a, b, x))),
    lambda x, a, b, p: ops.negative(ops.divide(beta_by_second(a, b, x), beta_density(a, b, x))),
    lambda x, a, b, p: ops.divide(1.0, beta_density(a, b, x)),
)
