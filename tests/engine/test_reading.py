"""Text that Excel (English, United States) reads as a number, a date or a time, and text that it does not."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml import ErrorCode
from sheetml.engine.number_format import formatted, general_text
from sheetml.engine.reading import parse_moment, parse_number
from tests.workbooks import computed

NUMBERS = {
    " 5 ": 5, "+5": 5, "-5": -5, "(5)": -5, "- 5": -5, "5.": 5, ".5": 0.5, "1e3": 1000, "1E-2": 0.01,
    "1,234,567.5": 1234567.5, "1234,567": 1234567, "$1,000": 1000, "-$5": -5, "$-5": -5, "($ 5.50)": -5.5,
    "23€": 23, "5 $": 5, "50%": 0.5, "50 %": 0.5, "(5%)": -0.05, "1 1/2": 1.5, "-2 3/4": -2.75, "0 1/3": 1 / 3,
}  # fmt: skip
MOMENTS = {
    "1/31/2024": 45322, "1-31-24": 45322, "2024-01-31": 45322, "2024/1/31": 45322, "31-Jan-2024": 45322,
    "31 january 2024": 45322, "Jan 31, 2024": 45322, "January 31 2024": 45322, "Jan 2024": 45292, "1/2024": 45292,
    "1/1/30": 10959, "1/1/29": 47119, "2/29/1900": 60, "1/32": 11689, "Jan-32": 11689,
    " 12:30 ": 12.5 / 24, "1:30 pm": 13.5 / 24, "12 AM": 0, "12:15 a": 0.25 / 24, "24:00": 1, "30:00:00": 1.25,
    "0:0:1.5": 1.5 / 86400, "10:30.5": 630.5 / 86400, "1/31/2024 18:00": 45322.75, "31-Jan-2024 6:00 PM": 45322.75,
}  # fmt: skip
NEITHER = [
    *(
        "",
        " ",
        "abc",
        "1 2",
        "--5",
        "+-5",
        "(-5)",
        "(5",
        "5)",
        "12,34",
        "1,2",
        "1.2.3",
        "1e",
        "1e400",
        "5 1/0",
        "TRUE",
        "$5€",
    ),
    *(
        "30/2/2010",
        "2/30/2024",
        "13/1/2024",
        "40-2-2023",
        "1/1/1899",
        "2024-01-31T12:00",
        "12:60",
        "13:00 pm",
        "12:30:60",
    ),
    *(" 2024-01-10 ", "12:00,", "5\u00a0", "１", "#N/A", "1/2/3/4", "0x10", "1:2:3:4"),
]


@pytest.mark.parametrize("text", NUMBERS | MOMENTS)
def test_a_text_is_read_as_the_number_it_stands_for(text):
    assert parse_number(text) == pytest.approx((NUMBERS | MOMENTS)[text], rel=1e-14)


@pytest.mark.parametrize("text", NEITHER)
def test_other_text_is_no_number(text):
    assert parse_number(text) is None


def test_a_day_and_a_month_are_of_this_year():
    assert parse_number("1/31") == parse_number("31-Jan") == parse_number(f"1/31/{datetime.date.today().year}")


@pytest.mark.parametrize("function", ["VALUE", "DATEVALUE", "TIMEVALUE", "TEXT"])
def test_an_error_that_is_to_be_read_stays_itself(function):
    formula = f"={function}(A1{', 0' if function == 'TEXT' else ''})"
    sheet = computed({"A1": "=NA()", "B1": formula, "C1": formula.replace("A1", "1/0")})
    assert (sheet["B1"], sheet["C1"]) == (ErrorCode.NA, ErrorCode.DIV0)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_the_text_of_a_number_is_read_as_the_number(number):
    assert parse_number(general_text(number)) == pytest.approx(number, rel=1e-13, abs=1e-300)


FORMATS = ["$#,##0.00", "#,##0.00;(#,##0.00)", "0.00%", "0.00E+00", "0 ??/100", "$0.00;($0.00)"]


@given(st.integers(-(10**9), 10**9), st.sampled_from(FORMATS))
def test_a_number_is_read_from_the_formats_it_is_shown_in(hundredths, text):
    shown = formatted(hundredths / 100, text)
    found = parse_number(shown.strip())
    assert found is not None
    assert formatted(found, text) == shown


@given(
    st.datetimes(datetime.datetime(1930, 1, 1), datetime.datetime(2029, 12, 31)),
    st.sampled_from(["m/d/yyyy", "m-d-yy", "yyyy-mm-dd", "d-mmm-yyyy", "mmmm d, yyyy", "d mmmm yyyy"]),
    st.sampled_from(["h:mm:ss", "h:mm:ss AM/PM", "hh:mm:ss"]),
)
def test_a_moment_is_read_from_the_formats_it_is_shown_in(moment, day, time):
    number = (moment - datetime.datetime(1899, 12, 30)) / datetime.timedelta(days=1)
    seconds = round(number * 86400)
    found = parse_number(formatted(seconds / 86400, f"{day} {time}"))
    assert found is not None
    assert round(found * 86400) == seconds


@pytest.mark.parametrize("start", ["", "(", "-", "$", "1", "1/", "Jan ", "1:", "1 1/1 "])
def test_many_spaces_are_read_like_one(start):
    assert parse_number(start + " " * 200 + "x") is None  # at once: no pattern tries the spaces in several ways
    assert parse_number(" " * 200 + "( " + " " * 40 + "5" + " " * 10 + ")") == -5


@given(st.text("0123456789 :/-.,$%()eEapmJan", max_size=14) | st.text(max_size=300))
def test_any_text_is_read_or_is_not(text):
    assert isinstance(parse_number(text), (float, int, type(None)))
    assert parse_moment(text) is None or len(parse_moment(text)) == 2
