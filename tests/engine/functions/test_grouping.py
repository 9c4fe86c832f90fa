"""GROUPBY and PIVOTBY: groups in order, totals, and a clear word where more is asked for."""

from __future__ import annotations

import pytest

from sheetml import ErrorCode
from tests.workbooks import computed

ROWS = [("x", "p", 1), ("y", "q", 2), ("x", "q", 4), ("z", "p", 8), ("y", "p", 16)]
SALES = {"A1": "kind", "B1": "place", "C1": "sum"} | {
    f"{letter}{row}": item for row, line in enumerate(ROWS, start=2) for letter, item in zip("ABC", line)
}


def table(formula, rows, columns):
    area = f"E1:{'EFGHIJ'[columns - 1]}{rows}"
    return computed({**SALES, area: "{" + formula + "}"})[area].tolist()


def corner(formula):
    return computed({**SALES, "E1:E1": "{" + formula + "}"})["E1"]


@pytest.mark.parametrize(
    ("formula", "expected"),
    {
        "=GROUPBY(A1:A6,C1:C6,SUM)": [["x", 5], ["y", 18], ["z", 8], ["Total", 31]],
        "=GROUPBY(A2:A6,C2:C6,LAMBDA(v,MAX(v)),0,0)": [["x", 4], ["y", 16], ["z", 8]],
        "=GROUPBY(A1:A6,C1:C6,SUM,3,-1,-2)": [["kind", "sum"], ["Total", 31], ["y", 18], ["z", 8], ["x", 5]],
        "=GROUPBY(A2:A6,C2:C6,SUM,,,-1,C2:C6>1)": [["z", 8], ["y", 18], ["x", 4], ["Total", 30]],
        "=GROUPBY(A2:A6,C2:C6,PERCENTOF,,0)": [["x", 5 / 31], ["y", 18 / 31], ["z", 8 / 31]],
        "=PIVOTBY(A1:A6,B1:B6,C1:C6,SUM)": [
            ["", "p", "q", "Total"],
            ["x", 1, 4, 5],
            ["y", 16, 2, 18],
            ["z", 8, "", 8],
            ["Total", 25, 6, 31],
        ],
        "=PIVOTBY(A1:A6,B1:B6,C1:C6,SUM,,0,-1,0,-1)": [["", "q", "p"], ["z", "", 8], ["y", 2, 16], ["x", 4, 1]],
    }.items(),
)
def test_rows_are_summed_up_by_what_they_have_in_common(formula, expected):
    assert table(formula, len(expected), len(expected[0])) == expected


def test_several_fields_give_the_plain_list_of_their_groups_with_headers():
    expected = [["kind", "place", "sum"], ["x", "p", 1], ["x", "q", 4], ["y", "p", 16], ["y", "q", 2], ["z", "p", 8]]
    assert table("=GROUPBY(A1:B6,C1:C6,SUM,,0)", 6, 3) == expected


@pytest.mark.parametrize(
    "formula",
    [
        "=GROUPBY(A1:B6,C1:C6,SUM)",
        "=GROUPBY(A1:A6,C1:C6,HSTACK(SUM,MAX))",
        "=PIVOTBY(A1:B6,B1:B6,C1:C6,SUM)",
        "=PIVOTBY(A1:A6,B1:B6,C1:C6,SUM,3)",
    ],
)
def test_what_excel_may_lay_out_otherwise_is_not_guessed(formula):
    assert corner(formula) == ErrorCode.UNCOMPUTABLE


def test_areas_of_different_heights_are_an_error():
    assert corner("=GROUPBY(A1:A6,C1:C5,SUM)") == ErrorCode.VALUE
