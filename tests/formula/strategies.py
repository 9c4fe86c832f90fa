"""Syntax trees for properties to hold on, among them those that are easily written wrongly."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from sheetml.formula.tokens import TOKEN
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
)
from sheetml.xlsx.model import ERROR_CODE, MAX_COLUMNS, MAX_ROWS

# The cell the trees stand in: no distance below leads off the sheet.
ROW, COLUMN = 2000, 800

characters = st.characters(codec="utf-8", exclude_characters="\x00")
sheet_names = st.one_of(
    st.sampled_from(["Sheet1", "My sheet's", "A1", "R1C1", "TRUE", "2016", "été", "a,b", "x.y", "rc"]),
    st.text(st.characters(codec="utf-8", exclude_characters="[]:*?/\\"), min_size=1, max_size=6),
)
plain_names = st.sampled_from(["rate", "ab", "XFE1", "A1048577", "A1B", "_x", "\\q", "née", "a.b?", "R1C1x"])
odd_names = st.sampled_from(["A1", "LOG10", "TRUE", "_xlpm.x", "R", "😀"])
column_names = st.text(characters, min_size=1, max_size=5)


@st.composite
def bounds(draw: st.DrawFn, limit: int, reach: int) -> tuple[Coordinate, Coordinate]:
    """Two coordinates in the order in which the parser keeps them."""
    pair = []
    for _ in range(2):
        absolute = draw(st.booleans())
        value = draw(st.integers(1, limit) if absolute else st.integers(-reach, reach))
        pair.append(Coordinate(value, absolute))
    first, last = pair
    return (last, first) if first.absolute == last.absolute and first.value > last.value else (first, last)


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    top, bottom = draw(bounds(MAX_ROWS, ROW - 1))
    left, right = draw(bounds(MAX_COLUMNS, COLUMN - 1))
    shape = draw(st.sampled_from(["cell", "rectangle", "columns", "rows"]))
    if shape == "cell":
        bottom, right = top, left
    elif shape == "columns":
        top, bottom = Coordinate(1, True), Coordinate(MAX_ROWS, True)
    elif shape == "rows":
        left, right = Coordinate(1, True), Coordinate(MAX_COLUMNS, True)
    sheet = draw(st.none() | sheet_names)
    last_sheet = None if sheet is None else draw(st.none() | sheet_names)
    return Range(top, left, bottom, right, sheet, last_sheet, cell=shape == "cell")


@st.composite
def structured_references(draw: st.DrawFn) -> StructuredReference:
    table = draw(st.none() | plain_names)
    item = st.sampled_from(["#All", "#Data", "#Headers", "#Totals", "#This Row"])
    items = tuple(draw(st.lists(item, max_size=2, unique=True)))
    first = draw(st.none() | column_names)
    last = None if first is None else draw(st.just(first) | column_names)
    return StructuredReference(table, items, first, last)


def calls(arguments: st.SearchStrategy[Node]) -> st.SearchStrategy[tuple[Node, ...]]:
    """Arguments of a call; one argument left out would be no argument at all."""
    lists = st.lists(arguments | st.just(Missing()), max_size=3)
    return lists.map(tuple).filter(lambda found: found != (Missing(),))


numbers = st.floats(0, allow_nan=False, allow_infinity=False) | st.integers(0, 99).map(float)
errors = st.sampled_from(sorted(ERROR_CODE)).map(ErrorValue)
constants = st.one_of(
    numbers.map(Number), st.text(characters, max_size=6).map(Text), st.booleans().map(Boolean), errors
)
elements = constants | numbers.map(lambda value: Number(-value))
arrays = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[elements] * width), min_size=1, max_size=2).map(
        lambda rows: ArrayConstant(tuple(rows))
    )
)
names = st.one_of(
    plain_names.map(Name),
    odd_names.map(Name),
    st.builds(Name, plain_names, sheet_names),
    st.builds(Name, plain_names, optional=st.just(True)),
)


def external_references() -> st.SearchStrategy[ExternalReference]:
    """References into other workbooks: to cells of a sheet or several, to names, tables and errors."""
    workbooks = st.sampled_from(["1", "27", "Book.xlsx", "it's.xlsx"])
    cells = ranges().map(lambda found: replace(found, sheet=None, last_sheet=None))
    return st.one_of(
        st.builds(ExternalReference, workbooks, cells, sheet_names, st.none() | sheet_names),
        st.builds(ExternalReference, workbooks, cells, sheet_names, folder=st.just("C:\\it's\\")),
        st.builds(ExternalReference, workbooks, plain_names.map(Name) | structured_references(), st.none()),
        st.builds(ExternalReference, workbooks, errors | plain_names.map(Name), sheet_names),
    )


functions = st.sampled_from(["SUM", "LOG10", "T.DIST.2T", "TRUE", "LAMBDA", "IF", "_TRO_ALL", "ANCHORARRAY"])

expressions: st.SearchStrategy[Node] = st.deferred(
    lambda: st.one_of(
        constants,
        arrays,
        references,
        st.builds(Unary, st.sampled_from("+-%@"), expressions),
        st.builds(
            Binary,
            st.sampled_from(["+", "-", "*", "/", "^", "&", "=", "<>", "<", "<=", ">", ">="]),
            expressions,
            expressions,
        ),
    )
)
references: st.SearchStrategy[Node] = st.deferred(
    lambda: st.one_of(
        ranges(),
        names,
        structured_references(),
        errors,
        external_references(),
        st.builds(Unary, st.just("#"), references),
        st.builds(Unary, st.just("@"), references),
        st.builds(Binary, st.sampled_from([":", " ", ","]), references, references),
        st.builds(Call, functions, calls(expressions)).filter(_written_otherwise),
        st.builds(Apply, references, calls(expressions)),
    )
)


def _written_otherwise(call: Call) -> bool:
    """Not ANCHORARRAY(reference), which is the tree of reference#."""
    return call.function != "ANCHORARRAY" or len(call.arguments) != 1


assert all(TOKEN.fullmatch(text) for text in ("rate", "XFE1", "A1048577", "A1B", "\\q", "a.b?"))
