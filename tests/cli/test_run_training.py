"""`sheetml run` on workbooks with training loops: what is run, written, printed, and how it exits."""

from __future__ import annotations

import zipfile

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import sheetml as library
from sheetml.cli.training import curve
from tests.cli.books import MINIMISE_B1, PARABOLA
from tests.cli.command import sheetml
from tests.loops.test_recognition import momentum_sheet
from tests.macros.graddesc_macros import macro_workbook
from tests.reference import reference
from tests.workbooks import fill


def lesson():
    return reference("workbooks", "graddesc_without_macros.xlsx")


def test_every_loop_is_reset_run_and_written(tmp_path):
    output = tmp_path / "out.xlsx"
    ended = sheetml("run", lesson(), "-o", output)
    assert ended.code == 0
    for text in ("basic SGD", "annealed Adam", "1 → 3.5233", "150.76 → 95.855", "0.5 → 4.6566e−10", "█"):
        assert text in ended.out
    expected = library.open(lesson())
    for loop in expected.training_loops:
        loop.reset()
        loop.run(50)
    written = library.open(output)
    for loop in expected.training_loops:
        assert written[loop.sheet]["C1"] == expected[loop.sheet]["C1"]
        assert written[loop.sheet]["C2"] == expected[loop.sheet]["C2"]
    assert sheetml("check", output).code == 0


def test_the_result_is_written_beside_the_workbook(tmp_path):
    momentum_sheet(tmp_path / "mine.xlsx")
    assert sheetml("run", tmp_path / "mine.xlsx", "-q").code == 0
    assert (tmp_path / "mine.run.xlsx").exists()


def test_a_workbook_with_macros_is_run_by_them_and_keeps_them(tmp_path):
    path = macro_workbook(tmp_path / "graddesc.xlsm")
    ended = sheetml("run", path, "--sheet", "adam", "--sheet", "momentum", "--epochs", 10, "--json")
    loops = ended.document["training_loops"]
    assert [(loop["sheet"], loop["epochs"], loop["by_macros"]) for loop in loops] == [
        ("adam", 10, True),
        ("momentum", 10, True),
    ]
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(tmp_path / "graddesc.run.xlsm") as after:
        assert before.read("xl/vbaProject.bin") == after.read("xl/vbaProject.bin")
    by_rules = sheetml("run", path, "--sheet", "adam", "--epochs", 10, "--rules", "--json", "-o", tmp_path / "r.xlsm")
    assert by_rules.document["training_loops"][0]["history"] == loops[0]["history"]


def test_the_epochs_and_the_sheet_can_be_stated(tmp_path):
    ended = sheetml("run", lesson(), "-o", tmp_path / "o.xlsx", "--sheet", "Momentum", "--epochs", 5, "--json")
    (loop,) = ended.document["training_loops"]
    assert (loop["sheet"], loop["epochs"]) == ("momentum", 5)
    assert loop["after"]["const"] == pytest.approx(1.2610777567972657, rel=1e-9)
    assert len(loop["history"]["loss"]) == 5


def test_without_a_reset_it_goes_on_from_the_state_in_the_file(tmp_path):
    first, second, both = (tmp_path / name for name in ("first.xlsx", "second.xlsx", "both.xlsx"))
    sheetml("run", lesson(), "-o", first, "--sheet", "rmsprop", "--epochs", 20, "-q")
    sheetml("run", first, "-o", second, "--sheet", "rmsprop", "--epochs", 30, "--no-reset", "-q")
    sheetml("run", lesson(), "-o", both, "--sheet", "rmsprop", "--epochs", 50, "-q")
    assert library.open(second)["rmsprop"]["C1"] == library.open(both)["rmsprop"]["C1"]


def test_a_seed_makes_the_random_data_repeatable(tmp_path):
    drawn = []
    for number, seed in enumerate((1, 1, 2)):
        output = tmp_path / f"{number}.xlsx"
        sheetml("run", lesson(), "-o", output, "--sheet", "momentum", "--epochs", 5, "--seed", seed, "-q")
        drawn.append(library.open(output)["data"]["B6:B34"].tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def with_solver_model(path):
    momentum_sheet(path)
    workbook = openpyxl.load_workbook(path)
    fill(workbook["cover"], PARABOLA)
    for name, text in MINIMISE_B1.items():
        own = text.replace("Sheet1!", "cover!")
        workbook["cover"].defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=own, hidden=True)
    workbook.save(path)
    return path


def test_one_file_may_hold_solver_models_and_loops(tmp_path):
    path = with_solver_model(tmp_path / "both.xlsx")
    ended = sheetml("run", path)
    assert ended.code == 0
    assert "cover" in ended.out and "momentum" in ended.out
    workbook = library.open(tmp_path / "both.solved.xlsx")
    assert workbook["cover"]["A1"] == pytest.approx(2, abs=1e-6)
    assert workbook.training_loops[0].point.const != 1


def test_a_sheet_may_be_chosen_for_its_model_or_for_its_loop(tmp_path):
    path = with_solver_model(tmp_path / "both.xlsx")
    document = sheetml("run", path, "--sheet", "cover", "--json").document
    assert (len(document["models"]), len(document["training_loops"])) == (1, 0)
    document = sheetml("run", path, "--sheet", "ünïcode sheet's", "--json").document
    assert (len(document["models"]), len(document["training_loops"])) == (0, 1)


def test_a_sheet_with_neither_is_one_sentence(tmp_path):
    ended = sheetml("run", lesson(), "--sheet", "data", "-o", tmp_path / "o.xlsx")
    assert ended.code == 2
    assert "sheet 'data': it has no Solver model and no training loop" in ended.err
    assert not (tmp_path / "o.xlsx").exists()


def test_a_loop_that_diverges_says_in_which_epoch(tmp_path):
    path = tmp_path / "book.xlsx"
    momentum_sheet(path, 1, 1)
    workbook = openpyxl.load_workbook(path)
    workbook.worksheets[1]["A4"] = 40
    workbook.save(path)
    ended = sheetml("run", path, "--epochs", 300)
    assert ended.code == 0
    assert "diverged in epoch" in ended.out
    assert sheetml("run", path, "--epochs", 300, "--json", "--overwrite").document["training_loops"][0]["diverged"] > 1


def test_a_formula_in_the_way_is_one_sentence_and_the_other_loops_are_run(tmp_path):
    book = openpyxl.load_workbook(lesson())
    book["adagrad_ann"]["J1"] = "=1+1"
    book.save(tmp_path / "book.xlsx")
    ended = sheetml("run", tmp_path / "book.xlsx", "--sheet", "adagrad_ann", "--sheet", "momentum")
    assert ended.code == 2
    assert "adagrad_ann!J1 holds a formula" in ended.err
    assert ended.err.count("\n") == 1
    assert library.open(tmp_path / "book.run.xlsx")["momentum"]["C1"] == pytest.approx(3.3760901223671143, rel=1e-9)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([8.0, 7, 6, 5, 4, 3, 2, 1], "█▇▆▅▄▃▂▁"),
        ([1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1], "█▇▆▅▄▃▂▁"),
        ([3.0, 3.0], "▁▁"),
        ([2.0, float("nan"), 1.0], "█·▁"),
        ([float("nan")], ""),
    ],
)
def test_a_loss_curve_is_a_row_of_bars(values, drawn):
    assert curve(values) == drawn
    assert len(curve(list(range(1000)))) == 24
