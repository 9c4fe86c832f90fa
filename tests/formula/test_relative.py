from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.errors import FormulaError
from sheetml.formula.parser import parse
from sheetml.formula.references import column_letters
from sheetml.formula.relative import relative_key, relative_keys
from sheetml.formula.skeleton import skeletons
from sheetml.formula.text import to_a1
from sheetml.formula.tree import Node
from tests.formula.strategies import COLUMN, ROW, expressions
from tests.formula.workbooks import WORKBOOKS, formulas

# Texts that hold or resemble references, to be joined at random.
OPERANDS = [
    *(
        "A1",
        "$A$1",
        "B$2",
        "$C3",
        "A:C",
        "$A:B",
        "1:3",
        "$1:2",
        "XFD1048576",
        "LOG10",
        "LOG10(A1)",
        "T1.A1(B2)",
    ),
    *("XFE1", "A1048577", "A1B", "A", "x.A1", "A1.x", "\\A1", "éA1", "A1é", "_xlpm.A1", "XFE:A", "A:XFE"),
    *(
        '"A1"',
        '"""A1"',
        "1E5",
        ".5",
        "#REF!",
        "TRUE",
        "Table[A1]",
        "Table[[A1]:[B2]]",
        "[@A1]",
        "T['[A1]",
        "{1,2}",
    ),
    *("[1]S!A1", "[1]S!A1:B2", "[1]!A1B", "'[1]S'!A:B", "'[1]A1'!1:3", "[1]!Table[A1]"),
]
SHEETS = ["S!", "S:T!", "'A1'!", "'a''B2'!", "'A1:B2'!", "A1!", "C:D!", "1:3!"]
OPERATORS = ["+", ":", ",", " ", "&", "*"]
NOISE = ["(", ")", "#", "%", "@", "-", "$", "!", "?", "'", '"', "[", "]", "{", "}", ".", "_", "2", "\n"]

operands = st.tuples(st.sampled_from(["", "", *SHEETS]), st.sampled_from(OPERANDS)).map("".join)
readable = st.lists(operands, min_size=1, max_size=4).flatmap(
    lambda found: st.lists(st.sampled_from(OPERATORS), min_size=len(found), max_size=len(found)).map(
        lambda operators: "".join(map("".join, zip(found, operators)))[:-1]
    )
)
noisy = st.lists(st.one_of(map(st.sampled_from, (OPERANDS, SHEETS, OPERATORS, NOISE))), max_size=8).map("".join)
cells = st.tuples(st.integers(2, 40), st.integers(2, 40))
offsets = st.tuples(st.integers(1, 9), st.integers(1, 9))


def tree_or_none(text: str, cell: tuple[int, int]) -> Node | None:
    try:
        return parse(text, *cell)
    except FormulaError:
        return None


def written_at(key: str, row: int, column: int) -> str:
    """A formula for another cell that has, if it is one, the same key."""

    def reference(match: re.Match[str]) -> str:
        if match[1] == "\x01":
            return column_letters((int(match[2]) + column - 1) % 16384 + 1)
        return str((int(match[2]) + row - 1) % 1048576 + 1)

    return re.sub(r"(\x01|\x02)(-?\d+)", reference, key)


@given(readable | noisy, cells, offsets)
@settings(max_examples=1500, deadline=None)
def test_formulas_with_equal_keys_have_equal_trees(text: str, here: tuple[int, int], offset: tuple[int, int]) -> None:
    there = (here[0] + offset[0], here[1] + offset[1])
    key = relative_key(text, *here)
    for other in (text, written_at(key, *there)):
        if relative_key(other, *there) == key:
            assert tree_or_none(other, there) == tree_or_none(text, here)


@given(st.lists(st.tuples(readable | noisy, cells, offsets), min_size=1, max_size=3))
@settings(max_examples=500, deadline=None)
def test_keys_of_many_formulas_are_equal_where_the_keys_of_each_are(
    drawn: list[tuple[str, tuple[int, int], tuple[int, int]]],
) -> None:
    found = [(text, here) for text, here, _ in drawn]
    for text, here, offset in drawn:
        there = (here[0] + offset[0], here[1] + offset[1])
        found += [(text, there), (written_at(relative_key(text, *here), *there), there)]
    texts = [text for text, _ in found]
    rows, columns = ([place[axis] for _, place in found] for axis in (0, 1))
    many = relative_keys(skeletons(texts), texts, rows, columns)
    each = [relative_key(text, row, column) for text, row, column in zip(texts, rows, columns)]
    for one in range(len(texts)):
        for other in range(one):
            assert (many[one] == many[other]) == (each[one] == each[other]), (found[one], found[other])


@given(expressions, st.integers(-90, 90), st.integers(-90, 90))
@settings(max_examples=200, deadline=None)
def test_a_formula_filled_to_another_cell_keeps_its_key(tree: Node, down: int, right: int) -> None:
    row, column = ROW + 100, COLUMN + 100
    here = relative_key(to_a1(tree, row, column), row, column)
    there = relative_key(to_a1(tree, row + down, column + right), row + down, column + right)
    assert here == there


@pytest.mark.parametrize("workbook", WORKBOOKS)
def test_keys_group_the_reference_formulas_as_their_trees_do(workbook: str) -> None:
    tree_of: dict[str, Node] = {}
    for text, row, column in formulas(workbook):
        tree = parse(text, row, column)
        assert tree_of.setdefault(relative_key(text, row, column), tree) == tree


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A1+B$2*$C3", "B2+C$2*$C4"),
        ("SUM(A:A,1:1)", "SUM(B:B,2:2)"),
        ("'A1'!A1&\"A1\"", "'A1'!B2&\"A1\""),
        ("LOG10(A1)+Table1[A1]", "LOG10(B2)+Table1[A1]"),
        ("[1]S!A1+A1", "[1]S!B2+B2"),
    ],
)
def test_the_same_formula_one_cell_down_and_right_has_the_same_key(first: str, second: str) -> None:
    assert relative_key(first, 5, 5) == relative_key(second, 6, 6)


@pytest.mark.parametrize("text", ["A1", "A$1", "$A1", "A:A", "1:1", "S!A1", "A1#", "@A1:B2"])
def test_the_same_text_in_another_cell_is_another_formula(text: str) -> None:
    assert relative_key(text, 5, 5) != relative_key(text, 6, 6)


@pytest.mark.parametrize(
    "text", ["$A$1", "$A:$B", "$1:$2", '"A1"', "XFE1", "A1B", "LOG10()", "Table1[B2]", "'A1'!x", "1E5"]
)
def test_what_does_not_move_has_one_key_everywhere(text: str) -> None:
    assert relative_key(text, 5, 5) == relative_key(text, 6, 6) == text
