from __future__ import annotations

import operator
from collections.abc import Callable

import pytest

from sheetml.errors import FormulaError
from sheetml.formula.parser import MAX_DEPTH, MAX_NESTING, parse
from sheetml.formula.text import to_a1
from sheetml.formula.tree import (
    Apply,
    ArrayConstant,
    Binary,
    Boolean,
    Call,
    Coordinate,
    ErrorValue,
    ExternalReference,
    Missing,
    Name,
    Node,
    Number,
    Range,
    StructuredReference,
    Text,
    Unary,
    calls,
    children,
    walk,
)
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS
from tests.formula.workbooks import WORKBOOKS, formulas


def absolute(value: int) -> Coordinate:
    return Coordinate(value, absolute=True)


def distance(value: int) -> Coordinate:
    return Coordinate(value, absolute=False)


def cell(row: int, column: int, sheet: str | None = None) -> Range:
    """A cell at a distance."""
    return Range(distance(row), distance(column), distance(row), distance(column), sheet=sheet, cell=True)


C4 = Range(absolute(4), absolute(3), absolute(4), absolute(3), cell=True)
A_TO_B = Range(absolute(1), absolute(1), absolute(MAX_ROWS), absolute(2))


def read(text: str) -> Node:
    """A formula of cell B2, where A1 is one up and one to the left."""
    return parse(text, 2, 2)


A1, B2, C3 = cell(-1, -1), cell(0, 0), cell(1, 1)

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "&": lambda left, right: float(f"{left:g}{right:g}"),
}


def value(node: Node) -> float:
    match node:
        case Number(value=number):
            return number
        case Unary(operator="-", operand=operand):
            return -value(operand)
        case Unary(operator="+", operand=operand):
            return value(operand)
        case Unary(operator="%", operand=operand):
            return value(operand) / 100
        case Binary(operator=symbol, left=left, right=right):
            return ARITHMETIC[symbol](value(left), value(right))
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("-2^2", 4),
        ("0-2^2", -4),
        ("-(2^2)", -4),
        ("2^3^2", 64),
        ("2^-1", 0.5),
        ("-2^-2", 0.25),
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("10-4-3", 3),
        ("16/4/2", 2),
        ("10/5*2", 4),
        ("50%^2", 0.25),
        ("-50%", -0.5),
        ("2^200%", 4),
        ("200%%", 0.02),
        ("2*50%", 1),
        ("--2", 2),
        ("5--3", 8),
        ("2*-3", -6),
        ("+-+2", -2),
        ("1+2&3+4", 37),
        ("1&2=12", True),
        ("1+1=2", True),
        ("3>2>1", False),
        ("2=2=2", False),
    ],
)
def test_operators_bind_as_excel_documents(formula: str, result: float) -> None:
    assert value(read(formula)) == result


@pytest.mark.parametrize(
    ("loose", "tight"),
    [("=", "&"), ("<>", "&"), ("&", "+"), ("+", "*"), ("-", "/"), ("*", "^"), ("/", "^")],
)
def test_each_operator_waits_for_the_tighter_one_on_either_side(loose: str, tight: str) -> None:
    one, two, three = Number(1), Number(2), Number(3)
    assert read(f"1{loose}2{tight}3") == Binary(loose, one, Binary(tight, two, three))
    assert read(f"1{tight}2{loose}3") == Binary(loose, Binary(tight, one, two), three)


def test_range_binds_before_intersection_and_this_before_union() -> None:
    bands = Range(absolute(1), distance(-1), absolute(MAX_ROWS), distance(0))
    assert read("A:B A1,B2") == Binary(",", Binary(" ", bands, A1), B2)
    assert read("A1 F():B2") == Binary(" ", A1, Binary(":", Call("F", ()), B2))
    assert read("-A1:C3") == Unary("-", Range(distance(-1), distance(-1), distance(1), distance(1)))


def test_constants_are_read_with_their_types() -> None:
    assert read("1.5e3") == Number(1500)
    assert read('"say ""hi"""') == Text('say "hi"')
    assert read("true") == Boolean(True)
    assert read("#DIV/0!") == ErrorValue("#DIV/0!")
    assert read('{1,-2;"x",#N/A}') == ArrayConstant(((Number(1), Number(-2)), (Text("x"), ErrorValue("#N/A"))))


def test_relative_references_are_distances_from_the_cell() -> None:
    assert parse("A1", 2, 2) == parse("B2", 3, 3) == A1
    assert read("$A$1") == Range(absolute(1), absolute(1), absolute(1), absolute(1), cell=True)
    assert read("$A1") == Range(distance(-1), absolute(1), distance(-1), absolute(1), cell=True)
    assert read("A1:A1") != read("A1")


def test_corners_are_put_in_order_where_they_can_be() -> None:
    assert read("C3:A1") == read("C1:A3") == read("A1:C3")
    assert read("$C$3:$A$1") == read("$A$1:$C$3")
    assert read("C:A") == read("A:C")
    assert read("3:1") == read("1:3")
    assert read("A$3:A1") == Range(absolute(3), distance(-1), distance(-1), distance(-1))


def test_whole_columns_and_rows_reach_over_the_sheet() -> None:
    assert read("$A:C") == Range(absolute(1), absolute(1), absolute(MAX_ROWS), distance(1))
    assert read("1:$3") == Range(distance(-1), absolute(1), absolute(3), absolute(MAX_COLUMNS))


def test_sheets_are_kept_without_their_quotes() -> None:
    assert read("Sheet1!A1") == cell(-1, -1, sheet="Sheet1")
    assert read("'it''s'!A1") == cell(-1, -1, sheet="it's")
    whole = Range(distance(-1), distance(-1), distance(0), distance(0), sheet="Sheet1")
    assert read("Sheet1!A1:B2") == read("Sheet1!A1:sheet1!B2") == read("'Sheet1'!A1:Sheet1!B2") == whole
    assert read("Sheet1!A1:Sheet2!B2") == Binary(":", cell(-1, -1, "Sheet1"), cell(0, 0, "Sheet2"))
    several = read("'a b:c'!A1")
    assert isinstance(several, Range)
    assert (several.sheet, several.last_sheet) == ("a b", "c")
    assert read("momentum!#REF!") == ErrorValue("#REF!")


def test_ranges_between_other_references_are_operations() -> None:
    index = Call("INDEX", (B2, Number(2)))
    assert read("A1:INDEX(B2,2)") == Binary(":", A1, index)
    assert read("INDEX(B2,2):A1") == Binary(":", index, A1)
    assert read("first:last") == Binary(":", Name("first"), Name("last"))
    assert read("(A1):B2") == Binary(":", A1, B2)
    assert read("A1:B2#") == Binary(":", A1, Unary("#", B2))


def test_blanks_are_an_operator_only_between_references() -> None:
    assert read("A1 B2") == read("A1\n\t B2") == Binary(" ", A1, B2)
    assert read(" SUM( A1 , B2 ) + 1 ") == read("SUM(A1,B2)+1")
    assert read("A1 : B2") == read("A1:B2")
    assert read("name F(1)") == Binary(" ", Name("name"), Call("F", (Number(1),)))


def test_a_comma_separates_arguments_and_joins_areas_elsewhere() -> None:
    assert read("F(A1,B2)") == Call("F", (A1, B2))
    assert read("F((A1,B2),C3)") == Call("F", (Binary(",", A1, B2), C3))
    assert read("A1,B2,C3") == Binary(",", Binary(",", A1, B2), C3)


def test_arguments_may_be_missing() -> None:
    assert read("F()") == read("F( )") == Call("F", ())
    assert read("F(,)") == Call("F", (Missing(), Missing()))
    assert read("OFFSET(A1,,1)") == Call("OFFSET", (A1, Missing(), Number(1)))
    assert read("F(1,)") == Call("F", (Number(1), Missing()))


def test_functions_lose_the_prefixes_that_files_give_them() -> None:
    assert read("_xlfn._xlws.sort(1)") == Call("SORT", (Number(1),))
    assert read("_xll.Mine(1)") == Call("MINE", (Number(1),))
    assert read("TRUE()") == Call("TRUE", ())
    assert read("_xlfn.SINGLE(A1)") == read("@A1") == Unary("@", A1)
    assert read("_xlfn.ANCHORARRAY(A1)") == read("A1#") == Unary("#", A1)


def test_lambdas_are_called_by_their_value() -> None:
    x = Name("x")
    body = Binary("+", x, Number(1))
    function = Call("LAMBDA", (x, body))
    assert read("_xlfn.LAMBDA(_xlpm.x,_xlpm.x+1)(5)") == Apply(function, (Number(5),))
    assert read("LAMBDA(x,x+1)(5)(6)") == Apply(Apply(function, (Number(5),)), (Number(6),))
    assert read("_xlpm.f(5)") == Apply(Name("f"), (Number(5),))
    assert read("Sheet1!f(5)") == Apply(Name("f", "Sheet1"), (Number(5),))
    assert read("LAMBDA(_xlop.y,1)") == Call("LAMBDA", (Name("y", optional=True), Number(1)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T[]", StructuredReference("T")),
        ("T[a]", StructuredReference("T", (), "a", "a")),
        ("T[a b]", StructuredReference("T", (), "a b", "a b")),
        ("T[#all]", StructuredReference("T", ("#All",))),
        ("T[[#This Row],[a]]", StructuredReference("T", ("#This Row",), "a", "a")),
        ("T[[#This Row],[a]:[b]]", StructuredReference("T", ("#This Row",), "a", "b")),
        ("T[ [#Headers], [#Data] , [a] : [b] ]", StructuredReference("T", ("#Headers", "#Data"), "a", "b")),
        ("T[[a]:[b]]", StructuredReference("T", (), "a", "b")),
        ("[@a]", StructuredReference(None, ("#This Row",), "a", "a")),
        ("T[@[a b]:[c]]", StructuredReference("T", ("#This Row",), "a b", "c")),
        ("T[@]", StructuredReference("T", ("#This Row",))),
        ("T['[x'']", StructuredReference("T", (), "[x'", "[x'")),
        ("T['#x]", StructuredReference("T", (), "#x", "#x")),
    ],
)
def test_structured_references_are_taken_apart(text: str, expected: StructuredReference) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1]S!A1:B2", ExternalReference("1", Range(distance(-1), distance(-1), distance(0), distance(0)), "S")),
        (
            "[1]S!$C$4",
            ExternalReference("1", C4, "S"),
        ),
        ("'[Book.xlsx]a b'!$A:$B", ExternalReference("Book.xlsx", A_TO_B, "a b")),
        ("'[2]It''s'!$A:$B", ExternalReference("2", A_TO_B, "It's")),
        ("'C:\\d\\[Book.xlsx]S'!$A:$B", ExternalReference("Book.xlsx", A_TO_B, "S", folder="C:\\d\\")),
        ("[3]S:T!$A:$B", ExternalReference("3", A_TO_B, "S", "T")),
        ("'[3]a b:c'!$A:$B", ExternalReference("3", A_TO_B, "a b", "c")),
        ("[1]!rate", ExternalReference("1", Name("rate"))),
        ("[1]S!rate", ExternalReference("1", Name("rate"), "S")),
        ("[1]!T[a]", ExternalReference("1", StructuredReference("T", (), "a", "a"))),
        ("[1]S!#REF!", ExternalReference("1", ErrorValue("#REF!"), "S")),
    ],
)
def test_references_to_other_workbooks_are_taken_apart(text: str, expected: ExternalReference) -> None:
    assert read(text) == expected
    assert to_a1(expected, 2, 2) == text
    assert expected.link == (int(text.strip("'")[1]) if "Book" not in text else None)


def test_a_range_between_two_cells_of_another_workbook_is_a_range_of_both() -> None:
    ends = [ExternalReference("1", cell(row, -1), "S") for row in (-1, 1)]
    assert read("[1]S!A1:[1]S!A3") == Binary(":", *ends)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[0]!rate", Name("rate", "[0]")),
        ("[0]S!rate", Name("rate", "S")),
        ("[0]S!$A$1", Range(*[absolute(1)] * 4, sheet="S", cell=True)),
        ("[0]!T[a]", StructuredReference("T", (), "a", "a")),
        ("[0]!Twice(1)", Call("TWICE", (Number(1.0),))),
    ],
)
def test_a_reference_to_the_workbook_itself_is_none_to_another(text: str, expected: Node) -> None:
    assert read(text) == expected


def test_the_name_of_the_workbook_itself_is_written_as_files_do() -> None:
    assert to_a1(read("IF(A1=42,[0]!rate,-1)"), 2, 2) == "IF(A1=42,[0]!rate,-1)"


@pytest.mark.parametrize("text", ["'[abc'!A1", "'[]S'!A1"])
def test_brackets_that_name_no_workbook_are_refused(text: str) -> None:
    with pytest.raises(FormulaError, match="does not say in brackets which workbook"):
        read(text)


def test_the_former_name_of_a_function_is_its_present_one() -> None:
    assert read('_xlfn._FV(A1,"Price")') == read('FIELDVALUE(A1,"Price")')


TERMS = 16_000


@pytest.mark.parametrize("operators", ["+", "+-", "&", "*/", "^", "=", "+*-&^/<"])
def test_a_chain_of_any_number_of_operators_is_a_formula(operators: str) -> None:
    check_chain("1" + "".join(f"{operators[n % len(operators)]}2" for n in range(TERMS)), TERMS)


def test_a_union_of_any_number_of_areas_is_a_formula() -> None:
    check_chain("$A$1" + ",$B$2" * 5000, 5000)


def check_chain(text: str, terms: int) -> None:
    tree = read(text)
    assert sum(isinstance(node, Binary) for node in walk(tree)) == terms
    assert to_a1(tree, 1, 1) == text
    again = read(text)
    assert tree == again and hash(tree) == hash(again)
    assert tree != read("C7" + text[text.index("1") + 1 :]) and tree != read(text.replace("2", "3", 1))
    assert not calls(tree, frozenset({"SUM"})) and calls(read(f"SUM({text})"), frozenset({"SUM"}))


@pytest.mark.parametrize(
    "text", ["((1+2)*3-4)*5", "(1&2)&(3&4)", "((1+2)^3)^-4", "-(1+2)+3", "(1=2)+(3=4)", "(1+2)%*3"]
)
def test_a_chain_is_written_with_the_parentheses_it_needs(text: str) -> None:
    assert read(to_a1(read(text), 1, 1)) == read(text)


@pytest.mark.parametrize("workbook", WORKBOOKS)
def test_every_formula_of_the_reference_workbooks_is_read(workbook: str) -> None:
    for text, row, column in formulas(workbook):
        assert isinstance(parse(text, row, column), Node)


@pytest.mark.parametrize(
    ("text", "position", "complaint"),
    [
        ("", 1, "is missing at the end"),
        ("1+", 3, "is missing at the end"),
        ("1+*2", 3, r"is missing before '\*'"),
        ("SUM(A1", 7, "parenthesis of position 4"),
        ("SUM(A1 5)", 8, "needs an operator"),
        ("1)", 2, "operator is missing before"),
        ("5(3)", 2, "operator is missing before"),
        ("A1:5", 3, "not a reference"),
        ("1,2", 2, "not a reference"),
        ("5#", 2, "not a reference"),
        ("{1,2;3}", 1, "differ in length"),
        ("{A1}", 2, "holds only"),
        ("{1,2", 1, "has no closing"),
        ("T[[a],[b]]", 1, "not complete"),
        ("T[#Some]", 1, "no part of a table"),
        ("a:b!n", 1, "several sheets"),
        ("1e999", 1, "too large"),
        ("A1!", 1, "not expected"),
    ],
)
def test_the_trouble_with_a_bad_formula_is_shown_with_its_position(text: str, position: int, complaint: str) -> None:
    with pytest.raises(FormulaError, match=f"{complaint}.*, at position {position}$"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "(" * 10_000 + "1" + ")" * 10_000,
        "F(" * 10_000,
        "-" * 10_000 + "1",
        "1" + "%" * 10_000,
        "1=1&1+1*1^(" * 2_000,
        "A1:" * 4_000 + "A1",
        "F" + "(1)" * 4_000,
        "{" * 10_000,
    ],
)
def test_hostile_formulas_are_refused_without_overflowing_the_stack(text: str) -> None:
    with pytest.raises(FormulaError):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["A1"] * MAX_DEPTH),
        "-" * (MAX_DEPTH - 1) + "A1",
        "-F(" * (MAX_NESTING - 1) + "A1" + ")" * (MAX_NESTING - 1),
        "(" * MAX_NESTING + "1" + ")" * MAX_NESTING,
    ],
)
def test_the_deepest_trees_allowed_can_be_compared_hashed_and_shown(text: str) -> None:
    assert read(text) == read(text)
    assert hash(read(text)) == hash(read(text))
    assert repr(read(text))


def test_children_are_listed_from_left_to_right() -> None:
    assert children(read("A1+1")) == (A1, Number(1))
    assert children(read("F(A1,)")) == (A1, Missing())
    assert children(read("_xlpm.f(1)")) == (Name("f"), Number(1))
    assert children(read("{1,2;3,4}")) == tuple(map(Number, (1, 2, 3, 4)))
    assert children(read("-A1")) == (A1,)
    assert children(A1) == ()
