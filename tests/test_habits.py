"""Workbooks handled as openpyxl and pandas taught people: openpyxl is the referee where both define the answer."""

from __future__ import annotations

import copy
import datetime
import io
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula
from openpyxl.worksheet.table import Table

import sheetml
from sheetml import ErrorCode, FormulaError, UnknownSheetError
from sheetml.xlsx.model import ERROR_TEXT
from tests.cli.books import MINIMISE_B1, PARABOLA, book
from tests.macros.running import macro_book
from tests.reference import PROJECT
from tests.workbooks import made

SHIPPED = sorted((PROJECT / "workbooks").rglob("*.xlsx"))
NOON = datetime.datetime(2026, 1, 2, 12)


# ---- reading, with openpyxl beside -------------------------------------------------------------


@cache
def both(path: Path, values: bool) -> tuple[sheetml.Workbook, openpyxl.Workbook]:
    return sheetml.open(path), openpyxl.load_workbook(path, data_only=values)


def plain(value):
    """A value of ours as openpyxl has it: errors are their texts."""
    return ERROR_TEXT[value] if isinstance(value, ErrorCode) else value


@st.composite
def places(draw):
    """A shipped workbook, one of its sheets and an area of it that may reach beyond what is filled."""
    path = draw(st.sampled_from(SHIPPED))
    sheet = draw(st.sampled_from(both(path, True)[0].sheetnames))
    ours = both(path, True)[0][sheet]
    top, left = draw(st.integers(1, ours.max_row + 2)), draw(st.integers(1, ours.max_column + 2))
    return path, sheet, top, left, top + draw(st.integers(0, 20)), left + draw(st.integers(0, 12))


@given(places())
@settings(max_examples=60, deadline=None)
def test_rows_of_shipped_workbooks_read_as_openpyxl_reads_them(place):
    path, sheet, top, left, bottom, right = place
    ours, theirs = both(path, True)
    bounds = {"min_row": top, "max_row": bottom, "min_col": left, "max_col": right, "values_only": True}
    expected = list(theirs[sheet].iter_rows(**bounds))
    assert [tuple(map(plain, row)) for row in ours[sheet].iter_rows(**bounds)] == expected
    columns = list(ours[sheet].iter_cols(**bounds))
    assert [tuple(map(plain, column)) for column in columns] == list(theirs[sheet].iter_cols(**bounds))
    cells = ours[sheet].cell(top, left), theirs[sheet].cell(top, left)
    assert (cells[0].coordinate, cells[0].column_letter) == (cells[1].coordinate, cells[1].column_letter)
    assert cells[0].number_format == cells[1].number_format


@given(places())
@settings(max_examples=40, deadline=None)
def test_formulas_of_shipped_workbooks_read_as_openpyxl_reads_them(place):
    path, sheet, top, left, bottom, right = place
    ours, theirs = both(path, False)
    for row in theirs[sheet].iter_rows(top, bottom, left, right):
        for cell in row:
            formula = ours[sheet].formula(cell.coordinate)
            if isinstance(cell.value, ArrayFormula):
                assert f"={formula}" == cell.value.text
            elif not isinstance(cell.value, DataTableFormula):
                stated = cell.value[1:] if cell.data_type == "f" else None
                assert formula == stated or stated is None  # the other cells of an array have openpyxl's value


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_sheets_sizes_names_and_tables_are_those_of_openpyxl(path):
    ours, theirs = both(path, True)
    assert ours.sheetnames == theirs.sheetnames
    expected = {name: each.attr_text for name, each in theirs.defined_names.items() if not each.hidden}
    for sheet in theirs:
        expected |= {f"{sheet.title}!{name}": n.attr_text for name, n in sheet.defined_names.items() if not n.hidden}
    assert {name.replace("'", ""): text for name, text in ours.names.items() if "_xlnm" not in name} == expected
    for sheet in theirs:
        own = ours[sheet.title]
        assert {name: table.ref for name, table in own.tables.items()} == {t.name: t.ref for t in sheet.tables.values()}
        beyond = [cell.value for row in sheet.iter_rows(min_row=own.max_row + 1) for cell in row]
        assert set(beyond) <= {None}, "cells of openpyxl's that are only formatted do not count"
        assert own.max_row <= sheet.max_row and own.max_column <= sheet.max_column


@given(
    st.floats(0, 80_000).map(lambda number: round(number * 86_400) / 86_400),
    st.sampled_from(["General", "0.00", "yyyy-mm-dd", "m/d/yyyy h:mm", "h:mm:ss", "[h]:mm:ss", "mmm-yy", '"d"0']),
)
@settings(max_examples=60, deadline=None)
def test_a_number_shows_as_the_date_that_openpyxl_reads(number, number_format):
    theirs = openpyxl.Workbook()
    theirs.active["A1"], theirs.active["A1"].number_format = number, number_format
    stream = io.BytesIO()
    theirs.save(stream)
    (cell,) = next(sheetml.open(stream).active.iter_rows())
    expected = openpyxl.load_workbook(stream).active["A1"].value
    if isinstance(expected, (datetime.datetime, datetime.timedelta)):
        assert abs(cell.value - expected) <= datetime.timedelta(milliseconds=1)
    elif isinstance(expected, datetime.time):
        moments = [datetime.datetime.combine(NOON, time) for time in (cell.value, expected)]
        assert abs(moments[0] - moments[1]) <= datetime.timedelta(milliseconds=1)
    else:
        assert cell.value == expected


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)), st.booleans())
@settings(max_examples=100)
def test_a_moment_becomes_the_serial_number_that_openpyxl_writes(moment, date_1904):
    from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, to_excel

    from sheetml.content import serial_number

    if date_1904 and moment.year < 1904:
        return
    epoch = CALENDAR_MAC_1904 if date_1904 else CALENDAR_WINDOWS_1900
    assert serial_number(moment, date_1904) == pytest.approx(to_excel(moment, epoch), abs=1e-9)


# ---- finding cells -----------------------------------------------------------------------------


def test_areas_may_be_sliced_and_rows_and_columns_taken_whole():
    sheet = made({"A1": 1, "B1": 2, "A2": 3, "B2": 4, "C3": 5})["Sheet1"]
    assert sheet["A1":"B2"].tolist() == sheet["A1:B2"].tolist() == [[1, 2], [3, 4]]
    assert sheet[2].tolist() == sheet["2"].tolist() == [[3, 4, None]]
    assert sheet["B"].tolist() == sheet["B:B"].tolist() == [[2], [4], [None]]
    assert sheet[1:2].tolist() == [[1, 2, None], [3, 4, None]]
    assert sheet[:].shape == (3, 3)
    assert sheet["b2"] == sheet.cell(2, 2).value == 4


def test_a_name_or_a_table_of_the_sheet_is_an_area_of_it():
    theirs = openpyxl.Workbook()
    for row in (["item", "price"], ["tea", 2], ["milk", 3]):
        theirs.active.append(row)
    theirs.active.add_table(Table(displayName="Prices", ref="A1:B3"))
    theirs.create_sheet("other")["A1"] = 7
    theirs.defined_names["tax"] = openpyxl.workbook.defined_name.DefinedName("tax", attr_text="other!$A$1")
    stream = io.BytesIO()
    theirs.save(stream)
    ours = sheetml.open(stream)
    assert ours["Sheet"]["Prices"].tolist() == [["tea", 2], ["milk", 3]]
    assert ours["other"]["tax"] == 7
    assert ours.names == {"tax": "other!$A$1"}
    with pytest.raises(FormulaError, match="other!A1, and not one area of 'Sheet'"):
        ours["Sheet"]["tax"]
    table = ours.tables["Prices"]
    assert (table.ref, table.columns, table.sheet.name) == ("A1:B3", ["item", "price"], "Sheet")
    pd.testing.assert_frame_equal(
        table.to_frame().reset_index(drop=True), pd.DataFrame({"item": ["tea", "milk"], "price": [2.0, 3.0]})
    )
    assert "milk" in table._repr_html_()
    assert "Prices" in ours["Sheet"]._ipython_key_completions_()


def test_an_empty_sheet_is_one_cell_large_and_has_no_rows():
    sheet = made({"A1": 1}, other={})["other"]
    assert (sheet.dimensions, sheet.max_row, sheet.max_column, list(sheet.rows)) == ("A1:A1", 1, 1, [])


def test_a_workbook_knows_its_sheets():
    workbook = made({"A1": 1}, dotprod={})
    assert "dotprod" in workbook and "DOTPROD" in workbook and workbook["dotprod"] in workbook
    assert "nowhere" not in workbook and 3 not in workbook
    assert len(workbook) == 2 and workbook.active.title == "Sheet1"
    assert workbook._ipython_key_completions_() == ["Sheet1", "dotprod"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("dotprd", "did you mean 'dotprod'"),
        ("dotprod!A1", r"write \['dotprod'\]\['A1'\]"),
        (0, r"wb.worksheets\[0\]"),
        ("elsewhere", "it has Sheet1, dotprod"),
    ],
)
def test_a_wrong_sheet_is_answered_with_what_may_have_been_meant(key, words):
    with pytest.raises(UnknownSheetError, match=words) as caught:
        made({"A1": 1}, dotprod={})[key]
    assert isinstance(caught.value, KeyError) and not str(caught.value).startswith(("'", '"'))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("nowhere", "'nowhere' is not an area or a name"),
        ("shet1!A1", "did you mean 'Sheet1'"),
        (1.5, r"by row and column it is ws.cell\(3, 2\)"),
        ((1, 2), r"by row and column it is ws.cell\(3, 2\)"),
        (slice("A1", "B9", 2), "in steps"),
        (slice("A1", None), "first and its last cell"),
        (0, "not an area"),
    ],
)
def test_a_wrong_cell_is_answered_in_words(key, words):
    with pytest.raises(FormulaError, match=words):
        made({"A1": 1})["Sheet1"][key]


@pytest.mark.parametrize(("row", "column"), [(0, 1), (1, 0), (1_048_577, 1), (1, 16_385)])
def test_there_is_no_cell_beyond_the_sheet(row, column):
    with pytest.raises(FormulaError, match="there is no"):
        made({"A1": 1})["Sheet1"].cell(row, column)


# ---- setting cells -----------------------------------------------------------------------------


def test_text_that_begins_with_an_equals_sign_is_a_formula_and_is_saved_as_one(tmp_path):
    workbook = made({"A1": 1, "A2": 2})
    sheet = workbook["Sheet1"]
    sheet["C1"] = "=A1+1"
    assert sheet["C1"] is None, "there is no value until it is calculated"
    sheet["C2"] = sheetml.text("=A1+1")
    sheet["C3"] = "="
    sheet["D1:D2"] = "=A1*$A$2"
    sheet["E1:F1"] = ["=A1", 5]
    sheet["G1"] = "=STDEV.S(A1:A2)"
    workbook.calculate()
    assert sheet["C1:C3"].ravel().tolist() == [2, "=A1+1", "="]
    assert sheet["D1:D2"].ravel().tolist() == [2, 4] and sheet.formula("D2") == "A2*$A$2"
    assert sheet["E1:F1"].tolist() == [[1, 5]]
    workbook.save(tmp_path / "out.xlsx")
    theirs = openpyxl.load_workbook(tmp_path / "out.xlsx")["Sheet1"]
    assert (theirs["C1"].value, theirs["C1"].data_type, theirs["C2"].data_type) == ("=A1+1", "f", "s")
    assert theirs["D2"].value == "=A2*$A$2" and theirs["G1"].value == "=_xlfn.STDEV.S(A1:A2)"
    assert sheetml.open(tmp_path / "out.xlsx")["Sheet1"]["D1:D2"].ravel().tolist() == [2, 4]


def test_a_formula_may_take_another_ones_place_and_be_cleared():
    sheet = made({"A1": 2, "B1": "=A1", "C1": "=B1+1"})["Sheet1"]
    sheet["B1"] = "=A1*10"
    sheet.workbook.calculate()
    assert sheet["C1"] == 21
    del sheet["B1"]
    sheet.workbook.calculate()
    assert (sheet["B1"], sheet.formula("B1"), sheet["C1"]) == (None, None, 1)
    sheet["B1"] = 4
    sheet.workbook.calculate()
    assert sheet["C1"] == 5


def test_what_cannot_be_set_changes_nothing_and_is_said_in_words():
    sheet = made({"A1": 1, "A2": 2, "B2": "=A2", "D1:D2": "{=A1:A2*2}"})["Sheet1"]
    for key, value, error, words in [
        ("A1:B2", 5, ValueError, r"Sheet1!B2 holds a formula.*del sheet\['B2'\]"),
        ("A1:A2", [[1, 2, 3]], ValueError, "has 2 rows and 1 column, and the values have 1 row and 3 columns"),
        ("A1:A2", [1, 2, 3], ValueError, "the values have 3 in one row"),
        ("A1:B2", [[1], [2, 3]], ValueError, "rows of values differ in length"),
        ("A1:A2", [7, object()], TypeError, "Sheet1!A2: a cell cannot hold a object"),
        ("A1", b"x", TypeError, "not bytes"),
        ("A1", "x" * 32_768, ValueError, "at most 32,767 characters"),
        ("A1", 10**400, ValueError, "too large"),
        ("A1", datetime.datetime.now(datetime.UTC), ValueError, "time zone"),
        ("A1:A2", [7, "=1+"], FormulaError, "Sheet1!A2: cannot read the formula"),
        ("D1", "=1", ValueError, "part of an array formula"),
    ]:
        with pytest.raises(error, match=words):
            sheet[key] = value
        assert sheet["A1:A2"].ravel().tolist() == [1, 2]
    with pytest.raises(ValueError, match="part of an array formula"):
        del sheet["D2"]


def test_a_plain_list_fills_a_row_and_a_column():
    sheet = made({"A1": 1})["Sheet1"]
    sheet["B1:B3"] = [1, 2, 3]
    sheet["B5:D5"] = [4, 5, 6]
    assert sheet["B1:B3"].ravel().tolist() == [1, 2, 3] and sheet["B5:D5"].tolist() == [[4, 5, 6]]


def test_dates_go_in_as_serial_numbers_from_whatever_holds_them():
    sheet = made({"A1": 1})["Sheet1"]
    values = [NOON, NOON.date(), NOON.time(), datetime.timedelta(hours=36), np.datetime64(NOON), pd.Timestamp(NOON)]
    sheet["A1:F1"] = values
    assert sheet["A1:F1"].tolist() == [[46024.5, 46024, 0.5, 1.5, 46024.5, 46024.5]]
    sheet["A2:C2"] = np.array(["2026-01-02", "2026-01-03", "NaT"], "M8[ns]")
    assert sheet["A2:C2"].tolist() == [[46024, 46025, None]]
    sheet["A3:B3"] = pd.Series([1.5, pd.NA], dtype="Float64")
    assert sheet["A3:B3"].tolist() == [[1.5, None]]
    with pytest.raises(ValueError, match="before 1900"):
        sheet["A1"] = datetime.date(1899, 1, 1)


def test_a_cell_is_set_by_row_and_column_and_rows_are_appended():
    sheet = made({"A1": 1})["Sheet1"]
    sheet.cell(row=1, column=2, value="x")
    sheet.cell(1, 3).value = "=A1+1"
    sheet.append([5, "y"])
    sheet.append({"C": 6, 1: 7})
    sheet.workbook.calculate()
    assert list(sheet.values) == [(1, "x", 2), (5, "y", None), (7, None, 6)]
    assert repr(sheet.cell(1, 3)) == "<Cell 'Sheet1'.C1: 2.0, =A1+1>"
    assert sheet.cell(1, 3) == sheet.cell(1, 3) != sheet.cell(1, 2)


# ---- sheets, copies, streams -------------------------------------------------------------------


def test_a_sheet_that_is_created_is_calculated_and_saved_with_all_else_as_it_was():
    workbook = made({"A1": 2, "B1": "=A1*3", "C1": "=RAND()", "D1": "=NEW(1)"})
    workbook.calculate()
    sheet1 = workbook["Sheet1"]
    f = workbook.function("Sheet1!A1", "Sheet1!B1")
    sheet1["A1"] = 5
    sheet1["B2"] = "=A1+1"
    random, problems = sheet1["C1"], workbook.problems
    created = workbook.create_sheet("more")
    assert (sheet1["A1"], sheet1["B1"], sheet1["C1"], workbook.problems) == (5, 6, random, problems)
    created["A1:A2"] = [["=Sheet1!B1"], [7]]
    sheet1["E1"] = "=SUM(more!A1:A2)"
    workbook.calculate()
    assert (created["A1"], sheet1["E1"], sheet1["B2"]) == (15, 22, 6)
    assert f(f.x0) == 15 and workbook.sheetnames == ["Sheet1", "more"]
    assert workbook.create_sheet().title == "Sheet" and workbook.create_sheet().title == "Sheet2"
    again = openpyxl.load_workbook(io.BytesIO(workbook.to_bytes()), data_only=True)
    assert again.sheetnames == ["Sheet1", "more", "Sheet", "Sheet2"]
    assert (again["Sheet1"]["A1"].value, again["more"]["A1"].value, again["Sheet1"]["E1"].value) == (5, 15, 22)


@pytest.mark.parametrize("name", ["Sheet1", "sheet1", "a/b", "", "x" * 32])
def test_a_sheet_that_excel_would_not_take_is_not_created(name):
    workbook = made({"A1": 1})
    with pytest.raises(ValueError, match="sheet"):
        workbook.create_sheet(name)
    assert workbook.sheetnames == ["Sheet1"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_copy_holds_the_same_and_goes_its_own_way(copied):
    workbook = made({"A1": 2, "B1": "=A1*RAND()", "C1": "=NOSUCH(1)", "D1": "=A1+1"})
    workbook.calculate()
    workbook["Sheet1"]["A1"] = 3
    workbook["Sheet1"]["E1"] = "=D1*2"
    other = copied(workbook)
    assert list(other["Sheet1"].values) == list(workbook["Sheet1"].values)
    assert other.problems == workbook.problems and other.problems
    random = workbook["Sheet1"]["B1"]
    assert other.function("Sheet1!A1", "Sheet1!D1")(10) == 11
    other["Sheet1"]["A1"] = 100
    other.calculate()
    assert (other["Sheet1"]["D1"], other["Sheet1"]["E1"]) == (101, 202)
    assert (workbook["Sheet1"]["A1"], workbook["Sheet1"]["B1"], workbook["Sheet1"]["D1"]) == (3, random, 3)


def test_what_is_random_in_a_copy_is_not_drawn_anew_for_a_function_of_its_cells():
    workbook = made({"A1": 2, "B1": "=RAND()", "C1": "=A1+B1"})
    workbook.calculate()
    f = workbook.function("Sheet1!A1", "Sheet1!C1")
    assert pickle.loads(pickle.dumps(f))(1.0) == f(1.0) == 1 + workbook["Sheet1"]["B1"]


def test_a_function_of_cells_can_be_sent_and_has_the_same_derivatives():
    workbook = sheetml.open(PROJECT / "workbooks" / "collab_filter.xlsx")
    f = workbook.function(["dotprod!H19:V23", "dotprod!B25:F39"], "dotprod!V41")
    expected = f.value_and_gradient(f.x0)
    for other in (pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)):
        value, gradient = other.value_and_gradient(other.x0)
        assert value == expected[0] and np.array_equal(gradient, expected[1])
        assert repr(other) == repr(f)


def test_a_workbook_with_functions_of_its_own_is_copied_with_them():
    code = "Function Twice(x)\nTwice = 2 * x\nEnd Function"
    workbook = macro_book(code, {"A1": 3, "B1": "=Twice(A1)"})
    workbook.calculate()
    other = pickle.loads(pickle.dumps(workbook))
    other["Sheet1"]["A1"] = 10
    other.calculate()
    assert (workbook["Sheet1"]["B1"], other["Sheet1"]["B1"]) == (6, 20)
    assert pickle.loads(pickle.dumps(workbook.function("Sheet1!A1", "Sheet1!B1")))(4.0) == 8


def test_a_copy_keeps_a_solver_model_that_was_stated():
    workbook = made({"A1": 3, "B1": "=(A1-1)^2"})
    workbook.add_solver_model("Sheet1", minimise="B1", by="A1", may_be_negative=True)
    other = workbook.copy()
    other.solver_models["sheet1"].solve()
    assert other["Sheet1"]["A1"] == pytest.approx(1) and workbook["Sheet1"]["A1"] == 3
    assert sheetml.open(other.to_bytes()).solver_models[0].objective == "Sheet1!B1"


def test_workbooks_come_from_and_go_to_bytes_and_streams(tmp_path):
    path = book(tmp_path / "book.xlsx", {"A1": 2, "B1": "=A1*3"})
    content = path.read_bytes()
    with open(path, "rb") as stream:
        assert sheetml.open(stream).path == path
    for source in (path, str(path), content, bytearray(content), io.BytesIO(content)):
        with sheetml.open(source) as workbook:
            workbook["Sheet1"]["A1"] = 5
            workbook.calculate()
            saved = io.BytesIO()
            workbook.save(saved)
            assert saved.getvalue() == workbook.to_bytes()
            assert sheetml.open(saved)["Sheet1"]["B1"] == 15
    assert path.read_bytes() == content
    with pytest.raises(sheetml.WorkbookError, match="<memory> is not a workbook: it looks like plain text"):
        sheetml.open(b"hello\nthere")


# ---- models and reports ------------------------------------------------------------------------


def test_a_solver_model_is_found_by_its_sheet(tmp_path):
    workbook = sheetml.open(book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1))
    models = workbook.solver_models
    assert models["sheet1"].sheet == models[0].sheet == models[:1][0].sheet == "Sheet1"
    assert "Sheet1" in models and "other" not in models and models._ipython_key_completions_() == ["Sheet1"]
    with pytest.raises(KeyError, match="did you mean 'Sheet1'"):
        models["Shet1"]
    result = models["Sheet1"].solve(maxiter=50)
    assert result.success
    with pytest.raises(TypeError, match="give one of them"):
        models[0].solve(maxiter=1, max_iterations=1)


def test_one_iteration_is_all_that_maxiter_allows():
    model = sheetml.open(PROJECT / "workbooks" / "collab_filter.xlsx").solver_models["dotprod"]
    assert model.solve(maxiter=1).nit <= 1


def test_a_workbook_offers_its_own_reports(tmp_path):
    workbook = made({"A1": 2, "A2": 3, "B1": "=A1*2", "B2": "=A2*2", "C1": "=1/0"})
    workbook.calculate()
    checked = sheetml.open(workbook.to_bytes()).check()
    assert checked.ok and (checked.equal, checked.compared) == (3, 3) and "3 of 3" in repr(checked)
    assert any("C1" in finding.place for finding in workbook.audit())
    assert not workbook.audit(ignore=[finding.rule for finding in workbook.audit()])
    assert workbook.explain("Sheet1!B1").value == 4
    other = workbook.copy()
    other["Sheet1"]["A1"] = 9
    other.calculate()
    assert workbook.compare(workbook.copy()).same and not workbook.compare(other).same
    page = workbook.report(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page and page.startswith("<!DOCTYPE html>")


def test_a_report_solves_the_models_and_names_what_cannot_be_solved(tmp_path):
    workbook = sheetml.open(book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1))
    page = workbook.report()
    assert "Sheet1!B1" in page and workbook["Sheet1"]["B1"] == pytest.approx(1)
    (tmp_path / "wrong").mkdir()
    wrong = sheetml.open(book(tmp_path / "wrong" / "book.xlsx", {**PARABOLA, "A1": "text"}, MINIMISE_B1))
    assert "holds no number" in wrong.report()


def test_what_shows_itself_in_a_notebook_escapes_every_text():
    hostile = "<script>alert(1)</script>"
    workbook = made({"A1": 2, "B1": "=A1*3", "C1": hostile}, **{"<b>x": {"A1": 2, "B1": "=(A1-1)^2"}})
    workbook.add_solver_model("<b>x", minimise="B1", by="A1")
    f = workbook.function("'<b>x'!A1", "'<b>x'!B1")
    workbook["Sheet1"]["C1"] = hostile
    shown: list[Any] = [f, workbook.solver_models, workbook.solver_models[0], workbook.check(), workbook.audit()]
    for html in [each._repr_html_() for each in shown]:
        assert html.startswith("<table>") and "<b>x" not in html and "<script" not in html
    assert repr(f) == "<CellFunction: '<b>x'!B1 as a function of 1 cell, '<b>x'!A1>"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f: f([1, 2, 3]), "takes 2 numbers, not 3: one for each cell of Sheet1!A1:A2"),
        (lambda f: f("a"), "x must be numbers.*not the text 'a'"),
        (lambda f: f([1, None]), "is not|must be numbers|finite"),
        (lambda f: f.batch(np.zeros((3, 5))), "rows of 2 numbers.*these are 3 by 5"),
        (lambda f: f.hessian_product(f.x0, [1.0]), "the direction has 1 numbers"),
        (lambda f: f.weighted_gradient(f.x0, "x"), "the weights must be numbers"),
    ],
)
def test_a_function_given_the_wrong_numbers_says_what_it_takes(call, words):
    f = made({"A1": 2, "A2": 3, "B1": "=A1*A2"}).function("Sheet1!A1:A2", "Sheet1!B1")
    with pytest.raises((ValueError, sheetml.CalculationError), match=words):
        call(f)


def test_a_function_takes_its_numbers_in_any_shape():
    f = made({"A1": 2, "A2": 3, "B1": "=A1*A2"}).function("Sheet1!A1:A2", "Sheet1!B1")
    assert f([2, 5]) == f([[2], [5]]) == f(pd.Series([2, 5])) == 10
