"""Tests of significance: how likely data are if there is no difference between what they come from."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine.division import alike
from sheetml.engine.functions.arrays import paired, paired_where, without_pairs
from sheetml.engine.functions.distributions import f_beyond, whole
from sheetml.engine.functions.registry import Sample, also_named, over_arrays, sample_in
from sheetml.engine.functions.statistics import as_cells, mean_of, variance_of
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing import special
from sheetml.engine.tracing.graph import Array, concrete
from sheetml.engine.values import DIV0, NA, NUM, Errors, Value, as_number, error_value, error_where, first_error


def scalars(value: Value) -> tuple[Array, Errors]:
    """A scalar argument, one number a cell, (b,)."""
    number, errors = as_number(value)
    count = value.shape[0]
    return ops.reshape(ops.take(number, np.arange(count) * (number.size // count)), (count,)), _flat(errors)


def _flat(errors: Errors) -> Errors:
    return None if errors is None else errors.reshape(errors.shape[0], -1)[:, 0]


def _nonzero(divisor: Array, also: Any = False) -> tuple[Array, Errors]:
    """A divisor, 1 in place of 0 (or where `also` holds) with #DIV/0! there."""
    wrong = concrete(ops.equal(divisor, 0.0)) | also
    return (ops.where(wrong, 1.0, divisor), error_where(wrong, DIV0)) if wrong.any() else (divisor, None)


@over_arrays("Z.TEST", 2, 3)
def z_test(data: Value, expected: Value, sigma: Value | None) -> Value:
    """How likely a mean above that of the data is, for a population of that mean."""
    sample = sample_in(data)
    mean, none = mean_of(sample)
    x, wrong = scalars(expected)
    if sigma is None:
        variance, few = variance_of(sample, 1)
        deviation, flat = _nonzero(variance, sample.count < 2)
        deviation = ops.sqrt(deviation)
    else:
        deviation, few = scalars(sigma)
        bad = concrete(ops.less_equal(deviation, 0.0))
        flat = error_where(bad, NUM)
        deviation = ops.where(bad, 1.0, deviation) if bad.any() else deviation
    z = ops.divide(ops.multiply(ops.subtract(mean, x), np.sqrt(sample.count)), deviation)
    empty = error_where(sample.count == 0, NA)
    return as_cells(
        special.normal_probability(ops.negative(z)), first_error(sample.errors, empty, wrong, few, flat, none)
    )


also_named("ZTEST", "Z.TEST")


def _t_tails(t: Array, freedom: Array, tails: np.ndarray) -> Array:
    """The probability of one or two tails of Student's distribution, its degrees of freedom any number."""
    square = ops.square(t)
    total = ops.add(square, freedom)
    both = special.lower_beta(ops.divide(freedom, 2.0), 0.5, ops.divide(freedom, total))
    return ops.multiply(tails / 2, both)


@over_arrays("T.TEST", 4)
def t_test(first: Value, second: Value, tails: Value, kind: Value) -> Value:
    """How likely a difference of means as large as that of two samples is, if there is none.

    Type 1 compares pairs, 2 samples of equal variance, 3 samples of unequal variance (Welch).
    """
    (count, count_errors), (type_, type_errors) = scalars(tails), scalars(kind)
    number, chosen = whole(count), whole(type_)
    wrong = (number < 1) | (number > 2) | (chosen < 1) | (chosen > 3)
    errors = first_error(count_errors, type_errors, error_where(wrong, NUM) if wrong.any() else None)
    if errors is not None:
        alike(errors)
        if errors.all():
            return as_cells(np.zeros(errors.size), errors)
    alike(chosen)
    if chosen[0] == 1:
        t, freedom, problems = _of_pairs(first, second)
    else:
        t, freedom, problems = _of_samples(sample_in(first), sample_in(second), equal=bool(chosen[0] == 2))
    return as_cells(_t_tails(t, freedom, number), first_error(errors, problems))


also_named("TTEST", "T.TEST")


def _of_pairs(first: Value, second: Value) -> tuple[Array, Array, Errors]:
    x, y, included, errors = paired_where(first, second)
    differences = Sample(ops.subtract(x, y), included, _flat(errors))
    mean, none = mean_of(differences)
    variance, few = variance_of(differences, 1)
    safe, flat = _nonzero(variance, differences.count < 2)
    t = ops.divide(mean, ops.sqrt(ops.divide(safe, np.maximum(differences.count, 1.0))))
    return t, np.maximum(differences.count - 1, 1.0), first_error(differences.errors, none, few, flat)


def _of_samples(first: Sample, second: Sample, equal: bool) -> tuple[Array, Array, Errors]:
    (mean, none), (other, none_too) = mean_of(first), mean_of(second)
    (variance, few), (other_variance, few_too) = variance_of(first, 1), variance_of(second, 1)
    m, n = np.maximum(first.count, 1.0), np.maximum(second.count, 1.0)
    freedom: Array = np.maximum(m + n - 2, 1.0)
    if equal:
        squares = ops.add(ops.multiply(m - 1, variance), ops.multiply(n - 1, other_variance))
        spread, flat = _nonzero(ops.multiply(ops.divide(squares, freedom), 1 / m + 1 / n))
    else:
        part, other_part = ops.divide(variance, m), ops.divide(other_variance, n)
        spread, flat = _nonzero(ops.add(part, other_part))
        squares = ops.add(
            ops.divide(ops.square(part), np.maximum(m - 1, 1.0)),
            ops.divide(ops.square(other_part), np.maximum(n - 1, 1.0)),
        )
        freedom = ops.divide(ops.square(spread), _nonzero(squares)[0])
    errors = first_error(first.errors, second.errors, none, none_too, few, few_too, flat)
    return ops.divide(ops.subtract(mean, other), ops.sqrt(spread)), freedom, errors


@over_arrays("F.TEST", 2)
def f_test(first: Value, second: Value) -> Value:
    """How likely variances as different as those of two samples are, if they are equal."""
    left, right = sample_in(first), sample_in(second)
    (variance, few), (other, few_too) = variance_of(left, 1), variance_of(right, 1)
    (variance, flat), (other, flat_too) = _nonzero(variance), _nonzero(other)
    m, n = np.maximum(left.count - 1, 1.0), np.maximum(right.count - 1, 1.0)
    beyond = f_beyond(ops.divide(variance, other), m, n)
    both = ops.multiply(2.0, ops.minimum(beyond, ops.subtract(1.0, beyond)))
    return as_cells(both, first_error(left.errors, right.errors, few, few_too, flat, flat_too))


also_named("FTEST", "F.TEST")


@over_arrays("CHISQ.TEST", 2)
def chi_squared_test(actual: Value, expected: Value) -> Any:
    """How likely counts as far from those expected are, if rows and columns are independent."""
    rows, columns = actual.shape[1:]
    if expected.shape[1:] != (rows, columns) or rows * columns == 1:
        return error_value(NA)
    x, y, errors = paired(actual, expected)
    (safe, zero) = _nonzero(y)
    squares = ops.divide(ops.square(ops.subtract(x, y)), safe)
    freedom = float((rows - 1) * (columns - 1) if min(rows, columns) > 1 else max(rows, columns) - 1)
    probability = special.upper_gamma(freedom / 2, ops.divide(ops.sum(squares, axis=1), 2.0))
    divided = None if zero is None else zero.max(axis=1)
    nothing = error_where(without_pairs(actual, expected), DIV0)
    return as_cells(probability, first_error(_flat(errors), divided, _flat(nothing)))


also_named("CHITEST", "CHISQ.TEST")
