from __future__ import annotations

import re

import pytest
from openpyxl.formula import Tokenizer

from sheetml.errors import FormulaError
from sheetml.formula.tokens import CELL, MAX_LENGTH, TOKEN, Token, tokenise
from sheetml.xlsx.model import ERROR_CODE, MAX_COLUMNS, MAX_ROWS
from tests.formula.workbooks import WORKBOOKS, formulas


def kinds(text: str) -> list[str]:
    return [token.kind for token in tokenise(text)]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("number", ["1", ".5", "1.", "1e-3", "1E+10", "007"]),
        ("text", ['""', '"a"', '"say ""hi"""', '"line\nbreak"']),
        ("boolean", ["TRUE", "false"]),
        ("error", sorted(ERROR_CODE)),
        ("cell", ["A1", "$A$1", "a$1", "XFD1048576", "LOG10", "ABC123"]),
        ("columns", ["A:C", "$A:$C", "XFD:A"]),
        ("rows", ["1:3", "$1:$3", "1048576:1"]),
        (
            "name",
            ["rate", "_x.y", "\\q", "été", "XFE1", "A1048577", "A1B", "A0", "_xlpm.x", "R1C1x", "a?b", "😀"],
        ),
        (
            "structured",
            ["Table1[a]", "[@a]", "T[[#All],[a]:[b c]]", "T['[x'']", "T[]", "T[[#This Row],[a]]"],
        ),
        (
            "external",
            ["[1]Sheet1!A1", "'[1]a b'!A1:B2", "'[Book.xlsx]Sheet'!$A:$B", "[1]!rate", "[1]S!#REF!"],
        ),
        ("space", [" ", "\n\t  "]),
        ("operator", [*"+-*/^&=<>%@#:,;(){}", "<>", "<=", ">="]),
    ],
)
def test_each_kind_of_token_is_told_from_the_others(kind: str, texts: list[str]) -> None:
    for text in texts:
        assert tokenise(text) == [Token(kind, text, 0)]


@pytest.mark.parametrize(
    ("text", "sheet", "rest"),
    [
        ("Sheet1!A1", "Sheet1", Token("cell", "A1", 0, "Sheet1")),
        ("'My sheet''s'!A:C", "'My sheet''s'", Token("columns", "A:C", 0, "'My sheet''s'")),
        ("Sheet1:Sheet3!$A$1", "Sheet1:Sheet3", Token("cell", "$A$1", 0, "Sheet1:Sheet3")),
        ("'a b:c d'!1:3", "'a b:c d'", Token("rows", "1:3", 0, "'a b:c d'")),
        ("Sheet1!#REF!", "Sheet1", Token("error", "#REF!", 0, "Sheet1")),
        ("Sheet1!rate", "Sheet1", Token("name", "rate", 0, "Sheet1")),
        ("2016!A1", "2016", Token("cell", "A1", 0, "2016")),
    ],
)
def test_a_sheet_stands_apart_from_what_it_qualifies(text: str, sheet: str, rest: Token) -> None:
    assert tokenise(text) == [rest]


def test_a_name_just_before_a_parenthesis_is_a_function() -> None:
    assert kinds("LOG10(LOG10)") == ["function", "operator", "cell", "operator"]
    assert kinds("TRUE()") == ["function", "operator", "operator"]
    assert kinds("_xlfn._xlws.SORT(A1)")[0] == "function"
    assert kinds("_xlfn.T.DIST.2T(1)")[0] == "function"
    assert kinds("A1 (B1)")[:2] == ["cell", "space"]


def test_a_cell_before_a_colon_is_not_the_first_of_several_sheets() -> None:
    assert tokenise("A1:Sheet1!B2") == [
        Token("cell", "A1", 0),
        Token("operator", ":", 2),
        Token("cell", "B2", 3, "Sheet1"),
    ]


def test_cells_end_where_the_sheet_ends() -> None:
    assert kinds(f"A{MAX_ROWS}") == ["cell"]
    assert kinds(f"A{MAX_ROWS + 1}") == ["name"]
    count = sum(kinds(f"{letters}1") == ["cell"] for letters in _letters_up_to_three())
    assert count == MAX_COLUMNS
    assert "1048576" not in CELL  # the bound is built of ranges of digits, which the lines above test


def _letters_up_to_three() -> list[str]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    found = [""]
    for _ in range(3):
        found += [letter + rest for letter in alphabet for rest in found if len(rest) == len(found[-1])]
    return found[1:]


@pytest.mark.parametrize("workbook", WORKBOOKS)
def test_operands_and_functions_are_those_that_openpyxl_finds(workbook: str) -> None:
    for text, _, _ in formulas(workbook):
        tokens = tokenise(text)
        if re.search(r"\):|:\w+\(", text):  # openpyxl takes INDEX(...):A1 and A1:INDEX(...) for other things
            continue
        theirs = Tokenizer("=" + text).items
        operands = [token.value for token in theirs if token.type == "OPERAND"]
        functions = [token.value for token in theirs if token.type == "FUNC" and token.subtype == "OPEN"]
        assert _operands(tokens) == operands
        assert [f"{token.text}(" for token in tokens if token.kind == "function"] == functions


def _operands(tokens: list[Token]) -> list[str]:
    """The operands with their sheets, ranges being one operand, as openpyxl cuts them."""
    found: list[str] = []
    for before, token in zip([None, *tokens], tokens):
        operand = token.text if token.sheet is None else f"{token.sheet}!{token.text}"
        if before is not None and (before.text == ":" or token.text == ":"):
            found[-1] += operand
        elif token.kind not in ("operator", "function", "space"):
            found.append(operand)
    return found


@pytest.mark.parametrize(
    ("text", "position"),
    [('1+"ab', 3), ("'a b!A1", 1), ("T[a", 2), ("1~2", 2), ("A1!", 1), ("a\x00", 2), ("", None)],
)
def test_what_is_no_token_is_refused_with_its_position(text: str, position: int | None) -> None:
    if position is None:
        assert tokenise(text) == []
        return
    with pytest.raises(FormulaError, match=f"at position {position}$"):
        tokenise(text)


@pytest.mark.parametrize("before", ["", "'", '"', "T[", "[1]"])
@pytest.mark.parametrize(
    "piece",
    ["a", "a:", "A1:", "'", "''", '"', "[", "[a", "1", "1:", "1.", "1.1", "1E5.", "a.", "(", "'[", "[[]", "[']", "$"],
)
def test_hostile_text_is_read_or_refused(before: str, piece: str) -> None:
    # a pattern that goes back over what it has read would not come to an end here
    repeated = before + piece * ((MAX_LENGTH - len(before)) // len(piece) - 1)
    for text in (repeated, repeated + "!"):
        try:
            tokenise(text)
        except FormulaError:
            continue


@pytest.mark.parametrize("text", ["A1!", "Sheet1!~", "Sheet1:Sheet3!", "2016!", "'a b'!~", "[1]S!~", "''!A1", '"a""b'])
def test_what_is_read_in_part_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(FormulaError):
        tokenise(text)


def test_no_pattern_needs_what_python_3_11_2_gets_wrong() -> None:
    assert not re.search(r"(?<!\\)[*+?}]\+|\(\?>", TOKEN.pattern)


def test_a_formula_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(FormulaError, match="longer than"):
        tokenise("1" * (MAX_LENGTH + 1))
