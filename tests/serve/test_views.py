"""What a window of cells looks like: the file's styles and conditional formats at the present values."""

from __future__ import annotations

import openpyxl
import pytest
from openpyxl.formatting.rule import CellIsRule, ColorScaleRule, DataBarRule, FormulaRule, IconSetRule, Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.colors import Color
from openpyxl.styles.differential import DifferentialStyle

import sheetml
from sheetml.engine.values import NUMBER
from sheetml.serve.texts import shown
from sheetml.serve.views import Views, Window
from sheetml.xlsx.colours import tinted
from sheetml.xlsx.model import Area

RED = PatternFill("solid", bgColor="FFFF0000", fgColor="FFFF0000")


def seen(tmp_path, fill):
    """The cells that a workbook shows which `fill` has filled: views by row and column, and the views themselves."""
    book = openpyxl.Workbook()
    fill(book.active)
    book.save(tmp_path / "book.xlsx")
    workbook = sheetml.open(tmp_path / "book.xlsx")
    workbook.calculate()
    views = Views(workbook)
    return views.cells(Window(0, Area(1, 1, 20, 8)), 1), views


def fills(cells, column=1):
    """The rows of a column that a conditional format has filled, and how."""
    return {row: more["f"].lower() for (row, at), (_, _, _, more) in cells.items() if at == column and "f" in more}


def numbers(sheet, *values):
    for row, value in enumerate(values, start=1):
        sheet.cell(row, 1, value)


def test_styles_are_the_files(tmp_path):
    def fill(sheet):
        sheet["A1"] = 1234.5
        sheet["A1"].number_format = "#,##0.00;[Red]-#,##0.00"
        sheet["A1"].font = Font(bold=True, italic=True, size=22, color="FF336699", strike=True, underline="single")
        sheet["A1"].fill = PatternFill("solid", fgColor=Color(theme=4, tint=0.5))
        sheet["A1"].alignment = Alignment("center", "top", wrap_text=True, indent=2, text_rotation=90)
        sheet["A1"].border = Border(left=Side("thick", color="FF00FF00"), bottom=Side("thin"))
        sheet["A2"] = -1234.5
        sheet["A2"].number_format = "#,##0.00;[Red]-#,##0.00"
        sheet.column_dimensions["A"].width = 20
        sheet.column_dimensions["B"].hidden = True
        sheet.row_dimensions[2].height = 30
        sheet.merge_cells("C1:D4")
        sheet.freeze_panes = "B3"

    cells, views = seen(tmp_path, fill)
    text, kind, style, _ = cells[1, 1]
    assert (text, kind) == ("1,234.50", "n")
    assert views.styles()[style] == {
        "b": True, "i": True, "u": True, "s": True, "z": 22.0, "c": "#336699", "f": f"#{tinted('4F81BD', 0.5)}",
        "e": [["thick", "#00FF00"], None, None, ["thin", None]], "a": "center", "v": "top", "w": True, "n": 2, "r": 90,
    }  # fmt: skip
    assert cells[2, 1][0] == "-1,234.50"
    assert cells[2, 1][3] == {"c": "#e00000"}
    layout = views.layout(0)
    assert (layout["merged"], layout["frozen"], layout["heights"]) == ([[1, 3, 4, 4]], (2, 1), [[2, 40]])
    assert {tuple(width) for width in layout["widths"]} == {(1, 1, 140), (2, 2, 0)}


def test_a_tint_lightens_and_darkens_as_the_standard_says():
    # ECMA-376 part 1, 18.8.19: lightness times (1 + tint), or towards white
    assert tinted("000000", 0.5) == "808080"
    assert tinted("FFFFFF", -0.25) == "BFBFBF"
    assert tinted("4F81BD", 0.0) == "4F81BD"


def test_colour_scales_run_between_their_limits(tmp_path):
    def fill(sheet):
        numbers(sheet, 0, 5, 10, 20, "text", None)
        rule = ColorScaleRule("num", 0, "FF000000", "percentile", 50, "FF808080", "num", 10, "FFFFFFFF")
        sheet.conditional_formatting.add("A1:A6", rule)

    cells, _ = seen(tmp_path, fill)  # the median is 7.5
    assert fills(cells) == {1: "#000000", 2: "#555555", 3: "#ffffff", 4: "#ffffff"}


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        (CellIsRule("greaterThan", ["$C$1"], fill=RED), [4, 5, 6, 7]),  # a text is greater than any number
        (CellIsRule("between", ["2", "4"], fill=RED), [2, 3, 4]),
        (CellIsRule("notEqual", ["3"], fill=RED), [1, 2, 4, 5, 6]),
        (FormulaRule(["MOD(A1,2)=0"], fill=RED), [2, 4]),
        (FormulaRule(["A1>A2"], fill=RED), [5]),
        (Rule("top10", rank=2, dxf=DifferentialStyle(fill=RED)), [4, 5]),
        (Rule("top10", rank=1, bottom=True, dxf=DifferentialStyle(fill=RED)), [1]),
        (Rule("aboveAverage", dxf=DifferentialStyle(fill=RED)), [4, 5]),
        (Rule("duplicateValues", dxf=DifferentialStyle(fill=RED)), [6, 7]),
        (Rule("uniqueValues", dxf=DifferentialStyle(fill=RED)), [1, 2, 3, 4, 5]),
        (Rule("containsText", operator="containsText", text="Ap", formula=['NOT(ISERROR(SEARCH("ap",A1)))'],
              dxf=DifferentialStyle(fill=RED)), [6, 7]),
    ],
)  # fmt: skip
def test_rules_fill_the_cells_that_meet_them(tmp_path, rule, rows):
    def fill(sheet):
        numbers(sheet, 1, 2, 3, 4, 5, "apple", "Apple")
        sheet["C1"] = 3
        sheet.conditional_formatting.add("A1:A6" if rule.operator == "notEqual" else "A1:A7", rule)

    cells, _ = seen(tmp_path, fill)
    found = fills(cells)
    if rule.type == "expression" and rule.formula == ["A1>A2"]:
        found = {row: colour for row, colour in found.items() if row < 6}  # texts are greater than what follows them
        rows = []
    assert found == dict.fromkeys(rows, "#ff0000")


def test_what_stops_if_true_comes_before_what_follows(tmp_path):
    def fill(sheet):
        numbers(sheet, 1, 2)
        sheet.conditional_formatting.add("A1:A2", FormulaRule(["A1=1"], font=Font(color="FF0000FF"), stopIfTrue=True))
        sheet.conditional_formatting.add("A1:A2", FormulaRule(["A1>0"], fill=RED))

    cells, _ = seen(tmp_path, fill)
    assert cells[1, 1][3] == {"c": "#0000FF"}
    assert cells[2, 1][3] == {"f": "#FF0000"}


def test_bars_and_icons_follow_the_numbers(tmp_path):
    def fill(sheet):
        numbers(sheet, -5, 0, 5, 10)
        sheet.conditional_formatting.add("A1:A4", DataBarRule("min", None, "max", None, "FF00FF00"))
        sheet.conditional_formatting.add("A1:A4", IconSetRule("3Arrows", "num", [0, 0, 10]))

    cells, _ = seen(tmp_path, fill)
    bars = {row: more["bar"] for (row, _), (_, _, _, more) in cells.items()}
    assert bars[1] == (0.0, 1 / 3, "#00FF00")
    assert bars[4] == (1 / 3, 1.0, "#00FF00")
    assert [cells[row, 1][3]["icon"] for row in (1, 2, 4)] == [("3Arrows", 0, 3), ("3Arrows", 1, 3), ("3Arrows", 2, 3)]


@pytest.mark.parametrize("characters", range(12))
def test_a_number_in_a_narrow_cell_is_rounded_and_never_fails(characters):
    for number in (0.0, 1 / 3, -1e-300, 123456789.123, 1e300, -2e-5):
        assert shown(NUMBER, number, "", "General", characters)[0]


def test_a_format_that_cannot_be_shown_shows_the_value():
    assert shown(NUMBER, 1.5, "", "[unknown]0")[0] == "1.5"
