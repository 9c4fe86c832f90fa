"""Exact gradients equal differences through every operator and every kind of block."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.table import Table

import sheetml
from sheetml import NotDifferentiableError
from tests.engine.differences import assert_gradient_equals_differences
from tests.workbooks import fill, made
from tests.xlsx.handmade import MAIN, relationships, save, workbook_parts

STEP = 0.05

OPERATORS = {
    "+": "=A1+A2+A1",
    "-": "=A1-A2-A1*A2",
    "*": "=A1*A2*A1",
    "/": "=A1/(A2+9)/2",
    "^": "=(A1+5)^A2+A1^2+A1^3+(A1+5)^-1+(A1+5)^0.5",
    "%": "=(A1*A2)%",
    "unary -": "=-A1^2*A2",
    "unary +": "=+A1*A2",
    "=": "=(A1=A2)*A1+A1",
    "<>": "=(A1<>A2)*A1",
    "<": "=(A1<A2)*A1^2",
    "<=": "=(A1<=A2)*A1^2",
    ">": "=(A1>A2)*A1^2",
    ">=": "=(A1>=A2)*A1^2",
    ":": "=SUM(A1:INDEX(A1:A3,2))^2",
    ",": "=SUM((A1:A2,A2:A3))^2",
    "space": "=SUM(A1:A2 A2:A3)^2",
    "@": "=_xlfn.SINGLE(A1:A3)^2",
    "& of what is no number": '=IF("a"&"b"="ab",A1^2,A2)',
}


def recurrence(rows):
    cells = {"A1": 1.0, "D1": 0.5, "E1": f"=B{rows}^2"}
    for row in range(1, rows + 1):
        if row > 1:
            cells[f"A{row}"] = f"=B{row - 1}"
        cells[f"B{row}"] = f"=A{row}*$D$1+EXP(0-A{row}^2)"
    return cells


def branching(rows):
    cells = {"A1": 1.0, "D1": 0.5} | {f"A{r}": f"=IF(A{r - 1}>3,A{r - 1}-2,A{r - 1}*$D$1+1)" for r in range(2, rows)}
    return cells | {"E1": f"=A{rows - 1}^2"}


def down(formula, rows=range(1, 5)):
    return {f"B{row}": formula.replace("#", str(row)) for row in rows}


NUMBERS = {"A1": 1, "A2": 2, "A3": 3, "A4": 4}
MATRIX = {"A1": 1, "B1": 2, "A2": 3, "B2": 4}

BOOKS = {
    "a chain of formulas": ({**NUMBERS, "B1": "=A1*A2", "C1": "=EXP(B1/5)+A1^3"}, ["A1:A2"], "C1"),
    "filled down": ({**NUMBERS, **down("=A#^2+$A$1"), "C1": "=SUM(B1:B4)"}, ["A1:A4"], "C1"),
    "filled down, each row with its own condition": (
        {**NUMBERS, **down("=IF(A#>$A$1,A#^2,A#^3)"), "C1": "=SUM(B1:B4)"},
        ["A1:A4"],
        "C1",
    ),
    "filled right": (
        {"A1": 1, "B1": 2, "C1": 3} | {f"{c}2": f"={c}1^2*$A1" for c in "ABC"} | {"D1": "=SUMSQ(A2:C2)"},
        ["A1:C1"],
        "D1",
    ),
    "filled down and right": (
        {
            **MATRIX,
            **{f"{c}{r}": f"=A${r - 2}*{a}$1" for c, a in zip("CD", "AB") for r in (3, 4)},
            "E1": "=SUMSQ(C3:D4)",
        },
        ["A1:B2"],
        "E1",
    ),
    "growing ranges": ({**NUMBERS, **down("=SUM($A$1:A#)^2"), "C1": "=SUM(B1:B4)"}, ["A1:A4"], "C1"),
    "ranges of different sizes": (
        {**NUMBERS, "B1": "=MAX(A1:A2)^2", "B2": "=MAX(A1:A3)^2", "C1": "=B1*B2"},
        ["A1:A3"],
        "C1",
    ),
    "an array formula in one cell": ({**NUMBERS, "C1": "{=SUM(A1:A4*A1:A4*{1;2;3;4})}"}, ["A1:A4"], "C1"),
    "an array formula in many cells": (
        {**MATRIX, "D1:E2": "{=MMULT(A1:B2,A1:B2)}", "F1": "=SUMSQ(D1:E2)"},
        ["A1:B2"],
        "F1",
    ),
    "an array formula repeated over its area": (
        {**NUMBERS, "C1:D4": "{=A1:A4^2}", "F1": "=SUMPRODUCT(C1:D4,D1:E4+1)"},
        ["A1:A4"],
        "F1",
    ),
    "pairs with blanks": (
        {"A1": 1, "A3": 3, "B1": 2, "B2": 5, "B3": 1, "C1": "=SUMXMY2(A1:A3,B1:B3)"},
        ["B1:B3"],
        "C1",
    ),
    "numbers among text": ({"A1": 1, "A2": "x", "A3": 3, "C1": "=AVERAGE(A1:A3)*A1"}, ["A1", "A3"], "C1"),
    "numbers read from text": ({"A1": 1, "B1": "2.5", "C1": "=B1*A1^2"}, ["A1"], "C1"),
    "a gather through OFFSET": (
        {**NUMBERS, "D1": 2, "D2": 0, "B1": "=OFFSET($A$1,D1,0)^2", "B2": "=OFFSET($A$1,D2,0)^2", "C1": "=B1*B2*A2"},
        ["A1:A4"],
        "C1",
    ),
    "a gather through MATCH": (
        {**NUMBERS, "D1": "b", "E1": "a", "E2": "b", "C1": "=INDEX(A1:A2,MATCH(D1,E1:E2,0))^3"},
        ["A1:A2"],
        "C1",
    ),
    "a short recurrence": (recurrence(4), ["A1", "D1"], "E1"),
    "a recurrence": (recurrence(12), ["A1", "D1"], "E1"),
    "a long recurrence": (recurrence(400), ["A1", "D1"], "E1"),
    "a recurrence with decisions": (branching(20), ["A1", "D1"], "E1"),
    "errors caught": ({**NUMBERS, "C1": "=IFERROR(A1/0,A2^2)*A1"}, ["A1:A2"], "C1"),
    "an error in a branch not taken": ({**NUMBERS, "C1": "=IF(A1>-9,A1^2,1/0)"}, ["A1"], "C1"),
    "text that does not matter": ({"A1": 1, "B1": "on", "C1": '=IF(B1="on",A1^2,A1)'}, ["A1"], "C1"),
    "a formula cell as an input": ({**NUMBERS, "B1": "=A1*2", "C1": "=B1^2*A1"}, ["B1", "A1"], "C1"),
    "whole columns": ({**NUMBERS, "C1": "=SUMSQ(A:A)"}, ["A1:A4"], "C1"),
}


def cross_sheet():
    cells = {"A1": 1, "A2": 2, "B1": "='it''s here'!B1^2", "C1": "=B1+SUM('it''s here:other'!A1)"}
    there = {"A1": "=Sheet1!A1*Sheet1!A2", "B1": "=A1+Sheet1!A1"}
    return made(cells, **{"it's here": there, "other": {"A1": "=Sheet1!A2^3"}}), ["Sheet1!A1:A2"], "Sheet1!C1"


def names():
    book = openpyxl.Workbook()
    sheet = book.active
    fill(sheet, {"A1": 1, "A2": 2, "B1": "=weights*rate", "B2": "=SUM(weights)*twice", "C1": "=B1*B2"})
    book.defined_names["weights"] = DefinedName("weights", attr_text="Sheet!$A$1:$A$2")
    book.defined_names["twice"] = DefinedName("twice", attr_text="2*rate^2")
    sheet.defined_names["rate"] = DefinedName("rate", attr_text="Sheet!$A$2")
    return opened(book), ["weights"], "Sheet!C1"


def structured_references():
    book = openpyxl.Workbook()
    sheet = book.active
    fill(sheet, {"A1": "x", "B1": "y", "C1": "z", "E1": "=SUM(Data[z])*SUM(Data[[x]:[y]])"})
    for row in (2, 3):
        fill(sheet, {f"A{row}": row, f"B{row}": row + 1, f"C{row}": "=Data[[#This Row],[x]]^2*Data[[#This Row],[y]]"})
    sheet.add_table(Table(displayName="Data", ref="A1:C3"))
    return opened(book), ["Data[[x]:[y]]"], "Sheet!E1"


def opened(book):
    with tempfile.TemporaryDirectory() as folder:
        book.save(Path(folder) / "book.xlsx")
        return sheetml.open(Path(folder) / "book.xlsx")


DYNAMIC = (
    f'<metadata xmlns="{MAIN}" xmlns:xda="http://schemas.microsoft.com/office/spreadsheetml/2017/dynamicarray">'
    '<metadataTypes count="1"><metadataType name="XLDAPR"/></metadataTypes>'
    '<futureMetadata name="XLDAPR" count="1"><bk><extLst><ext uri="{bdbb8cdc-fa1e-496e-a857-3c3f30c029c3}">'
    '<xda:dynamicArrayProperties fDynamic="1"/></ext></extLst></bk></futureMetadata>'
    '<cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata></metadata>'
)


def spill():
    """C1 spills over three rows; what reads it by C1# sees all of them."""
    rows = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="C1" cm="1"><f t="array" ref="C1:C3">A1:A3^2</f><v>0</v></c>'
        '<c r="D1"><f>SUM(_xlfn.ANCHORARRAY(C1))*C2</f></c></row>'
        '<row r="2"><c r="A2"><v>2</v></c></row><row r="3"><c r="A3"><v>3</v></c></row>'
    )
    parts = workbook_parts({"Sheet1": rows})
    links = relationships({"rId1": ("worksheet", "worksheets/sheet1.xml"), "m": ("sheetMetadata", "metadata.xml")})
    parts |= {"xl/metadata.xml": DYNAMIC.encode(), "xl/_rels/workbook.xml.rels": links}
    with tempfile.TemporaryDirectory() as folder:
        return sheetml.open(save(Path(folder) / "book.xlsx", parts)), ["A1:A3"], "D1"


BOOKS |= {operator: ({**NUMBERS, "C1": formula}, ["A1:A2"], "C1") for operator, formula in OPERATORS.items()}
BUILT = {
    "other sheets": cross_sheet,
    "names": names,
    "structured references": structured_references,
    "a spilled array": spill,
}
_functions = {}


def function(name):
    if name not in _functions:
        if name in BUILT:
            workbook, inputs, output = BUILT[name]()
        else:
            cells, inputs, output = (
                BOOKS[name] if name in BOOKS else ({**NUMBERS, "C1": OPERATORS[name]}, ["A1:A2"], "C1")
            )
            workbook = made(cells)
        _functions[name] = workbook.function(inputs=inputs, output=output)
    return _functions[name]


def where_differences_serve(name, x):
    """The point, moved to where the function is tame and away from its decisions, and steps for it."""
    assume(np.diff(np.sort(x)).min(initial=1) > 3 * STEP)  # where the order of inputs decides
    steps = np.full(x.size, STEP)
    if "recurrence" in name:
        x[1] = np.clip(x[1], 0, 0.9)  # beyond that differences grow row by row
        steps = steps / 10
    if name == "a recurrence with decisions":
        assume(not any(abs(value - 3) < 3 * STEP for value in trajectory(x)))
    return x, steps


@pytest.mark.parametrize("name", [*BOOKS, *BUILT])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_gradients_equal_differences(name, data):
    f = function(name)
    x = np.array(data.draw(st.lists(st.floats(-3, 3), min_size=f.x0.size, max_size=f.x0.size)))
    assert_gradient_equals_differences(f, *where_differences_serve(name, x))


def trajectory(x):
    value, values = x[0], [x[0]]
    for _ in range(20):
        value = value - 2 if value > 3 else value * x[1] + 1
        values.append(value)
    return values


@pytest.mark.parametrize("name", sorted(BOOKS.keys() - {"a formula cell as an input"} | BUILT.keys()))
def test_the_function_gives_what_the_workbook_computes(name):
    f = function(name)
    x = np.linspace(0.4, 1.3, f.x0.size)
    value = f(x)
    f.assign(x)
    place = f._calculation.slots.locate_places(f._output_places)
    assert value == pytest.approx(float(f._calculation.cells.number[place][0]), rel=1e-12)


def test_joining_numbers_to_text_has_no_derivative():
    f = made({"A1": 1, "B1": "=(A1&A1)*2", "C1": "=B1+A1"}).function(inputs="A1", output="C1")
    assert f(np.array([3.0])) == 69
    with pytest.raises(NotDifferentiableError, match=r"& in Sheet1!B1"):
        f.gradient(np.array([3.0]))


def test_a_value_asked_for_before_does_not_hide_that_there_is_no_derivative():
    f = made({"A1": 1, "C1": "=FACT(A1)"}).function(inputs="A1", output="C1")
    assert f(np.array([3.0])) == 6
    for ask in (f.gradient, f.jacobian):
        with pytest.raises(NotDifferentiableError, match=r"FACT in Sheet1!C1"):
            ask(np.array([3.0]))
