"""The gradient-descent workbook that sheetml builds: live, recognised, the same everywhere and each time."""

from __future__ import annotations

import re
import zipfile

import numpy as np
import openpyxl
import pytest

import sheetml
from sheetml.errors import DataError
from sheetml.layouts.graddesc import build, read_examples
from sheetml.layouts.graddesc.optimizers import LESSON, VARIANTS
from tests.cli.command import sheetml as command
from tests.libreoffice import disagreements
from tests.reference import PROJECT

BUILT = PROJECT / "workbooks" / "graddesc.xlsx"
SHEETS = ["basic SGD", *(sheet.name for sheet in (*LESSON, *VARIANTS))]
RANDOM = {f"data!{column}{row}" for column in "BC" for row in range(6, 35)}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    path = tmp_path_factory.mktemp("built") / "graddesc.xlsx"
    build(path, seed=1)
    return path


def test_all_sheets_are_recognised_with_their_rules(built):
    loops = sheetml.open(built).training_loops
    assert [loop.sheet for loop in loops] == SHEETS
    rules = {loop.sheet: loop.kind for loop in loops}
    assert rules["basic SGD"] == "SGD"
    assert rules["adam_ann"] == "annealed Adam"
    assert rules["one_cycle"] == "one cycle"
    assert len(loops) == 15


def test_the_workbook_of_the_project_is_the_one_it_builds(built):
    ours, stored = sheetml.open(built), sheetml.open(BUILT)
    for sheet in SHEETS:
        for a, b in zip(ours[sheet]["A1:W40"].reshape(-1), stored[sheet]["A1:W40"].reshape(-1)):
            assert a == b or a == pytest.approx(b, rel=1e-12)


def test_the_same_seed_makes_the_same_file_and_another_seed_other_data(built, tmp_path):
    build(tmp_path / "again.xlsx", seed=1)
    assert (tmp_path / "again.xlsx").read_bytes() == built.read_bytes()
    other = build(tmp_path / "other.xlsx", seed=2)
    assert other["adam"]["A4:A32"].tolist() != sheetml.open(built)["adam"]["A4:A32"].tolist()


def test_every_loop_is_right_after_a_reset_and_comes_nearer_to_the_line(built):
    workbook = sheetml.open(built)
    for loop in workbook.training_loops:
        assert (loop.point.const, loop.point.slope) == (1, 1)
        history = loop.run(30)
        assert history.diverged is None
        assert abs(history.end.slope - 2) < 0.75


def test_losses_are_written_where_the_charts_look_for_them(built):
    workbook = sheetml.open(built)
    for loop in workbook.training_loops:
        history = loop.run(12)
        logged = workbook[loop.sheet]["W4:W16"][:, 0].tolist()
        assert logged[:12] == pytest.approx([history.start.loss, *history.loss[:-1]], rel=1e-12)
        assert logged[12] is None
        loop.reset()
        assert workbook[loop.sheet]["W4"] is None


def test_libreoffice_agrees_with_every_cell_before_and_after_a_run(built, tmp_path):
    workbook = sheetml.open(built)
    assert disagreements(built, left_out=RANDOM) == []
    for loop in workbook.training_loops:
        loop.run(10)
    workbook.save(tmp_path / "run.xlsx")
    assert disagreements(tmp_path / "run.xlsx", left_out=RANDOM) == []


def test_each_sheet_has_a_native_chart_comments_and_names_of_its_own(built):
    book = openpyxl.load_workbook(built)
    for name in SHEETS:
        sheet = book[name]
        (chart,) = sheet._charts
        assert type(chart).__name__ == "LineChart"
        assert chart.series[0].val.numRef.f == f"'{name}'!$W$4:$W$203"
        comments = [cell for row in sheet["A1:Q4"] for cell in row if cell.comment]
        assert len(comments) >= 5
        assert {"const", "slope", "lastconst", "lastslope", "rmse", "rmses"} <= set(sheet.defined_names)
    assert not book.defined_names
    with zipfile.ZipFile(built) as package:
        assert sum(bool(re.match(r"xl/charts/chart\d+\.xml", part)) for part in package.namelist()) == 15


def test_every_cell_of_a_row_is_a_live_formula(built):
    book = openpyxl.load_workbook(built)
    for name in SHEETS:
        cells = [book[name].cell(10, column).value for column in range(3, 10)]
        assert all(isinstance(cell, str) and cell.startswith("=") for cell in cells)


def test_the_derivatives_are_right(built):
    ended = command(
        "gradcheck", built, "--sheet", "basic SGD", "--of", "F4", "--wrt", "C4", "D4", "--against", "K4", "L4"
    )
    assert ended.code == 0
    assert ended.out.count("exact") >= 2


def test_the_random_data_are_repeatable_with_a_seed(built, tmp_path):
    drawn = []
    for number, seed in enumerate((5, 5, 6)):
        command(
            "run", built, "-o", tmp_path / f"{number}.xlsx", "--sheet", "adagrad", "--epochs", 1, "--seed", seed, "-q"
        )
        drawn.append(sheetml.open(tmp_path / f"{number}.xlsx")["data"]["B6:C34"].tolist())
    assert drawn[0] == drawn[1] != drawn[2]


# ---- one's own data ----------------------------------------------------------------------------


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("scale_x", "scale_y", "rows"), [(1.0, 1.0, 12), (1000.0, 5.0, 40), (0.01, 1e6, 25)])
def test_data_of_any_size_train_without_diverging(tmp_path, scale_x, scale_y, rows):
    random = np.random.default_rng(0)
    x = random.uniform(0, 1, rows) * scale_x
    y = (3 + 2 * x / scale_x) * scale_y
    workbook = build(tmp_path / "own.xlsx", x.tolist(), y.tolist())
    for loop in workbook.training_loops:
        history = loop.run(40)
        assert history.diverged is None, loop.sheet
        assert history.loss.min() < history.start.loss, loop.sheet


def test_a_csv_file_becomes_a_workbook_that_runs(tmp_path):
    lines = "\n".join(
        f"{name},{i},{3 * i - 1}" for i, name in enumerate(["=1+1", "+a", "-b", "@c", "d", "e", "f", "g"])
    )
    data = written(tmp_path / "xy.csv", "name,x,y\n" + lines)
    ended = command("new", "graddesc", "--data", data, "-o", tmp_path / "mine.xlsx")
    assert ended.code == 0
    assert "15 training loops" in ended.out
    sheet = sheetml.open(tmp_path / "mine.xlsx")["momentum"]
    assert sheet["A4:B5"].tolist() == [[0, -1], [1, 2]]
    assert command("run", tmp_path / "mine.xlsx", "-q").code == 0
    assert (tmp_path / "mine.run.xlsx").exists()
    assert disagreements(tmp_path / "mine.run.xlsx") == []


def test_columns_can_be_named(tmp_path):
    data = written(tmp_path / "xy.csv", "a,b,c\n1,2,3\n4,5,7\n")
    assert read_examples(data) == ([1, 4], [2, 5])
    assert read_examples(data, "c", "a") == ([3, 7], [1, 4])
    assert read_examples(data, None, "a") == ([2, 5], [1, 4])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("x,y\n1,2\n", "has 1 rows"),
        ("x,y\n1,2\n1,3\n", "all x are 1"),
        ("x,y\n1,2\n2,\n", "line 3 lacks a number"),
        ("x\n1\n2\n", "no two columns of numbers"),
        ("x,y\n1,a\n2,b\n", "no two columns of numbers"),
        ("", "cannot be read as CSV"),
    ],
)
def test_data_that_cannot_be_used_are_one_sentence(tmp_path, text, cause):
    data = written(tmp_path / "xy.csv", text)
    ended = command("new", "graddesc", "--data", data, "-o", tmp_path / "mine.xlsx")
    assert ended.code == 2
    assert cause in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "mine.xlsx").exists()


def test_too_many_rows_and_a_wrong_column_are_refused(tmp_path):
    with pytest.raises(DataError, match="5,001 rows"):
        build(tmp_path / "b.xlsx", list(range(5001)), list(range(5001)))
    with pytest.raises(DataError, match="has no column 'z'"):
        read_examples(written(tmp_path / "xy.csv", "x,y\n1,2\n2,3\n"), "z")


def test_an_existing_file_is_not_replaced_unasked(tmp_path):
    path = written(tmp_path / "mine.xlsx", "precious")
    assert command("new", "graddesc", "-o", path).code == 2
    assert path.read_text(encoding="utf-8") == "precious"
