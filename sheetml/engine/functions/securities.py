"""Securities with coupons: dates of coupons, prices, yields and durations.

Dates and day counts have no derivative; rates, prices, yields and redemptions do. Formulas as Excel's
documentation gives them; where its results differ from them, as its results are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sheetml.engine import dates
from sheetml.engine.functions.date_time import days_of
from sheetml.engine.functions.distributions import either, sound, whole
from sheetml.engine.functions.registry import elementwise
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.graph import Array, frozen
from sheetml.engine.tracing.roots import newton, root_of
from sheetml.engine.values import DIV0, NUM, Errors, error_where, first_error

# ---- days and periods --------------------------------------------------------------------------


def days_between(start: np.ndarray, end: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Days from one date to another by a day count basis."""
    actual = end - start
    us, european = dates.days_30_360(start, end), dates.days_360(start, end, True)
    return np.select([basis == 0, basis == 4], [us, european], actual).astype(np.float64)


def coupon_before(maturity: np.ndarray, count: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """The coupon date so many periods before maturity; at the ends of months if that is at one."""
    return dates.same_day_or_end(maturity, -(count * (12 // frequency)))


def coupons_left(settlement: np.ndarray, maturity: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """How many coupons are due after settlement, the last at maturity."""
    (y1, m1, _), (y2, m2, _) = dates.calendar(settlement), dates.calendar(maturity)
    count = ((y2 - y1) * 12 + m2 - m1) // (12 // frequency)
    return count + (coupon_before(maturity, count, frequency) > settlement)


@dataclass(slots=True)
class Period:
    """The coupon period that a settlement is in."""

    previous: np.ndarray
    following: np.ndarray
    coupons: np.ndarray  # after settlement
    length: np.ndarray  # E
    elapsed: np.ndarray  # A, from the previous coupon
    left: np.ndarray  # DSC, to the following one


def _length(previous: np.ndarray, following: np.ndarray, frequency: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """The days of a coupon period by a basis."""
    return np.select([basis == 1, basis == 3], [following - previous, 365 / frequency], 360 / frequency)


def period_of(settlement: np.ndarray, maturity: np.ndarray, frequency: np.ndarray, basis: np.ndarray) -> Period:
    count = coupons_left(settlement, maturity, frequency)
    previous, following = (coupon_before(maturity, n, frequency) for n in (count, count - 1))
    length = _length(previous, following, frequency, basis)
    elapsed = days_between(previous, settlement, basis)
    left = np.where(basis == 0, length - elapsed, days_between(settlement, following, basis))
    return Period(previous, following, count, length, elapsed, left)


@dataclass(slots=True)
class Terms:
    """Settlement, maturity, frequency and basis of a security, harmless where they are wrong."""

    settlement: np.ndarray
    maturity: np.ndarray
    frequency: np.ndarray
    basis: np.ndarray

    @property
    def period(self) -> Period:
        return period_of(self.settlement, self.maturity, self.frequency, self.basis)


def terms(settlement: Array, maturity: Array, frequency: Array | None, basis: Array) -> tuple[Terms, Errors]:
    """#NUM! unless settlement is before maturity, the frequency 1, 2 or 4 and the basis 0 to 4."""
    (start, wrong), (end, wrong_too) = days_of(settlement), days_of(maturity)
    kind = whole(basis).astype(np.int64)
    times = np.ones((1, 1, 1), np.int64) if frequency is None else whole(frequency).astype(np.int64)
    bad = (start >= end) | (kind < 0) | (kind > 4) | ~np.isin(times, (1, 2, 4))
    if bad.any():
        start, end = np.where(bad, 40000, start), np.where(bad, 41000, end)
        times, kind = np.where(bad, 1, times), np.where(bad, 0, kind)
    errors = first_error(wrong, wrong_too, error_where(bad, NUM) if bad.any() else None)
    return Terms(*np.broadcast_arrays(start, end, times, kind)), errors


# ---- coupon dates ------------------------------------------------------------------------------


def _of_coupons(name: str, about: str, take: Any) -> None:
    @elementwise(name, "strict", "strict", "strict", "strict", defaults=(0.0,), differentiable=False, about=about)
    def evaluate(settlement: Array, maturity: Array, frequency: Array, basis: Array) -> tuple[np.ndarray, Errors]:
        security, errors = terms(settlement, maturity, frequency, basis)
        return np.asarray(take(security.period), np.float64), errors


_of_coupons("COUPDAYBS", "The days from the last coupon to settlement.", lambda period: period.elapsed)
_of_coupons("COUPDAYS", "The days of the coupon period that settlement is in.", lambda period: period.length)
_of_coupons("COUPDAYSNC", "The days from settlement to the next coupon.", lambda period: period.left)
_of_coupons("COUPNCD", "The date of the next coupon.", lambda period: period.following)
_of_coupons("COUPNUM", "How many coupons are due after settlement.", lambda period: period.coupons)
_of_coupons("COUPPCD", "The date of the last coupon.", lambda period: period.previous)

# ---- prices and yields -------------------------------------------------------------------------


def _discounts(grown: Array, first: np.ndarray, count: np.ndarray) -> tuple[Array, np.ndarray]:
    """What payments of 1 are worth, (b, R, C, n), `first` periods from now and each period after; and when."""
    k = np.arange(int(count.max(initial=1)))
    moments = np.where(k < count[..., None], first[..., None] + k, 0.0)
    shape = np.shape(ops.value_of(grown))
    worth = ops.power(ops.reshape(grown, (*shape, 1)), -moments)
    return ops.where(k < count[..., None], worth, 0.0), moments


def _price(
    yield_: Array, rate: Array, redemption: Array, frequency: Any, first: Any, elapsed: Any, count: Any
) -> Array:
    """The price for 100, by a yield; with one coupon left, at simple interest."""
    coupon, per_period = ops.divide(ops.multiply(100.0, rate), frequency), ops.divide(yield_, frequency)
    worth, _ = _discounts(ops.add(1.0, per_period), first, count)
    whole_price = ops.add(
        ops.multiply(coupon, ops.sum(worth, axis=3)),
        ops.multiply(redemption, ops.power(ops.add(1.0, per_period), -(first + count - 1))),
    )
    if (count == 1).any():
        simple = ops.divide(ops.add(coupon, redemption), ops.add(1.0, ops.multiply(per_period, first)))
        whole_price = ops.where(count == 1, simple, whole_price)
    return ops.subtract(whole_price, ops.multiply(coupon, elapsed))


def _find_yield(equation: Any, guess: float = 0.1) -> Any:
    def solve(*operands: Any) -> np.ndarray:
        shape = np.broadcast_shapes(*(np.shape(each) for each in operands))
        return newton(equation, np.full(shape, guess), operands, steps=100)

    return solve


def _gap(yield_: Array, price: Array, *security: Any) -> Array:
    return ops.subtract(_price(yield_, *security), price)


_yield = root_of("YIELD", _gap, _find_yield(_gap), 7)


def _schedule(security: Terms) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Frequency, periods to the next coupon, part of the period elapsed, and coupons left, as floats.

    Excel counts what is left of the period as its length without what has elapsed, by every basis.
    """
    period = security.period
    count = period.coupons.astype(np.float64)
    elapsed = period.elapsed / period.length
    return security.frequency.astype(np.float64), 1 - elapsed, elapsed, count


_BOND = ("strict",) * 7


@elementwise("PRICE", *_BOND, defaults=(0.0,))
def price(
    settlement: Array, maturity: Array, rate: Array, yield_: Array, redemption: Array, frequency: Array, basis: Array
) -> tuple[Array, Errors]:
    """The price for 100 of a security that pays interest in coupons."""
    security, errors = terms(settlement, maturity, frequency, basis)
    wrong = either(ops.less(rate, 0.0), ops.less(yield_, 0.0), ops.less_equal(redemption, 0.0))
    (rate, yield_, redemption), bad = sound(wrong, (rate, 0.1), (yield_, 0.1), (redemption, 100.0))
    return _price(yield_, rate, redemption, *_schedule(security)), first_error(errors, bad)


@elementwise("YIELD", *_BOND, defaults=(0.0,))
def yield_of_price(
    settlement: Array, maturity: Array, rate: Array, paid: Array, redemption: Array, frequency: Array, basis: Array
) -> tuple[Array, Errors]:
    """The yield of a security that pays interest in coupons, by its price."""
    security, errors = terms(settlement, maturity, frequency, basis)
    wrong = either(ops.less(rate, 0.0), ops.less_equal(paid, 0.0), ops.less_equal(redemption, 0.0))
    (rate, paid, redemption), bad = sound(wrong, (rate, 0.1), (paid, 100.0), (redemption, 100.0))
    return _yield(paid, rate, redemption, *_schedule(security)), first_error(errors, bad)


def _duration(
    settlement: Array, maturity: Array, rate: Array, yield_: Array, frequency: Array, basis: Array
) -> tuple[Array, Array, Errors]:
    """Macaulay's duration, in years, the growth of a period, and errors."""
    security, errors = terms(settlement, maturity, frequency, basis)
    (rate, yield_), bad = sound(either(ops.less(rate, 0.0), ops.less(yield_, 0.0)), (rate, 0.1), (yield_, 0.1))
    times, first, _, count = _schedule(security)
    grown = ops.add(1.0, ops.divide(yield_, times))
    worth, moments = _discounts(grown, first, count)
    coupon = ops.divide(ops.multiply(100.0, rate), times)
    last = first + count - 1
    end = ops.multiply(100.0, ops.power(grown, -last))
    weighted = ops.add(ops.multiply(coupon, ops.sum(ops.multiply(worth, moments), axis=3)), ops.multiply(end, last))
    total = ops.add(ops.multiply(coupon, ops.sum(worth, axis=3)), end)
    return ops.divide(ops.divide(weighted, total), times), grown, first_error(errors, bad)


@elementwise("DURATION", *_BOND[:6], defaults=(0.0,))
def duration(
    settlement: Array, maturity: Array, rate: Array, yield_: Array, frequency: Array, basis: Array
) -> tuple[Array, Errors]:
    """Macaulay's duration: the mean time of the payments of a security, weighted by their worth, in years."""
    years, _, errors = _duration(settlement, maturity, rate, yield_, frequency, basis)
    return years, errors


@elementwise("MDURATION", *_BOND[:6], defaults=(0.0,))
def modified_duration(
    settlement: Array, maturity: Array, rate: Array, yield_: Array, frequency: Array, basis: Array
) -> tuple[Array, Errors]:
    """The modified duration: how the price of a security falls, in shares of it, as its yield rises."""
    years, grown, errors = _duration(settlement, maturity, rate, yield_, frequency, basis)
    return ops.divide(years, grown), errors


# ---- without coupons ---------------------------------------------------------------------------


def _years(settlement: Array, maturity: Array, basis: Array) -> tuple[np.ndarray, Errors]:
    security, errors = terms(settlement, maturity, None, basis)
    return dates.year_fraction(security.settlement, security.maturity, security.basis), errors


def _amounts(first: Array, second: Array) -> tuple[list[Array], Errors]:
    """#NUM! unless both are positive."""
    wrong = either(ops.less_equal(first, 0.0), ops.less_equal(second, 0.0))
    return sound(wrong, (first, 1.0), (second, 1.0))


_FIVE = ("strict",) * 5


@elementwise("DISC", *_FIVE, defaults=(0.0,))
def discount(settlement: Array, maturity: Array, paid: Array, redemption: Array, basis: Array) -> tuple[Array, Errors]:
    """The discount rate of a security."""
    years, errors = _years(settlement, maturity, basis)
    (paid, redemption), bad = _amounts(paid, redemption)
    return ops.divide(ops.divide(ops.subtract(redemption, paid), redemption), years), first_error(errors, bad)


@elementwise("INTRATE", *_FIVE, defaults=(0.0,))
def interest_rate(
    settlement: Array, maturity: Array, invested: Array, redemption: Array, basis: Array
) -> tuple[Array, Errors]:
    """The interest rate of a security that is paid for in full."""
    years, errors = _years(settlement, maturity, basis)
    (invested, redemption), bad = _amounts(invested, redemption)
    return ops.divide(ops.divide(ops.subtract(redemption, invested), invested), years), first_error(errors, bad)


@elementwise("YIELDDISC", *_FIVE, defaults=(0.0,))
def yield_of_discounted(
    settlement: Array, maturity: Array, paid: Array, redemption: Array, basis: Array
) -> tuple[Array, Errors]:
    """The yield of a year of a discounted security."""
    return interest_rate(settlement, maturity, paid, redemption, basis)


@elementwise("RECEIVED", *_FIVE, defaults=(0.0,))
def received(settlement: Array, maturity: Array, invested: Array, rate: Array, basis: Array) -> tuple[Array, Errors]:
    """What is received at maturity for an investment at a discount rate."""
    years, errors = _years(settlement, maturity, basis)
    (invested, rate), bad = _amounts(invested, rate)
    rest = ops.subtract(1.0, ops.multiply(rate, years))
    (rest,), none = sound(ops.less_equal(rest, 0.0), (rest, 1.0))
    return ops.divide(invested, rest), first_error(errors, bad, none)


@elementwise("PRICEDISC", *_FIVE, defaults=(0.0,))
def price_of_discounted(
    settlement: Array, maturity: Array, rate: Array, redemption: Array, basis: Array
) -> tuple[Array, Errors]:
    """The price for 100 of a discounted security."""
    years, errors = _years(settlement, maturity, basis)
    (rate, redemption), bad = _amounts(rate, redemption)
    return ops.multiply(redemption, ops.subtract(1.0, ops.multiply(rate, years))), first_error(errors, bad)


def _three_dates(settlement: Array, maturity: Array, issue: Array, basis: Array) -> tuple[list[np.ndarray], Errors]:
    """Years from issue to maturity, from settlement to maturity and from issue to settlement."""
    security, errors = terms(settlement, maturity, None, basis)
    start, wrong = days_of(issue)
    late = start > security.settlement
    start = np.where(late, security.settlement, start)
    spans = ((start, security.maturity), (security.settlement, security.maturity), (start, security.settlement))
    years = [dates.year_fraction(first, last, security.basis) for first, last in spans]
    return years, first_error(errors, wrong, error_where(late, NUM) if late.any() else None)


_SIX = ("strict",) * 6


@elementwise("PRICEMAT", *_SIX, defaults=(0.0,))
def price_at_maturity(
    settlement: Array, maturity: Array, issue: Array, rate: Array, yield_: Array, basis: Array
) -> tuple[Array, Errors]:
    """The price for 100 of a security that pays interest at maturity."""
    (in_all, left, elapsed), errors = _three_dates(settlement, maturity, issue, basis)
    (rate, yield_), bad = sound(either(ops.less(rate, 0.0), ops.less(yield_, 0.0)), (rate, 0.1), (yield_, 0.1))
    paid = ops.add(100.0, ops.multiply(ops.multiply(100.0, rate), in_all))
    worth = ops.divide(paid, ops.add(1.0, ops.multiply(yield_, left)))
    return ops.subtract(worth, ops.multiply(ops.multiply(100.0, rate), elapsed)), first_error(errors, bad)


@elementwise("YIELDMAT", *_SIX, defaults=(0.0,))
def yield_at_maturity(
    settlement: Array, maturity: Array, issue: Array, rate: Array, paid: Array, basis: Array
) -> tuple[Array, Errors]:
    """The yield of a security that pays interest at maturity."""
    (in_all, left, elapsed), errors = _three_dates(settlement, maturity, issue, basis)
    (rate, paid), bad = sound(either(ops.less(rate, 0.0), ops.less_equal(paid, 0.0)), (rate, 0.1), (paid, 100.0))
    end = ops.add(1.0, ops.multiply(rate, in_all))
    start = ops.add(ops.divide(paid, 100.0), ops.multiply(rate, elapsed))
    return ops.divide(ops.subtract(ops.divide(end, start), 1.0), left), first_error(errors, bad)


@elementwise("ACCRINTM", *_FIVE, defaults=(0.0,))
def accrued_at_maturity(issue: Array, settlement: Array, rate: Array, par: Array, basis: Array) -> tuple[Array, Errors]:
    """The accrued interest of a security that pays it at maturity."""
    years, errors = _years(issue, settlement, basis)
    (rate, par), bad = _amounts(rate, par)
    return ops.multiply(ops.multiply(par, rate), years), first_error(errors, bad)


# ---- treasury bills and fractions --------------------------------------------------------------


def _days_of_bill(settlement: Array, maturity: Array) -> tuple[np.ndarray, Errors]:
    """The days a bill runs: #NUM! beyond a year."""
    (start, wrong), (end, wrong_too) = days_of(settlement), days_of(maturity)
    bad = (start >= end) | (end > dates.months_later(start, np.full_like(start, 12)))
    days = np.where(bad, 90, end - start).astype(np.float64)
    return days, first_error(wrong, wrong_too, error_where(bad, NUM) if bad.any() else None)


@elementwise("TBILLPRICE", "strict", "strict", "strict")
def price_of_bill(settlement: Array, maturity: Array, rate: Array) -> tuple[Array, Errors]:
    """The price for 100 of a treasury bill."""
    days, errors = _days_of_bill(settlement, maturity)
    worth = ops.multiply(100.0, ops.subtract(1.0, ops.multiply(rate, days / 360)))
    (worth,), bad = sound(either(ops.less_equal(rate, 0.0), ops.less_equal(worth, 0.0)), (worth, 1.0))
    return worth, first_error(errors, bad)


@elementwise("TBILLYIELD", "strict", "strict", "strict")
def yield_of_bill(settlement: Array, maturity: Array, paid: Array) -> tuple[Array, Errors]:
    """The yield of a treasury bill."""
    days, errors = _days_of_bill(settlement, maturity)
    (paid,), bad = sound(ops.less_equal(paid, 0.0), (paid, 1.0))
    return ops.multiply(ops.divide(ops.subtract(100.0, paid), paid), 360 / days), first_error(errors, bad)


@elementwise("TBILLEQ", "strict", "strict", "strict")
def bond_equivalent_of_bill(settlement: Array, maturity: Array, rate: Array) -> tuple[Array, Errors]:
    """The yield of a bond that a treasury bill is worth as much as; beyond half a year one with a coupon between."""
    days, errors = _days_of_bill(settlement, maturity)
    worth = ops.subtract(1.0, ops.multiply(rate, days / 360))
    (rate, worth), bad = sound(either(ops.less_equal(rate, 0.0), ops.less_equal(worth, 0.0)), (rate, 0.1), (worth, 0.9))
    short = ops.divide(ops.multiply(rate, 365 / 360), worth)
    if (days <= 182).all():
        return short, first_error(errors, bad)
    share = np.where(days > 182, days / np.where(days == 366, 366.0, 365.0), 1.0)
    root = ops.sqrt(ops.subtract(share**2, ops.multiply(2 * share - 1, ops.subtract(1.0, ops.divide(1.0, worth)))))
    long = ops.divide(ops.multiply(2.0, ops.subtract(root, share)), 2 * share - 1)
    return ops.where(days > 182, long, short), first_error(errors, bad)


_whole_part = ops.position_of("whole part", np.trunc)


def _in_fractions(name: str, about: str, decimal: bool) -> None:
    @elementwise(name, "strict", "strict", about=about)
    def evaluate(amount: Array, fraction: Array) -> tuple[Array, Errors]:
        parts = np.trunc(ops.value_of(fraction)) if isinstance(fraction, np.ndarray) else whole(fraction)
        safe = np.maximum(parts, 1.0)
        scale = 10.0 ** np.ceil(np.log10(safe)) / safe
        units = _whole_part(amount)
        rest = ops.multiply(ops.subtract(amount, units), scale if decimal else 1 / scale)
        return ops.add(units, rest), first_error(error_where(parts < 0, NUM), error_where(parts == 0, DIV0))


_in_fractions("DOLLARDE", "A price in whole numbers and fractions as a decimal number.", decimal=True)
_in_fractions("DOLLARFR", "A decimal price in whole numbers and fractions.", decimal=False)


# ---- accrued interest --------------------------------------------------------------------------


def _accrued_periods(
    issue: np.ndarray, first: np.ndarray, settlement: np.ndarray, security: Terms, from_issue: np.ndarray
) -> np.ndarray:
    """How many coupon periods of interest have accrued, as Excel's results show it.

    Periods are counted from the one that ends at the first coupon (its length is the measure) back to the
    issue, and on to settlement. Without `from_issue` the whole periods between them are left out.
    """
    times, basis = security.frequency, security.basis
    count = coupons_left(issue, first, times)
    start = coupon_before(first, np.ones_like(count), times)
    length = _length(start, first, times, basis)
    own_start, own_end = coupon_before(first, count, times), coupon_before(first, count - 1, times)
    whole_own = issue == own_start
    part = np.where(whole_own, 0.0, days_between(issue, own_end, basis) / _length(own_start, own_end, times, basis))
    one_period = count == 1  # the issue is in the period of the first coupon
    between = np.where(one_period, 0, count - 2 + whole_own)
    early = np.where(one_period, days_between(issue, settlement, basis), days_between(start, settlement, basis))
    early = np.where(one_period, 0.0, part) + early / length
    accrued = early + np.where(from_issue, between, 0)
    late = settlement > first
    if (late & from_issue).any():
        (y1, m1, _), (y2, m2, _) = dates.calendar(first), dates.calendar(settlement)
        passed = np.maximum((y2 - y1) * 12 + m2 - m1, 0) // (12 // times)
        passed = passed - (coupon_before(first, -passed, times) >= settlement)
        last = coupon_before(first, -passed, times)
        until = np.where(whole_own, 1.0, days_between(issue, first, basis) / length)
        until = np.where(one_period, until, part + between + 1)
        total = until + passed + days_between(last, settlement, basis) / length
        accrued = np.where(late & from_issue, total, accrued)
    return accrued


@elementwise("ACCRINT", *_SIX, "strict", "boolean", defaults=(0.0, True))
def accrued(
    issue: Array,
    first: Array,
    settlement: Array,
    rate: Array,
    par: Array,
    frequency: Array,
    basis: Array,
    from_issue: Array,
) -> tuple[Array, Errors]:
    """The accrued interest of a security that pays it in coupons."""
    security, errors = terms(issue, settlement, frequency, basis)
    coupon_date, wrong = days_of(first)
    broken = coupon_date <= security.settlement
    coupon_date = np.where(broken, security.settlement + 1, coupon_date)
    (rate, par), bad = _amounts(rate, par)
    periods = _accrued_periods(security.settlement, coupon_date, security.maturity, security, frozen(from_issue))
    errors = first_error(errors, wrong, bad, error_where(broken, NUM) if broken.any() else None)
    coupon = ops.divide(ops.multiply(par, rate), security.frequency.astype(np.float64))
    return ops.multiply(coupon, periods), errors


# ---- odd first and last periods ----------------------------------------------------------------


def _quasi_periods(
    anchor: np.ndarray, start: np.ndarray, end: np.ndarray, security: Terms, *, measured_first: bool = False
) -> np.ndarray:
    """The days from start to end in parts of coupon periods, which count from an anchor either way.

    A whole period counts as 1 by every basis, but with `measured_first` not the one that starts at the start.
    """
    times, basis = security.frequency, security.basis
    (y, m, _), (y1, m1, _), (y2, m2, _) = (dates.calendar(each) for each in (anchor, start, end))
    step = 12 // times
    first = ((y1 - y) * 12 + m1 - m) // step - 1
    last = ((y2 - y) * 12 + m2 - m) // step + 1
    at = -np.arange(int(first.min()), int(last.max()) + 1).reshape(-1, *(1,) * times.ndim)
    previous, following = coupon_before(anchor, at, times), coupon_before(anchor, at - 1, times)
    low, high = np.maximum(previous, start), np.minimum(following, end)
    days = np.where(low < high, days_between(low, high, basis), 0.0)
    part = days / _length(previous, following, times, basis)
    is_whole = (low == previous) & (high == following)
    if measured_first:
        is_whole = is_whole & (low != start)
    in_all: np.ndarray = np.add.accumulate(np.where(is_whole, 1.0, part), axis=0)[-1]
    return in_all


def _odd_last(
    settlement: Array, maturity: Array, last: Array, frequency: Array, basis: Array
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Errors]:
    """Frequency, and the coupon periods from the last coupon to maturity, to settlement, and between the two.

    Excel measures them by their actual days also by the bases 2 and 3.
    """
    security, errors = terms(settlement, maturity, frequency, basis)
    security.basis = np.where((security.basis == 2) | (security.basis == 3), 1, security.basis)
    paid, wrong = days_of(last)
    late = paid >= security.settlement
    paid = np.where(late, security.settlement - 1, paid)
    spans = ((paid, security.maturity), (paid, security.settlement), (security.settlement, security.maturity))
    in_all, elapsed, left = (_quasi_periods(paid, start, end, security) for start, end in spans)
    errors = first_error(errors, wrong, error_where(late, NUM) if late.any() else None)
    return (security.frequency.astype(np.float64), in_all, elapsed, left), errors


_EIGHT = ("strict",) * 8


@elementwise("ODDLPRICE", *_EIGHT, defaults=(0.0,))
def price_with_odd_last(
    settlement: Array,
    maturity: Array,
    last: Array,
    rate: Array,
    yield_: Array,
    redemption: Array,
    frequency: Array,
    basis: Array,
) -> tuple[Array, Errors]:
    """The price for 100 of a security whose last coupon period is short or long."""
    (times, in_all, elapsed, left), errors = _odd_last(settlement, maturity, last, frequency, basis)
    wrong = either(ops.less(rate, 0.0), ops.less(yield_, 0.0), ops.less_equal(redemption, 0.0))
    (rate, yield_, redemption), bad = sound(wrong, (rate, 0.1), (yield_, 0.1), (redemption, 100.0))
    coupon = ops.divide(ops.multiply(100.0, rate), times)
    end = ops.add(redemption, ops.multiply(coupon, in_all))
    worth = ops.divide(end, ops.add(1.0, ops.multiply(yield_, left / times)))
    return ops.subtract(worth, ops.multiply(coupon, elapsed)), first_error(errors, bad)


@elementwise("ODDLYIELD", *_EIGHT, defaults=(0.0,))
def yield_with_odd_last(
    settlement: Array,
    maturity: Array,
    last: Array,
    rate: Array,
    paid: Array,
    redemption: Array,
    frequency: Array,
    basis: Array,
) -> tuple[Array, Errors]:
    """The yield of a security whose last coupon period is short or long."""
    (times, in_all, elapsed, left), errors = _odd_last(settlement, maturity, last, frequency, basis)
    wrong = either(ops.less(rate, 0.0), ops.less_equal(paid, 0.0), ops.less_equal(redemption, 0.0))
    (rate, paid, redemption), bad = sound(wrong, (rate, 0.1), (paid, 100.0), (redemption, 100.0))
    coupon = ops.divide(ops.multiply(100.0, rate), times)
    start = ops.add(paid, ops.multiply(coupon, elapsed))
    end = ops.add(redemption, ops.multiply(coupon, in_all))
    return ops.multiply(ops.subtract(ops.divide(end, start), 1.0), times / left), first_error(errors, bad)


def _odd_first(
    settlement: Array, maturity: Array, issue: Array, first: Array, frequency: Array, basis: Array
) -> tuple[tuple[np.ndarray, ...], Errors]:
    """Frequency, periods to the first coupon, those it pays for, those elapsed, and the coupons after it."""
    security, errors = terms(settlement, maturity, frequency, basis)
    (start, wrong), (coupon, wrong_too) = days_of(issue), days_of(first)
    bad = ~((start < security.settlement) & (security.settlement < coupon) & (coupon < security.maturity))
    start = np.where(bad, security.settlement - 1, start)
    coupon = np.where(bad, security.settlement + 1, coupon)
    left = _quasi_periods(coupon, security.settlement, coupon, security, measured_first=True)
    paid = _quasi_periods(coupon, start, coupon, security)
    elapsed = _quasi_periods(coupon, start, security.settlement, security)
    count = coupons_left(coupon, security.maturity, security.frequency).astype(np.float64)
    errors = first_error(errors, wrong, wrong_too, error_where(bad, NUM) if bad.any() else None)
    return (security.frequency.astype(np.float64), left, paid, elapsed, count), errors


def _odd_price(
    yield_: Array, rate: Array, redemption: Array, times: Any, left: Any, paid: Any, elapsed: Any, count: Any
) -> Array:
    grown = ops.add(1.0, ops.divide(yield_, times))
    coupon = ops.divide(ops.multiply(100.0, rate), times)
    worth, _ = _discounts(grown, left + 1, count)
    start = ops.multiply(ops.multiply(coupon, paid), ops.power(grown, -left))
    end = ops.multiply(redemption, ops.power(grown, -(left + count)))
    coupons = ops.multiply(coupon, ops.sum(worth, axis=3))
    return ops.subtract(ops.add(ops.add(start, coupons), end), ops.multiply(coupon, elapsed))


def _odd_gap(yield_: Array, price: Array, *security: Any) -> Array:
    return ops.subtract(_odd_price(yield_, *security), price)


_odd_yield = root_of("ODDFYIELD", _odd_gap, _find_yield(_odd_gap), 8)
_NINE = ("strict",) * 9


@elementwise("ODDFPRICE", *_NINE, defaults=(0.0,))
def price_with_odd_first(
    settlement: Array,
    maturity: Array,
    issue: Array,
    first: Array,
    rate: Array,
    yield_: Array,
    redemption: Array,
    frequency: Array,
    basis: Array,
) -> tuple[Array, Errors]:
    """The price for 100 of a security whose first coupon period is short or long."""
    schedule, errors = _odd_first(settlement, maturity, issue, first, frequency, basis)
    wrong = either(ops.less(rate, 0.0), ops.less(yield_, 0.0), ops.less_equal(redemption, 0.0))
    (rate, yield_, redemption), bad = sound(wrong, (rate, 0.1), (yield_, 0.1), (redemption, 100.0))
    return _odd_price(yield_, rate, redemption, *schedule), first_error(errors, bad)


@elementwise("ODDFYIELD", *_NINE, defaults=(0.0,))
def yield_with_odd_first(
    settlement: Array,
    maturity: Array,
    issue: Array,
    first: Array,
    rate: Array,
    paid: Array,
    redemption: Array,
    frequency: Array,
    basis: Array,
) -> tuple[Array, Errors]:
    """The yield of a security whose first coupon period is short or long."""
    schedule, errors = _odd_first(settlement, maturity, issue, first, frequency, basis)
    wrong = either(ops.less(rate, 0.0), ops.less_equal(paid, 0.0), ops.less_equal(redemption, 0.0))
    (rate, paid, redemption), bad = sound(wrong, (rate, 0.1), (paid, 100.0), (redemption, 100.0))
    return _odd_yield(paid, rate, redemption, *schedule), first_error(errors, bad)
