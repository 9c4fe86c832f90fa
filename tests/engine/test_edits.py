"""After any edits an incremental calculation gives what a calculation from scratch gives."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.formula.parser import parse
from sheetml.xlsx.model import Area, CellValue, ErrorCode
from tests.workbooks import made

ROWS, COLUMNS = 6, 4
PLACES = [(row, column) for row in range(1, ROWS + 1) for column in range(1, COLUMNS + 1)]


def cell(place: tuple[int, int]) -> str:
    return f"{'ABCDEFGH'[place[1] - 1]}{place[0]}"


cells = st.sampled_from(PLACES).map(cell)
areas = st.tuples(st.sampled_from(PLACES), st.sampled_from(PLACES)).map(
    lambda corners: f"{cell(min(corners))}:{cell(max(corners))}"
)
values = st.one_of(st.integers(-3, 6), st.sampled_from(["text", "", True, 2.5]))


@st.composite
def formulas(draw: st.DrawFn) -> str:
    """A formula that may read what its text does not name, choose, spill, or depend on itself."""
    shape = draw(
        st.sampled_from(
            [
                "{c}+1", "{c}*{c}-{n}", "SUM({a})", "IF({c}>{n},{c},{c})", "IFERROR({c}/{c},{n})", "{c}&\"x\"",
                "OFFSET({c},{n},0)", "SUM(OFFSET({c},0,0,{m},1))", 'INDIRECT("A"&{m})', 'SUM(INDIRECT("B1:B"&{m}))',
                "INDEX({a},1,1)", "SEQUENCE({m})", "SEQUENCE({c})", "SORT({a})", "FILTER({a},{a}>{n},0)",
                "CHOOSE({m},{c},{c})",
                "SUMIF({a},\">\"&{n},{a})", "MATCH({c},{a},0)", "COUNT({a})", "SUM({c}#)", "{c}:INDEX({a},1)",
            ]
        )
    )  # fmt: skip
    while "{" in shape:
        for mark, drawn in (("{c}", cells), ("{a}", areas), ("{n}", st.integers(-1, 4)), ("{m}", st.integers(1, 3))):
            if mark in shape:
                shape = shape.replace(mark, str(draw(drawn)), 1)
    return f"={shape}"


contents = st.one_of(values, formulas())
edits = st.lists(st.tuples(st.sampled_from(PLACES), st.one_of(contents, st.none())), min_size=1, max_size=4)


def apply(workbook: sheetml.Workbook, place: tuple[int, int], content: Any) -> None:
    calculation = workbook.calculation
    workbook.held_slots([(0, sheet_area(place))])
    slots = np.array([calculation.slot(0, *place)])
    if calculation.cuts_array(slots):
        return
    if isinstance(content, str) and content.startswith("="):
        tree = parse(content[1:], *place)
        calculation.put_formula(0, tree, content[1:], *place, [place])
    else:
        calculation.remove_formulas(slots)
        calculation.set(int(slots[0]), float(content) if type(content) is int else content)
    calculation.respill()


def sheet_area(place: tuple[int, int]) -> Any:
    return Area(*place, *place)


def held(workbook: sheetml.Workbook) -> dict[tuple[int, int], CellValue]:
    found = {(row, column): workbook.calculation.get(0, row, column) for row in range(1, 25) for column in range(1, 9)}
    # files hold #SPILL! and #CALC! as #VALUE!
    found |= {place: ErrorCode.VALUE for place, value in found.items() if value in (ErrorCode.CALC, ErrorCode.SPILL)}
    return {place: value for place, value in found.items() if value is not None}


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(PLACES), contents, min_size=3, max_size=12), st.lists(edits, max_size=4))
def test_incremental_equals_from_scratch(start: dict[Any, Any], steps: list[Any]) -> None:
    workbook = made({cell(place): content for place, content in start.items()})
    workbook.calculate()
    for step in steps:
        for place, content in step:
            apply(workbook, place, content)
        workbook.calculate()
        before = held(workbook)
        workbook.calculate(everything=True)
        assert held(workbook) == before


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(PLACES), contents, min_size=3, max_size=12), edits)
def test_saving_reopening_and_calculating_changes_nothing(start: dict[Any, Any], step: list[Any]) -> None:
    workbook = made({cell(place): content for place, content in start.items()})
    workbook.calculate()
    for place, content in step:
        apply(workbook, place, content)
    workbook.calculate()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saved.xlsx"
        workbook.save(path)
        again = sheetml.open(path)
        expected = held(again)
        again.calculate(everything=True)
        assert held(again) == expected or bool(again.problems)
