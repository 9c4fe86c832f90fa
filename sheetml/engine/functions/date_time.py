"""Dates and times: serial numbers made of their parts, taken apart, and the time between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine import dates
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.registry import Item, as_strict_number, elementwise, function, one_by_one
from sheetml.engine.reading import parse_moment
from sheetml.engine.tracing.graph import Array, frozen
from sheetml.engine.values import NUM, Errors, Value, error_where, first_error
from sheetml.xlsx.model import ErrorCode

SECONDS = 86400  # of a day
_HALF_A_SECOND = 0.5 / SECONDS


def whole(number: Array) -> np.ndarray:
    """Numbers cut off to int64 (far beyond any date they are clipped), for a function without derivative."""
    return np.trunc(np.clip(frozen(number), -1e12, 1e12)).astype(np.int64)


def days_of(number: Array) -> tuple[np.ndarray, Errors]:
    """Days by their serial numbers, the time of day cut off; #NUM! where no calendar has them."""
    days = np.floor(np.clip(frozen(number), -1e12, 1e12)).astype(np.int64)
    outside = (days < 0) | (days > dates.last_day())
    return np.where(outside, 0, days), error_where(outside, NUM) if outside.any() else None


def on_calendar(days: np.ndarray, errors: Errors = None) -> tuple[np.ndarray, Errors]:
    """Computed days as a function's result: #NUM! where no calendar has them."""
    outside = (days < 0) | (days > dates.last_day())
    return days.astype(np.float64), first_error(errors, error_where(outside, NUM))


# ---- dates made ----------------------------------------------------------------------------------


@elementwise("DATE", "number", "number", "number", differentiable=False)
def date(year: Array, month: Array, day: Array) -> tuple[np.ndarray, Errors]:
    """The day of a year, a month and a day of the month; years before 1900 count from 1900."""
    y, m, d = (whole(part) for part in (year, month, day))
    stated = np.where(y < 1900, y + 1900, y)
    carried = stated + (m - 1) // 12  # the year of the month: it must be on the calendar, whatever the day is
    outside = (y < 0) | (y > dates.LAST_YEAR) | (carried < dates.first_year()) | (carried > dates.LAST_YEAR)
    y, m = np.where(outside, 2000, stated), np.where(outside, 1, m)
    return on_calendar(dates.serial(y, m, d), error_where(outside, NUM))


@one_by_one("DATEVALUE", "value")
def date_of_text(text: Item) -> Item:
    """The day that a text names; a time in it is left out."""
    if isinstance(text, ErrorCode):
        return text
    moment = parse_moment(text) if isinstance(text, str) else None
    return ErrorCode.VALUE if moment is None else float(moment[0] + int(moment[1]))


@elementwise("EDATE", "strict", "strict", differentiable=False)
def months_later(start: Array, months: Array) -> tuple[np.ndarray, Errors]:
    """The same day of the month, some months later."""
    days, errors = days_of(start)
    return on_calendar(dates.months_later(days, whole(months)), errors)


@elementwise("EOMONTH", "strict", "strict", differentiable=False)
def end_of_month(start: Array, months: Array) -> tuple[np.ndarray, Errors]:
    """The last day of the month, some months later."""
    days, errors = days_of(start)
    return on_calendar(dates.end_of_month(days, whole(months)), errors)


@function("TODAY", 0, 0, volatile=True, differentiable=False)
def today(context: Context, arguments: Arguments) -> Result:
    """The day of the calculation."""
    return Value(np.full((1, 1, 1), np.floor(context.workspace.now)))


@function("NOW", 0, 0, volatile=True, differentiable=False)
def now(context: Context, arguments: Arguments) -> Result:
    """The day and time of the calculation."""
    return Value(np.full((1, 1, 1), context.workspace.now))


# ---- dates taken apart ---------------------------------------------------------------------------


def _part(name: str, about: str, take: Callable[[np.ndarray], np.ndarray]) -> None:
    @elementwise(name, "number", differentiable=False, about=about)
    def evaluate(number: Array) -> tuple[np.ndarray, Errors]:
        days, errors = days_of(number)
        return take(days).astype(np.float64), errors


_part("YEAR", "The year of a date.", lambda days: dates.calendar(days)[0])
_part("MONTH", "The month of a date, 1 to 12.", lambda days: dates.calendar(days)[1])
_part("DAY", "The day of the month of a date.", lambda days: dates.calendar(days)[2])
_part("ISOWEEKNUM", "The number of a date's week by ISO 8601.", dates.iso_week)

_FIRST_DAYS = {1: 0, 2: 1, **{10 + day: day % 7 for day in range(1, 8)}}  # of the week, by type; 0 is Sunday
_ISO = 21


def _first_day(kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first day of the week for each type, and which types there are."""
    first, known = np.zeros(kind.shape, np.int64), np.zeros(kind.shape, bool)
    for number, day in _FIRST_DAYS.items():
        first[kind == number] = day
        known |= kind == number
    return first, known


@elementwise("WEEKDAY", "number", "number", defaults=(1.0,), differentiable=False)
def day_of_week(number: Array, kind: Array) -> tuple[np.ndarray, Errors]:
    """The day of the week, counted from the day the type says: type 1 from Sunday as 1, 3 from Monday as 0."""
    days, errors = days_of(number)
    types = whole(kind)
    first, known = _first_day(np.where(types == 3, 2, types))
    position = (dates.weekday(days) - first) % 7
    return (position + (types != 3)).astype(np.float64), first_error(errors, error_where(~known, NUM))


@elementwise("WEEKNUM", "strict", "strict", defaults=(1.0,), differentiable=False)
def week_of_year(number: Array, kind: Array) -> tuple[np.ndarray, Errors]:
    """The number of the week in its year; the week of 1 January is week 1, except with type 21 (ISO)."""
    days, errors = days_of(number)
    types = whole(kind)
    first, known = _first_day(types)
    year, _, _ = dates.calendar(days)
    new_year = dates.serial(year, 1, 1)
    week = (days - new_year + (dates.weekday(new_year) - first) % 7) // 7 + 1
    week = np.where(types == _ISO, dates.iso_week(days), week)
    return week.astype(np.float64), first_error(errors, error_where(~known & (types != _ISO), NUM))


# ---- times ---------------------------------------------------------------------------------------


def _part_of_time(name: str, about: str, length: int, count: int) -> None:
    @elementwise(name, "number", differentiable=False, about=about)
    def evaluate(number: Array) -> tuple[np.ndarray, Errors]:
        moment = frozen(number)
        _, errors = days_of(moment)
        seconds = np.floor(np.mod(moment, 1.0) * SECONDS + 0.5) % SECONDS
        return seconds // length % count, errors


_part_of_time("HOUR", "The hour of a time, 0 to 23.", 3600, 24)
_part_of_time("MINUTE", "The minute of a time.", 60, 60)
_part_of_time("SECOND", "The second of a time, rounded.", 1, 60)


@elementwise("TIME", "number", "number", "number", differentiable=False)
def time(hour: Array, minute: Array, second: Array) -> tuple[np.ndarray, Errors]:
    """The part of a day of an hour, a minute and a second; whole days are dropped."""
    parts = [whole(part) for part in (hour, minute, second)]
    total = parts[0] * 3600 + parts[1] * 60 + parts[2]
    wrong = total < 0
    for part in parts:
        wrong = wrong | (part > 32767)
    return total % SECONDS / SECONDS, error_where(wrong, NUM)


@one_by_one("TIMEVALUE", "value")
def time_of_text(text: Item) -> Item:
    """The time that a text names, as a part of a day; a date in it is left out."""
    if isinstance(text, ErrorCode):
        return text
    moment = parse_moment(text) if isinstance(text, str) else None
    return ErrorCode.VALUE if moment is None else moment[1] % 1


# ---- the time between ----------------------------------------------------------------------------


@elementwise("DAYS", "number", "number", differentiable=False)
def days_between(end: Array, start: Array) -> tuple[np.ndarray, Errors]:
    """The days from the second date to the first."""
    (last, last_errors), (first, first_errors) = days_of(end), days_of(start)
    return (last - first).astype(np.float64), first_error(last_errors, first_errors)


@elementwise("DAYS360", "number", "number", "boolean", defaults=(False,), differentiable=False)
def days_of_bankers(start: Array, end: Array, european: Array) -> tuple[np.ndarray, Errors]:
    """The days between two dates in a year of twelve months of 30 days; a time is rounded to seconds before."""
    (first, first_errors), (last, last_errors) = (days_of(frozen(date) + _HALF_A_SECOND) for date in (start, end))
    method = frozen(european)
    return dates.days_360(first, last, method).astype(np.float64), first_error(first_errors, last_errors)


@elementwise("YEARFRAC", "strict value", "strict value", "strict", defaults=(0.0,), differentiable=False)
def years_between(start: Value, end: Value, basis: Array) -> tuple[np.ndarray, Errors]:
    """The part of a year between two dates, by a day count basis from 0 to 4: a wrong one is told first."""
    kind = whole(basis)
    (start_number, start_errors), (end_number, end_errors) = as_strict_number(start), as_strict_number(end)
    (first, first_errors), (last, last_errors) = days_of(start_number), days_of(end_number)
    wrong = error_where((kind < 0) | (kind > 4), NUM)
    errors = first_error(wrong, start_errors, end_errors, first_errors, last_errors)
    return dates.year_fraction(first, last, kind), errors


@elementwise("DATEDIF", "number", "number", "text", differentiable=False)
def difference(start: Array, end: Array, unit: np.ndarray) -> tuple[np.ndarray, Errors]:
    """The whole years, months or days between two dates ("y", "m", "d"), or what is left of them ("ym", "yd", "md")."""
    (first, first_errors), (last, last_errors) = days_of(start), days_of(end)
    gaps = _gaps(first, last)
    units: Any = np.vectorize(str.lower, otypes=[object])(unit) if unit.size else unit
    known = np.zeros(np.broadcast_shapes(units.shape, first.shape, last.shape), bool)
    result = np.zeros(known.shape)
    for name, gap in gaps.items():
        own = np.broadcast_to(units == name, known.shape)
        result = np.where(own, gap, result)
        known = known | own
    return result, first_error(first_errors, last_errors, error_where((first > last) | ~known, NUM))


def _gaps(first: np.ndarray, last: np.ndarray) -> dict[str, np.ndarray]:
    (y1, m1, d1), (y2, m2, d2) = dates.calendar(first), dates.calendar(last)
    months = (y2 - y1) * 12 + m2 - m1 - (d2 < d1)
    anniversary = dates.serial(y2 - ((m2 < m1) | ((m2 == m1) & (d2 < d1))), m1, d1)
    left_over = np.where(d2 < d1, d2 - d1 + dates.days_in_month(y2, m2 - 1), d2 - d1)
    return {
        "y": months // 12,
        "m": months,
        "d": last - first,
        "ym": months % 12,
        "yd": last - anniversary,
        "md": left_over,
    }
