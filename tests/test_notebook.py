"""Workbooks in notebooks: how they show themselves, and cells as pandas frames."""

from __future__ import annotations

import datetime
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import OptimizeResult

import sheetml
from tests.reference import PROJECT
from tests.workbooks import made

HOSTILE = "<script>alert(1)</script>"


def test_a_sheet_becomes_a_frame_named_by_rows_and_columns() -> None:
    book = made({"A1": 1, "B2": "x", "C2": True, "A3": "=1/0"})
    book.calculate()
    frame = book["Sheet1"].to_frame()
    assert list(frame.columns) == ["A", "B", "C"]
    assert list(frame.index) == [1, 2, 3]
    assert frame.loc[1, "A"] == 1
    assert frame.loc[2, "B"] == "x"
    assert frame.loc[2, "C"] is True
    assert frame.loc[3, "A"] == "#DIV/0!"
    assert frame.isna().sum().sum() == 5


def test_columns_of_numbers_are_numbers_and_their_blanks_missing() -> None:
    frame = made({"A1": "x", "B1": "y", "A2": 1, "A3": 2.5, "B3": 4})["Sheet1"].to_frame("A1:B3", header=True)
    assert frame.dtypes.tolist() == [np.dtype(float), np.dtype(float)]
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"x": [1, 2.5], "y": [np.nan, 4]}, index=[2, 3]))


def test_an_empty_sheet_is_an_empty_frame_and_one_cell_a_frame_of_one() -> None:
    book = made({"A1": 7}, other={})
    assert book["other"].to_frame().empty
    assert book["Sheet1"].to_frame("A1").to_numpy().tolist() == [[7.0]]


def test_a_frame_is_written_with_its_columns_names() -> None:
    sheet = made({"A1": 1, "D9": "=SUM(B3:B9)"})["Sheet1"]
    sheet.from_frame(pd.DataFrame({"x": [1, 2], "y": [np.nan, 4.5]}), "B2")
    assert sheet["B2:C4"].tolist() == [["x", "y"], [1.0, None], [2.0, 4.5]]
    sheet.workbook.calculate()
    assert sheet["D9"] == 3.0


def test_what_is_read_back_is_what_was_written() -> None:
    frame = pd.DataFrame({"number": [1.5, np.nan], "text": ["a", "b"], "truth": [True, False]})
    sheet = made({"Z9": 1})["Sheet1"]
    sheet.from_frame(frame, "A1")
    back = sheet.to_frame("A1:C3", header=True).reset_index(drop=True)
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


def test_text_from_a_frame_never_becomes_a_formula(tmp_path) -> None:
    book = made({"Z9": 1})
    book["Sheet1"].from_frame(pd.DataFrame({"=1+1": ["=2+2", "+3", "@x"]}), "A1")
    book.save(tmp_path / "out.xlsx")
    again = sheetml.open(tmp_path / "out.xlsx")["Sheet1"]
    assert again["A1:A4"].ravel().tolist() == ["=1+1", "=2+2", "+3", "@x"]
    assert again.formula("A2") is None


def test_an_index_dates_and_durations_are_written_as_cells_hold_them() -> None:
    index = pd.Index([pd.Timestamp("2026-01-02 12:00"), datetime.date(1999, 12, 31)], name="day")
    sheet = made({"Z9": 1})["Sheet1"]
    sheet.from_frame(pd.DataFrame({"took": [pd.Timedelta(hours=6), pd.NaT]}, index=index), "A1", index=True)
    assert sheet["A1:B3"].tolist() == [["day", "took"], [46024.5, 0.25], [36525.0, None]]


def test_a_frame_over_a_formula_writes_nothing() -> None:
    sheet = made({"A1": 1, "B2": "=A1"})["Sheet1"]
    with pytest.raises(ValueError, match="B2 holds a formula"):
        sheet.from_frame(pd.DataFrame({"x": [5, 6], "y": [7, 8]}), "A1")
    assert sheet["A1"] == 1.0


def test_workbook_and_sheet_show_themselves_as_tables_with_texts_escaped() -> None:
    book = made({"A1": HOSTILE, "B2": 2.5, "A40": 1}, **{"<b>": {}})
    for shown in (book._repr_html_(), book["Sheet1"]._repr_html_(), book["<b>"]._repr_html_()):
        assert shown.startswith("<table>")
        assert "<script" not in shown and "<b>" not in shown
    assert "of which A1:B30" in book["Sheet1"]._repr_html_()
    assert "2.5" in book["Sheet1"]._repr_html_()


def test_a_result_is_scipys_and_shows_itself_as_a_table() -> None:
    book = sheetml.open(PROJECT / "workbooks" / "collab_filter.xlsx")
    result = book.solver_models[0].solve(max_iterations=2)
    assert isinstance(result, OptimizeResult)
    assert "dotprod!V41" in result._repr_html_()
    assert "minimise V41" in book._repr_html_()


def test_pandas_is_imported_only_when_a_frame_is_asked_for() -> None:
    code = "import sys, sheetml; print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True).stdout == "False\n"
