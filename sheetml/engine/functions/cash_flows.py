"""Cash flows: what they are worth at a rate of interest, and the rate at which they come out even."""

from __future__ import annotations

from typing import Any

import numpy as np

from sheetml.engine import dates
from sheetml.engine.evaluate import Arguments, Context, Result, divided, raised
from sheetml.engine.functions.distributions import sound
from sheetml.engine.functions.registry import Sample, error_of_any, function, over_arrays, sample_in, sample_of
from sheetml.engine.functions.significance import scalars
from sheetml.engine.functions.statistics import as_cells
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, Traced, concrete, frozen, value_of
from sheetml.engine.tracing.roots import missing, newton, root_of
from sheetml.engine.values import (
    BLANK,
    DIV0,
    NUM,
    NUMBER,
    VALUE,
    Errors,
    Value,
    as_number,
    error_where,
    first_error,
    number_value,
)

_START = 0.1  # the rate that is tried first


def _numbering(sample: Sample) -> np.ndarray:
    """The positions of a cell's numbers, from 0, (b, n): what is left out is not counted."""
    if sample.included is None:
        return np.arange(float(sample.number.shape[1]))[None, :]
    return np.cumsum(np.broadcast_to(sample.included, sample.number.shape), axis=1) - 1.0


@function("NPV", 2)
def net_present_value(context: Context, arguments: Arguments) -> Result:
    """The present value of flows at the ends of equal periods."""
    rate, errors = as_number(context.value(arguments[0]))
    sample = sample_of(context, arguments[1:])
    periods = _numbering(sample) + 1.0
    columns = np.shape(value_of(rate))[1:]
    flows = ops.reshape(sample.number, (sample.number.shape[0], 1, 1, sample.number.shape[1]))
    (rate,), zero = sound(ops.equal(rate, -1.0), (rate, 0.0))
    factors = ops.power(ops.add(1.0, ops.reshape(rate, (-1, *columns, 1))), -periods[:, None, None, :])
    total = ops.sum(ops.multiply(flows, factors), axis=3)
    own = None if sample.errors is None else sample.errors.reshape(-1, 1, 1)
    return number_value(total, first_error(errors, own, None if zero is None else error_where(zero != 0, DIV0)))


# ---- rates of return ---------------------------------------------------------------------------


def _balance(rate: Array, flows: Array, years: Array, guess: Any) -> Array:
    """What flows after so many years are worth at a rate, (b,)."""
    factors = ops.power(ops.reshape(ops.add(1.0, rate), (-1, 1)), ops.negative(years))
    return ops.sum(ops.multiply(flows, factors), axis=1)


def _balance_by_log(log: Array, flows: Array, years: Array, guess: Any) -> Array:
    """What flows after so many years are worth, (b,), by the logarithm of 1 + rate, where no rate is out of bounds."""
    factors = ops.exp(ops.negative(ops.multiply(ops.reshape(log, (-1, 1)), years)))
    return ops.sum(ops.multiply(flows, factors), axis=1)


def _find_rate(flows: Any, years: Any, guess: Any) -> np.ndarray:
    """By Newton's method from the guess; by logarithms where that leaves the domain."""
    count = max(np.shape(flows)[0], np.shape(years)[0], np.shape(guess)[0])
    start = np.broadcast_to(guess, (count,))
    with np.errstate(all="ignore"):
        found = newton(_balance, start, (flows, years, guess))
        lost = ~(found > -1)
        if lost.any():
            by_log = newton(_balance_by_log, np.log1p(start), (flows, years, guess), longest=1.0)
            again = ~np.isfinite(by_log) & (start < 0)
            if again.any():  # below the guess, where a negative one asks for it, the balance is monotone
                low = newton(_balance_by_log, np.where(again, _LOWEST_LOG, 0.0), (flows, years, guess), steps=100)
                by_log = np.where(again, low, by_log)
            found = np.where(lost, np.expm1(by_log), found)
    return missing(found, ~(found > _LEAST))


_LEAST = -1 + 1e-9  # a rate that Excel finds
_LOWEST_LOG = -20.0  # of 1 + rate, where the last flows outweigh all others
rate_of_flows = root_of("rate of return", _balance, _find_rate, 3)


def _rate_of_return(flows: Array, years: np.ndarray, guess: np.ndarray) -> tuple[Array, Errors]:
    """The rate, (b,): #NUM! unless there are flows both ways, #VALUE! for a guess of -1 or less."""
    signs = np.sign(concrete(ops.sign(flows)))
    one_way = ~((signs > 0).any(axis=1) & (signs < 0).any(axis=1))
    wild = guess <= -1
    errors = first_error(error_where(wild, VALUE), error_where(one_way, NUM))
    if one_way.all() or wild.all():
        return np.zeros(1), errors
    if one_way.any():  # anything that has a rate
        even = np.zeros(np.shape(value_of(flows)))
        even[:, 0], even[:, -1] = -1.0, 1.0
        flows = ops.where(one_way[:, None], even, flows)
    return rate_of_flows(flows, years, np.where(wild, _START, guess)), errors


@over_arrays("IRR", 1, 2)
def internal_rate_of_return(values: Value, guess: Value | None) -> Value:
    """The rate at which flows at equal intervals come out even."""
    sample = sample_in(values)
    start, errors = (np.full(1, _START), None) if guess is None else scalars(guess)
    if not sample.number.shape[1]:
        return as_cells(np.zeros(1), np.full(1, NUM, np.uint8))
    rate, wrong = _rate_of_return(sample.number, _numbering(sample), concrete(start))
    if not isinstance(rate, Traced):
        rate = _secant_rates(rate, sample, concrete(start))
    return as_cells(rate, first_error(sample.errors, errors, wrong))


# Excel's IRR is the last of the numbers that the secant method goes through, in the discount factor 1 / (1 + rate):
# from that of the guess and the one 0.001 below it, until rates differ by less than 0.00001 percent. That makes all
# the digits of the reference workbook, and the rest of the balance that NPV finds at such a rate.
_FIRST_STEP = 1e-3
_CLOSE = 1e-7
_MOST_SECANTS = 100


def _secant_rates(rates: np.ndarray, sample: Sample, guess: np.ndarray) -> np.ndarray:
    """The numbers that Excel's IRR gives, (b,); where it gives none, those that are known otherwise."""
    numbers = value_of(sample.number)
    included = np.broadcast_to(True if sample.included is None else sample.included, numbers.shape)
    shape = np.broadcast_shapes(rates.shape, numbers.shape[:1], guess.shape)
    found = np.array(np.broadcast_to(rates, shape))
    for place, start in enumerate(np.broadcast_to(guess, shape).tolist()):
        row = place % len(numbers)
        rate = _secant_rate(numbers[row][included[row]].tolist(), start) if start > -1 else None
        if rate is not None:
            found[place] = rate
    return found


def _secant_rate(flows: list[float], guess: float) -> float | None:
    def balance(factor: float) -> float:
        return sum(flow * factor**period for period, flow in enumerate(flows))

    before = 1 / (1 + guess)
    factor = before - _FIRST_STEP
    try:
        rest, rest_before = balance(factor), balance(before)
        for _ in range(_MOST_SECANTS):
            after = factor - rest * (factor - before) / (rest - rest_before)
            before, factor = factor, after
            rest_before, rest = rest, balance(factor)
            if abs(1 / factor - 1 / before) < _CLOSE:
                return 1 / factor - 1 if factor > 0 else None
    except ArithmeticError:
        pass
    return None


@over_arrays("MIRR", 3)
def modified_rate_of_return(values: Value, finance: Value, reinvestment: Value) -> Value:
    """The rate of return where money lent and money borrowed bear interest at rates of their own."""
    sample = sample_in(values)
    if sample.number.shape[1] == 0:
        return as_cells(np.zeros(1), np.full(1, DIV0, np.uint8))
    (lent, wrong), (borrowed, wrong_too) = scalars(reinvestment), scalars(finance)
    periods, last = _numbering(sample), sample.count[:, None] - 1
    gains = concrete(ops.greater(sample.number, 0.0))
    losses = concrete(ops.less(sample.number, 0.0))
    earned = _compounded(sample.number, gains, lent, np.maximum(last - periods, 0.0))
    spent = ops.negative(_compounded(sample.number, losses, borrowed, -periods))
    ratio, none = divided(earned, spent)
    grown, undefined = raised(ratio, 1 / np.maximum(sample.count - 1, 1.0))
    few = error_where((sample.count < 2) | ~losses.any(axis=1), DIV0)
    ruined = ~gains.any(axis=1)
    grown = ops.where(ruined, 0.0, grown) if ruined.any() else grown
    undefined = None if undefined is None else np.where(ruined, 0, undefined)
    errors = first_error(sample.errors, wrong, wrong_too, few, none, undefined)
    return as_cells(ops.subtract(grown, 1.0), errors)


def _compounded(flows: Array, chosen: np.ndarray, rate: Array, periods: np.ndarray) -> Array:
    """The chosen flows with interest for so many periods, summed, (b,)."""
    base = ops.add(1.0, ops.reshape(rate, (-1, 1)))
    exponents = np.where(chosen, periods, 0.0)
    return ops.sum(ops.multiply(ops.where(chosen, flows, 0.0), ops.power(base, exponents)), axis=1)


# ---- flows on dates ----------------------------------------------------------------------------


def _dated(values: Value, days: Value, blank_counts: bool, code: int) -> tuple[Array, np.ndarray, Errors]:
    """Flows and the years since the first of them, (b, n): #NUM! for dates before it, `code` for no numbers."""
    errors = error_of_any(values, days)
    flows = ops.reshape(values.number, (values.shape[0], -1))
    moments = np.floor(frozen(ops.reshape(days.number, (days.shape[0], -1))))
    if flows.shape[1] != moments.shape[1] or flows.shape[1] < 2:
        return np.zeros((1, 2)), np.ones((1, 2)), first_error(errors, np.full((1, 1, 1), NUM, np.uint8))
    if blank_counts:
        ended = _blank_to_the_end(values, days)
        moments = np.where(ended, moments[:, :1], moments)
    accepted = (values.kinds == NUMBER) | ((values.kinds == BLANK) & blank_counts)
    strange = ~accepted.all(axis=(1, 2), keepdims=True) | (days.kinds > BLANK).any(axis=(1, 2), keepdims=True)
    early = (moments < moments[:, :1]) | (moments < 0) | (moments > dates.last_day())
    errors = first_error(errors, error_where(strange, code), error_where(early.any(axis=1)[:, None, None], NUM))
    return flows, (moments - moments[:, :1]) / 365, errors


def _blank_to_the_end(values: Value, days: Value) -> np.ndarray:
    """From where on neither a flow nor its date is given, (b, n)."""
    blank = (values.kinds == BLANK).reshape(values.shape[0], -1) & (days.kinds == BLANK).reshape(days.shape[0], -1)
    return np.logical_and.accumulate(blank[:, ::-1], axis=1)[:, ::-1]


@over_arrays("XNPV", 3)
def net_present_value_of_dates(rate: Value, values: Value, days: Value) -> Value:
    """The present value, on the first date, of flows on dates."""
    flows, years, errors = _dated(values, days, False, NUM)
    number, wrong = scalars(rate)
    (number,), low = sound(ops.less_equal(number, 0.0), (number, 1.0))
    total = _balance(number, flows, years, None)
    return as_cells(total, first_error(wrong, None if errors is None else errors.reshape(-1), low))


@over_arrays("XIRR", 2, 3)
def rate_of_return_of_dates(values: Value, days: Value, guess: Value | None) -> Value:
    """The rate of a year at which flows on dates come out even."""
    flows, years, errors = _dated(values, days, True, VALUE)
    start, wrong = (np.full(1, _START), None) if guess is None else scalars(guess)
    rate, none = _rate_of_return(flows, years, concrete(start))
    if not isinstance(rate, Traced):
        rate = _halved_rates(rate, value_of(flows), years, concrete(start))
    return as_cells(rate, first_error(None if errors is None else errors.reshape(-1), wrong, none))


# What Excel's XIRR gives is not the rate but a number within about 1e-8 of it. That all its results are a guess
# times a whole number over a power of 2 tells how it is found: by halving, from 0 to the guess, or twice, four
# times ... the guess, and below 0 from -1 to the guess's negative. The bounds below separate the steps at which it
# ended from those at which it went on, in results published with 10 and more digits: those of the reference
# workbooks and of the tests of ExcelFinancialFunctions.
_SMALLEST_GUESS = 1e-5  # in place of 0
_HALF_STEP = 7e-9  # where halving ends, as a share of 1 + rate for positive rates
_LARGEST_REST = 7e-8  # ... if the balance is no larger than this share of the first flow
_MOST_HALVINGS = 100


def _halved_rates(rates: np.ndarray, flows: np.ndarray, years: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """The numbers that Excel's XIRR gives for rates that are known exactly, (b,)."""
    shape = np.broadcast_shapes(rates.shape, flows.shape[:1], years.shape[:1], guess.shape)
    each = zip(np.broadcast_to(rates, shape), np.broadcast_to(guess, shape))
    found = [
        _halved(float(rate), flows[place % flows.shape[0]], years[place % years.shape[0]], float(start))
        for place, (rate, start) in enumerate(each)
    ]
    return np.array(found)


def _halved(rate: float, flows: np.ndarray, years: np.ndarray, guess: float) -> float:
    if not np.isfinite(rate):
        return rate
    size = abs(guess) or _SMALLEST_GUESS
    if rate < -size:
        low, high = -1.0, -size
    elif rate < 0:
        low, high = -size, 0.0
    else:
        low, high = 0.0, size
        while high < rate:
            high *= 2
    least = _LARGEST_REST * abs(float(flows[0]))
    middle = rate
    with np.errstate(all="ignore"):
        for _ in range(_MOST_HALVINGS):
            middle, step = (low + high) / 2, (high - low) / 2
            rest = abs(float(np.sum(flows * (1 + middle) ** -years)))
            if step < _HALF_STEP * max(1.0, 1 + middle) and rest <= least:
                break
            low, high = (middle, high) if middle < rate else (low, middle)
    return middle
