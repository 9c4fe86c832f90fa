"""Annuities: equal payments at equal intervals, their value now and later, rate, number and interest.

All of them are about one equation, for money received positive and money paid negative:

    pv (1+r)^n + pmt (1 + r type) ((1+r)^n - 1)/r + fv = 0
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine.evaluate import divided, raised
from sheetml.engine.functions.distributions import either, sound, whole
from sheetml.engine.functions.math import product
from sheetml.engine.functions.registry import Sample, elementwise, over_arrays, sample_in
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, concrete
from sheetml.engine.tracing.roots import missing, newton, root_of
from sheetml.engine.values import (
    BOOLEAN,
    NUM,
    TEXT,
    VALUE,
    Errors,
    Value,
    as_number,
    error_where,
    first_error,
    number_value,
)

_TERMS = 9  # of series in what is below _SMALL
_SMALL = 1e-2
_SMALL_GROWTH = 1e-1  # the series of (1+r)^n falls faster; further out its closed form keeps second derivatives too


def growth(rate: Array, periods: Array) -> tuple[Array, Errors]:
    """(1 + r)^n."""
    return raised(ops.add(1.0, rate), periods)


def _accumulated(rate: Array, periods: Array, grown: Array) -> Array:
    """((1+r)^n - 1)/r, what payments of 1 come to; near r = 0 by the binomial series, which keeps all digits."""
    small = ops.less(ops.multiply(ops.absolute(rate), ops.add(1.0, ops.absolute(periods))), _SMALL_GROWTH)
    near = ops.where(small, rate, 0.0)
    series: Array = np.ones((1, 1, 1))
    for k in range(_TERMS, 0, -1):
        factor = ops.multiply(ops.divide(ops.subtract(periods, float(k)), k + 1.0), near)
        series = ops.add(1.0, ops.multiply(factor, series))
    closed = ops.divide(ops.subtract(grown, 1.0), ops.where(small, 1.0, rate))
    return ops.where(small, ops.multiply(periods, series), closed)


def _log_ratio(x: Array) -> Array:
    """log(1+x)/x, near 0 by its series."""
    small = ops.less(ops.absolute(x), _SMALL)
    near, far = ops.where(small, x, 0.0), ops.where(small, 1.0, x)
    series: Array = np.zeros((1, 1, 1))
    for k in range(_TERMS, 0, -1):
        series = ops.subtract(1.0 / k, ops.multiply(near, series))
    return ops.where(small, series, ops.divide(ops.log1p(far), far))


def _due(kind: Array) -> np.ndarray:
    """1 where payments fall due at the beginning of each period, 0 where at its end."""
    return (concrete(kind) != 0).astype(np.float64)


def _payments(rate: Array, due: np.ndarray, accumulated: Array) -> Array:
    """What payments of 1 come to at the end."""
    return ops.multiply(ops.add(1.0, ops.multiply(rate, due)), accumulated)


def _future(rate: Array, periods: Array, payment: Array, present: Array, due: np.ndarray) -> tuple[Array, Errors]:
    grown, errors = growth(rate, periods)
    paid = ops.multiply(payment, _payments(rate, due, _accumulated(rate, periods, grown)))
    return ops.negative(ops.add(ops.multiply(present, grown), paid)), errors


def _payment(rate: Array, periods: Array, present: Array, future: Array, due: np.ndarray) -> tuple[Array, Errors]:
    grown, errors = growth(rate, periods)
    owed = ops.add(ops.multiply(present, grown), future)
    paid, none = divided(owed, _payments(rate, due, _accumulated(rate, periods, grown)))
    return ops.negative(paid), first_error(errors, None if none is None else error_where(none != 0, NUM))


@elementwise("FV", "number", "number", "number", "number", "number", defaults=(0.0, 0.0))
def future_value(rate: Array, periods: Array, payment: Array, present: Array, kind: Array) -> tuple[Array, Errors]:
    """What a present value and equal payments come to."""
    return _future(rate, periods, payment, present, _due(kind))


@elementwise("PV", "number", "number", "number", "number", "number", defaults=(0.0, 0.0))
def present_value(rate: Array, periods: Array, payment: Array, future: Array, kind: Array) -> tuple[Array, Errors]:
    """What equal payments and a future value are worth now."""
    grown, errors = growth(rate, periods)
    paid = ops.multiply(payment, _payments(rate, _due(kind), _accumulated(rate, periods, grown)))
    worth, zero = divided(ops.add(future, paid), grown)
    return ops.negative(worth), first_error(errors, zero)


@elementwise("PMT", "number", "number", "number", "number", "number", defaults=(0.0, 0.0))
def payment(rate: Array, periods: Array, present: Array, future: Array, kind: Array) -> tuple[Array, Errors]:
    """The payment of each period that repays a loan."""
    (rate,), lost = sound(ops.less_equal(rate, -1.0), (rate, 0.0))
    paid, errors = _payment(rate, periods, present, future, _due(kind))
    return paid, first_error(lost, errors)


@elementwise("NPER", "number", "number", "number", "number", "number", defaults=(0.0, 0.0))
def number_of_periods(rate: Array, payment: Array, present: Array, future: Array, kind: Array) -> tuple[Array, Errors]:
    """How many periods it takes until equal payments have turned one value into another."""
    paid = ops.multiply(payment, ops.add(1.0, ops.multiply(rate, _due(kind))))
    end, start = ops.subtract(paid, ops.multiply(future, rate)), ops.add(paid, ops.multiply(present, rate))
    same_sign = either(*(ops.logical_and(sign(end, 0.0), sign(start, 0.0)) for sign in (ops.greater, ops.less)))
    grows = ops.logical_and(ops.greater(rate, -1.0), same_sign)
    paying = concrete(ops.logical_and(grows, ops.greater(ops.multiply(paid, end), 0.0)))
    if paying.all():
        return _periods_of_payments(rate, paid, present, future), None
    solvable = ops.logical_and(grows, ops.not_equal(rate, 0.0))
    wrong = ops.logical_not(ops.logical_or(paying, solvable))
    usual = either(paying, wrong)
    (safe_rate, end, start), errors = sound(usual, (rate, 1.0), (end, 2.0), (start, 1.0))
    alone = ops.divide(ops.log(ops.divide(end, start)), ops.log1p(safe_rate))
    errors = error_where(concrete(wrong), NUM)
    if not paying.any():
        return alone, errors
    given = ((rate, 0.0), (paid, 1.0), (present, 1.0), (future, 1.0))
    periods = _periods_of_payments(*(ops.where(paying, each, safe) for each, safe in given))
    return ops.where(paying, periods, alone), errors


def _periods_of_payments(rate: Array, paid: Array, present: Array, future: Array) -> Array:
    """log((1 - r fv/pmt) / (1 + r pv/pmt)) / log(1 + r), with r cancelled, so that it may be 0."""
    late, soon = ops.negative(ops.divide(future, paid)), ops.divide(present, paid)
    parts = [ops.multiply(part, _log_ratio(ops.multiply(part, rate))) for part in (late, soon)]
    return ops.divide(ops.subtract(*parts), _log_ratio(rate))


# ---- the rate ----------------------------------------------------------------------------------


def _balance(rate: Array, periods: Array, payment: Array, present: Array, future: Array, due: Any, _: Any) -> Array:
    grown = ops.power(ops.add(1.0, rate), periods)
    paid = ops.multiply(payment, _payments(rate, due, _accumulated(rate, periods, grown)))
    return ops.add(ops.add(ops.multiply(present, grown), paid), future)


def _find_rate(*operands: Any) -> np.ndarray:
    """By Newton's method from the guess, as Excel's results show; at -1 and below there is no rate."""
    start = np.broadcast_arrays(*operands)[-1]
    found = newton(_balance, start, operands)
    return missing(found, ~(found > -1 + 1e-9))


_rate = root_of("RATE", _balance, _find_rate, 6)


@elementwise("RATE", "number", "number", "number", "number", "number", "number", defaults=(0.0, 0.0, 0.1))
def rate_of_interest(
    periods: Array, payment: Array, present: Array, future: Array, kind: Array, guess: Array
) -> tuple[Array, Errors]:
    """The rate of interest at which equal payments turn one value into another."""
    (periods,), errors = sound(ops.less_equal(periods, 0.0), (periods, 1.0))
    return _rate(periods, payment, present, future, _due(kind), concrete(guess)), errors


# ---- interest and repayment --------------------------------------------------------------------


def _interest(
    rate: Array, period: Array, periods: Array, present: Array, future: Array, due: np.ndarray
) -> tuple[Array, Errors]:
    """The interest within the payment of a period (negative, as it is paid).

    Within a period it grows like the debt does: the period need not be whole, and may lie within the last one.
    """
    (rate,), lost = sound(ops.less_equal(rate, -1.0), (rate, 0.0))
    paid, errors = _payment(rate, periods, present, future, due)
    left, wrong = _future(rate, ops.subtract(period, 1.0), paid, present, due)
    interest = ops.multiply(left, rate)
    if due.any():  # paid at the beginning, without a period's growth; the first payment holds none
        early = ops.divide(interest, ops.add(1.0, rate))
        first = ops.less_equal(period, 1.0)
        interest = ops.where(due != 0, ops.where(first, 0.0, early), interest)
    beyond = ops.greater_equal(period, ops.add(periods, 1.0))
    outside = either(ops.less(period, 1.0), beyond, ops.less_equal(periods, 0.0))
    (interest,), bad = sound(outside, (interest, 0.0))
    return interest, first_error(lost, errors, wrong, bad)


@elementwise("IPMT", "number", "number", "number", "number", "number", "number", defaults=(0.0, 0.0))
def interest_of_payment(
    rate: Array, period: Array, periods: Array, present: Array, future: Array, kind: Array
) -> tuple[Array, Errors]:
    """The interest within the payment of a period."""
    return _interest(rate, period, periods, present, future, _due(kind))


@elementwise("PPMT", "number", "number", "number", "number", "number", "number", defaults=(0.0, 0.0))
def repayment_of_payment(
    rate: Array, period: Array, periods: Array, present: Array, future: Array, kind: Array
) -> tuple[Array, Errors]:
    """What the payment of a period repays."""
    interest, errors = _interest(rate, period, periods, present, future, _due(kind))
    paid, wrong = _payment(rate, periods, present, future, _due(kind))
    return ops.subtract(paid, interest), first_error(errors, wrong)


@elementwise("ISPMT", "number", "number", "number", "number")
def interest_of_equal_repayments(rate: Array, period: Array, periods: Array, present: Array) -> tuple[Array, Errors]:
    """The interest of a period where the same is repaid in each."""
    share, zero = divided(period, periods)
    return ops.multiply(ops.multiply(present, rate), ops.subtract(share, 1.0)), zero


def _cumulated(
    rate: Array, periods: Array, present: Array, first: Array, last: Array, kind: Array
) -> tuple[Array, Array, Errors]:
    """The interest of all whole periods from one to another (by geometric sums), their payments, and errors."""
    soonest, latest, count, due = concrete(first), concrete(last), concrete(periods), whole(kind)
    bad = (soonest < 1) | (latest < soonest) | (latest > count) | ((due != 0) & (due != 1))
    wrong = either(ops.less_equal(rate, 0.0), ops.less_equal(present, 0.0), bad)
    (rate, present, periods), errors = sound(wrong, (rate, 1.0), (present, 1.0), (periods, 1.0))
    start, end, due = (np.where(bad, 1.0, each) for each in (np.ceil(soonest), np.floor(latest), due))
    end = np.maximum(end, start - 1)  # there may be no whole period between them
    paid, _ = _payment(rate, periods, present, np.zeros((1, 1, 1)), due)
    bearing = np.maximum(start, 1 + due)  # due at the beginning, the first payment holds no interest
    grown = ops.add(1.0, rate)
    rise = ops.subtract(ops.power(grown, end - due), ops.power(grown, np.minimum(bearing - 1, end) - due))
    owed = ops.add(present, ops.divide(ops.multiply(paid, ops.power(grown, due)), rate))
    interest = ops.subtract(ops.multiply(paid, np.maximum(end - bearing + 1, 0.0)), ops.multiply(owed, rise))
    return interest, ops.multiply(paid, end - start + 1), errors


_SIX = ("strict",) * 6


@elementwise("CUMIPMT", *_SIX)
def cumulated_interest(
    rate: Array, periods: Array, present: Array, first: Array, last: Array, kind: Array
) -> tuple[Array, Errors]:
    """The interest paid in all periods from one to another."""
    interest, _, errors = _cumulated(rate, periods, present, first, last, kind)
    return interest, errors


@elementwise("CUMPRINC", *_SIX)
def cumulated_repayment(
    rate: Array, periods: Array, present: Array, first: Array, last: Array, kind: Array
) -> tuple[Array, Errors]:
    """What is repaid in all periods from one to another."""
    interest, paid, errors = _cumulated(rate, periods, present, first, last, kind)
    return ops.subtract(paid, interest), errors


# ---- rates -------------------------------------------------------------------------------------


@elementwise("EFFECT", "strict", "strict")
def effective_rate(nominal: Array, periods: Array) -> tuple[Array, Errors]:
    """The rate of a year that a nominal rate, compounded so many times, comes to."""
    count = whole(periods)
    (nominal,), errors = sound(either(ops.less_equal(nominal, 0.0), count < 1), (nominal, 1.0))
    count = np.maximum(count, 1.0)
    return ops.expm1(ops.multiply(count, ops.log1p(ops.divide(nominal, count)))), errors


@elementwise("NOMINAL", "strict", "strict")
def nominal_rate(effective: Array, periods: Array) -> tuple[Array, Errors]:
    """The nominal rate that, compounded so many times a year, comes to an effective rate."""
    count = whole(periods)
    (effective,), errors = sound(either(ops.less_equal(effective, 0.0), count < 1), (effective, 1.0))
    count = np.maximum(count, 1.0)
    return ops.multiply(count, ops.expm1(ops.divide(ops.log1p(effective), count))), errors


@elementwise("PDURATION", "number", "number", "number")
def periods_to_grow(rate: Array, present: Array, future: Array) -> tuple[Array, Errors]:
    """How many periods it takes a present value to grow to a future one."""
    wrong = either(ops.less_equal(rate, 0.0), ops.less_equal(present, 0.0), ops.less_equal(future, 0.0))
    (rate, present, future), errors = sound(wrong, (rate, 1.0), (present, 1.0), (future, 1.0))
    return ops.divide(ops.log(ops.divide(future, present)), ops.log1p(rate)), errors


@elementwise("RRI", "number", "number", "number")
def rate_of_growth(periods: Array, present: Array, future: Array) -> tuple[Array, Errors]:
    """The rate at which a present value grows to a future one."""
    wrong = either(ops.less_equal(periods, 0.0), ops.equal(present, 0.0))
    wrong = either(wrong, ops.less(ops.multiply(present, future), 0.0))
    (periods, present), errors = sound(wrong, (periods, 1.0), (present, 1.0))
    share = ops.divide(future, present)
    root, undefined = raised(ops.where(ops.less(share, 0.0), 1.0, share), ops.divide(1.0, periods))
    return ops.subtract(root, 1.0), first_error(errors, undefined)


@over_arrays("FVSCHEDULE", 2)
def future_value_by_schedule(present: Value, rates: Value) -> Value:
    """What a present value comes to at a series of rates, one after the other."""
    number, errors = as_number(present)
    if rates.kind is not None:
        words = ((rates.kind == TEXT) | (rates.kind == BOOLEAN)).any(axis=(1, 2), keepdims=True)
        errors = first_error(errors, error_where(words, VALUE))
    sample = sample_in(rates)
    total: Array = number
    if sample.number.shape[1]:
        grown = product(Sample(ops.add(1.0, sample.number)))
        total = ops.multiply(number, ops.reshape(grown, (sample.number.shape[0], 1, 1)))
    own = None if sample.errors is None else sample.errors.reshape(-1, 1, 1)
    return number_value(total, first_error(errors, own))
