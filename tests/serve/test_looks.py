"""How the page looks and reads: pictures for the documentation, accessibility, narrow screens, many rows."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest

from tests.browser import missing, picture
from tests.serve.pages import COLLAB_FILTER, GRADDESC, chromium, go, served, shows, until
from tests.workbooks import made

PHONE = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found
        assert found.said == []


def serious(page) -> list[str]:
    """What axe finds on a page that is serious or worse: rule, how often, an element."""
    if importlib.util.find_spec("axe_playwright_python") is None:
        missing("the package axe-playwright-python is absent: pip install sheetml[browser]")
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({len(each['nodes'])}): {each['nodes'][0]['html'][:200]} {each['nodes'][0]['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def overflows(page) -> list[str]:
    """The elements that reach beyond the window, outside of what scrolls by itself."""
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")]
          .filter((each) => !each.closest(".grid, .tabs, .toasts, .unseen") && each.getClientRects().length)
          .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
          .map((each) => each.outerHTML.slice(0, 120))"""
    )


@pytest.mark.parametrize("dark", [False, True])
def test_axe_has_nothing_serious_to_say_of_any_tool(browser, dark):
    with served(COLLAB_FILTER) as server, browser.page(server, dark=dark) as page:
        go(page, "V41")
        until(page, "document.getElementById('words').textContent !== ''")
        found = serious(page)
        for tool in ("cell", "solve", "gradient", "marks"):
            page.click(f"#tool-{tool}")
            until(page, "document.querySelector('.tool').textContent.length > 20")
            found += [f"{tool}: {each}" for each in serious(page)]
        assert found == []


def test_the_grid_solved_halfway_and_dark_as_the_documentation_shows_them(browser, tmp_path):
    with served(COLLAB_FILTER) as server:
        with browser.page(server) as page:
            shows(page, "2-8", "2")
            go(page, "K26")
            until(page, "document.querySelectorAll('.light').length >= 2")
            until(page, "sheetml.panel.tools.marks.known")
            page.evaluate("sheetml.grid.element.scrollTop = 330")
            picture(page, "serve-grid.png", tmp_path)
            page.click("#tool-solve")
            page.click("#solve-start")
            until(page, "sheetml.state.job?.running && sheetml.state.job.iterations >= 12")
            picture(page, "serve-solve.png", tmp_path)
            page.click("#solve-stop")
            page.wait_for_selector(".outcome .stopped, .outcome .done")
            page.click("#solve-restore")  # it may have come to the minimum meanwhile, where nothing moves the objective
            until(page, "sheetml.panel.tools.solve.restored")
        with browser.page(server, dark=True) as page:
            go(page, "V41")
            page.click("#tool-gradient")
            page.wait_for_selector(".colour-key:visible")
            page.evaluate("sheetml.grid.element.scrollTop = 330")
            page.wait_for_timeout(100)
            picture(page, "serve-dark.png", tmp_path)


def test_the_race_of_the_optimizers_as_the_documentation_shows_it(browser, tmp_path):
    epochs = "100" if os.environ.get("SHEETML_UPDATE_IMAGES") == "1" else "5"
    with served(GRADDESC) as server, browser.page(server, height=1060) as page:
        page.click("#tabs button:text-is('adam')")
        page.set_default_timeout(300_000)
        page.wait_for_selector("#tool-train:visible")
        page.click("#tool-train")
        page.wait_for_selector("#train-race:visible")
        page.uncheck("#train-watch")
        page.select_option("#train-epochs", epochs)
        page.click("#train-race")
        until(page, f"document.querySelector('.train .dim').textContent === '{epochs} epochs.'")
        until(page, "document.querySelectorAll('.path-box rect').length > 50")
        until(page, "document.querySelectorAll('.curve-box .curve').length === 15")
        assert serious(page) == []
        picture(page, "serve-race.png", tmp_path)


def test_a_phone_shows_everything_within_its_width(browser, tmp_path):
    with served(COLLAB_FILTER) as server, browser.page(server, **PHONE) as page:
        go(page, "H25")
        assert overflows(page) == []
        for tool in ("cell", "solve", "gradient", "marks"):
            page.click(f"#tool-{tool}")
            page.wait_for_selector(".panel:visible")
            assert overflows(page) == [], tool
        page.click("#tool-solve")
        page.uncheck("#solve-watch")
        page.click("#solve-start")
        page.wait_for_selector(".outcome .done")
        assert overflows(page) == []
        assert serious(page) == []
        picture(page, "serve-phone.png", tmp_path)


def test_nothing_moves_when_what_is_looked_up_arrives(browser):
    with served(COLLAB_FILTER) as server, browser.page(server) as page:
        page.evaluate(
            """() => {
              window.shift = 0;
              const add = (list) => { for (const each of list.getEntries()) window.shift += each.value; };
              new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
            }"""
        )
        go(page, "V41")
        until(page, "document.getElementById('words').textContent !== ''")
        until(page, "sheetml.panel.tools.marks.known")
        assert page.evaluate("window.shift") < 0.01


def test_a_hundred_thousand_rows_are_scrolled_through(browser):
    book = made({"A1": 1.0, "B1": "=A1"})
    slots = book.held_slots(book.areas("Sheet1!A1:A100000"))
    for slot, value in zip(slots.tolist(), np.arange(1.0, 100_001.0).tolist()):
        book.calculation.set(slot, value)
    with served(book) as server, browser.page(server) as page:
        shows(page, "5-1", "5")
        page.keyboard.press("Control+End")
        shows(page, "100000-1", "100000")
        page.evaluate("sheetml.grid.element.scrollTop = 1_000_000")
        until(page, "sheetml.grid.view.first === 50001")
        shows(page, "50010-1", "50010")
        assert page.evaluate("document.querySelectorAll('.cell').length") < 2000
