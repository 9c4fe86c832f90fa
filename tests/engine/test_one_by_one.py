"""Cells that depend on each other come to the same, one by one or level by level, whatever is in them."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.kinds import KINDS, circle_by_text_only
from sheetml.engine import calculation
from sheetml.engine.compiled.one_by_one import cells_of
from sheetml.xlsx.model import ErrorCode
from tests.workbooks import made

ROWS = 14
ITEMS = st.sampled_from([0, 1, 2.5, -1, 0.1, "x", "", "10", True, None, "#N/A"])


def outcomes(cells, one_by_one, **sheets):
    """The values of all cells, and why some have none; computed one by one, or level by level."""
    workbook = made(cells, **sheets)
    found = cells_of if one_by_one else lambda stage, workspace: None
    with patch.object(calculation, "cells_of", found), patch.object(calculation, "compile_scan", lambda *_: None):
        workbook.calculate()
        before = [sheet.to_frame().astype(str).to_numpy().tolist() for sheet in workbook]
        sheet = workbook.worksheets[0]
        sheet["A1"] = 3
        workbook.calculate()
    return before, [each.to_frame().astype(str).to_numpy().tolist() for each in workbook], dict(workbook.problems)


PART = st.sampled_from(["@A", "@B", "@C", "#A", "#B", "D1", "1", "2", '"x"', '""', "SUM(A$1:@A)", "SUM(@A:@B)", "$D$2"])


def deeper(part):
    two = st.tuples(part, st.sampled_from(["+", "-", "*", "/", "&", "=", "<", "<>"]), part)
    choice = st.tuples(part, part, part).map(lambda of: f"IF({of[0]},{of[1]},{of[2]})")
    calls = st.sampled_from(["MAX({},{})", "IFERROR({},{})", "ROUND({},1)&{}", "OR({}=1,{}=2)", "MOD({},3)-{}"])
    looked_up = part.map(lambda of: f"VLOOKUP({of},$D$1:$E$3,2,FALSE)") | part.map(lambda of: f"INDEX(B$1:@B,{of})")
    summed = part.map(lambda of: f"SUMIF(A$1:@A,{of},B$1:@B)") | part.map(lambda of: f"COUNTIF(C$1:@C,{of})")
    known = calls.flatmap(lambda call: st.tuples(part, part).map(lambda of: call.format(*of)))
    return two.map(lambda of: f"({of[0]}{of[1]}{of[2]})") | choice | choice | known | looked_up | summed


FORMULA = st.recursive(PART, deeper, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(st.tuples(FORMULA, FORMULA, FORMULA), st.lists(ITEMS, min_size=9, max_size=9))
def test_recurrences_of_all_kinds_of_values(formulas, items):
    cells = dict(zip(["A1", "B1", "C1", "D1", "D2", "D3", "E1", "E2", "E3"], items))
    for row in range(2, ROWS):
        for letter, formula in zip("ABC", formulas):
            own = formula.replace("#A", f"A{row}" if letter != "A" else f"A{row - 1}")
            own = own.replace("#B", f"B{row}" if letter == "C" else f"B{row - 1}")
            for above in "ABC":
                own = own.replace(f"@{above}", f"{above}{row - 1}")
            cells[f"{letter}{row}"] = f"={own}"
    assert outcomes(cells, True) == outcomes(cells, False)


NAMES = ["B1", "B2", "B3", "B4", "B5", "B6"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(NAMES)] * 3, st.sampled_from([0, 1, 2])), min_size=6, max_size=6))
def test_circles_by_text_and_true_ones(chosen):
    shapes = ["IF($A$1=1,{0}+1,{1}*2)", "IF($A$2=1,5,{0})+{2}", "IF({0}>3,1,2)+INDEX($B$1:$B$6,$A$3)"]
    cells = {"A1": 1, "A2": 1, "A3": 2}
    cells |= {name: "=" + shapes[shape].format(*others) for name, (*others, shape) in zip(NAMES, chosen)}
    assert outcomes(cells, True) == outcomes(cells, False)


def test_a_true_circle_is_named_and_what_does_not_need_it_is_computed() -> None:
    workbook = made({"A1": 1, "B1": "=IF(A1=1,B2,0)", "B2": "=IF(A1=1,B1,0)", "B3": "=IF(A1=2,B1,7)", "B4": "=B3+1"})
    workbook.calculate()
    sheet = workbook["Sheet1"]
    assert (sheet["B3"], sheet["B4"]) == (7, 8)
    assert set(workbook.problems) == {"Sheet1!B1", "Sheet1!B2"}
    assert all("circular reference" in reason for reason in workbook.problems.values())
    sheet["A1"] = 3
    workbook.calculate()
    assert [sheet[f"B{row}"] for row in range(1, 5)] == [0, 0, 7, 8]


def test_a_circle_of_thousands_of_cells_by_text_alone_is_no_circle() -> None:
    (cells,) = circle_by_text_only().values()
    sheet = made(cells)["Sheet1"]
    sheet.workbook.calculate()
    numbers = [cells[f"A{row}"] for row in range(1, 1202)]
    assert np.array_equal(sheet["B1:B1201"].ravel().astype(float), np.cumsum(numbers))


def test_a_loan_ends_in_blanks_when_it_is_paid_back() -> None:
    loan = next(make for make in KINDS if make.__name__ == "loan_that_ends_in_blanks")
    (cells,) = loan().values()
    sheet = made(cells)["Sheet1"]
    sheet.workbook.calculate()
    numbers, balances = sheet["A9:A488"].ravel(), sheet["F9:F488"].ravel()
    paid = int(np.argmax(numbers == ""))
    assert paid > 200 and (numbers[paid:] == "").all()
    principal = sum(amount for amount in sheet["E9:E488"].ravel() if amount != "")
    assert principal == pytest.approx(250_000) and balances[paid - 1] == pytest.approx(0, abs=0.005)


def test_errors_stay_errors_on_their_way_down() -> None:
    cells = {"A1": 1, **{f"A{row}": f"=IF(ROW()=6,1/0,A{row - 1}+1)" for row in range(2, 20)}}
    sheet = made(cells)["Sheet1"]
    sheet.workbook.calculate()
    assert sheet["A5"] == 5 and set(sheet["A6:A19"].ravel()) == {ErrorCode.DIV0}
