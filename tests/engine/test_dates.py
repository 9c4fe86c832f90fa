"""Serial numbers of days: both calendars, against Python's own and against NumPy's business days."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml.engine import dates
from sheetml.engine.reading import parse_number

days = st.integers(1, 2_958_465)


@pytest.fixture
def from_1904():
    system = dates.date_1904.set(True)
    yield
    dates.date_1904.reset(system)


@given(days)
def test_a_serial_number_is_that_of_its_own_date(day):
    assert dates.serial(*dates.calendar(day)) == day


@given(st.integers(61, 2_958_465))
def test_from_march_1900_on_the_calendar_is_the_real_one(day):
    real = datetime.date(1899, 12, 30) + datetime.timedelta(day)
    assert [int(part) for part in dates.calendar(day)] == [real.year, real.month, real.day]
    assert dates.weekday(day) == real.isoweekday() % 7
    assert dates.iso_week(np.array(day)) == real.isocalendar().week


def test_the_1900_calendar_has_a_29_february_1900_and_a_day_0():
    assert [tuple(map(int, dates.calendar(day))) for day in (0, 1, 59, 60, 61)] == [
        (1900, 1, 0),
        (1900, 1, 1),
        (1900, 2, 28),
        (1900, 2, 29),
        (1900, 3, 1),
    ]


@pytest.mark.usefixtures("from_1904")
def test_the_1904_calendar_starts_with_1_january_1904_a_friday():
    assert tuple(map(int, dates.calendar(0))) == (1904, 1, 1)
    assert dates.weekday(0) == 5
    assert dates.last_day() == 2_958_465 - 1462
    assert parse_number("1904-01-02") == 1


@given(days, st.integers(-500, 500))
def test_some_months_later_it_is_the_same_day_or_the_last_of_a_shorter_month(day, months):
    _, month, day_of_month = dates.calendar(day)
    _, later_month, later_day = dates.calendar(dates.months_later(np.array(day), np.array(months)))
    if dates.months_later(np.array(day), np.array(months)) > 0:
        assert (later_month - month - months) % 12 == 0
        assert later_day == day_of_month or (later_day < day_of_month and later_day >= 28)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("1,234.5", 1234.5),
        ("(5)", -5),
        ("-5%", -0.05),
        ("$5", 5),
        ("-$5", -5),
        ("$-5", -5),
        (" 10 ", 10),
        ("1e3", 1000),
        ("1 1/2", 1.5),
        ("2024-01-31", 45322),
        ("1/31/2024", 45322),
        ("31-Jan-2024", 45322),
        ("January 31, 2024", 45322),
        ("Jan 2024", 45292),
        ("1/2/29", 47120),
        ("1/2/30", 10960),
        ("2024-02-29 06:00", 45351.25),
        ("29-Feb-1900", 60),
        ("1-Mar-1900", 61),
        ("12:30", 0.5208333333333334),
        ("12:00 AM", 0),
        ("12:00 PM", 0.5),
        ("1 pm", 13 / 24),
        ("24:00", 1),
    ],
)
def test_text_is_read_as_a_number(text, number):
    assert parse_number(text) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "abc", "5 apples", "--5", "1.2.3", "(5", "1 1/0", "\xa05", "٣", "1E400"),
        *("31/1/2024", "2024-13-01", "2023-02-29", " 2024-01-10 ", "13:30 PM", "12:75"),
    ],
)
def test_text_that_is_no_number_is_not_read_as_one(text):
    assert parse_number(text) is None


@given(st.text(max_size=30))
def test_no_text_makes_reading_fail(text):
    parse_number(text)
