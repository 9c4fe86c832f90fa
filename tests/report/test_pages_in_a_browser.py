"""The reports in a real browser: clicks, keys, scrolling, colours, and pictures for the documentation."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sheetml
from sheetml.report import plots
from sheetml.report.compare import compare
from sheetml.report.compare.page import comparison_page
from tests.browser import opened, picture
from tests.reference import PROJECT, image_path
from tests.report.test_compare import HOSTILE, hostile_page
from tests.workbooks import made

ROWS = 3000
CELLS = "[...document.querySelectorAll('#grid1 .cell')]"


def long_page(tmp_path: Path) -> Path:
    """Two sheets of thousands of rows, the last but one of which differs, as do a title and a formula."""
    cells: dict[str, Any] = {"A1": HOSTILE, "B1": "=A2*2"}
    cells |= {f"A{row}": float(row) for row in range(2, ROWS)} | {f"Z{row}": f"text {row}" for row in range(2, ROWS)}
    before, after = made(cells), made(cells | {"B1": "=A2*3", f"A{ROWS - 2}": 1.0, "A7": 7.07})
    path = tmp_path / "long.html"
    path.write_text(comparison_page(compare(before, after), before, after), encoding="utf-8")
    return path


def test_thousands_of_rows_are_shown_a_screen_at_a_time_and_scroll_together(tmp_path: Path) -> None:
    with opened(long_page(tmp_path)) as page:
        assert page.locator("#grid0 .cell").count() < 1500
        page.locator("#grid0").evaluate("grid => { grid.scrollTop = 30000; grid.scrollLeft = 900; }")
        page.wait_for_function("document.getElementById('grid1').scrollTop === 30000")
        lefts = [page.locator(f"#grid{side}").evaluate("grid => grid.scrollLeft") for side in (0, 1)]
        assert lefts[0] == lefts[1] > 0
        page.wait_for_function(f"{CELLS}.some(c => c.textContent === 'text 1370')")
        assert page.locator("#grid0 .cell").count() < 1500


def test_a_click_and_the_keys_go_from_change_to_change(tmp_path: Path) -> None:
    with opened(long_page(tmp_path)) as page:
        assert "B1" in page.locator("#detail").inner_text()
        assert "=A2*3" in page.locator("#detail").inner_text()
        page.click("#next")
        assert "A7" in page.locator("#detail").inner_text()
        assert "+0.07 (1%)" in page.locator("#detail").inner_text()
        page.locator("#grid1").focus()
        page.keyboard.press("n")
        assert f"A{ROWS - 2}" in page.locator("#detail").inner_text()
        assert page.locator("#where").inner_text() == "change 3 of 3"
        assert page.locator("#grid0 .cell.selected").count() == 1
        page.keyboard.press("ArrowUp")
        assert f"A{ROWS - 3}" in page.locator("#detail").inner_text()
        page.keyboard.press("p")
        assert "A7" in page.locator("#detail").inner_text()


def test_a_cell_shows_its_formula_while_it_is_pointed_at(tmp_path: Path) -> None:
    with opened(long_page(tmp_path)) as page:
        page.locator("#grid0 .cell[data-row='0'][data-column='1']").hover()
        tip = page.locator("#tip")
        assert tip.is_visible()
        assert "before B1: 4\n=A2*2\nafter B1: 6\n=A2*3" in tip.inner_text()


def test_a_larger_change_is_coloured_more_strongly(tmp_path: Path) -> None:
    before, after = made({"A1": 1.0, "A2": 1.0, "A3": 1.0}), made({"A1": 1.001, "A2": 1.3, "A3": 0.7})
    path = tmp_path / "sizes.html"
    path.write_text(comparison_page(compare(before, after), before, after), encoding="utf-8")
    with opened(path) as page:
        colours = page.evaluate(f"{CELLS}.map(c => getComputedStyle(c).backgroundColor)")
    small, large, smaller = (colour[5:-1].split(", ") for colour in colours[:3])
    assert small[:3] == large[:3] != smaller[:3]
    assert float(small[3]) < float(large[3])


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(hostile_page(), encoding="utf-8")
    with opened(path) as page:
        assert page.locator("img").count() == 0
        assert page.locator("#grid0 .cell").first.inner_text() == HOSTILE
        page.locator("summary").click()
        for tab in range(page.locator("#tabs button").count()):
            page.locator("#tabs button").nth(tab).click()
        page.wait_for_timeout(100)


def test_the_tabs_can_be_reached_by_keys(tmp_path: Path) -> None:
    path = tmp_path / "tabs.html"
    before, after = made({"A1": 1}, other={"A1": 1}), made({"A1": 1}, other={"A1": 2})
    path.write_text(comparison_page(compare(before, after), before, after), encoding="utf-8")
    with opened(path) as page:
        selected = page.locator("#tabs button[aria-selected=true]")
        assert selected.inner_text().startswith("other")
        selected.focus()
        page.keyboard.press("ArrowLeft")
        assert selected.inner_text() == "Sheet1"
        assert page.locator("#where").inner_text() == "no changes on this sheet"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_solved_workbook_beside_itself_is_worth_a_picture(dark: bool, tmp_path: Path) -> None:
    from PIL import Image

    book = PROJECT / "workbooks" / "collab_filter.xlsx"
    before, after = sheetml.open(book), sheetml.open(book)
    for model in after.solver_models[:2]:
        model.solve(max_iterations=30)
    comparison = compare(before, after)
    image_path("compare-map.png", tmp_path).write_bytes(plots.png(plots.comparison_figure(comparison)))
    path = tmp_path / "solved.html"
    path.write_text(comparison_page(comparison, before, after), encoding="utf-8")
    with opened(path, dark=dark) as page:
        page.locator("#grid0").focus()
        page.keyboard.press("n")
        shot = picture(page, f"compare-{'dark' if dark else 'light'}.png", tmp_path)
    pixels = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
    assert pixels.shape[:2] == (860, 1400)
    assert (pixels.mean() < 90) == dark
    colourful = np.ptp(pixels, axis=2) > 60  # the cells that changed
    assert colourful.mean() > 0.02
