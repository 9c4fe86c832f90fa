"""`sheetml run`: what is solved, written, printed, and how it exits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest

import sheetml as library
from tests.cli.books import MINIMISE_B1, PARABOLA, book
from tests.cli.command import sheetml
from tests.reference import PROJECT, reference


def test_each_model_is_solved_and_the_result_is_written_beside_the_workbook(tmp_path):
    path = book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1)
    before = path.read_bytes()
    ended = sheetml("run", path)
    assert ended.code == 0
    solved = library.open(tmp_path / "book.solved.xlsx")["Sheet1"]
    assert solved["A1"] == pytest.approx(2, abs=1e-6)
    assert solved["A2"] == pytest.approx(-3, abs=1e-6)
    assert solved["B1"] == pytest.approx(1, abs=1e-9)
    assert path.read_bytes() == before
    for text in ("Sheet1", "B1", "2 cells: A1:A2", "110", "Optimal", "book.solved.xlsx"):
        assert text in ended.out


def test_the_lessons_workbook_reaches_its_reference_optima(tmp_path):
    output = tmp_path / "out.xlsx"
    ended = sheetml("run", reference("workbooks", "collab_filter.xlsx"), "-o", output, "--json")
    after = {model["objective"]: model["after"] for model in ended.document["models"]}
    assert after["dotprod!V41"] <= 0.3929008
    assert after["movielens_emb!AA3"] <= 0.3929008
    assert after["bias!V42"] <= 4.5735593
    assert sheetml("check", output).code == 0


def test_only_parts_with_changed_cells_change(tmp_path):
    original = reference("workbooks", "collab_filter.xlsx")
    output = tmp_path / "out.xlsx"
    sheetml("run", original, "-o", output, "--sheet", "bias", "-q")
    with zipfile.ZipFile(original) as before, zipfile.ZipFile(output) as after:
        assert before.namelist() == after.namelist()
        changed = [name for name in before.namelist() if before.read(name) != after.read(name)]
    assert len(changed) == 1
    assert changed[0].startswith("xl/worksheets/")


def test_json_names_objective_cells_values_and_how_it_ended(tmp_path):
    path = book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1)
    document = sheetml("run", path, "--json").document
    (model,) = document["models"]
    assert document["output"] == str(tmp_path / "book.solved.xlsx")
    assert model["objective"] == "Sheet1!B1"
    assert model["adjustable"] == ["Sheet1!A1:A2"]
    assert model["before"] == 110
    assert model["after"] == pytest.approx(1)
    assert model["success"]
    assert model["iterations"] >= 0


def test_quiet_prints_nothing(tmp_path):
    assert sheetml("run", book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1), "-q") == (0, "", "")


def test_a_workbook_without_model_is_recomputed_and_written(tmp_path):
    path = book(tmp_path / "book.xlsx", {"A1": 2, "B1": "=A1*3"})
    ended = sheetml("run", path)
    assert ended.code == 0
    assert "no Solver model" in ended.out
    assert library.open(tmp_path / "book.run.xlsx")["Sheet1"]["B1"] == 6


def test_in_place_changes_the_workbook_itself(tmp_path):
    path = book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1)
    assert sheetml("run", path, "--in-place", "-q").code == 0
    assert library.open(path)["Sheet1"]["B1"] == pytest.approx(1)


def test_the_output_cannot_be_the_workbook_itself_unless_asked_for(tmp_path):
    path = book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1)
    before = path.read_bytes()
    ended = sheetml("run", path, "-o", path)
    assert ended.code == 2
    assert path.read_bytes() == before


def test_a_model_that_cannot_be_solved_is_named_and_nothing_is_written(tmp_path):
    path = book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1 | {"adj": "Sheet1!$A$1:$B$1"})
    ended = sheetml("run", path)
    assert ended.code == 2
    assert "'Sheet1'" in ended.err and "Sheet1!B1 holds a formula" in ended.err
    assert "Traceback" not in ended.err and "Nothing was solved: nothing was written." in ended.out
    assert not (tmp_path / "book.solved.xlsx").exists()


def test_a_model_without_any_point_that_meets_its_constraints_is_not_written(tmp_path):
    constraint = {"num": "1", "lhs1": "Sheet1!$A$1", "rel1": "3", "rhs1": "20"}
    path = book(
        tmp_path / "book.xlsx",
        {"A1": 25, "A2": 7, "B1": "=A1+A2", "C1": "=A1-A2"},
        MINIMISE_B1 | constraint | {"num": "2", "lhs2": "Sheet1!$C$1", "rel2": "1", "rhs2": "-5", "adj": "Sheet1!$A$1"},
    )
    ended = sheetml("run", path, "--json")
    assert "cannot hold together" in ended.document["models"][0]["message"] and ended.document["output"] is None
    assert not (tmp_path / "book.solved.xlsx").exists()


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ({"opt": "Sheet1!$B$1", "typ": "2"}, "they name no adjustable cells"),
        ({"adj": "Sheet1!#REF!", "opt": "Sheet1!$B$1"}, "the adjustable cells no longer exist"),
        ({"adj": "Sheet1!$A$1", "num": "0"}, "they name neither an objective nor constraints"),
    ],
)
def test_names_left_over_without_a_model_are_no_error(tmp_path, names, missing):
    ended = sheetml("run", book(tmp_path / "book.xlsx", PARABOLA, names))
    assert ended.code == 0 and ended.err == ""
    assert f"Sheet1: Solver names are stored there, but no model: {missing}." in " ".join(ended.out.split())


@pytest.mark.parametrize("sheet", ["Nowhere", "Empty"])
def test_a_sheet_asked_for_without_model_is_refused(tmp_path, sheet):
    path = book(tmp_path / "book.xlsx", PARABOLA, MINIMISE_B1, Empty={"A1": 1})
    ended = sheetml("run", path, "--sheet", sheet)
    assert ended.code == 2
    assert sheet in ended.err
    assert not (tmp_path / "book.solved.xlsx").exists()


def test_an_iteration_limit_is_kept_and_said(tmp_path):
    original = reference("workbooks", "collab_filter.xlsx")
    ended = sheetml("run", original, "-o", tmp_path / "out.xlsx", "--sheet", "bias", "--max-iterations", 3, "--json")
    (model,) = ended.document["models"]
    assert model["iterations"] == 3
    assert "limit of 3 iterations" in model["message"]
    assert model["after"] < model["before"]


def test_several_starts_with_a_seed_give_the_same_result_again(tmp_path):
    cells = {"A1": 3, "B1": "=A1^4-8*A1^2+A1"}
    path = book(tmp_path / "book.xlsx", cells, MINIMISE_B1 | {"adj": "Sheet1!$A$1"})
    runs = [
        sheetml("run", path, "--starts", 8, "--seed", 5, "--json", "--overwrite").document["models"][0] for _ in (1, 2)
    ]
    assert runs[0]["after"] == runs[1]["after"]
    assert runs[0]["after"] < sheetml("run", path, "--json", "--overwrite").document["models"][0]["after"]


def test_a_cell_that_cannot_be_computed_is_named(tmp_path):
    path = book(tmp_path / "book.xlsx", {"A1": 1, "B1": "=NOSUCHFUNCTION(A1)"})
    ended = sheetml("run", path)
    assert "Sheet1!B1" in ended.out and "NOSUCHFUNCTION" in ended.out


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches a process otherwise there")
def test_ctrl_c_keeps_the_best_point_and_writes_it(tmp_path):
    rows = 400
    cells = {f"A{row}": 0.5 for row in range(1, rows + 1)}
    # a chain of Rosenbrock valleys: thousands of iterations, each a little better
    terms = {f"B{row}": f"=100*(A{row + 1}-A{row}^2)^2+(1-A{row})^2" for row in range(1, rows)}
    path = book(
        tmp_path / "book.xlsx",
        cells | terms | {"C1": f"=SUM(B1:B{rows - 1})"},
        MINIMISE_B1 | {"opt": "Sheet1!$C$1", "adj": f"Sheet1!$A$1:$A${rows}"},
    )
    before = library.open(path)["Sheet1"]["C1"]
    command = [sys.executable, "-m", "sheetml", "run", str(path), "--json", "--overwrite"]
    started = time.perf_counter()
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    one_start = time.perf_counter() - started
    command += ["--starts", "100000"]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # a shell starts what it runs in the background, perhaps these tests, deaf to Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            time.sleep(2 * one_start + 1)  # as long as it takes until something has been found
            os.kill(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, err.decode()
    assert b"Interrupted; the best point so far is kept" in out
    assert library.open(tmp_path / "book.solved.xlsx")["Sheet1"]["C1"] < before


# ---- Excel's reports

MIX = {
    "A1": 0,
    "A2": 0,
    "B1": "=3*A1+5*A2",
    "C1": "=A1",
    "C2": "=2*A2",
    "C3": "=3*A1+2*A2",
    "D1": 4,
    "D2": 12,
    "D3": 18,
}
MAXIMISE_MIX = {
    "opt": "Sheet1!$B$1", "adj": "Sheet1!$A$1:$A$2", "typ": "1", "neg": "1", "eng": "2", "num": "1",
    "lhs1": "Sheet1!$C$1:$C$3", "rel1": "1", "rhs1": "Sheet1!$D$1:$D$3",
}  # fmt: skip


def test_reports_are_sheets_of_the_output_and_parts_of_page_and_json(tmp_path):
    path = book(tmp_path / "book.xlsx", MIX, MAXIMISE_MIX)
    page = tmp_path / "page.html"
    ended = sheetml("run", path, "--reports", "sensitivity,answer", "--report", page, "--json")
    assert [report["report"] for report in ended.document["models"][0]["reports"]] == ["sensitivity", "answer"]
    solved = library.open(tmp_path / "book.solved.xlsx")
    assert solved.sheet_names == ["Sheet1", "Sensitivity Report 1", "Answer Report 1"]
    assert solved["Sheet1"]["B1"] == 36 and "Shadow Price" in page.read_text("utf-8")
    shown = [str(cell) for cell in solved["Sensitivity Report 1"]["A1:H20"].ravel() if cell is not None]
    assert {"Reduced Cost", "Shadow Price", "Allowable Increase", "$C$3"} <= set(shown)
    again = sheetml("run", tmp_path / "book.solved.xlsx", "-o", tmp_path / "again.xlsx", "--reports", "answer")
    assert again.code == 0
    assert library.open(tmp_path / "again.xlsx").sheet_names[-1] == "Answer Report 2"


def test_an_infeasible_model_is_written_for_its_report(tmp_path):
    constraint = {"num": "2", "lhs2": "Sheet1!$C$3", "rel2": "3", "rhs2": "50"}
    path = book(tmp_path / "book.xlsx", MIX, MAXIMISE_MIX | constraint)
    sheetml("run", path, "--reports", "feasibility")
    report = library.open(tmp_path / "book.solved.xlsx")["Feasibility Report 1"]
    assert [report["B8"], report["B9"]] == ["C3 <= D3", "C3 >= 50"]


def test_a_report_that_there_is_not_is_refused_before_anything_is_solved(tmp_path):
    path = book(tmp_path / "book.xlsx", MIX, MAXIMISE_MIX)
    ended = sheetml("run", path, "--reports", "answers")
    assert ended.code == 2 and "no report 'answers'" in ended.err and not (tmp_path / "book.solved.xlsx").exists()
