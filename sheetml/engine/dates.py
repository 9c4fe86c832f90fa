"""Serial numbers of days: calendars, month arithmetic and the day counts of finance, on whole arrays.

In the 1900 system day 1 is 1 January 1900, and day 60 is a 29 February 1900 that never was: Excel keeps
it for the sake of Lotus 1-2-3. In the 1904 system day 0 is 1 January 1904. Days are int64 arrays.
"""

from __future__ import annotations

from contextvars import ContextVar

import numpy as np
from numpy.typing import ArrayLike

LAST_YEAR = 9999
DAYS_TO_1904 = 1462  # from day 0 of the 1900 system to day 0 of the 1904 system
_DAYS_TO_1970 = 25569
_LEAP_BUG = 60  # the day that never was
_FAR = 12 * 100_000  # months that lie further away are out of any calendar anyway

date_1904: ContextVar[bool] = ContextVar("date_1904", default=False)
"""Whether serial numbers of the workbook being calculated count from 1904: also where text is read as a date."""


def first_year() -> int:
    """The first year of the calendar."""
    return 1904 if date_1904.get() else 1900


def last_day() -> int:
    """The serial number of 31 December 9999."""
    return 2_958_465 - (DAYS_TO_1904 if date_1904.get() else 0)


def calendar(days: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Years, months and days of the month. Day 0 of the 1900 system is "0 January 1900"."""
    days = np.asarray(days, np.int64)
    if date_1904.get():
        return _proleptic(days + DAYS_TO_1904)
    year, month, day = _proleptic(days + (days < _LEAP_BUG))
    for serial, unreal in ((_LEAP_BUG, (1900, 2, 29)), (0, (1900, 1, 0))):
        here = days == serial
        if here.any():
            year, month, day = (np.where(here, part, array) for part, array in zip(unreal, (year, month, day)))
    return year, month, day


def _proleptic(days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The Gregorian date so many days after 30 December 1899."""
    moment = (days - _DAYS_TO_1970).astype("datetime64[D]")
    months = moment.astype("datetime64[M]")
    index = months.astype(np.int64)
    return index // 12 + 1970, index % 12 + 1, (moment - months.astype("datetime64[D]")).astype(np.int64) + 1


def serial(year: ArrayLike, month: ArrayLike, day: ArrayLike) -> np.ndarray:
    """The serial numbers of dates. Months and days may lie outside their year and month: they are carried over."""
    months = (np.asarray(year, np.int64) - 1970) * 12 + np.asarray(month, np.int64) - 1
    first = _within(months, _FAR).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    first = first + _DAYS_TO_1970
    first = first - DAYS_TO_1904 if date_1904.get() else first - (first <= _LEAP_BUG)
    return first + _within(np.asarray(day, np.int64), 30 * _FAR) - 1


def _within(numbers: np.ndarray, most: int) -> np.ndarray:
    """Whole numbers no further from 0 than that: numpy.clip asks about their type first, which takes longer."""
    return np.minimum(np.maximum(numbers, -most), most)


def days_in_month(year: ArrayLike, month: ArrayLike) -> np.ndarray:
    """How many days a month has; February 1900 has the 29 of the 1900 system. Months may lie outside their year."""
    return serial(year, np.asarray(month) + 1, 1) - serial(year, month, 1)


def is_leap(year: np.ndarray) -> np.ndarray:
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return leap if date_1904.get() else leap | (year == 1900)


def months_later(days: np.ndarray, months: np.ndarray) -> np.ndarray:
    """The same day of the month so many months later, or the last day of a month that is too short."""
    year, month, day = calendar(days)
    target = month + months
    return serial(year, target, np.minimum(day, days_in_month(year, target)))


def same_day_or_end(days: np.ndarray, months: np.ndarray) -> np.ndarray:
    """So many months later: the last day of the month where the days are the last of theirs, else the same day or the
    last of a month that is too short."""
    year, month, day = calendar(days)
    target = month + months
    first, following = serial(year, target, 1), serial(year, target + 1, 1)
    last = serial(year, month + 1, 1) - 1 == days
    return np.where(last, following - 1, first + np.minimum(day, following - first) - 1)


def end_of_month(days: np.ndarray, months: np.ndarray) -> np.ndarray:
    """The last day of the month so many months later."""
    year, month, _ = calendar(days)
    return serial(year, month + months + 1, 1) - 1


def weekday(days: ArrayLike) -> np.ndarray:
    """0 for Sunday to 6 for Saturday, as Excel has it: before March 1900 one day off the real week."""
    return (np.asarray(days, np.int64) + (DAYS_TO_1904 if date_1904.get() else 0) - 1) % 7


def iso_week(days: np.ndarray) -> np.ndarray:
    """The number of the week, which starts on Monday and belongs to the year its Thursday is in (ISO 8601)."""
    thursday = np.asarray(days, np.int64) - (weekday(days) + 6) % 7 + 3
    year, _, _ = calendar(thursday)
    return (thursday - serial(year, 1, 1)) // 7 + 1


# ---- the day counts of finance -----------------------------------------------------------------


def days_360(start: np.ndarray, end: np.ndarray, european: np.ndarray | bool) -> np.ndarray:
    """Days between two dates in a year of twelve months of 30 days, as DAYS360 counts them."""
    (y1, m1, d1), (y2, m2, d2) = calendar(start), calendar(end)
    last_of_february = (m1 == 2) & (d1 == days_in_month(y1, m1))
    d1 = np.where((d1 == 31) | (last_of_february & ~np.asarray(european)), 30, d1)
    d2 = np.where((d2 == 31) & (np.asarray(european) | (d1 == 30)), 30, d2)
    return (y2 - y1) * 360 + (m2 - m1) * 30 + d2 - d1


def days_30_360(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Days between two dates in a year of 12 months of 30 days by the rule of basis 0 (US, NASD).

    The ends of two Februaries are both day 30.
    """
    (y1, m1, d1), (y2, m2, d2) = calendar(start), calendar(end)
    first_february = (m1 == 2) & (d1 == days_in_month(y1, m1))
    second_february = (m2 == 2) & (d2 == days_in_month(y2, m2))
    d2 = np.where(first_february & second_february, 30, d2)
    d1 = np.where((d1 == 31) | first_february, 30, d1)
    d2 = np.where((d2 == 31) & (d1 == 30), 30, d2)
    return (y2 - y1) * 360 + (m2 - m1) * 30 + d2 - d1


def year_fraction(start: np.ndarray, end: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """The part of a year between two dates, in either order, by a day count basis from 0 to 4.

    0: 30/360 (US), 1: actual/actual, 2: actual/360, 3: actual/365, 4: 30/360 (European).
    """
    start, end = np.minimum(start, end), np.maximum(start, end)
    days = (end - start).astype(np.float64)
    return np.select(
        [basis == 0, basis == 1, basis == 2, basis == 3],
        [days_30_360(start, end) / 360, days / year_length(start, end), days / 360, days / 365],
        days_360(start, end, True) / 360,
    )


def year_length(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The length of a year by basis 1: up to a year 365 or 366, beyond it the mean of all the years touched.

    David A. Wheeler, "YEARFRAC Incompatibilities between Excel 2007 and OOXML", 2008.
    """
    (y1, m1, d1), (y2, m2, d2) = calendar(start), calendar(end)
    within_a_year = (y1 == y2) | ((y1 + 1 == y2) & ((m1 > m2) | ((m1 == m2) & (d1 >= d2))))
    leap_day_passed = is_leap(y1) & ((y1 == y2) | (m1 < 3)) | is_leap(y2) & ((m2 > 2) | ((m2 == 2) & (d2 == 29)))
    mean = (serial(y2 + 1, 1, 1) - serial(y1, 1, 1)) / (y2 - y1 + 1)
    return np.where(within_a_year, np.where(leap_day_passed, 366, 365), mean)
