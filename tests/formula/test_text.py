from __future__ import annotations

import pytest
from hypothesis import given, settings

from sheetml.formula.parser import parse
from sheetml.formula.text import to_a1, to_r1c1
from sheetml.formula.tree import Coordinate, Node, Range
from tests.formula.strategies import COLUMN, ROW, expressions
from tests.formula.workbooks import WORKBOOKS, formulas


@given(expressions)
@settings(max_examples=400, deadline=None)
def test_a_tree_written_and_read_again_is_the_same_tree(tree: Node) -> None:
    assert parse(to_a1(tree, ROW, COLUMN), ROW, COLUMN) == tree


@pytest.mark.parametrize("workbook", WORKBOOKS)
def test_every_formula_of_the_reference_workbooks_survives_writing(workbook: str) -> None:
    for text, row, column in formulas(workbook):
        tree = parse(text, row, column)
        assert parse(to_a1(tree, row, column), row, column) == tree, text


@pytest.mark.parametrize(
    "text",
    [
        "(1+2)*3",
        "1-(2-3)",
        "2^(3^2)",
        "-(2^2)",
        "2^-3%",
        "-(5%)",
        "a&(b=c)",
        "1-2-3",
        "SUM((A1,B2),C3)",
        "A1,B2",
        "(A1,B2)*2",
        "(A1,B2) C3",
        "A1 B2:C3",
        "(A1):B2",
        "A1:INDEX(B:B,2)",
        "(ab):cd",
        "@A1:A3",
        "SUM(A1#)",
        "(@A1)#",
        "F(,1,)",
        "LAMBDA(x,x+1)(3)",
        "_xlpm.f(3)",
        "S!f(3)",
        "'a b'!A1:B2",
        "'A1'!B2",
        "'a b:c'!A1",
        "Sheet1:Sheet3!$A:B",
        "T[[#All],[a]:[b]]",
        "T['[x'']",
        '"say ""hi"""',
        '{1,-2;"x",#N/A}',
        "_xlpm.A1+_xlpm.TRUE",
    ],
)
def test_no_parenthesis_or_quote_is_added_or_lost(text: str) -> None:
    assert to_a1(parse(text, 5, 5), 5, 5) == text


@pytest.mark.parametrize(
    ("text", "shorter"),
    [
        ("((1))+(2*3)", "1+2*3"),
        ("(2^3)^2", "2^3^2"),
        ("(-2)^2", "-2^2"),
        ("'Sheet1'!A1", "Sheet1!A1"),
        ("Sheet1!A1:Sheet1!B2", "Sheet1!A1:B2"),
        ("B2:A1", "A1:B2"),
        ("_xlfn.ANCHORARRAY(A1)", "A1#"),
        ("_xlfn.SINGLE(A1:A3)", "@A1:A3"),
        ("_xlfn._xlws.SORT( a1 )", "SORT(A1)"),
        ("$A$1:$XFD3", "$1:3"),
        ("1.50E+2", "150"),
    ],
)
def test_what_means_the_same_is_written_the_shorter_way(text: str, shorter: str) -> None:
    assert to_a1(parse(text, 5, 5), 5, 5) == shorter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B3*$C$1+C$4", "RC*R1C3+R4C[1]"),
        ("SUM(A1:B2)", "SUM(R[-2]C[-1]:R[-1]C)"),
        ("SUM(A:$C,3:$5)", "SUM(C[-1]:C3,R:R5)"),
        ("'a b'!A3", "'a b'!RC[-1]"),
    ],
)
def test_r1c1_shows_distances_from_the_cell(text: str, expected: str) -> None:
    assert to_r1c1(parse(text, 3, 2)) == expected


def test_a_distance_that_leads_off_the_sheet_comes_in_on_the_other_side() -> None:
    above = Coordinate(-1, absolute=False)
    assert to_a1(Range(above, above, above, above, cell=True), 1, 1) == "XFD1048576"
