"""`sheetml check`: what is compared, what is told apart, and how it exits."""

from __future__ import annotations

import openpyxl
import pytest

import sheetml as library
from tests.cli.books import book
from tests.cli.command import sheetml
from tests.reference import reference


@pytest.mark.parametrize(
    ("name", "equal", "volatile"), [("collab_filter.xlsx", 3666, 0), ("graddesc_without_macros.xlsx", 2307, 58)]
)
def test_every_comparable_cell_of_the_lessons_workbooks_is_what_excel_stored(name, equal, volatile):
    ended = sheetml("check", reference("workbooks", name), "--json")
    sheets = ended.document["sheets"]
    assert ended.code == 0
    assert sum(sheet["equal"] for sheet in sheets) == equal
    assert sum(len(sheet["volatile"]) for sheet in sheets) == volatile
    assert not any(sheet["differences"] or sheet["not_computed"] or sheet["not_stored"] for sheet in sheets)


def with_stored(path, cell, value):
    """The workbook with another value stored for a formula cell."""
    workbook = library.open(path)
    workbook.calculate()
    calculation = workbook.calculation
    (position, area) = workbook.areas(f"Sheet1!{cell}")[0]
    calculation.cells.set(calculation.slot(position, area.top, area.left), value)
    workbook.save(path, overwrite=True)
    return path


@pytest.mark.parametrize("stored", [7.0, 6.00001, "6", True, library.ErrorCode.DIV0])
def test_a_value_that_differs_is_shown_with_both_values_and_the_formula(tmp_path, stored):
    path = with_stored(book(tmp_path / "book.xlsx", {"A1": 2, "B1": "=A1*3"}), "B1", stored)
    ended = sheetml("check", path)
    assert ended.code == 1
    assert "Sheet1!B1" in ended.out and "=A1*3" in ended.out and "computed 6" in ended.out


def test_numbers_within_the_tolerance_are_equal(tmp_path):
    path = with_stored(book(tmp_path / "book.xlsx", {"A1": 2, "B1": "=A1*3"}), "B1", 6.00001)
    assert sheetml("check", path, "--tolerance", 1e-5).code == 0


def test_volatile_cells_and_what_depends_on_them_are_not_compared(tmp_path):
    cells = {"A1": 2, "B1": "=RAND()", "C1": "=B1*0+1", "D1": "=A1*3", "E1": "=OFFSET(A1,0,1)"}
    rows = {"A2": 5, "C2": "=B2*0+1"}  # in one block with C1, but depends on nothing volatile
    (sheet,) = sheetml("check", book(tmp_path / "book.xlsx", cells | rows), "--json").document["sheets"]
    assert sheet["volatile"] == ["B1", "C1", "E1"]
    assert sheet["equal"] == 2


def test_a_value_the_file_does_not_hold_is_counted_apart(tmp_path):
    workbook = openpyxl.Workbook()
    workbook.active["A1"] = "=1+1"
    workbook.save(tmp_path / "book.xlsx")
    ended = sheetml("check", tmp_path / "book.xlsx", "--json")
    assert ended.document["sheets"][0]["not_stored"] == ["A1"]


def test_a_cell_that_sheetml_cannot_compute_is_never_called_equal(tmp_path):
    path = with_stored(book(tmp_path / "book.xlsx", {"A1": 2, "B1": "=NOSUCHFUNCTION(A1)", "C1": "=B1+1"}), "B1", 5.0)
    (sheet,) = sheetml("check", path, "--json").document["sheets"]
    assert "NOSUCHFUNCTION" in sheet["not_computed"]["B1"]
    assert sheet["equal"] == 0


@pytest.mark.parametrize("cells", [{"A1": 2}, {"A1": "=RAND()"}, {}])
def test_nothing_to_compare_is_no_success(tmp_path, cells):
    path = book(tmp_path / "book.xlsx", cells)
    for options in ([], ["--allow-uncomputed"]):
        ended = sheetml("check", path, *options)
        assert ended.code == 1
        assert "There was nothing to compare" in ended.out


def test_values_that_the_file_does_not_hold_are_no_success(tmp_path):
    workbook = openpyxl.Workbook()
    workbook.active["A1"] = "=1+1"
    workbook.save(tmp_path / "book.xlsx")
    ended = sheetml("check", tmp_path / "book.xlsx", "--json")
    assert ended.code == 1
    assert "nothing to compare" in ended.document["verdict"]


def test_a_cell_that_could_not_be_computed_is_no_success_unless_that_is_allowed(tmp_path):
    path = book(tmp_path / "book.xlsx", {"A1": 2, "B1": "=A1*3", "C1": "=NOSUCHFUNCTION(A1)"})
    ended = sheetml("check", path)
    assert ended.code == 1
    assert "1 cell could not be computed." in ended.out
    assert sheetml("check", path, "--allow-uncomputed").code == 0
    assert sheetml("check", path, "-q").code == 1
    different = with_stored(path, "B1", 7.0)
    assert sheetml("check", different, "--allow-uncomputed").code == 1
