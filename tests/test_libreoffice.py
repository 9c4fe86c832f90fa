"""LibreOffice agrees with what sheetml computes and writes, and is really asked."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest

import sheetml
from sheetml import ErrorCode
from tests.libreoffice import all_recalculated, disagreements, recalculated, same
from tests.reference import reference


def saved(path: Path, cells: dict[str, object]) -> Path:
    """A workbook whose formulas hold the values that sheetml computes."""
    book = openpyxl.Workbook()
    for address, value in cells.items():
        book.active[address] = value
    book.save(path)
    workbook = sheetml.open(path)
    workbook.calculate()
    assert workbook.problems == {}
    workbook.save(path, overwrite=True)
    return path


def with_part_changed(path: Path, old: bytes, new: bytes) -> Path:
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    assert any(old in content for content in parts.values())
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content.replace(old, new))
    return path


def test_a_wrong_stored_value_is_found_out(tmp_path: Path) -> None:
    path = saved(tmp_path / "book.xlsx", {"A1": 20, "B1": "=A1*2+1", "C1": "=B1+1"})
    with_part_changed(path, b"<v>41</v>", b"<v>99</v>")
    values = recalculated(path)
    assert (values["Sheet"]["B1"], values["Sheet"]["C1"]) == (41, 42)
    assert disagreements(path, values) == ["Sheet!B1: stored 99.0, LibreOffice has 41.0"]


def test_values_of_every_kind_are_told_apart(tmp_path: Path) -> None:
    cells = {
        "A1": "=1/4", "A2": '="a"&"b"', "A3": "=1=1", "A4": "=1/0", "A5": "=NA()", "A6": "=A11+1", "A7": '=""',
        "A9": 5, "A10": "text",
        "A11": datetime.date(2024, 2, 28),
    }  # fmt: skip
    path = saved(tmp_path / "kinds.xlsx", cells)
    values = recalculated(path)
    assert values == {
        "Sheet": {
            "A1": 0.25, "A2": "ab", "A3": True, "A4": ErrorCode.DIV0, "A5": ErrorCode.NA, "A6": 45351.0, "A9": 5.0,
            "A10": "text", "A11": 45350.0,
        }
    }  # fmt: skip
    assert disagreements(path, values) == []


def test_several_workbooks_are_recalculated_in_one_go(tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{n}" / "same name.xlsx", {"A1": n, "A2": "=A1^2"}) for n in mkdirs(tmp_path, 3)]
    assert [values["Sheet"]["A2"] for values in all_recalculated(paths)] == [0, 1, 4]


def mkdirs(folder: Path, count: int) -> range:
    for n in range(count):
        (folder / f"{n}").mkdir()
    return range(count)


def test_a_file_that_libreoffice_does_not_open_fails_the_test(tmp_path: Path) -> None:
    path = tmp_path / "broken.xlsx"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(pytest.fail.Exception, match=r"did not open .*broken\.xlsx"):
        recalculated(path)


def test_numbers_are_the_same_within_rounding_only() -> None:
    assert same(1.0, 1.0 + 1e-12) and not same(1.0, 1.0 + 1e-8)
    assert same(0.0, 1e-16) and not same(0.0, 1e-12)
    assert same(ErrorCode.NA, ErrorCode.NA) and not same(ErrorCode.NA, ErrorCode.NUM) and not same(7.0, ErrorCode.NUM)
    assert same("", None) and not same("a", None) and not same(0.0, None)


def test_the_solved_collaborative_filter_is_what_libreoffice_computes_from_it(tmp_path: Path) -> None:
    path = tmp_path / "solved.xlsx"
    workbook = sheetml.open(reference("workbooks", "collab_filter.xlsx"))
    results = [model.solve() for model in workbook.solver_models]
    workbook.save(path)
    values = recalculated(path)
    assert len(results) == 3
    for result in results:
        sheet, cell = result.objective.split("!")
        if sheet != "bias":
            assert values[sheet][cell] == pytest.approx(result.fun, rel=1e-9)
    # the one cell on which Excel and LibreOffice disagree: SUMXMY2 leaves out a pair with a blank, LibreOffice
    # takes the blank as 0; what it makes of the same cells is this
    bias = workbook["bias"]
    gaps = np.array(bias["H2:V16"], float) - np.array(bias["H26:V40"], float)
    ratings = np.array([[0.0 if rating is None else rating for rating in row] for row in bias["H2:V16"]])
    assert np.isnan(gaps).sum() == 19
    assert values["bias"]["V42"] == pytest.approx(np.sqrt(((ratings - bias["H26:V40"].astype(float)) ** 2).sum()))
    assert disagreements(path, values, left_out={"bias!V42"}) == []


def test_libreoffice_opens_the_solved_workbook_with_all_that_is_in_it(tmp_path: Path) -> None:
    workbook = sheetml.open(reference("workbooks", "collab_filter.xlsx"))
    workbook.solver_models[0].solve(max_iterations=5)
    workbook.save(tmp_path / "solved.xlsx")
    values = all_recalculated([tmp_path / "solved.xlsx"], pivot_tables=True)[0]
    assert list(values) == workbook.sheet_names
    assert values["dotprod"]["V41"] == pytest.approx(workbook["dotprod"]["V41"], rel=1e-9)


def test_the_gradient_descent_workbook_set_anew_is_what_libreoffice_computes_from_it(tmp_path: Path) -> None:
    workbook = sheetml.open(reference("workbooks", "graddesc_without_macros.xlsx"))
    workbook.calculate()
    workbook["momentum"]["C1"] = 2.5  # the slope and the intercept from which the sheet's epoch starts
    workbook["momentum"]["C2"] = 0.75
    workbook.calculate()
    workbook.save(tmp_path / "set.xlsx")
    volatile = volatile_cells(workbook)
    assert len(volatile) == 58
    assert disagreements(tmp_path / "set.xlsx", left_out=volatile) == []


def volatile_cells(workbook: sheetml.Workbook) -> set[str]:
    """The formula cells that give other values at each calculation, and those that depend on them."""
    calculation = workbook.calculation
    reached = calculation.changed.copy()
    for stage in calculation.plan.stages:
        if stage.volatile or stage.depends_on(reached):
            reached[stage.targets] = True
    reached[0] = False
    return {calculation.describe([slot]) for slot in reached.nonzero()[0]}
