"""Lookup, reference and information functions at their edges, and arrays that spill to sizes of their own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml import ErrorCode
from tests.engine.test_derivatives import DYNAMIC
from tests.workbooks import computed, made, result
from tests.xlsx.handmade import relationships, save, workbook_parts

VALUE, NA, REF = ErrorCode.VALUE, ErrorCode.NA, ErrorCode.REF
LIST = {"A1": 1, "A2": 3, "A3": 3, "A5": 5, "B1": "a", "B2": "b", "B3": "c", "B4": "blank", "B5": "e"}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=XLOOKUP(3,A1:A5,B1:B5)", "b"),
        ("=XLOOKUP(3,A1:A5,B1:B5,,0,-1)", "c"),
        ("=XLOOKUP(4,A1:A3,B1:B3,,-1)", "b"),
        ("=XLOOKUP(4,A1:A3,B1:B3,,-1,2)", "c"),
        ("=XLOOKUP(2,A1:A3,B1:B3,,1,2)", "b"),
        ("=XLOOKUP(9,A1:A5,B1:B5)", NA),
        ('=XLOOKUP(9,A1:A5,B1:B5,"none")', "none"),
        ("=XLOOKUP(D9,A1:A5,B1:B5)", "blank"),
        ('=XLOOKUP("*L?NK",B1:B5,A1:A5,,2)', 0),
        ("=XLOOKUP(1,A1:A5,B1:B3)", VALUE),
        ("=XLOOKUP(1,A1:A5,B1:B5,,4)", VALUE),
        ("=XMATCH(4,A1:A3,-1)", 2),
        ("=MATCH(D9,{0,1})", 1),
        ('=VLOOKUP(1,"text",1)', VALUE),
        ("=VLOOKUP(3,A1:B3,3)", REF),
        ("=VLOOKUP(3,A1:B3,0)", VALUE),
        ("=VLOOKUP(0,A1:B3,2)", NA),
        ("=CHOOSE(2,1/0,7)", 7),
        ("=CHOOSE(3,1,2)", VALUE),
        ("=SUM(OFFSET(A1,0,0,2.9,0.5))", 4),
        ("=OFFSET(A1,-1,0)", REF),
        ("=SUM(OFFSET(A1,0,0,0,1))", REF),
        ('=INDIRECT("A2")', 3),
        ('=INDIRECT("a02")', 3),
        ('=SUM(INDIRECT("$A$1:A3"))', 7),
        ('=ROW(INDIRECT("05:05"))', 5),
        ('=INDIRECT("R2C1",FALSE)', 3),
        ('=SUM(INDIRECT("R1C1:R3C1",FALSE))', 7),
        ('=INDIRECT("Sheet1!R[-98]C[-24]",FALSE)', "a"),
        ('=INDIRECT("R0C1",FALSE)', REF),
        ('=INDIRECT("")', REF),
        ('=INDIRECT("SUM(A1:A3)")', REF),
        ('=INDIRECT("nowhere!A1")', REF),
        ("=ADDRESS(2,3)", "$C$2"),
        ('=ADDRESS(2,3,4,FALSE,"my sheet")', "'my sheet'!R[2]C[3]"),
        ('=CELL("address",B2)', "$B$2"),
        ('=CELL("row",B2:C9)*10+CELL("col",B2:C9)', 22),
        ('=CELL("type",B1)&CELL("type",A1)&CELL("type",A9)', "lvb"),
        ('=CELL("contents",A2)*2', 6),
        ('=RIGHT(CELL("filename"),11)', "xlsx]Sheet1"),
        ('=CELL("nonsense",A1)', VALUE),
        ("=FORMULATEXT(A1)", NA),
        ("=PERCENTOF(A1:A2,A1:A5)", 1 / 3),
    ],
)
def test_lookups_follow_excels_rules(formula, expected):
    assert result(formula, **LIST) == expected


def test_a_branch_not_taken_closes_no_circle():
    cells = {"A1": '=CHOOSE(2,A1,"no circle")', "B1": "=IF(D1>0,C1,1)", "C1": "=IF(D1>0,2,B1)", "D1": 5}
    workbook = made(cells)
    workbook.calculate()
    assert workbook.problems == {}
    assert [workbook["Sheet1"][cell] for cell in ("A1", "B1", "C1")] == ["no circle", 2, 2]
    workbook["Sheet1"]["D1"] = -5
    workbook.calculate()
    assert [workbook["Sheet1"][cell] for cell in ("B1", "C1")] == [1, 1]


def test_a_circle_that_is_one_is_still_named():
    workbook = made({"A1": "=IF(C1>0,B1,1)", "B1": "=A1+1", "C1": 1, "D1": "=B1"})
    workbook.calculate()
    assert set(workbook.problems) == {"Sheet1!A1", "Sheet1!B1"}
    assert workbook["Sheet1"]["D1"] == ErrorCode.UNCOMPUTABLE


def test_arrays_filled_down_spill_each_to_its_own_size(tmp_path):
    def row(number: int, *values: float) -> str:
        cells = "".join(f'<c r="{column}{number}"><v>{value}</v></c>' for column, value in zip("ABC", values))
        formula = f"_xlfn._xlws.FILTER(A{number}:C{number},A{number}:C{number}&gt;1)"
        spilled = f'<c r="E{number}" cm="1"><f t="array" ref="E{number}:F{number}">{formula}</f><v>2</v></c>'
        return f'<row r="{number}">{cells}{spilled}</row>'

    parts = workbook_parts({"Sheet1": row(1, 1, 2, 3) + row(2, 4, 1, 5)})
    links = {"rId1": ("worksheet", "worksheets/sheet1.xml"), "m": ("sheetMetadata", "metadata.xml")}
    parts |= {"xl/metadata.xml": DYNAMIC.encode(), "xl/_rels/workbook.xml.rels": relationships(links)}
    workbook = sheetml.open(save(tmp_path / "book.xlsx", parts))
    workbook.calculate()
    sheet = workbook["Sheet1"]
    assert [sheet[cell] for cell in ("E1", "F1", "G1", "E2", "F2", "G2")] == [2, 3, None, 4, 5, None]
    sheet["A1"] = 7
    sheet["C2"] = 0
    workbook.calculate()
    assert [sheet[cell] for cell in ("E1", "F1", "G1", "E2", "F2", "G2")] == [7, 2, 3, 4, None, None]
    assert sheet.formula("E2") == "FILTER(A2:C2,A2:C2>1)"


def test_columns_of_one_length_are_compared_wherever_they_start():
    cells = {**LIST, "D2": '=COUNTIFS(A1:A5000,">1",B2:B5001,"<>c")', "D3": "=SUMIF(A:A,3,C2:C9)", "C4": 7}
    cells |= {"D1": '=SUMIFS(A2000:A6999,B1:B5000,"a")', "A2000": 9, "D4": '=COUNTIFS(A1:A5,1,B1:B4,"a")'}
    assert computed(cells)["D1:D4"].ravel().tolist() == [9, 3, 7, VALUE]


UNSORTED = {f"A{row}": item for row, item in enumerate((3992, 3463, 1841, 3740), start=1)} | {
    f"B{row}": item for row, item in enumerate((33500, 40000, 32000, 58000), start=1)
}
MIXED = {"A1": "INTEGRAL", "A2": 0, "A3": 1, "A4": 2, "A5": 534, "A6": 9999999999, "A7": -9999999999}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=VLOOKUP(1841,A1:B4,2)", NA),
        ("=VLOOKUP(3463,A1:B4,2)", 40000),
        ("=MATCH(0.5,{0,1,2,3,4},-1)", NA),
        ("=MATCH(2,{4,3,2,2,1},-1)", 3),
        ("=MATCH(2.5,{4,3,2,2,1},-1)", 2),
        ('=LOOKUP("DOUBLE",{"DOUBLE","BLANK","STRING","REF","AREA"})', "DOUBLE"),
        ("=LOOKUP(2,1/{1,0,1,0},{1,2,3,4})", 3),
        ("=LOOKUP(2,A1:B4,B1:B4)", NA),
        ('=XLOOKUP(46523,{9700;"xyz";"xyz";160726},{1;2;3;4},0,1,2)', 2),
        ("=XLOOKUP(3,{5;4;2;1},{1;2;3;4},0,-1,-2)", 3),
        ("=XLOOKUP(3,{5;4;2;1},{1;2;3;4},0,1,-2)", 2),
    ],
)
def test_unsorted_lines_are_halved_as_excel_halves_them(formula, expected):
    assert result(formula, **UNSORTED) == expected


def test_values_of_another_kind_in_the_middle_give_way_to_the_next_of_the_right_one():
    assert result("=MATCH(534,A1:A7)", **MIXED) == 5
    assert result("=MATCH(534,A1:A100)", **MIXED) == result("=MATCH(534,A1:A100,1)", **MIXED)


@settings(max_examples=60, deadline=None)
@given(
    line=st.lists(st.one_of(st.integers(0, 9), st.sampled_from(["a", "b", None, True])), min_size=1, max_size=12),
    wanted=st.integers(-1, 10),
)
def test_halving_a_sorted_line_with_gaps_finds_the_last_number_not_beyond(line, wanted):
    numbers = iter(sorted(item for item in line if type(item) is int))
    ordered = [next(numbers) if type(item) is int else item for item in line]
    places = [place for place, item in enumerate(ordered, 1) if type(item) is int and item <= wanted]
    found = result(f"=MATCH({wanted},A1:A{len(line)})", **{f"A{row}": item for row, item in enumerate(ordered, 1)})
    if not places:
        assert found == NA
    elif ordered[places[-1] - 1] < wanted:
        assert found == places[-1]
    else:  # of equal values Excel ends at the last of a run without gaps
        assert ordered[int(found) - 1] == wanted
