"""`sheetml solver` and `sheetml run --minimise`: a model stated on the command line."""

from __future__ import annotations

import zipfile

import pytest

import sheetml as library
from tests.cli.books import MINIMISE_B1, PARABOLA, book
from tests.cli.command import sheetml

LINEAR = {"A1": 1, "A2": 2, "B1": "=3*A1+2*A2", "C1": "=A1+A2", "C2": "=A1+3*A2", "D1": 4, "D2": 6, "F1": "=RAND()"}
STATED = ("--maximise", "B1", "--by", "A1:A2", "--subject-to", "C1:C2 <= D1:D2", "--integer", "A1", "--engine", "lp")


def test_a_model_is_stored_shown_solved_and_removed(tmp_path):
    path = book(tmp_path / "book.xlsx", LINEAR)
    stored = sheetml("solver", path, *STATED)
    assert stored.code == 0 and "maximise B1 by changing A1:A2" in stored.out and "Simplex LP" in stored.out
    shown = sheetml("solver", path)
    assert "subject to C1:C2 <= D1:D2" in shown.out and "A1 integer" in shown.out
    assert sheetml("run", path, "--json").document["models"][0]["after"] == pytest.approx(12)
    assert sheetml("solver", path, "--remove").code == 0
    assert "There is no Solver model in the workbook. State one with: sheetml solver" in sheetml("solver", path).out
    assert sheetml("solver", path, "--remove").code == 2


def test_only_the_hidden_names_change_not_even_cells_that_draw_new_numbers(tmp_path):
    path, target = book(tmp_path / "book.xlsx", LINEAR), tmp_path / "out.xlsx"
    assert sheetml("solver", path, *STATED, "-o", target, "-q") == (0, "", "")
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(target) as after:
        assert before.namelist() == after.namelist()
        assert [n for n in before.namelist() if before.read(n) != after.read(n)] == ["xl/workbook.xml"]


def test_named_models_are_kept_beside_it_and_can_take_its_place(tmp_path):
    path = book(tmp_path / "book.xlsx", LINEAR)
    sheetml("solver", path, *STATED)
    sheetml("solver", path, "--minimise", "C1", "--by", "A1:A2", "--subject-to", "B1 >= 6", "--name", "cheap")
    models = sheetml("solver", path, "--json").document["models"]
    assert [(each["name"], each["words"][0]) for each in models] == [
        (None, "maximise B1 by changing A1:A2"), ("cheap", "minimise C1 by changing A1:A2")
    ]  # fmt: skip
    assert sheetml("solver", path, "--use", "cheap").code == 0
    assert library.open(path).solver_models[0].describe()[0] == "minimise C1 by changing A1:A2"
    refused = sheetml("solver", path, "--use", "dear")
    assert refused.code == 2 and "it has cheap" in refused.err
    assert sheetml("solver", path, "--remove", "--name", "cheap").code == 0
    assert len(sheetml("solver", path, "--json").document["models"]) == 1


def test_run_solves_a_stated_model_once_and_stores_none(tmp_path):
    path, output = book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1), tmp_path / "out.xlsx"
    ended = sheetml("run", path, "--objective", "B1", "--to", 105, "--by", "A1", "-o", output, "--json")
    assert (ended.code, ended.document["models"][0]["adjustable"]) == (0, ["Sheet1!A1"])
    solved = library.open(output)
    assert solved["Sheet1"]["B1"] == pytest.approx(105, abs=1e-4)
    assert [model.names for model in solved.solver_models] == [
        model.names for model in library.open(path).solver_models
    ]


def test_run_without_a_model_says_how_to_state_one(tmp_path):
    path = book(tmp_path / "book.xlsx", LINEAR)
    ended = sheetml("run", path)
    assert ended.code == 0
    assert f"State a model with: sheetml solver {path} --sheet Sheet1 --minimise CELL --by CELLS" in ended.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--minimise", "B1"), "--by"),
        (("--minimise", "B1", "--maximise", "C1", "--by", "A1"), "one goal"),
        (("--to", "3", "--by", "A1"), "stated together"),
        (("--show", "--remove"), "one at a time"),
        (("--minimise", "B1", "--by", "A9:A8000000"), "A9:A8000000"),
        (("--minimise", "B1", "--by", "A1", "--sheet", "Nowhere"), "no sheet 'Nowhere'"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, options, said):
    path = book(tmp_path / "book.xlsx", LINEAR)
    before = path.read_bytes()
    ended = sheetml("solver", path, *options)
    assert ended.code == 2 and said in ended.err and "Traceback" not in ended.err
    assert path.read_bytes() == before


def test_of_several_sheets_the_one_meant_must_be_said_or_named_by_an_address(tmp_path):
    path = book(tmp_path / "book.xlsx", LINEAR, other={"A1": 1, "B1": "=A1^2"})
    refused = sheetml("solver", path, *STATED)
    assert refused.code == 2 and "say which with --sheet" in refused.err
    assert sheetml("solver", path, "--minimise", "other!B1", "--by", "other!A1").code == 0
    assert [model.sheet for model in library.open(path).solver_models] == ["other"]
