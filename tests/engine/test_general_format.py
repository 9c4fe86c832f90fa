"""The General format: numbers that become text, and numbers shown in a cell."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml.engine.number_format import decimal, general_text

# Numbers by their bits, and the text that Excel made of them by =""&A1: "NumberToTextConversionExamples" of Apache POI.
AS_TEXT = [
    ("405EDD3C07FB4C8C", "123.456789012345"),
    ("405EDD3C07FB4C99", "123.456789012346"),
    ("4132D687E3DF2180", "1234567.89012346"),
    ("3F543A272D9E0E49", "0.00123456789012345"),
    ("3F543A272D9E0E4A", "0.00123456789012346"),
    ("3F543A272D9E0E77", "0.00123456789012346"),
    ("3F543A272D9E0E78", "0.00123456789012347"),
    ("544CE6345CF3209C", "1.23456789012345E+98"),
    ("544CE6345CF3209D", "1.23456789012346E+98"),
    ("54820FE0BA17F5E9", "1.2345678901236E+99"),
    ("54820FE0BA17F784", "1.2345678901237E+99"),
    ("547D42AEA2879F19", "9.99999999999997E+98"),
    ("547D42AEA2879F2A", "9.99999999999999E+98"),
    ("547D42AEA2879F2B", "1E+99"),
    ("547D42AEA287A0A0", "1E+99"),
    ("547D42AEA287A0A1", "1.0000000000001E+99"),
    ("547D42AEA287A3D8", "1.0000000000001E+99"),
    ("547D42AEA287A3D9", "1.0000000000002E+99"),
    ("54B249AD2594C2F9", "9.9999999999997E+99"),
    ("54B249AD2594C2FA", "9.9999999999998E+99"),
    ("54B249AD2594C360", "9.9999999999999E+99"),
    ("54B249AD2594C361", "1E+100"),
    ("54B249AD2594C465", "1.0000000000001E+100"),
    ("2B95DF5CA28EF4A8", "1.00000000000003E-98"),
    ("2B95DF5CA28EF4A7", "1.00000000000002E-98"),
    ("2B95DF5CA28EF46A", "1.00000000000002E-98"),
    ("2B95DF5CA28EF42C", "1E-98"),
    ("2B95DF5CA28EF3EC", "1E-98"),
    ("2B95DF5CA28EF3EB", "9.9999999999999E-99"),
    ("2B95DF5CA28EF3AE", "9.9999999999999E-99"),
    ("2B617F7D4ED8C7F5", "1.0000000000003E-99"),
    ("2B617F7D4ED8C7F4", "1.0000000000002E-99"),
    ("2B617F7D4ED8C41B", "1E-99"),
    ("2B617F7D4ED8C323", "1E-99"),
    ("2B617F7D4ED8C322", "9.9999999999999E-100"),
    ("3EE9E409302678BA", "1.23456789012346E-05"),
    ("3F202E85BE180B74", "0.000123456789012346"),
    ("3F8948B0F90591E6", "0.0123456789012346"),
    ("3EE9E409301B5A02", "0.0000123456789"),
    ("3E6E7D05BDABDE50", "0.000000056789012345"),
    ("3E6E7D05BDAD407E", "5.67890123456E-08"),
    ("3E6E7D06029F18BE", "0.00000005678902"),
    ("2BCB5733CB32AE6E", "9.99999999999912E-98"),
    ("2B617F7D4ED8C59E", "1.0000000000001E-99"),
    ("0036319916D67853", "1.2345678901235E-307"),
    ("359DEE7A4AD4B81F", "2E-50"),
    ("41678C29DCD6E9E0", "12345678.9012346"),
    ("42DC12218377DE6B", "123456789012346"),
    ("43118B54F22AEB03", "1234567890123460"),
    ("43E56A95319D63E1", "12345678901234600000"),
    ("441AC53A7E04BCDA", "1.23456789012346E+20"),
    ("C3E56A95319D63E1", "-12345678901234600000"),
    ("54820FE0BA17F46D", "1.2345678901235E+99"),
    ("54B693D8E89DF188", "1.2345678901235E+100"),
    ("4A611B0EC57E649A", "2E+50"),
    ("7FEFFFFFFFFFFFFF", "1.7976931348623E+308"),
    ("0010000000000000", "2.2250738585072E-308"),
    ("000FFFFFFFFFFFFF", "0"),
    ("0000000000000001", "0"),
    ("441AC7A08EAD02F2", "1.235E+20"),
    ("40FE26BFFFFFFFF9", "123500"),
    ("3E4A857BFB2F2809", "0.00000001235"),
    ("3BCD291DEF868C89", "1.235E-20"),
    ("444B1AE4D6E2EF4F", "1E+21"),
    ("412E847FFFFFFFFF", "1000000"),
    ("3E45798EE2308C39", "0.00000001"),
    ("3C32725DD1D243AB", "0.000000000000000001"),
    ("3BFD83C94FB6D2AB", "1E-19"),
    ("BBFD83C94FB6D2AB", "-1E-19"),
]
# ECMA-376 leaves the General format to the program; these are Excel's cells of default width and more.
IN_A_CELL = [
    (0.1 + 0.2, "0.3"),
    (1 / 3, "0.333333333"),
    (-2 / 3, "-0.666666667"),
    (1234.56789123, "1234.567891"),
    (12345678912.3, "12345678912"),
    (4294967296.5, "4294967297"),
    (99999999999.4, "99999999999"),
    (99999999999.9, "1E+11"),
    (123456789012, "1.23457E+11"),
    (0.0001234567, "0.000123457"),
    (0.00001234567, "1.23457E-05"),
    (0.000012345, "0.000012345"),
    (-2.5e-9, "-2.5E-09"),
    (-1e-8, "-0.00000001"),
    (7.257415615308e306, "7.2574E+306"),
    (9.9999996e20, "1E+21"),
    (-1e-320, "0"),
]


@pytest.mark.parametrize(("bits", "text"), AS_TEXT)
def test_a_number_becomes_the_text_that_excel_makes_of_it(bits, text):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert general_text(number) == text


@pytest.mark.parametrize(("number", "text"), IN_A_CELL)
def test_a_cell_shows_as_many_digits_as_fit(number, text):
    assert general_text(number, 11) == text


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15).map(float)


@given(NUMBERS, st.sampled_from([11, 20]))
def test_the_text_is_no_longer_than_its_width_and_its_sign(number, width):
    assert len(general_text(number, width).removeprefix("-")) <= width


@given(NUMBERS.filter(lambda number: abs(number) > 1e-300))
def test_the_text_of_a_number_reads_as_the_number_to_14_digits(number):
    found = Decimal(general_text(number))
    assert abs(found - decimal(number)) <= abs(decimal(number)) * Decimal("5e-14")


@given(NUMBERS.filter(lambda number: number == 0 or abs(number) > 1e-300))
def test_the_text_of_a_number_becomes_itself_again(number):
    text = general_text(number)
    assert general_text(float(text)) == text


@given(NUMBERS.filter(lambda number: number > 0))
def test_a_negative_number_is_the_positive_one_with_a_sign(number):
    assert general_text(-number) in (f"-{general_text(number)}", "0")
