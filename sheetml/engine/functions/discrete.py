"""Distributions of counts: binomial, Poisson, hypergeometric, negative binomial.

Counts are cut off to whole numbers and have no derivative; probabilities and means do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine.functions.arrays import paired, without_pairs
from sheetml.engine.functions.distributions import by_kind, either, outside, sound, whole
from sheetml.engine.functions.registry import also_named, elementwise, over_arrays
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing import special
from sheetml.engine.tracing.graph import Array, concrete, frozen
from sheetml.engine.values import DIV0, NA, NUM, Errors, Value, as_number, error_value, error_where, first_error


def log_choices(n: Any, k: Any) -> Any:
    """The logarithm of the number of ways to choose k of n."""
    return -np.log1p(n) - special.scipy_special("betaln")(n - k + 1, k + 1)


def _counts(wrong: np.ndarray, *counts: np.ndarray) -> tuple[list[np.ndarray], Errors]:
    """Counts, 1 in place of those where `wrong` holds."""
    if not wrong.any():
        return list(counts), None
    return [np.where(wrong, 1.0, count) for count in counts], error_where(wrong, NUM)


# ---- binomial ----------------------------------------------------------------------------------


def _binomial(k: np.ndarray, n: np.ndarray, p: Array) -> Array:
    """The probability of k successes among n."""
    powers = ops.add(special.x_log_y(k, p), special.x_log_1_plus_y(n - k, ops.negative(p)))
    return ops.exp(ops.add(log_choices(n, k), powers))


def _binomial_up_to(k: np.ndarray, n: np.ndarray, p: Array) -> Array:
    """The probability of at most k successes, for k from -1 to n."""
    middle = (k >= 0) & (k < n)
    safe_k, safe_n = np.where(middle, k, 0.0), np.where(middle, n, 1.0)
    probability = special.lower_beta(safe_n - safe_k, safe_k + 1, ops.subtract(1.0, p))
    return probability if middle.all() else ops.where(middle, probability, (k >= n).astype(np.float64))


@elementwise("BINOM.DIST", "number", "number", "number", "boolean")
def binomial(successes: Array, trials: Array, p: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The binomial distribution: the probability of a number of successes, or of at most so many."""
    k, n = whole(successes), whole(trials)
    (k, n), wrong = _counts((k < 0) | (k > n), k, n)
    (p,), errors = sound(outside(p), (p, 0.5))
    return by_kind(cumulative, lambda: _binomial_up_to(k, n, p), lambda: _binomial(k, n, p)), first_error(errors, wrong)


also_named("BINOMDIST", "BINOM.DIST")


@elementwise("BINOM.DIST.RANGE", "number", "number", "number", "number", defaults=(-1.0,))
def binomial_between(trials: Array, p: Array, least: Array, most: Array) -> tuple[Array, Errors]:
    """The probability that the number of successes lies in a range, or is one number."""
    n, first, last = whole(trials), whole(least), whole(most)
    last = np.where((last == -1) & (concrete(most) == -1), first, last)
    wrong = (n < 0) | (first < 0) | (first > n) | (last < first) | (last > n)
    (n, first, last), counts_wrong = _counts(wrong, n, first, last)
    (p,), errors = sound(outside(p), (p, 0.5))
    between = ops.subtract(_binomial_up_to(last, n, p), _binomial_up_to(first - 1, n, p))
    single = first == last
    result = _binomial(first, n, p) if single.all() else ops.where(single, _binomial(first, n, p), between)
    return result, first_error(errors, counts_wrong)


@elementwise("BINOM.INV", "number", "number", "number", differentiable=False)
def binomial_inverse(trials: Array, p: Array, alpha: Array) -> tuple[Array, Errors]:
    """The least number of successes that is not exceeded with probability alpha."""
    n, p, alpha = whole(trials), frozen(p), frozen(alpha)
    wrong = (n < 0) | (p < 0) | (p > 1) | (alpha <= 0) | (alpha >= 1)
    n, p, alpha = np.broadcast_arrays(np.where(wrong, 1.0, n), np.where(wrong, 0.5, p), np.where(wrong, 0.5, alpha))
    low, high = np.full(n.shape, -1.0), n.copy()
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = _binomial_up_to(middle, n, p) >= alpha
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high, error_where(wrong, NUM)


also_named("CRITBINOM", "BINOM.INV")


@elementwise("NEGBINOM.DIST", "number", "number", "number", "boolean")
def negative_binomial(failures: Array, successes: Array, p: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The probability of so many failures (or at most so many) before a number of successes."""
    k, n = whole(failures), whole(successes)
    (k, n), wrong = _counts((k < 0) | (n < 1), k, n)
    (p,), errors = sound(either(outside(p), ops.equal(p, 0.0)), (p, 0.5))

    def exactly() -> Array:
        powers = ops.add(special.x_log_y(n, p), special.x_log_1_plus_y(k, ops.negative(p)))
        return ops.exp(ops.add(log_choices(k + n - 1, k), powers))

    return by_kind(cumulative, lambda: special.lower_beta(n, k + 1, p), exactly), first_error(errors, wrong)


@elementwise("NEGBINOMDIST", "number", "number", "number")
def negative_binomial_probability(failures: Array, successes: Array, p: Array) -> tuple[Array, Errors]:
    """The probability of so many failures before a number of successes."""
    return negative_binomial(failures, successes, p, np.zeros((1, 1, 1), bool))


# ---- Poisson -----------------------------------------------------------------------------------


@elementwise("POISSON.DIST", "number", "number", "boolean")
def poisson(count: Array, mean: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The Poisson distribution: the probability of a number of events, or of at most so many."""
    k = whole(count)
    (k,), wrong = _counts(k < 0, k)
    (mean,), errors = sound(ops.less(mean, 0.0), (mean, 1.0))

    def exactly() -> Array:
        log_factorial = special.scipy_special("gammaln")(k + 1)
        return ops.exp(ops.subtract(special.x_log_y(k, mean), ops.add(mean, log_factorial)))

    return by_kind(cumulative, lambda: special.upper_gamma(k + 1, mean), exactly), first_error(errors, wrong)


also_named("POISSON", "POISSON.DIST")

# ---- hypergeometric ----------------------------------------------------------------------------


def _hypergeometric(k: Any, drawn: Any, marked: Any, total: Any) -> Any:
    """The probability of k marked ones among those drawn."""
    possible = (k >= 0) & (k <= drawn) & (k <= marked) & (drawn - k <= total - marked)
    k = np.where(possible, k, np.maximum(0, drawn + marked - total))
    log = log_choices(marked, k) + log_choices(total - marked, drawn - k) - log_choices(total, drawn)
    return np.where(possible, np.exp(log), 0.0)


def _hypergeometric_up_to(k: float, drawn: float, marked: float, total: float) -> float:
    return float(_hypergeometric(np.arange(k + 1), drawn, marked, total).sum())


@elementwise("HYPGEOM.DIST", "number", "number", "number", "number", "boolean", differentiable=False)
def hypergeometric(found: Array, drawn: Array, marked: Array, total: Array, cumulative: Array) -> tuple[Array, Errors]:
    """The probability of a number of marked ones (or at most so many) in a sample drawn without putting back."""
    k, n, m, size = (whole(count) for count in (found, drawn, marked, total))
    wrong = (k < 0) | (k > np.minimum(n, m)) | (k < n + m - size)
    wrong = wrong | (n <= 0) | (n > size) | (m <= 0) | (m > size) | (size <= 0)
    (k, n, m, size), errors = _counts(wrong, k, n, m, size)
    up_to = np.vectorize(_hypergeometric_up_to, otypes=[np.float64])
    return by_kind(cumulative, lambda: up_to(k, n, m, size), lambda: _hypergeometric(k, n, m, size)), errors


@elementwise("HYPGEOMDIST", "number", "number", "number", "number", differentiable=False)
def hypergeometric_probability(found: Array, drawn: Array, marked: Array, total: Array) -> tuple[Array, Errors]:
    """The probability of a number of marked ones in a sample drawn without putting back."""
    return hypergeometric(found, drawn, marked, total, np.zeros((1, 1, 1), bool))


# ---- counting and given probabilities ----------------------------------------------------------


@elementwise("PERMUTATIONA", "number", "number", differentiable=False)
def permutations_with_repetition(n: Array, k: Array) -> tuple[Array, Errors]:
    """How many ways there are to choose k of n in order, where the same may be chosen again."""
    count, chosen = whole(n), whole(k)
    wrong = (count < 0) | (chosen < 0)
    with np.errstate(over="ignore"):
        return np.where(wrong, 0.0, count) ** np.where(wrong, 1.0, chosen), error_where(wrong, NUM)


@over_arrays("PROB", 3, 4)
def probability_between(values: Value, probabilities: Value, low: Value, high: Value | None) -> Any:
    """The probability, from a table of values and their probabilities, of one value or of a range.

    Arrays of bounds give an array.
    """
    if values.shape[1:] != probabilities.shape[1:]:
        return error_value(NA)
    x, p, errors = paired(values, probabilities)
    first, wrong = as_number(low)
    last, wrong_too = (first, None) if high is None else as_number(high)
    known = concrete(p)
    bad = (known <= 0) | (known > 1)
    uncertain = np.abs(known.sum(axis=1) - 1) > 1e-9
    lower, upper = (concrete(bound)[..., None] for bound in (first, last))
    places = concrete(x)[:, None, None, :]
    chances = ops.reshape(p, (np.shape(known)[0], 1, 1, np.shape(known)[1]))
    total = ops.sum(ops.where((places >= lower) & (places <= upper), chances, 0.0), axis=3)
    impossible = error_where((bad.any(axis=1) | uncertain).reshape(-1, 1, 1), NUM)
    nothing = error_where(without_pairs(values, probabilities), DIV0)
    errors = first_error(errors, wrong, wrong_too, nothing, impossible)
    return total, errors
