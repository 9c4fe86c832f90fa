"""Blocks that differ only in the cells and constants they name are computed at once, and each comes out as alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.engine.families import Family
from tests.workbooks import made

DATA: dict[str, Any] = {
    **{f"{name}1": heading for name, heading in zip("ABCD", ("kind", "size", "price", "day"))},
    **{f"A{row}": "abcab"[row % 5] for row in range(2, 12)},
    **{f"B{row}": [3, 1.5, "x", None, 7, True][row % 6] for row in range(2, 12)},
    **{f"C{row}": 10.0 + 7 * row % 13 for row in range(2, 12)},
    **{f"D{row}": 45_000.0 + 3 * row for row in range(2, 12)},
    "F1": "kind",
    "F2": "a",
    "F3": "b",
    "G1": "price",
    "G2": ">14",
    "G3": "<=20",
    "E2": "#N/A",
    "E3": 0,
    "E4": "text",
    "E5": True,
}
ROW = st.integers(2, 11)
COLUMN = st.sampled_from("ABCD")
CELL = st.builds("{}{}".format, st.sampled_from("ABCDE"), ROW)
AREA = st.builds(lambda column, a, b: f"{column}{min(a, b)}:${column}${max(a, b)}", COLUMN, ROW, ROW)
NUMBER = st.sampled_from(["0", "1", "2", "3", "0.1", "4.5", "100"])
WORD = st.sampled_from(['"a"', '"b"', '"zz"', '">2"', '""', '"a ""b"""', '"<>a"'])
CRITERIA = st.sampled_from(["F1:F2", "F1:F3", "F1:G2", "G1:G3"])
SHAPES = [
    ("DSUM(A1:D11,{0},{1})", (WORD | NUMBER, CRITERIA)),
    ("DGET(A1:D11,{0},{1})", (NUMBER, CRITERIA)),
    ("COUNTIF({0},{1})", (AREA, WORD)),
    ("SUMIFS({0},{0},{1})", (AREA, NUMBER)),
    ("VLOOKUP({0},A2:D11,{1},FALSE)", (WORD, NUMBER)),
    ("VLOOKUP({0},{1},1,FALSE)", (WORD, WORD)),
    ("INDEX({0},{1})", (AREA, NUMBER)),
    ("MATCH({0},{1},0)", (NUMBER | CELL, AREA)),
    ("PRICE({0},{1},0.05,0.06,100,{2},0)", (CELL, st.sampled_from(["46000", "47000"]), NUMBER)),
    ("DATE({0},{1},{2})", (NUMBER, NUMBER, CELL)),
    ("LEFT({0},{1})&{2}", (CELL, NUMBER, WORD)),
    ("TEXT({0},{1})", (CELL, st.sampled_from(['"0.00"', '"yyyy"', '"@"']))),
    ("SUMPRODUCT({0}*{1})", (AREA, NUMBER)),
    ("MEDIAN({0},{1})+{2}", (AREA, CELL, NUMBER)),
    ("IFERROR({0}/{1},{2})", (CELL, NUMBER, WORD)),
    ("ROW({0})+COLUMNS({1})", (CELL, AREA)),
    ("LARGE({0},{1})", (AREA, NUMBER)),
    ("CHOOSE({0},{1},{2})", (NUMBER, CELL, WORD)),
]


@pytest.fixture(scope="module", autouse=True)
def without_lines() -> Iterator[None]:
    """No straight-line code, which most of these would be otherwise."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sheetml.engine.compiled.straight.FEW_CELLS", 0)
        yield


def drawn(shape: tuple[str, tuple[Any, ...]]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.builds(shape[0].format, *shape[1]), min_size=2, max_size=6)


def values(cells: dict[str, Any], area: str = "K1:K20") -> list[Any]:
    workbook = made(cells)
    workbook.calculate()
    return [exactly(item) for item in np.atleast_1d(np.array(workbook["Sheet1"][area], object)).reshape(-1)]


def exactly(item: Any) -> Any:
    return type(item).__name__, (item + 0.0).hex() if type(item) is float else item


def families(workbook: sheetml.Workbook) -> list[Family]:
    return [stage for stage in workbook.calculation.plan.stages if isinstance(stage, Family)]


@pytest.mark.parametrize("shape", SHAPES, ids=[shape for shape, _ in SHAPES])
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_each_comes_out_as_alone(shape: tuple[str, tuple[Any, ...]], data: st.DataObject) -> None:
    formulas = data.draw(drawn(shape))
    cells = {**DATA, **{f"K{row}": f"={formula}" for row, formula in enumerate(formulas, 1)}}
    together = values(cells)
    for row, formula in enumerate(formulas, 1):
        (alone,) = values({**DATA, f"K{row}": f"={formula}"}, f"K{row}:K{row}")
        if formula.startswith("PRICE") and alone[0] == together[row - 1][0] == "float":  # sums as many as the longest
            assert float.fromhex(together[row - 1][1]) == pytest.approx(float.fromhex(alone[1]), rel=1e-14)
        else:
            assert together[row - 1] == alone, formula


def test_different_constants_are_one_evaluation() -> None:
    cells = {**DATA, **{f"K{row}": f'=COUNTIF(C$2:C${row + 2},">{row}")' for row in range(1, 9)}}
    cells |= {"K3": '=COUNTIF(B4:C9,">=12")', "K4": "=COUNTIF(C2:C4,F1)"}
    workbook = made(cells)
    (family,) = families(workbook)
    assert len(family.formulas) == 7  # all that compare with a text; filled down, none of them is
    workbook.calculate()
    assert workbook["Sheet1"]["K3"] == sum(isinstance(each, float) and each >= 12 for each in read(cells, "C", 4, 9))


def read(cells: dict[str, Any], column: str, first: int, last: int) -> list[Any]:
    return [cells[f"{column}{row}"] for row in range(first, last + 1)]


def test_those_that_read_each_other_are_computed_in_order() -> None:
    cells = {"A1": 1.0, **{f"A{row}": f'=SUMIF(A1:A{row - 1},">{row - 5}")+{row * row}' for row in range(2, 9)}}
    workbook = made(cells)
    workbook.calculate()
    expected = [1.0]
    for row in range(2, 9):
        expected.append(sum(each for each in expected if each > row - 5) + row * row)
    assert workbook["Sheet1"]["A1:A8"].reshape(-1).tolist() == expected
    assert not families(workbook)


def test_one_change_reaches_its_readers_and_no_others() -> None:
    cells = {**DATA, **{f"K{row}": f"=SUMIFS(C2:C{row + 4},D2:D{row + 4},{45_000 + row})" for row in range(1, 6)}}
    workbook = made(cells)
    workbook.calculate()
    workbook["Sheet1"]["D9"] = 45_005.0
    dirty = workbook.calculation.changed.copy()
    (family,) = families(workbook)
    (step,) = family.to_run(dirty)
    assert [workbook.calculation.slots.place(slot)[1] for slot in step.cells.tolist()] == [5]
    workbook.calculate()
    assert values({**cells, "D9": 45_005.0}, "K1:K5") == [
        exactly(item) for item in workbook["Sheet1"]["K1:K5"].reshape(-1)
    ]


def test_an_edited_formula_leaves_the_others_as_they_are() -> None:
    cells = {**DATA, **{f"K{row}": f'=COUNTIF(A2:A{row + 6},"{"abc"[row % 3]}")' for row in range(1, 6)}}
    workbook = made(cells)
    workbook.calculate()
    workbook["Sheet1"]["K2"] = '=COUNTIF(B2:B9,"x")'
    del workbook["Sheet1"]["K3"]
    workbook["Sheet1"]["K3"] = 5
    workbook.calculate()
    after = {**cells, "K2": '=COUNTIF(B2:B9,"x")', "K3": 5}
    assert values(after, "K1:K5") == [exactly(item) for item in workbook["Sheet1"]["K1:K5"].reshape(-1)]


def test_a_function_takes_only_those_it_needs() -> None:
    cells = {**DATA, **{f"K{row}": f"=SUMIFS(C2:C{row + 4},D2:D{row + 4},{45_003 + 3 * row})" for row in range(1, 6)}}
    cells["K6"] = "=SUMIFS(C2:C4,NOSUCH(1),45003)"
    f = made(cells).function("Sheet1!C2:C9", "Sheet1!K2")
    assert f.gradient(f.x0).tolist() == [0.0, 1.0, *[0.0] * 6]
    assert f(np.arange(8.0)) == 1.0


def test_a_formula_that_cannot_be_computed_is_named_alone() -> None:
    cells = {**DATA, **{f"K{row}": f'=INDIRECT("C{row}")&TEXT({row},"{"0" * row}")' for row in range(2, 5)}}
    cells |= {f"L{row}": f"=ROMAN({row * 1000 - 1},{row})" for row in range(1, 4)}
    alone = [values({**DATA, f"L{row}": cells[f"L{row}"]}, f"L{row}:L{row}")[0] for row in range(1, 4)]
    assert values(cells, "L1:L3") == alone
    assert [text[1] for text in values(cells, "K2:K4")] == [f"{int(cells[f'C{row}'])}{row:0{row}}" for row in (2, 3, 4)]
