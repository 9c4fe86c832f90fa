"""The language of number formats, by the examples of Excel's documentation."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml.engine.number_format import FormatError, formatted

NUMBERS: list[tuple[object, str, str]] = [
    (1234.567, "$#,##0.00", "$1,234.57"),
    (0.285, "0.0%", "28.5%"),
    (12200000, "0.00E+00", "1.22E+07"),
    (1234, "0000000", "0001234"),
    (123456, "##0° 00' 00''", "12° 34' 56''"),
    (1234567898, "[<=9999999]###-####;(###) ###-####", "(123) 456-7898"),
    (5551234, "[<=9999999]###-####;(###) ###-####", "555-1234"),
    (2.675, "0.00", "2.68"),
    (1.005, "0.00", "1.01"),
    (0, "#.##", "."),
    (5, "0.###", "5."),
    (5, "?.??", "5.  "),
    (5.5, "???.0?", "  5.5 "),
    (-0.001, "0.00", "-0.00"),
    (1234567, "#,##0,", "1,235"),
    (1234567, "0.0,,", "1.2"),
    (1234567, "0,.0", "1234.6"),
    (5, "0,000", "0,005"),
    (123456789, "000-00-0000", "123-45-6789"),
    (0.5, "#%", "50%"),
    (1e20, "0", "100000000000000000000"),
    (12345.6789, "##0.0E+0", "12.3E+3"),
    (999.99, "##0.0E+0", "1.0E+3"),
    (9.999, "0.00E+00", "1.00E+01"),
    (0.00012, "0.0E-0", "1.2E-4"),
    (1e-300, "0.00E+00", "1.00E-300"),
    (3, "[$€-407] 0.00", "€ 3.00"),
    (1234.5, "_($* #,##0.00_)", " $1,234.50 "),
    (12, '0" kg"', "12 kg"),
    (12, "0\\k", "12k"),
    (5, "General", "5"),
    (1 / 3, 'General" m"', "0.333333333333333 m"),
    (5, "@", "5"),
    (5, "", ""),
]
FRACTIONS: list[tuple[object, str, str]] = [
    (4.34, "# ?/?", "4 1/3"),
    (0.34, "# ?/?", " 1/3"),
    (5, "# ?/?", "5    "),
    (0.99, "# ?/?", "1    "),
    (3.3, "# ??/16", "3  5/16"),
    (0.3, "?/8", "2/8"),
    (1.25, "0 0/0", "1 1/4"),
    (1.1, "??/??", "11/10"),
    (-1.5, "# ?/?", "-1 1/2"),
]
SECTIONS: list[tuple[object, str, str]] = [
    (-5, "0;(0)", "(5)"),
    (0, '0;(0);"zero"', "zero"),
    (0, "0;(0)", "0"),
    (-5, "[Red]0", "-5"),
    (-12, "0;;", ""),
    (12, '[>100]"large";"small"', "small"),
    (-5, "[>100]0;0", "-5"),
    (-5, "[<0](0);0", "(5)"),
    (7, "[=1]0;[=2]0.0;0.00", "7.00"),
    ("a", "0;0;0;<@>", "<a>"),
    ("a", "0.00", "a"),
    ("a", '"is "@', "is a"),
    (True, "0", "TRUE"),
]
MOMENTS: list[tuple[object, str, str]] = [
    (40908.5, "m/d/yyyy h:mm AM/PM", "12/31/2011 12:00 PM"),
    (45322.75, "dddd, mmmm d, yyyy h:mm a/p", "Wednesday, January 31, 2024 6:00 p"),
    (45322, "yyyy-mm-dd", "2024-01-31"),
    (45322, "mmmmm yy ddd dd mmm", "J 24 Wed 31 Jan"),
    (0.5, "hh:mm:ss.00", "12:00:00.00"),
    (1.5, "[h]:mm", "36:00"),
    (3661.5 / 86400, "[mm]:ss", "61:02"),
    (3661.5 / 86400, "h:mm", "1:01"),
    (0.04, "mm:ss", "57:36"),
    (60, "d mmm yyyy", "29 Feb 1900"),
    (0, "d/m/yyyy", "0/1/1900"),
    (45322.999999, "d hh:mm:ss", "1 00:00:00"),
    (40000.5, "yyyy-mm-dd\\Thh:mm:ss", "2009-07-06T12:00:00"),
]


@pytest.mark.parametrize(("value", "text", "shown"), NUMBERS + FRACTIONS + SECTIONS + MOMENTS)
def test_a_value_is_shown_as_its_format_says(value, text, shown):
    assert formatted(value, text) == shown


@pytest.mark.parametrize(
    ("value", "text"), [(5, "0 ss"), (-1.5, "hh:mm"), (3e6, "yyyy"), (1, "0;0;0;@;0"), (1, "0" * 256), (1, "0/0 yyyy")]
)
def test_a_format_that_cannot_be_applied_is_refused(value, text):
    with pytest.raises(FormatError):
        formatted(value, text)


@given(st.integers(-(10**15), 10**15), st.integers(0, 9))
def test_a_plain_format_shows_all_digits(number, places):
    shown = formatted(float(number), "#,##0." + "0" * places)
    assert float(shown.replace(",", "")) == number
    assert len(shown.partition(".")[2]) == places


@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    st.text('0#?.,%/eE+-;@[]<>hmsyd"\\_*a ', max_size=12),
)
def test_no_format_makes_showing_fail(value, text):
    with contextlib.suppress(FormatError):
        formatted(value, text)
