"""What a comparison of two workbooks finds, and how it shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sheetml
from sheetml.cli import main
from sheetml.report import plots
from sheetml.report.compare import Comparison, SheetComparison, compare, place_of
from sheetml.report.compare.page import comparison_page
from sheetml.xlsx.model import Area
from tests.reference import reference
from tests.workbooks import made

_CELL = re.compile(r"(\$?)([A-Z]{1,2})(\$?)(\d+)")
HOSTILE = '</script><img src=x onerror="alert(1)">{{ 7*7 }}'

TABLE: dict[str, Any] = {"A1": "item", "B1": "amount", "C1": "twice", "E1": 2.0}
TABLE |= {f"A{row}": f"item {row}" for row in range(2, 12)} | {f"B{row}": row * 1.5 for row in range(2, 12)}
TABLE |= {f"C{row}": f"=B{row}*$E$1" for row in range(2, 12)} | {"B13": "=SUM(B2:B11)", "C13": "=SUM(C2:C11)"}


def shifted(cells: dict[str, Any], row: Callable[[int], int], column: Callable[[int], int]) -> dict[str, Any]:
    """The cells and what their formulas refer to, moved as Excel moves them where lines are inserted."""

    def moved(match: re.Match[str]) -> str:
        letters = openpyxl.utils.get_column_letter(column(openpyxl.utils.column_index_from_string(match[2])))
        return f"{match[1]}{letters}{match[3]}{row(int(match[4]))}"

    return {
        _CELL.sub(moved, place): _CELL.sub(moved, value) if isinstance(value, str) and value[:1] == "=" else value
        for place, value in cells.items()
    }


def inserted(cells: dict[str, Any], *, row: int = 10_000, column: int = 1000) -> dict[str, Any]:
    return shifted(cells, lambda number: number + (number >= row), lambda number: number + (number >= column))


def compared(before: dict[str, Any], after: dict[str, Any]) -> SheetComparison:
    comparison = compare(made(before), made(after))
    return comparison.sheets[0]


def changes(sheet: SheetComparison) -> dict[str, str]:
    """What happened to each changed cell, by address."""
    return {place_of(sheet, change).removeprefix("Sheet1!"): change.what for change in sheet.changes}


# ---- cells ---------------------------------------------------------------------------------------


def test_a_workbook_is_the_same_as_itself() -> None:
    path = reference("workbooks", "collab_filter.xlsx")
    comparison = compare(sheetml.open(path), sheetml.open(path))
    assert comparison.same
    assert [sheet.status for sheet in comparison.sheets] == ["same"] * 4


def test_typed_values_their_results_and_formulas_are_told_apart() -> None:
    sheet = compared(TABLE, TABLE | {"B3": 9.0, "C5": "=B5*3", "A4": "other", "G1": 1.0} | {"E1": 2.0})
    assert changes(sheet) == {
        "B3": "value",
        "C3": "result",
        "A4": "value",
        "C5": "formula",
        "B13": "result",
        "C13": "result",
        "G1": "added",
    }
    by_place = {place_of(sheet, change): change for change in sheet.changes}
    assert by_place["Sheet1!B3"].size == pytest.approx(0.5)
    assert by_place["Sheet1!A4"].size is None


def test_numbers_are_equal_within_the_tolerance() -> None:
    before, after = made({"A1": 1.0, "A2": 0.0}), made({"A1": 1.0 + 1e-7, "A2": 1e-17})
    assert not compare(before, after).same
    assert compare(before, after, 1e-6).same
    assert changes(compare(made({"A1": 1.0}), made({"A1": 1.0 + 1e-13}), 0.0).sheets[0]) == {"A1": "value"}


def test_a_value_of_another_kind_has_changed() -> None:
    assert changes(compared({"A1": 1, "A2": "x"}, {"A1": True, "A2": "x"})) == {"A1": "value"}
    assert changes(compared({"A1": 1, "A2": "x"}, {"A1": "1", "A2": "x"})) == {"A1": "value"}


def test_a_formula_replaced_by_its_value_is_a_changed_formula() -> None:
    assert changes(compared({"A1": 2, "B1": "=A1*2"}, {"A1": 2, "B1": 4})) == {"B1": "formula"}


# ---- lines ---------------------------------------------------------------------------------------


def test_an_inserted_row_changes_nothing_else() -> None:
    sheet = compared(TABLE, inserted(TABLE, row=6) | {"A6": "new"})
    assert sheet.inserted_rows == ([], [6])
    assert changes(sheet) == {"A6": "added"}


def test_a_removed_row_is_recognised_among_rows_that_changed() -> None:
    after = TABLE | {f"B{row}": row * 7.0 for row in range(2, 12)}
    sheet = compared(inserted(TABLE, row=6) | {"A6": "old"}, after)
    assert sheet.inserted_rows == ([6], [])
    assert changes(sheet)["A6"] == "removed"
    assert changes(sheet)["B8"] == "value"


def test_an_inserted_column_changes_nothing_else() -> None:
    sheet = compared(TABLE, inserted(TABLE, column=2) | {"B1": "new", "B5": 3})
    assert sheet.inserted_columns == ([], [2])
    assert changes(sheet) == {"B1": "added", "B5": "added"}


@settings(max_examples=30, deadline=None)
@given(row=st.integers(1, 14), column=st.integers(1, 6))
def test_inserting_a_row_and_a_column_anywhere_changes_no_cell(row: int, column: int) -> None:
    sheet = compared(TABLE, inserted(inserted(TABLE, row=row), column=column))
    assert changes(sheet) == {}
    sheet = compared(inserted(inserted(TABLE, row=row), column=column), TABLE)
    assert changes(sheet) == {}


def test_a_formula_that_does_not_follow_an_inserted_row_has_changed() -> None:
    after = inserted(TABLE, row=6) | {"C9": "=B9*$E$2"}
    assert changes(compared(TABLE, after))["C9"] == "formula"


def test_a_range_that_grew_with_an_inserted_row_is_the_same_formula() -> None:
    after = inserted(TABLE, row=6) | {"B6": 100.0}
    sheet = compared(TABLE, after)
    assert changes(sheet)["B14"] == "result"


# ---- sheets, blocks, names -----------------------------------------------------------------------


def test_added_removed_and_renamed_sheets_are_recognised() -> None:
    other = {f"B{row}": f"word {row}" for row in range(1, 9)}
    before = made({"A1": "=kept!B1"}, kept=other, gone={"A1": 1})
    after = made({"A1": "=named!B1"}, named=other, new={"A1": "quite other"})
    statuses = {(sheet.before, sheet.after): sheet.status for sheet in compare(before, after).sheets}
    assert statuses == {
        ("Sheet1", "Sheet1"): "same",
        ("kept", "named"): "renamed",
        (None, "new"): "added",
        ("gone", None): "removed",
    }


def test_a_block_that_moved_is_recognised() -> None:
    words = {f"A{row}": f"word {row}" for row in range(2, 9)} | {f"B{row}": f"name {row}" for row in range(2, 9)}
    frame = {f"A{row}": row for row in range(20, 40)} | {f"H{row}": row for row in range(20, 40)}
    frame |= {f"{letter}1": letter for letter in "ABCDEFGH"}
    moved = {place.replace("A", "E").replace("B", "F"): value for place, value in words.items()}
    comparison = compare(made(frame | words), made(frame | moved))
    (move,) = comparison.moves
    assert (move.before, move.after) == (Area(2, 1, 8, 2), Area(2, 5, 8, 6))
    assert set(comparison.sheets[0].counts) == {"moved"}


def test_changed_names_are_named(tmp_path: Path) -> None:
    books = []
    for index, text in enumerate(("Sheet1!$A$1", "Sheet1!$A$2")):
        book = openpyxl.Workbook()
        book.active.title = "Sheet1"
        book.defined_names["rate"] = openpyxl.workbook.defined_name.DefinedName("rate", attr_text=text)
        book.save(tmp_path / f"{index}.xlsx")
        books.append(sheetml.open(tmp_path / f"{index}.xlsx"))
    (name,) = compare(*books).names
    assert (name.name, name.before, name.after) == ("rate", "Sheet1!$A$1", "Sheet1!$A$2")


def test_a_solved_workbook_differs_by_its_adjustable_cells_and_their_results() -> None:
    path = reference("workbooks", "collab_filter.xlsx")
    before, after = sheetml.open(path), sheetml.open(path)
    after.solver_models[0].solve(max_iterations=5)
    sheet = compare(before, after).sheets[0]
    assert sheet.counts["value"] == 150
    assert sheet.counts["result"] == 207  # 225 predictions but for 19 blank ones, and the objective
    assert set(sheet.counts) == {"value", "result"}


# ---- the page ------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """The tags and scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts.append(data)


def hostile_page() -> str:
    before = made({"A1": HOSTILE, "A2": 1}, **{"a<b>&'\"": {"A1": HOSTILE}})
    after = made({"A1": HOSTILE, "A2": f'="{HOSTILE.replace(chr(34), chr(34) * 2)}"'}, new={"A1": HOSTILE})
    return comparison_page(compare(before, after), before, after)


def test_texts_from_workbooks_never_become_markup() -> None:
    page = Tags(hostile_page())
    assert "img" not in page.tags
    assert page.tags.count("script") == 2
    assert not any(name.startswith("on") for name in page.attributes)
    data = json.loads(page.scripts[0])
    assert any(cell[1] == HOSTILE for row in data["sheets"][0]["cells"][0] for cell in row)


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    page = hostile_page()
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)\s*=|@import|url\(", page.replace(HOSTILE, "").split('id="data"')[0])


def test_the_page_of_a_large_workbook_shows_the_rows_around_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sheetml.report.compare.page.MOST_CELLS", 50)
    cells = {f"A{row}": row for row in range(1, 101)}
    before, after = made(cells), made(cells | {"A50": 0})
    data = json.loads(Tags(comparison_page(compare(before, after), before, after)).scripts[0])
    assert data["sheets"][0]["rows"] == [[row, row] for row in (1, 2, 3, 47, 48, 49, 50, 51, 52, 53)]
    assert "only the rows around changes: 10 of 100" in data["sheets"][0]["titles"][0]


@pytest.mark.parametrize("after", [TABLE, TABLE | {"B3": 9.0}, inserted(TABLE, row=6) | {"A6": "new"}])
def test_the_picture_is_a_png(after: dict[str, Any]) -> None:
    picture = plots.png(plots.comparison_figure(compare(made(TABLE), made(after))))
    assert picture.startswith(b"\x89PNG")


def test_notebooks_show_a_comparison_as_tables() -> None:
    shown = compare(made({"A1": HOSTILE}), made({"A1": 2}))._repr_html_()
    assert shown.startswith("<table>")
    assert "<img" not in shown


# ---- the command ---------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["compare", *arguments])
    return int(ended.value.code or 0)


def saved(tmp_path: Path, name: str, cells: dict[str, Any]) -> str:
    book = made(cells)
    book.calculate()
    book.save(tmp_path / name)
    return str(tmp_path / name)


def test_the_exit_code_is_1_where_workbooks_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = saved(tmp_path, "before.xlsx", TABLE), saved(tmp_path, "after.xlsx", TABLE | {"B3": 9.0})
    assert run(before, before) == 0
    assert "The workbooks are the same." in capsys.readouterr().out
    assert run(before, after) == 1
    assert "4 cells changed on 1 sheet of 1." in capsys.readouterr().out
    assert run(before, after, "--tolerance", "1") == 0
    assert run(before, str(tmp_path / "missing.xlsx")) == 2


def test_the_command_writes_json_a_page_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = saved(tmp_path, "before.xlsx", TABLE), saved(tmp_path, "after.xlsx", TABLE | {"B3": 9.0})
    page, picture = tmp_path / "diff.html", tmp_path / "diff.png"
    assert run(before, after, "--json", "--report", str(page), "--png", str(picture)) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["sheets"][0]["changes"][0]["after"] == {"cell": "B3", "value": 9.0, "formula": None}
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(before, after, "--report", before) == 2
    assert "a file of the kind .html or .htm" in capsys.readouterr().err


def test_the_largest_changes_come_first() -> None:
    comparison: Comparison = compare(made({"A1": 1.0, "A2": 1.0}), made({"A1": 1.1, "A2": 5.0}))
    assert [place_of(sheet, change) for sheet, change in comparison.largest(2)] == ["Sheet1!A2", "Sheet1!A1"]
