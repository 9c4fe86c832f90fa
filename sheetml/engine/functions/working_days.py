"""Working days: counted between two dates, or counted off from one, without weekends and holidays.

Days of work are numbered through: by the week alone the n-th is found by division, and each holiday
among them moves those after it one place down.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sheetml.engine import dates
from sheetml.engine.division import alike
from sheetml.engine.evaluate import Arguments, Context, Result
from sheetml.engine.functions.date_time import days_of, on_calendar, whole
from sheetml.engine.functions.lookup import shaped
from sheetml.engine.functions.registry import (
    as_strict_number,
    first_of_each_cell,
    function,
    spread,
    strict_value,
    with_errors,
)
from sheetml.engine.tracing.graph import Array, frozen
from sheetml.engine.values import BLANK, NUM, VALUE, Errors, Value, as_number, error_value, first_error
from sheetml.formula.tree import Missing

_SATURDAY_AND_SUNDAY = "0000011"  # from Monday on, 1 is free
_FREE_DAYS = {
    1: _SATURDAY_AND_SUNDAY,
    2: "1000001",
    3: "1100000",
    4: "0110000",
    5: "0011000",
    6: "0001100",
    7: "0000110",
    **{11 + day: "".join("1" if place == (day - 1) % 7 else "0" for place in range(7)) for day in range(7)},
}


class WorkWeek:
    """Which days are worked, with the holidays taken out; days are numbered from a Monday."""

    def __init__(self, free: str, holidays: np.ndarray) -> None:
        self.offset = int(dates.weekday(0) + 6) % 7  # from that Monday to day 0
        worked = np.array([day == "0" for day in free])
        self.places = np.nonzero(worked)[0]
        self.until = np.cumsum(worked)  # days worked of a week, each day included
        days = np.unique(holidays)
        days = days[worked[(days + self.offset) % 7]]
        self.holidays = self._by_week(days)

    def _by_week(self, days: np.ndarray) -> np.ndarray:
        """How many days are worked up to and including a day, holidays not taken out."""
        week, place = np.divmod(days + self.offset, 7)
        return week * len(self.places) + self.until[place]

    def until_day(self, days: np.ndarray) -> np.ndarray:
        """How many days are worked up to and including a day."""
        number = self._by_week(days)
        return number - self.holidays.searchsorted(number, "right")

    def day(self, number: np.ndarray) -> np.ndarray:
        """The day that is the n-th one worked."""
        number = number + (self.holidays - np.arange(len(self.holidays)) - 1).searchsorted(number)
        week, place = np.divmod(number - 1, len(self.places))
        return week * 7 + self.places[place] - self.offset


def _count(week: WorkWeek, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    first, last = np.minimum(start, end), np.maximum(start, end)
    worked = week.until_day(last) - week.until_day(first - 1)
    return np.where(start > end, -worked, worked)


def _move(week: WorkWeek, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    forward = week.until_day(start) + count
    backward = week.until_day(start - 1) + count + 1
    return np.where(count == 0, start, week.day(np.where(count > 0, forward, backward)))


# ---- the functions -----------------------------------------------------------------------------

Compute = Callable[[WorkWeek, np.ndarray, np.ndarray], np.ndarray]


def _register(name: str, about: str, counts: bool, international: bool) -> None:
    """NETWORKDAYS and its kind (`counts`), WORKDAY and its; with a choice of free days (`international`)."""
    at = 3 if international else 2  # where the holidays stand

    @function(name, 2, at + 1, differentiable=False, about=about)
    def evaluate(context: Context, arguments: Arguments) -> Result:
        operands = [strict_value(context, argument) for argument in arguments[:2]]
        free = _free_days(context, arguments) if international else _SATURDAY_AND_SUNDAY
        holidays, errors = _holidays(context, arguments[at:])
        if isinstance(free, Value):
            return free
        if "0" not in free and not counts:
            return error_value(VALUE)
        result = _computed(context, counts, free, holidays, operands)
        return result if errors is None else with_errors(result, np.broadcast_to(errors, result.shape))


def _computed(context: Context, counts: bool, free: str, holidays: np.ndarray, operands: list[Value]) -> Value:
    alike(holidays)
    holidays = holidays[:1]
    if "0" not in free:
        return Value(np.zeros((1, 1, 1)))
    week = WorkWeek(free, holidays.reshape(-1))

    def compute(first: Array, second: Array) -> tuple[np.ndarray, Errors]:
        start, errors = days_of(first)
        if counts:
            end, wrong = days_of(second)
            return _count(week, start, end).astype(np.float64), first_error(errors, wrong)
        return on_calendar(_move(week, start, whole(second)), errors)

    return spread(compute, ("strict", "strict"), operands)


def _free_days(context: Context, arguments: Arguments) -> str | Value:
    """The days of the week that are free, from Monday on; the same for all of the context's cells."""
    if len(arguments) < 3 or isinstance(arguments[2], Missing):
        return _SATURDAY_AND_SUNDAY
    value = context.value(arguments[2])
    alike(value.kinds)
    alike(frozen(value.number) if value.text is None else value.texts)
    if value.text is not None:
        text = str(value.texts.reshape(-1)[0])
        return text if len(text) == 7 and set(text) <= {"0", "1"} else error_value(VALUE)
    number, errors = as_number(value)
    if errors is not None:
        return error_value(int(errors.reshape(-1)[0]))
    return _FREE_DAYS.get(int(frozen(number).reshape(-1)[0]), error_value(NUM))


def _holidays(context: Context, arguments: Arguments) -> tuple[np.ndarray, Errors]:
    """The holidays, (b, n), and an error a cell where one of them is no date; blanks are passed over."""
    if not arguments or isinstance(arguments[0], Missing):
        return np.zeros((1, 0), np.int64), None
    value = context.array_value(arguments[0])
    numbers, errors = as_strict_number(value)
    days, outside = days_of(numbers)
    errors = first_error(errors, outside)
    days = np.where(value.kinds == BLANK, -1, days).reshape(value.shape[0], -1)
    if errors is None:
        return days, None
    codes = first_of_each_cell(np.broadcast_to(errors, value.shape), value.shape[0])
    return days, shaped(codes)


_register("NETWORKDAYS", "The working days from one date to another, both included.", True, False)
_register("NETWORKDAYS.INTL", "The working days between two dates, with a choice of free days.", True, True)
_register("WORKDAY", "The date so many working days after (or before) another.", False, False)
_register("WORKDAY.INTL", "The same with a choice of free days.", False, True)
