"""What is watched on the page: the Solver, training loops, gradients; and what is downloaded after it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import openpyxl
import pytest

import sheetml
from tests.serve.pages import COLLAB_FILTER, GRADDESC, chromium, go, served, shows, type_in, until
from tests.workbooks import made

ADAM = "adam"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found
        assert found.said == []


def values(content: bytes | Path, sheet: str) -> dict[str, object]:
    """The values that a file stores on a sheet, by address, as another reader finds them."""
    book = openpyxl.load_workbook(io.BytesIO(content) if isinstance(content, bytes) else content, data_only=True)
    return {cell.coordinate: cell.value for row in book[sheet].iter_rows() for cell in row if cell.value is not None}


def downloaded(page) -> bytes:
    with page.expect_download() as waited:
        page.click("#download")
    return Path(waited.value.path()).read_bytes()


def test_the_solver_comes_to_what_run_gives_to_the_last_digit_and_restore_takes_it_back(browser, tmp_path):
    with served(COLLAB_FILTER) as server, browser.page(server) as page:
        before = server.session.book["dotprod"]["V41"]
        page.click("#tool-solve")
        assert page.input_value("#solve-objective") == "V41"
        assert page.input_value("#solve-by") == "H19:V23, B25:F39"
        page.uncheck("#solve-watch")
        page.click("#solve-start")
        page.wait_for_selector(".outcome .done")
        here = sheetml.open(COLLAB_FILTER)
        (model,) = [model for model in here.solver_models if model.sheet == "dotprod"]
        model.solve()
        here.calculate()
        here.save(tmp_path / "run.xlsx")
        assert values(downloaded(page), "dotprod") == values(tmp_path / "run.xlsx", "dotprod")
        page.click("#solve-restore")
        until(page, "document.getElementById('undo').title.includes('restoring')")
        assert server.session.book["dotprod"]["V41"] == before


def test_stop_keeps_the_best_so_far_and_the_run_can_be_replayed(browser):
    with served(COLLAB_FILTER) as server, browser.page(server) as page, browser.page(server) as other:
        before = server.session.book["dotprod"]["V41"]
        page.click("#tool-solve")
        page.click("#solve-start")
        until(other, "sheetml.state.job?.running && sheetml.state.job.iterations > 3")
        page.click("#solve-stop")
        page.wait_for_selector(".outcome .stopped")
        after = server.session.book["dotprod"]["V41"]
        assert after < before
        page.locator("#solve-frame").fill("0")
        until(page, "document.querySelector('.replay .dim').textContent.startsWith('iteration 1:')")
        assert after < server.session.book["dotprod"]["V41"]
        page.keyboard.press("End")
        until(page, "!document.querySelector('.replay .dim').textContent.startsWith('iteration 1:')")
        page.locator("#grid").focus()
        page.keyboard.press("Control+z")
        until(page, "document.getElementById('undo').disabled")
        assert server.session.book["dotprod"]["V41"] == before


def test_a_model_is_stated_in_the_dialog_solved_and_kept_in_the_file(browser):
    book = made({"A1": 1.0, "A2": 1.0, "B1": "=(A1-3)^2+(A2-A1)^2"})
    with served(book) as server, browser.page(server) as page:
        page.click("#tool-solve")
        page.fill("#solve-objective", "B1")
        page.fill("#solve-by", "A1:A2")
        page.click("text=Add a constraint")
        page.fill("[aria-label='Constraint 1']", "A1 <= 2")
        page.click("#solve-keep")
        page.wait_for_selector(".toast")
        page.click("#solve-start")
        page.wait_for_selector(".outcome .done")
        assert np.allclose([book["Sheet1"]["A1"], book["Sheet1"]["A2"]], [2.0, 2.0], atol=1e-4)
        page.click("text=Answer report")
        page.wait_for_selector("dialog.report table")
        assert "$B$1" in page.inner_text("dialog.report")
        page.keyboard.press("Escape")
        content = downloaded(page)
    names = openpyxl.load_workbook(io.BytesIO(content))["Sheet1"].defined_names
    assert names["solver_lhs1"].value == "Sheet1!$A$1"
    assert names["solver_opt"].value == "Sheet1!$B$1"


def test_adam_is_reset_and_run_epoch_by_epoch_as_run_does(browser, tmp_path):
    with served(GRADDESC) as server, browser.page(server) as page:
        page.click(f"#tabs button:text-is('{ADAM}')")
        page.click("#tool-train")
        page.wait_for_selector("#train-run:visible")
        page.uncheck("#train-watch")
        page.click("#train-reset")
        until(page, "document.querySelector('.train .dim').textContent === 'Started over.'")
        page.select_option("#train-epochs", "20")
        page.click("#train-run")
        until(page, "document.querySelector('.train .dim').textContent === '20 epochs.'")
        here = sheetml.open(GRADDESC)
        (loop,) = [loop for loop in here.training_loops if loop.sheet == ADAM]
        loop.reset()
        loop.run(20)
        here.save(tmp_path / "run.xlsx")
        assert values(downloaded(page), ADAM) == values(tmp_path / "run.xlsx", ADAM)
        page.locator("#grid").focus()
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+z")
        until(page, "document.getElementById('undo').disabled")
        book = server.session.book
        assert book.sheet_names.index(ADAM) not in book.changes()


def test_a_button_whose_macro_the_file_has_lost_says_so(browser):
    with served(made({"A1": 1.0})) as server, browser.page(server) as page:
        error = page.evaluate("sheetml.ask('macro', { sheet: 0, name: 'Module1.go' }).catch((error) => error.message)")
        assert "has lost its macros" in error
        shows(page, "1-1", "1")


def test_the_gradient_view_colours_cells_by_how_much_they_move_the_chosen_one(browser):
    book = made({"A1": 2.0, "A2": 3.0, "A3": 5.0, "B1": "=A1*A2", "C1": "=B1^2-A1"})
    with served(book) as server, browser.page(server) as page:
        go(page, "C1")
        page.click("#tool-gradient")  # before the page has been told what the cell holds
        page.wait_for_selector(".colour-key:visible")
        found = page.evaluate("sheetml.panel.tools.gradient.found.cells.map((cell) => cell.slice(0, 3))")
        # by B1: 2 B1 = 12; by A1: 12 A2 - 1 = 35; by A2: 12 A1 = 24
        assert sorted(found) == [[1, 1, 35.0], [1, 2, 12.0], [2, 1, 24.0]]
        colours = page.evaluate(
            "['cell-1-1', 'cell-3-1'].map((id) => getComputedStyle(document.getElementById(id)).backgroundColor)"
        )
        assert colours[0] != colours[1] == "rgb(255, 255, 255)"
        type_in(page, "A2", "4")
        until(page, "sheetml.panel.tools.gradient.found.cells.some(([row, column, slope]) => slope === 63)")


def test_marks_say_what_excel_stored_otherwise_and_which_derivatives_are_wrong(browser, tmp_path):
    rows = range(2, 9)
    cells = {"A1": "x", "B1": "e", "C1": "de/dx", **{f"A{row}": float(row) for row in rows}}
    cells |= {f"B{row}": f"=A{row}^2" for row in rows} | {f"C{row}": f"=2*A{row}" for row in rows} | {"C5": "=3*A5"}
    with served(made(cells)) as server, browser.page(server) as page:
        page.click("#tool-marks")
        page.wait_for_selector(".found li")
        assert "C5" in page.inner_text(".marks")
        page.wait_for_selector(".cell.mark-error, .cell.mark-warning")
        page.click("#tool-gradient")
        for name, text in (("of", "B2"), ("wrt", "A2"), ("against", "C2")):
            page.fill(f"#check-{name}", text)
        page.click("#check-derivatives")
        page.wait_for_selector(".check .stopped")
        assert "wrong in 1 of 7 cells" in page.inner_text(".check")
        page.wait_for_selector("#cell-5-3.mark-error")
