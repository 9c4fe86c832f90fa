"""What a run's report holds: curve, cells, gradient, residuals, and what it takes to repeat it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

import sheetml
from sheetml.cli import main
from sheetml.report.residuals import residuals
from sheetml.report.run_report import Recorder, run_page, run_pictures
from tests.browser import opened, picture
from tests.reference import PROJECT, reference
from tests.workbooks import fill, made

HOSTILE = "<img src=x onerror=alert(1)>"


def fitted_line(path: Path, objective: str = "=SQRT(AVERAGE(D2:D6))", sheet: str = "fit") -> Path:
    """A workbook whose Solver model fits a line to five points."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    cells: dict[str, Any] = {"F1": 0.0, "F2": 0.0, "F3": objective}
    for row, (x, y) in enumerate([(1, 2), (2, 3.5), (3, 7), (4, 8), (5, 11)], start=2):
        cells |= {f"A{row}": x, f"B{row}": y, f"C{row}": f"=$F$1*A{row}+$F$2", f"D{row}": f"=(B{row}-C{row})^2"}
    fill(book.active, cells)
    quoted = f"'{sheet}'"
    names = {"opt": f"{quoted}!$F$3", "adj": f"{quoted}!$F$1:$F$2", "typ": "2", "eng": "1", "neg": "2"}
    for name, text in names.items():
        book.active.defined_names[f"solver_{name}"] = DefinedName(f"solver_{name}", attr_text=text, hidden=True)
    book.save(path)
    return path


def recorded(path: Path, **settings: Any) -> Recorder:
    book = sheetml.open(path)
    recorder = Recorder(book)
    for model in book.solver_models:
        recorder.start(model)
        recorder.finish(model, model.solve(callback=recorder.follow, **settings))
    return recorder


# ---- residuals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sheet", "objective", "shape"), [("dotprod", "V41", (15, 15)), ("movielens_emb", "AA3", (206, 1))]
)
def test_the_root_mean_square_of_the_residuals_is_the_objective(sheet: str, objective: str, shape: Any) -> None:
    book = sheetml.open(reference("workbooks", "collab_filter.xlsx"))
    book.calculate()
    found = residuals(book, f"{sheet}!{objective}")
    assert found is not None
    assert found.values.shape == shape
    assert found.root_mean_square == pytest.approx(book[sheet][objective], rel=1e-12)


def test_residuals_of_blank_pairs_are_absent() -> None:
    book = made({"A1": 1, "A3": 3, "B1": 2, "B2": 5, "B3": 7, "C1": "=SUMXMY2(A1:A3,B1:B3)"})
    book.calculate()
    found = residuals(book, "Sheet1!C1")
    assert found is not None
    np.testing.assert_equal(found.values, [[-1], [np.nan], [-4]])


@pytest.mark.parametrize("formula", ["=SUM(A1:A3)", "=A1*2", "=MAX(B1:B3)"])
def test_an_objective_that_is_no_sum_of_squares_has_no_residuals(formula: str) -> None:
    book = made({"A1": 1, "A2": 2, "A3": 3, "B1": "=A1", "B2": "=A2", "B3": "=A3", "C1": formula})
    book.calculate()
    assert residuals(book, "Sheet1!C1") is None


# ---- what is recorded ----------------------------------------------------------------------------


def test_a_run_is_recorded_from_its_start_to_its_end(tmp_path: Path) -> None:
    (record,) = recorded(fitted_line(tmp_path / "line.xlsx")).models
    (area,) = record.areas
    assert area.before.tolist() == [[0.0], [0.0]]
    np.testing.assert_allclose(area.after.ravel(), np.polyfit([1, 2, 3, 4, 5], [2, 3.5, 7, 8, 11], 1), atol=1e-5)
    assert area.gradient_before is not None and area.gradient_after is not None
    assert np.abs(area.gradient_after).max() < 1e-5 < np.abs(area.gradient_before).min()
    assert record.curve[0][2] == record.result.fun_start
    assert record.curve[-1][2] == pytest.approx(record.result.fun)
    assert [point[0] for point in record.curve] == list(range(len(record.curve)))
    assert record.residuals_after is not None
    assert record.residuals_after.root_mean_square == pytest.approx(record.result.fun)


def test_where_there_is_no_gradient_the_report_says_why(tmp_path: Path) -> None:
    (record,) = recorded(fitted_line(tmp_path / "line.xlsx", "=ROUND(SUM(D2:D6),3)"), max_iterations=3).models
    assert "ROUND" in record.no_gradient
    assert record.areas[0].gradient_before is None


# ---- the page and the pictures -------------------------------------------------------------------


def test_the_page_holds_what_it_takes_to_repeat_the_run(tmp_path: Path) -> None:
    recorder = recorded(fitted_line(tmp_path / "line.xlsx"))
    page = run_page(recorder, tmp_path / "out.xlsx", {"seed": 7, "tolerance": None}, "sheetml run line.xlsx --seed 7")
    for text in ("sheetml run line.xlsx --seed 7", "scipy", f"sheetml</td><td>{sheetml.__version__}", "default"):
        assert text in page
    assert repr(recorder.models[0].result.fun) in page
    assert page.count('<svg class="map"') == 6  # cells, gradients and residuals, before and after
    assert page.count('<svg class="chart"') == 1
    assert "F1: 2.25" in page  # the slope, while its cell is pointed at


def test_texts_from_the_workbook_never_become_markup(tmp_path: Path) -> None:
    recorder = recorded(fitted_line(tmp_path / "line.xlsx", sheet="a <b> & c"))
    recorder.models[0].words.append(HOSTILE)
    page = run_page(recorder, tmp_path / f"{HOSTILE[1:4]}.xlsx", {HOSTILE: HOSTILE}, HOSTILE)
    assert "<img src=x" not in page
    assert "a &lt;b&gt; &amp; c" in page


def test_large_areas_become_plain_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sheetml.report.charts.MOST_CELLS", 1)
    page = run_page(recorded(fitted_line(tmp_path / "line.xlsx")), tmp_path / "out.xlsx", {})
    assert page.count('href="data:image/png;base64,') == 2 * 6  # the strength of both colours in each


def test_the_pictures_are_png_files_of_each_part(tmp_path: Path) -> None:
    pictures = run_pictures(recorded(fitted_line(tmp_path / "line.xlsx")))
    assert sorted(pictures) == [
        "1-fit-cells-1.png",
        "1-fit-gradient-1.png",
        "1-fit-objective.png",
        "1-fit-residuals.png",
    ]
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())


def test_the_page_is_worth_a_look_in_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT / "workbooks")
    recorder = recorded(Path("collab_filter.xlsx"), max_iterations=60)
    path = tmp_path / "run.html"
    path.write_text(
        run_page(recorder, Path("collab_filter.solved.xlsx"), {"starts": 1, "seed": None}), encoding="utf-8"
    )
    with opened(path, width=1120, height=1240) as page:
        assert page.locator("svg.map").count() >= 12
        page.locator("nav a").nth(1).click()
        assert re.search(r"#model2$", page.url)
        page.evaluate("scrollTo(0, 0)")
        assert picture(page, "run-report.png", tmp_path).startswith(b"\x89PNG")


# ---- the command ---------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments])
    return int(ended.value.code or 0)


def test_the_command_writes_report_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = fitted_line(tmp_path / "line.xlsx")
    report, folder = tmp_path / "run.html", tmp_path / "pictures"
    assert run(str(book), "--report", str(report), "--png", str(folder), "--seed", "3") == 0
    assert "<td>seed</td><td>3</td>" in report.read_text(encoding="utf-8")
    assert len(list(folder.glob("*.png"))) == 4
    assert run(str(book), "--report", str(book)) == 2
    assert "is the workbook itself" in capsys.readouterr().err
    assert run(str(book), "--png", str(report)) == 2


def test_a_workbook_without_a_model_has_a_report_too(tmp_path: Path) -> None:
    made({"A1": 1, "B1": "=A1"}).save(tmp_path / "plain.xlsx")
    report = tmp_path / "run.html"
    assert run(str(tmp_path / "plain.xlsx"), "--report", str(report), "-q") == 0
    assert "There is no Solver model" in report.read_text(encoding="utf-8")


def test_training_loops_are_reported_with_their_loss_by_epoch(tmp_path: Path) -> None:
    book = reference("workbooks", "graddesc_without_macros.xlsx")
    report, folder = tmp_path / "run.html", tmp_path / "pictures"
    output = tmp_path / "out.xlsx"
    arguments = ["--sheet", "adam", "--epochs", "10", "-o", str(output), "--report", str(report), "--png", str(folder)]
    assert run(str(book), "-q", *arguments) == 0
    page = report.read_text(encoding="utf-8")
    assert "Training loop: Adam." in page
    assert "Loss by epoch" in page
    assert "<td>epochs</td><td>10</td>" in page
    assert repr(sheetml.open(output)["adam"]["C1"]) in page
    assert [path.name for path in folder.iterdir()] == ["1-adam-loss.png"]
