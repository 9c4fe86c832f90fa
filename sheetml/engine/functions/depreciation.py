"""Depreciation: what an asset loses in a period, straight or declining."""

from __future__ import annotations

import numpy as np

from sheetml.engine import dates
from sheetml.engine.evaluate import divided
from sheetml.engine.functions.date_time import days_of
from sheetml.engine.functions.distributions import either, sound, whole
from sheetml.engine.functions.math import floor_position
from sheetml.engine.functions.registry import elementwise
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, concrete, frozen
from sheetml.engine.values import DIV0, NUM, Errors, error_where, first_error

MOST_PERIODS = 20_000


@elementwise("SLN", "number", "number", "number")
def straight_line(cost: Array, salvage: Array, life: Array) -> tuple[Array, Errors]:
    """The same loss in each period."""
    return divided(ops.subtract(cost, salvage), life)


@elementwise("SYD", "number", "number", "number", "number")
def sum_of_years_digits(cost: Array, salvage: Array, life: Array, period: Array) -> tuple[Array, Errors]:
    """A loss that falls by the same each period (the sum of the years' digits)."""
    wrong = either(ops.less_equal(life, 0.0), ops.less_equal(period, 0.0), ops.greater(period, life))
    wrong = either(wrong, ops.less(salvage, 0.0))
    (life, period), errors = sound(wrong, (life, 1.0), (period, 1.0))
    left = ops.multiply(ops.subtract(cost, salvage), ops.add(ops.subtract(life, period), 1.0))
    digits = ops.multiply(life, ops.add(life, 1.0))
    return ops.divide(ops.multiply(2.0, left), digits), errors


@elementwise("DB", "number", "number", "number", "number", "number", defaults=(12.0,), differentiable=False)
def fixed_declining_balance(
    cost: Array, salvage: Array, life: Array, period: Array, month: Array
) -> tuple[np.ndarray, Errors]:
    """A loss of the same share of the value in each period, a share rounded to three places."""
    price, rest, years = frozen(cost), frozen(salvage), frozen(life)
    number, months = whole(period), whole(month)
    wrong = (price < 0) | (rest < 0) | (years <= 0) | (number < 1) | (months < 1) | (months > 12)
    wrong = wrong | (number > np.where(months < 12, years + 1, years))
    with np.errstate(all="ignore"):
        ratio = np.where(price > 0, rest / np.where(price > 0, price, 1.0), 0.0)
        share = np.floor((1 - ratio ** (1 / np.where(wrong, 1.0, years))) * 1000 + 0.5) / 1000
    first = price * share * months / 12
    kept = (price - first) * (1 - share) ** np.maximum(number - 2, 0.0)  # before the period
    loss = np.where(number == 1, first, kept * share)
    last = (number > years) & (number > 1)
    loss = np.where(last, kept * share * (12 - months) / 12, loss)
    return np.where(price == 0, 0.0, loss), error_where(wrong, NUM)


def _declined(cost: Array, salvage: Array, life: Array, period: Array, factor: Array) -> Array:
    """The loss in a period of a balance that declines by factor / life, but not below the salvage value."""
    share = ops.minimum(ops.divide(factor, life), 1.0)
    kept = ops.subtract(1.0, share)
    used_up = ops.less_equal(kept, 0.0)
    base = ops.where(used_up, 0.5, kept)
    before = ops.multiply(cost, ops.power(base, ops.subtract(period, 1.0)))
    after = ops.multiply(cost, ops.power(base, period))
    before = ops.where(used_up, ops.where(ops.less_equal(period, 1.0), cost, 0.0), before)
    after = ops.where(used_up, 0.0, after)
    return ops.maximum(ops.subtract(before, ops.maximum(after, salvage)), 0.0)


@elementwise("DDB", "number", "number", "number", "number", "number", defaults=(2.0,))
def double_declining_balance(
    cost: Array, salvage: Array, life: Array, period: Array, factor: Array
) -> tuple[Array, Errors]:
    """A loss of a share of the value, twice that of a straight line or another multiple of it.

    Any part of the first period counts as the whole of it.
    """
    wrong = either(ops.less(cost, 0.0), ops.less(salvage, 0.0), ops.less_equal(life, 0.0), ops.less_equal(factor, 0.0))
    wrong = either(wrong, ops.less_equal(period, 0.0), ops.greater(period, life))
    (cost, salvage, life, period, factor), errors = sound(
        wrong, (cost, 1.0), (salvage, 0.0), (life, 1.0), (period, 1.0), (factor, 1.0)
    )
    return _declined(cost, salvage, life, ops.maximum(period, 1.0), factor), errors


@elementwise("VDB", "number", "number", "number", "number", "number", "number", "boolean", defaults=(2.0, False))
def variable_declining_balance(
    cost: Array, salvage: Array, life: Array, start: Array, end: Array, factor: Array, no_switch: Array
) -> tuple[Array, Errors]:
    """The loss between two moments of a declining balance, which goes on as a straight line once that is more."""
    wrong = either(ops.less(cost, 0.0), ops.less(salvage, 0.0), ops.less_equal(life, 0.0), ops.less_equal(factor, 0.0))
    wrong = either(wrong, ops.less(start, 0.0), ops.greater(start, end), ops.greater(end, life))
    wrong = either(wrong, ops.greater(end, float(MOST_PERIODS)))
    (cost, salvage, life, start, end, factor), errors = sound(
        wrong, (cost, 1.0), (salvage, 0.0), (life, 1.0), (start, 0.0), (end, 0.0), (factor, 1.0)
    )
    lost = _lost(cost, salvage, life, start, end, factor, concrete(no_switch))
    ended = (concrete(start) == concrete(life)) & ~concrete(no_switch).astype(bool)  # no life is left to be even over
    return lost, first_error(errors, error_where(ended, DIV0) if ended.any() else None)


def _lost(
    cost: Array, salvage: Array, life: Array, start: Array, end: Array, factor: Array, declining: np.ndarray
) -> Array:
    """The loss between two moments, period by period: the larger of a share of the value and an even part of the rest.

    As Excel has it, periods are counted from the start: where that lies within one, the first is the part of a
    period until there, and all others end as long after a whole number as it does. The last two periods of
    VDB(1,0,14,3.5,4.5,1.25) and VDB(1,0,14,11.5,12.5,1.25) lose the same.
    """
    lost: Array = np.zeros((1, 1, 1))
    part = ops.subtract(start, floor_position(start))
    share, value = ops.divide(factor, life), cost
    last = int(np.ceil(np.max(concrete(end) - concrete(part))))
    for period in range(last + 1):
        since = ops.maximum(ops.add(part, period - 1.0), 0.0)
        until = ops.add(part, float(period))
        left, remaining = ops.subtract(value, salvage), ops.subtract(life, since)
        over = ops.less_equal(remaining, 0.0)
        even = ops.divide(left, ops.where(over, 1.0, remaining))
        loss = ops.maximum(ops.minimum(ops.multiply(value, share), left), ops.where(declining, -np.inf, even))
        loss = ops.where(over, 0.0, ops.maximum(loss, 0.0))
        within = ops.subtract(ops.minimum(until, end), ops.maximum(since, start))
        lost = ops.add(lost, ops.multiply(loss, ops.maximum(within, 0.0)))
        value = ops.subtract(value, ops.multiply(loss, ops.subtract(ops.minimum(until, life), since)))
    return lost


# ---- the French way ----------------------------------------------------------------------------


def _french(
    cost: Array, bought: Array, first_end: Array, salvage: Array, period: Array, rate: Array, basis: Array
) -> tuple[list[np.ndarray], Errors]:
    """Cost, salvage, period and rate, the share of a year that the first period has, and errors."""
    (start, wrong), (end, wrong_too) = days_of(bought), days_of(first_end)
    price, rest, number, share, kind = frozen(cost), frozen(salvage), whole(period), frozen(rate), whole(basis)
    bad = (price <= 0) | (rest < 0) | (rest > price) | (number < 0) | (share <= 0) | (start > end)
    bad = bad | (kind < 0) | (kind > 4) | (kind == 2)
    years = dates.year_fraction(start, end, np.where(bad, 0, kind))
    numbers = [np.where(bad, 1.0, each) for each in (price, rest, number, share, years)]
    return numbers, first_error(wrong, wrong_too, error_where(bad, NUM))


_SEVEN = ("strict",) * 7


@elementwise("AMORLINC", *_SEVEN, defaults=(0.0,), differentiable=False)
def linear_french(
    cost: Array, bought: Array, first_end: Array, salvage: Array, period: Array, rate: Array, basis: Array
) -> tuple[np.ndarray, Errors]:
    """The same loss in each period, in the first one that of the part of a year it has (France)."""
    (price, rest, number, share, years), errors = _french(cost, bought, first_end, salvage, period, rate, basis)
    each, first = price * share, share * years * price
    full = np.trunc((price - rest - first) / each)
    last = price - rest - each * full - first
    loss = np.select([number == 0, number <= full, number == full + 1], [first, each, last], 0.0)
    return loss, errors


@elementwise("AMORDEGRC", *_SEVEN, defaults=(0.0,), differentiable=False)
def declining_french(
    cost: Array, bought: Array, first_end: Array, salvage: Array, period: Array, rate: Array, basis: Array
) -> tuple[np.ndarray, Errors]:
    """A declining loss in whole units of money, by a coefficient for the length of life (France)."""
    (price, rest, number, share, years), errors = _french(cost, bought, first_end, salvage, period, rate, basis)
    life = 1 / share
    odd = (life < 3) | ((life > 4) & (life < 5))  # lives that have no coefficient
    coefficient = np.select([life < 3, life < 5, life <= 6], [1.0, 1.5, 2.0], 2.5)
    loss = np.vectorize(_declining_french, otypes=[np.float64])(price, rest, number, share * coefficient, years)
    return loss, first_error(errors, error_where(odd, NUM))


def _declining_french(price: float, rest: float, period: float, share: float, years: float) -> float:
    loss = float(np.floor(years * share * price + 0.5))
    price -= loss
    left = price - rest
    for number in range(int(min(period, MOST_PERIODS))):
        loss = float(np.floor(share * price + 0.5))
        left -= loss
        if left < 0:
            return float(np.floor(price * 0.5 + 0.5)) if period - number <= 1 else 0.0
        price -= loss
    return loss
