"""The page of a workbook in a browser: looked at, edited, by mouse and by keys alone."""

from __future__ import annotations

import pytest

import sheetml
from tests.serve.pages import COLLAB_FILTER, chromium, go, served, shows, type_in, until
from tests.workbooks import made


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found
        assert found.said == []


def test_an_edit_recalculates_what_depends_on_it_and_is_undone(browser):
    with served(COLLAB_FILTER) as server, browser.page(server) as page:
        shows(page, "2-8", "2")
        before = server.session.book["dotprod"]["V41"]
        type_in(page, "H2", "3.5")
        shows(page, "2-8", "3.5")
        here = sheetml.open(COLLAB_FILTER)
        here["dotprod"]["H2"] = 3.5
        here.calculate()
        assert server.session.book["dotprod"]["V41"] == here["dotprod"]["V41"] != before
        page.keyboard.press("Control+z")
        shows(page, "2-8", "2")
        assert server.session.book["dotprod"]["V41"] == before
        page.keyboard.press("Control+y")
        shows(page, "2-8", "3.5")


def test_two_pages_of_a_workbook_see_the_same_and_a_reload_loses_nothing(browser):
    book = made({"A1": 2.0, "B1": "=A1*10"})
    with served(book) as server, browser.page(server) as other:
        with browser.page(server) as one:
            type_in(one, "A1", "7")
            for page in (one, other):
                shows(page, "1-1", "7")
                shows(page, "1-2", "70")
        other.reload()
        other.wait_for_selector("body.ready")
        shows(other, "1-2", "70")


def test_formulas_typed_by_pointing_are_in_words_and_light_what_they_read(browser):
    with served(made({"A1": 2.0, "A2": 3.0})) as server, browser.page(server) as page:
        go(page, "B2")
        page.keyboard.type("=")
        page.keyboard.press("ArrowLeft")
        page.keyboard.type("*")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        shows(page, "2-2", "6")
        assert server.session.book["Sheet1"].formula("B2") == "A2*A1"
        page.keyboard.press("ArrowUp")
        until(page, "document.getElementById('words').textContent === 'A2 times A1'")
        assert page.locator(".light").count() == 2


def test_the_keyboard_alone_moves_selects_edits_and_clears(browser):
    with served(made({f"A{row}": float(row) for row in range(1, 200)})) as server, browser.page(server) as page:
        place = page.locator("#place")

        def pressed(*keys):
            for key in keys:
                page.keyboard.press(key)
            return place.input_value()

        assert pressed("ArrowDown", "ArrowRight") == "B2"
        assert pressed("Home") == "A2"
        page.keyboard.press("Control+ArrowDown")
        until(page, "document.getElementById('place').value === 'A199'")
        assert pressed("Control+Home") == "A1"
        assert pressed("Shift+ArrowDown", "Shift+ArrowDown", "Shift+ArrowRight") == "A1:B3"
        until(page, "document.getElementById('figures').textContent.startsWith('Sum 6')")
        first = int(pressed("Escape", "PageDown").removeprefix("A"))
        assert first > 10
        assert pressed("PageUp") == "A1"
        page.keyboard.type("5")
        assert pressed("Tab") == "B1"
        shows(page, "1-1", "5")
        pressed("ArrowLeft", "F2")
        page.wait_for_selector("textarea.editor:focus")
        page.keyboard.type("0")
        assert pressed("Escape") == "A1"
        shows(page, "1-1", "5")
        pressed("F2", "End")
        page.keyboard.type("1")
        assert pressed("Enter") == "A2"
        shows(page, "1-1", "51")
        pressed("ArrowUp", "Delete")
        shows(page, "1-1", "")
        assert server.session.book["Sheet1"]["A1"] is None


def test_a_texts_markup_is_shown_and_not_run(browser):
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    with (
        served(made({"A1": hostile, "A2": f'="{hostile}"&"!"'}, **{"<b>bold": {"A1": 1.0}})) as server,
        browser.page(server) as page,
    ):
        shows(page, "1-1", hostile)
        page.click("#tool-cell")
        go(page, "A2")
        until(page, "document.querySelector('.facts code')?.textContent.includes('onerror')")
        assert page.locator("#tabs button").nth(1).inner_text() == "<b>bold"
        assert page.locator(".grid img, .grid script, .panel img, .panel script, #tabs b").count() == 0


def test_what_cannot_be_typed_is_said_and_changes_nothing(browser):
    with served(made({"A1": 2.0, "B1:B2": "{=A1*{1;2}}"})) as server, browser.page(server) as page:
        type_in(page, "A1", "=SUM(1,")
        page.wait_for_selector(".toast.error")
        shows(page, "1-1", "2")
        go(page, "B2")
        page.keyboard.type("9")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('#toasts').textContent.includes('array formula')")
        shows(page, "2-2", "4")


def test_copied_formulas_move_along_when_they_are_pasted(browser):
    with served(made({"A1": 2.0, "A2": 3.0, "A3": 4.0, "B1": "=A1*$A$1"})) as server, browser.page(server) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        go(page, "B1")
        page.keyboard.press("Control+c")
        page.wait_for_selector(".light.copied")
        go(page, "B2:B3")
        page.keyboard.press("Control+v")
        shows(page, "3-2", "8")
        assert server.session.book["Sheet1"].formula("B3") == "A3*$A$1"
