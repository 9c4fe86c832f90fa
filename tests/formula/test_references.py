from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter

from sheetml.errors import FormulaError
from sheetml.formula.references import (
    address,
    cell_name,
    column_letters,
    column_number,
    parse_address,
    parse_area,
    parse_cell,
    quote_sheet,
    split_areas,
)
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area
from tests.formula.strategies import sheet_names


def test_columns_are_lettered_as_openpyxl_letters_them() -> None:
    for number in range(1, MAX_COLUMNS + 1):
        assert column_letters(number) == get_column_letter(number)
        assert column_number(column_letters(number)) == number
    assert column_number("xfd") == MAX_COLUMNS


@pytest.mark.parametrize("letters", ["", "XFE", "AAAA", "A1", "É", "ſ", "$A"])
def test_what_is_no_column_is_refused(letters: str) -> None:
    with pytest.raises(FormulaError, match="is not a column"):
        column_number(letters)


def test_columns_and_rows_off_the_sheet_are_refused() -> None:
    for number in (0, -1, MAX_COLUMNS + 1):
        with pytest.raises(FormulaError, match="there is no column"):
            column_letters(number)
    for row in (0, MAX_ROWS + 1):
        with pytest.raises(FormulaError, match="there is no row"):
            cell_name(row, 1)


def test_cells_are_read_with_or_without_dollar_signs() -> None:
    assert parse_cell("B3") == parse_cell("$B$3") == parse_cell("b$3") == (3, 2)
    assert cell_name(3, 2) == "B3"


@pytest.mark.parametrize("text", ["", "B", "3", "B0", "B03", "XFE1", "B1048577", "A1:B2", "S!A1", "A1 ", "$$A1", "A١"])
def test_what_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(FormulaError, match="is not a cell"):
        parse_cell(text)


@pytest.mark.parametrize(
    ("text", "sheet", "area"),
    [
        ("A1", None, Area(1, 1, 1, 1)),
        ("Sheet1!$A$1:$B$3", "Sheet1", Area(1, 1, 3, 2)),
        ("Sheet1!B3:Sheet1!A1", "Sheet1", Area(1, 1, 3, 2)),
        ("'a b'!C3", "a b", Area(3, 3, 3, 3)),
        ("'it''s'!$C:A", "it's", Area(1, 1, MAX_ROWS, 3)),
        (" 3:$1 ", None, Area(1, 1, 3, MAX_COLUMNS)),
    ],
)
def test_addresses_name_a_sheet_and_an_area(text: str, sheet: str | None, area: Area) -> None:
    assert parse_address(text) == (sheet, area)


@pytest.mark.parametrize(
    "text",
    ["", "rate", "A1,B2", "A1+1", "[1]S!A1", "a:b!A1", "S!A1:T!B2", "#REF!", "S!#REF!", "A:1", "0:3", "'a"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        parse_address(text)
    with pytest.raises(FormulaError):
        parse_area(text)


@pytest.mark.parametrize(
    ("area", "text", "absolute"),
    [
        (Area(1, 1, 1, 1), "A1", "$A$1"),
        (Area(1, 1, 3, 2), "A1:B3", "$A$1:$B$3"),
        (Area(1, 1, MAX_ROWS, 3), "A:C", "$A:$C"),
        (Area(2, 1, 3, MAX_COLUMNS), "2:3", "$2:$3"),
    ],
)
def test_areas_are_written_in_the_shortest_way(area: Area, text: str, absolute: str) -> None:
    assert address(None, area) == text
    assert address("a b", area, absolute=True) == f"'a b'!{absolute}"


@given(sheet_names, st.integers(1, MAX_ROWS), st.integers(1, MAX_COLUMNS), st.booleans())
def test_an_address_written_and_read_again_is_the_same(sheet: str, row: int, column: int, absolute: bool) -> None:
    area = Area(row, column, row, column)
    assert parse_address(address(sheet, area, absolute)) == (sheet, area)


@pytest.mark.parametrize("name", ["Sheet1", "été", "_x", "a.b", "ABCD1"])
def test_names_that_read_as_sheets_are_not_quoted(name: str) -> None:
    assert quote_sheet(name) == name


@pytest.mark.parametrize("name", ["a b", "A1", "tab1", "R", "c", "rc", "R1C1", "TRUE", "2016", "a-b", "x!", "", "a,b"])
def test_names_that_would_read_as_something_else_are_quoted(name: str) -> None:
    assert quote_sheet(name) == f"'{name}'"


def test_an_apostrophe_in_a_name_is_doubled() -> None:
    assert quote_sheet("it's") == "'it''s'"


def test_areas_are_split_at_commas_outside_quotes() -> None:
    text = "bias!$H$19:$V$24,bias!$A$26:$F$40"
    assert split_areas(text) == ["bias!$H$19:$V$24", "bias!$A$26:$F$40"]
    assert split_areas("'a, b''s'!A1, B2") == ["'a, b''s'!A1", "B2"]
    assert split_areas("A1") == ["A1"]


@pytest.mark.parametrize("text", ["", ",", "A1,", "A1,,B2", "'a,B2"])
def test_lists_with_gaps_are_refused(text: str) -> None:
    with pytest.raises(FormulaError, match="not a list of areas"):
        split_areas(text)
