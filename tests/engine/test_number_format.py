"""The language of number formats, by the examples of Excel's documentation."""

from __future__ import annotations

import contextlib
import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml.engine import dates
from sheetml.engine.number_format import VBA, FormatError, UnknownLanguage, decimal, formatted

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
    (-0.001, "0.00", "0.00"),
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
    (1 / 3, 'General" m"', "0.333333333 m"),
    (5, "@", "5"),
    (5, "", ""),
    (1234.56, ".00", "1234.56"),
    (0.5, ".00", ".50"),
    (5, "$.00", "$5.00"),
    (3.14159, '"is ".00"; "000', "is 3.14; 159"),
    (1234567, ",#", ",1234567"),
    (1234, "0, 0", "0 1"),
    (-0.4, "0", "0"),
    (-0.4, "0;(0)", "(0)"),
    (-5, '"minus"', "-minus"),
    (0.5, "%0", "%50"),
    (1 / 3, "General", "0.333333333"),
    (123456789012, "general", "1.23457E+11"),
    (1 / 3, "@", "0.333333333333333"),
    (12345, "0.00e+00", "1.23e+04"),
    (12345, "0%E+0", "1%E+4"),
    (12345, "#,E+0", "1E+4"),
    (12345, "0.0E+|00", "1.2E|+04"),
    (0, "#.#E+#", "0.E+0"),
    (0, "##0.0E+0", "000.0E+0"),
    (0.00012, "###.0E-??", "120.0E- 6"),
    (1234.5, ".00E+0", ".12E+4"),
    (0.999, ".0E+0", ".1E+1"),
    (42, "0*x0", "42"),
    (42, "[Color12]0", "42"),
    (42, "123", "123"),
    (42, "0.0x", "42.0x"),
    (5, '0"kg', "5kg"),
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
    (-0.001, "# ?/?", "0    "),
    (0.3, "# ?/?", " 2/7"),
    (0.5, "# ??/??", "  1/2 "),
    (5, "# ??/16", "5      "),
    (5, "# #/##", "5"),
    (0.75, "#/#", "3/4"),
    (1234.5, "#,##0 ?/?", "1,234 1/2"),
    (0, "?/?", "0/1"),
    (23.75, "#-#-#\\:#/#", "-2-3:3/4"),
    (0.75, "#\\:#/#", "3/4"),
    (0.75, "#\\:?/#", " 3/4"),
    (0.75, "0\\:#/#", "0:3/4"),
    (1, "#\\:0=/=#", "1:0=/=1"),
    (0, "?\\:0=/=#", "0:0=/=1"),
    (3.75, "#_#=/=0", "15 =/=4"),
    (1, "#\\:? ?0#/000", ":1  00/001"),
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
    ("a", "0;-0;;", ""),
    ("a", ";;;[Red]General!", "a!"),
    (10, '[<10]#" Wow"', "10"),
    (-7, "0;[<-5](0)", "(7)"),
    (7, "0;[<-5](0)", "7"),
    (-7, "[>100]0;-0.0;+0", "-7.0"),
    (-11, "[=-10]#", "-11"),
    (-26, "[<-25]General;[>25]General;General", "26"),
    (-1, "[<-25]General;[>25]General;General", "-1"),
    (51, "[Red][=50]General;[Blue]000", "051"),
    (8675309, "[< 9999999]###-####;(###) ###-####", "867-5309"),
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
    (0.6, "h:mm am/pm", "2:24 PM"),
    (0.6, "h:mm A/p", "2:24 p"),
    (0.5, "ss AM/P", "00 A1/P"),
    (4018.99999998843, "mm/dd/yyyy hh:mm", "01/01/1911 00:00"),
    (45322.123456, "hh:mm:ss", "02:57:47"),
    (59.6 / 86400, "h:mm", "0:01"),
    (59.4 / 86400, "h:mm", "0:00"),
    (45322.99999, "yyyy-mm-dd", "2024-01-31"),
    (-1, "[h]", "-24"),
    (-1.5, "[h]:mm", "-36:00"),
    (-1e-9, "[h]:mm", "0:00"),
    (3.14159, 's:m" @ hour "[hh]', "53:23 @ hour 75"),
    (3.14159, '[h]" ("h")"', "75 (75)"),
    (0.70707, "hh.000", "16.848"),
    (45322, "[$-409]mmmm d, yyyy", "January 31, 2024"),
    (45322, "[$-F800]dddd, mmmm dd, yyyy", "Wednesday, January 31, 2024"),
    (45322, "[$-407]ddd d. mmmm yyyy", "Mi 31. Januar 2024"),
    (45352, "[$-fr-FR]dddd d mmm", "vendredi 1 mars"),
    (45352, "[$-411]yyyy/mm/dd", "2024/03/01"),
]


@pytest.mark.parametrize(("value", "text", "shown"), NUMBERS + FRACTIONS + SECTIONS + MOMENTS)
def test_a_value_is_shown_as_its_format_says(value, text, shown):
    assert formatted(value, text) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(5, "0 ss"), (-1.5, "hh:mm"), (3e6, "yyyy"), (1, "0;0;0;@;0"), (1, "0" * 256), (1, "0/0 yyyy")],
        *[(1, "[foo]0"), (1, "[h:mm"), (1, "hhh:mm"), (1, "[hhh]"), (1, "ss.0000"), (1, "mm###"), (1, "0E+")],
        *[(1, "0E+0E+0"), (1, "General0"), (5, "[>10]0;[<1]0"), (-3, "0;[<-5](0)"), (-1, "[h] d"), (1e300, "[h]")],
    ],
)
def test_a_format_that_cannot_be_applied_is_refused(value, text):
    with pytest.raises(FormatError):
        formatted(value, text)


@pytest.mark.parametrize(
    "text", ["[$-411]mmmm", "[$-C0A]mmm", "[$-2000401]0", "[DBNum1]0", "[$-411]ggge", "[$-6010409]d"]
)
def test_a_language_or_calendar_that_is_not_known_is_named_and_not_shown_in_english(text):
    with pytest.raises(UnknownLanguage):
        formatted(45322, text)


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [(0.6, "h:mm am/pm", "2:24 pm"), (-0.4, "0", "-0"), (1 / 3, "General", "0.333333333333333")],
)
def test_vba_writes_halves_of_the_day_signs_and_numbers_in_its_own_way(value, text, shown):
    assert formatted(value, text, VBA) == shown


@pytest.mark.parametrize(("value", "shown"), [(0, "1904-01-01"), (59, "1904-02-29"), (-1, "-1904-01-02")])
def test_in_the_1904_system_days_count_from_1904_and_negative_ones_have_a_sign(value, shown):
    system = dates.date_1904.set(True)
    try:
        assert formatted(value, "yyyy-mm-dd") == shown
    finally:
        dates.date_1904.reset(system)


NUMBERS_OF_ANY_SIZE = st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS_OF_ANY_SIZE, st.integers(0, 12))
def test_a_number_is_rounded_half_up_in_its_15_decimal_digits(number, places):
    digits = Context(prec=800, rounding=ROUND_HALF_UP)
    expected = decimal(number).quantize(Decimal(1).scaleb(-places), context=digits)
    assert Decimal(formatted(number, "0." + "0" * places if places else "0")) == expected


@given(
    NUMBERS_OF_ANY_SIZE, st.sampled_from(["0", "0.00", "#,##0.0", "0%", "0.00E+00", "# ?/?", "?.?", ",0", "General"])
)
def test_a_negative_number_shows_a_sign_before_the_positive_one_unless_it_shows_as_0(number, text):
    positive = formatted(abs(number), text)
    nothing = not set("123456789") & set(positive.partition("E")[0].partition("/")[0])
    assert formatted(-abs(number), text) == (positive if nothing else f"-{positive}")


@given(st.floats(0, 1e6), st.integers(1, 2))
def test_a_fraction_is_the_nearest_with_so_many_digits(number, digits):
    exact = Fraction(decimal(number))
    shown = sum(Fraction(part) for part in formatted(number, "# " + "?" * digits + "/" + "?" * digits).split())
    nearest = min(abs(exact - Fraction(round(exact * below), below)) for below in range(1, 10**digits))
    assert abs(exact - shown) == nearest


@given(st.floats(61, 2958465))
def test_a_moment_is_shown_to_the_millisecond(number):
    shown = datetime.datetime.fromisoformat(formatted(number, "yyyy-mm-dd hh:mm:ss.000"))
    exact = datetime.datetime(1899, 12, 30) + datetime.timedelta(days=number)
    assert abs(shown - exact) <= datetime.timedelta(milliseconds=0.6)


@given(st.floats(0, 1e5))
def test_elapsed_hours_minutes_and_seconds_are_the_whole_time(number):
    hours, minutes, seconds = (int(part) for part in formatted(number, "[h]:mm:ss").split(":"))
    assert hours * 3600 + minutes * 60 + seconds == int(formatted(number, "[s]"))
    assert abs(hours * 3600 + minutes * 60 + seconds - number * 86400) <= 0.5 + 1e-4


@given(st.integers(-(10**15), 10**15), st.integers(0, 9))
def test_a_plain_format_shows_all_digits(number, places):
    shown = formatted(float(number), "#,##0." + "0" * places)
    assert float(shown.replace(",", "")) == number
    assert len(shown.partition(".")[2]) == places


@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    st.text('0#?.,%/eE+-;@[]<>hmsyd"\\_*a ', max_size=12) | st.text(max_size=300),
)
def test_no_format_makes_showing_fail(value, text):
    with contextlib.suppress(FormatError):
        formatted(value, text)
